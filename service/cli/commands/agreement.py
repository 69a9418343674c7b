"""`judged agreement`: whether a judge can be trusted, and how far it agrees with people, or with another judge."""

import argparse
from typing import TYPE_CHECKING, Any

from service.cli.arguments import add_client_options, add_series_options
from service.cli.command import SUCCEEDED, Command, CommandError
from service.cli.console import print_json

if TYPE_CHECKING:
    from service.cli.client import Client

_QUERY = ("judge", "model", "served", "window", "selection", "other", "group")
_ESTIMATE_QUERY = ("judge", "model", "served", "window", "group")
_UNPROCESSABLE = 422  # labels that are not numbers have no mean


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "judge", metavar="JUDGE", help="name, name@3, or the digest of a judge that was sent with a job"
    )
    add_series_options(parser, window="7d")
    parser.add_argument(
        "--selection",
        choices=["random", "weighted", "targeted", "all"],
        help="count labels of items that were picked this way; weighted: random ones and those from the queue, each by "
        "its inclusion probability (default: random)",
    )
    parser.add_argument("--group", metavar="G", help="only the items of this group")
    parser.add_argument("--other", metavar="JUDGE:MODEL", help="compare with another judge instead of with people")
    parser.add_argument(
        "--calibration",
        action="store_true",
        help="show the value of people that each of the judge's values stands for, instead of the agreement",
    )
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    query = {name: value for name in _QUERY if (value := getattr(options, name)) is not None}
    if options.other and options.selection:
        raise CommandError(["--other compares with another judge, without labels: leave out --selection"])
    if options.calibration:
        return _show_calibration(options, query)
    with Client.from_options(options) as client:
        report = client.agreement(query)
        if options.json:
            print_json(report)
            return SUCCEEDED
        estimate = None if options.other else _estimate(client, query)
    from service.cli.tables.agreement_report import print_agreement

    print_agreement(report, estimate)
    return SUCCEEDED


def _show_calibration(options: argparse.Namespace, query: dict[str, str]) -> int:
    from service.cli.client import Client

    if options.other:
        raise CommandError(["--calibration is by people's labels: leave out --other"])
    if options.group is not None:
        raise CommandError(["--calibration is of the items of all groups together: leave out --group"])
    with Client.from_options(options) as client:
        shown = client.calibration(query)
    if options.json:
        print_json(shown)
        return SUCCEEDED
    from service.cli.tables.calibration_table import print_calibration

    print_calibration(shown)
    return SUCCEEDED


def _estimate(client: "Client", query: dict[str, str]) -> dict[str, Any] | None:
    from service.cli.client import ClientError

    try:
        return client.estimates({name: query[name] for name in _ESTIMATE_QUERY if name in query})
    except ClientError as error:
        if error.status == _UNPROCESSABLE:
            return None
        raise


AGREEMENT = Command(
    "agreement", "say whether a judge can be trusted: its agreement with people or another judge", _add_arguments, _run
)
