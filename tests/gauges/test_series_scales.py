"""The scales of series, and of series that gauges show as one."""

from redis.asyncio import Redis

from service.agreement.coding import Coding
from service.agreement.criteria import encoded
from service.contracts.criteria import CriterionScale
from service.gauges.series_scales import SeriesScales
from service.store.criteria import note_judge_scales

FIVE = CriterionScale(kind="numbers", min=1, max=5, step=1)
TEN = CriterionScale(kind="numbers", min=1, max=10, step=1)
LABELS = {"wit": Coding(FIVE)}


async def test_a_series_has_the_noted_scale_of_its_judge_else_that_of_the_labels(redis: Redis) -> None:
    await note_judge_scales(redis, {"wit@1": encoded(FIVE), "wit@2": encoded(TEN)})
    known = [("wit", f"wit@{version} openai/small") for version in (1, 2, 3)]
    scales = await SeriesScales.read(redis, LABELS, known)
    found = [scales.of(*each) for each in known]
    assert [(each.coding.scale, each.is_unlike) for each in found] == [(FIVE, False), (TEN, True), (FIVE, False)]
    assert [each.labels and each.labels.scale for each in found] == [None, FIVE, None]
    assert scales.of_labels("wit") is LABELS["wit"]


def test_series_that_are_shown_as_one_have_one_scale() -> None:
    noted = {"sha256:a": encoded(TEN), "sha256:b": encoded(FIVE), "sha256:c": encoded(TEN)}
    scales = SeriesScales(LABELS, noted)
    scale, alike = scales.shared("wit", ["sha256:a m/x", "sha256:b m/x"])
    assert (scale.coding.scale, alike) == (FIVE, ["sha256:b m/x"])
    scale, alike = scales.shared("wit", ["sha256:a m/x", "sha256:c m/x"])
    assert (scale.coding.scale, alike) == (TEN, ["sha256:a m/x", "sha256:c m/x"])
