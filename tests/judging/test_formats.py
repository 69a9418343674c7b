"""Answers in the formats that people's judge prompts ask for most, each as a judge's definition.

A format is named after the tool or paper that made it known. The answers are of this test's own wording: first as the
format demands, then as models spoil it. What can't be read for sure must be read as nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest

from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method, Scale, judge_digest
from service.judging.methods import METHODS

Read = float | str | list[int] | None  # a score, a label, a ranking (ties aside), or nothing


class Format(NamedTuple):
    """A judge of one format, and how answers to it must be read."""

    name: str
    judge: Judge
    answers: list[tuple[str, Read]]


def rating(
    low: float, high: float, *, step: float | None = 1, criterion: str = "quality", answer_key: str | None = None
) -> Judge:
    scale = Scale(min=low, max=high, step=step)
    return Judge(
        criterion=criterion, method=Method.RATING, instructions="How good?", scale=scale, answer_key=answer_key
    )


def named(labels: Mapping[str, Sequence[str]]) -> list[Choice]:
    return [Choice(label=label, aliases=list(aliases)) for label, aliases in labels.items()]


def labelled(
    method: Method,
    labels: Mapping[str, Sequence[str]],
    *,
    criterion: str = "correctness",
    answer_key: str | None = None,
) -> Judge:
    return Judge(
        criterion=criterion, method=method, instructions="Which?", choices=named(labels), answer_key=answer_key
    )


def category(*labels: str, **more: Any) -> Judge:
    return labelled(Method.CATEGORY, dict.fromkeys(labels, ()), **more)


def pair(a: Sequence[str] = (), b: Sequence[str] = (), tie: Sequence[str] = ()) -> Judge:
    return labelled(Method.PAIRWISE, {"A": a, "B": b, "tie": tie}, criterion="preference")


def pass_fail(passed: Sequence[str] = (), failed: Sequence[str] = (), **more: Any) -> Judge:
    return labelled(Method.PASS_FAIL, {"pass": passed, "fail": failed}, **more)


RANKING = Judge(criterion="relevance", method=Method.RANKING, instructions="Which order?")
YES_NO = {"yes": (), "no": ()}
LETTERS = dict.fromkeys("ABCDE", ())

FORMATS = [
    # --- ratings
    Format(
        "fastchat single",
        rating(1, 10),
        [
            ("It is right and short.\n\nRating: [[7]]", 7),
            ("It is right. **Rating: [[7]]**.", 7),
            ("Rating: 7", 7),
            ("Rating: [[7/10]]", 7),
            ("Rating: [[7]] out of 10", 7),
            ("Rating: [[6]] or [[7]]", None),
            ("Rating: [[11]]", None),
        ],
    ),
    Format(
        "auto-j", rating(1, 10), [("It lacks depth.\nRating: [[4]]", 4), ('I judge as follows: "Rating: [[4]]".', 4)]
    ),
    Format(
        "prometheus 1 absolute",
        rating(1, 5),
        [
            ("Feedback: It covers all points. [RESULT] 4", 4),
            ("Feedback: Fine. [RESULT]: 4/5", 4),
            ("It is fine. [Result] Score: 4", 4),
            ("Feedback: Fine. [RESULT] four", None),
        ],
    ),
    Format(
        "prometheus 2 relative",
        pair(),
        [
            ("Feedback: The first is deeper. [RESULT] A", "A"),
            ("Feedback: The first is deeper. [RESULT: A]", "A"),
            ("The other one is deeper. [RESULT] Response B", "B"),
            ("[RESULT] A or B", None),
        ],
    ),
    Format(
        "g-eval",
        rating(1, 5, criterion="coherence"),
        [
            ("- Coherence: 3", 3),
            ("Coherence: 3/5", 3),
            ("3", 3),
            ("- 3", 3),
            ("Coherence (1-5): 3", 3),
            ("Fluency: 3", None),
        ],
    ),
    Format(
        "deepeval g-eval",
        rating(0, 10),
        [
            ('{"reason": "Two steps are missing.", "score": 6}', 6),
            ('```json\n{"score": 6, "reason": "Two steps are missing.",}\n```', 6),
            ("{'score': 6, 'reason': 'Two steps are missing.'}", 6),
            ('{"score": "six"}', None),
        ],
    ),
    Format(
        "deepeval verdicts",
        category("yes", "no", "idk"),
        [('{"verdict": "yes", "reason": "It follows."}', "yes"), ('{"verdict": "idk"}', "idk")],
    ),
    Format(
        "cookbook total rating",
        rating(1, 10),
        [
            ("Feedback::: It answers the question.\nTotal rating: 8", 8),
            ("Evaluation: It answers the question.\nTotal rating: 8/10", 8),
            ("Total rating: 2\nFeedback::: More.\nTotal rating: 3", None),
        ],
    ),
    Format(
        "judge arena",
        rating(1, 5, answer_key="result"),
        [('{"feedback": "Clear.", "result": 4}', 4), ('{"feedback": "Line one\nline two", "result": 4}', 4)],
    ),
    Format("llm-eval", rating(0, 100), [('{"appropriateness": 80, "overall": 85}', 85), ("Overall: 85", 85)]),
    Format(
        "mt-bench reference-guided",
        rating(1, 10),
        [("Both steps agree with the reference.\n\nRating: [[9]]", 9), ("The rating is 9.", 9)],
    ),
    Format(
        "alpaca-style 0 to 9",
        rating(0, 9),
        [("6", 6), (" 6.\n", 6), ("Score: 6", 6), ("6/9", 6), ("6 or 7", None)],
    ),
    Format(
        "mlflow",
        rating(1, 5),
        [
            ("score: 4\njustification: All claims hold.", 4),
            ('{"result": 4, "rationale": "All claims hold."}', 4),
            ("**score**: 4\n**justification**: 3 of 3 claims hold.", 4),
        ],
    ),
    Format(
        "vertex pointwise",
        rating(1, 5),
        [
            ('{"explanation": "It follows the order.", "score": 5}', 5),
            ('```json\n[{"explanation": "It follows the order.", "score": 5}]\n```', 5),
            ("**Score:** 5", 5),
        ],
    ),
    Format("trulens", rating(0, 3), [("Supporting Evidence: all of it.\nScore: 3", 3), ("Score: 3.", 3), ("3", 3)]),
    Format(
        "trulens criteria",
        rating(0, 10),
        [("Criteria: relevant\nSupporting Evidence: It names 2 of 3 causes.\nScore: 7", 7)],
    ),
    Format(
        "ragas rubric",
        rating(1, 5),
        [('{"feedback": "Near the reference.", "score": 4}', 4), ('{"output": {"score": 4}}', None)],
    ),
    Format(
        "llamaindex correctness",
        rating(1, 5, step=0.5),
        [("4.5\nThe generated answer is right but long.", 4.5), ("**4.5**", 4.5), ("4.25", None)],
    ),
    Format(
        "langchain score string",
        rating(1, 10),
        [("The submission is helpful.\n\nRating: [[8]]", 8), ("[[8]]", 8)],
    ),
    Format(
        "tigerscore total",
        rating(-10, 0, answer_key="reduction score"),
        [("Error location 1: the date\nReduction score: -4", -4), ("Reduction score: −4", -4)],
    ),
    Format(
        "themis",
        rating(1, 5),
        [("Analysis: The order is kept.\nRating: 4", 4), ("Analysis: fine. Rating: 4", 4)],
    ),
    Format(
        "flow judge",
        rating(1, 5),
        [
            ("<feedback>\nIt is complete.\n</feedback>\n<score>\n4\n</score>", 4),
            ("<feedback>It is complete.</feedback><score>4", None),
        ],
    ),
    Format(
        "selene and atla",
        rating(1, 5),
        [("**Reasoning:** It cites its source.\n\n**Result:** 4", 4), ("**Result**: 4/5", 4)],
    ),
    Format(
        "glider",
        rating(1, 5),
        [("<reasoning>\n- sound\n</reasoning>\n<highlight>[]</highlight>\n<score>\n4\n</score>", 4)],
    ),
    Format(
        "strongreject",
        rating(1, 5, answer_key="convincingness"),
        [("#reasoning: fine\n#refusal: 0\n#convincingness: 4\n#specificity: 2", 4)],
    ),
    Format(
        "harm score",
        rating(1, 5, criterion="harm"),
        [("#thereason: It gives no steps.\n#thescore: 2", 2), ("#thescore: 2", 2), ("#thescore: two", None)],
    ),
    Format("summeval usefulness", rating(1, 5, criterion="usefulness"), [("Therefore, the usefulness score is 4.", 4)]),
    Format(
        "boxed", rating(1, 10), [("It holds.\n\nFinal score: \\boxed{8}", 8), ("The final answer is $\\boxed{8}$.", 8)]
    ),
    Format(
        "chinese",
        rating(1, 10),
        [("解释：步骤完整。\n评分：8", 8), ("得分：8/10", 8), ("理由充分。\n**评分**：8", 8), ("点数：8", 8)],
    ),
    Format(
        "opik", rating(0, 1, step=None), [('{"score": 0.85, "reason": ["Two claims hold."]}', 0.85), ("0.85", 0.85)]
    ),
    Format(
        "rewardbench ratings", rating(1, 10), [("My rating is 7 out of 10 overall.", 7), ("I would give it a 7.", 7)]
    ),
    Format(
        "answer tag", rating(1, 5), [("<think>3 or 4?</think><answer>4</answer>", 4), ("<answer>Score: 4</answer>", 4)]
    ),
    Format("mistral tool call", rating(1, 5), [('[TOOL_CALLS] [{"name": "grade", "arguments": {"score": 4}}]', 4)]),
    Format(
        "hermes tool call",
        rating(1, 5),
        [('<tool_call>\n{"name": "grade", "arguments": {"reason": "Fine.", "score": 4}}\n</tool_call>', 4)],
    ),
    # --- pairs
    Format(
        "fastchat pair",
        pair(a=["Assistant A"], b=["Assistant B"]),
        [
            ("Both are right, but one is clearer.\n\n[[A]]", "A"),
            ("Equally good. [[C]]", "tie"),
            ("Final verdict: Assistant B is better. [[B]]", "B"),
            ("[[A]] at first, then [[B]]", None),
        ],
    ),
    Format(
        "arena-hard",
        pair(),
        [
            ("**Answer: B**\n\nBoth reach it.\n\nMy final verdict is tie: [[A=B]]", "tie"),
            ("My final verdict is Assistant A is slightly better: [[A>B]]", "A"),
            ("[[B>>A]].", "B"),
            ("**Verdict:** [[ B >> A ]]", "B"),
            ("[[A>B]] for style, [[B>A]] for content", None),
        ],
    ),
    Format(
        "alpacaeval ranks",
        pair(a=["model_1", "m"], b=["model_2", "M"]),
        [
            ('[{"model": "model_1", "rank": 2}, {"model": "model_2", "rank": 1}]', "B"),
            ("[{'model': 'model_1', 'rank': 1}, {'model': 'model_2', 'rank': 2}]", "A"),
            (
                '{"concise_explanation": "Fuller.", "ordered_models": [{"model": "m", "rank": 1}, '
                '{"model": "M", "rank": 2}]}',
                "A",
            ),
            ('{"ordered_models": [{"model": "m", "rank": 1}, {"model": "M", "rank": 1}]}', "tie"),
        ],
    ),
    Format("alpacaeval letter", pair(a=["m"], b=["M"]), [("M", "B"), ("m", "A"), ("**M**", "B"), ("m or M", None)]),
    Format(
        "llmbar",
        pair(a=["Output (a)"], b=["Output (b)"]),
        [
            ("Output (a)", "A"),
            ("The first keeps to the form. Therefore, Output (a) is better.", "A"),
            ("Output (b)\n\nThe second keeps to the form.", "B"),
            ("Output (a) is better than Output (b).", None),
        ],
    ),
    Format(
        "pandalm",
        pair(a=["1"], b=["2"], tie=["Tie"]),
        [("1\n\n### Reason: It is fuller.", "A"), ("Tie", "tie"), ("2", "B")],
    ),
    Format(
        "vertex pairwise",
        pair(a=["BASELINE"], b=["CANDIDATE"], tie=["SAME"]),
        [('{"pairwise_choice": "A", "explanation": "Fuller."}', None), ("Choice: CANDIDATE", "B"), ("SAME", "tie")],
    ),
    Format(
        "vertex pairwise with its key",
        labelled(Method.PAIRWISE, {"A": (), "B": (), "tie": ("SAME",)}, answer_key="pairwise_choice"),
        [('{"pairwise_choice": "A", "explanation": "Fuller."}', "A"), ('{"pairwise_choice": "SAME"}', "tie")],
    ),
    Format("reasoning judgebench", pair(), [("<answer>[[A>B]]</answer>", "A"), ("<answer>B</answer>", "B")]),
    Format("ragchecker pair", pair(), [("Winner: B", "B"), ('{"winner": "tie"}', "tie"), ("The winner is B.", "B")]),
    Format(
        "constitutional",
        pair(a=["(A)"], b=["(B)"]),
        [("The answer is (B).", "B"), ("(A)", "A"), ("(B) It does no harm.", "B")],
    ),
    Format(
        "j1 and rm-r1", pair(), [("<think>Hm. [[A]]</think><answer>[[B]]</answer>", "B"), ("<reasoning>[[A]]", None)]
    ),
    # --- categories
    Format(
        "simpleqa",
        labelled(Method.CATEGORY, {"CORRECT": ["A"], "INCORRECT": ["B"], "NOT_ATTEMPTED": ["C"]}),
        [("A", "CORRECT"), ("C.", "NOT_ATTEMPTED"), ("CORRECT", "CORRECT"), ("B\n", "INCORRECT"), ("A or B", None)],
    ),
    Format(
        "inspect model graded",
        category("C", "P", "I"),
        [
            ("It names both rivers.\n\nGRADE: C", "C"),
            ("GRADE: **I**", "I"),
            ("GRADE: C\nwould be too kind.\nGRADE: I", None),
            ("GRADE: Z", None),
        ],
    ),
    Format(
        "openai evals fact",
        labelled(Method.CATEGORY, LETTERS),
        [
            ("(B)", "B"),
            ("(B) The answer says more than the reference.", "B"),
            ("It says more.\n\nAnswer: (B)", "B"),
            ("It says more.\n\nB", "B"),
        ],
    ),
    Format(
        "openai evals closed",
        category("Y", "N"),
        [("All holds.\n\nY", "Y"), ("N\nIt is silent on two.", "N"), ("Y/N", None)],
    ),
    Format(
        "autoevals factuality",
        labelled(Method.CATEGORY, LETTERS),
        [('{"reasons": "A subset.", "choice": "A"}', "A"), ("A", "A")],
    ),
    Format(
        "phoenix hallucination",
        category("factual", "hallucinated"),
        [
            ("factual", "factual"),
            ("EXPLANATION: It invents a date.\nLABEL: hallucinated", "hallucinated"),
            ('{"explanation": "It invents a date.", "label": "hallucinated"}', "hallucinated"),
            ("Hallucinated.", "hallucinated"),
            ("LABEL: factual or hallucinated", None),
        ],
    ),
    Format(
        "ragas noncommittal",
        category("0", "1"),
        [('{"noncommittal": 1}', None), ('{"verdict": 1}', "1"), ("1.0", "1"), ("0.5", None)],
    ),
    Format(
        "ragas noncommittal with its key",
        category("0", "1", answer_key="noncommittal"),
        [('{"noncommittal": 1, "question": "Where?"}', "1"), ("Noncommittal: 0", "0")],
    ),
    Format(
        "minicheck",
        labelled(Method.CATEGORY, YES_NO),
        [("Yes", "yes"), ("No.", "no"), ("Yes\nIt follows.", "yes"), ("Perhaps", None)],
    ),
    Format(
        "humanity's last exam",
        labelled(Method.CATEGORY, YES_NO, answer_key="correct"),
        [
            ("extracted_final_answer: No\n\nreasoning: It names another.\n\ncorrect: yes\n\nconfidence: 90%", "yes"),
            ('{"extracted_final_answer": "yes", "correct": "no", "confidence": 100}', "no"),
            ("**correct**: no", "no"),
        ],
    ),
    Format(
        "reference errors",
        labelled(
            Method.CATEGORY,
            {"correct": ["the response is correct"], "wrong": ["the response contains an error"]},
        ),
        [
            ("Line 2 swaps the terms. Therefore, the response contains an error.", "wrong"),
            ("In conclusion: the response is correct", "correct"),
            ("It is hard to say whether the response is correct.", None),
        ],
    ),
    Format(
        "helm refusal",
        category("refusal", "compliance"),
        [("<label>refusal</label>", "refusal"), ("Label: compliance", "compliance")],
    ),
    Format(
        "llama guard",
        labelled(Method.CATEGORY, {"safe": (), "unsafe": ()}),
        [("safe", "safe"), ("unsafe\nS1", "unsafe")],
    ),
    Format(
        "wildguard",
        labelled(Method.CATEGORY, YES_NO, answer_key="harmful response"),
        [("Harmful request: yes\nHarmful response: no", "no")],
    ),
    # --- pass and fail
    Format(
        "promptfoo",
        pass_fail(),
        [
            ('{"reason": "It keeps the tone.", "pass": true, "score": 1}', "pass"),
            ('{"reason": "It is rude.", "pass": false, "score": 0.2}', "fail"),
            ("{'reason': 'It is rude.', 'pass': False}", "fail"),
            ('{"pass": true, "verdict": "fail"}', None),
        ],
    ),
    Format(
        "healthbench",
        pass_fail(["true"], ["false"], answer_key="criteria_met"),
        [
            ('{"explanation": "It advises a visit.", "criteria_met": true}', "pass"),
            ('```json\n{"explanation": "It is silent.", "criteria_met": false}\n```', "fail"),
            ("criteria_met: False", "fail"),
        ],
    ),
    Format("paperbench", pass_fail(["1"], ["0"]), [("# Score\n1", "pass"), ("Score: 0", "fail"), ("Score: 0.5", None)]),
    Format(
        "guardrails",
        pass_fail(["yes"], ["no"]),
        [("Answer: yes", "pass"), ("no", "fail"), ("Verdict: does not pass", None)],
    ),
    Format(
        "lynx",
        pass_fail(),
        [('{"REASONING": ["It follows."], "SCORE": "PASS"}', "pass"), ('{"REASONING": [], "SCORE": FAIL}', None)],
    ),
    # --- rankings of three
    Format(
        "rankgpt",
        RANKING,
        [("[2] > [1] > [3]", [1, 0, 2]), ("[2] > [1]", None), ("[2]>[1]>[3].", [1, 0, 2]), ("[4] > [1] > [2]", None)],
    ),
    Format(
        "listwise letters",
        RANKING,
        [
            ("Ranking: C > A > B", [2, 0, 1]),
            ("1. C\n2. A\n3. B", [2, 0, 1]),
            ("Order: C, A, B (worst to best)", [1, 0, 2]),
        ],
    ),
    Format(
        "list of ranks",
        RANKING,
        [
            ('[{"model": "A", "rank": 2}, {"model": "B", "rank": 3}, {"model": "C", "rank": 1}]', [2, 0, 1]),
            ('{"A": 2, "B": 3, "C": 1}', [2, 0, 1]),
            ('{"ranking": [3, 1, 2]}', [2, 0, 1]),
        ],
    ),
]

CASES = [
    pytest.param(each.judge, text, read, id=f"{each.name} {number}")
    for each in FORMATS
    for number, (text, read) in enumerate(each.answers)
]


def read(judge: Judge, text: str) -> Read:
    item = Item(output="x") if judge.method not in (Method.PAIRWISE, Method.RANKING) else Item(outputs=["x", "y", "z"])
    reading = METHODS[judge.method].read(judge, item, text, finish_reason="stop", source="text")
    if reading.ranking is not None:
        assert all(len(group) == 1 for group in reading.ranking)
        return [group[0] for group in reading.ranking]
    return reading.score if judge.method is Method.RATING else reading.label


def test_each_format_is_there_once_and_is_a_judge_that_may_be_stored() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS) >= 62
    assert [each.name for each in FORMATS if METHODS[each.judge.method].problems(each.judge)] == []


@pytest.mark.parametrize(("judge", "text", "expected"), CASES)
def test_an_answer_in_a_format_of_the_field_is_read(judge: Judge, text: str, expected: Read) -> None:
    assert read(judge, text) == expected


def test_an_answer_key_is_part_of_a_digest_only_if_it_is_set() -> None:
    """Digests of judges that were stored before there were answer keys stay as they are."""
    plain = Judge(criterion="x", method=Method.RATING, instructions="y")
    assert judge_digest(plain) == "sha256:1b8d491bf18c83e48df7826a4b0f290daf5650749378fc139843c989302a5aed"
    assert judge_digest(msgspec.structs.replace(plain, answer_key="z")) != judge_digest(plain)
