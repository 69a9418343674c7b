"""`judged up`: the reasons for which it does not start, and the form of what it logs."""

import json
import signal
import socket
import sys
from pathlib import Path

import pytest

from service.launch.preflight import claimed
from tests.launch.processes import watched


def up_says(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> list[str]:
    """Returns the lines that `judged up` prints if it can't start."""
    with watched((sys.executable, "-m", "service.cli", "up", *arguments), folder, environ) as running:
        assert running.ends_with() == 2
    return running.printed.splitlines()


def test_up_says_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = up_says(tmp_path, "--port", port)
    assert said == [
        f"judged: port {port} on 127.0.0.1 is taken: stop what listens there, or choose another (--port or JUDGED_PORT)"
    ]


def test_up_says_that_it_can_not_keep_data_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = up_says(tmp_path, "--port", "0", "--data", "file/data")
    assert said == [f"judged: can't keep data in {tmp_path}/file/data: not a directory"]


def test_up_says_that_the_data_is_in_use(tmp_path: Path) -> None:
    with claimed(tmp_path / "data"):
        said = up_says(tmp_path, "--port", "0", "--data", "data")
    assert len(said) == 1
    assert said[0].startswith(f"judged: {tmp_path}/data is in use by another judged (process ")


def test_up_says_all_that_is_wrong_with_the_configuration(tmp_path: Path) -> None:
    said = up_says(tmp_path, "--host", "0.0.0.0", environ={"JUDGED_PROT": "1", "JUDGED_WORKERS": "0"})
    assert said == [
        "judged: JUDGED_WORKERS: must be 1 or more",
        "judged: JUDGED_PROT: unknown variable, did you mean JUDGED_PORT?",
        "judged: server.host: 0.0.0.0 can be reached from outside: add [[keys]] or use 127.0.0.1",
    ]


@pytest.mark.parametrize(
    ("model", "configured", "why"),
    [
        ("openai/m", "", "no provider 'openai' is configured (control): OPENAI_API_KEY is not set"),
        ("local/m", '{"own": {"kind": "control"}}', "no provider 'local' is configured (control, own)"),
    ],
)
def test_up_says_that_nobody_has_the_default_model(tmp_path: Path, model: str, configured: str, why: str) -> None:
    environ = {"JUDGED_MODELS": model, "JUDGED_PROVIDERS": configured, "OPENAI_API_KEY": ""}
    assert up_says(tmp_path, "--port", "0", environ=environ) == [f"judged: defaults.models: {model}: {why}"]


def test_up_says_that_there_is_no_store_to_run(tmp_path: Path) -> None:
    said = up_says(tmp_path, "--port", "0", environ={"JUDGED_STORE_BINARY": "no-such-server"})
    assert said == ["judged: store.binary: no-such-server is not an executable program"]


def test_up_says_that_the_model_file_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    assert up_says(tmp_path, "--port", "0", "--local", "absent.gguf") == ["judged: absent.gguf: no such model file"]


def test_up_says_why_the_store_ended(tmp_path: Path) -> None:
    """An append-only file that is no such file ends the store at its start."""
    folder = tmp_path / "data" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("nonsense\n")
    said = up_says(tmp_path, "--port", "0", "--data", "data", environ={"JUDGED_MODELS": "control/overlap"})
    assert said[0].startswith("judged   http://127.0.0.1:")
    assert said[-1] == (
        "judged: the store ended as soon as it was started: Invalid AOF manifest file format"
        f" (see {tmp_path}/data/store.log)"
    )


def test_all_that_up_logs_as_json_is_one_object_a_line_with_its_process(tmp_path: Path) -> None:
    environ = {"JUDGED_LOG_FORMAT": "json", "JUDGED_MODELS": "control/overlap"}
    with watched((sys.executable, "-m", "service.cli", "up", "--port", "0"), tmp_path, environ) as running:
        running.until("ready in")
        running.until("GET /readyz")
        running.send(signal.SIGTERM)
        assert running.ends_with() == 0
    printed = running.printed.splitlines()
    news = ("judged   ", "pages    ", "models   ", "note     ", "data     ", "ready in ")
    logged = [json.loads(line) for line in printed if not line.startswith(news)]
    [asked, *_] = [each for each in logged if each["message"].startswith("GET /readyz")]
    assert (asked["process"], asked["status"], asked["logger"]) == ("api", 200, "service.api.request_log")
    assert logged[-1]["message"] == "judged: stopping, send the signal again to kill"
    assert all({"time", "level", "logger", "message"} <= set(each) for each in logged)


def test_up_is_ready_on_an_address_of_ipv6(tmp_path: Path) -> None:
    """Without keys the API serves loopback names alone, and that of IPv6 has brackets."""
    with watched((sys.executable, "-m", "service.cli", "up", "--host", "::1", "--port", "0"), tmp_path) as running:
        assert running.until(r"judged +http://\[::1\]:(\d+)")
        running.until(r"ready in")
        running.process.send_signal(signal.SIGINT)
        assert running.ends_with() == 0
