"""What is deployed beside the service: Prometheus, its rules, and Grafana's dashboards."""

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.launch.preflight import free_port
from tests.flows.conftest import serve
from tests.launch.processes import until_answers, watched

__all__ = ["serve"]

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus"
DASHBOARDS = DEPLOY / "grafana"

Scraping = Callable[..., Any]


@pytest.fixture(scope="session")
def promtool() -> str:
    return installed("promtool")


@pytest.fixture
async def scraping(tmp_path: Path) -> AsyncIterator[Scraping]:
    """`await scraping("127.0.0.1:8000")` gives a client of a Prometheus that looks there once a second.

    `rules` is a file in place of the deployed rules, `alertmanager` the address to which alerts go.
    """
    binary = installed("prometheus")
    async with AsyncExitStack() as stack:

        async def start(
            target: str, rules: Path = RULES / "rules.yml", alertmanager: str | None = None
        ) -> httpx.AsyncClient:
            return await stack.enter_async_context(_prometheus(binary, tmp_path, target, rules, alertmanager))

        yield start


def installed(name: str, package: str = "prometheus") -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on PATH (Debian's package {package} has it)")
    return found


@asynccontextmanager
async def _prometheus(
    binary: str, folder: Path, target: str, rules: Path, alertmanager: str | None
) -> AsyncIterator[httpx.AsyncClient]:
    """As it is deployed, but for the addresses and how often it looks."""
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    assert config["rule_files"] == ["rules.yml"]
    config["rule_files"] = [str(rules)]
    ((managers,),) = [each["static_configs"] for each in config["alerting"]["alertmanagers"]]
    managers["targets"] = [] if alertmanager is None else [alertmanager]
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port("127.0.0.1")
    argv = [
        binary,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    async with ready(argv, folder, port, "/-/ready") as client:
        yield client


@asynccontextmanager
async def ready(argv: Sequence[str], folder: Path, port: int, path: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that runs while the block lasts, once the path is answered with 200."""
    with watched(argv, folder) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, verify=False) as client:
            await until_answers(client, path, process)
            yield client
