"""Filters of the templates: figures, times, addresses and enumerations in words."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from service.agreement.trust import number_text
from service.pages import markdown
from service.rendering.amounts import brief_seconds, dollars
from service.rendering.ranking_words import ranking_words
from service.rendering.trust_words import (
    FLAG_WORDS,
    NO_VERDICT,
    NO_VERDICT_MEANING,
    SELECTION_WORDS,
    STATISTIC_MEANINGS,
    VERDICT_MEANINGS,
    VERDICT_WORDS,
    undefined_words,
)

UNKNOWN = "–"
_LEAST_OF_FIVE_DIGITS = 9999.5
OUTCOME_WORDS = {
    "scored": "a score on the scale",
    "unscored": "an answer without a valid score",
    "failed": "no answer",
    "cancelled": "not asked",
    "pending": "waiting or under way",
}
REASON_WORDS = {
    "no_score": "the answer names no score",
    "conflict": "the answer names two different scores",
    "out_of_range": "the score is beyond the scale",
    "off_grid": "the score is between the scale's steps",
    "wrong_denominator": "the score is of another scale",
    "not_a_number": "the score is not a number",
    "truncated": "the answer was cut off",
    "refused": "the model declined to judge",
    "empty": "the answer is empty",
    "tie": "equally many votes for several answers",
    "context_cut": "the provider cut the prompt",
    "provider_error": "the provider failed",
    "timeout": "the provider did not answer in time",
    "rate_limited": "the provider limits calls",
    "auth": "the provider refuses the key",
    "budget": "the budget is spent",
}
STATUS_WORDS = {
    "queued": "waiting to begin",
    "running": "running",
    "completed": "done",
    "completed_with_errors": "done, with failures",
    "cancelled": "cancelled",
}
BATTLE_WORDS = {
    "queued": "two models are judging",
    "open": "open for votes",
    "voted": "voted on",
    "failed": "failed",
}
WINNER_WORDS = {"A": "for A", "B": "for B", "tie": "for a tie", "both_bad": "that both are bad"}
CHOICE_WORDS = {"A": "A is better", "B": "B is better", "tie": "Tie", "both_bad": "Both are bad"}
WINDOW_WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "all": "all time"}


def figure_text(measure: Any, digits: int = 2) -> str:
    """Returns a value with its interval, `0.81 (0.77 to 0.85)`, or a dash with the reason why there is none."""
    if measure is None:
        return UNKNOWN
    if measure.value is None:
        reason = getattr(measure, "reason", None)
        return UNKNOWN if reason is None else f"{UNKNOWN} ({undefined_words(str(reason))})"
    value = _rounded(measure.value, digits)
    if measure.lower is None or measure.upper is None:
        return value
    return f"{value} ({_rounded(measure.lower, digits)} to {_rounded(measure.upper, digits)})"


def decimals(value: float) -> str:
    """Returns a figure with two decimals."""
    return _rounded(value, 2)


def signed(value: float) -> str:
    """Returns a difference with its sign and two decimals, or three where only these tell it from 0."""
    text = number_text(value)
    return text if text.startswith("-") else f"+{text}"


def share(part: float, whole: float) -> str:
    """Returns a share in per cent, rounded down if it is not all."""
    if not whole:
        return UNKNOWN
    return f"{int(1000 * part / whole) / 10:g}%"


def percent(value: float | None) -> str:
    """Returns a share of 1 in per cent."""
    return UNKNOWN if value is None else f"{value:.0%}"


def count(number: float | None) -> str:
    """Returns a number with thousands set apart."""
    return UNKNOWN if number is None else f"{number:,}"


def number(value: Any) -> str:
    """Returns a number in four digits, or its whole part if that has more, and any other value as it is."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < _LEAST_OF_FIVE_DIGITS else f"{value:.0f}"
    return UNKNOWN if value is None else str(value)


def duration(value: float) -> str:
    """Returns a duration in seconds in two or three digits."""
    return f"{brief_seconds(value)} s"


def moment(at: datetime | None) -> str:
    """Returns a time as `2026-11-30 14:05 UTC`."""
    return UNKNOWN if at is None else at.strftime("%Y-%m-%d %H:%M UTC")


def machine_time(at: datetime) -> str:
    """Returns a time for the attribute `datetime`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def segment(text: Any) -> str:
    """Returns a text as one part of a path, percent-encoded with `/`."""
    return quote(str(text), safe="")


def query(values: dict[str, Any]) -> str:
    """Returns the query string of these parameters, without those that are None."""
    given = {name: value for name, value in values.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def verdict(code: str | None) -> str:
    """Returns a verdict of trust in words."""
    return VERDICT_WORDS[code] if code is not None else NO_VERDICT


def verdict_meaning(code: str | None) -> str:
    """Returns what a verdict of trust means for whoever uses the scores, in a sentence."""
    return VERDICT_MEANINGS[code] if code is not None else NO_VERDICT_MEANING


def verdict_style(code: str | None) -> str:
    """Returns the class of a verdict: good, fair, poor or open."""
    styles = {
        "as_good_as_people": "good",
        "better_than_baselines": "good",
        "not_better_than_baselines": "poor",
        "not_better_than_chance": "poor",
    }
    return styles.get(code or "", "open")


def _in_words(known: dict[str, str]) -> Callable[[Any], str]:
    def in_words(code: Any) -> str:
        return known.get(str(code), str(code).replace("_", " "))

    return in_words


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


FILTERS: dict[str, Callable[..., Any]] = {
    "figure": figure_text,
    "decimals": decimals,
    "signed": signed,
    "share": share,
    "percent": percent,
    "count": count,
    "number": number,
    "money": dollars,
    "ranking": ranking_words,
    "seconds": duration,
    "moment": moment,
    "machine_time": machine_time,
    "segment": segment,
    "query": query,
    "verdict": verdict,
    "verdict_meaning": verdict_meaning,
    "verdict_style": verdict_style,
    "capital": _sentence,
    "outcome_words": _in_words(OUTCOME_WORDS),
    "reason_words": _in_words(REASON_WORDS),
    "status_words": _in_words(STATUS_WORDS),
    "battle_words": _in_words(BATTLE_WORDS),
    "winner_words": _in_words(WINNER_WORDS),
    "choice_words": _in_words(CHOICE_WORDS),
    "flag_words": _in_words(FLAG_WORDS),
    "window_words": _in_words(WINDOW_WORDS),
    "selection_words": _in_words(SELECTION_WORDS),
    "in_line": markdown.in_line,
    "in_paragraphs": markdown.in_paragraphs,
    "undefined_words": undefined_words,
    "meaning": _in_words(STATISTIC_MEANINGS),
}
