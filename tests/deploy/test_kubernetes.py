"""The Kubernetes overlays: rendered, checked against Kubernetes' schemas, and against what the service itself needs."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.kubernetes.prometheus_rule import WRITTEN, prometheus_rule
from service.config.settings import load_settings
from service.launch.preflight import free_port
from tests.deploy.conftest import DEPLOY
from tests.launch.processes import Watched, until_answers, watched
from tests.polling import LIMIT_S, until

KUBERNETES = DEPLOY / "kubernetes"
OLDEST, NEWEST = "1.29.0", "1.37.0"  # versions of Kubernetes
KINDS_OF_OPERATORS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}  # their schemas are not Kubernetes' own
Resource = dict[str, Any]


@pytest.fixture(scope="module", params=["small", "large"])
def overlay(request: pytest.FixtureRequest) -> list[Resource]:
    return rendered(request.param)


def rendered(name: str) -> list[Resource]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on PATH (Debian's package kubernetes-client has it)")
    folder = KUBERNETES / "overlays" / name
    made = subprocess.run([kubectl, "kustomize", folder], check=False, capture_output=True, text=True, timeout=LIMIT_S)
    if made.returncode != 0 and "unknown field" in made.stderr:
        pytest.skip(f"{kubectl} is too old: Kustomize 4 or later is needed")
    assert (made.returncode, made.stderr) == (0, "")
    return [each for each in yaml.safe_load_all(made.stdout) if each]


def pods(resources: list[Resource]) -> Iterator[tuple[Resource, Resource]]:
    """The specification of each deployment's pods and their only container."""
    for each in resources:
        if each["kind"] == "Deployment":
            spec = each["spec"]["template"]["spec"]
            (container,) = spec["containers"]
            yield spec, container


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_resources_are_valid(overlay: list[Resource], version: str) -> None:
    import kubernetes_validate  # which few processes need

    checked = [each for each in overlay if each["kind"] not in KINDS_OF_OPERATORS]
    assert {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget"} <= {each["kind"] for each in checked}
    for each in checked:
        kubernetes_validate.validate(each, version, strict=True)


def test_pods_have_no_rights_that_they_do_not_need(overlay: list[Resource]) -> None:
    for spec, container in pods(overlay):
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        security = container["securityContext"]
        assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert re.fullmatch(r"judged:\d+\.\d+\.\d+", container["image"])


def test_grace_periods_are_longer_than_the_shutdown_of_the_roles(overlay: list[Resource]) -> None:
    (api, _), (worker, _) = pods(overlay)
    settings = load_settings(str(KUBERNETES / "base/judged.toml"), {}, resolve_keys=False)
    assert api["terminationGracePeriodSeconds"] > settings.server.shutdown_seconds + 5
    assert worker["terminationGracePeriodSeconds"] > settings.worker.shutdown_seconds


async def test_containers_run_with_their_commands_and_answer_their_probes(tmp_path: Path, store_url: str) -> None:
    """As plain processes, with their environment but for the address of the store and a free port on loopback."""
    (_, api), (_, worker) = pods(rendered("small"))
    port, alive = free_port("127.0.0.1"), tmp_path / "alive"
    changed = {"JUDGED_HOST": "127.0.0.1", "JUDGED_PORT": str(port), "JUDGED_WORKER_ALIVE_FILE": str(alive)}
    with started(api, tmp_path, store_url, changed) as first, started(worker, tmp_path, store_url, changed) as second:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            await until_answers(client, api["startupProbe"]["httpGet"]["path"], first, second)
            for probe in ("livenessProbe", "readinessProbe"):
                assert (await client.get(api[probe]["httpGet"]["path"])).status_code == 200, probe
                assert api[probe]["httpGet"]["port"] == api["ports"][0]["name"], probe
            await until(lambda: is_alive(worker, alive), "the worker's file")
        for container, process in ((api, first), (worker, second)):
            assert resident_bytes(process.process.pid) < 0.75 * bytes_of(container["resources"]["requests"]["memory"])
            assert resident_bytes(process.process.pid) < 0.33 * bytes_of(container["resources"]["limits"]["memory"])
        second.send(signal.SIGSTOP)  # a worker that hangs touches nothing

        async def is_missed() -> bool:
            os.utime(alive, (0, 0))
            return not await is_alive(worker, alive)

        await until(is_missed, "a failing probe")
        assert not await is_alive(worker, tmp_path / "never touched")
        second.send(signal.SIGCONT)
        first.send(signal.SIGTERM)
        second.send(signal.SIGTERM)
        assert [await asyncio.to_thread(each.ends_with) for each in (first, second)] == [0, 0]


def resident_bytes(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def bytes_of(quantity: str) -> int:
    """A quantity of Kubernetes such as 192Mi in bytes."""
    return int(quantity.removesuffix("Mi")) * 2**20


@contextmanager
def started(container: Resource, folder: Path, store_url: str, changed: dict[str, str]) -> Iterator[Watched]:
    program, *rest = container["args"]
    assert program == "judged"
    named = {each["name"]: each.get("value", store_url) for each in container["env"]}
    environ = {name: changed.get(name, value) for name, value in named.items()}
    environ |= {"JUDGED_CONFIG": str(KUBERNETES / "base/judged.toml"), "OPENAI_API_KEY": "a-key"}
    if "JUDGED_HOST" in environ:
        environ["JUDGED_PORT"] = changed["JUDGED_PORT"]
    with watched((sys.executable, "-m", "service.cli", *rest), folder, environ) as running:
        yield running


async def is_alive(worker: Resource, file: Path) -> bool:
    """What the liveness probe of a worker says of a file."""
    command = [word.replace("/tmp/alive", str(file)) for word in worker["livenessProbe"]["exec"]["command"]]
    return (await asyncio.to_thread(subprocess.run, command, check=False, timeout=LIMIT_S)).returncode == 0


def test_network_policies_let_each_role_reach_what_it_needs(overlay: list[Resource]) -> None:
    """The DNS by both protocols, and the ports of Redis, with TLS and of Sentinel; workers also HTTPS of providers."""
    policies = {each["metadata"]["name"]: each["spec"] for each in overlay if each["kind"] == "NetworkPolicy"}
    for name, more in (("judged-api", set()), ("judged-worker", {443})):
        opened = {port["port"] for rule in policies[name]["egress"] for port in rule["ports"]}
        assert opened == {53, 6379, 6380, 26379} | more
        dns = [port for rule in policies[name]["egress"] for port in rule["ports"] if port["port"] == 53]
        assert {port["protocol"] for port in dns} == {"UDP", "TCP"}
    assert policies["judged-worker"]["ingress"] == []
    assert [port["port"] for rule in policies["judged-api"]["ingress"] for port in rule["ports"]] == ["http"]


def test_disruption_budgets_let_a_node_be_drained(overlay: list[Resource]) -> None:
    """A budget of `minAvailable: 1` over a single pod would never let it go."""
    budgets = [each["spec"] for each in overlay if each["kind"] == "PodDisruptionBudget"]
    assert [each["maxUnavailable"] for each in budgets] == [1, 1]


def test_variables_are_settings_of_the_service(overlay: list[Resource]) -> None:
    """The service refuses a variable that it does not know."""
    for _, container in pods(overlay):
        environ = {each["name"]: each.get("value", "redis://store:6379/0") for each in container["env"]}
        environ["JUDGED_CONFIG"] = str(KUBERNETES / "base/judged.toml")
        settings = load_settings(None, environ, resolve_keys=False)
        assert settings.keys
        assert str(settings.store.redis_url) == "redis://store:6379/0"


def test_selectors_find_the_pods_of_their_role_alone(overlay: list[Resource]) -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in overlay if each["kind"] == "Deployment"]
    for each in overlay:
        selector = each["spec"].get("selector") or each["spec"].get("podSelector") if "spec" in each else None
        if selector and each["kind"] != "ServiceMonitor":
            wanted = selector.get("matchLabels", selector)
            assert sum(wanted.items() <= own.items() for own in labels) == 1, each["metadata"]["name"]


def test_scaling_and_scraping_name_what_there_is() -> None:
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in rendered("large")}
    scaled = by_name["ScaledObject", "judged-worker"]["spec"]
    assert ("Deployment", scaled["scaleTargetRef"]["name"]) in by_name
    assert "replicas" not in by_name["Deployment", "judged-worker"]["spec"], "KEDA's number would be undone"
    metrics = (Path(__file__).parents[2] / "service/docs/reference-metrics.md").read_text()
    assert "judged_queue_items" in scaled["triggers"][0]["metadata"]["query"]
    assert "judged_queue_items" in metrics
    monitor, service = by_name["ServiceMonitor", "judged"]["spec"], by_name["Service", "judged-api"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


def test_the_rules_are_those_of_prometheus() -> None:
    assert WRITTEN.read_text() == prometheus_rule(), "run python -m deploy.kubernetes.prometheus_rule"
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
    assert yaml.safe_load(WRITTEN.read_text())["spec"] == rules
