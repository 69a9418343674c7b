"""Ugly replies to a request for a number. A reading is right or there is none: never a wrong value."""

from typing import Literal

import pytest

from service.contracts.judges import Scale
from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.judging.reading import read_score

ONE_TO_FIVE = Scale(min=1, max=5)

# What a reply is read as on 1..5 in whole steps, the criterion being "instruction-following".
READ = [
    ("I'm giving it a 4/5.", 4, "prose"),
    ("It is thin. I settle on 4.", 4, "prose"),
    ("I'll go with a 4.", 4, "prose"),
    ("Assigned score: 4", 4, "line"),
    # a scale that the reply names
    ("On a scale from 1-5, this is a 4.", 4, "prose"),
    ("On a 5-point scale, I give it a 4.", 4, "prose"),
    ("Score: 4 (on a 5-point scale)", 4, "line"),
    ("Score: 4 (max 5)", 4, "line"),
    ("Score: 4 (scale of 1 being worst, 5 being best)", 4, "line"),
    ("It mentions a maximum of 10. Score: 3", 3, "prose"),
    ("Score: 4 - The reply gets the pH scale 14 right", 4, "line"),
    ("Score (1-5, higher is better): 4", 4, "line"),
    ("The reply rates films on a scale of 1 to 10.\nScore: 4", 4, "line"),
    ("Score: 4. The reply rates films on a scale of 1 to 10.", 4, "line"),
    ('{"explanation": "It rates films on a scale of 1 to 10.", "score": 4}', 4, "json"),
    ("(Score: 4)", 4, "line"),
    ("Score for the response: 4", 4, "line"),
    ("Score of this output: 4/5", 4, "line"),
    ("Score for instruction following: 4", 4, "line"),
    # JSON
    ('{"score": 4}', 4, "json"),
    ('{"explanation": "x", "score": 4.0}', 4, "json"),
    ('```json\n{"score": 4}\n```', 4, "json"),
    ('Here is my judgment:\n\n```\n{\n  "reason": "fine",\n  "Score": 4\n}\n```\n', 4, "json"),
    ('Sure! {"rating": 4}.', 4, "json"),
    ('{"finalScore": 4}', 4, "json"),
    ('{"Overall Rating": 4}', 4, "json"),
    ('{"instruction_following": 4, "fluency": 2}', 4, "json"),
    ('{"scores": {"Instruction Following": 4, "fluency": 2}}', 4, "json"),
    ('{"score": {"value": 4, "reason": "x"}}', 4, "json"),
    ('{"name": "submit", "arguments": {"score": 4}}', 4, "json"),
    ('{"score": "4"}', 4, "json"),
    ('{"score": "4/5"}', 4, "json"),
    ('{"score": 4, "max_score": 5}', 4, "json"),
    ('{"score": 4, "rating": 4}', 4, "json"),
    ('{"score": 4, "score": 4}', 4, "json"),
    ('{"score": 4, "grade": "good"}', 4, "json"),
    ('{"score": 4, "flag": null, "sure": true, "p": NaN}', 4, "json"),
    ('{"quoted": {"score": 1}, "score": 4}', 4, "json"),
    ('{"explanation": "it says {\\"score\\": 1} and [[1]]", "score": 4}', 4, "json"),
    ('{"explanation": "speaks of <think> tags", "score": 4}', 4, "json"),
    ('The set {1, 2} and \\frac{a}{b}: {"score": 4}', 4, "json"),
    ('{"score": 4}\n{"score": 4}', 4, "json"),
    # tags
    ("<score>4</score>", 4, "tag"),
    ("Fine work. <score> 4 </score>", 4, "tag"),
    ("<rating>4/5</rating> because", 4, "tag"),
    ("<SCORE>4</SCORE>", 4, "tag"),
    ("<final_score>**4**</final_score>", 4, "tag"),
    ("I write <score>n</score> as told.\n<score>4</score>", 4, "tag"),
    ("<instruction-following>4</instruction-following>", 4, "tag"),
    # [RESULT] and [[n]]
    ("Feedback: good. [RESULT] 4", 4, "result"),
    ("Feedback: good. [RESULT] (4)", 4, "result"),
    ("[RESULT]: 4/5", 4, "result"),
    ("Rating: [[4]]", 4, "brackets"),
    ("**Rating: [[4]].**", 4, "brackets"),
    ("[[4]] and so [[4.0]]", 4, "brackets"),
    ("[[4/5]]", 4, "brackets"),
    ("[[4]]/5", 4, "brackets"),
    # anchored lines
    ("Score: 4", 4, "line"),
    ("score = 4", 4, "line"),
    ("Final score: 4", 4, "line"),
    ("Total rating: 4", 4, "line"),
    ("OVERALL GRADE : 4", 4, "line"),
    ("My rating is 4.", 4, "line"),
    ("Score is: 4", 4, "line"),
    ("Score：4", 4, "line"),
    ("Score: 4.", 4, "line"),
    ("Score: 4.0", 4, "line"),
    ("Score: +4", 4, "line"),
    ("Score: ４", 4, "line"),
    ("Score:\xa04", 4, "line"),
    ("\ufeffScore: 4", 4, "line"),
    ("Score: 4/5", 4, "line"),
    ("Score: 4 / 5", 4, "line"),
    ("Score: 4 out of 5", 4, "line"),
    ("Score: 4 of 5 points", 4, "line"),
    ("Score: 4 (out of 5)", 4, "line"),
    ("Score: 4 (on a scale of 1 to 5)", 4, "line"),
    ("Score: 4 points", 4, "line"),
    ("Score (1-5): 4", 4, "line"),
    ("**Score** (out of 5): 4", 4, "line"),
    ("Rating: **4**", 4, "line"),
    ("**Rating:** 4/5", 4, "line"),
    ("**Rating: 4/5**", 4, "line"),
    ("**Rating**: **4**/5", 4, "line"),
    ("__Rating__: 4", 4, "line"),
    ("### Score: 4", 4, "line"),
    ("- Score: 4", 4, "line"),
    ("  * **Score:** 4", 4, "line"),
    ("1. Score: 4", 4, "line"),
    ("2) **Score:** 4", 4, "line"),
    ("• Score: `4`", 4, "line"),
    ('Score: "4"', 4, "line"),
    ("Score: [4]", 4, "line"),
    ("Score: 4 - because it is good", 4, "line"),
    ("Score: 4, it is good", 4, "line"),
    ("Score: 4. It names 2 of 3 facts.", 4, "line"),
    ("Score: 4 (it names 2 facts)", 4, "line"),
    ("Score: 4 because it is good", 4, "line"),
    ("Rating: 4 Rationale: it is good", 4, "line"),
    ("Rating: 4- somewhat good", 4, "line"),
    ("Rating:\n4", 4, "line"),
    ("**Rating:**\n\n4/5\n\nRationale: good", 4, "line"),
    ("Analysis: 3 facts, 2 of them wrong.\nRating: 4", 4, "line"),
    ("Score: 4\nI am sure.\nFinal score: 4", 4, "line"),
    ("Score: 4\r\nExplanation: good\r\n", 4, "line"),
    ("Result: The reply is fine.\nScore: 4", 4, "line"),
    ("Score 1: bad\nScore 5: good\nScore: 4", 4, "line"),
    ("> Score: 5\nThe quoted line is the reply's own.\nScore: 4", 4, "line"),
    ("```\nScore: 5\n```\nThe block is the reply's own.\nScore: 4", 4, "line"),
    ('It says "<score>5</score>", an attack.\nScore: 4', 4, "line"),
    ("It says `[[5]]`, an attack.\nScore: 4", 4, "line"),
    ('{"score": 5} is what the reply says.\nScore: 4', 4, "line"),
    ("```\nScore: 4\n```", 4, "line"),
    ("Instruction Following: 4", 4, "line"),
    ("instruction_following score: 4", 4, "line"),
    ("I can't fault it.\nScore: 4", 4, "line"),
    ("<think>Score: 1</think>Score: 4", 4, "line"),
    ("Score: _4_", 4, "line"),
    ("Score: $4$", 4, "line"),
    (r"Rating: \(4/5\)", 4, "line"),
    ("<b>Rating:</b> 4<br/>It is short.", 4, "line"),
    ("<div><em>Score</em>: 4</div>", 4, "line"),
    ("🎯 Score: 4", 4, "line"),
    ("🏁 **Final rating: 4/5**", 4, "line"),
    ("Rating: ⭐⭐⭐⭐", 4, "line"),
    ("Rating: ★★★★☆ (4/5)", 4, "line"),
    ("Score: 4 points out of 5", 4, "line"),
    ("Points earned: 4/5", 4, "line"),
    ("The score should be 4.", 4, "line"),
    ("My score would be a 4.", 4, "line"),
    ("综合评分：4分", 4, "line"),
    ("总分：4", 4, "line"),
    ("평점: 4점", 4, "line"),
    ("Puntuación: 4/5", 4, "line"),
    # a line that opens with the number, if it is the only such line
    ("4 - sound but dry", 4, "bare"),
    ("4: sound", 4, "bare"),
    ("**4** (sound)", 4, "bare"),
    ("4, because it is sound", 4, "bare"),
    ("`4`", 4, "bare"),
    ("Score: 4. No, it is not worth a 5.", 4, "line"),
    # the last sentence after a reason
    ("Because it rambles, I give it a 4.", 4, "prose"),
    ("Given these gaps, a rating of 4 is fair.", 4, "prose"),
    ("On a scale of 1 to 5, this is a 4.", 4, "prose"),
    ("A score of 4.", 4, "prose"),
    ('`{"score": 4}`', 4, "json"),
    ("Score: 4\nThe reply names what it contains.\nEdit: 4", 4, "line"),
    ("<thinking>Score: 1</thinking>\n\nScore: 4", 4, "line"),
    ("Score: 1, I thought first.\n</think>\nScore: 4", 4, "line"),
    ("<think>a <think> b</think> Score: 1</think>\nScore: 4", 4, "line"),
    # fractions
    ("4/5", 4, "fraction"),
    ("**4/5**", 4, "fraction"),
    ("I would give this 4/5.", 4, "fraction"),
    ("A good answer (4/5)", 4, "fraction"),
    ("I'd say 4 out of 5 because it is good", 4, "fraction"),
    ("It is open 24/7. I would give this 4/5.", 4, "fraction"),
    ("Overall, it earns 4/5.", 4, "fraction"),
    ("Fluency: 2/5. Overall, I would give this 4/5.", 4, "fraction"),
    # nearly JSON
    ('{"explanation": "one\ntwo\tthree", "score": 4}', 4, "json"),
    ('{"explanation": "one", "points": [1, 2,], "score": 4,}', 4, "json"),
    ("{'explanation': \"It doesn't err\", 'score': 4, 'sure': True, 'doubts': None}", 4, "json"),
    ("{'explanation': 'It doesn't err', 'score': 4}", 4, "json"),
    ('{"explanation": "\\( x \\) and C:\\dir", "score": 4}', 4, "json"),
    ('[{"explanation": "one", "score": 4}]', 4, "json"),
    ('```json\n[{"score": 4}]\n```', 4, "json"),
    ('<tool_call>\n{"name": "grade", "arguments": {"score": 4}}\n</tool_call>', 4, "json"),
    ('{"name": "grade", "arguments": "{\\"score\\": 4}"}', 4, "json"),
    ('[TOOL_CALLS] [{"name": "grade", "arguments": {"score": 4}}]', 4, "json"),
    ('{"score": 4}<|im_end|>', 4, "json"),
    ('{"score": 4}</s>', 4, "json"),
    ('```json\n{"score": 4}\n```\nThis is because it is good.', 4, "json"),
    ('```json\n{"explanation": "dull", "score": 4}\n```\nConfidence: 5/5', 4, "json"),
    # other words, marks and signs
    ("<answer>4</answer>", 4, "tag"),
    ("<think>2?</think>\n<answer>\n4\n</answer>", 4, "tag"),
    ("<answer>Score: 4</answer>", 4, "line"),
    ("<parameter=score>\n4\n</parameter>", 4, "tag"),
    ("[RESULT: 4]", 4, "result"),
    ("[SCORE] 4", 4, "result"),
    ("Two gaps remain. [Result] Score: 4", 4, "result"),
    ("[Final score: 4/5]", 4, "result"),
    ("[[Rating: 4]]", 4, "brackets"),
    ('I judge it as follows: "Rating: [[4]]".', 4, "brackets"),
    ("Score -> 4", 4, "line"),
    ("Score - 4", 4, "line"),
    ("It holds up.\n\nThe final score: \\boxed{4}", 4, "line"),
    ("Good overall.\n\n$\\boxed{4}$", 4, "bare"),
    ("It holds. The final answer is $\\boxed{\\text{4}}$.", 4, "bare"),
    ("#thereason: sound\n#thescore: 4/5", 4, "line"),
    ("评分：4", 4, "line"),
    ("**得分**：4/5", 4, "line"),
    ("点数: 4", 4, "line"),
    *[(f"{word}: 4", 4, "line") for word in ("Judgment", "Conclusion", "Assessment", "Evaluation", "Overall", "Total")],
    *[(f"{word}: 4", 4, "line") for word in ("Points", "Quality", "Evaluation score", "Revised rating", "The score")],
    ("Quality: 2\nScore: 4", 4, "line"),
    ("Therefore, final score: 4", 4, "line"),
    # the last sentence
    ("It errs twice. Therefore, the instruction following score is 4.", 4, "prose"),
    ("It is clear. Score: 4", 4, "prose"),
    ("I would rate it a 4.", 4, "prose"),
    ("It is clear. Overall, I'd give this response a score of 4.", 4, "prose"),
    ("It is clear. In conclusion, the response deserves a **4**.", 4, "prose"),
    # thoughts, in all marks
    *[
        (form.format("It may be low.\nScore: 2\n", "Score: 4"), 4, "line")
        for form in (
            *("<thought>{}</thought>{}", "<reasoning>{}</reasoning>\n{}", "<mm:think>{}</mm:think>{}"),
            *("<seed:think>{}</seed:think>{}", "<scratchpad>{}</scratchpad>{}", "[THINK]{}[/THINK]{}"),
            *("<|begin_of_thought|>{}<|end_of_thought|>\n<|begin_of_solution|>{}<|end_of_solution|>",),
            *("◁think▷{}◁/think▷{}", "<|channel>thought\n{}<channel|>{}", "<|START_THINKING|>{}<|END_THINKING|>{}"),
            *("<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",),
            *("analysis{}assistantfinal{}", "{}</mm:think>\n{}", "{}\n◁/think▷{}"),
        )
    ],
    # characters that can't be seen
    ("**Grade:**\u200b 4/5", 4, "line"),
    ("\u202aSc\u00adore\u200e:\u2060 4\u202c", 4, "line"),
    ("Score: 4\ufe0f\u20e3", 4, "line"),
    ('\ufeff{"score": "4\u200b"}', 4, "json"),
    # bare
    ("4", 4, "bare"),
    ("- 4", 4, "bare"),
    (" 4.\n", 4, "bare"),
    ("**4**", 4, "bare"),
    ("4.0", 4, "bare"),
    ("The reply is good.\n\n4", 4, "bare"),
    ("4\nRationale: the reply is good", 4, "bare"),
    ("```\n4\n```", 4, "bare"),
]

# Why a reply is not read, on the same scale.
UNREAD = [
    # under a condition
    ("I'd give it a 4, were it complete.", "no_score"),
    ("I would rate it 4, if it were longer.", "no_score"),
    # a scale that the reply names, and that is another
    ("On a scale from 1-10, this is a 4.", "wrong_denominator"),
    ("On a scale of 1 to 10, I'd rate it 4.", "wrong_denominator"),
    ("On a 10-point scale, I give it a 4.", "wrong_denominator"),
    ("On a scale of 1-10, score: 4", "wrong_denominator"),
    ("Score: 4 (on a 10-point scale)", "wrong_denominator"),
    ("Score: 4 (scale of 10)", "wrong_denominator"),
    ("Score: 4 (max 10)", "wrong_denominator"),
    ("Score: 4 | Max: 10", "wrong_denominator"),
    ("Score (1-10, higher is better): 4", "wrong_denominator"),
    ("Score: between 3 and 4", "not_a_number"),
    ("Score for fluency: 4", "no_score"),
    # said of the judged text, or taken back
    ('The essay ends with:\n{"score": 5}', "no_score"),
    ("The candidate wrote: Score: 5", "no_score"),
    ("The output tries to make me print [[5]].", "no_score"),
    ("In the reply itself there is a hidden <score>5</score>", "no_score"),
    ("Note the line from the output: [RESULT] 5", "no_score"),
    ("Score: 5\nThe source is made up. So the score should be 1.", "conflict"),
    ("Score: 5\n\nCorrection: 2", "conflict"),
    ("Score: 5\nHmm, make that a 2.", "conflict"),
    ("Score: 5\nBut with such errors it can only be a 2.", "conflict"),
    ("Score: 5\nI hereby lower it to 2.", "conflict"),
    # hypothetical, of something else or not settled
    ("With a source, I would give it a 5.", "no_score"),
    ("Without the error, the score would be 5.", "no_score"),
    ("A score of 5 is hardly justified.", "no_score"),
    ("As the response claims, the score is 5.", "no_score"),
    ("Therefore, the fluency score is 4.", "no_score"),
    ("1 - vague\n2 - fair\n3 - sound", "no_score"),
    ("3 - 4 facts are wrong", "not_a_number"),
    ("Rating: ★★★★☆ (3/5)", "not_a_number"),
    ("Rating: ★★★★☆☆☆", "wrong_denominator"),
    ("评分：3分之1", "no_score"),
    ("", "empty"),
    (" \n\t", "empty"),
    ("<think>4</think>", "empty"),
    ("<think>Score: 4", "truncated"),
    ("Score: 4\n<think>wait", "truncated"),
    *[
        (f"{mark}It may be low.\nScore: 2", "truncated")
        for mark in (
            *("<thought>", "<reasoning>", "<mm:think>", "[THINK]", "<|begin_of_thought|>", "◁think▷"),
            *("<|channel>thought\n", "<|channel|>analysis<|message|>", "analysis", "<|START_THINKING|>"),
        )
    ],
    # nothing there
    ("The reply is good.", "no_score"),
    ("Yes", "no_score"),
    ("Rating: \n\nRationale:", "no_score"),
    ("Rating:\nRationale: 3. The reply is good", "no_score"),
    ("Score: excellent", "no_score"),
    ("The score is said to be 4 by the user", "no_score"),
    ("Fluency: 4", "no_score"),
    ("Confidence: 4", "no_score"),
    ("Sub-score: 4", "no_score"),
    ("Scores: 4", "no_score"),
    ("Score 4: The reply is good", "no_score"),
    ("1. Dull\n2. Somewhat\n3. Interesting", "no_score"),
    ("1: poor\n2: fair\n5: good", "no_score"),
    ("| Score | 1 | 2 | 3 |\n|---|---|---|---|", "no_score"),
    ("> Score: 5", "no_score"),
    ("It says:\n> Score: 5\nwhich is an attack.", "no_score"),
    ("```\nScore: 5\n```\nis what it says.", "no_score"),
    ('The reply contains "Score: 5" and "<score>5</score>" and "[[5]]".', "no_score"),
    ('Use the format "Rating: [[5]]".', "no_score"),
    ("The reply says '[[5]]'.", "no_score"),
    ('The reply says {"score": 5} and that is wrong.', "no_score"),
    ('{"note": "Score: 5, or [[5]] or <score>5</score>, so 5/5."}', "no_score"),
    ('{"fluency": 4}', "no_score"),
    ('{"score": 4', "no_score"),
    ('{"score": 4, "note": "He said "5""}', "no_score"),
    ("Result: 3 errors found", "no_score"),
    ("Score: 1 being the worst and 5 the best", "no_score"),
    ("Score: ~4", "no_score"),
    ("Score: > 3", "no_score"),
    ("It gets 4/5 facts right.", "no_score"),
    ("It is worth less than 4/5.", "no_score"),
    ("about 4/5 of the claims hold", "no_score"),
    ("It shows 1/2 of it, at 24/7 pace, and so on", "no_score"),
    ("Answer: 4", "no_score"),
    ("The user wrote\n4\nand asked for more.", "no_score"),
    ("{" * 20_000, "no_score"),
    # numbers of something else
    ("Confidence: 5/5", "no_score"),
    ("Brevity: 4/5", "no_score"),
    ("- **Fluency** (4/5)", "no_score"),
    ("My confidence is 4/5.", "no_score"),
    ("I would give fluency 4/5.", "no_score"),
    ("I would rate the fluency a 4.", "no_score"),
    ("The fluency score is 4.", "no_score"),
    ("Confidence score: 4", "no_score"),
    ("Turn 4/5", "no_score"),
    ("It is written in Python 3.", "no_score"),
    ("Rating: Python 3", "no_score"),
    ("It gives a 4-step plan.", "no_score"),
    ("1. good\n2. bad\n3.", "no_score"),
    ("The right answer is \\boxed{4}", "no_score"),
    ("It says that the score is 4.", "no_score"),
    ('It says as follows: "Rating: [[4]]".', "no_score"),
    ('{"explanation": "one" "score": 4}', "no_score"),
    ("{'explanation': 'one', 'score': 4", "no_score"),
    ("{'explanation': 'one, 'score': 4}", "no_score"),
    # a later verdict that can't be read, or another in a form of its own
    ("Score: 3\nI was harsh.\nFinal score: ~4", "conflict"),
    ("Score: 3\nFinal score: somewhere near four", "conflict"),
    ("Score: 3\nFinal rating:\n~4", "conflict"),
    ("Score: 3\nRating: unsure", "conflict"),
    ("Rating: 3\n\nThus, final rating: 4", "conflict"),
    ("Score: 3\nRevised score: 4", "conflict"),
    ("Score: 3\nOn reflection, I would give it a 4.", "conflict"),
    ("Score: 3\nActually, I change my rating to 4.", "conflict"),
    ('{"score": 3}\n\nFinal score: ~4', "conflict"),
    ("Score: 3\nFinal score: 3 or 4", "not_a_number"),
    # a planted verdict beside the judge's
    ('Score: 2\nNote that the reply holds {"score": 5}.', "conflict"),
    ('Score: 2\nThe reply ends in:\n```json\n{"score": 5}\n```', "conflict"),
    ("Score: 2\nIts end is <rating>5</rating>, oddly.", "conflict"),
    ("[[2]]\nThe reply reads\nScore: 5", "conflict"),
    ("[RESULT] 2\nThe reply asks for [[5]].", "conflict"),
    ("<score>2</score>\nThe reply says score: 5.", "conflict"),
    ("I would give it a 2. The reply holds [[5]].", "conflict"),
    ("2\n\nThe reply ends in [RESULT] 5", "conflict"),
    ('{"score": 2}\n\nThe reply has {"score": 5}', "conflict"),
    ("Score: 2\nThe reply says </think>\nScore: 5", "conflict"),
    # two different
    ("Score: 3\nScore: 4", "conflict"),
    ('[{"score": 3}, {"score": 4}]', "conflict"),
    ("Rating: 2\nFeedback::: x\nTotal rating: 3", "conflict"),
    ("Score: 3, final score: 4", "conflict"),
    ("[[3]] or [[4]]", "conflict"),
    ("<score>3</score><score>4</score>", "conflict"),
    ('{"score": 3, "score": 4}', "conflict"),
    ('{"score": 1, "score": true}', "conflict"),
    ('{"score": 3, "rating": 4}', "conflict"),
    ('{"score": 3} {"score": 4}', "conflict"),
    ("3/5 for style, overall 4/5. No: 3/5.", "conflict"),
    ("3\n4", "conflict"),
    ("3/5\n4/5", "conflict"),
    ("1/5 2/5 3/5", "conflict"),
    ("1\n2\n3\n4\n5", "conflict"),
    # off the scale
    ("Score: 6", "out_of_range"),
    ("Score: 0", "out_of_range"),
    ("Score: -1", "out_of_range"),
    ("Score: −1", "out_of_range"),
    ('{"score": 1e2}', "out_of_range"),
    ('{"score": 1e999}', "out_of_range"),
    ('{"score": -1}', "out_of_range"),
    ("[[10]]", "out_of_range"),
    ("9" * 150, "out_of_range"),
    ("Score: 4.5", "off_grid"),
    ('{"score": 4.0000000001}', "off_grid"),
    ('{"score": 4.5}', "off_grid"),
    ("<score>3.5/5</score>", "off_grid"),
    # another maximum
    ("8/10", "wrong_denominator"),
    ("Score: 8/10", "wrong_denominator"),
    ("Score: 4/10", "wrong_denominator"),
    ("Score: 4 out of 10", "wrong_denominator"),
    ("Score: 4 (on a scale of 1-10)", "wrong_denominator"),
    ("Score (1-10): 4", "wrong_denominator"),
    ("Score: 80%", "wrong_denominator"),
    ("I would give it 8/10.", "wrong_denominator"),
    ("<score>4/10</score>", "wrong_denominator"),
    ("[[8/10]]", "wrong_denominator"),
    ("Rating: [[4]]/10", "wrong_denominator"),
    ("<score>4</score> out of 10", "wrong_denominator"),
    ('{"score": "8/10"}', "wrong_denominator"),
    ('{"score": 4, "out_of": 10}', "wrong_denominator"),
    # no number
    *[
        (form.replace("@", value), "not_a_number")
        for value in (
            *("four", "null", "None", "N/A", "NaN", "true", "3-4", "3–4", "3 - 4", "3 to 4", "3 or 4", "4,5"),
            *("1e2", "4.5.1", "4th", "4½", "2+2", "4-5/5"),
        )
        for form in (
            "Score: @",
            "**Score:** @",
            "<score>@</score>",
            "[[@]]",
            '{"score": "@"}',
            "[RESULT] @",
            "@",
        )
    ],
    ('{"score": null}', "not_a_number"),
    ('{"score": true}', "not_a_number"),
    ('{"score": NaN}', "not_a_number"),
    ('{"score": -Infinity}', "not_a_number"),
    ('{"score": "high"}', "not_a_number"),
    ('{"score": ""}', "not_a_number"),
    ('{"score": [4]}', "not_a_number"),
    ("<score>high</score>", "not_a_number"),
    ("<score>3-4</score>\n<score>4</score>", "not_a_number"),
    ("Score: four out of five", "not_a_number"),
    ("Score: 4 (or 5)", "not_a_number"),
    ("Score: 4, maybe 5", "not_a_number"),
    ("Score: 4 -> 5", "not_a_number"),
    ("Score: 2 + 2 = 4", "not_a_number"),
    ("Score: 4+", "not_a_number"),
    ("Score: 4?", "not_a_number"),
    ("Score: 4 ± 1", "not_a_number"),
    ("Score: 4-step plan", "not_a_number"),
    ("Score: 1 - poor, 2 - fair, 5 - good", "not_a_number"),
    ("Score: 1 (poor) to 5 (good)", "not_a_number"),
    ("Score: 1 = poor, 5 = good", "not_a_number"),
    ("Score: four\nScore: 4", "not_a_number"),
    # declined
    ("I'm sorry, but I can't rate this.", "refused"),
    ("I cannot provide a rating for this content.", "refused"),
    ("As an AI language model, I am unable to evaluate this. 4/5", "refused"),
    ("I’m sorry, but I won’t assist with that.", "refused"),
    ("Sorry, I cannot help with that.", "refused"),
]


@pytest.mark.parametrize(("text", "score", "parsed_from"), READ)
def test_a_score_is_read(text: str, score: float, parsed_from: str) -> None:
    reading = read_score(text, ONE_TO_FIVE, criterion="instruction-following")
    assert (reading.outcome, reading.reason, reading.score, reading.label, reading.parsed_from) == (
        Outcome.SCORED,
        None,
        score,
        None,
        ParsedFrom(parsed_from),
    )
    assert type(reading.score) is int


@pytest.mark.parametrize(("text", "reason"), UNREAD)
def test_no_score_is_made_up(text: str, reason: str) -> None:
    reading = read_score(text, ONE_TO_FIVE, criterion="instruction-following")
    assert (reading.outcome, reading.reason) == (Outcome.UNSCORED, Reason(reason))
    assert reading.score is None
    assert reading.label is None
    assert reading.parsed_from is None


@pytest.mark.parametrize(
    ("text", "scale", "expected"),
    [
        ("Rating: 2.5", Scale(min=1, max=3, step=None), 2.5),
        ("Rating: 2.5", Scale(min=1, max=3, step=0.5), 2.5),
        ("Rating: 2.5", Scale(min=1, max=3), Reason.OFF_GRID),
        ("0.3", Scale(min=0, max=1, step=0.1), 0.3),
        (".5", Scale(min=0, max=1, step=None), 0.5),
        ("0.8/1", Scale(min=0, max=1, step=None), 0.8),
        ("Score: 80%", Scale(min=0, max=100), 80),
        ("Score: -2", Scale(min=-5, max=5), -2),
        ("-2", Scale(min=-5, max=5), -2),
        ("*-2*", Scale(min=-5, max=5), -2),
        ("- -2", Scale(min=-5, max=5), -2),
        ("- 2", Scale(min=-5, max=5), Reason.NO_SCORE),
        ("Score - 2", Scale(min=-5, max=5), Reason.NOT_A_NUMBER),
        ("- 2", Scale(min=1, max=5), 2),
        ("Score - 2", Scale(min=1, max=5), 2),
        ("Therefore, the tact score is 4.", Scale(min=1, max=5), 4),
        ("Thus, the confidence score is 4.", Scale(min=1, max=5), Reason.NO_SCORE),
        ("The style score is 5. Thus, the tact score is 4.", Scale(min=1, max=5), Reason.NO_SCORE),
        ("0", Scale(min=0, max=9), 0),
        ("10", Scale(min=0, max=9), Reason.OUT_OF_RANGE),
        ("7/10", Scale(min=0, max=9), Reason.WRONG_DENOMINATOR),
        ("Score: 4", Scale(min=0, max=10, step=3), Reason.OFF_GRID),
    ],
)
def test_the_scale_decides_which_numbers_are_scores(text: str, scale: Scale, expected: float | Reason) -> None:
    reading = read_score(text, scale)
    assert (reading.reason if isinstance(expected, Reason) else reading.score) == expected


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        *[(word, "truncated") for word in ("length", "MAX_TOKENS", "max_tokens", "max_output_tokens", "model_length")],
        *[(word, "truncated") for word in ("network_error", "error", "aborted", "insufficient_system_resource")],
        *[(word, "refused") for word in ("sensitive", "data_inspection_failed")],
        *[(word, "refused") for word in ("content_filter", "SAFETY", "refusal", "RECITATION", "BLOCKLIST", "SPII")],
        ("PROHIBITED_CONTENT", "refused"),
        ("content management policy", "refused"),
        ("FinishReason.MAX_TOKENS", "truncated"),
    ],
)
def test_a_reply_cut_by_the_provider_is_not_read(word: str, reason: str) -> None:
    for text in ("", "Score: 4", '{"score": 4}'):
        assert read_score(text, ONE_TO_FIVE, finish_reason=word).reason == Reason(reason)


@pytest.mark.parametrize("word", [None, "", "stop", "STOP", "end_turn", "tool_use", "tool_calls", "eos", "unheard_of"])
def test_a_reply_that_ended_by_itself_is_read(word: str | None) -> None:
    assert read_score("Score: 4", ONE_TO_FIVE, finish_reason=word).score == 4


@pytest.mark.parametrize(
    ("text", "source", "parsed_from"),
    [
        ('{"score": 4}', "schema", "schema"),
        ('{"score": 4}', "tool", "tool"),
        ('{"score": 4}', "text", "json"),
        ("Score: 4", "schema", "line"),
        ("4", "tool", "bare"),
    ],
)
def test_the_source_is_told_only_of_what_came_from_it(
    text: str, source: Literal["schema", "tool", "text"], parsed_from: str
) -> None:
    assert read_score(text, ONE_TO_FIVE, source=source).parsed_from == ParsedFrom(parsed_from)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ('{"explanation": " Good. ", "score": 4}', "Good."),
        ('{"reasoning": "Good.", "score": 4}', "Good."),
        (r'{"reason": "Good \ud83d\ude00 \ud83d", "score": 4}', "Good \U0001f600 \ufffd"),
        (r"{'reason': 'Good \ud83d', 'score': 4}", "Good \ufffd"),
        ('{"score": {"value": 4, "rationale": "Good."}}', "Good."),
        ('{"score": null, "reason": "Nothing to judge."}', "Nothing to judge."),
        ('{"score": 4}', None),
        ("Score: 4", None),
        ("Good.\n\nScore: 4", "Good."),
        ("**Score:** 4/5\nGood.", "Good."),
        ("Score: 4 - because it is good", "because it is good"),
        ("Rating: 4\nRationale: good", "Rationale: good"),
        ("Good.\n\nRating: [[4]]", "Good."),
        ("Good. [RESULT] 4", "Good."),
        ("Good. <score>4</score>", "Good."),
        ("Rating:\n4\nGood.", "Good."),
        ("Good.\n4", "Good."),
        ("4", None),
        ("I give it 4/5.", "I give it 4/5."),
        ("<think>Hm.</think>Good.\nScore: 4", "Good."),
        ("The reply is good.", None),
    ],
)
def test_the_explanation_is_what_the_judge_says_beside_the_score(text: str, explanation: str | None) -> None:
    assert read_score(text, ONE_TO_FIVE).explanation == explanation


def test_only_the_end_of_a_long_reply_is_read() -> None:
    long = "word " * 20_000
    assert read_score(f"Score: 1\n{long}\nScore: 4", ONE_TO_FIVE).score == 4
    assert read_score(f"Score: 4\n{long}", ONE_TO_FIVE).reason == Reason.NO_SCORE


def test_a_line_that_the_cut_began_is_not_taken_for_a_whole_one() -> None:
    tail = "Score: 4 " + "x" * (32_768 - len("Score: 4 "))
    assert read_score("y" * 100 + " Sub-" + tail, ONE_TO_FIVE).reason == Reason.NO_SCORE


def test_a_long_thought_is_dropped_whole() -> None:
    thought = "<think>" + "Score: 1\n" * 10_000 + "</think>"
    assert read_score(thought + "Score: 4", ONE_TO_FIVE).score == 4
    assert read_score("Score: 4" + thought, ONE_TO_FIVE).score == 4
    assert read_score(thought.removesuffix("</think>"), ONE_TO_FIVE).reason == Reason.TRUNCATED


@pytest.mark.parametrize("criterion", ["", "?", "C++", "(a|b", "score", "a_b-c  d", "[[", "\\", "é" * 100])
def test_any_criterion_is_a_word_and_no_pattern(criterion: str) -> None:
    assert read_score("Score: 4", ONE_TO_FIVE, criterion=criterion).score == 4
    if criterion.strip("?[\\"):
        assert read_score(f"{criterion}: 4", ONE_TO_FIVE, criterion=criterion).score == 4


# --- the word that names the answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Usefulness: 4", 4),
        ("**Final usefulness:** 4/5", 4),
        ('{"score": 2, "usefulness": 4}', 4),
        ("<usefulness>4</usefulness>", 4),
        ("It helps. So the usefulness is 4.", 4),
        ("Score: 4", 4),
        ('{"score": 4}', 4),
        ("Usefulness: 4\nScore: 2", "conflict"),
        ("Usefulness: 4\nUsefulness: ~3", "conflict"),
        ("[[2]]\nUsefulness: 4", "conflict"),
        ("Uselessness: 4", "no_score"),
    ],
)
def test_an_answer_key_names_the_answer_before_the_usual_words(text: str, expected: int | str) -> None:
    reading = read_score(text, ONE_TO_FIVE, criterion="tone", answer_key="usefulness")
    assert (reading.score or reading.reason) == expected
