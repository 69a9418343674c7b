"""The least that a client must do, with aiohttp."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.benchmarks.peer_loops.running import Work, at_once, timed, work_given


async def main(work: Work) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=work.at_once)) as session:

        async def judge(item: dict[str, Any]) -> float:
            body = {
                "model": "model",
                "messages": item["messages"],
                "temperature": 0,
                "response_format": item["response_format"],
            }
            async with session.post(f"{work.url}/chat/completions", json=body) as response:
                answer = await response.json()
            return float(json.loads(answer["choices"][0]["message"]["content"])["score"])

        await timed(at_once(judge, work))


if __name__ == "__main__":
    asyncio.run(main(work_given()))
