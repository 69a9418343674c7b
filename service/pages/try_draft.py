"""What the page that tries judges reads from its form, and what it says about a measured draft."""

from collections.abc import Mapping, Sequence
from typing import Any

import minijinja
import msgspec

from service.contracts.decoding import decode
from service.contracts.items import TEXT_FIELDS, Item
from service.contracts.jobs import JobOrder, JobRequest
from service.contracts.judges import BASELINE_TITLES, MOST_OUTPUTS, Judge, Method
from service.contracts.refusals import Fault, Refused, invalid
from service.judging.questions import letter
from service.pages.benchmark import CriterionBoard
from service.pages.definitions import DEFINITION_PLACES, definition_in
from service.pages.forms import PageForm, dollars_in
from service.pages.item import metadata_text
from service.pages.texts import ShownText, TextBudget
from service.pages.words import figure_text
from service.rendering.drawing import IntervalRow, long_forest_plot
from service.rendering.judge_names import judge_name
from service.rendering.plot_axes import nice_steps

ITEM_AT = "/items/0"
TRY_PLACES = (
    *DEFINITION_PLACES,
    *(f"{ITEM_AT}/{name}" for name in (*TEXT_FIELDS, "outputs", "metadata")),
    *("/budget_usd", "/name"),
)

_ITEM_BYTES = 1_000_000  # of an item's texts in the form, escaped
_LETTERS = tuple(letter(index) for index in range(MOST_OUTPUTS))
_OUTPUTS = tuple(f"output_{each.lower()}" for each in _LETTERS)
_FEWEST_OUTPUTS, _FEWEST_TO_RANK = 2, 4  # fields of a form


def order_in(form: PageForm) -> tuple[JobOrder, Judge]:
    """Returns the order of a form without its item, and the definition in it. Raises Refused with each fault."""
    sent, faults = _order_sent(form)
    order = _decoded(sent, JobOrder, faults)
    assert isinstance(order.judge, Judge), "a form has one definition"
    return order, order.judge


def request_in(form: PageForm) -> tuple[JobRequest, Judge]:
    """Returns the order of a form with its item, and the definition in it. Raises Refused with each fault."""
    sent, faults = _order_sent(form)
    item, wrong = _item_sent(form)
    request = _decoded({**sent, "items": [item]}, JobRequest, [*faults, *wrong])
    assert isinstance(request.judge, Judge), "a form has one definition"
    return request, request.judge


def item_fields(item: Item) -> tuple[dict[str, str], int]:
    """Returns the fields of the form of an item by name, and the number of characters for which it has no room."""
    budget = TextBudget(_ITEM_BYTES, _ITEM_BYTES)
    texts = {name: getattr(item, name) or "" for name in TEXT_FIELDS}
    texts |= zip(_OUTPUTS, item.outputs or (), strict=False)
    shown = {name: budget.shown(text) for name, text in texts.items()}
    if item.metadata:
        metadata = budget.shown(metadata_text(item))
        shown["metadata"] = ShownText("", len(metadata.text) + metadata.left_out) if metadata.left_out else metadata
    return {name: each.text for name, each in shown.items()}, sum(each.left_out for each in shown.values())


def output_fields(form: PageForm) -> list[tuple[str, str]]:
    """Returns the fields of outputs to compare and their titles: for rankings, there is always room for another one."""
    given = _outputs_given(form)
    many = max(given + 1, _FEWEST_TO_RANK) if form.text("method") == Method.RANKING else max(given, _FEWEST_OUTPUTS)
    return [(name, f"output {each}") for name, each in zip(_OUTPUTS[:many], _LETTERS, strict=False)]


def of_draft(refused: Refused) -> list[Fault]:
    """Returns the faults of a benchmark of a draft, which is its first judge, by the fields of the form."""
    return [
        Fault(fault.pointer.replace("/judges/0", "/judge", 1) if _is_of_draft(fault) else "", fault.detail)
        for fault in refused.faults
    ]


def _is_of_draft(fault: Fault) -> bool:
    return f"{fault.pointer}/".startswith("/judges/0/")


def figures_drawing(board: CriterionBoard, draft: str, people: Mapping[str, Any] | None) -> str | None:
    """Returns the draft's agreement beside the version before, the baselines and people; None without a figure."""
    rows = [_interval(label, row, style) for label, row, style in _compared(board, draft)]
    if people is not None and people["value"] is not None:
        rows.append(IntervalRow("people among themselves", people["value"], people["lower"], people["upper"], "people"))
    known = [row for row in rows if row.value is not None]
    if not known:
        return None
    ends = [end for row in known for end in (row.value, row.lower, row.upper) if end is not None]
    told = "; ".join(f"{row.label} {figure_text(row, 3)}" for row in rows)
    drawing = long_forest_plot(
        rows, f"Agreement with people: {told}", ticks=nice_steps(min(0.0, *ends), max(1.0, *ends)), reference=0
    )
    return minijinja.safe(drawing)


def comparison_words(board: CriterionBoard, draft: str) -> str | None:
    """Says whether the draft or the version before agrees better with people; None if only one was measured."""
    rows = [row for _, row in board.rows if not row["control"]]
    own = min((row["rank"] for row in rows if row["judge"]["digest"] == draft), default=None)
    others = [row for row in rows if row["judge"]["digest"] != draft]
    if own is None or not others:
        return None
    before = min(row["rank"] for row in others)
    name = judge_name(others[0]["judge"])
    if own == before:
        return f"On these items, this draft and {name} can't be told apart."
    better, worse = ("This draft", name) if own < before else (name, "this draft")
    return f"{better} agrees with people better than {worse}, at 95%."


def _order_sent(form: PageForm) -> tuple[dict[str, Any], list[Fault]]:
    definition, faults = definition_in(form)
    sent: dict[str, Any] = {"judge": definition}
    try:
        sent["budget_usd"] = dollars_in(form, "budget_usd")
    except Refused as refused:
        faults += refused.faults
    return sent, faults


def _outputs_given(form: PageForm) -> int:
    """The number of outputs up to the last one that is not blank."""
    return max((place for place, name in enumerate(_OUTPUTS, 1) if form.given(name)), default=0)


def _item_sent(form: PageForm) -> tuple[dict[str, Any], list[Fault]]:
    item: dict[str, Any] = {name: form.text(name) for name in TEXT_FIELDS if form.given(name)}
    if given := _outputs_given(form):
        item["outputs"] = [form.text(name) for name in _OUTPUTS[: max(given, _FEWEST_OUTPUTS)]]
    if metadata := form.given("metadata"):
        try:
            item["metadata"] = msgspec.json.decode(metadata)
        except (msgspec.DecodeError, RecursionError) as error:
            return item, [Fault(f"{ITEM_AT}/metadata", f"not JSON: {error}")]
    return item, []


def _decoded(sent: dict[str, Any], type_: Any, faults: Sequence[Fault]) -> Any:
    try:
        found = decode(msgspec.json.encode(sent), type_)
    except Refused as refused:
        raise invalid([*faults, *refused.faults]) from refused
    if faults:
        raise invalid(faults)
    return found


def _compared(board: CriterionBoard, draft: str) -> list[tuple[str, Mapping[str, Any], str]]:
    """The rows of the draft, of the version before, and of the baselines once, with their labels and styles."""
    found: list[tuple[str, Mapping[str, Any], str]] = []
    for _, row in board.rows:
        is_draft = row["judge"]["digest"] == draft
        if row["control"]:
            if row["model"] not in {each["model"] for _, each, style in found if style == "plain"}:
                found.append((BASELINE_TITLES[row["model"]], row, "plain"))
        else:
            found.append((f"{'this draft' if is_draft else judge_name(row['judge'])}, {row['model']}", row, "accent"))
    return found


def _interval(label: str, row: Mapping[str, Any], style: str) -> IntervalRow:
    measure = row["statistics"].get(row["sort"]) or {"value": None, "lower": None, "upper": None}
    return IntervalRow(label, measure["value"], measure["lower"], measure["upper"], style)
