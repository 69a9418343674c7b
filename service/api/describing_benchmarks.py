"""What the OpenAPI description says of datasets and benchmarks beyond what Litestar finds out by itself."""

from typing import Any

from service.api.benchmarks import BenchmarkPage
from service.api.bodies import CSV, JSON, MARKDOWN, NDJSON
from service.api.datasets import DatasetPage
from service.benchmarks.leaderboard import BoardRow
from service.contracts.benchmarks import Benchmark, BenchmarkEstimate, BenchmarkRequest
from service.contracts.datasets import Dataset, DatasetItem, DatasetRequest

Json = dict[str, Any]

SAID = (
    DatasetRequest,
    DatasetItem,
    Dataset,
    DatasetPage,
    BenchmarkRequest,
    BenchmarkEstimate,
    Benchmark,
    BenchmarkPage,
    BoardRow,
)
NAMES = {
    ("/v1/datasets/{name}", "put"): ("storeDataset", "Store a dataset"),
    ("/v1/datasets/{name}", "get"): ("showDataset", "Show a dataset"),
    ("/v1/datasets/{name}", "delete"): ("removeDataset", "Remove a dataset"),
    ("/v1/datasets", "get"): ("listDatasets", "List datasets"),
    ("/v1/benchmarks", "post"): ("beginBenchmark", "Begin a benchmark"),
    ("/v1/benchmarks/estimate", "post"): ("estimateBenchmark", "Estimate a benchmark's cost"),
    ("/v1/benchmarks", "get"): ("listBenchmarks", "List benchmarks"),
    ("/v1/benchmarks/{benchmark_id}", "get"): ("showBenchmark", "Show a benchmark"),
    ("/v1/benchmarks/{benchmark_id}", "delete"): ("cancelBenchmark", "Cancel a benchmark"),
}

_EXAMPLE_DATASET = {
    "items": [{"id": "t-1", "input": "Where is it?", "output": "On its way.", "human": {"helpfulness": [4, 5, None]}}]
}
_EXAMPLE_TABLE = "input,output,human.helpfulness.0,human.helpfulness.1\r\nWhere is it?,On its way.,4,5\r\n"
_EXAMPLE_BENCHMARK = {"dataset": "support", "judges": ["helpfulness"], "models": ["openai/gpt-4.1-mini"]}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat of this request return the first one's benchmark.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def describe_benchmarks(paths: Json, schemas: Json) -> None:
    """Completes their operations and schemas in place."""
    schemas["Benchmark"]["properties"]["leaderboard"] = {
        "type": "array",
        "items": _ref(BoardRow),
        "description": "The best first. Empty until all is judged, and left out of lists.",
    }
    store = paths["/v1/datasets/{name}"]["put"]
    store["requestBody"] = _dataset_body()
    replaced = store["responses"]["200"]
    replaced["description"] = "Stored in place of what the name stood for."
    replaced["headers"] = {"Location": _header("Where the dataset is.")}
    store["responses"]["201"] = {**replaced, "description": "Stored under a new name."}
    begin = paths["/v1/benchmarks"]["post"]
    begin["parameters"] = [_IDEMPOTENCY_KEY]
    for operation in (begin, paths["/v1/benchmarks/estimate"]["post"]):
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": _ref(BenchmarkRequest), "example": _EXAMPLE_BENCHMARK}},
        }
    taken = begin["responses"]["202"]
    taken["description"] = "Taken in, with what it will cost about where prices are known."
    taken["headers"] = {
        "Location": _header("Where the benchmark is."),
        "Idempotent-Replayed": _header("`true` where the Idempotency-Key had been used: this is that benchmark."),
    }
    _describe_shown(paths["/v1/benchmarks/{benchmark_id}"]["get"])


def _describe_shown(show: Json) -> None:
    shown = show["responses"]["200"]
    text = {"schema": {"type": "string"}}
    shown["description"] = "As it stands; the leaderboard once it is over."
    shown["content"] = {JSON: {"schema": _ref(Benchmark)}, CSV: text, MARKDOWN: text}
    shown["headers"] = {
        "ETag": _header("Of one that is over; send it as If-None-Match."),
        "Vary": _header("`Accept`."),
    }
    show["responses"]["304"] = {"description": "As it was when it had the ETag that If-None-Match names."}


def _dataset_body() -> Json:
    lines = {
        "type": "array",
        "items": _ref(DatasetItem),
        "minItems": 1,
        "description": "One item a line: JSON values that follow each other, not a JSON array.",
    }
    table = {
        "type": "string",
        "description": "RFC 4180 with a header: `id`, `input`, `output`, `context`, `reference`, `outputs` (a list) "
        "or `outputs.0`, `metadata.<name>`, `human.<criterion>.<annotator>`. An empty cell is a missing value.",
    }
    return {
        "required": True,
        "content": {
            JSON: {"schema": _ref(DatasetRequest), "example": _EXAMPLE_DATASET},
            NDJSON: {"schema": lines},
            CSV: {"schema": table, "example": _EXAMPLE_TABLE},
        },
    }


def _header(description: str) -> Json:
    return {"description": description, "schema": {"type": "string"}}


def _ref(said: type) -> Json:
    return {"$ref": f"#/components/schemas/{said.__name__}"}
