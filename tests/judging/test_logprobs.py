"""Scores from log probabilities: given if the place and the levels are certain, else none."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contracts.judges import Scale
from service.judging.logprobs import MIN_COVERED_MASS, Token, make_token, score_by_logprobs

ONE_TO_FIVE = Scale(min=1, max=5)
ONE_TO_TEN = Scale(min=1, max=10)


def token(text: str, alternatives: Mapping[str, float] | None = None) -> Token:
    """A token with the probabilities of its alternatives; without them it was certain."""
    given = alternatives if alternatives is not None else {text: 1.0}
    return Token(text, tuple((each, math.log(p) if p else -9999.0) for each, p in given.items()))


def answer(*parts: str | tuple[str, dict[str, float]]) -> list[Token]:
    return [token(part) if isinstance(part, str) else token(*part) for part in parts]


SPLIT = {"4": 0.6, "5": 0.3, "3": 0.1}  # 4 * 0.6 + 5 * 0.3 + 3 * 0.1 = 4.2


def expected_mean(tokens: list[Token] | None, scale: Scale, score: float) -> float | None:
    expected = score_by_logprobs(tokens, scale, score)
    return None if expected is None else expected.mean


@pytest.mark.parametrize(
    "tokens",
    [
        answer(("4", SPLIT)),
        answer(
            '{"',
            "explanation",
            '":',
            ' "',
            "It",
            " is",
            '.",',
            ' "',
            "score",
            '":',
            (" ", {" ": 1.0}),
            ("4", SPLIT),
            "}",
        ),
        answer("Score", ":", (" 4", {" 4": 0.6, " 5": 0.3, " 3": 0.1})),
        answer("Score", ":", (" 4", {" 4": 0.35, "4": 0.25, " 5": 0.3, "\n3": 0.1})),
        answer('"score":', ('"4"', {'"4"': 0.6, "'5'": 0.3, "“3”": 0.1})),
        answer(
            " 4",
            " of",
            " the",
            " 5",
            " claims",
            " hold",
            ".\n",
            "Score",
            ":",
            (" 4", {" 4": 0.6, " 5": 0.3, " 3": 0.1}),
            ".",
        ),
        answer("Score", ": ", ("4", SPLIT), "/", "5"),
        answer("Score", ": ", ("4", SPLIT), "/", "4", "."),
        answer("Score", ": ", ("4", SPLIT), " out", " of", " ", "4"),
        answer("Score", ": ", ("4", SPLIT), ".", " Of", " 12", " claims", "."),
        answer(("4", SPLIT), ",", "\n", '"n":', "2"),
    ],
)
def test_the_levels_are_weighted_in_the_place_of_the_score(tokens: list[Token]) -> None:
    assert expected_mean(tokens, ONE_TO_FIVE, 4) == pytest.approx(4.2)


def test_what_is_no_level_is_left_out_of_the_sum() -> None:
    # (4 * 0.6 + 5 * 0.32) / 0.92
    tokens = answer(("4", {"4": 0.6, "5": 0.32, "7": 0.04, "N": 0.04}))
    assert expected_mean(tokens, ONE_TO_FIVE, 4) == pytest.approx(4.0 / 0.92)


def test_the_deviation_is_that_of_the_levels_weights() -> None:
    # 0.6 * 0.2^2 + 0.3 * 0.8^2 + 0.1 * 1.2^2 = 0.36
    expected = score_by_logprobs(answer(("4", {"4": 0.6, "5": 0.3, "3": 0.1})), ONE_TO_FIVE, 4)
    assert expected == pytest.approx((4.2, 0.6))


def test_a_certain_level_is_the_score() -> None:
    tokens = [Token("3", (("3", 0.0), ("2", -9999.0), ("4", -math.inf), ("5", math.nan)))]
    assert expected_mean(tokens, ONE_TO_FIVE, 3) == 3.0


def test_a_logprob_rounded_above_0_is_a_certainty() -> None:
    assert expected_mean([Token("5", (("5", 1e-7),))], ONE_TO_FIVE, 5) == 5.0


@pytest.mark.parametrize(
    ("tokens", "score"),
    [
        (None, 4),
        ([], 4),
        (answer("no", " score"), 4),
        (answer(("4", SPLIT)), 2),  # read elsewhere
        (answer(("4", SPLIT)), 4.5),
        (answer(("6", {"6": 1.0})), 6),
        (answer(("4", {"4": 0.5, "5": 0.39, "N": 0.11})), 4),  # covers 0.89
        (answer(("4", {"4": 0.0})), 4),
        ([Token("4", (("4", math.nan),))], 4),
        ([Token("4", ())], 4),
        # The last mention is a piece of another number, so that the place is not certain.
        (answer(("4", SPLIT), ".", "0"), 4),
        (answer(("4", SPLIT), ",", "5"), 4),
        (answer(("4", SPLIT), "2"), 4),
        (answer("1", ("4", SPLIT)), 4),
        (answer("3", ".", ("4", SPLIT)), 4),
        (answer("-", ("4", SPLIT)), 4),
        (answer("1", "-", ("4", SPLIT)), 4),
        (answer(("4", SPLIT), " in", " 202", "4"), 4),
        (answer("x/", ("4", SPLIT)), 4),
    ],
)
def test_where_nothing_is_certain_there_is_no_expectation(tokens: list[Token] | None, score: float) -> None:
    assert expected_mean(tokens, ONE_TO_FIVE, score) is None


def test_a_scale_without_steps_has_no_levels_to_weigh() -> None:
    assert expected_mean(answer(("4", SPLIT)), Scale(min=1, max=5, step=None), 4) is None


def test_levels_of_several_tokens_have_no_expectation() -> None:
    split = {"1": 0.9, "2": 0.1}  # "1" may have been the beginning of "10"
    assert expected_mean(answer(("1", split)), ONE_TO_TEN, 1) is None
    assert expected_mean(answer("1", ("0", {"0": 1.0})), ONE_TO_TEN, 10) is None
    assert expected_mean(answer(("2", {"2": 1.0}), "\n"), Scale(min=1, max=5, step=0.5), 2) is None
    assert expected_mean(answer(("1", {"1": 1.0})), Scale(min=-1, max=1), 1) is None


def test_levels_of_several_digits_count_where_such_a_token_was_seen() -> None:
    # 9 * 0.5 + 10 * 0.5
    assert expected_mean(answer(("9", {"9": 0.5, "10": 0.5})), ONE_TO_TEN, 9) == pytest.approx(9.5)
    # 1 * 0.9 + 2 * 0.1
    assert expected_mean(
        answer("Of", " 12", " claims", (" 1", {" 1": 0.9, " 2": 0.1})), ONE_TO_TEN, 1
    ) == pytest.approx(1.1)
    # 85 * 0.5 + 80 * 0.5; a hundred was not seen, a token of three digits was
    tokens = answer("100", " words", ":", (" 85", {" 85": 0.5, " 80": 0.5}))
    assert expected_mean(tokens, Scale(min=0, max=100), 85) == pytest.approx(82.5)
    assert expected_mean(tokens[2:], Scale(min=0, max=100), 85) is None
    tokens = answer((" -1", {" -1": 0.75, " 0": 0.25}))
    assert expected_mean(tokens, Scale(min=-1, max=1), -1) == pytest.approx(-0.75)


def test_a_token_is_among_its_alternatives() -> None:
    assert make_token("4", -2.0, [("5", -0.1)]) == Token("4", (("4", -2.0), ("5", -0.1)))
    assert make_token("4", -0.1, [("4", -0.1), ("5", -2.0)]) == Token("4", (("4", -0.1), ("5", -2.0)))


LOGPROBS = st.floats(max_value=0.0) | st.just(-9999.0)
LEVELS = st.sampled_from("12345")


@given(st.lists(st.tuples(st.text(max_size=3) | LEVELS, st.floats())), LEVELS)
def test_an_expectation_is_on_the_scale_whatever_comes(top: list[tuple[str, float]], drawn: str) -> None:
    result = expected_mean([Token(drawn, tuple(top))], ONE_TO_FIVE, float(drawn))
    assert result is None or 1 <= result <= 5


@given(st.lists(st.integers(0, 1000), min_size=5, max_size=5).filter(any), st.integers(0, 300))
def test_an_expectation_is_the_weighted_mean_where_enough_is_covered(weights: list[int], other: int) -> None:
    total = sum(weights) + other
    masses = {str(level + 1): weight / total for level, weight in enumerate(weights)}
    covered = sum(masses.values())
    result = expected_mean([token("3", masses | {"?": other / total})], ONE_TO_FIVE, 3)
    if covered < MIN_COVERED_MASS - 1e-9:
        assert result is None
    elif covered > MIN_COVERED_MASS + 1e-9:
        mean = sum(int(level) * mass for level, mass in masses.items()) / covered
        assert result == pytest.approx(mean)


@given(st.lists(st.integers(1, 1000), min_size=5, max_size=5), st.permutations(range(5)))
def test_an_expectation_does_not_depend_on_order_spelling_or_direction(weights: list[int], order: list[int]) -> None:
    top = [(str(index + 1), math.log(weight / sum(weights))) for index, weight in enumerate(weights)]
    mean = expected_mean([Token("3", tuple(top))], ONE_TO_FIVE, 3)
    assert mean is not None
    shuffled = tuple(top[index] for index in order)
    assert expected_mean([Token("3", shuffled)], ONE_TO_FIVE, 3) == pytest.approx(mean)
    halves = tuple((spelt, p - math.log(2)) for text, p in top for spelt in (text, f" {text}"))
    assert expected_mean([Token("3", halves)], ONE_TO_FIVE, 3) == pytest.approx(mean)
    mirrored = tuple((str(6 - int(text)), p) for text, p in top)
    assert expected_mean([Token("3", mirrored)], ONE_TO_FIVE, 3) == pytest.approx(6 - mean)
