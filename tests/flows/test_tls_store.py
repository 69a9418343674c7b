"""A store that speaks TLS alone, asks for certificates, and knows a user with the documented rights."""

import asyncio
import contextlib
import logging
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from redis import Redis

from service.config.settings import load_settings, without_password
from service.launch.preflight import StartError, free_port
from service.store import health
from service.store.connection import cancelled, connect
from service.store.health import check_rights, wait_for_store
from tests.flows.conftest import FAST, Judged, api_of
from tests.flows.faults import items
from tests.flows.test_installations import documented_rules
from tests.launch.test_backup import served
from tests.polling import until
from tests.stubs.authority import Authority

PASSWORD = "p:a@s/s %?#ü"


class TlsStore:
    """The parts of its address."""

    def __init__(self, port: int, authority: Authority) -> None:
        self.port = port
        self.authority = authority
        self.certificate, self.key = authority.issued("client")

    def url(self, host: str = "127.0.0.1", password: str = PASSWORD, more: str = "") -> str:
        files = f"ssl_ca_certs={self.authority.file}&ssl_certfile={self.certificate}&ssl_keyfile={self.key}"
        return f"rediss://judged:{quote(password, safe='')}@{host}:{self.port}/0?{files}{more}"


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[TlsStore]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server")
    authority, port = Authority(tmp_path), free_port("127.0.0.1")
    certificate, key = authority.issued("server")
    files = ("--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority.file)
    with contextlib.ExitStack() as held:
        try:
            store = held.enter_context(
                served(tmp_path / "store", Path(binary), *files, "--tls-auth-clients", "yes", "--tls-port", str(port))
            )
        except StartError as error:
            pytest.skip(f"this redis-server has no TLS: {error}")
        with Redis.from_url(store.url) as client:
            rules = documented_rules("PASSWORD", "judged:")
            rules[rules.index(">PASSWORD")] = f">{PASSWORD}"
            client.execute_command("ACL", "SETUSER", "judged", *rules, "~arq:*")
        yield TlsStore(port, authority)


@pytest.fixture
async def judged(tls: TlsStore) -> AsyncIterator[Judged]:
    settings = load_settings(None, {"JUDGED_REDIS_URL": tls.url(), "JUDGED_MODELS": "control/overlap"})
    async with api_of(settings) as client:
        yield Judged(client, settings, FAST)


async def test_the_service_works_over_tls_with_a_certificate_and_the_documented_rights(
    judged: Judged, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with judged.worker():
        job = await judged.judge(items(3))
        assert job["counts"]["scored"] == 3
        await judged.until_ready()
    assert PASSWORD not in caplog.text
    assert quote(PASSWORD, safe="") not in caplog.text


def other_password(tls: TlsStore) -> str:
    return tls.url(password="wr:o@ng")


def other_host(tls: TlsStore) -> str:
    return tls.url(host="localhost")


def other_authority(tls: TlsStore) -> str:
    return tls.url().replace(f"ssl_ca_certs={tls.authority.file}&", "")


def no_certificate(tls: TlsStore) -> str:
    return tls.url().partition("&ssl_certfile")[0]


@pytest.mark.parametrize(
    ("url_of", "said"),
    [
        (other_password, "invalid username-password pair"),
        (other_host, "Hostname mismatch"),
        (other_authority, "certificate verify failed"),
        (no_certificate, "certificate required|; if it asks for a certificate, name yours as ssl_certfile"),
    ],
)
async def test_what_is_wrong_with_the_connection_is_said_in_one_line(
    url_of: Callable[[TlsStore], str],
    said: str,
    tls: TlsStore,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_AGAIN_S", 0.01)
    waiting = asyncio.create_task(wait_for_store(url_of(tls), without_password(url_of(tls))))
    await until(lambda: caplog.messages, "the line")
    await cancelled(waiting)
    [line] = caplog.messages
    assert line.startswith("waiting for the store at rediss://judged:***@")
    assert re.search(said, line)
    assert not any(secret in line for secret in (PASSWORD, quote(PASSWORD, safe=""), "wr:o@ng", "wr%3Ao%40ng"))


async def test_another_name_in_the_certificate_can_be_allowed(tls: TlsStore) -> None:
    redis = connect(tls.url("localhost", more="&ssl_check_hostname=no"), retries=0, max_connections=2)
    await check_rights(redis)
    await redis.aclose()
