"""`judged import`: sends the labels of a file."""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli import REFUSED, add_client_options, progress_bar

if TYPE_CHECKING:
    from service.cli.client import Client, ClientError
    from service.files.labels import LabelFile

SUMMARY = "store the labels of a file: CSV with a header, or NDJSON, one label a line"

_BATCH = 1000  # labels a request: each is stored whole or not at all
_MOST_SAID = 20  # lines about what is wrong: enough to see what is
_COLUMNS = {
    "item_id": ("COL", "the column with the item's id"),
    "criterion": ("COL_OR_VALUE", "the column with the criterion, or the criterion of all lines"),
    "annotator": ("COL_OR_VALUE", "the column with the annotator, or the annotator of all lines"),
    "score": ("COL", "the column with the score, on scales"),
    "label": ("COL", "the column with the label, for pass/fail, categories and pairs"),
    "selection": ("COL_OR_VALUE", "how items were picked: random or targeted; random unless given"),
    "probability": ("COL_OR_VALUE", "the probability with which an item was drawn"),
}
_POINTER = re.compile(r"/labels/(\d+)(?:/(.*))?")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.csv|.jsonl", help="the labels, one a line")
    for field, (metavar, told) in _COLUMNS.items():
        own = f"; {field} unless given" if metavar == "COL" or field in ("criterion", "annotator") else ""
        parser.add_argument(f"--{field.replace('_', '-')}", metavar=metavar, help=told + own)
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """0 where all labels are stored, 2 where some were refused. It can be run again: nothing is counted twice."""
    from service.cli.client import Client, ClientError
    from service.files.labels import LabelFileError, read_labels

    try:
        file = read_labels(Path(options.file), {name: getattr(options, name) for name in _given(options)})
    except LabelFileError as error:
        _say(error.lines)
        return REFUSED
    except OSError as error:
        print(error, file=sys.stderr)
        return REFUSED
    if file.unused:
        print(f"columns that are not used: {', '.join(file.unused)}", file=sys.stderr)
    try:
        with Client(os.environ, options.url, options.key) as client:
            stored = _send(client, file)
    except ClientError as error:
        _say(error.lines)
        return REFUSED
    if options.json:
        print(json.dumps({"received": len(file.labels), "stored": stored, "unchanged": len(file.labels) - stored}))
    else:
        print(f"{len(file.labels)} labels: {stored} stored, {len(file.labels) - stored} unchanged")
    return 0


def _given(options: argparse.Namespace) -> Iterator[str]:
    return (name for name in _COLUMNS if getattr(options, name) is not None)


def _send(client: "Client", file: "LabelFile") -> int:
    """Sends all labels, batch by batch; how many of them said anything new."""
    import msgspec

    from service.cli.client import ClientError

    stored = start = 0
    try:
        with progress_bar() as bar:
            task = bar.add_task("labels", total=len(file.labels))
            for start in range(0, len(file.labels), _BATCH):
                batch = file.labels[start : start + _BATCH]
                answer = client.store_labels(b"\n".join(map(msgspec.json.encode, batch)))
                stored += answer["stored"]
                bar.update(task, completed=start + len(batch))
    except ClientError as error:
        raise ClientError([_left_off(file, start), *_by_line(error, file.lines[start:])]) from error
    except KeyboardInterrupt:
        print(f"interrupted: {_left_off(file, start)}", file=sys.stderr)
        raise
    return stored


def _by_line(error: "ClientError", lines: list[int]) -> Iterator[str]:
    """What the service says of labels by their place in a batch, by their line in the file."""
    if not error.places:
        yield from error.lines
    for pointer, said in error.places:
        found = _POINTER.fullmatch(pointer)
        place = f"line {lines[int(found[1])]}" if found else pointer
        yield f"{place}: {found[2]}: {said}" if found and found[2] else f"{place}: {said}"


def _left_off(file: "LabelFile", start: int) -> str:
    """What can be done about it."""
    again = "import the file again: what is stored already is not counted twice"
    return f"{start} of {len(file.labels)} labels are stored, those before line {file.lines[start]}; {again}"


def _say(lines: Sequence[str]) -> None:
    print(*lines[:_MOST_SAID], sep="\n", file=sys.stderr)
    if len(lines) > _MOST_SAID:
        print(f"and {len(lines) - _MOST_SAID} more", file=sys.stderr)
