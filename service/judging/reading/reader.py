"""The reader: every place that may hold the verdict is collected, and one rule decides on all of them.

Two different values are a conflict, whatever their notation and order. A reading is right or there is none.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from service.contracts.judges import Choice, Scale
from service.contracts.outcomes import ParsedFrom, Reason
from service.judging.reading import families, lines, prose
from service.judging.reading.broken_objects import in_broken_objects
from service.judging.reading.explaining import rest_of
from service.judging.reading.labels import expected_label
from service.judging.reading.objects import explanation_of, only_object, verdict_of
from service.judging.reading.preparing import LONGEST_ANSWER, MOST_LINES, Answer, answer_in, spoken_in
from service.judging.reading.quoting import is_attributed, is_rejected
from service.judging.reading.rankings import expected_ranking
from service.judging.reading.refusing import declines, finish_reason_of
from service.judging.reading.scores import ExpectedScore, expected_score
from service.judging.reading.verdicts import Expected, Hit, Reading, ReadValue, Score, Weight
from service.judging.reading.words import MARKS
from service.judging.reading.wrapping import CONDITION, rest_of_line

Source = Literal["schema", "tool", "text"]
Family = Callable[[Answer, Expected], list[Hit]]

_FAMILIES: tuple[Family, ...] = (
    in_broken_objects,
    families.in_tags,
    families.after_result,
    families.in_brackets,
    lines.on_lines,
    families.in_tables,
    families.in_a_box,
    families.as_fractions,
    lines.as_bare_lines,
    lines.as_numbered_lines,
    lines.as_lettered_lines,
    lines.as_opened_lines,
    lines.as_corrections,
    prose.in_prose,
)
_MOST_ATTRIBUTED = 50  # hits looked at for whose words they are
_LONGEST_DROPPED = 4_000  # characters of what may be a thought, looked at for another verdict
# The families that look for words, and those of them in which the judge's own word alone counts if it has one.
_WORDED: tuple[Family, ...] = (
    families.in_objects,
    in_broken_objects,
    families.in_tags,
    families.after_result,
    lines.on_lines,
    families.in_tables,
    prose.in_prose,
)
_MARKED = (ParsedFrom.TAG, ParsedFrom.BRACKETS)
_REPEATED = (ParsedFrom.JSON, ParsedFrom.PROSE)
_STRUCTURED = {"schema": ParsedFrom.SCHEMA, "tool": ParsedFrom.TOOL, "text": ParsedFrom.JSON}
# Of several notations of one verdict, the most explicit is told.
_FORMS = (
    ParsedFrom.JSON,
    ParsedFrom.TAG,
    ParsedFrom.RESULT,
    ParsedFrom.BRACKETS,
    ParsedFrom.LINE,
    ParsedFrom.FRACTION,
    ParsedFrom.BARE,
    ParsedFrom.PROSE,
)


def read_score(
    text: str,
    scale: Scale,
    *,
    criterion: str | None = None,
    answer_key: str | None = None,
    finish_reason: str | None = None,
    source: Source = "text",
) -> Reading:
    """The number on `scale` that a judge's reply gives, or why it gives none.

    `criterion` and `answer_key` may stand where the word score does; `finish_reason` is the provider's word, in any
    case; `source` is where the provider put the text. Of a long reply only the last 32,768 characters are read.
    """
    return _read(text, [expected_score(scale, criterion, key) for key in _keys(answer_key)], finish_reason, source)


def read_label(
    text: str,
    choices: Sequence[Choice],
    *,
    criterion: str | None = None,
    answer_key: str | None = None,
    finish_reason: str | None = None,
    source: Source = "text",
    pairwise: bool = False,
) -> Reading:
    """The label among `choices` that a judge's reply gives, with the choice's score if it has one.

    `pairwise` adds the default A, B and tie if `choices` lack them, and the tags in use for pairs.
    """
    expected = [expected_label(choices, criterion, pairwise, key) for key in _keys(answer_key)]
    return _read(text, expected, finish_reason, source)


def read_ranking(
    text: str,
    count: int,
    *,
    criterion: str | None = None,
    answer_key: str | None = None,
    finish_reason: str | None = None,
    source: Source = "text",
) -> Reading:
    """The order in which a judge's reply puts `count` outputs, 2 to 20, by the letters A, B, C... or by numbers.

    Every output must be named once.
    """
    return _read(text, [expected_ranking(count, criterion, key) for key in _keys(answer_key)], finish_reason, source)


def _keys(answer_key: str | None) -> list[str | None]:
    """The words to look for: `answer_key`, and the usual ones, if it names nothing in a reply."""
    return [answer_key, None] if answer_key else [None]


def _read(text: str, expectations: Sequence[Expected], finish_reason: str | None, source: Source) -> Reading:
    ended = finish_reason_of(finish_reason)
    if ended is not None:
        return Reading(value=ended)
    stated = _stated(text.strip(), expectations, source)
    if stated is not None:
        return stated
    spoken = spoken_in(text)
    if spoken is None:
        return Reading(value=Reason.TRUNCATED)
    if not spoken.text:
        return Reading(value=Reason.EMPTY)
    answer = answer_in(spoken.text)
    hits, expected = _found(answer, expectations)
    reading = _decided(answer, hits, expected, source)
    if spoken.dropped and reading.reason is None and _differs(spoken.dropped, reading.value, expected):
        return Reading(value=Reason.CONFLICT)
    return reading


def _stated(text: str, expectations: Sequence[Expected], source: Source) -> Reading | None:
    """The reading of a reply that is one plain object with one verdict, as most are; None for any other.

    It is what the long way gives, in less than half its time.
    """
    if len(expectations) > 1 or not text.isascii() or "\r" in text or len(text) > LONGEST_ANSWER:
        return None
    fields = only_object(text) if text.count("\n") < MOST_LINES else None
    if fields is None:
        return None
    [expected] = expectations
    verdicts = list(verdict_of(fields, expected))
    value = expected.oriented(verdicts[0], text, text) if len(verdicts) == 1 else None
    if value is None or isinstance(value, Reason) or expected.misplaced(value):
        return None
    return Reading(
        value=value, parsed_from=_STRUCTURED[source], explanation=explanation_of(fields), span=(0, len(text))
    )


def _found(answer: Answer, expectations: Sequence[Expected]) -> tuple[list[Hit], Expected]:
    """The hits by the first words that name a verdict; the usual words may still contradict it outside objects."""
    *first, usual = expectations
    hits = _hits(answer, usual)
    for expected in first:
        own = [_oriented(answer, hit, expected) for find in _WORDED for hit in find(answer, expected) if hit.worded]
        if any(hit.verdict is not None for hit in own):
            return own + [hit for hit in hits if not (hit.worded and hit.form in _REPEATED)], expected
    return hits, usual


def _hits(answer: Answer, expected: Expected) -> list[Hit]:
    """All places that may hold the verdict."""
    hits = families.in_objects(answer, expected)
    if not answer.is_one_object:
        hits += [hit for find in _FAMILIES for hit in find(answer, expected)]
    if len(hits) <= _MOST_ATTRIBUTED:
        mentioned = [(hit.start, hit.end) for hit in hits if _is_only_mentioned(answer, hit)]
        hits = [_unless_within(hit, mentioned) for hit in hits]
    return [_oriented(answer, hit, expected) for hit in hits]


def _unless_within(hit: Hit, mentioned: list[tuple[int, int]]) -> Hit:
    """The hit, which is only mentioned if it stands at a place that is."""
    within = any(start <= hit.start < end or hit.start == start for start, end in mentioned)
    return hit._replace(weight=Weight.MENTIONED) if within else hit


def _is_only_mentioned(answer: Answer, hit: Hit) -> bool:
    """Whether the judge says that the judged text holds the hit, or that a marked value is not its verdict."""
    if is_attributed(answer.text, hit.start, hit.end):
        return True
    return hit.form in _MARKED and is_rejected(answer.text, hit.start, hit.end)


def _oriented(answer: Answer, hit: Hit, expected: Expected) -> Hit:
    """The hit with its verdict as the words around it say that it is meant."""
    if hit.verdict is None:
        return hit
    if isinstance(expected, ExpectedScore) and isinstance(hit.verdict, Score) and not answer.is_one_object:
        sentence = prose.sentence_around(answer.unquoted, hit.start, hit.end)
        if expected.names_other_scale(f"{answer.scale_lines}\n{sentence}"):
            return hit._replace(verdict=Reason.WRONG_DENOMINATOR)
        return hit
    end = answer.text.find("\n", hit.end)
    place = answer.text[answer.text.rfind("\n", 0, hit.start) + 1 : end if end >= 0 else None]
    return hit._replace(verdict=expected.oriented(hit.verdict, place, answer.text))


def _decided(answer: Answer, hits: list[Hit], expected: Expected, source: Source) -> Reading:
    """The one value that all hits agree on; else the reason why there is none."""
    explanation = next((hit.explanation for hit in reversed(hits) if hit.explanation), None)
    hits = _without_overruled(answer, hits)
    own = _own(hits)
    if _is_refused(answer, own):
        return Reading(value=Reason.REFUSED, explanation=explanation)
    value = _agreed(answer, own, hits, expected)
    if isinstance(value, Reason):
        return Reading(value=value, explanation=explanation)
    chosen = [hit for hit in hits if hit.weight > Weight.MENTIONED and hit.verdict == value]
    form = min((hit.form for hit in chosen), key=_FORMS.index)
    span = next((hit.start, hit.end) for hit in reversed(chosen) if hit.form is form)
    if form is not ParsedFrom.JSON:
        return Reading(value=value, parsed_from=form, explanation=rest_of(answer.text, chosen), span=span)
    return Reading(value=value, parsed_from=_STRUCTURED[source], explanation=explanation, span=span)


def _without_overruled(answer: Answer, hits: list[Hit]) -> list[Hit]:
    """The hits but those that give way to a later one, which must be a line or a sentence of the judge's own."""
    last = max((hit.start for hit in hits if not hit.yields and _is_own_words(answer, hit)), default=-1)
    return [hit for hit in hits if not hit.yields or hit.start >= last]


def _is_own_words(answer: Answer, hit: Hit) -> bool:
    if hit.weight < Weight.IMPLIED or hit.verdict is None:
        return False
    return hit.form is ParsedFrom.PROSE or lines.opens_line(answer.text, hit.start)


def _own(hits: list[Hit]) -> list[Hit]:
    """The hits that are read as the judge's verdict: those of the greatest weight."""
    weight = max((hit.weight for hit in hits if hit.verdict is not None), default=Weight.MENTIONED)
    return [hit for hit in hits if hit.weight == weight > Weight.MENTIONED and hit.verdict is not None]


def _is_refused(answer: Answer, own: list[Hit]) -> bool:
    return not any(hit.weight is Weight.STATED for hit in own) and declines(answer.text)


def _agreed(answer: Answer, own: list[Hit], hits: list[Hit], expected: Expected) -> ReadValue | Reason:
    values = [hit.verdict for hit in own if not isinstance(hit.verdict, Reason | None)]
    reasons = [hit.verdict for hit in own if isinstance(hit.verdict, Reason)]
    if len(set(values)) > 1:
        return Reason.CONFLICT
    if reasons or not values:
        return reasons[0] if reasons else Reason.NO_SCORE
    if _is_contradicted(answer, values[0], own, hits, expected):
        return Reason.CONFLICT
    return expected.misplaced(values[0]) or values[0]


def _is_contradicted(answer: Answer, value: ReadValue, own: list[Hit], hits: list[Hit], expected: Expected) -> bool:
    """Whether a hit of less weight gives another value, or one after all those of `value` gives none."""
    end = max(hit.end for hit in own)
    if not answer.is_one_object and (
        prose.turns_from(answer.unquoted, end, expected, value) or _has_condition(answer.unquoted, end)
    ):
        return True
    return any(
        hit.start >= end
        if hit.verdict is None
        else hit.weight is not Weight.POSSIBLE and hit.verdict != value and _is_offered(hit, expected)
        for hit in hits
    )


def _has_condition(text: str, end: int) -> bool:
    """Whether the line goes on with a condition: '**4**, unless the date is wrong'."""
    return CONDITION.match(rest_of_line(text, end).lstrip(MARKS)) is not None


def _is_offered(hit: Hit, expected: Expected) -> bool:
    return not (hit.verdict is None or isinstance(hit.verdict, Reason) or expected.misplaced(hit.verdict))


def _differs(dropped: str, value: ReadValue | Reason, expected: Expected) -> bool:
    """Whether what may be a thought states another verdict."""
    answer = answer_in(dropped[-_LONGEST_DROPPED:])
    return any(
        hit.weight is Weight.STATED and hit.verdict != value and _is_offered(hit, expected)
        for hit in _hits(answer, expected)
    )
