"""A running API for the commands that are its clients."""

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from service.app import create_app
from tests.flows.conftest import settings_for


@pytest.fixture(scope="module")
def url(store_url: str) -> Iterator[str]:
    """An API on a real socket, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings_for(store_url, {"arena": {"votes_per_voter_per_hour": 60}})),
            log_config=None,
            log_level="critical",
            lifespan="on",
        )
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
