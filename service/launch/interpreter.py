"""The running Python: the files of its installed packages, found without importing them, and `python -m` commands."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

# Allocators that keep less for later: a worker with 256 calls in flight takes 98 instead of 112 MB, for the same CPU.
# They read these at the start of the process.
FRUGAL = {
    "MALLOC_ARENA_MAX": "2",  # glibc has up to eight a core
    "MIMALLOC_ALLOW_THP": "0",  # pyreqwest's; pages of 2 MB are mostly empty
    "MIMALLOC_PURGE_DELAY": "0",  # unused pages go back at once
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's, with a buffer for each; the tables of judged are small
}


def files_of(package: str, *patterns: str) -> list[Path]:
    """Returns the package's files that match, sorted; an empty list if it is not installed."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations or () if spec else ()
    return sorted(path for folder in folders for pattern in patterns for path in Path(folder).glob(pattern))


def is_installed(package: str) -> bool:
    """Returns whether the package can be imported."""
    return importlib.util.find_spec(package) is not None


def python_module(name: str, *arguments: str) -> tuple[str, ...]:
    """Returns a `python -m` command that ignores the working folder, which may hold a `service` package of its own."""
    return (sys.executable, "-P", "-m", name, *arguments)


def python_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment for `python_module`: output is not buffered, and a checkout is found if not installed.

    What `environ` says of allocators holds.
    """
    root = Path(__file__).resolve().parents[2]
    found = {**FRUGAL, **environ, "PYTHONUNBUFFERED": "1"}
    if root.name not in ("site-packages", "dist-packages"):
        found["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), environ.get("PYTHONPATH"))))
    return found
