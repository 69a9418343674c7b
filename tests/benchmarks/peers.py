"""The same items judged by judged and by other tools, on one stub: judgments a second, and CPU for a thousand of them.

`python -m tests.benchmarks.peers` (with network the first time: it installs the tools)

Each tool has a virtual environment of its own and judges as its documentation says to judge many items at once
(`tests/benchmarks/peer_loops`), with the retries and the telemetry of its own kind off. All take turns, round after
round; what counts is the ratio within each round, as the machine is shared. Everyone's start-up is left out, and so is
the CPU of the stub. judged's CPU is that of its API, its worker and its store, which keeps every judgment.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import httpx
import msgspec

from tests.benchmarks.processes import MODEL, ROOT, Service, cpu_s, seconds_of_job, service_for, stub_at

TEXT = '{"explanation": "The stub says so. GRADE: C", "reason": "The stub says so.", "score": 4}'
LIMIT_S = 600
OURS = "judged"
BARE = ("bare aiohttp loop", "bare pyreqwest loop")


class Tool(NamedTuple):
    """A program of `peer_loops`, the packages that it needs, and its goal: how many times faster judged is to be."""

    program: str
    packages: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    goal: float | None = None


TOOLS: Mapping[str, Tool] = {
    "bare aiohttp loop": Tool("aiohttp_loop"),
    "bare pyreqwest loop": Tool("pyreqwest_loop"),
    "OpenAI SDK": Tool("openai_sdk", ("openai[aiohttp]==3.57.0",), ("httpx",), goal=4),
    "OpenAI SDK with aiohttp": Tool("openai_sdk", ("openai[aiohttp]==3.57.0",), ("aiohttp",)),
    "LiteLLM": Tool("litellm_sdk", ("litellm==1.110.2",), goal=8),
    "DeepEval GEval": Tool("deepeval_geval", ("deepeval==4.3.1", "openai==3.57.0"), goal=35),
    "Inspect model_graded_qa": Tool("inspect_graded", ("inspect_ai==0.3.285", "openai==3.57.0")),
}
_QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_RETRY_MAX_ATTEMPTS": "1",
    "INSPECT_DISPLAY": "none",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches its prices when it is imported
}
_RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "verdict",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"explanation": {"type": "string"}, "score": {"type": "integer"}},
            "required": ["explanation", "score"],
            "additionalProperties": False,
        },
    },
}


class Measured(NamedTuple):
    """Judgments a second, and CPU seconds for a thousand."""

    per_second: float
    cpu_s: float


Rounds = list[dict[str, Measured]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--calls", type=int, default=64, help="in flight at once, by everyone")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds before the stub answers")
    parser.add_argument("--environments", type=Path, default=Path(tempfile.gettempdir()) / "judged-peers")
    parser.add_argument("--only", nargs="*", choices=TOOLS, default=list(TOOLS), metavar="TOOL")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the processes that were started end with this one
    pythons = {name: _python_of(TOOLS[name], options.environments) for name in options.only}
    load = os.getloadavg()[0]
    rounds: Rounds = []
    with stub_at(options.delay, TEXT) as stub, service_for(stub, options.calls) as service:
        template = _messages(service.url)
        _judged(service, _items(options.items, "warm"))
        for number in range(options.rounds):
            items = _items(options.items, f"round {number} of {time.time_ns()}")
            rounds.append({OURS: _judged(service, items)})
            for name, python in pythons.items():
                rounds[-1][name] = _run(TOOLS[name], python, stub, _with_messages(items, template), options.calls)
            print(
                f"round {number + 1}:", ", ".join(f"{name} {one.per_second:.0f}/s" for name, one in rounds[-1].items())
            )
    print(f"\n{_heading(options, load)}\n\n{_table(rounds)}\n")
    for line in _goals(rounds):
        print(line)


def _python_of(tool: Tool, folder: Path) -> str:
    """The interpreter of a virtual environment with the tool's packages, made if it is not there."""
    if not tool.packages:
        return sys.executable
    place = folder / "-".join(package.replace("[aiohttp]", "") for package in tool.packages)
    python, done = place / "bin" / "python", place / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *tool.packages], check=True)
        done.touch()
    return str(python)


def _items(count: int, run: str) -> list[dict[str, Any]]:
    """Other texts each time: nothing comes from a cache."""
    return [{"input": f"question {i} of {run}", "output": f"answer {i} " * 20} for i in range(count)]


def _messages(url: str) -> str:
    """The messages of judged's own judge, as JSON with places for an item's texts."""
    item = {"input": "[[input]]", "output": "[[output]]"}
    response = httpx.post(f"{url}/v1/judges/helpfulness/preview", json={"item": item, "models": [MODEL]})
    response.raise_for_status()
    return json.dumps(response.json()["requests"][0]["messages"])


def _with_messages(items: list[dict[str, Any]], template: str) -> list[dict[str, Any]]:
    """The items, each with the messages that judged sends about it."""

    def filled(item: dict[str, Any]) -> Any:
        return json.loads(template.replace("[[input]]", item["input"]).replace("[[output]]", item["output"]))

    return [{**item, "messages": filled(item), "response_format": _RESPONSE_FORMAT} for item in items]


def _judged(service: Service, items: list[dict[str, Any]]) -> Measured:
    """One job, from the POST until its last result."""
    lines = b"".join(msgspec.json.encode(item) + b"\n" for item in items)
    processes = (service.worker, service.api, service.store)
    cpu = sum(map(cpu_s, processes))
    took = seconds_of_job(service.url, lines, len(items))
    return Measured(len(items) / took, (sum(map(cpu_s, processes)) - cpu) / len(items) * 1000)


def _run(tool: Tool, python: str, stub: str, items: list[dict[str, Any]], calls: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "items.json"
        file.write_text(json.dumps(items))
        argv = (python, "-m", f"tests.benchmarks.peer_loops.{tool.program}", stub, str(file), str(calls))
        ended = subprocess.run(
            [*argv, *tool.arguments],
            cwd=folder,
            env={**os.environ, **_QUIET, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    line = next((line for line in ended.stdout.splitlines() if line.startswith("took ")), None)
    if line is None:
        raise SystemExit(f"{tool.program} failed:\n{ended.stderr[-2000:]}")
    judged, seconds, cpu = map(float, line.split()[1:])
    assert judged == len(items)
    return Measured(judged / seconds, cpu / judged * 1000)


def _heading(options: argparse.Namespace, load: float) -> str:
    cpus = [line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return (
        f"{datetime.now(UTC):%d %B %Y}, {len(cpus)} cores ({cpus[0] if cpus else platform.machine()}), Python "
        f"{platform.python_version()}, load {load:.1f} before and {os.getloadavg()[0]:.1f} after; "
        f"{options.items} items, {options.calls} calls at once, a stub that answers after "
        f"{options.delay * 1000:g} ms; medians of {options.rounds} rounds"
    )


def _table(rounds: Rounds) -> str:
    lines = [
        "| tool | judgments a second | CPU seconds for 1,000 | judged is faster by | its CPU over judged's |",
        "|---|---|---|---|---|",
    ]
    for name in rounds[0]:
        speed, cpu = (median(each[name][field] for each in rounds) for field in (0, 1))
        faster = sorted(each[OURS].per_second / each[name].per_second for each in rounds)
        dearer = sorted(each[name].cpu_s / each[OURS].cpu_s for each in rounds)
        ratios = "| | |" if name == OURS else f"| {_spread(faster)} | {_spread(dearer)} |"
        packages = ", ".join(TOOLS[name].packages[:1]) if name in TOOLS else ""
        title = f"{name} ({packages})" if packages else name
        lines.append(f"| {title} | {speed:.0f} | {cpu:.2f} {ratios}")
    return "\n".join(lines)


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2g} ({ratios[0]:.2g} to {ratios[-1]:.2g})"


def _goals(rounds: Rounds) -> list[str]:
    """For each tool with a goal, whether judged reached it, or else the limit of a bare loop."""
    bare = max((median(each[name].per_second for each in rounds) for name in BARE if name in rounds[0]), default=None)
    ours = median(each[OURS].per_second for each in rounds)
    lines = []
    for name, tool in TOOLS.items():
        if tool.goal is None or name not in rounds[0]:
            continue
        wanted = tool.goal * median(each[name].per_second for each in rounds)
        limit = wanted if bare is None else min(wanted, bare)
        words = "reached" if ours >= limit else "missed"
        least = "" if limit == wanted else f", a bare loop reaches {limit:.0f}/s"
        lines.append(f"{name}: {tool.goal:g} times is {wanted:.0f}/s{least}; judged {ours:.0f}/s: {words}")
    return lines


if __name__ == "__main__":
    main()
