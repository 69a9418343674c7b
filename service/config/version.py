"""The version of the installed package."""

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

_PROJECT_FILE = Path(__file__).parents[2] / "pyproject.toml"


@cache
def version() -> str:
    """Returns the version in the package's metadata; in a checkout that is not installed, that of pyproject.toml."""
    try:
        return metadata.version("judged")
    except metadata.PackageNotFoundError:
        return str(tomllib.loads(_PROJECT_FILE.read_text(encoding="utf-8"))["project"]["version"])
