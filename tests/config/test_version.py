"""The version has one home: the package's metadata."""

import tomllib
from pathlib import Path

from service.config.version import version


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert version() == project["project"]["version"]
