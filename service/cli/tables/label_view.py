"""The label queue in a terminal: an item, the question, the judges' answers, and the progress."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.cli.console import add_row, open_console, open_table, print_lines, print_table
from service.cli.tables.judgment_table import verdict_text
from service.rendering.cut_texts import printable
from service.rendering.judge_names import judge_name
from service.rendering.label_keys import LabelKey

if TYPE_CHECKING:
    from rich.console import Console

SKIP, UNDO, COMMENT, QUIT = "s", "u", "c", "q"

_TEXTS = {"input": "Input", "context": "Context", "reference": "Reference", "output": "Output"}
_COMMANDS = "s skip, u undo, c comment, q quit"


def print_criteria(criteria: Iterable[Mapping[str, Any]]) -> None:
    """Prints a row for each criterion whose items wait or that has labels."""
    console, table = open_console(), open_table("criterion", "waiting", "labels", "judges", wraps=("judges",))
    shown = [each for each in criteria if each["waiting"] or each["labels"]]
    for each in shown:
        add_row(table, [each["name"], str(each["waiting"]), str(each["labels"]), ", ".join(each["judges"])])
    if shown:
        print_table(console, table)
        print_lines(console, ["\nName one: judged label CRITERION"])
    else:
        print_lines(console, ["No item waits for a label: judge some first (judged score)."])


def print_item(console: "Console", item_id: str, item: Mapping[str, Any]) -> None:
    """Prints the texts of an item. Control characters in them are replaced."""
    from rich.rule import Rule
    from rich.text import Text

    console.print(Rule(Text(printable(item_id).replace("\n", " "))))
    print_texts(console, item)


def print_texts(console: "Console", item: Mapping[str, Any]) -> None:
    """Prints each text of an item under its title."""
    texts = [(title, item[name]) for name, title in _TEXTS.items() if item.get(name) is not None]
    texts += [(f"Output {chr(ord('A') + place)}", text) for place, text in enumerate(item.get("outputs") or ())]
    for title, text in texts:
        print_titled(console, title, text)


def print_titled(console: "Console", title: str, text: str) -> None:
    """Prints a text below its title."""
    print_lines(console, [title], style="bold")
    print_lines(console, [f"{text}\n"])


def print_values(console: "Console", keys: Sequence[LabelKey]) -> None:
    """Prints what each value means, if that is known."""
    print_lines(console, [f"{each.text}: {each.meaning}" for each in keys if each.meaning], style="dim")


def question(keys: Sequence[LabelKey], values: str) -> str:
    """Returns the line that says which answers there are."""
    named = [each.text if each.key in (None, each.text) else f"{each.key} {each.text}" for each in keys]
    return f"{', '.join(named) or values} ({_COMMANDS}): "


def print_answers(console: "Console", given: str, judgments: Iterable[Mapping[str, Any]]) -> None:
    """Prints the label and what the judges say."""
    print_lines(console, [f"You gave {given}."], style="bold")
    is_any = False
    for each in judgments:
        is_any = True
        said = verdict_text(dict(each)) or f"no score ({each['reason'] or each['outcome']})"
        print_lines(console, [f"The judge {judge_name(each['judge'])} gave {said}."], style="bold")
        if each["explanation"]:
            print_lines(console, [each["explanation"]])
    if not is_any:
        print_lines(console, ["Your key may see no judgment of it."])


def progress_text(progress: Mapping[str, Any], labelled: int) -> str:
    """Returns how far it is to the wished interval, in a sentence."""
    parts = [f"{labelled} labelled in this sitting"]
    if progress["present"] is not None:
        mean, items = progress["mean"]["value"], progress["labelled"]
        parts.append(f"mean {mean:.2f} ± {progress['present']:.2f} by {items} item{'' if items == 1 else 's'}")
    if progress["more"]:
        parts.append(f"about {progress['more']} more for ± {progress['half_width']:.2f}")
    elif progress["more"] == 0 and progress["present"] > progress["half_width"]:
        parts.append(f"every item that the judge scored has a label (± {progress['half_width']:.2f} takes more items)")
    elif progress["more"] == 0:
        parts.append(f"as narrow as wished (± {progress['half_width']:.2f})")
    parts.append(f"{progress['waiting']} without a label")
    return "; ".join(parts)
