"""Whether a judge changed or is swayed: against scipy, sums done by hand, and the false alarms that were promised."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from service.stats.drift import CUSUM_ALARM, SURE_Z, cusum, position_bias, psi, repeat_consistency, score_shift
from service.stats.length_buckets import length_bucket

FIVE = (1, 2, 3, 4, 5)

histograms = st.lists(st.integers(0, 60), min_size=5, max_size=5)
agreements = st.lists(st.booleans(), max_size=60)


def cusum_of(agreed: Iterable[bool], usual: float, fallen: float | None = None, start: float = 0.0) -> float:
    """The sum after these labels, one by one."""
    return cusum(((int(each), 1) for each in agreed), usual, fallen, start)


def counts(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


class TestScoreShift:
    def test_z_of_a_sum_done_by_hand(self) -> None:
        """Before, 50 x 2 and 50 x 4; now, 50 x 3 and 50 x 4. Together the mean is 3.25.

        s^2 = (50 * 1.5625 + 50 * .0625 + 100 * .5625) / 200 = .6875, and z = .5 / sqrt(.6875 * 2 / 100) = 4.2640.
        """
        found = score_shift(counts(0, 50, 0, 50, 0), counts(0, 0, 50, 50, 0), FIVE)
        assert found.points == 0.5
        assert found.z == pytest.approx(4.2640, abs=1e-4)
        assert found.drifted
        half = score_shift(counts(0, 25, 0, 25, 0), counts(0, 0, 25, 25, 0), FIVE)
        assert half.z == pytest.approx(4.2640 / math.sqrt(2), abs=1e-4)
        assert not half.drifted

    @given(histograms, histograms)
    def test_z_is_that_of_the_mean_under_permutations(self, before: list[int], now: list[int]) -> None:
        first, second = np.repeat(FIVE, before), np.repeat(FIVE, now)
        together = np.concatenate([first, second])
        if min(len(first), len(second)) < 2 or len({*together}) == 1:
            return
        error = math.sqrt(together.var() * (1 / len(first) + 1 / len(second)))
        expected = (second.mean() - first.mean()) / error
        found, back = score_shift(counts(*before), counts(*now), FIVE), score_shift(counts(*now), counts(*before), FIVE)
        assert found.z == pytest.approx(expected, abs=1e-9)
        assert back.z == pytest.approx(-expected, abs=1e-9)

    def test_a_sure_shift_that_does_not_matter_is_no_drift(self) -> None:
        before, now = counts(0, 40_000, 60_000, 0, 0), counts(0, 38_000, 62_000, 0, 0)
        found = score_shift(before, now, FIVE)
        assert found.z is not None
        assert found.z > 9
        assert not found.drifted  # .02 points of 4

    def test_a_change_from_one_value_to_another_is_drift(self) -> None:
        found = score_shift(counts(0, 0, 0, 100, 0), counts(0, 0, 0, 0, 100), FIVE)
        assert found.z == pytest.approx(math.sqrt(200))
        assert found.drifted

    def test_a_sure_shift_that_matters_is_drift(self) -> None:
        assert score_shift(counts(0, 400, 600, 0, 0), counts(0, 0, 500, 500, 0), FIVE).drifted

    def test_of_two_values_it_is_the_pooled_two_proportion_z(self) -> None:
        """70 of 100 and 180 of 200 pass: p = 250 / 300, z = .2 / sqrt(p (1 - p) (1 / 100 + 1 / 200)) = 4.3818."""
        assert score_shift(counts(30, 70), counts(20, 180), (0, 1)).z == pytest.approx(4.3818, abs=1e-4)

    def test_a_side_with_a_single_value_is_no_proof(self) -> None:
        """All of 100 pass, before .95 of 1000: Welch's z is 7.3, but though so many happen in one of 170 windows."""
        found = score_shift(counts(50, 950), counts(0, 100), (0, 1))
        assert found.z == pytest.approx(2.29, abs=0.01)
        assert not found.drifted

    def test_few_scores_are_no_drift(self) -> None:
        found = score_shift(counts(99, 0, 0, 0, 0), counts(0, 0, 0, 1, 99), FIVE)
        assert found.z is not None
        assert found.z > SURE_Z
        assert not found.drifted

    @pytest.mark.parametrize(
        ("before", "now", "points", "drifted", "reason"),
        [
            ((0,) * 5, (9,) * 5, None, False, "no_scores"),
            ((9,) * 5, (0,) * 5, None, False, "no_scores"),
            ((9,) * 5, (0, 0, 0, 1, 0), 1.0, False, "too_few_scores"),
            ((0, 0, 0, 50, 0), (0, 0, 0, 50, 0), 0.0, False, "constant"),
        ],
    )
    def test_without_z_there_is_a_reason(
        self, before: Sequence[int], now: Sequence[int], points: float | None, drifted: bool, reason: str
    ) -> None:
        found = score_shift(counts(*before), counts(*now), FIVE)
        assert (found.points, found.z, found.drifted, found.reason) == (points, None, drifted, reason)


class TestPsi:
    def test_a_sum_done_by_hand(self) -> None:
        """(20, 80) then (40, 60): with halves 20.5 / 101 = .2030 and 40.5 / 101 = .4010.

        (.4010 - .2030) (ln(.4010 / .2030) - ln(.5990 / .7970)) = .1980 * (.6808 + .2856) = .1914.
        Critical: 6.6349 * (1/100 + 1/100) = .1327; ratio 1.442.
        """
        found = psi(counts(20, 80), counts(40, 60))
        assert found.value == pytest.approx(0.1914, abs=1e-4)
        assert found.critical == pytest.approx(0.1327, abs=1e-4)
        assert found.ratio == pytest.approx(1.442, abs=1e-3)

    def test_values_that_never_occur_add_nothing(self) -> None:
        assert psi(counts(20, 0, 80, 0), counts(40, 0, 60, 0)) == psi(counts(20, 80), counts(40, 60))

    @given(histograms, histograms)
    def test_it_is_symmetric_and_never_negative(self, before: list[int], now: list[int]) -> None:
        there, back = psi(counts(*before), counts(*now)), psi(counts(*now), counts(*before))
        assert there.value == (None if back.value is None else pytest.approx(back.value, abs=1e-12))
        assert there.value is None or there.value >= 0

    def test_nothing_to_compare_has_a_reason(self) -> None:
        empty = psi(counts(0, 0), counts(1, 2))
        assert (empty.value, empty.critical, empty.ratio, empty.reason) == (None, None, None, "no_scores")
        constant = psi(counts(5, 0), counts(9, 0))
        assert (constant.value, constant.critical, constant.ratio, constant.reason) == (0.0, None, None, "constant")

    @pytest.mark.slow
    @pytest.mark.parametrize("now", [30, 50, 100, 500, 2000])
    def test_false_alarms_are_one_in_a_hundred_at_any_size(self, now: int) -> None:
        random = np.random.default_rng(now)
        chances = [0.05, 0.1, 0.25, 0.4, 0.2]
        pairs = zip(
            random.multinomial(10 * now, chances, size=4000), random.multinomial(now, chances, size=4000), strict=True
        )
        alarms = sum((psi(before, after).ratio or 0) > 1 for before, after in pairs) / 4000
        print(f"n {now}: PSI false alarms {alarms:.4f}")
        assert 0.003 <= alarms <= 0.025


class TestCusum:
    def test_a_sum_done_by_hand(self) -> None:
        """.8 -> .65: each agreement ln(.65 / .8) = -.2076, each miss ln(.35 / .2) = .5596; never below 0."""
        assert cusum_of([True], 0.8) == 0
        assert cusum_of([False, False, True], 0.8) == pytest.approx(2 * 0.5596 - 0.2076, abs=1e-4)
        assert cusum_of([False, True, True, True, False], 0.8) == pytest.approx(0.5596, abs=1e-4)

    @given(agreements, agreements, st.floats(0.1, 1.0))
    def test_it_goes_on_where_it_stopped(self, first: list[bool], second: list[bool], usual: float) -> None:
        assert cusum_of(second, usual, start=cusum_of(first, usual)) == cusum_of([*first, *second], usual)

    @pytest.mark.parametrize("usual", [0.0, 0.01, 0.1, 0.5, 1.0])
    def test_any_usual_agreement_has_a_lower_one(self, usual: float) -> None:
        assert math.isfinite(cusum_of([False] * 100 + [True] * 3, usual))
        assert cusum_of([False] * 1000, usual) > cusum_of([False] * 10, usual) > 0

    def test_no_single_miss_of_a_judge_that_was_always_right_is_an_alarm(self) -> None:
        """ln(.16 / .01) = 2.77: three misses in a row are."""
        assert cusum_of([False, False], 1.0) < CUSUM_ALARM < cusum_of([False] * 3, 1.0)

    def test_a_rise_is_no_fall(self) -> None:
        with pytest.raises(ValueError, match="fallen must be between"):
            cusum_of([True], 0.8, fallen=0.9)

    @pytest.mark.slow
    @pytest.mark.parametrize(("usual", "fallen", "delay"), [(0.8, 0.65, 92), (0.6, 0.45, 123), (0.9, 0.8, 124)])
    def test_false_alarms_and_delays_are_as_promised(self, usual: float, fallen: float, delay: int) -> None:
        random = np.random.default_rng(7)

        def first_alarm(agreed: list[bool]) -> float:
            total = 0.0
            for index, each in enumerate(agreed, 1):
                total = cusum_of((each,), usual, fallen, start=total)
                if total >= CUSUM_ALARM:
                    return index
            return math.inf

        false_alarms = np.mean([first_alarm((random.random(1000) < usual).tolist()) < math.inf for _ in range(1000)])
        delays = np.median([first_alarm((random.random(1000) < fallen).tolist()) for _ in range(1000)])
        print(f"CUSUM {usual} -> {fallen}: false alarms {false_alarms:.3f}, median delay {delays:.0f}")
        assert false_alarms <= 0.06
        assert delays == pytest.approx(delay, abs=10)


class TestPosition:
    def test_who_takes_what_is_shown_first(self) -> None:
        """70 of 100 the same in both orders; of 24 decisive contradictions 18 took the first output each time."""
        found = position_bias(np.array([[30, 2, 18], [1, 10, 1], [6, 2, 30]]))
        assert (found.consistency.value, found.consistency.total) == (0.7, 100)
        assert (found.first_preference.value, found.first_preference.total) == (0.75, 24)
        assert found.p_value == pytest.approx(float(stats.binomtest(18, 24).pvalue), abs=1e-12)
        assert found.p_value == pytest.approx(0.0227, abs=1e-4)

    @given(st.integers(0, 400), st.integers(0, 400))
    def test_the_p_value_is_scipys(self, first: int, last: int) -> None:
        found = position_bias(np.array([[0, 0, first], [0, 0, 0], [last, 0, 0]]))
        expected = float(stats.binomtest(first, first + last).pvalue) if first + last else 1.0
        assert found.p_value == pytest.approx(expected, abs=1e-10)

    def test_intervals_are_wilsons(self) -> None:
        found = position_bias(np.array([[50, 20], [10, 20]])).consistency
        expected = stats.binomtest(70, 100).proportion_ci(method="wilson")
        assert found.lower == pytest.approx(expected.low, abs=1e-6)
        assert found.upper == pytest.approx(expected.high, abs=1e-6)

    def test_nothing_judged_twice_has_a_reason(self) -> None:
        found = position_bias(np.zeros((3, 3), dtype=np.int64))
        assert (found.consistency.value, found.consistency.lower, found.consistency.reason) == (None, None, "no_pairs")
        assert (found.first_preference.value, found.first_preference.reason) == (None, "no_contradiction")
        assert found.p_value == 1


class TestRepeats:
    def test_a_sum_done_by_hand(self) -> None:
        """(1,1) x 3, (1,2), (3,1): exact 3/5; sum of squares 1 + 4: sqrt(5 / 10) points."""
        table = np.array([[3, 1, 0], [0, 0, 0], [1, 0, 0]])
        found = repeat_consistency(table, (1, 2, 3))
        assert (found.exact.value, found.exact.total) == (0.6, 5)
        assert found.deviation == pytest.approx(math.sqrt(0.5))
        # o = 6 on (1,1), 1 each on (1,2) (2,1) (1,3) (3,1); n_c 8 1 1, N 10:
        # 1 - 9 * (2 * 1 + 2 * 4) / (2 * (8 * 1 + 8 * 4 + 1 * 1)) = 1 - 90 / 82 = -4/41
        assert found.alpha == pytest.approx(-4 / 41)

    def test_which_of_the_two_came_first_does_not_matter(self) -> None:
        table = np.array([[3, 1, 0], [2, 5, 0], [1, 0, 4]])
        assert repeat_consistency(table, (1, 2, 3)) == repeat_consistency(table.T, (1, 2, 3))

    def test_nothing_judged_twice_has_a_reason(self) -> None:
        found = repeat_consistency(np.zeros((3, 3), dtype=np.int64), (1, 2, 3))
        assert (found.exact.value, found.exact.reason, found.alpha, found.deviation) == (None, "no_pairs", None, None)


class TestLength:
    @pytest.mark.parametrize(
        ("length", "bucket"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (1023, 9), (1024, 10), (8192, 13), (10**9, 13)]
    )
    def test_buckets_are_doublings(self, length: int, bucket: int) -> None:
        assert length_bucket(length) == bucket
