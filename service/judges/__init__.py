"""The built-in judges, as data: one TOML file each, named for the judge. Each is version 1 of its name."""

from functools import cache
from importlib.resources import files

import msgspec

from service.contracts.judges import Judge


@cache
def built_in() -> dict[str, Judge]:
    """All built-in judges by name."""
    found = {}
    for file in sorted(files(__name__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            found[file.name.removesuffix(".toml")] = msgspec.toml.decode(file.read_bytes(), type=Judge)
    return found
