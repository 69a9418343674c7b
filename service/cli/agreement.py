"""`judged agreement`: how far a judge agrees with people, or with another judge."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from service.cli import REFUSED, add_client_options

if TYPE_CHECKING:
    from service.cli.client import Client

SUMMARY = "show how far a judge agrees with people, and whether it can be trusted at all"

_QUERY = ("judge", "model", "window", "selection", "other")
_OF_ESTIMATES = ("judge", "model", "window")
_IMPOSSIBLE = 422  # labels that are no numbers have no mean


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("judge", metavar="JUDGE", help="name, name@3, or the digest of a judge that a job had inline")
    parser.add_argument("--model", help="a model, or `panel`; the judge's only one unless given")
    parser.add_argument("--window", choices=["24h", "7d", "30d", "all"], help="judgments of what time; 7d unless given")
    parser.add_argument(
        "--selection", choices=["random", "targeted", "all"], help="labels of which items; random unless given"
    )
    parser.add_argument("--other", metavar="JUDGE:MODEL", help="compare with another judge instead of with people")
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    from service.cli.client import Client, ClientError

    query = {name: value for name in _QUERY if (value := getattr(options, name)) is not None}
    try:
        with Client(os.environ, options.url, options.key) as client:
            report = client.agreement(query)
            if options.json:
                print(json.dumps(report, ensure_ascii=False))
                return 0
            estimate = None if options.other else _estimate(client, query)
    except ClientError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return REFUSED
    from service.cli.tables import show_agreement

    show_agreement(report, estimate)
    return 0


def _estimate(client: "Client", query: dict[str, str]) -> dict[str, Any] | None:
    from service.cli.client import ClientError

    try:
        return client.estimates({name: query[name] for name in _OF_ESTIMATES if name in query})
    except ClientError as error:
        if error.status == _IMPOSSIBLE:
            return None
        raise
