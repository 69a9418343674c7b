"""The findings of a judge's anchors, and the sentences that say them."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec

from service.contracts.labels import Window
from service.stats.anchors import ANCHOR_ALARM, LEAST_REPEATS, AnchorShift, AnchorVerdict
from service.stats.drift import ScoreShift, Share

_LEAST_LABELLED = 10  # anchors: a share of fewer says nothing


class ThenAndNow(msgspec.Struct, frozen=True, kw_only=True):
    """A share before and since the time that `AnchorFindings.since` names; `total` is the number of anchors."""

    before: Share
    now: Share


class ServedAnchors(msgspec.Struct, frozen=True, kw_only=True):
    """The judgments of anchors that one served model made, as the provider named it."""

    served_model: str
    judgments: int
    first_seen: datetime
    last_seen: datetime


class AnchorFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a judge's anchors: whether the judge changed, or the judged texts did.

    `because` says it in sentences. `judgments` counts the scored ones, and `repeats` those that are not the first of
    their anchor. `evidence` of a change of the judge is an alarm from 100 on, None with too few repeats. `shift` is the
    mean change of the anchors' scores `since` the likeliest start of a change if there is an alarm, else since the
    start of the window or, if that is later, since the present served model first answered. `moved` is the share of
    repeats that differ from the anchor's first judgment, and `labels` the share that agree with people's labels.
    `traffic` is the shift of the scores of all judged items in the window. `problem` says why no anchor can be judged
    at present.
    """

    items: int
    judgments: int
    repeats: int
    verdict: AnchorVerdict
    because: list[str]
    evidence: float | None
    since: datetime
    shift: AnchorShift
    moved: ThenAndNow
    labels: ThenAndNow
    traffic: ScoreShift
    served_models: list[ServedAnchors]
    last_judged_at: datetime | None
    problem: str | None


class Swap(NamedTuple):
    """The served model before and since the time that `since` names, empty if no vote names it."""

    before: str
    now: str

    @property
    def is_one(self) -> bool:
        """Whether another model answers now."""
        return bool(self.before and self.now) and self.before != self.now


def anchor_sentences(findings: AnchorFindings, window: Window, swap: Swap, *, has_drifted: bool) -> Iterator[str]:
    """Yields the reasons for the verdict, the main one first."""
    if findings.verdict is AnchorVerdict.JUDGE_CHANGED:
        yield _changed(findings)
        if swap.is_one:
            yield f"the provider answered as {swap.before!r} before and as {swap.now!r} since then"
        if has_drifted:
            yield f"{_traffic(findings, window)}, which the judge's own change may explain"
    else:
        if findings.verdict is AnchorVerdict.TOO_FEW:
            yield _too_few(findings, window, has_drifted=has_drifted)
        else:
            is_steady = findings.verdict is AnchorVerdict.STEADY
            yield _steady(findings, window) if is_steady else f"{_traffic(findings, window)}, but {_own(findings)}"
        if swap.is_one:
            yield _swapped(findings, swap)
    yield from _people(findings)
    if findings.problem is not None:
        yield f"no anchor can be judged at present: {findings.problem}"


def _changed(findings: AnchorFindings) -> str:
    told = f"evidence {findings.evidence:.0f}, {ANCHOR_ALARM:.0f} is an alarm"
    since = f"{findings.since:%Y-%m-%d %H:%M} UTC"
    shift = findings.shift
    if shift.value is None:
        moved = findings.moved.now
        return f"the judge changed: since {since} it answers {moved.value or 0:.0%} of its anchors differently ({told})"
    which = "higher" if shift.value > 0 else "lower"
    return (
        f"the judge changed: since {since} its scores of the same {_items(shift.anchors)} are "
        f"{abs(shift.value):.2f} points {which} on average ({_interval(shift)}; {told}); {_differing(findings.moved)}"
    )


def _differing(moved: ThenAndNow) -> str:
    """Says how many scores moved: up and down together, they may leave the mean as it was."""
    before = "" if moved.before.value is None else f", {moved.before.value:.0%} before"
    return f"{moved.now.value or 0:.0%} of them differ from the first ones{before}"


def _swapped(findings: AnchorFindings, swap: Swap) -> str:
    since = f"{findings.since:%Y-%m-%d %H:%M} UTC"
    told = f"since {since} the provider answers as {swap.now!r} instead of {swap.before!r}"
    if findings.evidence is None and findings.shift.anchors:
        return f"{told}; since then {_own(findings)}"
    return f"{told}: the shift is that since then"


def _steady(findings: AnchorFindings, window: Window) -> str:
    return f"no change of the judge is found in the {_named(window)}: {_own(findings)}"


def _own(findings: AnchorFindings) -> str:
    """Says that the anchors are steady."""
    shift = findings.shift
    if shift.value is None:
        moved = findings.moved.now.value or 0
        return f"the judge answers its {_items(shift.anchors)} as before ({moved:.0%} of the answers differ)"
    return f"its scores of the same {_items(shift.anchors)} shifted by {shift.value:+.2f} points ({_interval(shift)})"


def _traffic(findings: AnchorFindings, window: Window) -> str:
    points = findings.traffic.points
    if points is None:
        return f"the answers for all judged items are distributed differently in the {_named(window)}"
    return f"the scores of all judged items shifted by {points:+.2f} points in the {_named(window)}"


def _too_few(findings: AnchorFindings, window: Window, *, has_drifted: bool) -> str:
    if findings.evidence is None:
        return (
            f"the anchors were judged again {_times(findings.repeats)}; from {LEAST_REPEATS + 1} times on a change of "
            "the judge can be told"
        )
    if not findings.shift.anchors:
        return f"no anchor was judged again in the {_named(window)}"
    if not has_drifted:
        return (
            f"{_own(findings)}: the judge may have changed, and too few repeats show it to be sure (evidence "
            f"{findings.evidence:.2g}, {ANCHOR_ALARM:.0f} is an alarm)"
        )
    return (
        f"{_traffic(findings, window)}, and {_own(findings)}: too few to tell whether the judge or the judged texts "
        "changed; mark more anchors"
    )


def _people(findings: AnchorFindings) -> Iterator[str]:
    """Says how well the judge agrees with people on the labelled anchors."""
    before, now = findings.labels.before, findings.labels.now
    if before.value is not None and now.value is not None and now.total >= _LEAST_LABELLED:
        yield (
            f"on {_items(now.total)} with labels it agrees with people in {now.value:.0%} of its judgments, and in "
            f"{before.value:.0%} before"
        )


def _interval(shift: AnchorShift) -> str:
    return f"95% interval {shift.lower:+.2f} to {shift.upper:+.2f}"


def _items(count: int) -> str:
    return f"{count} anchor" if count == 1 else f"{count} anchors"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _named(window: Window) -> str:
    return "time since the first judgments" if window == "all" else f"last {window}"
