"""Finds what installed packages ship without importing them, and runs their modules."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path


def files_of(package: str, *patterns: str) -> list[Path]:
    """The package's files that match, in order; none where it is not installed."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations or () if spec else ()
    return sorted(path for folder in folders for pattern in patterns for path in Path(folder).glob(pattern))


def is_installed(package: str) -> bool:
    """Whether it could be imported."""
    return importlib.util.find_spec(package) is not None


def python_module(name: str, *arguments: str) -> tuple[str, ...]:
    """`python -m`, blind to the working folder: many of them hold a `service` or a `worker` of their own."""
    return (sys.executable, "-P", "-m", name, *arguments)


def python_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """What a Python of ours is told: where we are, unless installed, and not to hold back its output."""
    root = Path(__file__).resolve().parents[2]
    found = {**environ, "PYTHONUNBUFFERED": "1"}
    if root.name not in ("site-packages", "dist-packages"):
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), environ.get("PYTHONPATH"))))
    return found
