"""The names of keys with the prefix of an installation, each in a process of its own, as it is used."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES = """
from inspect import getmembers, isfunction, signature
from service.store import installations, keys

installations.use_prefix("staging:")
names = [key for name, key in vars(keys).items() if name.isupper() and isinstance(key, str)]
for name, function in getmembers(keys, isfunction):
    if function.__module__ == keys.__name__ and name not in ("bucket_of", "item_state", "owned"):
        kinds = [each.annotation for each in signature(function).parameters.values()]
        names.append(function(*(1 if kind is int else "x" for kind in kinds)))
assert len(names) > 80, names
assert [each for each in names if not each.startswith(("staging:judged:", "staging:arq:"))] == []
assert keys.owned(keys.JOBS, "ann").startswith("staging:judged:")
assert keys.bucket_of(keys.agreement_counters("seen", "d3", "j m", "wit")) == "d3"
"""
ANOTHER = """
from service.store import installations, keys

installations.use_prefix("")
installations.use_prefix("staging:")
installations.use_prefix("staging:")
for other in ("", "other:"):
    try:
        installations.use_prefix(other)
    except RuntimeError as error:
        assert "staging:" in str(error)
    else:
        raise AssertionError(other)
"""
ARQ = """
from pathlib import Path
import re
import arq.connections, arq.constants, arq.worker
from service.store import installations, keys, queue

installations.use_prefix("staging:")
queue._name_keys_of_arq()
names = {name for name, value in vars(arq.constants).items() if isinstance(value, str) and value.startswith("arq:")}
for module in (arq.worker, arq.connections):
    here = {name: value for name, value in vars(module).items() if name in names}
    assert len(here) >= 2
    assert [value for value in here.values() if not value.startswith("staging:arq:")] == []
"""

KEPT = """
import importlib, pkgutil
import service, worker

# the names themselves, and the check of a prefix
OWN = {"service.store.keys", "service.store.installations", "service.config.checks"}
modules = [
    importlib.import_module(each.name)
    for root in (service, worker)
    for each in pkgutil.walk_packages(root.__path__, f"{root.__name__}.")
    if not each.name.endswith("__main__") and each.name not in OWN
]
kept = [
    f"{module.__name__}.{name}"
    for module in modules
    for name, value in vars(module).items()
    if not name.startswith("__") and isinstance(value, str | bytes | tuple | list | dict)
    and any(start in str(value) for start in ("judged:", "arq:"))
]
assert len(modules) > 200
assert kept == []
"""


def run(script: str) -> None:
    done = subprocess.run((sys.executable, "-c", script), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_key_and_every_channel_begins_with_the_prefix() -> None:
    run(NAMES)


def test_a_process_has_the_keys_of_one_installation() -> None:
    run(ANOTHER)


def test_every_key_of_arq_begins_with_the_prefix() -> None:
    """If this fails, arq names its keys in another way."""
    run(ARQ)


def test_no_module_keeps_the_name_of_a_key_from_before_the_prefix() -> None:
    run(KEPT)
