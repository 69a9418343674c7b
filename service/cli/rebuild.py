"""`judged rebuild`: recounts the counters of agreement from the labels, and says whether they are the same."""

import argparse
import json
import os
import sys

from service.cli import REFUSED, add_client_options

SUMMARY = "recount the counters of agreement from the labels; say whether they differ, and mend them with --repair"

_DIFFERS = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="put right what differs")
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """0 where the counters are right, or are now; 1 where they are not; 2 where it was refused."""
    from service.cli.client import Client, ClientError

    try:
        with Client(os.environ, options.url, options.key) as client:
            found = client.rebuild(repair=options.repair)
    except ClientError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return REFUSED
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        counted = f"recounted {found['counters']} counters from {found['labels']} labels of {found['items']} items"
        said = {0: "none differs", 1: "1 differs"}.get(found["differing"], f"{found['differing']} differ")
        print(f"{counted}: {said}{', repaired' if found['repaired'] else ''}")
        for each in found["examples"]:
            field = " ".join(each["field"].split())
            print(f"  {each['hash']} {field}: {each['stored']}, recounted {each['recounted']}")
    return _DIFFERS if found["differing"] and not found["repaired"] else 0
