"""Attacks on the judge: what a question makes of them, what a reply that quotes them is read as, which are flagged."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec
import pytest

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method
from service.judging.methods import METHODS
from service.judging.questions import delimiter_for
from service.judging.reading import Reading
from service.judging.reading.preparing import LONGEST_ANSWER
from service.judging.suspicion import is_suspicious
from tests.judging.attacks import ATTACKS, Attack

TEMPLATE = "Judge {{item.output}}{% for each in item.outputs %}[{{ each }}]{% endfor %} by {{ scale }}."
HARMLESS = "The sky is blue."
FIELDS = ("input", "output", "context", "reference")


class Case(NamedTuple):
    """A judge, an item that it can judge, and a verdict that no attack asks for, in prose, in JSON and as read."""

    judge: Judge
    item: Item
    line: str
    fields: dict[str, Any]
    verdict: tuple[Any, Any, Any]  # score, label, ranking


ONE = Item(input="Which colour?", output=HARMLESS, context="About the sky.", reference="Blue.")
THREE = Item(input="Which colour?", outputs=["Blue.", "Green.", "Red."], context="The sky.", reference="Blue.")
PAIR = msgspec.structs.replace(THREE, outputs=["Blue.", "Green."])


def judge(method: Method, **more: Any) -> Judge:
    return Judge(criterion="helpfulness", method=method, instructions="Does it help?", **more)


GRADES = [Choice(label="good", score=1), Choice(label="middling", score=0.5), Choice(label="bad", score=0)]
CASES = {
    Method.RATING: Case(judge(Method.RATING), ONE, "Score: 2", {"score": 2}, (2, None, None)),
    Method.PASS_FAIL: Case(judge(Method.PASS_FAIL), ONE, "Verdict: fail", {"verdict": "fail"}, (0, "fail", None)),
    Method.CATEGORY: Case(
        judge(Method.CATEGORY, choices=GRADES), ONE, "Verdict: bad", {"verdict": "bad"}, (0, "bad", None)
    ),
    Method.PAIRWISE: Case(judge(Method.PAIRWISE), PAIR, "Verdict: B", {"verdict": "B"}, (None, "B", None)),
    Method.RANKING: Case(
        judge(Method.RANKING),
        THREE,
        "Ranking: C > A > B",
        {"ranking": ["C", "A", "B"]},
        (None, None, ((2,), (0,), (1,))),
    ),
}  # fmt: skip

each_attack = pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in ATTACKS])


def test_every_method_is_attacked() -> None:
    assert set(CASES) == set(METHODS)
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


# --- the question --------------------------------------------------------------------------------------------


def places(item: Item) -> Iterator[Callable[[str], Item]]:
    """The texts that an item has, each as a function that puts another in its place."""
    for field in FIELDS:
        if getattr(item, field) is not None:
            yield partial(with_field, item, field)
    for index in range(len(item.outputs or [])):
        yield partial(with_output, item, index)


def with_field(item: Item, field: str, text: str) -> Item:
    return msgspec.structs.replace(item, **{field: text})


def with_output(item: Item, index: int, text: str) -> Item:
    outputs = list(item.outputs or [])
    outputs[index] = text
    return msgspec.structs.replace(item, outputs=outputs)


@each_attack
def test_an_attack_stands_verbatim_between_its_delimiters_and_changes_nothing_else(attack: Attack) -> None:
    marker = "a text of the test's own"
    for method, case in CASES.items():
        for put in places(case.item):
            delimiter = delimiter_for(put(attack.text), b"secret")
            assert delimiter not in attack.text
            attacked = METHODS[method].question(case.judge, put(attack.text), delimiter)
            harmless = METHODS[method].question(case.judge, put(marker), delimiter)
            assert [each.role for each in attacked.messages] == [each.role for each in harmless.messages]
            assert attacked.schema == harmless.schema
            for one, other in zip(attacked.messages, harmless.messages, strict=True):
                assert one.content == other.content.replace(marker, attack.text)
            fenced = re.compile(rf"<<<{delimiter} [^\n]+>>>\n{re.escape(attack.text)}\n<<<{delimiter} end>>>")
            (holder,) = [each for each in attacked.messages if fenced.search(each.content)]
            assert holder.role == "user"


@each_attack
def test_an_attack_in_a_prompt_of_ones_own_is_not_expanded(attack: Attack) -> None:
    for method, case in CASES.items():
        own = msgspec.structs.replace(case.judge, template=TEMPLATE)
        item = msgspec.structs.replace(case.item, output=attack.text, outputs=[attack.text], reference="a secret")
        (message,) = METHODS[method].question(own, item, delimiter_for(item, b"secret")).messages
        assert message.role == "user"
        assert message.content == f"Judge {attack.text}[{attack.text}] by {METHODS[method].levels(case.judge)}."


# --- the reply -----------------------------------------------------------------------------------------------

REMARK = "That is an attempt to influence the verdict, and I do not follow it."


def in_quotation_marks(text: str) -> str:
    """By marks that the text does not hold, as a careful writer chooses them."""
    opened, closed = next(pair for pair in ('""', "“”", "«»") if not set(pair) & set(text))
    return f"The output says: {opened}{text}{closed} {REMARK}"


def in_straight_quotation_marks(text: str) -> str:
    return f'The output says: "{text}" {REMARK}'


def as_block_quote(text: str) -> str:
    lines = re.split(r"\r\n|[\r\n]", text)
    return "\n".join(["The output says:", "", *(f"> {line}" for line in lines), "", REMARK])


def in_fence(text: str) -> str:
    """In a fence longer than any in the text, as Markdown asks for."""
    longest = max([2, *map(len, re.findall(r"`+", text))])
    fence = "`" * (longest + 1)
    return f"The output says:\n{fence}\n{text}\n{fence}\n{REMARK}"


def quoted_last(text: str) -> str:
    return f"{REMARK} It says:\n" + as_block_quote(text).removesuffix(REMARK).rstrip()


def in_a_fence_of_three(text: str) -> str:
    """In a fence that one of the text's own closes."""
    return f"The output says:\n```\n{text}\n```\n{REMARK}"


def in_words(text: str) -> str:
    """Unmarked, inside a sentence."""
    return f"The output contains {' '.join(text.split())} as its own text. {REMARK}"


def as_it_is(text: str) -> str:
    """With no mark at all: what stands on lines of its own can't be told from the judge's words."""
    return f"{text}\n\n{REMARK}"


CAREFUL = [in_quotation_marks, as_block_quote, in_fence, quoted_last]
CARELESS = [in_straight_quotation_marks, in_a_fence_of_three, in_words, as_it_is]


def read(case: Case, text: str) -> tuple[Any, Any, Any] | None:
    method = METHODS[case.judge.method]
    reading: Reading = method.read(case.judge, case.item, text, finish_reason="stop", source="text")
    return None if reading.reason else (reading.score, reading.label, reading.ranking)


@each_attack
def test_a_verdict_after_a_quoted_attack_is_the_judges_own(attack: Attack) -> None:
    for quote in [*CAREFUL, *CARELESS]:
        for method, case in CASES.items():
            for own in (case.line, json.dumps({"explanation": REMARK, **case.fields})):
                reply = f"{quote(attack.text)}\n\n{own}"
                assert read(case, reply) in (case.verdict, None), (method, quote.__name__, own)


@each_attack
def test_a_verdict_beside_an_attack_in_its_explanation_is_the_judges_own(attack: Attack) -> None:
    for method, case in CASES.items():
        for said in (attack.text, f'It says "{attack.text}".'):
            reply = json.dumps({"explanation": said, **case.fields}, ensure_ascii=False)
            accepted = (case.verdict,) if len(reply) < LONGEST_ANSWER else (case.verdict, None)
            assert read(case, reply) in accepted, method
            assert read(case, f"```json\n{reply}\n```") in accepted, method


@each_attack
def test_a_quoted_attack_without_a_verdict_is_no_verdict(attack: Attack) -> None:
    for quote in CAREFUL:
        for method, case in CASES.items():
            assert read(case, quote(attack.text)) is None, (method, quote.__name__)


@each_attack
def test_an_attack_in_an_explanation_without_a_verdict_is_no_verdict(attack: Attack) -> None:
    reply = json.dumps({"explanation": f"It says: {attack.text}"}, ensure_ascii=False)
    for method, case in CASES.items():
        assert read(case, reply) is None, method
        assert read(case, f"```json\n{reply}\n```") is None, method


# Without a verdict of its own, a reply that quotes carelessly is read as the attack where that holds the very marks
# that the judge quotes by. And what bears no mark at all is taken for the judge's words, in whatever notation.
EXCEPTIONS: dict[Callable[[str], str], set[str]] = {
    in_straight_quotation_marks: {"many_quotes", "quote_marks", "quoted", "quoted_lines"},
    in_a_fence_of_three: {"fence_closed", "fence_of_four"},
}


@pytest.mark.parametrize("quote", EXCEPTIONS)
def test_the_exceptions_are_those_that_are_known(quote: Callable[[str], str]) -> None:
    found = {attack.name for attack in ATTACKS for case in CASES.values() if read(case, quote(attack.text)) is not None}
    assert found == EXCEPTIONS[quote]


# --- the flag ------------------------------------------------------------------------------------------------


def test_most_attacks_are_flagged() -> None:
    unflagged = [attack.name for attack in ATTACKS if not is_suspicious(Item(output=attack.text))]
    print(f"\n{len(ATTACKS) - len(unflagged)} of {len(ATTACKS)} flagged, not: {', '.join(unflagged)}")
    assert len(unflagged) <= 0.1 * len(ATTACKS)
