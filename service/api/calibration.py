"""`/v1/calibration`: the value that people give to items with each of a judge's scores."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from redis.asyncio import Redis

from service.agreement.calibration import CalibrationSelection, JudgeCalibration, judge_calibration
from service.agreement.queries import SeriesQuery
from service.api.access import needs
from service.api.agreement import JudgeQuery, ModelQuery, ServedQuery, WindowQuery
from service.api.problems import documented
from service.config.settings import Settings
from service.judging.scales import MAX_VALUE

LabelledQuery = Annotated[
    CalibrationSelection,
    QueryParameter(
        description="How the labelled items were drawn. Items that somebody picked count only if they are asked for."
    ),
]
ScoreQuery = Annotated[
    float | None,
    QueryParameter(
        ge=-MAX_VALUE,
        le=MAX_VALUE,
        description="A score of the judge to map to the people's scale.",
    ),
]


@get(
    "/v1/calibration",
    operation_id="showCalibration",
    summary="Calibrate a judge by people's labels",
    opt=needs("read"),
    tags=["agreement"],
    response_description="The people's value of each of the judge's values, with its interval.",
    responses=documented(400, 401, 403, 422, 503),
)
async def calibration(
    judge: JudgeQuery,
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    model: ModelQuery = None,
    served: ServedQuery = None,
    window: WindowQuery = "7d",
    selection: LabelledQuery = "random",
    score: ScoreQuery = None,
) -> JudgeCalibration:
    """Shows the mean that people give to items with each value of the judge, and maps the judge's values to it.

    The mapping never falls as the judge's value rises (isotonic regression). It is null outside the labelled values and
    with fewer than 50 labelled items. Judge and labels may have different scales; for labels of pass and fail it is the
    probability of a pass. Single items have 90% intervals (jackknife+) if their labels were drawn at random.
    """
    query = SeriesQuery(judge, model, window, settings.default_models, settings.store.keep_s, served)
    return await judge_calibration(redis, query, selection, score)
