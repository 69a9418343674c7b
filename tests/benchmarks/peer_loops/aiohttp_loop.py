"""The least that a client must do, with aiohttp."""

import asyncio
from typing import Any

import aiohttp

from tests.benchmarks.peer_loops.running import Work, at_once, chat_body, score_of, timed, work_given


async def main(work: Work) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=work.at_once)) as session:

        async def judge(item: dict[str, Any]) -> float:
            async with session.post(f"{work.url}/chat/completions", json=chat_body(item)) as response:
                return score_of(await response.json())

        await timed(at_once(judge, work))


if __name__ == "__main__":
    asyncio.run(main(work_given()))
