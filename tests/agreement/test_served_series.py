"""The choice among the served models of a judge and model, and whether another one answered in a window."""

import pytest

from service.agreement.served_series import ServedSeries, chosen_served, has_changed
from service.contracts.refusals import Fault, Refused
from service.store import clock

DAY_MS = 86_400_000


def known(*served: str, days_ago: float = 0) -> list[ServedSeries]:
    """The first answered last, each a day after the next."""
    now_ms = clock.now_ms()
    times = [now_ms - int((days_ago + place) * DAY_MS) for place in range(len(served))]
    return [ServedSeries(name, at_ms if name else None, at_ms) for name, at_ms in zip(served, times, strict=True)]


def test_the_one_that_answered_last_is_chosen_unless_another_is_named() -> None:
    assert chosen_served(known("m-2", "m-1"), None) == "m-2"
    assert chosen_served(known("m-2", "m-1"), "m-1") == "m-1"
    assert chosen_served(known("", "m-1"), None) == ""
    assert chosen_served([], None) == ""


def test_unknown_stands_for_answers_without_a_name_unless_a_model_has_this_name() -> None:
    assert chosen_served(known("m-1", ""), "unknown") == ""
    for names in (("m-1", "", "unknown"), ("m-1", "unknown", "")):
        assert chosen_served(known(*names), "unknown") == "unknown"


@pytest.mark.parametrize(
    ("names", "shown"), [((), "none has answered yet"), (("b", "a"), "known: a, b"), (("a",), "known: a")]
)
def test_a_served_model_without_answers_is_refused(names: tuple[str, ...], shown: str) -> None:
    with pytest.raises(Refused) as refused:
        chosen_served(known(*names), "unknown")
    detail = f"there is no answer of the served model 'unknown' ({shown})"
    assert refused.value.faults == [Fault("/served", detail)]


def test_a_change_is_told_in_the_windows_in_which_another_one_answered() -> None:
    found = known("m-2", "m-1", days_ago=9)  # m-1 answered last ten days ago
    assert [has_changed(found, "m-2", window) for window in ("24h", "7d", "30d", "all")] == [False, False, True, True]
    assert has_changed(known("m-2", "m-1"), "m-1", "24h")
    assert not has_changed(known("m-2"), "m-2", "all")
