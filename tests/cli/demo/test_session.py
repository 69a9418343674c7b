"""The requests of the demo: they may be sent again, and a person's labels stay."""

import json
from typing import Any

from service.cli.client import Client
from service.cli.demo.session import show_demo
from tests.cli.stub_api import Asked, served

FIGURE = {"value": 0.5, "lower": 0.2, "upper": 0.7}


class DemoApi:
    """Answers as the service does once everything is judged, and keeps what was posted."""

    def __init__(self, labels: list[Any]) -> None:
        self.labels = labels
        self.posted: list[Asked] = []

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        if asked.method == "POST":
            self.posted.append(asked)
        return 200, json.dumps(self._content(asked)).encode()

    def _content(self, asked: Asked) -> Any:
        figures = {"spearman": FIGURE}
        contents: dict[str, Any] = {
            "/v1/labels": {"labels": self.labels},
            "/v1/jobs": {"id": "job_1", "status": "queued", "counts": {"total": 48, "pending": 48}},
            "/v1/jobs/job_1": {"id": "job_1", "status": "completed", "counts": {"total": 48, "pending": 0}},
            "/v1/agreement": {
                "model": asked.query.get("model"),
                "annotators": 2,
                "items": 40,
                "statistics": figures,
                "human_ceiling": {"statistics": figures},
                "trust": {"verdict": "not_better_than_chance"},
            },
            "/v1/compare": {
                "model": asked.query.get("model"),
                "decided": None,
                "judge_difference": FIGURE,
                "corrected_difference": FIGURE,
            },
        }
        return contents[asked.path]


def shown(api: DemoApi) -> list[str]:
    said: list[str] = []
    with served(api.answer) as url, Client(url, None) as client:
        show_demo(client, "local/small", said.append)
    return [line.replace(url, "URL") for line in said]


def test_labels_are_sent_to_a_store_without_any_alone() -> None:
    new, known = DemoApi([]), DemoApi([{"item_id": "track-parcel-v1", "score": 2}])
    assert shown(new) == shown(known)
    assert [asked.path for asked in new.posted] == ["/v1/labels", *["/v1/jobs"] * 3]
    assert [asked.path for asked in known.posted] == ["/v1/jobs"] * 3
    assert len(new.posted[0].body.splitlines()) == 80


def test_each_model_judges_alone_and_under_the_same_key_again() -> None:
    first, second = DemoApi([]), DemoApi([])
    shown(first)
    shown(second)
    keys = [
        [asked.headers["Idempotency-Key"] for asked in api.posted if asked.path == "/v1/jobs"]
        for api in (first, second)
    ]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 3
    models = [asked.query["models"] for asked in first.posted if asked.path == "/v1/jobs"]
    assert models == ["control/length", "control/overlap", "local/small"]


def test_the_findings_end_with_the_address_of_the_page() -> None:
    said = shown(DemoApi([]))
    assert said[1] == "What can be trusted here:"
    assert len([line for line in said if line.startswith("- ")]) == 3
    assert said[-1] == "The page that shows it: URL/"
