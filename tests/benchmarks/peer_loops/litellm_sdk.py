"""LiteLLM's asynchronous completion, as its documentation has it: `acompletion` for each item, gathered."""

import asyncio
import json
from typing import Any

import litellm

from tests.benchmarks.peer_loops.running import Work, at_once, timed, work_given

litellm.telemetry = False
litellm.suppress_debug_info = True


async def main(work: Work) -> None:
    async def judge(item: dict[str, Any]) -> float:
        completion = await litellm.acompletion(
            model="openai/model",
            api_base=work.url,
            api_key="none",
            num_retries=0,
            max_retries=0,
            messages=item["messages"],
            temperature=0,
            response_format=item["response_format"],
        )
        return float(json.loads(completion.choices[0].message.content)["score"])

    await timed(at_once(judge, work))


if __name__ == "__main__":
    asyncio.run(main(work_given()))
