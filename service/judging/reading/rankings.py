"""Orders of outputs as judges write them: `C > A = B`, `C, A, B`, arrays of letters. Best first."""

import re
import string
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from service.contracts.outcomes import Reason
from service.judging.reading.verdicts import Leading, Ranking, Verdict
from service.judging.reading.words import RANKING_WORDS, Words, words_for
from service.judging.reading.wrapping import peeled

LETTERS = string.ascii_uppercase[:20]  # by which the outputs are named to the judge
_FEWEST = 2
_LONGEST_ORDER = 600  # characters; twenty outputs by their longest names, each marked

_SKIP = r"[\s*_`\"'“”‘’]*+"
_NOUNS = r"(?i:output|response|assistant|answer|model|candidate)"
# A letter alone, or after a noun; 'Output (a)' too.
_NAME = rf"{_SKIP}(?:{_NOUNS}[\s_]{{1,3}}{_SKIP}\(?[A-Za-z]\)?|(?<![^\W_])[A-Za-z])(?![^\W_]){_SKIP}"
_EQUALS = rf"{_NAME}(?:={_NAME})*+"
# Brackets make a tie only beside another group: alone, `[C, A, B]` is an array and so an order.
_GROUP = rf"(?:{_EQUALS}|{_SKIP}[(\[{{]{_NAME}(?:[=,]{_NAME})*+[)\]}}]{_SKIP})"
# One kind of separator throughout: whether `C > A, B` ends in a tie, its author alone knows.
_ORDER = re.compile(rf"{_GROUP}(?:(?:(?:>{{1,3}}|≻){_GROUP})+|(?:,(?:\s?and\b)?{_GROUP})+)|{_EQUALS}")
_GROUPS = re.compile(_GROUP)
_NAMES = re.compile(rf"(?:{_NOUNS}[\s_]{{1,3}}{_SKIP}\(?)?(?<![^\W_])(?P<letter>[A-Za-z])(?![^\W_])")
_OPENERS = re.compile(r"[\s\"'“(\[]{0,4}")
# What may follow an order on its line: nothing, punctuation, or a reason.
_ENDS = re.compile(
    r"[\s*_`\"'”)\]]*+(?:$|[.;!(–—]|-\s|,?\s?(?:because|since|as|due|based|given|overall|for|where|with)\b)",
    re.I,
)
# `Ranking (best to worst):`, `Ranking from best to worst:`
_ASIDE = r"(?:[(\[]|from\s)(?:from\s)?(?:best|highest|most|top)[\w ,-]{0,40}+[)\]]?(?P<max>(?!))?"


class ExpectedRanking(NamedTuple):
    """An order of `size` outputs is asked for, each of them named once."""

    size: int
    words: Words
    foreign: Reason = Reason.NO_SCORE
    maximum: float | None = None

    def whole(self, text: str) -> Verdict | None:
        if len(text) > _LONGEST_ORDER:
            return None
        found = (_ORDER.fullmatch(each) for each in peeled(text))
        return next((verdict for order in found if order and (verdict := self._verdict(order))), None)

    def bracketed(self, text: str) -> Verdict | None:
        return self.whole(text)

    def leading(self, text: str) -> Leading | None:
        alone = self.whole(text)
        if alone is not None:
            return Leading(alone, len(text))
        opened = _OPENERS.match(text)
        starts = dict.fromkeys((0, opened.end() if opened else 0))
        for order in (_ORDER.match(text, start) for start in starts):
            verdict = self._verdict(order) if order else None
            if order and verdict and _ENDS.match(text, order.end()):
                other = self._another(text, order.end(), verdict)
                return Leading(Verdict(reason=Reason.CONFLICT) if other else verdict, order.end())
        return None

    def scalar(self, value: object) -> Verdict | None:
        if isinstance(value, str):
            return self.whole(value)
        if not isinstance(value, list):
            return None
        groups = [_letters_of(each) for each in value]
        return self._ranked(group for group in groups if group) if all(groups) else None

    def score_of(self, verdict: Verdict) -> float | None:
        return None

    def misplaced(self, verdict: Verdict) -> Reason | None:
        return None

    def _verdict(self, order: re.Match[str]) -> Verdict | None:
        """What a written order says; None for a single name, which orders nothing."""
        groups = [list(_letters_in(group[0])) for group in _GROUPS.finditer(order[0])]
        return self._ranked(groups) if sum(map(len, groups)) >= _FEWEST else None

    def _ranked(self, groups: Iterable[list[str]]) -> Verdict:
        """The order; an output that is not there is out of range, one twice a conflict, one left out no order."""
        ranking: Ranking = tuple(tuple(sorted(ord(each.upper()) - ord("A") for each in group)) for group in groups)
        named = [index for group in ranking for index in group]
        if any(index >= self.size for index in named):
            return Verdict(reason=Reason.OUT_OF_RANGE)
        if len(set(named)) < len(named):
            return Verdict(reason=Reason.CONFLICT)
        return Verdict(ranking=ranking) if len(named) == self.size else Verdict(reason=Reason.NO_SCORE)

    def _another(self, text: str, start: int, verdict: Verdict) -> bool:
        """Whether the line goes on to give another complete order."""
        later = (self._verdict(order) for order in _ORDER.finditer(text, start))
        return any(each.ranking is not None and each != verdict for each in later if each)


def expected_ranking(count: int, criterion: str | None) -> ExpectedRanking:
    if not _FEWEST <= count <= len(LETTERS):
        message = f"a ranking has {_FEWEST} to {len(LETTERS)} outputs, not {count}"
        raise ValueError(message)
    return _compiled(count, criterion)


@lru_cache(maxsize=256)
def _compiled(count: int, criterion: str | None) -> ExpectedRanking:
    return ExpectedRanking(count, words_for(RANKING_WORDS, criterion, _ASIDE))


def _letters_in(group: str) -> Iterator[str]:
    return (name["letter"] for name in _NAMES.finditer(group))


def _letters_of(element: object) -> list[str]:
    """The letters of one element of an array: `"C"`, `"A = B"` or `["A", "B"]`; none where it is something else.

    Numbers are something else: whether they count from 0 or from 1 can't be known.
    """
    elements = element if isinstance(element, list) else [element]
    names = [name for name in elements if isinstance(name, str) and re.fullmatch(_EQUALS, name)]
    return [letter for name in names for letter in _letters_in(name)] if len(names) == len(elements) else []
