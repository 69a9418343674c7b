"""`/v1/agreement` and `/v1/estimates`: the agreement of judges with people, and the means that labels correct."""

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement.disagreements import LabelledItems, items_of_cell
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
from service.api.parameters import GroupQuery, Limit
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.judges import MODEL_OR_PANEL
from service.contracts.labels import ReportSelection, Window

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
        description="A model, or `panel` for the combined verdict of several; by default the judge's only model, "
        "else `panel`. 422 if the judge has scores, but names no such model and has no scores of it.",
    ),
]
ServedQuery = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=2_000,
        description="The model that answered, as `served_models` has it, or `unknown` for answers that name none; by "
        "default the one that answered last. Figures are never of two served models together.",
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
    ReportSelection,
    QueryParameter(
        description="How the labelled items were drawn. Figures of items drawn at random hold for all items, and so do "
        "weighted ones: those of random labels and of labels from the queue, each by its inclusion probability. With "
        "`other`, which compares two judges without labels, it has no effect."
    ),
]
SelectionOfItems = Annotated[
    ReportSelection,
    QueryParameter(
        description="How the labelled items were drawn; `weighted` lists those drawn at random or by the label queue."
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
        served: ServedQuery = None,
        window: WindowQuery = "7d",
        selection: SelectionQuery = "random",
        other: OtherQuery = None,
        group: GroupQuery = None,
    ) -> JudgeAgreement | JudgesAgreement:
        """Shows the agreement of a judge with people, and of people with each other; or, with `other`, of two judges.

        `trust` has a verdict and its reasons in sentences: the judge is compared with chance, with text length and word
        overlap on the same items (`baselines`), and with people's agreement among themselves. A verdict other than
        `too_few_labels` is shown by a 95% interval, never by missing evidence.

        Every statistic has a 95% interval and is computed from the newest scored judgment of each labelled content.
        With `group`, all figures are of the items of one group.
        """
        query = SeriesQuery(judge, model, window, settings.default_models, settings.store.keep_s, served, group)
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
        served: ServedQuery = None,
        human: HumanQuery = None,
        said: SaidQuery = None,
        group: GroupQuery = None,
        window: WindowQuery = "all",
        selection: SelectionOfItems = "all",
        limit: Limit = 100,
    ) -> LabelledItems:
        """Lists the items of a cell, a row or a column of the judge's table; without `human` and `said` all
        disagreements, the largest first.

        Unless `window` and `selection` are given, all labels that count are read, however their items were drawn and
        whenever they were judged; with those of a report, the items of its cells.
        """
        query = SeriesQuery(judge, model, window, settings.default_models, settings.store.keep_s, served, group)
        return await items_of_cell(redis, query, human, said, selection, limit)

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

        With `repair=true`, counters that differ are corrected. Labels and scores that this version can't read are left
        out and named in `unreadable`. 409 if labels keep changing during the recount.
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
    served: ServedQuery = None,
    window: WindowQuery = "7d",
    half_width: HalfWidthQuery = None,
    group: GroupQuery = None,
) -> JudgeEstimate:
    """Shows a judge's mean, and the mean corrected by labels (PPI++), with 95% intervals.

    Labels of items that were drawn at random or by the label queue count by the inclusion probability of their items.
    The intervals are for the mean of the judged items: they narrow as more of them are labelled. With fewer than 50
    labelled items, or none unlabelled, the method is `labels_only`, and the interval that of the labels as a sample of
    further items: a t interval, or Wilson's for pass or fail. With `group`, both are of the items of one group.
    """
    query = SeriesQuery(judge, model, window, settings.default_models, settings.store.keep_s, served, group)
    return await judge_estimate(redis, query, half_width)
