"""Names of series in the counters: `<judge> <model>`, and as a third word the served model if the votes name one.

The judge is `name@version`, or the digest of an inline judge. The model is `provider/name`, `panel` for the combined
verdict of several models, or `~name` for a baseline. The served model is percent-encoded; several of them, in the order
of their names, are joined by ` + ` before that. None of the words has a space, a tab or a bar.
The counters `panel` of a judge have the same names without the model. Counters of a group of items have the name of
their series, a tab, and the percent-encoded group.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from service.contracts.judges import JudgeRef
from service.contracts.names import quoted, unquoted

PANEL = "panel"
INLINE = "sha256:"  # at the start of an inline judge's token
_BASELINE = "~"
_TOGETHER = " + "
_MOST_OF_A_SERVED_MODEL = 200  # characters


class SeriesWords(NamedTuple):
    """The words of a series' name; `served` is not quoted, and empty if no vote names the served model."""

    token: str
    model: str
    served: str

    @property
    def name(self) -> str:
        """The name of the series in the counters."""
        return series_name(*self)


def token_of(ref: JudgeRef) -> str:
    """Returns a judge's name in counters: `name@version`, or the digest of an inline judge."""
    return ref.digest if ref.name is None else f"{ref.name}@{ref.version}"


def series_name(token: str, model: str, served: str = "") -> str:
    """Returns a series' name in counters; `served` is not quoted, and empty if no vote names the served model."""
    return f"{token} {model} {quoted(served)}" if served else f"{token} {model}"


def panel_series(token: str, served: str) -> str:
    """Returns the name under which a judge's models are counted with each other."""
    return f"{token} {quoted(served)}" if served else token


@lru_cache(maxsize=8192)
def split_series(name: str) -> SeriesWords:
    """Returns the words of a series' name; of the counters of a group, those of its series."""
    token, model, *served = split_group(name)[0].split(" ")
    return SeriesWords(token, model, unquoted(served[0]) if served else "")


def served_together(served: Iterable[str | None]) -> str:
    """Returns one name for the served models of several votes; empty if none of them names its model."""
    return _together(tuple(served))


@lru_cache(maxsize=1024)
def _together(served: tuple[str | None, ...]) -> str:
    return _TOGETHER.join(sorted({each[:_MOST_OF_A_SERVED_MODEL] for each in served if each}))


def served_apart(served: str) -> list[str]:
    """Returns the served models that `served_together` joined."""
    return served.split(_TOGETHER) if served else []


def baseline_model(name: str) -> str:
    """Returns the model of a baseline's series, such as `~length`."""
    return f"{_BASELINE}{name}"


def is_baseline(model: str) -> bool:
    """Whether the model of a series is a baseline's."""
    return model.startswith(_BASELINE)


def group_series(series: str, group: str) -> str:
    """Returns the name under which a group's part of a series is counted."""
    return f"{series}\t{quoted(group)}"


def split_group(name: str) -> tuple[str, str]:
    """Returns the series and the group of a name of counters; the group is empty if the name has none."""
    series, _, group = name.partition("\t")
    return series, unquoted(group)
