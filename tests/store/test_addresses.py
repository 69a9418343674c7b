"""The addresses of a store, taken apart."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from redis.asyncio.connection import SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from service.store.addresses import connection_options, primary_url


@contextlib.asynccontextmanager
async def sentinel(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A stub that gives this answer when it is asked for a primary, and OK to all else; its port, and what it got."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                await reader.readline()
                words.append((await reader.readline()).rstrip())
            got.append(b" ".join(words))
            writer.write(answer if words[0].upper() == b"SENTINEL" else b"+OK\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], got


PRIMARY = b"*2\r\n$8\r\n10.1.2.3\r\n$4\r\n6390\r\n"
UNKNOWN = b"*-1\r\n"


def test_the_address_of_a_server_is_that_of_its_client() -> None:
    options = connection_options("redis://u:p%40%2F@h:1/3")
    assert (options["host"], options["port"], options["db"]) == ("h", 1, 3)
    assert (options["username"], options["password"]) == ("u", "p@/")
    assert connection_options("unix:///tmp/s.sock")["connection_class"] is UnixDomainSocketConnection


def test_the_name_in_a_certificate_is_checked_unless_the_address_says_otherwise() -> None:
    assert connection_options("rediss://h")["ssl_check_hostname"] is True
    assert connection_options("rediss://h?ssl_check_hostname=no")["ssl_check_hostname"] is False
    assert "ssl_check_hostname" not in connection_options("redis://h")


def test_sentinels_have_a_password_of_their_own_and_share_the_certificates() -> None:
    url = "rediss+sentinel://u:p%2Fw@a:1,[::1]:2,c/the%20main/4?ssl_ca_certs=/ca.pem&sentinel_password=s%26e"
    options = connection_options(url)
    sentinels = options["sentinels"]
    assert sentinels.hosts == (("a", 1), ("::1", 2), ("c", 26379))
    assert sentinels.primary == "the main"
    assert sentinels.options == {
        "password": "s&e",
        "ssl": True,
        "ssl_check_hostname": True,
        "ssl_ca_certs": "/ca.pem",
    }
    assert (options["username"], options["password"], options["db"]) == ("u", "p/w", 4)
    assert issubclass(options["connection_class"], SSLConnection)


async def test_the_first_sentinel_that_knows_the_primary_is_believed() -> None:
    async with sentinel(UNKNOWN) as (ignorant, _), sentinel(PRIMARY) as (knowing, got):
        hosts = f"127.0.0.1:1,127.0.0.1:{ignorant},127.0.0.1:{knowing}"
        found = await primary_url(f"redis+sentinel://u:p%2F@{hosts}/main/2?sentinel_password=s%26")
        assert found == "redis://u:p%2F@10.1.2.3:6390/2"
        assert b"AUTH s&" in got
        assert b"SENTINEL GET-MASTER-ADDR-BY-NAME main" in got


async def test_without_an_answer_each_sentinels_problem_is_named() -> None:
    async with sentinel(UNKNOWN) as (ignorant, _):
        with pytest.raises(RedisConnectionError) as raised:
            await primary_url(f"redis+sentinel://:secret@127.0.0.1:1,127.0.0.1:{ignorant}/main")
    assert f"127.0.0.1:{ignorant} does not know main" in str(raised.value)
    assert "127.0.0.1:1: " in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_the_address_of_a_server_stays_and_its_certificate_is_checked() -> None:
    assert await primary_url("unix:///tmp/s.sock?db=3") == "unix:///tmp/s.sock?db=3"
    assert await primary_url("rediss://h:1/0") == "rediss://h:1/0?ssl_check_hostname=yes"
    assert await primary_url("rediss://h?ssl_check_hostname=no") == "rediss://h?ssl_check_hostname=no"
