"""Object stores: a local folder, and a server on loopback that speaks S3."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.archive.objects import Objects
from service.config.settings import ArchiveSettings

SECRET = "secret-of-the-object-store"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    assert server._server is not None
    server._server.app = _one_at_a_time(server._server.app)
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        if server._server is not None:  # which moto stops, and leaves open
            server._server.server_close()


def _one_at_a_time(app: Any) -> Any:
    """Lets requests take turns: moto looks at the condition of a write and carries it out in two steps."""
    lock = threading.Lock()

    def answered(*request: Any) -> Any:
        with lock:
            return app(*request)

    return answered


@pytest.fixture
def s3_archive(s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArchiveSettings:
    """Settings of an archive in a bucket of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    bucket = f"judged-{abs(hash(tmp_path)) % 10**12}"
    assert httpx.put(f"{s3}/{bucket}").status_code == 200
    return ArchiveSettings(url=f"s3://{bucket}/some/folder", endpoint=s3, region="us-east-1", timeout_seconds=20)


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """An empty object store of each kind."""
    if request.param == "s3":
        return Objects(request.getfixturevalue("s3_archive"))
    return Objects(ArchiveSettings(url=str(tmp_path / "archive")))
