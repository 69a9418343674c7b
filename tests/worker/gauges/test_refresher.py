"""The gauges of agreement: what a scrape shows is what the counters say, without NaN, and of a bounded number."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families as read_text
from prometheus_client.samples import Sample
from redis.asyncio import Redis

from service.agreement import reports
from service.agreement.coding import Coding
from service.agreement.criteria import find_scale
from service.agreement.labelling import put_labels
from service.contracts.items import Item
from service.contracts.judges import Choice, JudgeRef, Method, ResolvedJudge
from service.contracts.labels import Window
from service.stats.falls import FALL_ALARM
from service.store import agreement_counters as tallies
from service.store import clock, counters, gauges
from service.store.agreement_counters import Wanted
from tests.api.conftest import client_of
from tests.flows.conftest import settings_for
from tests.store.labelled import KEEP_S, MODELS, judge_of, judged, label
from tests.store.made import MODEL
from worker.gauges import refresher
from worker.gauges.catalogue import AGREEMENT_GAUGES
from worker.gauges.computing import Memo
from worker.gauges.refresher import Refresher

PEOPLE = [1, 2, 3, 4, 5, 4, 2, 1, 5, 3]
SCORES = [1, 2, 4, 4, 5, 5, 2, 2, 5, 3]
WINDOWS: tuple[Window, ...] = ("24h", "7d", "30d", "all")

Scrape = Callable[[], Awaitable[dict[str, list[Sample]]]]


@pytest.fixture
async def api(redis: Redis, store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings_for(store_url, {})) as client:
        yield client


@pytest.fixture
def scrape(redis: Redis, api: httpx.AsyncClient) -> Scrape:
    """Refreshes, and gives the samples of `/metrics` by name, without the prefix."""

    async def scraped() -> dict[str, list[Sample]]:
        await Refresher(redis).refresh()
        families = read_text((await api.get("/metrics")).text)
        return {family.name.removeprefix("judged_"): family.samples for family in families}

    return scraped


async def score(redis: Redis, judge: ResolvedJudge, *scores: float | str, first: int = 0, days: float = 0) -> None:
    for number, each in enumerate(scores, start=first):
        item = Item(id=f"t/{number}", output="word " * (number + 1))
        await judged(redis, judge, item, [each] * len(judge.models), ago=timedelta(days=days))


async def say(redis: Redis, *values: float | str, annotator: str = "ann", first: int = 0) -> None:
    said = [label(f"t/{number}", annotator, each) for number, each in enumerate(values, start=first)]
    await put_labels(redis, said, keep_s=KEEP_S)


def inline(judge: ResolvedJudge, digest: str) -> ResolvedJudge:
    return msgspec.structs.replace(judge, ref=JudgeRef(name=None, version=None, digest=f"sha256:{digest}"))


def values(samples: list[Sample], *names: str, **labels: str) -> dict[tuple[str, ...], float]:
    """Values by those labels, of the samples that have these ones."""
    chosen = [each for each in samples if labels.items() <= each.labels.items()]
    return {tuple(each.labels[name] for name in names): each.value for each in chosen}


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
            ceiling_now = report.human_ceiling.statistics[name].value
            assert values(shown[f"human_ceiling_{name}"], criterion="wit", window=window) == {
                (): pytest.approx(ceiling_now)
            }
        assert values(shown["judge_mean"], **one) == {(): pytest.approx(sum(SCORES) / len(SCORES))}
        assert values(shown["length_correlation"], **one) == {(): pytest.approx(report.bias.length_correlation)}


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


async def test_judges_past_the_cap_are_added_up_and_counted(
    redis: Redis, scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresher, "MAX_JUDGE_SERIES", 2)
    for version in range(1, 6):
        await score(redis, judge_of(version=version), 3, 4, first=2 * version)
        await say(redis, 3, 3, first=2 * version)
    shown = await scrape()
    pairs = values(shown["agreement_pairs"], "judge", "version", "model", window="7d")
    assert pairs == {("wit", "5", MODEL): 2, ("wit", "4", MODEL): 2, ("other", "", "other"): 6}
    assert values(shown["agreement_exact"], judge="other", window="7d") == {(): 0.5}
    assert shown["metrics_series_dropped"][0].value == 3
    await scrape()
    dropped = next(each for each in await counters.metric_families(redis, "") if each.name == "metrics_series_dropped")
    assert dropped.samples[0].value == 6


@pytest.mark.parametrize("most", [0, 20, 150, 400])
async def test_there_are_never_more_samples_than_the_cap(
    redis: Redis, scrape: Scrape, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    for module, name, limit in (
        (refresher, "MAX_GAUGE_SERIES", most),
        (gauges, "MAX_GAUGE_SERIES", most),
        (refresher, "OTHERS", most // 4),
        (refresher, "BESIDE", most // 4),
    ):
        monkeypatch.setattr(module, name, limit)
    for version in range(1, 4):
        judge = judge_of(models=MODELS, version=version)
        for number, each in enumerate(SCORES):
            item = Item(id=f"t/{version}/{number}", output="text")
            await judged(redis, judge, item, [each, min(each + version, 5)])
            await put_labels(redis, [label(f"t/{version}/{number}", "ann", PEOPLE[number])], keep_s=KEEP_S)
    shown = await scrape()
    samples = [each for name in AGREEMENT_GAUGES for each in shown.get(name, [])]
    assert len(samples) <= most
    assert shown["metrics_series_dropped"][0].value > 0
    refreshed = await gauges.load_gauges(redis)
    assert refreshed is not None
    assert sum(len(each.rows) for each in refreshed.gauges) == len(samples)


async def test_nothing_judged_yet_is_a_time_and_nothing_else(redis: Redis, scrape: Scrape) -> None:
    before = clock.now_ms() / 1000
    shown = await scrape()
    assert shown["agreement_refreshed_timestamp_seconds"][0].value >= before
    assert not set(AGREEMENT_GAUGES) & set(shown)


async def test_before_the_first_refresh_there_are_no_gauges(api: httpx.AsyncClient) -> None:
    assert "agreement" not in (await api.get("/metrics")).text


async def test_a_criterion_may_have_any_characters(redis: Redis, scrape: Scrape) -> None:
    criterion = 'wit: "dry"\t\\ 90%\nü'
    await score(redis, judge_of(criterion=criterion), 3)
    await put_labels(redis, [label("t/0", "ann", 3, criterion=criterion)], keep_s=KEEP_S)
    shown = await scrape()
    assert values(shown["agreement_pairs"], "criterion", window="7d") == {(criterion,): 1}


async def test_a_refresher_sees_what_comes_after_its_first_look(redis: Redis, api: httpx.AsyncClient) -> None:
    refresher = Refresher(redis)
    judge = judge_of()
    await score(redis, judge, 3, days=5)
    pairs = []
    for values_said in ((), (3,), (4,)):
        await say(redis, *values_said)
        await refresher.refresh()
        refreshed = await gauges.load_gauges(redis)
        assert refreshed is not None
        rows = {each.name: dict(each.rows) for each in refreshed.gauges}
        key = ("wit", "1", "wit", MODEL, "7d")
        pairs.append((rows["agreement_pairs"][key], rows["agreement_exact"].get(key)))
    assert pairs == [(0, None), (1, 1.0), (1, 0.0)]


def test_what_does_not_change_is_computed_once() -> None:
    memo, computed = Memo(), []

    def look(fields: dict[str, int]) -> int:
        return memo.of("a", fields, lambda: computed.append(fields) or len(computed))  # type: ignore[func-returns-value]

    for _ in range(3):
        memo.turn()
        assert (look({"x": 1, "y": 2}), look({"y": 2, "x": 1})) == (1, 1)
    assert look({"x": 2, "y": 2}) == 2
    memo.turn()
    memo.turn()
    assert look({"x": 1, "y": 2}) == 3
    assert len(computed) == 3
