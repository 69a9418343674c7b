"""The keys by which a person labels: one for each value of a criterion's labels, the same on pages and in terminals."""

from collections.abc import Sequence

import msgspec

from service.contracts.judges import Choice, Scale
from service.judging.scales import as_written, level_count, levels

_MOST_BUTTONS = 11  # a scale from 0 to 10
_DIGITS = "123456789"


class LabelKey(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a label can have: a score or a label, with its text, its meaning, and the key that gives it.

    `key` is None for the tenth label and those after it, and for 10 on a scale from 0.
    """

    key: str | None
    score: float | int | None = None
    label: str | None = None
    meaning: str | None = None

    @property
    def text(self) -> str:
        """The value in words."""
        return self.label if self.label is not None else f"{self.score:g}"


def label_keys(scale: Scale | None, choices: Sequence[Choice]) -> list[LabelKey]:
    """Returns the values of a criterion's labels in order; none if a number has to be typed.

    That is so for scales without steps or with more than eleven levels. The keys are the scores themselves if these are
    whole numbers up to 10 (0 is the key of 10 if no level is 0), else 1 to 9 in order.
    """
    if choices:
        keys = [*_DIGITS, *[None] * len(choices)]
        return [
            LabelKey(key=key, label=each.label, meaning=each.description)
            for key, each in zip(keys, choices, strict=False)
        ]
    if scale is None or (level_count(scale) or _MOST_BUTTONS + 1) > _MOST_BUTTONS:
        return []
    values = levels(scale)
    meanings = {float(level): text for level, text in scale.descriptors.items()}
    return [
        LabelKey(key=key, score=value, meaning=meanings.get(float(value)))
        for key, value in zip(_keys_of(values), values, strict=True)
    ]


def range_of(scale: Scale) -> str:
    """Returns the values of a scale in words, such as `0 to 100 in steps of 5`."""
    steps = "" if scale.step is None else f" in steps of {as_written(scale.step):g}"
    return f"{as_written(scale.min):g} to {as_written(scale.max):g}{steps}"


def _keys_of(values: Sequence[float | int]) -> list[str | None]:
    if all(isinstance(value, int) and 0 <= value <= len(_DIGITS) + 1 for value in values):
        ten = None if 0 in values else "0"
        return [ten if value == len(_DIGITS) + 1 else str(value) for value in values]
    return [_DIGITS[place] if place < len(_DIGITS) else None for place in range(len(values))]
