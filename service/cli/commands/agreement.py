"""`judged agreement`: how far a judge agrees with people, or with another judge."""

import argparse
from typing import TYPE_CHECKING, Any

from service.cli.arguments import add_client_options
from service.cli.command import SUCCEEDED, Command
from service.cli.console import print_json

if TYPE_CHECKING:
    from service.cli.client import Client

_QUERY = ("judge", "model", "window", "selection", "other")
_ESTIMATE_QUERY = ("judge", "model", "window")
_UNPROCESSABLE = 422  # labels that are not numbers have no mean


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "judge", metavar="JUDGE", help="name, name@3, or the digest of a judge that was sent with a job"
    )
    parser.add_argument("--model", help="a model, or `panel` (default: the judge's only model)")
    parser.add_argument(
        "--window", choices=["24h", "7d", "30d", "all"], help="count judgments made within this time (default: 7d)"
    )
    parser.add_argument(
        "--selection",
        choices=["random", "targeted", "all"],
        help="count labels of items that were picked this way (default: random)",
    )
    parser.add_argument("--other", metavar="JUDGE:MODEL", help="compare with another judge instead of with people")
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    query = {name: value for name in _QUERY if (value := getattr(options, name)) is not None}
    with Client.from_options(options) as client:
        report = client.agreement(query)
        if options.json:
            print_json(report)
            return SUCCEEDED
        estimate = None if options.other else _estimate(client, query)
    from service.cli.tables.agreement_report import print_agreement

    print_agreement(report, estimate)
    return SUCCEEDED


def _estimate(client: "Client", query: dict[str, str]) -> dict[str, Any] | None:
    from service.cli.client import ClientError

    try:
        return client.estimates({name: query[name] for name in _ESTIMATE_QUERY if name in query})
    except ClientError as error:
        if error.status == _UNPROCESSABLE:
            return None
        raise


AGREEMENT = Command("agreement", "show how far a judge agrees with people or with another judge", _add_arguments, _run)
