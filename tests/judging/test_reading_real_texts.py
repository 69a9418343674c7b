"""Real replies of judges, against the careful readings that come with them: no wrong value, and how many read."""

from collections import Counter

import pytest

from tests.judging.real_texts import (
    DATA,
    DATA_SETS,
    RIGHT,
    SURE,
    UNREAD,
    WRONG,
    autoj,
    counted,
    llmbar_ratings,
    missing,
    topicalchat,
)

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"no {', '.join(missing())} in {DATA}"),
    pytest.mark.timeout(180),  # seconds: 100,000 texts are read
]

# Of the sure ones left unread in topicalchat most are 'Response: 2', since response is no word for a score.
# Of the unclear ones four are read: a bare first line and three 'I would rate it a 2.'; of the likely ones, four that
# open with the number, as '2 - somewhat' does, and wrongly one in which a bare last line answers a numbered question.
# In whole steps the fractions are refused, and nothing else changes (of the rest of the sure ones a tenth is read). Of
# LLMBar's verdicts 79 sure ones are long replies whose verdict is not in the last sentence, or that name both; two
# unclear ones open with a label and were cut off. Of its ratings two are 10, off the scale, and two were stopped by a
# filter. AlpacaEval's 18 hold nothing, or rank both alike.
EXPECTED = {
    "topicalchat, any number": {
        ("r", RIGHT): 99_615,
        ("r", UNREAD): 103,
        ("l", RIGHT): 4,
        ("l", UNREAD): 201,
        ("l", WRONG): 1,
        ("n", UNREAD): 65,
        ("u", UNREAD): 47,
        ("u", WRONG): 4,
    },
    "topicalchat, whole steps": {
        ("r", RIGHT): 9_945,  # of a tenth of them
        ("r", UNREAD): 350,
        ("l", RIGHT): 3,
        ("l", UNREAD): 202,
        ("l", WRONG): 1,
        ("n", UNREAD): 65,
        ("u", UNREAD): 47,
        ("u", WRONG): 4,
    },
    "llmbar ratings": {("r", RIGHT): 1_900, ("r", UNREAD): 4},
    "llmbar verdicts": {
        ("r", RIGHT): 8_450,
        ("r", UNREAD): 79,
        ("l", RIGHT): 16,
        ("l", UNREAD): 444,
        ("n", UNREAD): 41,
        ("u", UNREAD): 12,
        ("u", WRONG): 2,
    },
    "judgebench": {("r", RIGHT): 700},
    "autoj": {("r", RIGHT): 231, ("n", UNREAD): 1},
    "alpacaeval": {("r", RIGHT): 3_202, ("r", UNREAD): 18},
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_real_replies_are_read_as_the_reference_or_not_at_all(name: str) -> None:
    _, texts = DATA_SETS[name]
    counts = counted(texts())
    print(f"\n{name}: " + ", ".join(f"{status} {verdict} {n}" for (status, verdict), n in sorted(counts.items())))
    assert counts == EXPECTED[name]
    assert counts[SURE, WRONG] == 0


@pytest.mark.parametrize(("step", "off_grid"), [(None, 0), (1, 247)])
def test_the_sure_scores_left_unread_have_their_reasons(step: float | None, off_grid: int) -> None:
    reasons = Counter(each.reading.reason for each in topicalchat(step) if each.status == SURE and each.value is None)
    assert reasons == {"no_score": 103} | ({"off_grid": off_grid} if off_grid else {})


def test_a_rating_off_the_scale_and_one_stopped_by_a_filter_are_told_apart() -> None:
    reasons = Counter(each.reading.reason for each in llmbar_ratings() if each.value is None)
    assert reasons == {"out_of_range": 2, "refused": 2}


def test_a_critique_is_the_explanation_without_its_rating() -> None:
    for each in autoj():
        explanation = each.reading.explanation
        assert each.value is None or (explanation and "Rating:" not in explanation)
