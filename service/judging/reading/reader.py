"""The reader: families of notations tried in order, and one decision on what the first that answers found.

The first family with a hit decides. Nothing falls through after a bad one: a reading is right or there is none.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from service.contracts.judges import Choice, Scale
from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.judging.reading import families, lines
from service.judging.reading.explaining import rest_of
from service.judging.reading.labels import expected_label
from service.judging.reading.preparing import Answer, answer_in, without_thoughts
from service.judging.reading.rankings import expected_ranking
from service.judging.reading.refusing import finish_reason_of
from service.judging.reading.scores import expected_score
from service.judging.reading.verdicts import Expected, Hit, Reading, unscored

Source = Literal["schema", "tool", "text"]
Family = tuple[ParsedFrom | None, Callable[[Answer, Expected], list[Hit]]]

_MARKED: tuple[Family, ...] = (
    (ParsedFrom.JSON, families.in_objects),
    (ParsedFrom.TAG, families.in_tags),
    (ParsedFrom.RESULT, families.after_result),
    (ParsedFrom.BRACKETS, families.in_brackets),
    (ParsedFrom.LINE, lines.on_lines),
    (None, families.refusing),
)
_SCORE_FAMILIES = (
    *_MARKED,
    (ParsedFrom.FRACTION, families.as_fractions),
    (ParsedFrom.BARE, lines.as_bare_lines),
)
_LABEL_FAMILIES = (
    *_MARKED,
    (ParsedFrom.BARE, lines.as_last_line),
    (ParsedFrom.PROSE, families.in_prose),
)
_RANKING_FAMILIES = (*_MARKED, (ParsedFrom.BARE, lines.as_last_line))
# Verdicts that have a place in the text: what an earlier family found may be a quotation without marks, where a
# later place holds another verdict.
_PLACED = (ParsedFrom.TAG, ParsedFrom.RESULT, ParsedFrom.BRACKETS, ParsedFrom.LINE, ParsedFrom.BARE)
_STRUCTURED = {"schema": ParsedFrom.SCHEMA, "tool": ParsedFrom.TOOL, "text": ParsedFrom.JSON}


def read_score(
    text: str,
    scale: Scale,
    *,
    criterion: str | None = None,
    finish_reason: str | None = None,
    source: Source = "text",
) -> Reading:
    """The number on `scale` that a judge's reply gives, or why it gives none.

    `criterion` may stand where the word score does; `finish_reason` is the provider's word, in any case;
    `source` is where the provider put the text. Of a long reply only the last 32,768 characters are read.
    """
    return _read(text, expected_score(scale, criterion), _SCORE_FAMILIES, finish_reason, source)


def read_label(
    text: str,
    choices: Sequence[Choice],
    *,
    criterion: str | None = None,
    finish_reason: str | None = None,
    source: Source = "text",
    pairwise: bool = False,
) -> Reading:
    """The label among `choices` that a judge's reply gives, with the choice's score if it has one.

    `pairwise` adds the default A, B and tie where `choices` lack them, and the tags in use for pairs.
    """
    expected = expected_label(choices, criterion, pairwise)
    return _read(text, expected, _LABEL_FAMILIES, finish_reason, source)


def read_ranking(
    text: str,
    count: int,
    *,
    criterion: str | None = None,
    finish_reason: str | None = None,
    source: Source = "text",
) -> Reading:
    """The order in which a judge's reply puts `count` outputs, 2 to 20, that it knows by the letters A, B, C...

    Every output must be named once; numbers name none.
    """
    return _read(text, expected_ranking(count, criterion), _RANKING_FAMILIES, finish_reason, source)


def _read(
    text: str, expected: Expected, table: tuple[Family, ...], finish_reason: str | None, source: Source
) -> Reading:
    ended = finish_reason_of(finish_reason)
    if ended is not None:
        return unscored(ended)
    spoken = without_thoughts(text)
    if spoken is None:
        return unscored(Reason.TRUNCATED)
    if not spoken:
        return unscored(Reason.EMPTY)
    answer = answer_in(spoken)
    for family, find in table:
        if hits := find(answer, expected):
            notation = _STRUCTURED[source] if family is ParsedFrom.JSON else family
            reading = _decided(answer, hits, expected, notation)
            overruled = family in _PLACED and reading.reason is None and _is_overruled(answer, hits, expected, table)
            return unscored(Reason.CONFLICT) if overruled else reading
    return unscored(Reason.NO_SCORE)


def _decided(answer: Answer, hits: list[Hit], expected: Expected, notation: ParsedFrom | None) -> Reading:
    """One reading of one family's hits: a bad one refuses, two different conflict, equal ones are fine."""
    explanation = next((hit.explanation for hit in reversed(hits) if hit.explanation), None)
    reason = _against(hits, expected)
    if reason is not None:
        return unscored(reason, explanation)
    verdict = hits[-1].verdict
    if notation not in (ParsedFrom.SCHEMA, ParsedFrom.TOOL, ParsedFrom.JSON):
        explanation = rest_of(answer.text, hits)
    return Reading(
        outcome=Outcome.SCORED,
        score=_as_written(expected.score_of(verdict)),
        label=verdict.label,
        ranking=verdict.ranking,
        parsed_from=notation,
        explanation=explanation,
    )


def _against(hits: list[Hit], expected: Expected) -> Reason | None:
    bad = next((hit.verdict.reason for hit in hits if hit.verdict.reason), None)
    if bad is not None:
        return bad
    if len({hit.verdict for hit in hits}) > 1:
        return Reason.CONFLICT
    return expected.misplaced(hits[0].verdict)


def _is_overruled(answer: Answer, hits: list[Hit], expected: Expected, table: tuple[Family, ...]) -> bool:
    """Whether another verdict follows those found, in whatever notation."""
    verdict, end = hits[-1].verdict, max(hit.end for hit in hits)
    return any(
        hit.start >= end and hit.verdict != verdict and not hit.verdict.reason and not expected.misplaced(hit.verdict)
        for family, find in table
        if family in _PLACED
        for hit in find(answer, expected)
    )


def _as_written(score: float | None) -> float | int | None:
    return int(score) if score is not None and float(score).is_integer() else score
