"""Numbers as judges write them, and whether one is on the scale."""

import math
import re
from functools import lru_cache
from typing import NamedTuple

from service.contracts.judges import Scale
from service.contracts.outcomes import Reason
from service.judging.reading.verdicts import Leading, ReadValue, Score, Verdict
from service.judging.reading.words import MARKS, NUMBER, SCORE_WORDS, SPARE_SCORE_WORDS, Words, words_for
from service.judging.reading.wrapping import CONDITION, LONGEST_VALUE, peeled
from service.judging.scales import DECIMALS

# A step such as 0.1 or 1/3 has no exact binary form; no scale distinguishes levels this close.
_TOLERANCE = 1e-12
# How far into the rest of a line an echo of the scale's levels is looked for.
_LEVELS_WITHIN = 300

_CLOSING = rf"[\s{MARKS}\"')\]]*+"
# A comma is a decimal one before one or two digits, and after a zero: 4,5, but neither 1,000 nor 3,4,5.
_COMMA = r"(?:0,\d+|\d+,\d{1,2})(?!\d|,\d)"
_NUMBER = re.compile(rf"(?<![\[(])[+\-−]?{_COMMA}|{NUMBER}")
_LISTED = re.compile(rf"[\s{MARKS}\"']*[\[(]")  # in brackets a comma parts two numbers
_OPENERS = re.compile(rf"[\"'“(（\[【「]{{0,3}}(?:[<{{](?={NUMBER}[>}}]))?(?:an?\s)?", re.I)
_GLUED = re.compile(
    r"(?![分点점]|です)[^\W_]|_\w|[.,]\d|\s?[+?]|\s?[-–—]\s*$|[-‐‑][^\W\d]"
)  # 4th, 1e2, 4,5, 4.5.1, 4+, 4?, 4-, 4-step
_POINT_SCALE = r"(?:[\s-]points?)?[\s-]scale\b"
_MAXIMUM = re.compile(
    rf"(?:\s(?:points?|pts|stars?|marks?))?[\s{MARKS}\"'()\[\]]*+(?:[/／]|out\s{{1,3}}of(?:\sa(?:\s(?:possible|maximum|total)(?:\sof)?)?\s)?|of|"
    rf"(?:von|de|sur|di|su|из|van|av|sobre|em|من)\s|(?<=[(\[]){NUMBER}\s?(?:-|–|to)\s?(?={NUMBER}[)\]])|(?:on\s)?(?:an?\s)?scale\s(?:of|from)\s{NUMBER}\s?(?:-|–|to)|"
    rf"on\s(?:an?|the)\s(?:{NUMBER}\s?(?:-|–|to)\s?)?(?={NUMBER}{_POINT_SCALE})|(?:on\s)?a\sscale\sof(?=\s\d+\W*$))"
    rf"[\s{MARKS}]*+(?P<max>{NUMBER})(?!(?![分点점])\w|/|[.,]\d)(?:{_POINT_SCALE})?",
    re.I,
)
_PERCENT = re.compile(r"\s?(?:%|percent\b)")
_HEDGES = r"(?:to|or|and|through|maybe|perhaps|possibly|now|minus|less|plus)"
_CORRECTED = re.compile(  # '3 - no, 4', '3. Correction: 4.', '3 → final: 4'
    r"\s*(?:[-=]>|[→⇒])[^\n]*\d|"
    r"[\s,.;:(–—…-]*+(?:(?:but|or)\s)?(?:no,|rather|actually|wait|sorry|correction|revised(?:\sto)?|make\s(?:it|that)|"
    r"on\s(?:reflection|second\sthoughts?))[,:]?\s(?:an?\s)?\d[\d./]*\W*$",
    re.I,
)
_SECOND_NUMBER = re.compile(  # 3-4, 3 to 4, 3 (or 4), 2 + 2, 4 -> 5, 3..4: the judge did not settle on one
    rf"(?:[^\w\n.(\[|;]*+|\s*\.{{2,}}\s*|\s*[;|]\s*(?=[\d.]+\W*$)|"
    rf"[\s,(\[{MARKS}–-]*+(?:{_HEDGES}\s(?:(?:even|maybe|perhaps)\s)?|(?:or|maybe|perhaps|possibly)\san?\s)[{MARKS}]*+)\d",
    re.I,
)
_LEVEL = re.compile(rf"(?<![\w.])({NUMBER})\s?[-–—:=(]\s?(?!point\b)[^\W\d]")  # '1 - poor', as a scale is echoed
# '4 - good but short' to the end of the line; the digits of a time, a ratio or a list may stand there as well.
_OPENING = re.compile(
    rf"[{MARKS}]*+(?P<value>{NUMBER})[{MARKS}]*+"
    rf"(?:\s[-–—]\s|:\s|,?\s(?=(?:because|since)\b)|\s\((?!of\b|out\b))[{MARKS}]*+(?=[^\W\d])[^\d\n]*\Z"
)
_NEXT_WORD = re.compile(rf"{_CLOSING}([^\W\d]\w*)(:?)")
_FOLLOWERS = frozenset(
    [
        "because",
        "since",
        "as",
        "due",
        "based",
        "given",
        "overall",
        "instead",
        "rather",
    ]
)
# 'On a scale of 1 to 10', 'Score range: 1-10', 'on a scale of 10.', 'a 10-point scale', '(max 10)', 'Max: 10',
# 'a maximum score of 10'.
_STATED_SCALE = re.compile(
    rf"(?=[srm\d(|,;满滿])(?:"
    rf"(?<![^\W_])(?:scale|(?:score|rating|scoring)\srange)[\s:(\[{MARKS}]{{0,4}}(?:(?:of|from|is)\s)?{NUMBER}\s?(?:\([^()\n]{{1,30}}\)\s?)?"
    rf"(?:-|–|to|through)\s?(?P<to>{NUMBER})(?![^\W_]|%|[.,]\d)|"
    rf"\bscale\sof\s(?P<of>{NUMBER})(?=\s*(?:[).;:]|,(?!\d)|$))|"
    rf"[满滿]分(?:为|是)?\s?(?P<full>{NUMBER})|(?<![\w.])(?P<marks>\d+)\s?(?:点満点|점\s?만점|分制|分[满滿]分)|"
    rf"(?<![\w.])(?P<point>\d+)(?:[\s-]points?)?\sscale\b|"
    rf"(?:[(|,;]\s?|^)max(?:imum)?[.:]?\s?(?:is\s)?(?P<max>{NUMBER})\s?(?:[)|]|$)|"
    rf"\bmax(?:imum)?\.?\s(?:score|rating|points)\s?(?:of|is|:)\s?(?P<best>{NUMBER})(?! ?\w|[.,]\d))",
    re.I | re.M,
)
_UNIT = re.compile(
    r"\s?(?:points?|pts|stars?|marks?|punkte?n?|puntos?|pontos?|punti|балл(?:а|ов)?)\b|\s?[分点점](?!之)(?:です)?|です",
    re.I,
)
_STARS = re.compile(r"(?P<full>[★⭐🌟]{1,10})(?P<empty>☆{0,10})(?![★⭐🌟☆½])")
_REPEATED = re.compile(rf"\s?\(?(?P<number>{NUMBER})[^\n]*\Z")
_NOTHING_MORE = re.compile(rf"[\s{MARKS}]*+$")
_NOT_A_NUMBER = re.compile(
    r"(?:null|none|nan|n/?a|not applicable|[+-]?inf(?:inity)?|undefined|true|false|"
    rf"zero|one|two|three|four|five|six|seven|eight|nine|ten|between\s{NUMBER}\sand\s{NUMBER})"
    rf"(?={_CLOSING}(?:$|[.,;:!/(–-]|out\b))",
    re.I,
)

_NUMBERS = (int, float)


class ExpectedScore(NamedTuple):
    """A number on `scale` is asked for."""

    scale: Scale
    words: Words
    foreign: Reason = Reason.NOT_A_NUMBER

    @property
    def maximum(self) -> float | None:
        return self.scale.max

    def whole(self, text: str) -> Verdict | None:
        if len(text) > LONGEST_VALUE:
            return None
        if stars := self._stars(text.strip(f" {MARKS}")):
            return stars
        is_listed = "," in text and _LISTED.match(text)
        *_, text = "", *peeled(text)
        found = _NUMBER.match(text)
        if found is None or is_listed:
            return Reason.NOT_A_NUMBER if found or _NOT_A_NUMBER.fullmatch(text) else None
        verdict, end = self._with_maximum(text, found)
        if _NOTHING_MORE.match(text, _past_unit(text, end)):
            return verdict
        takes_two = _SECOND_NUMBER.match(text, end) or not re.search(r"\s", text)
        return Reason.NOT_A_NUMBER if takes_two else None

    def bracketed(self, text: str) -> Verdict | None:
        return self.whole(text)

    def bare(self, text: str, bullet: str = "") -> Verdict | None:
        return None if self._may_be_negative(bullet) and text[:1] not in "-−+" else self.whole(text)

    def opening(self, text: str) -> Leading | None:
        """`4 - good`, `4: good` and `4 (good)`, without a second number."""
        found = _OPENING.match(text)
        return Leading(Score(_float(found["value"])), found.end()) if found else None

    def leading(self, text: str, head: str = "") -> Leading | None:
        if stars := self._stars(text.strip(f" {MARKS}")):
            return Leading(stars, len(text))
        opened = _OPENERS.match(text)
        start = opened.end() if opened else 0
        found = _NUMBER.match(text, start)
        if found and self._may_be_negative(head):
            return Leading(Reason.NOT_A_NUMBER, found.end())
        if found is None:
            word = _NOT_A_NUMBER.match(text, start)
            return Leading(Reason.NOT_A_NUMBER, word.end()) if word else None
        verdict, end = self._with_maximum(text, found)
        if _GLUED.match(text, end) or _SECOND_NUMBER.match(text, end) or self._lists_levels(text, end, verdict):
            return Leading(Reason.NOT_A_NUMBER, end)
        if _CORRECTED.match(text, end) or CONDITION.match(text, end):
            return Leading(Reason.CONFLICT, end)
        end = _past_unit(text, end)
        return Leading(verdict, end) if _ends_there(text, end) else None

    def scalar(self, value: object, key: str) -> Verdict | None:
        if isinstance(value, str):
            opened = self.opening(value)
            return opened.verdict if opened else self.whole(value)
        if isinstance(value, bool) or not isinstance(value, _NUMBERS):
            return Reason.NOT_A_NUMBER
        number = _float(value)
        return Reason.NOT_A_NUMBER if math.isnan(number) else Score(number)

    def fields(self, fields: dict[str, object]) -> Verdict | None:
        return None

    def oriented(self, verdict: Verdict, place: str, text: str) -> Verdict:
        return verdict

    def misplaced(self, value: ReadValue) -> Reason | None:
        scale = self.scale
        if not isinstance(value, Score) or not scale.min <= round(value.score, DECIMALS) <= scale.max:
            return Reason.OUT_OF_RANGE
        if scale.step is None:
            return None
        nearest = scale.min + round((value.score - scale.min) / scale.step) * scale.step
        is_level = math.isclose(nearest, value.score, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
        return None if is_level else Reason.OFF_GRID

    def names_other_scale(self, sentence: str) -> bool:
        """Whether a sentence states another scale than this one, and not this one."""
        maxima = [_float(found[found.lastgroup or 0]) for found in _STATED_SCALE.finditer(sentence)]
        return bool(maxima) and self.scale.max not in maxima

    def _may_be_negative(self, before: str) -> bool:
        """Whether the dash that ends `before` may be meant for a minus, as in `Score - 2`."""
        return self.scale.min < 0 and before.rstrip().endswith(("-", "–"))

    def _stars(self, text: str) -> Verdict | None:
        """The number of stars that `text` is, `★★★☆☆`, or such with the same in digits, `★★★☆☆ (3/5)`."""
        found = None if text.isascii() else _STARS.match(text)
        rest = text[found.end() :] if found else ""
        again = _REPEATED.fullmatch(rest)
        if found is None or (rest and not again):
            return None
        score, all_stars = Score(float(len(found["full"]))), len(found["full"] + found["empty"])
        if again:
            same = self.whole(rest)
            return same if same == score or all_stars == 1 or isinstance(same, Reason) else Reason.NOT_A_NUMBER
        return Reason.WRONG_DENOMINATOR if found["empty"] and all_stars != self.scale.max else score

    def _with_maximum(self, text: str, number: re.Match[str]) -> Leading:
        """The number, and the end of it with its `/5`; a maximum that is not the scale's is refused."""
        score, end = _float(number[0]), number.end()
        stated = _MAXIMUM.match(text, end)
        percent = _PERCENT.match(text, end)
        if stated is None and percent is None:
            return Leading(Score(score), end)
        maximum, end = (_float(stated["max"]), stated.end()) if stated else (100.0, percent.end() if percent else end)
        return Leading(Score(score) if maximum == self.scale.max else Reason.WRONG_DENOMINATOR, end)

    def _lists_levels(self, text: str, start: int, verdict: Verdict) -> bool:
        """Whether the line goes on to name another level, as the echo `1 - poor, 2 - fair` does."""
        return any(
            self.scale.min <= level <= self.scale.max and verdict != Score(level)
            for level in map(_float, _LEVEL.findall(text, start, start + _LEVELS_WITHIN))
        )


def expected_score(scale: Scale, criterion: str | None, answer_key: str | None = None) -> ExpectedScore:
    """What to look for on `scale`."""
    return ExpectedScore(scale, _words(criterion, answer_key))


@lru_cache(maxsize=256)
def _words(criterion: str | None, answer_key: str | None) -> Words:
    return words_for(SCORE_WORDS, criterion, answer_key, spare=SPARE_SCORE_WORDS)


def _past_unit(text: str, end: int) -> int:
    unit = _UNIT.match(text, end)
    return unit.end() if unit else end


def _ends_there(text: str, end: int) -> bool:
    """Whether the number is the value: '3 errors' and '1 being the worst' are something else."""
    word = _NEXT_WORD.match(text, end)
    return word is None or word[1].lower() in _FOLLOWERS or bool(word[2])


def _float(value: str | float) -> float:
    """A number as written; too many digits for a float make an infinity, which no scale holds."""
    try:
        return float(value.replace("−", "-").replace(",", ".") if isinstance(value, str) else value)
    except OverflowError:
        return math.inf
