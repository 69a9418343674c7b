"""The gauges of agreement: what a scrape shows is what the counters say, without NaN."""

import math
from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement import reports
from service.agreement.coding import Coding
from service.agreement.criteria import find_scale
from service.agreement.labelling import put_labels
from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import Choice, Method, Scale
from service.stats.falls import FALL_ALARM
from service.stats.intervals import wilson
from service.stats.trust import WORST_FIRST, TrustVerdict
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted
from service.store.criteria import StoredCriterion, set_criterion
from tests.gauges.conftest import PEOPLE, SCORES, WINDOWS, Scrape, inline, say, score, values
from tests.store.labelled import FAILED, KEEP_S, MODELS, judge_of, judged, label
from tests.store.made import MODEL


async def test_gauges_say_what_the_live_report_says(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    await score(redis, judge, *SCORES)
    await say(redis, *PEOPLE)
    await say(redis, *PEOPLE[1:], annotator="bob", first=0)
    shown = await scrape()
    series = f"wit@1 {MODEL}"
    scale = await find_scale(redis, "wit")
    assert scale is not None
    for window in WINDOWS:
        wanted = [Wanted("agreed", series, "wit"), Wanted("seen", series, "wit"), Wanted("ceiling", "", "wit")]
        agreed, seen, ceiling = await tallies.read_windows(redis, wanted, tallies.buckets_of(window, clock.now_ms()))
        report = reports.agreement(Coding(scale), agreed, seen, ceiling, "random")
        one = {"judge": "wit", "version": "1", "criterion": "wit", "model": MODEL, "window": window}
        assert values(shown["agreement_pairs"], **one) == {(): 19}
        for name in ("exact", "pearson", "spearman", "cohen_kappa_quadratic", "krippendorff_alpha_ordinal", "bias"):
            live = report.statistics[name]
            for end, value in (("", live.value), ("_lower", live.lower), ("_upper", live.upper)):
                assert values(shown[f"agreement_{name}{end}"], **one) == {(): pytest.approx(value)}
            people = report.human_ceiling.statistics[name]
            for end, value in (("", people.value), ("_lower", people.lower), ("_upper", people.upper)):
                assert values(shown[f"human_ceiling_{name}{end}"], criterion="wit", window=window) == {
                    (): pytest.approx(value)
                }
        assert values(shown["judge_mean"], **one) == {(): pytest.approx(sum(SCORES) / len(SCORES))}
        assert values(shown["length_correlation"], **one) == {(): pytest.approx(report.bias.length_correlation)}


async def test_the_verdict_and_its_figures_are_those_of_the_report(redis: Redis, scrape: Scrape) -> None:
    """Labelled first, so that the baselines are known; thirty items give a verdict."""
    judge = judge_of()
    await say(redis, *PEOPLE * 4)
    await say(redis, *PEOPLE * 4, annotator="bob")
    await score(redis, judge, *SCORES * 4)
    shown = await scrape()
    series = f"wit@1 {MODEL}"
    scale = await find_scale(redis, "wit")
    assert scale is not None
    wanted = [Wanted("agreed", series, "wit"), Wanted("seen", series, "wit"), Wanted("ceiling", "", "wit")]
    agreed, seen, ceiling = await tallies.read_windows(redis, wanted, ["all"])
    report = reports.agreement(Coding(scale), agreed, seen, ceiling, "random", model=MODEL)
    assert report.trust.verdict is not None
    one = {"judge": "wit", "version": "1", "criterion": "wit", "model": MODEL, "window": "all"}
    assert values(shown["trust_verdict"], **one) == {(): WORST_FIRST.index(report.trust.verdict)}
    assert report.trust.verdict is not TrustVerdict.TOO_FEW_LABELS
    live = report.statistics["spearman"]
    for end, value in (("", live.value), ("_lower", live.lower), ("_upper", live.upper)):
        assert values(shown[f"trust_statistic{end}"], **one) == {(): pytest.approx(value)}
    baselines = {(name,): each["spearman"].value or 0.0 for name, each in report.baselines.items()}
    assert values(shown["trust_baseline_statistic"], "baseline", **one) == pytest.approx(baselines)
    assert values(shown["trust_person_statistic"], **one) == {(): 1}
    assert not values(shown.get("trust_more_labels", []), **one)


async def test_a_judge_without_labels_has_the_verdict_that_there_are_too_few(redis: Redis, scrape: Scrape) -> None:
    await score(redis, judge_of(), 4, 5)
    shown = await scrape()
    few = WORST_FIRST.index(TrustVerdict.TOO_FEW_LABELS)
    assert values(shown["trust_verdict"], "window") == {(window,): few for window in WINDOWS}
    assert set(values(shown["trust_more_labels"], "window").values()) == {30}


async def test_a_judge_with_other_values_than_the_labels_has_its_means_and_no_agreement(
    redis: Redis, scrape: Scrape
) -> None:
    """Labelled items count in the judge's mean, on its own scale, and the corrected mean is on the labels' scale."""
    five = msgspec.json.encode(CriterionScale(kind="numbers", min=1, max=5, step=1)).decode()
    put = StoredCriterion(five, '{"source":"put"}')
    assert await set_criterion(redis, "wit", StoredCriterion("", ""), put, may_recode=False)
    await score(redis, judge_of(scale=Scale(min=1, max=10)), 10, 10, 2, 2)
    await say(redis, 5, 4)
    shown = await scrape()
    assert values(shown["judge_mean"], window="7d") == {(): 6}
    assert values(shown["corrected_mean"], window="7d") == {(): 4.5}
    assert not {name for name in shown if name.startswith(("trust_", "agreement_")) and shown[name]} - {
        "agreement_refreshed_timestamp_seconds"
    }


async def test_targeted_labels_are_in_no_gauge(redis: Redis, scrape: Scrape) -> None:
    await score(redis, judge_of(), *SCORES)
    await say(redis, *PEOPLE[:4])
    await put_labels(redis, [label("t/5", "ann", 1, selection="targeted")], keep_s=KEEP_S)
    assert set(values((await scrape())["agreement_pairs"], "window").values()) == {4}


async def test_a_window_holds_what_was_judged_in_it(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    for number, days in enumerate((0, 3, 20, 60)):
        await score(redis, judge, 3, first=number, days=days)
    await say(redis, 3, 3, 3, 3)
    pairs = values((await scrape())["agreement_pairs"], "window")
    assert pairs == {("24h",): 1, ("7d",): 2, ("30d",): 3, ("all",): 4}


async def test_what_is_undefined_is_no_sample(redis: Redis, scrape: Scrape) -> None:
    await score(redis, judge_of(), *[4] * 6)
    await say(redis, *PEOPLE[:6])
    shown = await scrape()
    assert "agreement_spearman" not in shown
    assert values(shown["agreement_cohen_kappa_quadratic"], window="7d") == {(): 0}
    assert not any(math.isnan(each.value) for samples in shown.values() for each in samples)


async def test_a_judge_without_a_label_has_no_pairs_and_nothing_that_needs_them(redis: Redis, scrape: Scrape) -> None:
    await score(redis, judge_of(), 4, 5)
    shown = await scrape()
    assert values(shown["agreement_pairs"], "window") == {(window,): 0 for window in WINDOWS}
    assert not any(name.startswith(("agreement_exact", "corrected")) for name in shown)
    assert values(shown["label_queue_items"], "criterion") == {("wit",): 2}


async def test_labels_have_the_kappa_that_words_have(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of(method=Method.PASS_FAIL)
    await score(redis, judge, "pass", "fail", "pass", "fail")
    await say(redis, "pass", "fail", "fail", "fail")
    shown = await scrape()
    assert values(shown["agreement_exact"], window="7d") == {(): 0.75}
    assert values(shown["agreement_cohen_kappa"], window="7d") == {(): 0.5}
    assert values(shown["judge_mean"], window="7d") == {(): 0.5}
    assert "agreement_spearman" not in shown


async def test_labels_without_numbers_have_no_mean(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of(method=Method.CATEGORY, choices=[Choice(label="a"), Choice(label="b")])
    await score(redis, judge, "a", "b")
    shown = await scrape()
    assert "agreement_pairs" in shown
    assert "judge_mean" not in shown


async def test_the_models_of_a_panel_are_compared_without_any_label(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of(models=MODELS)
    for number, (one, other) in enumerate([(4, 5), (3, 3), (1, 2), (5, 5)]):
        await judged(redis, judge, Item(id=f"t/{number}", output=f"text {number}"), [one, other])
    shown = await scrape()
    first, second = sorted(MODELS)
    two = {"judge": "wit", "version": "1", "criterion": "wit", "model": first, "other": second, "window": "7d"}
    assert values(shown["panel_agreement_pairs"], **two) == {(): 4}
    assert values(shown["panel_agreement_exact"], **two) == {(): 0.5}
    lower, upper = (values(shown[f"panel_agreement_exact_{end}"], **two)[()] for end in ("lower", "upper"))
    assert (lower, upper) == pytest.approx(wilson(2, 4))
    by_model = dict(zip(MODELS, (13, 15), strict=True))
    assert values(shown["panel_agreement_bias"], **two) == {(): (by_model[first] - by_model[second]) / 4}
    assert 0 < values(shown["panel_alpha"], judge="wit", version="1", criterion="wit", window="7d")[()] < 1
    assert {each.labels["model"] for each in shown["agreement_pairs"]} == {"panel", *MODELS}


async def test_inline_judges_of_a_criterion_and_model_are_one_series(redis: Redis, scrape: Scrape) -> None:
    for number in range(3):
        await score(redis, inline(judge_of(), f"{number}"), 3, first=number)
    await say(redis, 3, 4, 3)
    shown = await scrape()
    one = {"judge": "inline", "version": "", "criterion": "wit", "model": MODEL}
    assert values(shown["agreement_pairs"], "window", **one) == {(window,): 3 for window in WINDOWS}
    assert values(shown["agreement_exact"], window="7d", **one) == {(): pytest.approx(2 / 3)}


async def test_a_shift_of_the_scores_is_told_against_the_time_before(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    await score(redis, judge, *[2, 3] * 50, days=5)
    await score(redis, judge, *[4, 5] * 50, first=100)
    await score(redis, judge_of(version=2), *[3] * 99, first=200)  # too few, and nothing before
    shown = await scrape()
    for window in ("24h",):
        one = {"judge": "wit", "version": "1", "window": window}
        assert values(shown["score_shift_points"], **one) == {(): 2}
        assert values(shown["score_shift_ratio"], **one) == {(): 0.5}
        assert values(shown["score_shift_z"], **one)[()] > 10
        assert values(shown["score_psi_ratio"], **one)[()] > 1
    assert {(each.labels["version"], each.labels["window"]) for each in shown["score_shift_z"]} == {("1", "24h")}


async def test_a_fall_of_the_agreement_adds_up(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    await score(redis, judge, *[3] * 600, days=10)
    await score(redis, judge, *[3] * 30, first=600)
    await say(redis, *[3] * 540, *[4] * 60)  # 90% before
    shown = await scrape()
    assert values(shown["agreement_cusum"], window="7d")[()] == 0
    await say(redis, *[3] * 15, *[4] * 15, first=600)
    shown = await scrape()
    assert values(shown["agreement_cusum"], window="7d")[()] > 7
    assert values(shown["agreement_exact"], window="7d") == {(): 0.5}
    assert values(shown["agreement_fall_evidence"], "judge", "version", "criterion", "model") == {
        ("wit", "1", "wit", MODEL): pytest.approx(values(shown["agreement_fall_evidence"])[()])
    }
    assert values(shown["agreement_fall_evidence"])[()] > FALL_ALARM


async def test_few_labels_have_no_cumulative_sum_and_a_steady_judge_no_evidence(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    await score(redis, judge, *[3] * 200, days=100)  # longer ago than any window
    await score(redis, judge, *[3] * 20, first=200, days=20)
    await score(redis, judge, *[3] * 10, first=220)
    await score(redis, judge_of(version=2), *[3] * 10, first=230)
    await say(redis, *([3] * 9 + [4]) * 24)
    shown = await scrape()
    assert "agreement_cusum" not in shown
    evidence = values(shown["agreement_fall_evidence"], "version")
    assert set(evidence) == {("1",)}
    assert evidence["1",] < FALL_ALARM / 10


async def test_a_criterion_may_have_any_characters_of_a_line(redis: Redis, scrape: Scrape) -> None:
    criterion = 'wit: "dry"\t\\ 90% ü'
    await score(redis, judge_of(criterion=criterion), 3)
    await put_labels(redis, [label("t/0", "ann", 3, criterion=criterion)], keep_s=KEEP_S)
    shown = await scrape()
    assert values(shown["agreement_pairs"], "criterion", window="7d") == {(criterion,): 1}


async def test_a_row_is_of_the_served_model_that_answered_last(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    for days, served in ((3, {}), (2, {MODEL: "m-1"}), (1, {MODEL: "m-2"})):
        await score(redis, judge, *SCORES[: 10 - days], days=days, served=served)
    await judged(redis, judge, Item(id="t/0", output="word "), [FAILED])
    await say(redis, *PEOPLE)
    shown = await scrape()
    assert values(shown["agreement_pairs"], "judge", "model", "window") == {
        ("wit", MODEL, window): 9 if window != "24h" else pytest.approx(9) for window in WINDOWS
    }


async def test_inline_judges_of_several_served_models_are_not_added_up(redis: Redis, scrape: Scrape) -> None:
    for digest, days, served in (("a", 2, "m-1"), ("b", 1.5, "m-2"), ("c", 1.2, "m-1")):
        await score(redis, inline(judge_of(), digest), 3, 4, days=days, served={MODEL: served})
    await say(redis, 3, 4)
    pairs = values((await scrape())["agreement_pairs"], "judge", "model", window="7d")
    assert pairs == {("inline", MODEL): 4}  # of a and c


async def test_a_change_of_the_served_model_is_a_shift_and_a_fall(redis: Redis, scrape: Scrape) -> None:
    judge = judge_of()
    await score(redis, judge, *[3] * 600, days=10, served={MODEL: "m-1"})
    await score(redis, judge, *[5] * 100, first=600, served={MODEL: "m-2"})
    await say(redis, *[3] * 540, *[4] * 60, *[5] * 50, *[3] * 50)  # 90% before, 50% now
    shown = await scrape()
    assert values(shown["agreement_exact"], window="all") == {(): 0.5}
    assert values(shown["agreement_pairs"], "window")["30d",] == 100
    assert values(shown["score_shift_points"], window="7d") == {(): 2}
    assert values(shown["score_psi_ratio"], window="7d")[()] > 1
    assert values(shown["agreement_cusum"], window="7d")[()] > 7
    assert values(shown["agreement_fall_evidence"])[()] > FALL_ALARM


async def test_only_the_newest_served_models_of_a_panel_are_compared(redis: Redis, scrape: Scrape) -> None:
    judge, (one, other) = judge_of(MODELS), MODELS
    old, new = {one: "m-1", other: "n-1"}, {one: "m-2", other: "n-1"}
    for number, (days, served) in enumerate([(3, old), (2, old), (1, new)]):
        told = Item(id=f"t/{number}", output=f"text {number}")
        await judged(redis, judge, told, [3, number + 2], ago=timedelta(days=days), served=served)
    shown = await scrape()
    assert set(values(shown["panel_agreement_pairs"], "model", "other", "window").values()) == {1}
    assert values(shown["panel_agreement_bias"], window="all") == {(): 1}
