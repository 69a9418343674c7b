"""`judged import`: sends the labels of a file."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.arguments import add_client_options, add_map_option, read_mapping
from service.cli.command import SUCCEEDED, Command, CommandError
from service.cli.console import print_json, print_note, show_progress

if TYPE_CHECKING:
    from service.cli.client import Client
    from service.files.labels import LabelFile

_BATCH_LABELS = 1000  # per request, which is stored whole or not at all
_FIELDS = {
    "item_id": ("COL", "the column with the item's id (default: item_id)"),
    "criterion": ("COL_OR_VALUE", "the column with the criterion, or the criterion of all lines (default: criterion)"),
    "annotator": ("COL_OR_VALUE", "the column with the annotator, or the annotator of all lines (default: annotator)"),
    "score": ("COL", "the column with the score, for scales (default: score)"),
    "label": ("COL", "the column with the label, for pass or fail, categories and pairs (default: label)"),
    "selection": ("COL_OR_VALUE", "how the items were picked: random or targeted (default: random)"),
    "probability": ("COL_OR_VALUE", "the probability with which an item was picked"),
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.csv|.jsonl", help="the labels, one per line")
    for field, (metavar, description) in _FIELDS.items():
        parser.add_argument(f"--{field.replace('_', '-')}", metavar=metavar, help=description)
    add_map_option(parser, "stars=score, as does --score stars")
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    """Sends the file. It can be run again: a label that is stored already is not counted twice."""
    from service.cli.client import Client
    from service.files.labels import read_labels
    from service.files.records import FileError

    columns = {field: value for field in _FIELDS if (value := getattr(options, field)) is not None}
    try:
        file = read_labels(Path(options.file), columns, read_mapping(options.map))
    except FileError as error:
        raise CommandError(error.lines) from error
    if file.unused:
        print_note(f"columns that are not used: {', '.join(file.unused)}")
    if file.missing:
        print_note(f"rows without a score or a label, which are left out: {file.missing}")
    with Client.from_options(options) as client:
        stored = _send(client, file)
    total = len(file.labels)
    if options.json:
        print_json({"received": total, "stored": stored, "unchanged": total - stored})
    else:
        print(f"{total} labels: {stored} stored, {total - stored} unchanged")
    return SUCCEEDED


class _Sent:
    """The progress of the file: how many labels were sent, and how many of them were new."""

    def __init__(self) -> None:
        self.count = 0
        self.stored = 0


def _send(client: "Client", file: "LabelFile") -> int:
    """Sends all labels in batches and returns how many were new. Raises CommandError by the lines of the file."""
    from service.cli.client import ClientError

    sent = _Sent()
    try:
        show_progress(_sent_batches(client, file, sent), "labels", len(file.labels), lambda count: int(count))
    except ClientError as error:
        lines = error.lines_in_file(file.lines[sent.count :])
        raise CommandError([_how_to_resume(file, sent.count), *lines]) from error
    except KeyboardInterrupt:
        print_note(f"interrupted: {_how_to_resume(file, sent.count)}")
        raise
    return sent.stored


def _sent_batches(client: "Client", file: "LabelFile", sent: _Sent) -> Iterator[int]:
    """Sends batch after batch; yields how many labels have been sent."""
    import msgspec

    while sent.count < len(file.labels):
        batch = file.labels[sent.count : sent.count + _BATCH_LABELS]
        sent.stored += client.store_labels(b"\n".join(map(msgspec.json.encode, batch)))["stored"]
        sent.count += len(batch)
        yield sent.count


def _how_to_resume(file: "LabelFile", count: int) -> str:
    again = "import the file again: labels that are stored already are not counted twice"
    return f"{count} of {len(file.labels)} labels are stored, those before line {file.lines[count]}; {again}"


IMPORT = Command("import", "store the labels of a file: CSV with a header, or NDJSON", _add_arguments, _run)
