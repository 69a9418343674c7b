"""The least that any client must do: POST and decode, so many at once. Prints the seconds and the CPU seconds."""

import asyncio
import sys
import time

import aiohttp
import msgspec

PROMPT = "Rate this output on helpfulness from 1 to 5. " * 25  # about as long as a built-in judge's


async def _run(url: str, calls: int, at_once: int) -> tuple[float, float]:
    remaining = iter(range(calls))
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for number in remaining:
                message = {"role": "user", "content": f"{PROMPT} answer {number} " + f"answer {number} " * 20}
                body = msgspec.json.encode({"model": "model", "messages": [message], "temperature": 0})
                async with session.post(
                    f"{url}/chat/completions", data=body, headers={"content-type": "application/json"}
                ) as response:
                    answer = msgspec.json.decode(await response.read())
                assert "score" in answer["choices"][0]["message"]["content"]

        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return time.perf_counter() - began, time.process_time() - cpu


if __name__ == "__main__":
    print(*asyncio.run(_run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
