"""The built-in judges, as data: one TOML file each, named for the judge."""

from functools import cache
from importlib.resources import files

import msgspec

from service.contracts.judges import Judge, JudgeRef, judge_digest

BUILT_IN_VERSION = 1


@cache
def built_in() -> dict[str, Judge]:
    """All built-in judges by name."""
    found = {}
    for file in sorted(files(__name__).iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            found[file.name.removesuffix(".toml")] = msgspec.toml.decode(file.read_bytes(), type=Judge)
    return found


def ref_of(name: str, judge: Judge) -> JudgeRef:
    """The pinned reference of a built-in judge."""
    return JudgeRef(name=name, version=BUILT_IN_VERSION, digest=judge_digest(judge))
