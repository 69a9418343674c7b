"""`/v1/agreement` and `/v1/estimates`: the agreement of judges with people, and the means that labels correct."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement.disagreements import CellQuery, LabelledItems, items_of_cell
from service.agreement.queries import (
    JudgeAgreement,
    JudgeEstimate,
    JudgesAgreement,
    SeriesQuery,
    judge_agreement,
    judge_estimate,
)
from service.agreement.rebuilding import Rebuilt, rebuild
from service.api.access import needs
from service.api.parameters import Limit
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.judges import MODEL_OR_PANEL
from service.contracts.labels import Selection, Window

JudgeQuery = Annotated[
    str,
    QueryParameter(
        min_length=1, max_length=120, description="`name`, `name@3`, or the digest of a judge that was sent inline."
    ),
]
ModelQuery = Annotated[
    str | None,
    QueryParameter(
        pattern=MODEL_OR_PANEL,
        description="A model, or `panel` for the combined verdict of several; by default the judge's only model.",
    ),
]
OtherQuery = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=400,
        description="Another judge to compare with instead of people: `name:model`, `name@3:model`, `sha256:…:model`.",
    ),
]
WindowQuery = Annotated[Window, QueryParameter(description="The time in which the judgments were made, up to now.")]
SelectionQuery = Annotated[
    Selection,
    QueryParameter(
        description="How the labelled items were drawn. Figures for items drawn at random hold for all items."
    ),
]
HumanQuery = Annotated[
    str | None, QueryParameter(min_length=1, max_length=100, description="A value of the labels: a row of the table.")
]
SaidQuery = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=100, description="A value of the judge: a column of the table."),
]
HalfWidthQuery = Annotated[
    float | None, QueryParameter(gt=0, description="The half-width of the interval that `labels_needed` is for.")
]


class AgreementController(Controller):
    path = "/v1/agreement"
    tags = ("agreement",)

    @get(
        operation_id="showAgreement",
        summary="Show the agreement of a judge with people",
        opt=needs("read"),
        response_description="The statistics by name; null with a reason if undefined.",
        responses=documented(400, 401, 403, 422, 503),
    )
    async def show(
        self,
        judge: JudgeQuery,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ModelQuery = None,
        window: WindowQuery = "7d",
        selection: SelectionQuery = "random",
        other: OtherQuery = None,
    ) -> JudgeAgreement | JudgesAgreement:
        """Shows the agreement of a judge with people, and of people with each other; or, with `other`, of two judges.

        Every statistic has a 95% interval and is computed from the newest scored judgment of each labelled content.
        """
        query = SeriesQuery(judge, model, window, settings.default_models)
        return await judge_agreement(redis, query, other, selection)

    @get(
        "/items",
        operation_id="listLabelledItems",
        summary="List the labelled items of a judge",
        opt=needs("read"),
        response_description="The items with both values, the largest disagreements first.",
        responses=documented(400, 401, 403, 422, 503),
    )
    async def items(
        self,
        judge: JudgeQuery,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ModelQuery = None,
        human: HumanQuery = None,
        said: SaidQuery = None,
        limit: Limit = 100,
    ) -> LabelledItems:
        """Lists the items of a cell, a row or a column of the judge's table; without `human` and `said` all
        disagreements, the largest first.

        All labels that count are read, however their items were drawn and whenever they were judged.
        """
        return await items_of_cell(redis, CellQuery(judge, model, human, said, limit, settings.default_models))

    @post(
        "/rebuild",
        operation_id="rebuildAgreement",
        summary="Recount the counters of agreement",
        opt=needs("admin"),
        status_code=200,
        response_description="The number of counters, and of those that differed.",
        responses=documented(400, 401, 403, 409, 503),
    )
    async def rebuild(self, redis: NamedDependency[Redis], repair: FromQuery[bool] = False) -> Rebuilt:
        """Recounts the counters of agreement from the stored labels and judgments, and compares them.

        With `repair=true`, counters that differ are corrected. 409 if labels keep changing during the recount.
        """
        return await rebuild(redis, repair=repair)


@get(
    "/v1/estimates",
    operation_id="showEstimates",
    summary="Estimate a judge's mean, corrected by labels",
    opt=needs("read"),
    tags=["agreement"],
    response_description="Both means with their intervals.",
    responses=documented(400, 401, 403, 422, 503),
)
async def estimates(
    judge: JudgeQuery,
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    model: ModelQuery = None,
    window: WindowQuery = "7d",
    half_width: HalfWidthQuery = None,
) -> JudgeEstimate:
    """Shows a judge's mean, and the mean corrected by labels of items drawn at random (PPI++), with 95% intervals."""
    query = SeriesQuery(judge, model, window, settings.default_models)
    return await judge_estimate(redis, query, half_width)
