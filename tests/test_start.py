"""What a command loads when it starts. Each library here takes a tenth of a second and 3 to 15 MB of every process."""

import subprocess
import sys

import pytest

HEAVY = {
    "aiohttp",
    "genai_prices",
    "httpx",
    "litestar",
    "markdown_it",
    "obstore",
    "opentelemetry",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "uvicorn",
}


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("service.cli.main", HEAVY | {"arq", "msgspec", "minijinja", "numpy", "prometheus_client", "redis"}),
        ("service.launch.up", HEAVY | {"numpy"}),
        ("worker.__main__", HEAVY | {"minijinja", "numpy", "prometheus_client"}),
        ("service.app", HEAVY - {"litestar", "pydantic", "markdown_it", "uvicorn"}),  # litestar loads pydantic itself
    ],
)
def test_a_command_does_not_load_at_its_start_what_few_need(command: str, heavy: set[str]) -> None:
    code = f"import sys, {command}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=50).stdout
    assert heavy.intersection(loaded.split()) == set()
