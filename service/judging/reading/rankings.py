"""Orders of outputs as judges write them: `C > A = B`, `[3] > [1] = [2]`, `C, A, B`, arrays, ranks. Best first."""

import re
import string
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from service.contracts.outcomes import Reason
from service.judging.reading.labels import ranked_entry
from service.judging.reading.objects import SCORE_FIELDS
from service.judging.reading.verdicts import Leading, Order, Ranking, ReadValue, Verdict
from service.judging.reading.words import RANKING_WORDS, Words, folded, key_form, words_for
from service.judging.reading.wrapping import FULL_STOPS, peeled

LETTERS = string.ascii_uppercase[:20]  # by which the outputs are named to the judge
_FEWEST = 2
_LONGEST_ORDER = 600  # characters; twenty outputs by their longest names, each marked

_SKIP = r"[\s*_`\"'“”‘’]*+"
_NOUNS = r"(?i:output|response|assistant|answer|model|candidate|passage|document|system)"
# A letter or a number alone, or after a noun; 'Output (a)' too.
_ALONE = r"(?:[A-Za-z]|\d{1,2}(?![.,]\d))"
_NAME = rf"{_SKIP}(?:{_NOUNS}[\s_#]{{1,3}}{_SKIP}\(?{_ALONE}\)?|(?<![^\W_]){_ALONE})(?![^\W_]){_SKIP}"
_EQUALS = rf"{_NAME}(?:={_NAME})*+"
# Brackets make a tie only beside another group: alone, `[C, A, B]` is an array and so an order.
_GROUP = (
    rf"(?:{_EQUALS}|{_SKIP}[(\[{{]{_NAME}(?:[=,]{_NAME})*+[)\]}}]{_SKIP}(?:={_SKIP}[(\[{{]{_NAME}[)\]}}]{_SKIP})*+)"
)
# One kind of separator throughout: whether `C > A, B` ends in a tie, its author alone knows.
_ORDER = re.compile(
    rf"{_GROUP}(?:(?:(?:-?>{{1,3}}|[≻＞→]){_GROUP})+|(?:[,;，、；](?:\s?(?:and|then|and\sthen)\b)?{_GROUP})+)|{_EQUALS}"
)
_GROUPS = re.compile(_GROUP)
_NAMES = re.compile(rf"(?:{_NOUNS}[\s_#]{{1,3}}{_SKIP}\(?)?(?<![^\W_])(?P<name>{_ALONE})(?![^\W_])")
_ONE_NAME = re.compile(rf"\(?\[?{_NAME}\]?\)?")
_OPENERS = re.compile(r"[\s\"'“(\[]{0,4}")
# What may follow an order on its line: nothing, punctuation, or a reason.
_ENDS = re.compile(
    rf"[\s*_`\"'”)\]]*+(?:$|[.;!<(–—，；（{FULL_STOPS}]|-\s|,?\s?(?:from|because|since|as|due|based|given|overall|for|where|with)\b)",
    re.I,
)
# `Ranking (best to worst):`, `Ranking from worst to best:`
_ASIDE = r"(?:[(\[]|from\s)(?:from\s)?(?:best|highest|most|top|worst|lowest|least)[\w ,-]{0,40}+[)\]]?(?P<max>(?!))?"
_WORST_FIRST = re.compile(
    r"\b(?:worst|lowest|least|weakest|bottom)\b[\w ]{0,20}(?:\sto\s|\s?(?:->|→|–|-)\s?|\s)(?:the\s)?"
    r"(?:best|highest|most|strongest|top|first)\b|\b(?:worst|lowest|weakest)\sfirst\b|"
    r"\b(?:ascending|increasing)\sorder\b",
    re.I,
)
_BEST_FIRST = re.compile(
    r"\b(?:best|highest|strongest)\b[\w ]{0,20}(?:\sto\s|\s?(?:->|→)\s?|\s)(?:worst|lowest|weakest|first)\b", re.I
)
_FROM_ZERO = "0"


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

    def bare(self, text: str, bullet: str = "") -> Verdict | None:
        """As `whole`, but numbers only with `>`: 'a, b' of numbers may be anything."""
        return None if ">" not in text and any(each.isdigit() for each in text) else self.whole(text)

    def opening(self, text: str) -> Leading | None:
        return None

    def leading(self, text: str, head: str = "") -> Leading | None:
        if "ranks" in folded(head) and any(each.isdigit() for each in text):
            return None  # whether they are ranks or the order of numbers can't be known
        alone = self.whole(text)
        if alone is not None:
            return Leading(alone, len(text))
        opened = _OPENERS.match(text)
        starts = dict.fromkeys((0, opened.end() if opened else 0))
        for order in (_ORDER.match(text, start) for start in starts):
            verdict = self._verdict(order) if order else None
            if order and verdict and _ENDS.match(text, order.end()):
                other = self._another(text, order.end(), verdict)
                return Leading(Reason.CONFLICT if other else verdict, order.end())
        return None

    def scalar(self, value: object, key: str) -> Verdict | None:
        if isinstance(value, str):
            return self.whole(value)
        if not isinstance(value, list):
            return None
        entries = [pair for entry in value for pair in ranked_entry(entry, self._index)]
        if entries:
            return self._by_rank(entries) if len(entries) == len(value) else Reason.NO_SCORE
        groups = [_names_of(each) for each in value]
        if not all(groups):
            return None
        return self._numbered_ranks(groups) if key.endswith("ranks") else self._ranked(groups)

    def fields(self, fields: dict[str, object]) -> Verdict | None:
        """`{"A": 2, "B": 1}`, alone or under any key, and `[{"model": "A", "rank": 2}, …]` under one not named."""
        inner = (value for key, value in fields.items() if key_form(key) not in SCORE_FIELDS)
        groups = [fields, *(value for value in inner if isinstance(value, dict))]
        ranks = [found for group in groups if len(found := list(self._ranks(group))) == self.size]
        lists = [value for key, value in fields.items() if key_form(key) not in self.words.keys]
        ranks += [found for value in lists if len(found := list(self._listed(value))) == self.size]
        verdicts = {self._by_rank(each) for each in ranks}
        return next(iter(verdicts)) if len(verdicts) == 1 else Reason.CONFLICT if verdicts else None

    def misplaced(self, value: ReadValue) -> Reason | None:
        return None

    def oriented(self, verdict: Verdict, place: str, text: str) -> Verdict:
        """The order best first: turned if its line says worst first, none if only another line does."""
        if not isinstance(verdict, Order) or not _WORST_FIRST.search(text):
            return verdict
        if _WORST_FIRST.search(place):
            return Reason.CONFLICT if ">" in place or "≻" in place else Order(verdict.ranking[::-1])
        return verdict if _BEST_FIRST.search(place) else Reason.CONFLICT

    def numbered(self, names: list[str]) -> Verdict:
        """The order that a numbered list of outputs gives, one to an entry."""
        return self._ranked([name] for name in names)

    def name_in(self, text: str) -> str | None:
        """The letter or number that `text` names an output by, and nothing else."""
        names = list(_names_in(text)) if _ONE_NAME.fullmatch(text) else []
        return names[0] if len(names) == 1 else None

    def _verdict(self, order: re.Match[str]) -> Verdict | None:
        """What a written order says; None for a single name, which orders nothing."""
        groups = [list(_names_in(group[0])) for group in _GROUPS.finditer(order[0])]
        return self._ranked(groups) if sum(map(len, groups)) >= _FEWEST else None

    def _ranked(self, groups: Iterable[list[str]]) -> Verdict:
        """The order; an output that is not there is out of range, one twice a conflict, one left out no order."""
        written = [list(group) for group in groups]
        first = self._first_number([name for group in written for name in group])
        if first is None:
            return Reason.NO_SCORE
        ranking: Ranking = tuple(tuple(sorted(_index_of(each, first) for each in group)) for group in written)
        named = [index for group in ranking for index in group]
        if any(not 0 <= index < self.size for index in named):
            return Reason.OUT_OF_RANGE
        if len(set(named)) < len(named):
            return Reason.CONFLICT
        return Order(ranking) if len(named) == self.size else Reason.NO_SCORE

    def _first_number(self, names: list[str]) -> int | None:
        """Whether numbers count from 0 or from 1; None if letters and numbers are mixed."""
        if len({name.isdigit() for name in names}) > 1:
            return None
        return 0 if _FROM_ZERO in names else 1

    def _numbered_ranks(self, groups: list[list[str]]) -> Verdict:
        """`"ranks": [2, 3, 1]` gives the rank of each output in turn; letters under that name are an order."""
        names = [name for group in groups for name in group]
        if not all(name.isdigit() for name in names):
            return self._ranked(groups)
        if len(names) != self.size or any(len(group) > 1 for group in groups):
            return Reason.NO_SCORE
        return self._by_rank([(index, int(name)) for index, name in enumerate(names)])

    def _by_rank(self, ranks: list[tuple[int, float]]) -> Verdict:
        indices = [index for index, _ in ranks]
        if any(index >= self.size for index in indices):
            return Reason.OUT_OF_RANGE
        if sorted(indices) != list(range(self.size)):
            return Reason.CONFLICT if len(set(indices)) < len(indices) else Reason.NO_SCORE
        levels = sorted({rank for _, rank in ranks})
        if levels[-1] - levels[0] >= self.size or levels[0] > 1:
            return Reason.NO_SCORE  # those are scores
        return Order(tuple(tuple(sorted(index for index, rank in ranks if rank == level)) for level in levels))

    def _ranks(self, fields: dict[str, object]) -> Iterator[tuple[int, float]]:
        for name, rank in fields.items():
            index = self._index(name) if isinstance(rank, int) and not isinstance(rank, bool) else None
            if index is not None:
                yield index, float(str(rank))

    def _listed(self, value: object) -> Iterator[tuple[int, float]]:
        for entry in value if isinstance(value, list) else []:
            yield from ranked_entry(entry, self._index)

    def _index(self, name: str) -> int | None:
        """The output that a name written alone names: `Output C`, `3`, counted from 1."""
        found = self.name_in(name)
        return _index_of(found, 1) if found else None

    def _another(self, text: str, start: int, verdict: Verdict) -> bool:
        """Whether the line goes on to give another complete order."""
        later = (self._verdict(order) for order in _ORDER.finditer(text, start))
        return any(isinstance(each, Order) and each != verdict for each in later)


def expected_ranking(count: int, criterion: str | None, answer_key: str | None = None) -> ExpectedRanking:
    """What to look for in a reply about `count` outputs. Raises ValueError if they are too few or too many."""
    if not _FEWEST <= count <= len(LETTERS):
        message = f"a ranking has {_FEWEST} to {len(LETTERS)} outputs, not {count}"
        raise ValueError(message)
    return _compiled(count, criterion, answer_key)


@lru_cache(maxsize=256)
def _compiled(count: int, criterion: str | None, answer_key: str | None) -> ExpectedRanking:
    return ExpectedRanking(count, words_for(RANKING_WORDS, criterion, answer_key, aside=_ASIDE))


def _index_of(name: str, first: int) -> int:
    return int(name) - first if name.isdigit() else ord(name.upper()) - ord("A")


def _names_in(group: str) -> Iterator[str]:
    return (name["name"] for name in _NAMES.finditer(group))


def _names_of(element: object) -> list[str]:
    """The names in one element of an array: `"C"`, `3`, `"A = B"` or `["A", "B"]`; none if it is something else."""
    elements = element if isinstance(element, list) else [element]
    texts = [str(each) if type(each) is int else each for each in elements]
    names = [text for text in texts if isinstance(text, str) and re.fullmatch(rf"{_EQUALS}|\[{_NAME}\]", text)]
    return [name for text in names for name in _names_in(text)] if len(names) == len(elements) else []
