"""The OpenAPI description: what Litestar finds out by itself, and what it can't.

Bodies are read by hand (bodies.py), a job's judgments are sent as they were stored, and some answers have headers or
media types that no annotation tells. Those are described here, in OpenAPI's own words.
`judged openapi` prints the whole of it.
"""

from copy import deepcopy
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.openapi.plugins import JsonRenderPlugin

from service.api import describing_arena, describing_benchmarks
from service.api.agreement import JudgeAgreement, JudgeEstimate, JudgesAgreement
from service.api.arena import LeaderboardResponse, RatingsRequest
from service.api.bodies import JSON, NDJSON
from service.api.items import SeenItem
from service.api.jobs import JobPage, JudgmentPage
from service.api.judges import JudgePage, Preview, PreviewRequest
from service.api.labels import LabelPage, QueuePage, StoredLabels
from service.api.operations import Health, Readiness
from service.api.problems import MEDIA_TYPE, Problem
from service.api.statistics import StatisticsRequest, StatisticsResponse
from service.contracts.items import Item
from service.contracts.jobs import INLINE_JUDGMENTS, Job, JobOrder, JobRequest
from service.contracts.judges import Judge, StoredJudge
from service.contracts.judgments import Judgment
from service.contracts.labels import LabelRequest, NewLabel
from service.contracts.parsing import ParseRequest, ParseResponse
from service.store.rebuilding import Rebuilt

Json = dict[str, Any]

EVENT_STREAM = "text/event-stream"
OPENMETRICS = "application/openmetrics-text"

_REFS = "#/components/schemas/"
_SAID = (
    JobRequest,
    Item,
    ParseRequest,
    ParseResponse,
    StatisticsRequest,
    StatisticsResponse,
    RatingsRequest,
    LeaderboardResponse,
    Job,
    JobPage,
    Judgment,
    JudgmentPage,
    Judge,
    StoredJudge,
    JudgePage,
    PreviewRequest,
    Preview,
    LabelRequest,
    StoredLabels,
    LabelPage,
    QueuePage,
    SeenItem,
    JudgeAgreement,
    JudgesAgreement,
    JudgeEstimate,
    Rebuilt,
    Problem,
    Health,
    Readiness,
    *describing_arena.SAID,
    *describing_benchmarks.SAID,
)
_NAMES = {
    ("/v1/jobs", "post"): ("submitJob", "Submit a job"),
    ("/v1/jobs", "get"): ("listJobs", "List jobs"),
    ("/v1/jobs/{job_id}", "get"): ("showJob", "Show a job"),
    ("/v1/jobs/{job_id}", "delete"): ("cancelJob", "Cancel a job"),
    ("/v1/jobs/{job_id}/judgments", "get"): ("listJudgments", "List a job's judgments"),
    ("/v1/jobs/{job_id}/events", "get"): ("followJob", "Follow a job"),
    ("/v1/judges", "get"): ("listJudges", "List judges"),
    ("/v1/judges/{name}", "put"): ("storeJudge", "Store a judge"),
    ("/v1/judges/{reference}", "get"): ("showJudge", "Show a judge"),
    ("/v1/judges/{name}/versions/{version}", "get"): ("showJudgeVersion", "Show a version of a judge"),
    ("/v1/judges/{reference}/preview", "post"): ("previewJudge", "See what a judge would ask"),
    ("/v1/labels", "post"): ("storeLabels", "Store labels"),
    ("/v1/labels", "get"): ("listLabels", "List an item's labels"),
    ("/v1/labels/queue", "get"): ("listQueue", "See what to label next"),
    ("/v1/labels/{item_id}/{criterion}/{annotator}", "delete"): ("deleteLabel", "Take a label back"),
    ("/v1/items/{item_id}", "get"): ("showItem", "Show an item's judgments and labels"),
    ("/v1/agreement", "get"): ("showAgreement", "Show how far a judge agrees with people"),
    ("/v1/agreement/rebuild", "post"): ("rebuildAgreement", "Recount the counters of agreement"),
    ("/v1/estimates", "get"): ("showEstimates", "Estimate the mean of what people would say"),
    ("/v1/parse", "post"): ("parseTexts", "Read texts as a judge's answers"),
    ("/v1/statistics", "post"): ("computeStatistics", "Compute statistics of agreement"),
    ("/v1/arena/ratings", "post"): ("rateVotes", "Rate models by votes"),
    ("/healthz", "get"): ("showHealth", "Is this process alive?"),
    ("/readyz", "get"): ("showReadiness", "Is the service ready?"),
    ("/metrics", "get"): ("showMetrics", "Metrics for Prometheus"),
    **describing_arena.NAMES,
    **describing_benchmarks.NAMES,
}
_EXAMPLE_JOB = {
    "judge": "helpfulness",
    "items": [{"id": "t-1", "input": "How do I reset my password?", "output": "Choose Settings, then Reset password."}],
}
_EXAMPLE_JUDGE = {
    "criterion": "politeness",
    "method": "rating",
    "instructions": "How courteous is the output?",
    "scale": {"min": 1, "max": 3, "descriptors": {"1": "Rude.", "2": "Neutral.", "3": "Courteous."}},
}
_EXAMPLE_PREVIEW = {"item": {"input": "Where is my parcel?", "output": "On its way, as you would know."}}
_EXAMPLE_PARSE = {"method": "rating", "scale": {"min": 1, "max": 5}, "texts": ["Clear and complete.\nScore: 4"]}
_EXAMPLE_STATISTICS = {"values": [1, 2, 3, 4, 5], "pairs": [[4, 5], [3, 3], [1, 2], [5, 5]]}
_EXAMPLE_VOTES = {"votes": [["openai/gpt-4.1", "ollama/qwen3", "A"], ["ollama/qwen3", "openai/gpt-4.1", "tie"]]}
_EXAMPLE_LABELS = {"labels": [{"item_id": "t-1", "criterion": "politeness", "annotator": "ann", "score": 3}]}
_SECURITY: list[Json] = [{"bearer": []}, {"apiKey": []}, {}]
_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, where any are configured."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key by another way."},
}


class DescribedJson(JsonRenderPlugin):
    """Serves the description at the root of its path."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._rendered: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: Json) -> bytes:
        if self._rendered is None:
            self._rendered = msgspec.json.encode(described(openapi_schema))
        return self._rendered


def description_of(app: Litestar) -> Json:
    """The application's whole OpenAPI 3.1 document."""
    return described(app.openapi_schema.to_schema())


def described(found: Json) -> Json:
    """What Litestar found out, completed."""
    document = deepcopy(found)
    schemas = _schemas_of(*_SAID)
    schemas["Job"]["properties"]["judgments"] = {
        "type": "array",
        "items": _ref(Judgment),
        "description": f"In item order, as far as they are done. Left out of jobs of more than {INLINE_JUDGMENTS}.",
    }
    schemas["JudgmentPage"]["properties"]["judgments"] = {"type": "array", "items": _ref(Judgment)}
    schemas["SeenItem"]["properties"]["judgments"] = {"type": "array", "items": _ref(Judgment)}
    schemas["StatisticsRequest"]["oneOf"] = [{"required": ["pairs"]}, {"required": ["counts"]}]
    document["components"] = {"schemas": dict(sorted(schemas.items())), "securitySchemes": _SECURITY_SCHEMES}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _name(operation, path, method)
            _mend_responses(operation["responses"])
    _describe_jobs(document["paths"])
    _describe_judges(document["paths"])
    _describe_labels(document["paths"]["/v1/labels"]["post"])
    _describe_parse(document["paths"]["/v1/parse"]["post"])
    _describe_statistics(document["paths"]["/v1/statistics"]["post"])
    _describe_ratings(document["paths"]["/v1/arena/ratings"]["post"])
    describing_arena.describe_arena(document["paths"])
    describing_benchmarks.describe_benchmarks(document["paths"], schemas)
    _describe_metrics(document["paths"]["/metrics"]["get"])
    return document


def _schemas_of(*said: type) -> dict[str, Json]:
    """The schemas of structs and of all that is in them, by name."""
    _, schemas = msgspec.json.schema_components(said, ref_template=_REFS + "{name}")
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
        for name, field in schema.get("properties", {}).items():
            if name.endswith("_at"):
                _without_null(field)["format"] = "date-time"
    return schemas


def _name(operation: Json, path: str, method: str) -> None:
    if (path, method) in _NAMES:
        operation["operationId"], operation["summary"] = _NAMES[path, method]
    if path.startswith("/v1/"):
        operation["security"] = _SECURITY


def _mend_responses(responses: Json) -> None:
    """Litestar's own words and shape for refusals are not ours; some refusals say more in a header."""
    for status, response in responses.items():
        if not status.startswith("2"):
            response["content"] = {MEDIA_TYPE: {"schema": _ref(Problem)}}
        response.pop("headers", None)
    if "200" in responses:
        responses["200"]["description"] = "As asked for."
    for status in {"429", "503"} & responses.keys():
        responses[status]["headers"] = {"Retry-After": _header("Seconds until it is worth trying again.", "integer")}
    if "401" in responses:
        responses["401"]["headers"] = {"WWW-Authenticate": _header("`Bearer`.")}


def _describe_jobs(paths: Json) -> None:
    submit = paths["/v1/jobs"]["post"]
    submit["parameters"] = [*_preferences(), *_order_in_query()]
    submit["requestBody"] = _body(
        {
            JSON: {"schema": _ref(JobRequest), "example": _EXAMPLE_JOB},
            NDJSON: {
                "schema": {
                    "type": "array",
                    "items": _ref(Item),
                    "minItems": 1,
                    "description": "One item a line: JSON values that follow each other, not a JSON array.",
                }
            },
        }
    )
    taken = submit["responses"]["202"]
    taken["description"] = "Taken in. Stored, and judged as workers come to it."
    taken["headers"] = {
        "Location": _header("Where the job is."),
        "Preference-Applied": _header("The wait that was granted, where `Prefer: wait` asked for one."),
        "Idempotent-Replayed": _header("`true` where the Idempotency-Key had been used: this is the first job again."),
    }
    submit["responses"]["200"] = {**taken, "description": "Over, within the seconds that `Prefer: wait` gave it."}
    judgments = paths["/v1/jobs/{job_id}/judgments"]["get"]["responses"]["200"]
    judgments["description"] = "A page; or everything done by now, one judgment a line."
    judgments["content"][NDJSON] = {"schema": {"type": "string", "description": "One `Judgment` a line."}}
    events = paths["/v1/jobs/{job_id}/events"]["get"]["responses"]["200"]
    events["description"] = 'Events whose data is `{"status": …, "counts": {…}}`; the last one has the final counts.'
    events["content"] = {EVENT_STREAM: {"schema": {"type": "string"}}}


def _describe_judges(paths: Json) -> None:
    store = paths["/v1/judges/{name}"]["put"]
    store["requestBody"] = _body({JSON: {"schema": _ref(Judge), "example": _EXAMPLE_JUDGE}})
    known = store["responses"]["200"]
    known["description"] = "A version has this content already."
    known["headers"] = {"Location": _header("Where the version is.")}
    store["responses"]["201"] = {**known, "description": "Stored as a new version."}
    preview = paths["/v1/judges/{reference}/preview"]["post"]
    preview["requestBody"] = _body({JSON: {"schema": _ref(PreviewRequest), "example": _EXAMPLE_PREVIEW}})


def _describe_labels(operation: Json) -> None:
    lines = {
        "type": "array",
        "items": _ref(NewLabel),
        "minItems": 1,
        "description": "One label a line: JSON values that follow each other, not a JSON array.",
    }
    operation["requestBody"] = _body(
        {JSON: {"schema": _ref(LabelRequest), "example": _EXAMPLE_LABELS}, NDJSON: {"schema": lines}}
    )


def _preferences() -> list[Json]:
    return [
        {
            "name": "Prefer",
            "in": "header",
            "description": "`wait=20` waits 20 seconds for the job to be over (RFC 7240).",
            "schema": {"type": "string"},
            "example": "wait=20",
        },
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Makes a repeat of this request return the first one's job.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        },
    ]


def _order_in_query() -> list[Json]:
    """An NDJSON upload has everything but the items in its query."""
    order = _schemas_of(JobOrder)["JobOrder"]["properties"]
    words = {
        "judge": "The judge's name; may be there several times.",
        "models": "The models to ask; with commas, or there several times.",
        "cache": "`false` asks the models again.",
        "budget_usd": "What the job may spend.",
        "deadline_s": "The seconds for which items wait for their turn at a provider that limits calls.",
        "callback_url": "Where the finished job is posted.",
    }
    order["judge"] = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return [
        {
            "name": name,
            "in": "query",
            "description": f"{text} For NDJSON alone: JSON has it in the body.",
            "schema": _without_null(order[name]),
        }
        for name, text in words.items()
    ]


def _without_null(schema: Json) -> Json:
    found: Json = next((each for each in schema.get("anyOf", ()) if each != {"type": "null"}), schema)
    return found


def _describe_parse(operation: Json) -> None:
    operation["requestBody"] = _body({JSON: {"schema": _ref(ParseRequest), "example": _EXAMPLE_PARSE}})
    operation["responses"]["200"]["description"] = "One result a text, in their order."


def _describe_statistics(operation: Json) -> None:
    operation["requestBody"] = _body({JSON: {"schema": _ref(StatisticsRequest), "example": _EXAMPLE_STATISTICS}})
    operation["responses"]["200"]["description"] = "The statistics by their names; null with a reason where undefined."


def _describe_ratings(operation: Json) -> None:
    operation["requestBody"] = _body({JSON: {"schema": _ref(RatingsRequest), "example": _EXAMPLE_VOTES}})
    operation["responses"]["200"]["description"] = "The leaderboard, best rating first."


def _describe_metrics(operation: Json) -> None:
    text = {"schema": {"type": "string"}}
    operation["responses"]["200"]["content"] = {"text/plain": text, OPENMETRICS: text}


def _body(content: Json) -> Json:
    return {"required": True, "content": content}


def _header(description: str, kind: str = "string") -> Json:
    return {"description": description, "schema": {"type": kind}}


def _ref(said: type) -> Json:
    return {"$ref": _REFS + said.__name__}
