"""The links of the OpenAPI document lead from each answer to others that are there, through real ids."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from service.api.links import LINKS
from service.api.openapi import document_of
from service.app import create_app
from tests.flows.conftest import Row, settings_for
from worker.process import run_worker

LABEL: Row = {"criterion": "helpfulness", "annotator": "ann", "score": 3}
REACHED = {"showJob", "listJudgments", "showItem", "storeLabels", "showAgreement", "showLabelProgress"}
WALKED = ["submitJob", "showJob", "listJudgments", "showItem", "storeLabels", "showAgreement", "showLabelProgress"]


@pytest.fixture
def linked(store_url: str, redis: object) -> Iterator[tuple[str, Row]]:
    """The address of an API with a worker in a thread, and its document."""
    settings = settings_for(store_url, {"server": {"max_wait_seconds": 10.0}})
    app, listener = create_app(settings), socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))

    async def run() -> None:
        stopping = asyncio.Event()
        working = asyncio.create_task(run_worker(settings, stopping))
        await server.serve([listener])
        stopping.set()
        await working

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", document_of(app)
    server.should_exit = True
    thread.join(30)


def with_labels(document: Row) -> Row:
    """The document with links from judgments to a label of the first of them, which no parameter can express."""
    label = LABEL | {"item_id": "$response.body#/judgments/0/item_id"}
    link = {"operationId": "storeLabels", "requestBody": {"labels": [label]}}
    for path in ("/v1/jobs/{job_id}", "/v1/jobs/{job_id}/judgments"):
        document["paths"][path]["get"]["responses"]["200"]["links"]["storeLabels"] = link
    return document


def test_links_lead_through_what_is_there(linked: tuple[str, Row]) -> None:
    from tests.api.conformance import walk_links

    url, document = linked
    assert walk_links(url, with_labels(document), WALKED, REACHED) >= REACHED


def test_each_link_names_an_operation_and_its_parameters(linked: tuple[str, Row]) -> None:
    _, document = linked
    operations = {each["operationId"]: each for path in document["paths"].values() for each in path.values()}
    for link in LINKS:
        known = {each["name"] for each in operations[link.target].get("parameters", ())}
        assert link.parameters.keys() <= known, link
