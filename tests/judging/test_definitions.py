"""The definition of a judge: its digest, its problems, its examples, its own prompt, and what passes."""

from typing import Any

import msgspec
import pytest

from service.contracts.items import Item
from service.contracts.judges import Choice, Example, Judge, Method, Parameters, PassIf, Scale, judge_digest
from service.contracts.outcomes import Reason
from service.judges import built_in
from service.judging.methods import METHODS, judge_problems
from service.judging.passing import passed
from service.judging.questions import ask_again

LABELS = [Choice(label="no", score=0), Choice(label="yes", score=1)]
RATING = Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?")
CATEGORY = Judge(criterion="wit", method=Method.CATEGORY, instructions="Is it funny?", choices=LABELS)
PAIRWISE = Judge(criterion="wit", method=Method.PAIRWISE, instructions="Which is funnier?")
RANKING = Judge(criterion="wit", method=Method.RANKING, instructions="Which are funnier?")


def changed(judge: Judge, **fields: Any) -> Judge:
    return msgspec.structs.replace(judge, **fields)


def user_text(judge: Judge, item: Item) -> str:
    return METHODS[judge.method].question(judge, item, "d").messages[-1].content


# --- digests --------------------------------------------------------------------------------------------------


def test_digests_stay_the_same_for_judges_without_the_later_fields() -> None:
    """Jobs, judgments and counters of years name them."""
    assert {name: judge_digest(judge)[7:15] for name, judge in built_in().items()} == {
        "coherence": "f8a21363",
        "conciseness": "35ac38dc",
        "correctness": "a6f3ed5c",
        "faithfulness": "2b46c7de",
        "helpfulness": "87aa54b0",
        "instruction-following": "3ec35e81",
        "politeness": "045af493",
        "preference": "c5006d3f",
        "relevance": "e23976c9",
        "toxicity": "683f4edc",
    }
    older = Judge(
        criterion="c",
        method=Method.RATING,
        instructions="i",
        scale=Scale(min=1, max=3),
        parameters=Parameters(temperature=0.5, seed=3),
        models=["a/b"],
        samples=2,
    )
    assert judge_digest(older) == "sha256:f3d19c358bd5d8f465cafe0f7d4194bcd2a08d795c94ca96f5039510e7c5bbb4"
    plain = Judge(criterion="x", method=Method.RATING, instructions="y")
    assert judge_digest(plain) == "sha256:1b8d491bf18c83e48df7826a4b0f290daf5650749378fc139843c989302a5aed"


@pytest.mark.parametrize(
    "fields",
    [
        {"answer_key": "grade"},
        {"examples": [Example(output="x", score=3)]},
        {"pass_if": PassIf(min=4)},
        {"parameters": Parameters(reasoning_effort="low")},
        {"parameters": Parameters(extra={"top_k": 1})},
    ],
)
def test_each_later_field_changes_the_digest(fields: dict[str, Any]) -> None:
    assert judge_digest(changed(RATING, **fields)) != judge_digest(RATING)


# --- problems -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("judge", "fields", "problem"),
    [
        (RATING, {"pass_if": PassIf()}, ("/pass_if", "give min, max or labels")),
        (RATING, {"pass_if": PassIf(min=4, max=3)}, ("/pass_if/max", "must not be less than min")),
        (RATING, {"pass_if": PassIf(min=6)}, ("/pass_if/min", "nothing passes: the highest score is 5")),
        (RATING, {"pass_if": PassIf(max=0.5)}, ("/pass_if/max", "nothing passes: the lowest score is 1")),
        (RATING, {"pass_if": PassIf(labels=["a"])}, ("/pass_if/labels", "the answers are numbers: give min or max")),
        (RATING, {"pass_if": PassIf(labels=["a"], min=1)}, ("/pass_if", "give min and max, or labels, not both")),
        (
            CATEGORY,
            {"pass_if": PassIf(labels=["maybe"])},
            ("/pass_if/labels/0", "'maybe' is not one of the labels (no, yes)"),
        ),
        (PAIRWISE, {"pass_if": PassIf(min=1)}, ("/pass_if", "the labels have no scores: give labels")),
        (RANKING, {"pass_if": PassIf(min=1)}, ("/pass_if", "the answers of this method have no order to pass by")),
        (
            RATING,
            {"template": "Judge {{criterion}}."},
            ("/template", "must show the item: use at least one variable such as {{item.output}}"),
        ),
        (
            RATING,
            {"template": "Judge {{item.output}}.", "examples": [Example(output="x", score=3)]},
            ("/examples", "only the built-in prompt shows them: write them in the template"),
        ),
        (
            RATING,
            {"examples": [Example(output="x", score=3), Example(output="y", score=9)]},
            ("/examples/1", "its score is not an answer that the judge can give: out_of_range"),
        ),
        (
            CATEGORY,
            {"examples": [Example(output="y", label="perhaps")]},
            ("/examples/0", "its verdict is not an answer that the judge can give: out_of_range"),
        ),
        (
            RANKING,
            {"examples": [Example(outputs=["x", "y"], ranking=[1])]},
            ("/examples/0", "its ranking is not an answer that the judge can give: out_of_range"),
        ),
        (
            RATING,
            {"parameters": Parameters(extra={"stream": True})},
            ("/parameters/extra/stream", "would change how the answer is sent: leave it out"),
        ),
    ],
)
def test_a_problem_is_named_by_its_place(judge: Judge, fields: dict[str, Any], problem: tuple[str, str]) -> None:
    [found] = judge_problems(changed(judge, **fields))
    assert found[0] == problem[0]
    assert found[1].startswith(problem[1].partition(": out_of_range")[0])


@pytest.mark.parametrize(
    ("judge", "fields"),
    [
        (RATING, {"pass_if": PassIf(min=4)}),
        (RATING, {"pass_if": PassIf(min=2, max=4)}),
        (CATEGORY, {"pass_if": PassIf(labels=["yes"])}),
        (CATEGORY, {"pass_if": PassIf(min=0.5)}),
        (PAIRWISE, {"pass_if": PassIf(labels=["A", "tie"])}),
        (PAIRWISE, {"examples": [Example(outputs=["x", "y"], label="tie")]}),
        (RANKING, {"examples": [Example(outputs=["x", "y", "z"], ranking=[1, [0, 2]])]}),
        (RATING, {"system": "Judge {{item.output}} of {{criterion}}.", "template": "Now {{instructions}}"}),
        (RATING, {"template": "{% if item.reference %}{{item.reference}}{% endif %}"}),
    ],
)
def test_these_are_fine(judge: Judge, fields: dict[str, Any]) -> None:
    assert judge_problems(changed(judge, **fields)) == []


# --- examples -------------------------------------------------------------------------------------------------


def test_examples_stand_in_their_order_before_the_item_and_are_cached_with_the_instructions() -> None:
    shown = [Example(input="q1", output="first", score=2, explanation="Flat."), Example(output="the other", score=5)]
    judge = changed(RATING, examples=shown)
    _, message = METHODS[judge.method].question(judge, Item(output="third"), "d").messages
    stable, rest = message.content[: message.stable], message.content[message.stable :]
    assert stable.index("first") < stable.index('{"explanation":"Flat.","score":2}') < stable.index("the other")
    assert "<<<example 1 Input>>>\nq1\n<<<example 1 end>>>" in stable
    assert stable.endswith('The right answer:\n{"explanation":"","score":5}')
    assert "third" in rest


def test_an_example_has_its_answer_in_the_form_that_is_asked_for() -> None:
    labelled = changed(CATEGORY, output="text", examples=[Example(output="x", label="yes", explanation="Ha.")])
    assert "The right answer:\nHa.\nVerdict: yes\n" in user_text(labelled, Item(output="y"))
    ranked = changed(RANKING, output="text", examples=[Example(outputs=["x", "y", "z"], ranking=[1, [0, 2]])])
    assert "The right answer:\nRanking: B > A = C\n" in user_text(ranked, Item(outputs=["v", "w"]))
    ranked = changed(ranked, output="auto")
    assert '{"explanation":"","ranking":["B",["A","C"]]}' in user_text(ranked, Item(outputs=["v", "w"]))


def test_without_examples_the_prompt_is_as_before() -> None:
    assert "xample" not in user_text(RATING, Item(output="y"))


# --- own prompts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("output", "has_schema"), [("auto", False), ("text", False), ("schema", True)])
def test_an_own_template_says_alone_how_to_answer(output: str, has_schema: bool) -> None:
    judge = changed(RATING, template="Grade {{item.output}}", output=output)
    method, item = METHODS[judge.method], Item(output="x")
    question = method.question(judge, item, "d")
    assert (question.schema is not None) == has_schema
    again = ask_again(question, "Hm.", Reason.NO_SCORE, method.reminder(judge, item))
    assert again.messages[-1].content.endswith("Answer again, in the form that was asked for.")


def test_an_own_system_message_alone_keeps_the_built_in_form() -> None:
    judge = changed(RATING, system="Be strict.")
    method, item = METHODS[judge.method], Item(output="x")
    question = method.question(judge, item, "d")
    assert question.schema is not None
    assert method.reminder(judge, item) == method.form(judge, item)
    assert method.form(judge, item) in question.messages[-1].content


def test_the_answer_key_names_the_answer_in_text_and_json() -> None:
    judge = changed(RATING, answer_key="grade")
    method = METHODS[judge.method]
    for text in ('{"grade": 3}', "Good.\nGrade: 3"):
        assert method.read(judge, Item(output="x"), text, finish_reason=None, source="text").score == 3


# --- passing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "score", "label", "expected"),
    [
        (PassIf(min=4), 4, None, True),
        (PassIf(min=4), 3.99, None, False),
        (PassIf(max=2), 2, None, True),
        (PassIf(min=2, max=4), 5, None, False),
        (PassIf(min=4), None, None, None),
        (PassIf(labels=["yes"]), 1, "yes", True),
        (PassIf(labels=["yes"]), 0, "no", False),
        (PassIf(labels=["yes"]), None, None, None),
        (None, 4, None, msgspec.UNSET),
    ],
)
def test_passing(condition: PassIf | None, score: float | None, label: str | None, expected: object) -> None:
    assert passed(changed(RATING, pass_if=condition), score, label) is expected


def test_a_definition_is_bounded() -> None:
    large = changed(RATING, examples=[Example(output="x" * 100_000, score=3)] * 41)
    assert ("", "a definition has at most 4000000 bytes of JSON") in judge_problems(large)
    for field, value in (("models", ["a/b"] * 21), ("choices", [{"label": str(n)} for n in range(1001)])):
        content = {"criterion": "c", "method": "category", "instructions": "x", field: value}
        with pytest.raises(msgspec.ValidationError, match="of length <="):
            msgspec.convert(content, Judge)


def test_free_parameters_are_such_that_the_store_keeps_them() -> None:
    nested: list[Any] = []
    for _ in range(70):
        nested = [nested]
    extra = {"big": 2**70, "deep": nested}
    pointers = [pointer for pointer, _ in judge_problems(changed(RATING, parameters=Parameters(extra=extra)))]
    assert pointers[0] == "/parameters/extra/big"
    assert pointers[1].startswith("/parameters/extra/deep/0/0")
