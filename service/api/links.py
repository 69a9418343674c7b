"""The links of the OpenAPI document: which part of an answer is a parameter of which other operation."""

from typing import Any, NamedTuple

_JUDGMENT = "$response.body#/judgments/0"


class Link(NamedTuple):
    """From the answers of an operation with these statuses to another one; `parameters` are runtime expressions."""

    answer: str
    statuses: tuple[str, ...]
    target: str
    parameters: dict[str, str]


def _links(answer: str, statuses: str, targets: str, **parameters: str) -> list[Link]:
    return [Link(answer, tuple(statuses.split()), target, parameters) for target in targets.split()]


LINKS = [
    *_links("submitJob", "200 202", "showJob listJudgments followJob cancelJob", job_id="$response.body#/id"),
    *_links("showJob", "200", "listJudgments followJob cancelJob", job_id="$response.body#/id"),
    *_links("listJobs", "200", "showJob listJudgments", job_id="$response.body#/jobs/0/id"),
    *_links("submitJob", "200", "showItem", item_id=f"{_JUDGMENT}/item_id"),
    *_links("showJob", "200", "showItem", item_id=f"{_JUDGMENT}/item_id"),
    *_links("listJudgments", "200", "showItem", item_id=f"{_JUDGMENT}/item_id"),
    *_links("listJudgments", "200", "showAgreement showCalibration showEstimates", judge=f"{_JUDGMENT}/judge/name"),
    *_links("listJudgments", "200", "showCriterion", name=f"{_JUDGMENT}/criterion"),
    *_links("listJudgments", "200", "listQueue showLabelProgress listGroups", criterion=f"{_JUDGMENT}/criterion"),
    *_links("showItem", "200", "showJob", job_id=f"{_JUDGMENT}/job_id"),
    *_links("listQueue", "200", "showItem", item_id="$response.body#/items/0/item_id"),
    *_links("listLabels", "200", "showItem", item_id="$response.body#/labels/0/item_id"),
    *_links(
        "listLabels",
        "200",
        "deleteLabel",
        item_id="$response.body#/labels/0/item_id",
        criterion="$response.body#/labels/0/criterion",
        annotator="$response.body#/labels/0/annotator",
    ),
    *_links("showCriterion", "200", "listQueue showLabelProgress listGroups", criterion="$response.body#/name"),
    *_links("storeCriterion", "200", "showCriterion deleteCriterion", name="$response.body#/name"),
    *_links("storeJudge", "200 201", "previewJudge", reference="$response.body#/name"),
    *_links("storeJudge", "200 201", "showJudge retireJudge", name="$response.body#/name"),
    *_links(
        "storeJudge", "200 201", "showJudgeVersion", name="$response.body#/name", version="$response.body#/version"
    ),
    *_links("storeJudge", "200 201", "showAnchors storeAnchors", judge="$response.body#/name"),
    *_links("storeAnchors", "200 201", "showAnchors listAnchorItems restartAnchors", judge="$request.path.judge"),
    *_links("storeDataset", "200 201", "showDataset removeDataset", name="$request.path.name"),
    *_links("beginBenchmark", "202", "showBenchmark cancelBenchmark", benchmark_id="$response.body#/id"),
    *_links("showBenchmark", "200", "showJob", job_id="$response.body#/job_id"),
    *_links("beginBattle", "202", "showBattle voteOnBattle regenerateBattle", battle_id="$response.body#/id"),
]


def add_links(paths: dict[str, Any]) -> None:
    """Puts the links into the answers of the operations of a document."""
    operations = {each["operationId"]: each for path in paths.values() for each in path.values()}
    for link in LINKS:
        described = {"operationId": link.target, "parameters": link.parameters}
        for status in link.statuses:
            links = operations[link.answer]["responses"][status].setdefault("links", {})
            links[link.target] = described
