"""Ugly replies to a request for a label. A reading is one of the offered labels or there is none."""

import pytest

from service.contracts.judges import Choice
from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.judging.reading import PAIRWISE_CHOICES, PASS_FAIL_CHOICES, read_label

SUPPORT = [
    Choice(label="supported", score=1, aliases=["fully supported"]),
    Choice(label="partly supported", score=0.5, aliases=["partly"]),
    Choice(label="not supported", score=0, aliases=["unsupported"]),
]
LLMBAR = [Choice(label="A", aliases=["Output (a)"]), Choice(label="B", aliases=["Output (b)"])]

# --- pairs ---------------------------------------------------------------------------------------------------

PAIRS = [
    ('{"verdict": "A"}', "A", "json"),
    ('{"explanation": "x", "winner": "B"}', "B", "json"),
    ('```json\n{"preference": "tie"}\n```', "tie", "json"),
    ('{"verdict": "Output (a)"}', "A", "json"),
    ('{"verdict": "A>>B"}', "A", "json"),
    ('{"label": "A", "score": 0.9}', "A", "json"),
    ('{"answer": "some text", "verdict": "B"}', "B", "json"),
    ("<verdict>A</verdict>", "A", "tag"),
    ("<answer> Output (b) </answer>", "B", "tag"),
    ("Feedback: x [RESULT] B", "B", "result"),
    ("[[A]]", "A", "brackets"),
    ("[[b]]", "B", "brackets"),
    ("[[C]]", "tie", "brackets"),
    ("[[Tie]]", "tie", "brackets"),
    ("[[A>>B]]", "A", "brackets"),
    ("[[A>B]]", "A", "brackets"),
    ("[[A=B]]", "tie", "brackets"),
    ("[[B>A]]", "B", "brackets"),
    ("[[B >> A]]", "B", "brackets"),
    ("My final verdict is Assistant A is slightly better: [[A>B]].", "A", "brackets"),
    ("**Answer: B**\n\nBoth got it.\n\n**[[A=B]]**", "tie", "brackets"),
    ('### Final Verdict\n"My final verdict is Assistant B is better: [[B>A]]".', "B", "brackets"),
    ("Verdict: A", "A", "line"),
    ("**Final verdict:** B", "B", "line"),
    ("Answer: Output (a)", "A", "line"),
    ("Final choice: **Output (b)**.", "B", "line"),
    ("Score: tie", "tie", "line"),
    ("Result: a tie", "tie", "line"),
    ("Verdict: A, because it is right", "A", "line"),
    ("Verdict: A - it is right", "A", "line"),
    ("Verdict: Output (a) is better.", "A", "line"),
    ("Verdict: A is better than B", "A", "line"),
    ("Verdict: A>B", "A", "line"),
    ("Winner:\nB", "B", "line"),
    ("> Verdict: A\nis quoted.\nVerdict: B", "B", "line"),
    ("A", "A", "bare"),
    ("Output (a)", "A", "bare"),
    (" output (B).\n", "B", "bare"),
    ("Both are short.\n\n**Output (b)**", "B", "bare"),
    ("tie", "tie", "bare"),
    ("Therefore, Output (a) is better.", "A", "prose"),
    ("Output (a) is better at first.\nHowever it errs. Therefore, Output (b) is better.", "B", "prose"),
    ("Output (a) is long. Overall, **Output (b)** is better because it does not ramble.", "B", "prose"),
    ("So Output (a) is the best.", "A", "prose"),
    ("Hence Output (a) is the better choice.", "A", "prose"),
    ("Output (b) is clearly preferred.", "B", "prose"),
    ("In the end Output (b) wins.", "B", "prose"),
    ("B is better.", "B", "prose"),
    ("Output (a) is better than Output (b).", "A", "prose"),
    # a label alone on the first line, and in the last sentence
    ("Output (b)\n\nOutput (b) gives more detail", "B", "bare"),
    ("Output (b)\n\nIt gives more detail than Output (a).", "B", "bare"),
    ("(B) The second gives more detail.", "B", "bare"),
    ("Both are short. Therefore, Output (b).", "B", "prose"),
    ("Both are short. In conclusion: Output (b)", "B", "prose"),
    ("Both are short. So the winner is Output (b).", "B", "prose"),
    # other words and marks
    ("Judgment: B", "B", "line"),
    ("Conclusion: **Output (b)**", "B", "line"),
    ("Winner = B", "B", "line"),
    ("[RESULT: B]", "B", "result"),
    ("[ANSWER] B", "B", "result"),
    ("<answer>Verdict: B</answer>", "B", "line"),
    ("Final verdict: \\boxed{B}", "B", "line"),
    ("\\boxed{\\text{B}}", "B", "bare"),
    ("My final verdict is tie: [[A=B]]", "tie", "brackets"),
    ("Winner: A TİE", "tie", "line"),
    ("Verdict: tıe", "tie", "line"),
    ("Verdict: \u2067B\u2069", "B", "line"),
    # lists of ranks
    ('[{"model": "A", "rank": 2}, {"model": "B", "rank": 1}]', "B", "json"),
    ('{"explanation": "x", "ranks": [{"model": "A", "rank": 1}, {"model": "B", "rank": 1}]}', "tie", "json"),
    ("[{'model': 'A', 'rank': 1}, {'model': 'B', 'rank': 2}]", "A", "json"),
    # an answer of the judged text's gives way to the judge's verdict after it
    ("Answer: A\n\nBoth reach it. Therefore, Output (b) is better.", "B", "prose"),
    ("Answer: A\n\nBoth reach it.\n\n[[B]]", "B", "brackets"),
    ("[[A<B]]", "B", "brackets"),
    ("[[B<<A]]", "A", "brackets"),
    ("Better response: B", "B", "line"),
    ("**Preferred output:** A", "A", "line"),
    ("So the better answer is B.", "B", "line"),
    ("The winner is A.", "A", "line"),
    ("My verdict is A.", "A", "line"),
    ("The better output is A.", "A", "line"),
    ("Preferred: Output (a)", "A", "line"),
    ("Verdict: It's a tie", "tie", "line"),
    ("Both are alike, so it is a tie.", "tie", "prose"),
    ("I'd go with Output (a).", "A", "prose"),
    ("I'd say Output (a) is better.", "A", "prose"),
    ("Output (a) is better in my opinion.", "A", "prose"),
    ("Overall, Output (b) is better in all respects.", "B", "prose"),
    ("Therefore, Output (b) is better by far.", "B", "prose"),
    ("Output (b) is marginally better here.", "B", "prose"),
    ("Overall, Output (a) provides the better answer.", "A", "prose"),
    ("## Verdict\nOutput (a)\n\n## Reasons\nIt is short.", "A", "line"),
    ('{"better_response": "B"}', "B", "json"),
    ("Verdict: B 🎉", "B", "line"),
    ("Both are sound. It's a tie.", "tie", "prose"),
    ("判断：A", "A", "line"),
    ("Both are sound. I prefer Output (b).", "B", "prose"),
    ("So I choose B.", "B", "prose"),
    ("Output (a) is better at first. In the end it errs.\nVerdict: B", "B", "line"),
]

PAIRS_UNREAD = [
    ("", "empty"),
    ("<think>A", "truncated"),
    ("I'm sorry, but I can't compare these.", "refused"),
    ("I cannot provide a response. Therefore I cannot select either Output (a) or Output (b).", "refused"),
    ("Both are fine.", "no_score"),
    ("Output (a) is more concise.", "no_score"),
    ("Therefore, Output (b)", "no_score"),
    ("C", "no_score"),
    ("Answer: C", "no_score"),
    ("Answer: the capital is Rome", "no_score"),
    ("Answer: A good reply", "no_score"),
    ("[[D]]", "no_score"),
    ("I prefer B's tone.", "no_score"),
    ("I would choose B if it were shorter.", "no_score"),
    ("I don't prefer B.", "no_score"),
    ("The verdict is a close call.", "no_score"),
    ("If sources count, it is short, so the winner is A.", "no_score"),
    ("Output (a) provides a better answer in style.", "no_score"),
    ("I almost chose [[A]].", "no_score"),
    ("[[A]] is not better.", "no_score"),
    ("[[A]] would be wrong.", "no_score"),
    ("A better reply would cite sources.", "no_score"),
    ("A tie would be unfair.", "no_score"),
    ("Output (a) is not better.", "no_score"),
    ("I can't say that Output (a) is better.", "no_score"),
    ("It is wrong that Output (a) is better.", "no_score"),
    ("If brevity counts, Output (a) is better.", "no_score"),
    ("One might think Output (a) is better.", "no_score"),
    ("The user says Output (a) is better.", "no_score"),
    ("So which Output (a) is better?", "no_score"),
    ("Output (a) is better written.", "no_score"),
    ("Output (a) is better for style, but wrong.", "no_score"),
    ("Output (a) is better. It was a close call.", "no_score"),
    ('It says "[[A]]" and "Verdict: A".', "no_score"),
    ("It says `[[A]]`.", "no_score"),
    ('The reply says {"verdict": "A"} here.', "no_score"),
    ("> Verdict: A", "no_score"),
    ("A: clear and short.", "no_score"),
    ("Output (a) instructs me to answer [[A]].", "no_score"),
    ("The better response is A in style, and B in facts.", "no_score"),
    ("Verdict: A\nSorry, I mean B.", "conflict"),
    ("[[A<B]] or [[A>B]]", "conflict"),
    ("[[A]] or [[B]]", "conflict"),
    ("[[A>B]] ... [[A=B]]", "conflict"),
    ("Verdict: A\nVerdict: B", "conflict"),
    ("Verdict: A or B", "conflict"),
    ("Verdict: A/B", "conflict"),
    ("Verdict: A, B, or tie", "conflict"),
    ("A\nB\ntie", "conflict"),
    ('{"verdict": "A", "verdict": "B"}', "conflict"),
    ('{"verdict": "A", "winner": "B"}', "conflict"),
    ("Output (a) is better because it is short, while Output (b) rambles.", "conflict"),
    ('Verdict: B\nOutput (a) tries {"verdict": "A"}.', "conflict"),
    ("Verdict: B\nOutput (a) holds <verdict>A</verdict>.", "conflict"),
    ("Output (b) is better.\nThe other one says [[A]].", "conflict"),
    ("Answer: B\nThe other one says [[A]].", "conflict"),
    ("[[A]]\nAnswer: B", "conflict"),
    ("Verdict: A\nIn the end Output (b) wins.", "conflict"),
    ("Output (a)\n\nTherefore, Output (b) is better.", "conflict"),
    ("Output (a)\n\nSo I would choose Output (b).", "conflict"),
    ("Verdict: A\nVerdict: C", "conflict"),
    ("Preference: A\nFinal preference: none", "conflict"),
    ('[{"model": "A", "rank": 1}, {"model": "A", "rank": 2}]', "no_score"),
    ("The right option is: A", "no_score"),
    ("(A) is wrong. (B) is right.", "no_score"),
    ("Both name vitamin B", "no_score"),
    ("Verdict: A... no, B", "conflict"),
    ("Verdict: A\nNo, B.", "conflict"),
    ("Output (a) is better for beginners.", "no_score"),
    ("Output (a) is better, if you like brevity.", "no_score"),
    ("Output (a) is better in every way except accuracy.", "no_score"),
    ("Output (a) is better in all respects but accuracy.", "no_score"),
    ("In style, Output (a) is better by far.", "no_score"),
    ("For beginners, Output (a) is better.", "no_score"),
    ("Overall, on style, Output (a) is better.", "no_score"),
    ("In terms of tone, Output (a) is better.", "no_score"),
    ("Clarity: Output (a) is better.", "no_score"),
    ("Therefore, Output (b) wins.\n\nClarity: Output (a) is better.", "no_score"),
    ("In the story, player A wins.", "no_score"),
    ("Verdict: A for beginners, B for experts", "no_score"),
    ("See fig. B", "no_score"),
    ('{"verdict": "both"}', "out_of_range"),
    ('{"verdict": 1}', "out_of_range"),
    ('{"verdict": true}', "out_of_range"),
    ('{"verdict": ["A"]}', "out_of_range"),
    ("<verdict>neither</verdict>", "out_of_range"),
    ('{"verdict": null}', "no_score"),
]


@pytest.mark.parametrize(("text", "label", "parsed_from"), PAIRS)
def test_a_verdict_on_a_pair_is_read(text: str, label: str, parsed_from: str) -> None:
    reading = read_label(text, LLMBAR, pairwise=True)
    assert (reading.outcome, reading.reason, reading.label, reading.score, reading.parsed_from) == (
        Outcome.SCORED,
        None,
        label,
        None,
        ParsedFrom(parsed_from),
    )


@pytest.mark.parametrize(("text", "reason"), PAIRS_UNREAD)
def test_no_verdict_on_a_pair_is_made_up(text: str, reason: str) -> None:
    reading = read_label(text, LLMBAR, pairwise=True)
    assert (reading.outcome, reading.reason) == (Outcome.UNSCORED, Reason(reason))
    assert (reading.label, reading.score, reading.parsed_from) == (None, None, None)


def test_a_pair_has_its_default_labels_where_none_are_given() -> None:
    assert read_label("Assistant B is better.", [], pairwise=True).label == "B"
    assert read_label("Verdict: Option B", [], pairwise=True).label == "B"
    assert read_label("[[C]]", PAIRWISE_CHOICES, pairwise=True).label == "tie"
    assert read_label("tie", [Choice(label="A", aliases=["first"])], pairwise=True).label == "tie"
    assert read_label("first", [Choice(label="A", aliases=["first"])], pairwise=True).label == "A"


def test_the_tags_of_pairs_mean_nothing_to_a_category() -> None:
    choices = [Choice(label="A"), Choice(label="B")]
    assert read_label("[[C]]", choices).reason == Reason.NO_SCORE
    assert read_label("[[A>B]]", choices).reason == Reason.NO_SCORE
    assert read_label("[[C]]", [*choices, Choice(label="C")]).label == "C"


# --- pass, fail and categories -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label", "score"),
    [
        ("pass", "pass", 1),
        ("FAIL.", "fail", 0),
        ("Result: Pass", "pass", 1),
        ("**Verdict:** passed", "pass", 1),
        ('{"explanation": "x", "label": "fail"}', "fail", 0),
        ("The reply fails one test and passes two.\nVerdict: fail - it must pass all", "fail", 0),
        ("Faithfulness: fail", "fail", 0),
        ("[RESULT] pass", "pass", 1),
        ("<result>Fail</result>", "fail", 0),
        ('{"reason": "x", "pass": true, "score": 1}', "pass", 1),
        ("{'reason': 'x', 'pass': False}", "fail", 0),
        ("Fail\n\nIt cites nothing.", "fail", 0),
        ("FAİL", "fail", 0),
        ("So the verdict is fail.", "fail", 0),
        ('{"verdict": true}', "pass", 1),
        ("{'result': False}", "fail", 0),
        ("Outcome: fail", "fail", 0),
        ('{"score": 0}', "fail", 0),
        ('{"overall_score": 1, "verdict": "pass"}', "pass", 1),
        ("Verdict: PASS ✅", "pass", 1),
        ("❌ FAIL", "fail", 0),
        ("Fail: the date is made up.", "fail", 0),
        ("All claims hold. The output passes.", "pass", 1),
        ("Verdict: fail\nOverall, it does not pass.", "fail", 0),
    ],
)
def test_pass_and_fail_come_with_their_scores(text: str, label: str, score: int) -> None:
    reading = read_label(text, PASS_FAIL_CHOICES, criterion="faithfulness")
    assert (reading.label, reading.score) == (label, score)
    assert type(reading.score) is int


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Verdict: pass/fail", "conflict"),
        ("Verdict: pass or fail", "conflict"),
        ("Verdict: pass | fail", "conflict"),
        ("Verdict: not pass", "no_score"),
        ("Verdict: does not pass", "no_score"),
        ("Pass: none", "no_score"),
        ("Pass?", "no_score"),
        ("Verdict: pass\nOverall result: misses two criteria", "conflict"),
        ("Verdict: pass\n\nOn second thought, it fails.", "conflict"),
        ("Verdict: pass\nSo it doesn't pass.", "conflict"),
        ('{"pass": false, "score": 1}', "conflict"),
        ('{"accuracy": true}', "no_score"),
        ('{"score": 0.5}', "out_of_range"),
        ("Verdict: pass with reservations", "no_score"),
        ("Verdict: pass?", "no_score"),
        ("It may pass.", "no_score"),
        ('{"label": "maybe"}', "out_of_range"),
        ('{"label": true}', "out_of_range"),
        ("Result: pass\nFinal result: does not pass yet", "conflict"),
        ("Verdict: pass\nVerdict: none", "conflict"),
        ("Pass\n\nHowever, it does not pass the second test.", "conflict"),
        ('{"pass": true, "verdict": "fail"}', "conflict"),
    ],
)
def test_what_is_not_plainly_a_pass_or_a_fail_is_neither(text: str, reason: str) -> None:
    assert read_label(text, PASS_FAIL_CHOICES).reason == Reason(reason)


@pytest.mark.parametrize(
    ("text", "label", "score"),
    [
        ("Label: supported", "supported", 1),
        ("Label: partly supported", "partly supported", 0.5),
        ("Category: Partly.", "partly supported", 0.5),
        ("Label: not  supported", "not supported", 0),
        ("Label: unsupported by the context", None, None),
        ("I would classify the claim as supported.", None, None),
        ("I would classify this as partly supported.", "partly supported", 0.5),
        ("I would not call it supported.", None, None),
        ("No source says so, so it is not supported.", None, None),
        ("It adds a date, so it is not supported.", "not supported", 0),
        ("Label: supported or unsupported", None, None),
        ('{"category": "fully supported", "score": 3}', "supported", 1),
        ("The claim is supported.", None, None),
        ("not supported", "not supported", 0),
    ],
)
def test_a_label_within_another_is_told_apart(text: str, label: str | None, score: float | None) -> None:
    reading = read_label(text, SUPPORT)
    assert (reading.label, reading.score) == (label, score)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("B) it fits", "B"),
        ("B: it fits best", "B"),
        ("Answer: B) it fits", "B"),
        ("Grade: B-", None),
        ("Grade: A+", None),
        ("yes, it holds up.", "yes"),
        ("no. The date is made up.", "no"),
        ("yes: all claims hold\n\nSo the answer is no.", None),
        ("yes: in part\nno: in full", None),
        ("yes: not at all", None),
        ("yes, said the user, as always.", None),
        ("yes: no", None),
        ("The text is no.", None),
        ("Classification: yes", "yes"),
        ("no, it does not.", "no"),
        ("no - the date is not given.", "no"),
        ("no: it never cites. The date isn't given.", "no"),
        ("no, it is not wrong.", None),
        ("no, it doesn't fail.", None),
        ("no, but it is not bad.", None),
        ("no, it is not. yes, it is.", None),
        ("yes, it is not wrong.", None),
        ("Grade: A–", None),
        ("Answer: yes, unless the date is wrong", None),
        ("Answer: yes, but only partly", None),
        ("Answer: yes, only partly.", None),
        ("[[yes]], unless the date is wrong", None),
        ("Answer: yes, but only partly supported", None),
        ("yes, provided the date is right.", None),
        ("Answer: yes, if a bit vaguely", "yes"),
        ("Answer: no (only partially correct)", "no"),
        ("Answer: no - had two errors", "no"),
        ("Answer: yes, provided clear steps", "yes"),
        ("Answer: yes-man", None),
        ("Answer: yes as to the date", None),
        ("Answer: yes (date), no (place)", None),
        ("No, I cannot evaluate this.", None),
        ("Yes, I can evaluate it. Please share the text.", None),
        ("1. Is it on topic? yes\n2. Is it right? no", None),
        ("On topic? yes. Right? no.", None),
        ("1. yes\n2. no\n3. yes", None),
        ("1. yes\n2. yes", "yes"),
        ("Is it right? no.", "no"),
    ],
)
def test_a_line_may_open_with_a_label(text: str, label: str | None) -> None:
    assert read_label(text, [Choice(label=each) for each in ("A", "B", "C", "yes", "no")]).label == label


@pytest.mark.parametrize(
    "text", ["partly supported", "partly_supported", "Label: PARTLY-SUPPORTED", '{"label": "partly_supported"}']
)
def test_the_words_of_a_label_may_be_joined(text: str) -> None:
    assert read_label(text, SUPPORT).label == "partly supported"


def test_labels_that_differ_in_how_their_words_are_joined_are_told_apart() -> None:
    choices = [Choice(label="a_b"), Choice(label="a-b")]
    assert [read_label(text, choices).label for text in ("Label: a_b", "Label: a-b", "Label: a b")] == [
        "a_b",
        "a-b",
        None,
    ]


ERRORS = [
    Choice(label="right", aliases=["the reply is right"]),
    Choice(label="wrong", aliases=["the reply contains an error"]),
]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Line 3 is off by one. Therefore, the reply contains an error.", "wrong"),
        ("All lines hold. The reply is right.", "right"),
        ("All lines hold. I conclude that the reply is right.", "right"),
        ("The reply contains an error", "wrong"),
        ("All lines hold. Thus the reply is right", None),  # may go on: '... in part'
        ("It can't be said that the reply is right.", None),
        ("The reply is not right.", None),
        ("This reply is a clear right.", "right"),
        ("Does the reply hold? The reply is right?", None),
        ("The reply is right. I think.", None),
        ("wrong\n\nAll lines hold. The reply is right.", None),
    ],
)
def test_a_last_sentence_that_is_a_name_is_a_verdict(text: str, label: str | None) -> None:
    assert read_label(text, ERRORS).label == label


def test_labels_that_differ_in_case_only_are_told_apart() -> None:
    choices = [Choice(label="m", score=1), Choice(label="M", score=0)]
    for text in ("{}", "Verdict: {}", "[[{}]]", "<label>{}</label>", "Model says so.\n{}", "{} is better."):
        assert read_label(text.format("m"), choices).label == "m"
        assert read_label(text.format("M"), choices).label == "M"
    assert read_label("Verdict: m or M", choices).reason == Reason.CONFLICT


def test_numbers_and_booleans_can_be_labels() -> None:
    digits = [Choice(label=str(level)) for level in (0, 1, 2)]
    assert read_label('{"label": 1}', digits).label == "1"
    assert read_label("Label: 2", digits).label == "2"
    assert read_label("Label: 1/2", digits).reason == Reason.CONFLICT
    assert read_label("Label: 1.0", digits).label == "1"
    assert read_label("[[2.0]]", digits).label == "2"
    for text in ("Grade: 1.5", "1.5", "Score: 1,5", "Score: 12", "[[0.5]]", "Score: 1.0.2"):
        assert read_label(text, digits).label is None
    truth = [Choice(label="true"), Choice(label="false")]
    assert read_label('{"label": true}', truth).label == "true"


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ('{"reason": "Short.", "verdict": "A"}', "Short."),
        ("Short.\n\nVerdict: A", "Short."),
        ("Verdict: A - it is short", "it is short"),
        ("Short.\nMy final verdict is A is better: [[A>B]]", "Short."),
        ("Short.\nA", "Short."),
        ("A", None),
        ("Short. Therefore, Output (a) is better.", "Short. Therefore, Output (a) is better."),
    ],
)
def test_the_explanation_of_a_label_is_what_stands_beside_it(text: str, explanation: str | None) -> None:
    assert read_label(text, LLMBAR, pairwise=True).explanation == explanation
