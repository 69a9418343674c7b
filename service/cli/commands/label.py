"""`judged label`: the label queue in a terminal, one key a score."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from service.cli.arguments import add_client_options, whole_number
from service.cli.command import SUCCEEDED, Command, CommandError
from service.cli.console import open_console, print_json, print_lines
from service.rendering.cut_texts import printable

if TYPE_CHECKING:
    from rich.console import Console

    from service.cli.client import Client
    from service.rendering.label_keys import LabelKey

_CHANGED = 409
_Item = dict[str, Any]  # of the label queue


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("criterion", metavar="CRITERION", nargs="?", help="left out: list criteria and what waits")
    parser.add_argument("--annotator", metavar="NAME", help="your name (default: that of your login)")
    parser.add_argument(
        "--per-item",
        type=whole_number(1),
        metavar="N",
        default=10,
        help="leave out items that N people have labelled (default: 10)",
    )
    parser.add_argument(
        "--half-width", metavar="W", help="the wished half-width of the mean's interval (default: a 20th of the scale)"
    )
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client
    from service.cli.tables.label_view import print_criteria

    with Client.from_options(options) as client:
        if options.criterion is not None:
            _Sitting(client, options).label_all()
        elif options.json:
            for each in client.criteria():
                print_json(each)
        else:
            print_criteria(client.criteria())
    return SUCCEEDED


class _Sitting:
    """One annotator at the queue of one criterion. With `--json`, people read standard error."""

    def __init__(self, client: "Client", options: argparse.Namespace) -> None:
        from service.cli import keyboard

        self._client = client
        self._options = options
        self._console: Console = open_console(stderr=options.json)
        self._annotator: str = options.annotator or _login_name()
        self._known = client.criterion(options.criterion)
        self._keys, self._range = _keys_and_range(self._known)
        self._has_keys = keyboard.has_keys() and bool(self._keys) and all(each.key for each in self._keys)
        self._cursor: str | None = None
        self._is_end = False
        self._labelled: list[_Item] = []  # of this sitting, the last one at the end
        self._before: list[_Item] = []  # that undo has brought back, and come before the queue

    def label_all(self) -> None:
        """Shows item after item until none is left or the annotator quits."""
        from service.cli.tables import label_view

        print_lines(self._console, [f"Labelling {self._known['name']} as {self._annotator}."])
        if self._known["description"]:
            print_lines(self._console, [self._known["description"]])
        label_view.print_values(self._console, self._keys)
        while (item := self._next()) is not None:
            print_lines(self._console, [label_view.progress_text(self._progress(), len(self._labelled))], style="dim")
            label_view.print_item(self._console, item["item_id"], item["item"])
            if not self._is_done_with(item):
                return
        print_lines(self._console, ["No item is left to label."])

    def _next(self) -> _Item | None:
        """Returns the next item whose texts are stored."""
        if self._before:
            return self._before.pop()
        while not self._is_end:
            page = self._client.label_queue(
                {
                    **{"criterion": self._known["name"], "annotator": self._annotator, "include": "item", "limit": "1"},
                    "per_item": str(self._options.per_item),
                    **({} if self._cursor is None else {"cursor": self._cursor}),
                }
            )
            self._cursor, self._is_end = page["next_cursor"], page["next_cursor"] is None
            for item in page["items"]:
                if item["item"] is not None:
                    return dict(item)
        return None

    def _progress(self) -> dict[str, Any]:
        query = {"criterion": self._known["name"]}
        if self._options.half_width is not None:
            query["half_width"] = self._options.half_width
        return self._client.label_progress(query)

    def _is_done_with(self, item: _Item) -> bool:
        """Asks until the item is labelled, skipped or put back; returns False if the annotator quits."""
        from service.cli.tables import label_view

        comment: str | None = None
        while True:
            answer = self._ask()
            command = label_view.QUIT if answer is None else answer.partition(" ")[0].lower()
            if command == label_view.QUIT:
                return False
            if command == label_view.SKIP:
                return True
            if command == label_view.UNDO:
                if self._undo(item):
                    return True
            elif command == label_view.COMMENT:
                comment = self._comment(answer or "")
            elif (value := self._value(answer or "")) is None:
                print_lines(self._console, [f"{answer!r} is none of the answers."] if command else [])
            else:
                self._label(item, value, comment)
                return True

    def _ask(self) -> str | None:
        """Returns a key, or a line where there are none; None at the end of the input."""
        from service.cli import keyboard
        from service.cli.tables.label_view import question

        self._console.print(printable(question(self._keys, self._range)), end="", markup=False)
        answer = keyboard.read_key() if self._has_keys else keyboard.read_line()
        answer = None if answer is None else answer.strip()
        print_lines(self._console, [answer or "" if self._has_keys else ""])
        return answer

    def _comment(self, answer: str) -> str | None:
        """Returns the comment in the line itself, or the next line."""
        from service.cli import keyboard

        text = answer.partition(" ")[2].strip()
        if not text:
            self._console.print("Comment: ", end="", markup=False)
            text = keyboard.read_line() or ""
        return text or None

    def _value(self, answer: str) -> dict[str, Any] | None:
        """Returns the `score` or the `label` of an answer, None if it is none."""
        chosen = next((each for each in self._keys if answer in (each.key, each.text)), None)
        if chosen is not None:
            return {"label": chosen.label} if chosen.label is not None else {"score": chosen.score}
        if self._keys:
            return None
        try:
            score = float(answer.replace(",", "."))
        except ValueError:
            return None
        return {"score": score} if math.isfinite(score) else None

    def _label(self, item: _Item, value: dict[str, Any], comment: str | None) -> None:
        """Stores a label and shows the judges' answers. If the item has other texts by now, it says so."""
        from service.cli.client import ClientError
        from service.cli.tables.label_view import print_answers

        drawn = {name: item[name] for name in ("item_id", "selection", "probability", "content")}
        label = {**drawn, "criterion": self._known["name"], "annotator": self._annotator, **value, "comment": comment}
        try:
            self._client.store_label(label)
        except ClientError as error:
            if error.status != _CHANGED and not self._is_refused_value(error):
                raise
            print_lines(self._console, error.lines)
            return
        self._labelled.append(item)
        if self._options.json:
            print_json({name: field for name, field in label.items() if field is not None})
        given = value.get("label") or f"{value['score']:g}"
        print_answers(self._console, given, self._judgments(item["item_id"]))

    def _is_refused_value(self, error: Any) -> bool:
        """Whether a typed number is not on the scale."""
        return not self._keys and any(place.pointer.endswith("/score") for place in error.places)

    def _judgments(self, item_id: str) -> list[dict[str, Any]]:
        """Returns the newest judgment of each judge of the criterion that the key may see."""
        newest: dict[str, dict[str, Any]] = {}
        for each in self._client.item(item_id)["judgments"]:
            if each["criterion"] == self._known["name"]:
                newest[each["judge"]["name"] or each["judge"]["digest"]] = each
        return list(newest.values())

    def _undo(self, item: _Item) -> bool:
        """Takes the last label back, to show its item again and then this one; False if there is none."""
        if not self._labelled:
            print_lines(self._console, ["There is no label of this sitting to take back."])
            return False
        last = self._labelled.pop()
        self._client.delete_label(last["item_id"], self._known["name"], self._annotator)
        if self._options.json:
            print_json({"item_id": last["item_id"], "criterion": self._known["name"], "removed": True})
        print_lines(self._console, [f"The label of {last['item_id']} is taken back."])
        self._before += [item, last]
        return True


def _keys_and_range(known: dict[str, Any]) -> "tuple[list[LabelKey], str]":
    """Returns the keys of a criterion's values, and the range of a scale in words.

    Raises CommandError if nobody has set the criterion's values.
    """
    import msgspec

    from service.contracts.judges import Choice, Scale
    from service.rendering.label_keys import label_keys, range_of

    scale = msgspec.convert(known["scale"], Scale | None)
    choices = msgspec.convert(known["choices"], list[Choice])
    if scale is None and not choices:
        raise CommandError([f"the criterion {known['name']} has no scale yet: PUT /v1/criteria sets one"])
    return label_keys(scale, choices), "" if scale is None else range_of(scale)


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        raise CommandError(["your login has no name: give one with --annotator"]) from error


LABEL = Command("label", "label items in the terminal, one key a score", _add_arguments, _run)
