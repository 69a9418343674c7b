"""`judged import`: sends the labels of a file."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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
    "comment": ("COL", "the column with a comment on the label (default: comment)"),
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.csv|.jsonl", help="the labels, one per line; - is standard input")
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
        file = read_labels(options.file, columns, read_mapping(options.map))
    except FileError as error:
        raise CommandError(error.lines) from error
    if file.unused:
        print_note(f"columns that are not used: {', '.join(file.unused)}")
    if file.missing:
        print_note(f"rows without a score or a label, which are left out: {file.missing}")
    with Client.from_options(options) as client:
        sent = _send(client, file)
    if options.json:
        print_json(sent.counts())
    else:
        replaced = f" ({sent.replaced} replaced an earlier value)" if sent.replaced else ""
        print(f"{sent.count} labels: {sent.stored} stored{replaced}, {sent.count - sent.stored} unchanged")
        for line in sent.hints():
            print_note(line)
    return SUCCEEDED


class _Sent:
    """The progress of the file: how many labels were sent, and the answers added up."""

    def __init__(self) -> None:
        self.count = 0
        self.stored = 0
        self.replaced = 0
        self.unmatched = 0
        self.unknown_criteria: list[str] = []

    def add(self, count: int, answer: dict[str, Any]) -> None:
        self.count += count
        self.stored += answer["stored"]
        self.replaced += answer.get("replaced", 0)
        self.unmatched += answer.get("unmatched", 0)
        new = (name for name in answer.get("unknown_criteria", ()) if name not in self.unknown_criteria)
        self.unknown_criteria += new

    def counts(self) -> dict[str, Any]:
        return {
            "received": self.count,
            "stored": self.stored,
            "unchanged": self.count - self.stored,
            "replaced": self.replaced,
            "unmatched": self.unmatched,
            "unknown_criteria": self.unknown_criteria,
        }

    def hints(self) -> Iterator[str]:
        """Yields the labels that count nowhere yet, each with the usual reason."""
        if self.unmatched:
            yield (
                f"{self.unmatched} labels are of items that nobody has judged: they count once these are judged under "
                "the same item ids; if the ids are wrong, DELETE /v1/labels?matched=false removes such labels"
            )
        for name in self.unknown_criteria:
            yield f"no judge has the criterion {name!r}: GET /v1/criteria lists those that are known"


def _send(client: "Client", file: "LabelFile") -> _Sent:
    """Sends all labels in batches and returns the answers. Raises CommandError by the lines of the file."""
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
    return sent


def _sent_batches(client: "Client", file: "LabelFile", sent: _Sent) -> Iterator[int]:
    """Sends batch after batch; yields how many labels have been sent."""
    import msgspec

    while sent.count < len(file.labels):
        batch = file.labels[sent.count : sent.count + _BATCH_LABELS]
        sent.add(len(batch), client.store_labels(b"\n".join(map(msgspec.json.encode, batch))))
        yield sent.count


def _how_to_resume(file: "LabelFile", count: int) -> str:
    again = "import the file again: labels that are stored already are not counted twice"
    if not count:
        return f"none of the {len(file.labels)} labels is known to be stored; {again}"
    return f"{count} of {len(file.labels)} labels are stored, those before line {file.lines[count]}; {again}"


IMPORT = Command(
    "import", "store the labels of a file: CSV with a header, NDJSON or a JSON array", _add_arguments, _run
)
