"""DeepEval's GEval through `evaluate`, with evaluation steps given, so that each item is one call."""

import asyncio

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import GEval
from deepeval.models import OpenAIModel
from deepeval.test_case import LLMTestCase, SingleTurnParams

from tests.benchmarks.peer_loops.running import Work, timed, work_given


async def judged(work: Work) -> list[float]:
    metric = GEval(
        name="helpfulness",
        evaluation_steps=["Read the input.", "Decide how well the actual output helps the person who asked."],
        evaluation_params=[SingleTurnParams.INPUT, SingleTurnParams.ACTUAL_OUTPUT],
        model=OpenAIModel("gpt-4.1", base_url=work.url, api_key="none"),
    )
    cases = [LLMTestCase(input=each["input"], actual_output=each["output"]) for each in work.items]
    result = await asyncio.to_thread(
        evaluate,
        test_cases=cases,
        metrics=[metric],
        async_config=AsyncConfig(max_concurrent=work.at_once),
        cache_config=CacheConfig(write_cache=False),
        display_config=DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False),
    )
    return [each.metrics_data[0].score for each in result.test_results]


if __name__ == "__main__":
    asyncio.run(timed(judged(work_given())))
