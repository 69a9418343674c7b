"""The least that a client must do, with pyreqwest, the client that judged has."""

import asyncio
import json
from typing import Any

from pyreqwest.client import ClientBuilder

from tests.benchmarks.peer_loops.running import Work, at_once, chat_body, score_of, timed, work_given


async def main(work: Work) -> None:
    async with ClientBuilder().max_connections(work.at_once).build() as client:

        async def judge(item: dict[str, Any]) -> float:
            response = await client.post(f"{work.url}/chat/completions").body_json(chat_body(item)).build().send()
            return score_of(json.loads(bytes(await response.bytes())))

        await timed(at_once(judge, work))


if __name__ == "__main__":
    asyncio.run(main(work_given()))
