"""Labels as judges write them: a choice's label or an alias, in a slot, on a line or in the last sentence."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from service.contracts.judges import Choice
from service.contracts.outcomes import Reason
from service.judging.reading.verdicts import ChosenLabel, Leading, ReadValue, Verdict
from service.judging.reading.words import LABEL_WORDS, MARKS, NUMBER, Words, folded, key_form, visible, words_for
from service.judging.reading.wrapping import CONDITION, FULL_STOPS, LONGEST_VALUE, SYMBOL, peeled

T = TypeVar("T")

PASS_FAIL_CHOICES = (
    Choice(label="pass", score=1, aliases=["passed", "passes"]),
    Choice(label="fail", score=0, aliases=["failed", "fails"]),
)
PAIRWISE_CHOICES = (
    Choice(label="A", aliases=["Assistant A", "Response A", "Output A", "Answer A", "Model A", "Option A"]),
    Choice(label="B", aliases=["Assistant B", "Response B", "Output B", "Answer B", "Model B", "Option B"]),
    Choice(label="tie", aliases=["a tie", "tied"]),
)
# ArenaHard's five steps name a winner wherever a label may stand; MT-bench's C for a tie only as [[C]],
# since 'Answer: C' may be the judged reply to a question with four options. A tie has other names, too.
_FIVE_STEPS = {"A>>B": "A", "A>B": "A", "A=B": "tie", "B=A": "tie", "B>A": "B", "B>>A": "B"}
_FIVE_STEPS |= {"A<<B": "B", "A<B": "B", "B<A": "A", "B<<A": "A"}
_FIVE_STEPS |= dict.fromkeys(("equal", "equally good", "draw", "a draw", "no preference", "no clear winner"), "tie")
_STEP_PATTERN = r"(?:A\s?(?:[<>]{1,2}|=)\s?B|B\s?(?:[<>]{1,2}|=)\s?A)(?!\w)"
_STEP = re.compile(_STEP_PATTERN)
_BRACKETED_TIE = "C"
_OPPOSITES = {"pass": "fail", "fail": "pass"}
# Under one of these keys, true and 1 are a pass, and false and 0 a fail.
_PASSING = re.compile(r"(?:final|overall|total)?(?:verdict|result|decision|judge?ment|outcome|score|rating|grade)")

_OPENERS = re.compile(rf"(?:{SYMBOL}\s?)?[\"'“(\[（「『【]{{0,3}}(?:it(?:['’]s|\sis)\s)?", re.I)
_CLOSING = rf"[\s{MARKS}\"'”)\]）」』】]*+"
_ADVERBS = r"(?:(?:clearly|significantly|slightly|marginally|somewhat|considerably|much|far|definitely)\s)?"
_ONE = "(?:(?:response|output|answer|assistant|model|option|one)s?|repl(?:y|ies)|two)"
# In these `@` stands for what the criterion asks for, and `~` for any name of a label.
_WINS = (
    r"(?:wins|comes\sout\s(?:ahead|on\stop)|has\s(?:the|an?)\s(?:(?:slight|small|clear)\s)?edge|"
    rf"(?:performs|does)\s{_ADVERBS}better|does\s(?:a|the)\s{_ADVERBS}better\sjob|"
    rf"(?:provides|gives|offers)\s(?:a|the)\s{_ADVERBS}(?:better|best|superior|stronger)\s{_ONE}|is\s{_ADVERBS}(?:"
    rf"(?:a|the)\s{_ADVERBS}(?:(?:better|best|preferred|superior)\s\w+|(?:strong\w+|more\s@)\s{_ONE})|(?:an?\s|the\s)?(?:clear\s)?winner|"
    r"(?:the\s)?(?:better|best|preferred|preferable|superior|stronger|strongest|more\s@)))\b"
)
_TWO = rf"(?:(?:(?:both|the|these)\s(?:two\s)?)?{_ONE}|both(?:\sof\sthem)?|they|(?:{_ONE}\s)?~\sand\s~)"
# 'for its sources' is a reason, 'for beginners' a restriction.
_FOR = r"for\s(?:th(?:e|is|at|ese|ose)|its|their|both|all|\w+ing|(?:\w+\s)?reasons?)"
_FOLLOWERS = rf"(?:because|since|as(?!\sto\b)|due|based|given|overall|over|between|{_FOR})\b"
# What may follow a label on its line: nothing, punctuation, a tag, a reason, a comparative, or `Rationale:`.
_ENDS = re.compile(
    rf"{_CLOSING}(?:$|[.,;:!<(–—]|-(?![^\W\d])|[{FULL_STOPS}，、；：！（]|{SYMBOL}|(?<=\)\s)|{_FOLLOWERS}|\w+:)",
    re.I,
)
_WHOLLY = (
    r"by\sfar|by\san?\s\w+\smargin|here|in\s(?:general|my\s(?:opinion|view)|th(?:is|e\spresent)\scase|"
    r"(?:all|every|most)\s(?:respect|aspect|way)s?)"
)
# 'They are tied.', 'Neither response is better than the other.', 'There is no clear winner.'
_EVEN = (
    rf"(?:{_TWO}(?:\sare|['’]re)\s(?:tied|(?:of\s)?equal(?:\sin)?(?:\soverall)?\squality|equally\s(?:good|bad|strong|weak|@))|"
    rf"(?:both\s)?equally\sgood|neither(?:\sof\s(?:them|{_TWO})|\s{_ONE})?\s{_WINS}(?:\s(?:than|to)\sthe\sother(?:\s{_ONE})?)?|"
    r"(?:it|this)(?:\sis|['’]s)\sa\s(?:tie|draw)|(?:there(?:\sis|['’]s)\s|(?:i\s)?have\s)?no\s(?:clear\swinner|preference))"
    rf"(?:\sbetween\s(?:them|{_TWO}))?(?:\s(?:{_WHOLLY}|overall))?\W*(?:\Z|(?:because|since)\b)"
)
# 'A is better than B.', 'A over B.' after 'I prefer', 'better, in my view'; not 'better written' or 'better, in style'.
_CLAIM = (
    rf"~(?!\w)[{MARKS}]*+\s{{1,3}}[{MARKS}]*+(?:{_WINS}(?:\s(?:than|over|to|against)(?=\s)|(?!\s~))|(?P<over>over|to|rather\sthan|instead\sof)(?=\s)|"
    rf"(?=[a-fmos]){_ADVERBS}(?:outperforms|beats|surpasses|edges\sout)(?=\s))(?:\s[{MARKS}]*+(?:the\sother\b(?:\s{_ONE}\b)?|(?P<object>~)(?!\w)))?"
    rf"(?:\sof\s(?:the\s|these\s)?(?:two|both|them)\b)?[{MARKS}]*+(?:\s(?:overall|{_WHOLLY}))?[{MARKS}]*+\s*(?:$|[.:;!)]|"
    rf"(?:because|since|as|due|based|given|of(?!\s(?:the\s|these\s)?(?:two|both|them)\b)|{_FOR})\b|"
    r",(?!\s(?:at\sleast|regarding|when\sit|(?:in|on|for)\s(?!my\b|our\b|th|general|all|both|fact|short|sum|its?\b|\w+ing\b))))"
)
_BETTER = re.compile(  # 'Better: B', 'My pick is B.', 'The stronger of the two is B.'
    rf"(?i)\A[\W_]{{0,8}}(?:(?:the\s)?(?:better|best|stronger|superior)(?:\s(?:{_ONE}|of\sthe\stwo))?|(?:my\s)?(?:vote|pick))(?:\sis|[*_\s]*:[*_]*)\s"
)
_LARGEST_LABEL = 1e15  # a JSON number beyond has no exact decimal form, and names no label
_JOINS = r"(?!\w)(?:\s\([^()\n]{1,40}\))?[^\w\n]*+(?:(?:or|and|vs|to|no|wait|sorry)\b[^\w\n]*+)?"
_NUMBER = re.compile(rf"{NUMBER}(?![.,]?\d)")
_DECIMALS = re.compile(r"[.,]\d")
_OPENED = re.compile(rf"[{MARKS}]*+(?:\)\s|[.,:]\s|\s?[–—]\s?|\s-\s)[{MARKS}]*+[^\W\d]\S*\s+\S")
_TURNED = r"but|however|although|though|yet|except|unless|if|or|unlikely|hardly|said|says|please|(?:happy|glad)\sto"
_LIMITED = re.compile(rf"\b(?:{_TURNED}|not|no|never|false|absent|low)\b|n['’]t\b|\?", re.I)
# 'No, it does not.' says no twice; 'No, it is not wrong.' may say yes.
_DENIAL = re.compile(r"no|false|(?:in|not )correct|wrong|invalid|unsupported|fail(?:s|ed)?", re.I)
_LIMITED_DENIAL = re.compile(
    rf"\b(?:{_TURNED})\b|\?|(?:\b(?:not|no|never|cannot)|n['’]t)\s(?:\w+\s)?(?:in|un|wrong|false|bad|fail|mis|no\b|not\b|without)",
    re.I,
)
_LONGEST_OPENED = 2_000  # characters
_JOINT = re.compile(r"\s+|(?<=[^\W\d_])[_-]+(?=[^\W\d_])")  # between the words of a name
_SIGNED = re.compile(r"[A-Za-z][+\-–−](?!\w)")  # 'A-' is another grade than 'A'
_RANKED_BY = frozenset(["rank", "ranking", "position", "place"])


class ExpectedLabel(NamedTuple):
    """One of some labels is asked for."""

    names: dict[str, ChosenLabel]  # by what may be written, as `_form` has it
    exact: bool  # some names are told apart by case or by what joins their words alone
    mention: re.Pattern[str]  # any one name in running text
    claim: re.Pattern[str]  # a name that is said to be better, than group `object` if there is one
    even: re.Pattern[str]  # a sentence by which neither of a pair is better
    another: re.Pattern[str]  # a second name that follows the first
    words: Words
    pairwise: bool
    foreign: Reason = Reason.OUT_OF_RANGE
    maximum: float | None = None

    def whole(self, text: str) -> Verdict | None:
        if len(text) > LONGEST_VALUE:
            return None
        return next((label for each in peeled(text) if (label := self.named(each))), None)

    def bracketed(self, text: str) -> Verdict | None:
        if self.pairwise and text.strip() == _BRACKETED_TIE:
            return self.whole(text) or self.named("tie")
        return self.whole(text)

    def bare(self, text: str, bullet: str = "") -> Verdict | None:
        return self.whole(_BETTER.sub("", text) if self.pairwise else text)

    def opening(self, text: str) -> Leading | None:
        """`B: it fits`, `Yes, it does.`, without a second label or a word that takes it back.

        Of a pair, 'A: ...' speaks of the first output.
        """
        if self.pairwise or len(text) > _LONGEST_OPENED:
            return None
        found = self.mention.match(text, len(text) - len(text.lstrip(f"{MARKS} ")))
        label = self.named(found[0]) if found else None
        if found is None or label is None or found[0].count(" ") > 1 or not _OPENED.match(text, found.end()):
            return None
        settled = {self.named(name) for name in self.mention.findall(text)} == {label}
        settled = settled and not CONDITION.match(text, found.end())
        limits = _LIMITED_DENIAL if _DENIAL.fullmatch(found[0]) else _LIMITED
        return Leading(label, found.end()) if settled and not limits.search(text, found.end()) else None

    def leading(self, text: str, head: str = "") -> Leading | None:
        alone = self.whole(text) or (self.named("tie") if self.even.match(text) else None)
        if alone is not None:
            return Leading(alone, len(text))
        opened = _OPENERS.match(text)
        start = opened.end() if opened else 0
        found = (_STEP.match(text, start) if self.pairwise else None) or _number(text, start)
        found = found if found and self.named(found[0]) else self.mention.match(text, start)
        label = self.named(found[0]) if found else None
        if found is None or label is None or _DECIMALS.match(text, found.end()):
            return None
        if not self.pairwise and _SIGNED.match(text, found.start()):
            return None
        other = self.another.match(text, found.end())
        claim = self.claim.match(text, found.start()) or found
        if (other and self.named(other[1]) != label) or CONDITION.match(text, claim.end()):
            return Leading(Reason.CONFLICT, found.end())
        return Leading(label, found.end()) if claim is not found or _ENDS.match(text, found.end()) else None

    def scalar(self, value: object, key: str) -> Verdict | None:
        if isinstance(value, str):
            return self.whole(value)
        if isinstance(value, bool):
            return self.whole(str(value)) or self._passing(value, key)
        if isinstance(value, int | float):
            named = self.whole(f"{value:.15g}") if abs(value) < _LARGEST_LABEL else None
            return named or self._passing(value, key)
        return Reason.NO_SCORE if value is None else self.foreign

    def fields(self, fields: dict[str, object]) -> Verdict | None:
        """`{"pass": true}`, and `[{"model": "A", "rank": 1}, {"model": "B", "rank": 2}]` under any key."""
        found = {*self._true_names(fields), *(each for value in fields.values() for each in self._first(value))}
        return next(iter(found)) if len(found) == 1 else Reason.CONFLICT if found else None

    def oriented(self, verdict: Verdict, place: str, text: str) -> Verdict:
        return verdict

    def misplaced(self, value: ReadValue) -> Reason | None:
        return None

    def named(self, text: str) -> ChosenLabel | None:
        """The label that `text` names, white space and, unless the names need it, case aside."""
        label = self.names.get(_form(text, self.exact))
        if label is None and _NUMBER.fullmatch(text) and len(text) <= LONGEST_VALUE:
            label = self.names.get(f"{float(text.replace('−', '-')):.15g}")
        return label

    def _passing(self, value: float, key: str) -> ChosenLabel | None:
        """The pass or fail that 1 or 0, true or false mean under a word for the verdict."""
        is_verdict = value in (0, 1) and _PASSING.fullmatch(key)
        passed, failed = (self.named(name) if is_verdict else None for name in ("pass", "fail"))
        return (passed if value else failed) if passed and failed else None

    def _true_names(self, fields: dict[str, object]) -> Iterator[ChosenLabel]:
        for key, value in fields.items():
            label = self.named(key) if isinstance(value, bool) else None
            opposite = self.named(_OPPOSITES.get(label.label, "")) if label else None
            chosen = label if value else opposite
            if chosen:
                yield chosen

    def _first(self, value: object) -> Iterator[ChosenLabel]:
        """The label ranked first in a list of ranks; the tie if all are ranked alike and there is one."""
        ranks = dict(self._ranks(value))
        first = [label for label, rank in ranks.items() if rank == min(ranks.values())]
        tie = self.named("tie") if self.pairwise else None
        if len(ranks) > 1 and isinstance(value, list) and len(ranks) == len(value):
            yield from first if len(first) == 1 else [tie] if tie else []

    def _ranks(self, value: object) -> Iterator[tuple[ChosenLabel, float]]:
        for entry in value if isinstance(value, list) else []:
            yield from ranked_entry(entry, self.named)


def ranked_entry(entry: object, named: Callable[[str], T | None]) -> Iterator[tuple[T, float]]:
    """What an element such as `{"model": "A", "rank": 1}` names, and its rank; nothing if it is something else."""
    fields = entry if isinstance(entry, dict) else {}
    ranks = [value for key, value in fields.items() if key_form(key) in _RANKED_BY and type(value) in (int, float)]
    found = [name for value in fields.values() if isinstance(value, str) and (name := named(value)) is not None]
    if len(ranks) == len(found) == 1:
        yield found[0], ranks[0]


def expected_label(
    choices: Sequence[Choice], criterion: str | None, pairwise: bool, answer_key: str | None = None
) -> ExpectedLabel:
    """What to look for; of `pairwise` choices that the caller leaves out, the defaults are kept."""
    if pairwise:
        given = {choice.label for choice in choices}
        choices = [*choices, *(choice for choice in PAIRWISE_CHOICES if choice.label not in given)]
    key = tuple((choice.label, choice.score, *choice.aliases) for choice in choices)
    return _compiled(key, criterion, pairwise, answer_key)


@lru_cache(maxsize=256)
def _compiled(
    choices: tuple[tuple[str, float | None, *tuple[str, ...]], ...],
    criterion: str | None,
    pairwise: bool,
    answer_key: str | None,
) -> ExpectedLabel:
    labels = {label: ChosenLabel(label, score) for label, score, *_ in choices}
    names = {visible(name): labels[label] for label, _, *aliases in choices for name in (label, *aliases)}
    steps = {name: labels[label] for name, label in _FIVE_STEPS.items()} if pairwise else {}
    exact = _needs_case(names)
    pattern, flags = _pattern(names), re.NOFLAG if exact else re.IGNORECASE
    parts = {"@": re.escape((criterion or "good").removesuffix("ness")), "~": pattern}  # more helpful, for helpfulness
    templates = (_CLAIM, _EVEN if pairwise else "(?!)")
    claim, even = (re.compile(re.sub("[@~]", lambda part: parts[part[0]], each), flags) for each in templates)
    in_brackets = {f"{name[:-2]} ({name[-1]})": label for name, label in names.items() if name[-2:-1] in (*" _-",)}
    return ExpectedLabel(
        names={_form(name, exact): label for name, label in {**steps, **in_brackets, **names}.items()},
        exact=exact,
        mention=re.compile(rf"{pattern}(?!\w)", flags),
        claim=claim,
        even=even,
        another=re.compile(
            rf"{_JOINS}({_STEP_PATTERN}|{pattern})(?!\w)" if pairwise else rf"{_JOINS}({pattern})(?!\w)", flags
        ),
        words=words_for(LABEL_WORDS, criterion, answer_key),
        pairwise=pairwise,
    )


def _needs_case(names: dict[str, ChosenLabel]) -> bool:
    """Whether two labels have names that differ in case or in what joins their words only, as `m` and `M`."""
    folded_names = {_form(name, exact=False): label for name, label in names.items()}
    return any(folded_names[_form(name, exact=False)] != label for name, label in names.items())


def _number(text: str, start: int) -> re.Match[str] | None:
    found = _NUMBER.match(text, start)
    return found if found and not text[found.end() : found.end() + 1].isalpha() else None


def _pattern(names: Iterable[str]) -> str:
    longest_first = sorted(set(names), key=lambda name: (-len(name), name))
    first = "".join(sorted({re.escape((name.strip() or name)[:1]) for name in names}))  # for speed
    return rf"(?=[{first}])(?<!\w)(?:{'|'.join(map(_name_pattern, longest_first))})"


def _name_pattern(name: str) -> str:
    pattern = r"[\s_-]{1,3}".join(map(re.escape, _JOINT.split(name.strip()))) or re.escape(name)
    pattern = re.sub(r"(?<=3\})(\w)\Z", r"(?:\1|\\(\1\\))", pattern)  # 'Output (a)'
    return f"(?-i:{pattern})" if len(name) == 1 else pattern


def _form(name: str, exact: bool) -> str:
    """A name as it is compared: white space counts once, as does what else joins words, and not at all beside `>` and
    `=`.
    """
    name = " ".join(name.split())
    if re.search("[<>=]", name):
        name = re.sub(r"\s*([<>=])\s*", r"\1", name)
    return name if exact else folded(_JOINT.sub(" ", name))
