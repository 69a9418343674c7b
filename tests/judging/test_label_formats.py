"""Answers with a label or a ranking, in the formats that people's judge prompts ask for most (`formats.py`)."""

import pytest

from service.contracts.judges import Judge, Method
from tests.judging.formats import Format, Read, cases, category, labelled, pair, pass_fail, read, unsound

RANKING = Judge(criterion="relevance", method=Method.RANKING, instructions="Which order?")
YES_NO = {"yes": (), "no": ()}
LETTERS = dict.fromkeys("ABCDE", ())

FORMATS = [
    # --- pairs
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
            ("Output (a) is better than Output (b).", "A"),
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
        "deepeval verdicts",
        category("yes", "no", "idk"),
        [('{"verdict": "yes", "reason": "It follows."}', "yes"), ('{"verdict": "idk"}', "idk")],
    ),
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


def test_each_format_is_there_once_and_is_a_judge_that_may_be_stored() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS) >= 36
    assert unsound(FORMATS) == []


@pytest.mark.parametrize(("judge", "text", "expected"), cases(FORMATS))
def test_an_answer_in_a_format_of_the_field_is_read(judge: Judge, text: str, expected: Read) -> None:
    assert read(judge, text) == expected
