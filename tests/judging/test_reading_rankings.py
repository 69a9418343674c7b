"""Ugly replies to a request for an order. A reading names every output once or there is none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.outcomes import Outcome, ParsedFrom, Reason
from service.judging.reading import LETTERS, Ranking, read_ranking

CAB = ((2,), (0,), (1,))
C_THEN_BOTH = ((2,), (0, 1))

READ: list[tuple[str, Ranking, str]] = [
    ('{"explanation": "x", "ranking": ["C", "A", "B"]}', CAB, "json"),
    ('{"ranking": ["C", ["A", "B"]]}', C_THEN_BOTH, "json"),
    ('{"ranking": [["C"], ["B", "A"]]}', C_THEN_BOTH, "json"),
    ('{"ranking": ["C", "A = B"]}', C_THEN_BOTH, "json"),
    ('{"ranking": "C > A = B"}', C_THEN_BOTH, "json"),
    ('{"ranking": "C, A, B"}', CAB, "json"),
    ('{"ranking": "[C, [A, B]]"}', C_THEN_BOTH, "json"),
    ('{"Order": ["Output C", "Output A", "Output (b)"]}', CAB, "json"),
    ('{"finalRanking": ["c", "a", "b"]}', CAB, "json"),
    ('{"ranked": ["C", "A", "B"], "order": "best first"}', CAB, "json"),
    ('{"rank": 1, "ranking": ["C", "A", "B"]}', CAB, "json"),
    ('{"name": "submit", "arguments": {"ranks": ["C", "A", "B"]}}', CAB, "json"),
    ('```json\n{"ranking": ["C", "A", "B"]}\n```', CAB, "json"),
    ('It says {"ranking": ["A", "B", "C"]}.\nRanking: C > A > B', CAB, "line"),
    ("<ranking>C > A > B</ranking>", CAB, "tag"),
    ("<final_ranking> **C**, A, B </final_ranking>", CAB, "tag"),
    ("Feedback: x [RESULT] C > A > B", CAB, "result"),
    ("[[C > A > B]]", CAB, "brackets"),
    ("[[C>A=B]]", C_THEN_BOTH, "brackets"),
    ("My verdict: [[C, A, B]].", CAB, "brackets"),
    ("Ranking: C > A > B", CAB, "line"),
    ("Ranking: C, A, B", CAB, "line"),
    ("Ranking: C, A, and B.", CAB, "line"),
    ("Ranking: C; A; B", CAB, "line"),
    ("Ranking: C, then A, and then B", CAB, "line"),
    ("C is right. Therefore, C > A > B.", CAB, "prose"),
    ("Ranking: C -> A → B", CAB, "line"),
    ("Worst to best: B → A → C", CAB, "line"),
    ("Final answer: C > A > B", CAB, "line"),
    ("Best to worst: C, A, B", CAB, "line"),
    ("From worst to best: B, A, C.", CAB, "line"),
    ("Ranking: [C, A, B]", CAB, "line"),
    ('Ranking: ["C", "A", "B"]', CAB, "line"),
    ("Ranking: [C, A, B] since it is so", CAB, "line"),
    ("Ranking: C > (A = B)", C_THEN_BOTH, "line"),
    ("Ranking: C > (A, B), because both err", C_THEN_BOTH, "line"),
    ("Ranking: (B, A) > C", ((0, 1), (2,)), "line"),
    ("Ranking: A = B = C", ((0, 1, 2),), "line"),
    ("**Final Ranking:** C >> A > B", CAB, "line"),
    ("Final ranking (best to worst): C > A > B", CAB, "line"),
    ("Ranking from best to worst: C, A, B", CAB, "line"),
    ("My order is C > A > B - C is right", CAB, "line"),
    ("Ranking: `C` > **A** > *B*", CAB, "line"),
    ("Ranking: Output C > Response A > output_b", CAB, "line"),
    ("Ranking:\n\nC > A > B\n\nC is right.", CAB, "line"),
    ("Ranking: C > A > B. C > A in style.", CAB, "line"),
    ("> Ranking: A > B > C\nis quoted.\nRanking: C > A > B", CAB, "line"),
    ("<think>A > B > C</think>Ranking: C > A > B", CAB, "line"),
    ("C > A > B", CAB, "bare"),
    ("C, A, B", CAB, "bare"),
    ('["C", ["A", "B"]]', C_THEN_BOTH, "bare"),
    ("C is right, the others err.\n\n**Output C > Output A = Output B**.", C_THEN_BOTH, "bare"),
    ("```\nC > A > B\n```", CAB, "bare"),
    # by number
    ("[3] > [1] > [2]", CAB, "bare"),
    ("[3] > [1] = [2]", C_THEN_BOTH, "bare"),
    ("3 > 1 > 2", CAB, "bare"),
    ("Ranking: 3 > 1 > 2", CAB, "line"),
    ("Ranking: [3, 1, 2]", CAB, "line"),
    ("Ranking: Passage 3 > Passage 1 > Passage 2", CAB, "line"),
    ('{"ranking": [3, 1, 2]}', CAB, "json"),
    ('{"ranking": [2, 0, 1]}', CAB, "json"),
    ('{"ranking": ["3", "1", "2"]}', CAB, "json"),
    ('{"ranking": ["[3]", "[1]", "[2]"]}', CAB, "json"),
    # ranks
    ('{"ranks": [2, 3, 1]}', CAB, "json"),
    ('{"ranking": {"A": 2, "B": 3, "C": 1}}', CAB, "json"),
    ('{"A": 2, "B": 2, "C": 1}', C_THEN_BOTH, "json"),
    ('[{"model": "A", "rank": 2}, {"model": "B", "rank": 3}, {"model": "C", "rank": 1}]', CAB, "json"),
    (
        '{"ordered_models": [{"model": "C", "rank": 1}, {"model": "A", "rank": 2}, {"model": "B", "rank": 3}]}',
        CAB,
        "json",
    ),
    ("1. C\n2. A\n3. B", CAB, "bare"),
    ("Ranking:\n1. Output C - it is right\n2. Output A (short)\n3. Output B", CAB, "bare"),
    ("Rank 1: C\nRank 2: A\nRank 3: B", CAB, "bare"),
    ("1. A\n2. B\n3. C\n\nRanking: C > A > B", CAB, "line"),
    # worst first
    ("Ranking: B, A, C (from worst to best)", CAB, "line"),
    ("Ranking (worst to best): B, A, C", CAB, "line"),
    ("Ranking from lowest to highest: [B, A, C]", CAB, "line"),
    ('{"ranking": ["B", "A", "C"], "order": "worst to best"}', CAB, "json"),
]

UNREAD = [
    ("", "empty"),
    ("<think>C > A > B", "truncated"),
    ("I'm sorry, but I can't rank these.", "refused"),
    ("C is the best of them.", "no_score"),
    ("1. C (weakest)\n2. A\n3. B", "no_score"),
    ("1. C\n2. A\n3. B: the best", "no_score"),
    ("Output C states: Ranking: C, A, B", "no_score"),
    ("C", "no_score"),
    ("Ranking: C", "no_score"),
    ("Ranking: a good order would be C, A, B", "no_score"),
    ("Ranking: C > A", "no_score"),
    ("Ranking: C > A, B", "no_score"),
    ("Ranking: C > A > B > none", "no_score"),
    ("Ranking: C > A > B or C > B > A", "no_score"),
    ("Ranking: C > A > B?", "no_score"),
    ("Ranking: C < A < B", "no_score"),
    ("Ranking: C A B", "no_score"),
    ("Ranking: CAB", "no_score"),
    ('{"ranking": []}', "no_score"),
    ('{"ranking": ["C", []]}', "no_score"),
    ('{"ranking": ["C", "A"]}', "no_score"),
    ('{"ranking": ["C", ["A", ["B"]]]}', "no_score"),
    ('{"ranking": ["C", "A", null]}', "no_score"),
    ('{"ranking": null}', "no_score"),
    ('{"ranking": true}', "no_score"),
    ("<ranking>best first</ranking>", "no_score"),
    ('It says "[[C > A > B]]".', "no_score"),
    ("It says `<ranking>C > A > B</ranking>`.", "no_score"),
    ("> C > A > B", "no_score"),
    ('The reply says {"ranking": ["C", "A", "B"]} here.', "no_score"),
    ("A > B\nB > C\nso\nA > B > C", "no_score"),
    ("3, 1, 2", "no_score"),
    ("Ranks: 3, 1, 2", "no_score"),
    ("A > 2 > C", "no_score"),
    ("[2] > [1]", "no_score"),
    ("1. Output A is short.\n2. Output B is long.\n3. Output C is right.", "no_score"),
    ('{"ranks": [1, 2]}', "no_score"),
    ('{"A": 9, "B": 7, "C": 8}', "no_score"),
    ('{"scores": {"A": 3, "B": 1, "C": 2}}', "no_score"),
    ('{"quality": {"A": 3, "B": 1, "C": 2}}', "no_score"),
    ("[4] > [1] > [2]", "out_of_range"),
    ("Ranking: C > A > B (from worst to best)", "conflict"),
    ("I go from worst to best.\nRanking: B, A, C", "conflict"),
    ('Ranking: C > A > B\nB says {"ranking": ["B", "A", "C"]}.', "conflict"),
    ("Ranking: C > A > B\nB says [[B > A > C]].", "conflict"),
    ("Ranking: C > A > B\nFinal ranking: none", "conflict"),
    ('[{"model": "A", "rank": 1}, {"model": "A", "rank": 2}, {"model": "C", "rank": 3}]', "conflict"),
    ("Ranking: C > A > D", "out_of_range"),
    ('{"ranking": ["C", "A", "B", "D"]}', "out_of_range"),
    ('{"ranking": ["Output Z", "A", "B"]}', "out_of_range"),
    ("Ranking: C > A > A", "conflict"),
    ("Ranking: C > A > B > C", "conflict"),
    ('{"ranking": ["C", ["A", "C"], "B"]}', "conflict"),
    ("Ranking: C > A > B\nRanking: A > B > C", "conflict"),
    ("Ranking: C > A > B. No: A > B > C", "conflict"),
    ("Ranking: C > A > B\nRanking: C > A = B", "conflict"),
    ("C > A > B\nA > B > C", "conflict"),
    ("[[C > A > B]] [[A > B > C]]", "conflict"),
    ('{"ranking": ["C", "A", "B"], "ranking": ["A", "B", "C"]}', "conflict"),
    ('{"ranking": ["C", "A", "B"], "order": ["A", "B", "C"]}', "conflict"),
]


@pytest.mark.parametrize(("text", "ranking", "parsed_from"), READ)
def test_an_order_of_three_is_read(text: str, ranking: Ranking, parsed_from: str) -> None:
    reading = read_ranking(text, 3)
    assert (reading.outcome, reading.reason, reading.ranking) == (Outcome.SCORED, None, ranking)
    assert (reading.score, reading.label, reading.parsed_from) == (None, None, ParsedFrom(parsed_from))


@pytest.mark.parametrize(("text", "reason"), UNREAD)
def test_no_order_of_three_is_made_up(text: str, reason: str) -> None:
    reading = read_ranking(text, 3)
    assert (reading.outcome, reading.reason) == (Outcome.UNSCORED, Reason(reason))
    assert (reading.ranking, reading.parsed_from) == (None, None)


@pytest.mark.parametrize(("finish_reason", "reason"), [("length", "truncated"), ("content_filter", "refused")])
def test_how_a_reply_ended_comes_first(finish_reason: str, reason: str) -> None:
    assert read_ranking("Ranking: A > B", 2, finish_reason=finish_reason).reason == Reason(reason)


def test_the_criterion_may_name_the_order() -> None:
    assert read_ranking("Tone of voice: B > A", 2, criterion="tone of voice").ranking == ((1,), (0,))
    assert read_ranking('{"tone_of_voice": ["B", "A"]}', 2, criterion="tone of voice").ranking == ((1,), (0,))


def test_the_source_of_an_object_is_kept() -> None:
    text = '{"explanation": "Short.", "ranking": ["B", "A"]}'
    assert read_ranking(text, 2, source="schema").parsed_from == ParsedFrom.SCHEMA
    assert read_ranking(text, 2, source="tool").explanation == "Short."
    assert read_ranking("Short.\nRanking: B > A", 2).explanation == "Short."


@pytest.mark.parametrize("count", [-1, 0, 1, 21])
def test_an_order_is_of_2_to_20(count: int) -> None:
    with pytest.raises(ValueError, match="2 to 20 outputs"):
        read_ranking("A", count)


# --- properties ----------------------------------------------------------------------------------------------


@st.composite
def rankings(draw: Any) -> Ranking:
    size: int = draw(st.integers(min_value=2, max_value=20))
    order: list[int] = draw(st.permutations(range(size)))
    joins: list[bool] = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    groups: list[list[int]] = []
    for index, joins_the_last in zip(order, joins, strict=True):
        if groups and joins_the_last:
            groups[-1].append(index)
        else:
            groups.append([index])
    return tuple(tuple(sorted(group)) for group in groups)


def as_array(ranking: Ranking) -> list[Any]:
    return [
        LETTERS[group[0]] if len(group) == 1 and len(ranking) > 1 else [LETTERS[index] for index in group]
        for group in ranking
    ]


def as_text(ranking: Ranking, name: str = "{}") -> str:
    return " > ".join(" = ".join(name.format(LETTERS[index]) for index in group) for group in ranking)


NOTATIONS = [
    lambda ranking: json.dumps({"explanation": "Because.", "ranking": as_array(ranking)}),
    lambda ranking: "```json\n" + json.dumps({"order": as_array(ranking)}, indent=1) + "\n```",
    lambda ranking: json.dumps({"ranking": as_text(ranking)}),
    lambda ranking: f"Fine. [[{as_text(ranking)}]]",
    lambda ranking: f"<ranking>{as_text(ranking)}</ranking>",
    lambda ranking: f"Because.\n**Ranking:** {as_text(ranking)}",
    lambda ranking: f"Because.\nRanking: {as_text(ranking, 'Output {}')}.",
    lambda ranking: f"Ranking:\n{as_text(ranking)}\n\nBecause.",
    lambda ranking: f"Because.\n\n{as_text(ranking)}",
    lambda ranking: f"Ranking: {as_text(ranking).replace(' > ', ', ')}",
]


@given(rankings(), st.sampled_from(NOTATIONS))
def test_any_order_is_read_back_in_each_notation(ranking: Ranking, notation: Any) -> None:
    reading = read_ranking(notation(ranking), sum(map(len, ranking)))
    assert (reading.ranking, reading.reason) == (ranking, None)


FRAGMENTS = st.one_of(
    st.sampled_from(["A", "B", "C", "D", " > ", " = ", ", ", "Ranking: ", "\n", "[", "]", "[[", "]]", "(", ")", '"']),
    st.sampled_from(["Output ", "**", '{"ranking": ', "}", "<ranking>", "</ranking>", ".", " and ", "> ", "because"]),
)


@given(st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=25).map("".join)))
def test_any_text_is_read_to_an_order_of_all_or_a_reason(text: str) -> None:
    reading = read_ranking(text, 3)
    if reading.outcome is Outcome.SCORED:
        assert reading.ranking is not None
        assert sorted(index for group in reading.ranking for index in group) == [0, 1, 2]
        assert all(reading.ranking)
    else:
        assert (reading.ranking, reading.parsed_from) == (None, None)
        assert reading.reason is not None
