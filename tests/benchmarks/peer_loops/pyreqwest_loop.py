"""The least that a client must do, with pyreqwest, the client that judged has."""

import asyncio
import json
from typing import Any

from pyreqwest.client import ClientBuilder

from tests.benchmarks.peer_loops.running import Work, at_once, timed, work_given


async def main(work: Work) -> None:
    async with ClientBuilder().max_connections(work.at_once).build() as client:

        async def judge(item: dict[str, Any]) -> float:
            body = {
                "model": "model",
                "messages": item["messages"],
                "temperature": 0,
                "response_format": item["response_format"],
            }
            response = await client.post(f"{work.url}/chat/completions").body_json(body).build().send()
            answer = json.loads(bytes(await response.bytes()))
            return float(json.loads(answer["choices"][0]["message"]["content"])["score"])

        await timed(at_once(judge, work))


if __name__ == "__main__":
    asyncio.run(main(work_given()))
