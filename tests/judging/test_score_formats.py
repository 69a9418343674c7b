"""Answers with a score, in the formats that people's judge prompts ask for most (`formats.py`)."""

import pytest

from service.contracts.judges import Judge
from tests.judging.formats import Format, Read, cases, rating, read, unsound

FORMATS = [
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
]


def test_each_format_is_there_once_and_is_a_judge_that_may_be_stored() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS) >= 32
    assert unsound(FORMATS) == []


@pytest.mark.parametrize(("judge", "text", "expected"), cases(FORMATS))
def test_an_answer_in_a_format_of_the_field_is_read(judge: Judge, text: str, expected: Read) -> None:
    assert read(judge, text) == expected
