"""Labels as judges write them: a choice's label or an alias, in a slot, on a line or in the last sentence."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from service.contracts.judges import Choice
from service.contracts.outcomes import Reason
from service.judging.reading.verdicts import Leading, Verdict
from service.judging.reading.words import LABEL_WORDS, MARKS, SCORE_WORDS, Words, words_for
from service.judging.reading.wrapping import LONGEST_VALUE, peeled

PASS_FAIL_CHOICES = (
    Choice(label="pass", score=1, aliases=["passed"]),
    Choice(label="fail", score=0, aliases=["failed"]),
)
PAIRWISE_CHOICES = (
    Choice(label="A", aliases=["Assistant A", "Response A", "Output A", "Answer A", "Model A"]),
    Choice(label="B", aliases=["Assistant B", "Response B", "Output B", "Answer B", "Model B"]),
    Choice(label="tie", aliases=["a tie", "tied"]),
)
# ArenaHard's five steps name a winner wherever a label may stand; MT-bench's C for a tie only as [[C]],
# since 'Answer: C' may be the judged reply to a question with four options.
_FIVE_STEPS = {"A>>B": "A", "A>B": "A", "A=B": "tie", "B=A": "tie", "B>A": "B", "B>>A": "B"}
_BRACKETED_TIE = "C"

_OPENERS = re.compile(r"[\"'“(\[]{0,3}")
_CLOSING = rf"[\s{MARKS}\"'”)\]]*+"
_ADVERBS = r"(?:(?:clearly|significantly|slightly|much|far|definitely)\s)?"
_COMPARATIVE = (
    rf"[{MARKS}]*+\s{{1,3}}[{MARKS}]*+(?:wins|is\s{_ADVERBS}(?:"
    rf"(?:a|the)\s{_ADVERBS}(?:better|best|preferred|superior)\s\w+|"
    rf"(?:the\s)?(?:better|best|preferred|preferable|superior|winner)))\b"
)
_FOLLOWERS = r"(?:because|since|as|due|based|given|overall|for)\b"
# What may follow a label on its line: nothing, punctuation, a reason, a comparative, or `Rationale:`.
_ENDS = re.compile(
    rf"{_CLOSING}(?:$|[.,;:!(–—-]|{_FOLLOWERS}|\w+:)|{_COMPARATIVE}",
    re.I,
)
# What may follow the comparative in prose. 'Better written' and 'better in style' are praise, not a verdict.
_CLAIMED = rf"[{MARKS}]*+\s*(?:$|[.,;!)]|(?:because|since|as|due|based|given|overall|for|of)\b|than\s"
_LARGEST_LABEL = 1e15  # a JSON number beyond has no exact decimal form, and names no label
_JOINS = r"(?!\w)[^\w\n]*+(?:(?:or|and|vs|to)\b[^\w\n]*+)?"


class ExpectedLabel(NamedTuple):
    """One of some labels is asked for."""

    names: dict[str, str]  # what may be written, as `_form` has it -> the label it stands for
    scores: dict[str, float | None]
    exact: bool  # some names are told apart by case alone
    mention: re.Pattern[str]  # any one name in running text
    claim: re.Pattern[str]  # a name that is said to be better
    another: re.Pattern[str]  # a second name that follows the first
    words: Words
    pairwise: bool
    foreign: Reason = Reason.OUT_OF_RANGE
    maximum: float | None = None

    def whole(self, text: str) -> Verdict | None:
        if len(text) > LONGEST_VALUE:
            return None
        named = (self.named(each) for each in peeled(text))
        return next((Verdict(label=label) for label in named if label is not None), None)

    def bracketed(self, text: str) -> Verdict | None:
        if self.pairwise and text.strip() == _BRACKETED_TIE:
            return self.whole(text) or Verdict(label="tie")
        return self.whole(text)

    def leading(self, text: str) -> Leading | None:
        alone = self.whole(text)
        if alone is not None:
            return Leading(alone, len(text))
        opened = _OPENERS.match(text)
        found = self.mention.match(text, opened.end() if opened else 0)
        if found is None:
            return None
        label, other = self.named(found[0]), self.another.match(text, found.end())
        if other and self.named(other[1]) != label:
            return Leading(Verdict(reason=Reason.CONFLICT), found.end())
        return Leading(Verdict(label=label), found.end()) if _ENDS.match(text, found.end()) else None

    def scalar(self, value: object) -> Verdict | None:
        if isinstance(value, str):
            return self.whole(value)
        if isinstance(value, bool):
            return self.whole(str(value))
        if isinstance(value, int | float):
            return self.whole(f"{value:.15g}") if abs(value) < _LARGEST_LABEL else None
        return Verdict(reason=Reason.NO_SCORE if value is None else self.foreign)

    def score_of(self, verdict: Verdict) -> float | None:
        return self.scores.get(verdict.label or "")

    def misplaced(self, verdict: Verdict) -> Reason | None:
        return None

    def named(self, text: str) -> str | None:
        """The label that `text` names, white space and, unless the names need it, case aside."""
        return self.names.get(_form(text, self.exact))


def expected_label(choices: Sequence[Choice], criterion: str | None, pairwise: bool) -> ExpectedLabel:
    """What to look for; of `pairwise` choices that the caller leaves out, the defaults are kept."""
    if pairwise:
        given = {choice.label for choice in choices}
        choices = [*choices, *(choice for choice in PAIRWISE_CHOICES if choice.label not in given)]
    key = tuple((choice.label, choice.score, *choice.aliases) for choice in choices)
    return _compiled(key, criterion, pairwise)


@lru_cache(maxsize=256)
def _compiled(
    choices: tuple[tuple[str, float | None, *tuple[str, ...]], ...], criterion: str | None, pairwise: bool
) -> ExpectedLabel:
    names = {name: label for label, _, *aliases in choices for name in (label, *aliases)}
    exact = _needs_case(names)
    pattern, flags = _pattern(names), re.NOFLAG if exact else re.IGNORECASE
    return ExpectedLabel(
        names={_form(name, exact): label for name, label in {**(_FIVE_STEPS if pairwise else {}), **names}.items()},
        scores={label: score for label, score, *_ in choices},
        exact=exact,
        mention=re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", flags),
        claim=re.compile(rf"(?<!\w)(?:{pattern})(?!\w){_COMPARATIVE}{_CLAIMED}(?:the\sother\b|{pattern}))", flags),
        another=re.compile(rf"{_JOINS}({pattern})(?!\w)", flags),
        words=words_for(LABEL_WORDS + SCORE_WORDS, criterion),
        pairwise=pairwise,
    )


def _needs_case(names: dict[str, str]) -> bool:
    """Whether two labels have names that differ in case only, as `m` and `M`."""
    folded = {_form(name, exact=False): label for name, label in names.items()}
    return any(folded[_form(name, exact=False)] != label for name, label in names.items())


def _pattern(names: Iterable[str]) -> str:
    longest_first = sorted(set(names), key=lambda name: (-len(name), name))
    return "|".join(map(_name_pattern, longest_first))


def _name_pattern(name: str) -> str:
    pattern = r"\s{1,3}".join(map(re.escape, name.split())) or re.escape(name)
    return f"(?-i:{pattern})" if len(name) == 1 else pattern


def _form(name: str, exact: bool) -> str:
    """A name as it is compared: white space counts once, and not at all beside `>` and `=`."""
    name = " ".join(name.split())
    if ">" in name or "=" in name:
        name = re.sub(r"\s*([>=])\s*", r"\1", name)
    return name if exact else name.casefold()
