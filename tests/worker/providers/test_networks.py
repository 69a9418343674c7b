"""The way to a provider: proxies, own authorities, client certificates, headers and queries, over real sockets."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from service.config.secrets import Secret
from service.contracts.outcomes import Reason
from tests.polling import until
from tests.stubs.authority import Authority
from tests.stubs.model_server import VERDICT, ModelServer
from tests.stubs.wire_formats import Reply
from tests.worker.providers.stubbed import KEY, Config, request
from worker.providers import build_provider
from worker.providers.base import Completion, ProviderError
from worker.providers.capabilities import Capabilities
from worker.providers.networks import Address, is_in_no_proxy, proxy_of

FAR = "http://models.example.invalid/v1"  # reached through a proxy or not at all


async def complete(**config: Any) -> Completion:
    provider = build_provider("stub", Config(kind="openai", **config), Capabilities())
    try:
        return await provider.complete(request())
    finally:
        await provider.aclose()


async def error_of(**config: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await complete(**config)
    return caught.value


class Proxy(NamedTuple):
    """A forward proxy that leads every call to one server, and the lines that it was asked with."""

    url: str
    asked: list[str]
    headers: list[str]


@asynccontextmanager
async def proxy_to(port: int, answer: bytes | None = None) -> AsyncIterator[Proxy]:
    """A proxy for plain HTTP and for tunnels; it sends `answer` in place of opening a tunnel or passing a call on."""
    asked: list[str] = []
    headers: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.decode().partition("\r\n")
        asked.append(line)
        headers.append(rest)
        if answer is not None:
            writer.write(answer)
            await writer.drain()
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        if line.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            method, url, version = line.split(" ")
            path = "/" + url.split("/", 3)[3]
            far_writer.write(f"{method} {path} {version}\r\n{rest}".encode())
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield Proxy(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked, headers)


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_proxy_of_the_settings_is_used() -> None:
    async with ModelServer("openai") as server, proxy_to(server.port) as proxy:
        completion = await complete(base_url=FAR, proxy=proxy.url)
    assert (completion.text, server.calls) == (VERDICT, 1)
    assert proxy.asked == ["POST http://models.example.invalid/v1/chat/completions HTTP/1.1"]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    async with ModelServer("openai") as server, proxy_to(server.port) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        await complete(base_url=FAR)
    assert len(proxy.asked) == server.calls == 1


async def test_the_settings_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with ModelServer("openai") as server, proxy_to(server.port) as proxy:
        assert (await complete(base_url=FAR, proxy=proxy.url)).text == VERDICT


async def test_a_server_on_this_machine_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with ModelServer("openai") as server:
        for host in ("127.0.0.1", "localhost"):
            base_url = server.base_url.replace("127.0.0.1", host)
            assert (await complete(base_url=base_url, proxy="http://127.0.0.1:9")).text == VERDICT


async def test_a_proxys_password_is_sent_to_it_and_shown_nowhere() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    async with proxy_to(9, refusal) as proxy:
        url = proxy.url.replace("//", "//who:hidden-word@")
        error = await error_of(base_url=FAR, proxy=Secret(url, "env:PROXY"))
    assert "proxy-authorization: basic d2hvomhpzgrlbi13b3jk" in proxy.headers[0].lower()
    assert "hidden-word" not in str(error)
    assert "407" in str(error)


async def test_a_tunnel_that_a_proxy_refuses_is_an_error() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    async with proxy_to(9, refusal) as proxy:
        url = proxy.url.replace("//", "//who:hidden-word@")
        error = await error_of(base_url="https://model.test/v1", proxy=Secret(url, "env:PROXY"))
    assert "proxy" in str(error)
    assert "hidden-word" not in str(error)


async def test_a_proxy_that_is_away_is_an_error_that_may_pass() -> None:
    async with ModelServer("openai") as server:
        port = server.port
    error = await error_of(base_url=FAR, proxy=f"http://127.0.0.1:{port}")
    assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, True)


@pytest.mark.parametrize(
    ("host", "port", "listed", "expected"),
    [
        ("models.lan", 443, "models.lan", True),
        ("models.lan", 443, "lan", True),
        ("models.lan", 443, ".lan", True),
        ("models.lan", 443, "*.lan", True),
        ("models.plan", 443, "lan", False),
        ("models.lan", 443, "other.lan, MODELS.LAN", True),
        ("models.lan", 443, "models.lan:443", True),
        ("models.lan", 443, "models.lan:8080", False),
        ("models.lan", 443, "*", True),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("11.1.2.3", 443, "10.0.0.0/8", False),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("fd00::1", 443, "fd00::/8", True),
        ("models.lan", 443, "", False),
    ],
)
def test_no_proxy_names_hosts_domains_addresses_and_networks(host: str, port: int, listed: str, expected: bool) -> None:
    assert is_in_no_proxy(host, port, listed) is expected


def test_a_proxy_is_chosen_by_the_scheme_and_not_for_the_hosts_of_no_proxy() -> None:
    environ = {"HTTPS_PROXY": "http://one:1", "HTTP_PROXY": "two:2", "NO_PROXY": "inside.lan"}

    def chosen(base_url: str) -> str | None:
        proxy = proxy_of(Config(kind="openai", base_url=base_url), environ)
        return None if proxy is None else str(proxy.url)

    assert chosen("https://models.example.invalid") == "http://one:1"
    assert chosen("http://models.example.invalid") == "http://two:2"
    assert chosen("https://inside.lan/v1") is None


def test_an_address_that_is_no_proxys_is_an_error() -> None:
    with pytest.raises(ProviderError, match="proxy's address"):
        proxy_of(Config(kind="openai", base_url=FAR, proxy="ftp://proxy"), {})


@pytest.mark.parametrize(
    ("base_url", "query", "path", "expected"),
    [
        ("https://a.lan/v1", {}, "/chat/completions", "https://a.lan/v1/chat/completions"),
        ("https://a.lan/v1/", {}, "/chat", "https://a.lan/v1/chat"),
        ("https://a.lan/d?api-version=1", {}, "/chat", "https://a.lan/d/chat?api-version=1"),
        ("https://a.lan/d", {"api-version": "2024-10-21"}, "/chat", "https://a.lan/d/chat?api-version=2024-10-21"),
        ("https://a.lan/d?x=1", {"key": "a b&c"}, "/m:go?alt=sse", "https://a.lan/d/m:go?alt=sse&x=1&key=a+b%26c"),
    ],
)
def test_the_query_stands_behind_the_path(base_url: str, query: dict[str, str], path: str, expected: str) -> None:
    assert Address(base_url, query).of(path) == expected


async def test_headers_and_query_are_sent_with_each_call_and_their_secrets_shown_nowhere() -> None:
    secret = Secret("azure-key-0123", "env:AZURE_KEY")
    refusal = Reply(status=400, body={"error": {"message": "bad header azure-key-0123"}})
    async with ModelServer("openai", lambda body: refusal) as server:
        error = await error_of(
            base_url=f"{server.base_url}?a=1",
            api_key=None,
            headers={"Api-Key": secret, "x-team": "judges"},
            query={"api-version": "2024-10-21"},
        )
    assert server.requests[0].path == "/v1/chat/completions?a=1&api-version=2024-10-21"
    sent = server.requests[0].headers
    assert (sent["api-key"], sent["x-team"], sent.get("authorization")) == ("azure-key-0123", "judges", None)
    assert "bad header [key]" in str(error)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def secured(server: ModelServer, authority: Authority, *, client: bool = False) -> AsyncIterator[int]:
    """A port that speaks TLS for a server; with `client` it wants a certificate of the same authority."""
    context = authority.server_context()
    if client:
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_REQUIRED

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))

    terminator = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with terminator:
        yield terminator.sockets[0].getsockname()[1]
    await all_over(terminator)


async def all_over(server: asyncio.Server) -> None:
    """Waits for the end of the connections, also of those that are still shaking hands: it closes their sockets."""
    await until(lambda: not getattr(server, "_active_count", 0), "the end of the connections")


async def test_an_authority_of_ones_own_is_trusted(authority: Authority) -> None:
    async with ModelServer("openai") as server, secured(server, authority) as port:
        base_url = f"https://127.0.0.1:{port}/v1"
        assert (await complete(base_url=base_url, ca_file=authority.file)).text == VERDICT
        error = await error_of(base_url=base_url)
    assert "certificate" in str(error).lower()


async def test_a_certificate_that_is_its_own_authority_is_refused_with_the_way_out(authority: Authority) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.self_signed())
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0, ssl=context)
    async with server:
        error = await error_of(
            base_url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", ca_file=authority.file
        )
    await all_over(server)
    assert "basicConstraints=CA:FALSE" in str(error)


async def test_the_authority_may_stand_in_the_environment(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    async with ModelServer("openai") as server, secured(server, authority) as port:
        assert (await complete(base_url=f"https://127.0.0.1:{port}/v1")).text == VERDICT


async def test_a_client_certificate_is_shown_to_a_server_that_wants_one(authority: Authority) -> None:
    certificate, key = authority.issued("client")
    async with ModelServer("openai") as server, secured(server, authority, client=True) as port:
        config = {"base_url": f"https://127.0.0.1:{port}/v1", "ca_file": authority.file}
        completion = await complete(**config, client_cert_file=certificate, client_key_file=key)
        assert completion.text == VERDICT
        assert (await complete(**config, client_cert_file=authority.in_one(certificate, key))).text == VERDICT
        error = await error_of(**config)
        assert error.reason is Reason.PROVIDER_ERROR
        assert server.calls == 2


async def test_tls_goes_through_a_proxys_tunnel(authority: Authority) -> None:
    async with (
        ModelServer("openai") as server,
        secured(server, authority) as port,
        proxy_to(port) as proxy,
    ):
        completion = await complete(base_url="https://model.test/v1", ca_file=authority.file, proxy=proxy.url)
    assert completion.text == VERDICT
    assert proxy.asked == ["CONNECT model.test:443 HTTP/1.1"]
    assert KEY not in proxy.headers[0]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("setting", ["ca_file", "client_cert_file"])
async def test_a_file_that_holds_no_certificate_is_named(tmp_path: Path, setting: str) -> None:
    file = tmp_path / "none.pem"
    file.write_text("nothing")
    for path in (str(file), str(tmp_path / "missing.pem")):
        error = await error_of(base_url="https://127.0.0.1:9/v1", **{setting: path})
        assert (error.reason, error.retryable) == (Reason.PROVIDER_ERROR, False)
        assert path in str(error)


async def test_a_tunnels_password_goes_to_the_proxy_and_not_through_it(authority: Authority) -> None:
    async with (
        ModelServer("openai") as server,
        secured(server, authority) as port,
        proxy_to(port) as proxy,
    ):
        url = proxy.url.replace("//", "//who:hidden-word@")
        await complete(base_url="https://model.test/v1", ca_file=authority.file, proxy=url)
    assert "proxy-authorization: basic d2hvomhpzgrlbi13b3jk" in proxy.headers[0].lower()
    assert KEY not in proxy.headers[0]
    assert "proxy-authorization" not in server.requests[0].headers
