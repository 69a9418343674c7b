"""`judged compare`: whether one group of items is better than another."""

import argparse

from service.cli.arguments import add_client_options, add_series_options
from service.cli.command import SUCCEEDED, Command
from service.cli.console import print_json

_QUERY = ("judge", "model", "served", "a", "b", "window")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="the group to compare with")
    parser.add_argument("b", metavar="B", help="the group that may be better")
    parser.add_argument("--judge", required=True, metavar="NAME", help="name, name@3, or the digest of a judge")
    add_series_options(parser, window="all")
    add_anytime_option(parser)
    add_client_options(parser)


def add_anytime_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--anytime`."""
    parser.add_argument(
        "--anytime", action="store_true", help="wider intervals, which may be looked at as often as you like"
    )


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    query = {name: value for name in _QUERY if (value := getattr(options, name)) is not None}
    if options.anytime:
        query["anytime"] = "true"
    with Client.from_options(options) as client:
        found = client.compare(query)
    if options.json:
        print_json(found)
        return SUCCEEDED
    from service.cli.tables.comparison_view import print_comparison

    print_comparison(found)
    return SUCCEEDED


COMPARE = Command("compare", "compare two groups of items, case by case", _add_arguments, _run)
