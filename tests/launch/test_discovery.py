"""The models that `judged up` uses if nothing is configured."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from service.config.kinds import KINDS
from service.launch.discovery import discover, ollama_model
from service.launch.preflight import StartError, free_port

MODEL_FILE = Path("/models/Small-1B.gguf")


def installed() -> Path:
    return MODEL_FILE


def not_installed() -> Path:
    raise StartError("there is no local model")


@contextmanager
def ollama(body: bytes) -> Iterator[str]:
    """Answers every GET with the body, as an Ollama answers /api/tags."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> str:
    return f"http://127.0.0.1:{free_port('127.0.0.1')}"


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"])
def test_key_in_the_environment_makes_its_vendor_the_default(variable: str, nobody: str) -> None:
    found = discover((), {variable: "k"}, ollama=nobody, find_model=installed)
    name = variable.split("_")[0].lower()
    assert found.models == (KINDS[name].default_model,)
    assert found.providers == {name: {"kind": name}}
    assert found.local_model is None


def test_all_vendors_with_a_key_can_be_asked_and_the_first_is_the_default(nobody: str) -> None:
    found = discover((), {"GEMINI_API_KEY": "k", "OPENAI_API_KEY": "k"}, ollama=nobody, find_model=installed)
    assert list(found.providers) == ["openai", "gemini"]
    assert found.models == (KINDS["openai"].default_model,)


def test_ollama_comes_next(nobody: str) -> None:
    tags = json.dumps({"models": [{"name": "llama3:8b"}, {"name": "other"}]}).encode()
    with ollama(tags) as address:
        found = discover((), {}, ollama=address, find_model=installed)
    assert found.models == ("ollama/llama3:8b",)
    assert found.providers["ollama"]["base_url"] == f"{address}/v1"


@pytest.mark.parametrize("body", [b'{"models": []}', b"<html>", b"[]", b'{"models": 3}', b'{"models": [3]}'])
def test_something_else_on_its_port_is_no_ollama(body: bytes) -> None:
    with ollama(body) as address:
        assert ollama_model(address) is None


def test_local_model_comes_next(nobody: str) -> None:
    found = discover((), {}, ollama=nobody, find_model=installed)
    assert (found.models, found.local_model) == (("local/Small-1B",), MODEL_FILE)


def test_control_baseline_is_what_is_left(nobody: str) -> None:
    found = discover((), {"OPENAI_API_KEY": ""}, ollama=nobody, find_model=not_installed)
    assert (found.models, found.providers, found.local_model) == (("control/overlap",), {}, None)


@pytest.mark.parametrize("find_model", [installed, not_installed])
def test_named_models_stay_and_nothing_is_started_for_them(find_model: Callable[[], Path], nobody: str) -> None:
    found = discover(("control/length",), {"OPENAI_API_KEY": "k"}, ollama=nobody, find_model=find_model)
    assert (found.models, list(found.providers), found.local_model) == (("control/length",), ["openai"], None)


def test_named_models_bring_the_providers_that_they_name(nobody: str) -> None:
    found = discover(("ollama/llama3", "local/Small-1B"), {}, ollama=nobody, find_model=installed)
    assert list(found.providers) == ["ollama"]
    assert found.local_model == MODEL_FILE


def test_named_local_model_that_is_missing_stops_the_start(nobody: str) -> None:
    with pytest.raises(StartError):
        discover(("local/Small-1B",), {}, ollama=nobody, find_model=not_installed)
