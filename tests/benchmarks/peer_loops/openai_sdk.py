"""The OpenAI SDK's asynchronous client, as its documentation has it: one client, and with `aiohttp` that transport."""

import asyncio
import json
import sys
from typing import Any

from openai import AsyncOpenAI, DefaultAioHttpClient

from tests.benchmarks.peer_loops.running import Work, at_once, timed, work_given


async def main(work: Work, transport: str) -> None:
    http_client = DefaultAioHttpClient() if transport == "aiohttp" else None
    async with AsyncOpenAI(base_url=work.url, api_key="none", max_retries=0, http_client=http_client) as client:

        async def judge(item: dict[str, Any]) -> float:
            completion = await client.chat.completions.create(
                model="model", messages=item["messages"], temperature=0, response_format=item["response_format"]
            )
            return float(json.loads(completion.choices[0].message.content or "")["score"])

        await timed(at_once(judge, work))


if __name__ == "__main__":
    asyncio.run(main(work_given(), sys.argv[4]))
