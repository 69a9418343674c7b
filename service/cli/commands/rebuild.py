"""`judged rebuild`: recounts the counters of agreement from the labels and reports each that differs."""

import argparse
from typing import Any

from service.cli.arguments import add_client_options
from service.cli.command import SOME_FAILED, SUCCEEDED, Command
from service.cli.console import print_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="replace the counters that differ by the recount")
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    with Client.from_options(options) as client:
        found = client.rebuild(repair=options.repair)
    if options.json:
        print_json(found)
    else:
        _print_result(found)
    is_right = found["repaired"] or not found["differing"]
    return SUCCEEDED if is_right and not found["unreadable"] else SOME_FAILED


def _print_result(found: dict[str, Any]) -> None:
    counted = f"recounted {found['counters']} counters from {found['labels']} labels of {found['items']} items"
    differing = {0: "none differs", 1: "1 differs"}.get(found["differing"], f"{found['differing']} differ")
    print(f"{counted}: {differing}{', repaired' if found['repaired'] else ''}")
    for each in found["examples"]:
        field = " ".join(each["field"].split())
        print(f"  {each['hash']} {field}: {each['stored']}, recounted {each['recounted']}")
    if found["unreadable"]:
        print("left out, as this version can't read them:", *found["unreadable"], sep="\n  ")


REBUILD = Command(
    "rebuild",
    "recount the counters of agreement from the labels, and repair them with --repair",
    _add_arguments,
    _run,
    {
        SUCCEEDED: "the counters are right, or were repaired",
        SOME_FAILED: "some counters differ, or some labels can't be read",
    },
)
