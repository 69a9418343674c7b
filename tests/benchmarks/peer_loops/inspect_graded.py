"""Inspect's `model_graded_qa` over outputs that are there already: a solver puts them in place, the scorer asks."""

import asyncio
import tempfile
from typing import Any

from inspect_ai import Task, eval_async
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelOutput, get_model
from inspect_ai.scorer import model_graded_qa
from inspect_ai.solver import solver

from tests.benchmarks.peer_loops.running import Work, timed, work_given


@solver  # type: ignore[untyped-decorator]
def output_of_the_item() -> Any:
    async def solve(state: Any, generate: Any) -> Any:
        state.output = ModelOutput.from_content("given", state.metadata["output"])
        return state

    return solve


async def judged(work: Work) -> list[float]:
    grader = get_model(
        "openai-api/stub/model",
        base_url=work.url,
        api_key="none",
        config=GenerateConfig(max_connections=work.at_once, max_retries=0, temperature=0),
    )
    samples = [
        Sample(input=each["input"], target="It helps the person who asked.", metadata={"output": each["output"]})
        for each in work.items
    ]
    task = Task(dataset=samples, solver=output_of_the_item(), scorer=model_graded_qa(model=grader))
    with tempfile.TemporaryDirectory() as folder:
        (log,) = await eval_async(task, model=None, max_samples=work.at_once, log_dir=folder, log_realtime=False)
    assert log.status == "success", log.error
    assert log.results is not None
    return [log.results.scores[0].metrics["accuracy"].value] * log.results.completed_samples


if __name__ == "__main__":
    asyncio.run(timed(judged(work_given())))
