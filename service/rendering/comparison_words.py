"""A comparison of two groups in sentences, the same in a terminal and on a page."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.rendering.amounts import counted
from service.rendering.cut_texts import printable

ComparisonJson = Mapping[str, Any]  # an answer of GET /v1/compare, or a part of it

LEAST_LABELLED = 20  # of each group, for labels to decide

_SERVED_MODEL_CHANGED = "served_model_changed"


def design_text(found: ComparisonJson) -> str:
    """Returns which cases are compared."""
    a, b = found["a"], found["b"]
    if found["design"] == "paired":
        left_out = [f"{side['unpaired_cases']} of {_name(side)} alone" for side in (a, b) if side["unpaired_cases"]]
        return f"{counted(found['cases'], 'case')} that both have" + (
            f"; left out: {', '.join(left_out)}" if left_out else ""
        )
    ours, theirs = (counted(side["unpaired_cases"], "case") for side in (a, b))
    return f"no case is shared: {ours} of {_name(a)} and {theirs} of {_name(b)} are compared as two samples"


def served_text(found: ComparisonJson) -> str | None:
    """Returns a warning if the provider ran another model under the same name, None if not."""
    if _SERVED_MODEL_CHANGED not in found["flags"]:
        return None
    model = found["served_model"] or "a model that is not named"
    return f"another model answered under this name too; only the answers of {model} are compared"


def outcomes_text(found: ComparisonJson) -> str | None:
    """Returns the wins, losses and ties of b, None if no case is paired."""
    if found["wins"] is None:
        return None
    wins = counted(found["wins"], "case")
    return f"{_name(found['b'])} wins {wins}, loses {found['losses']}, ties {found['ties']}, by the judge"


def decision(found: ComparisonJson) -> str:
    """Returns the decision in words."""
    a, b = _name(found["a"]), _name(found["b"])
    if found["decided"] is None:
        return f"it can't be told whether {b} is better than {a}: the interval contains 0"
    better, worse = (b, a) if found["decided"] == "b" else (a, b)
    source = "by the labels" if found["decided_by"] == "labels" else "by the judge alone"
    return f"{better} is better than {worse}, {source}"


def next_steps(found: ComparisonJson) -> Iterator[str]:
    """Yields the labels that would decide, or that would make a judge's decision one of people."""
    a, b = _name(found["a"]), _name(found["b"])
    needed = found["labels_needed"]
    if found["decided"] is not None:
        if found["decided_by"] == "judge":
            least = LEAST_LABELLED
            yield f"its bias may differ from {a} to {b}: label {least} random items of each, and the labels decide"
    elif needed is None:
        short = [_name(side) for side in (found["a"], found["b"]) if side["labelled"] < LEAST_LABELLED]
        if short:
            yield f"label at least {LEAST_LABELLED} random items of {' and '.join(short)}"
    elif needed["labels"] is None:
        yield "labels alone would not decide, if the difference is as it seems: more cases are needed"
    else:
        yield (
            f"about {needed['labels']} more labels, half of them in each group, would decide with a probability of "
            f"{needed['power']:.0%}, if the difference is as it seems"
        )


def _name(side: ComparisonJson) -> str:
    """Returns a group's name without characters that would turn the rest of its sentence around."""
    return printable(side["group"])
