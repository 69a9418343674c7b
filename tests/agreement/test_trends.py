"""Agreement over time, and the series that stand for each judge."""

import pytest

from service.agreement.series import find_series
from service.agreement.trends import JudgedSeries, agreement_trend, judged_series, leading_series
from service.store.connection import connect
from tests.flows.conftest import Judged, Row, Serve, serve

__all__ = ["serve"]

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}


def series(token: str, *models: str) -> list[JudgedSeries]:
    return [JudgedSeries(token, model, "wit") for model in models]


@pytest.mark.parametrize(
    ("found", "leading"),
    [
        ([], []),
        (series("wit@1", "openai/a"), series("wit@1", "openai/a")),
        (series("wit@1", "openai/a", "panel", "openai/b"), series("wit@1", "panel")),
        (series("wit@1", "control/length", "openai/a", "openai/b"), series("wit@1", "openai/a", "openai/b")),
        (series("wit@1", "control/length"), series("wit@1", "control/length")),
        (series("wit@2", "openai/a") + series("wit@1", "openai/b"), series("wit@2", "openai/a")),
        (series("sha256:1", "openai/a") + series("tone@1", "openai/a"), None),
    ],
)
def test_the_version_that_judged_last_stands_for_a_judge(
    found: list[JudgedSeries], leading: list[JudgedSeries] | None
) -> None:
    assert leading_series(found) == (found if leading is None else leading)


async def test_a_trend_counts_the_labelled_pairs_of_each_hour_until_there_are_two_days(serve: Serve) -> None:
    judged: Judged = await serve()
    assert (await judged.client.put("/v1/judges/wit", json=WIT)).status_code == 201
    redis = connect(str(judged.settings.store.redis_url), retries=1, max_connections=2)
    try:
        none = await agreement_trend(redis, await find_series(redis, (), "wit", None))
        assert (none.statistic, none.points) == ("spearman", [])
        assert await judged_series(redis) == []
        await judged.judge([{"id": f"i{each}", "output": "word " * each * 9} for each in range(1, 13)], "wit")
        labels = [
            {"item_id": f"i{each}", "criterion": "wit", "annotator": "a", "score": 1 + each % 5}
            for each in range(1, 13)
        ]
        assert (await judged.client.post("/v1/labels", json={"labels": labels})).status_code == 200
        found = await agreement_trend(redis, await find_series(redis, (), "wit", None))
        assert found.bucket == "hour"
        assert sum(each.pairs for each in found.points) == 12
        assert sum(each.scored for each in found.points) == 12
        report = (await judged.client.get("/v1/agreement?judge=wit")).json()
        if len(found.points) == 1:  # not around the turn of an hour
            assert found.points[0].figure.value == pytest.approx(report["statistics"]["spearman"]["value"])
        assert await judged_series(redis) == [JudgedSeries("wit@1", "control/length", "wit")]
    finally:
        await redis.aclose()
