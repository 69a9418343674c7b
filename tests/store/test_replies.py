"""A connection is looked at before each command: one that was closed or has unread replies is made anew."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.store.connection import connect, reply

STRAY, VALUE = b"$5\r\nstray\r\n", b"$5\r\nvalue\r\n"


@asynccontextmanager
async def server(after_first: bytes | None) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that answers every GET, and sends `after_first` after its first answer, or closes if that is None.

    Yields its address, and the number of answers on each connection.
    """
    answers: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(answers)
        answers.append(0)
        try:
            while received := (await reader.read(1024)).upper():
                writer.write(b"+OK\r\n" * received.count(b"SETINFO") + b"+PONG\r\n" * received.count(b"PING"))
                if b"GET" in received:
                    answers[number] += 1
                    writer.write(VALUE)
                    if sum(answers) == 1:
                        if after_first is None:
                            return
                        writer.write(after_first)
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}", answers


@pytest.mark.parametrize("after_first", [None, STRAY], ids=["closed", "unread reply"])
async def test_a_command_goes_on_a_new_connection(after_first: bytes | None) -> None:
    async with server(after_first) as (url, answers):
        client = connect(url, retries=0, max_connections=1)
        assert await reply(client.get("key")) == b"value"
        await asyncio.sleep(0.2)  # what the server does next has come
        assert await reply(client.get("key")) == b"value"
        assert await reply(client.get("key")) == b"value"
        await client.aclose()
    assert answers == [1, 2]
