"""The rules of the parts: who may import whom, what stays pure, how long a file may be."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for part in ("service", "worker") for path in (ROOT / part).rglob("*.py"))
MOST_LINES = 500

PURE = ("service.contracts", "service.stats", "service.judging", "service.judges")
INPUT_AND_OUTPUT = frozenset(
    [
        *("arq", "redis", "aiohttp", "http", "httptools", "httpx", "litestar", "requests", "urllib", "uvicorn"),
        *("asyncio", "os", "pathlib", "shutil", "signal", "socket", "subprocess", "tempfile", "threading", "uvloop"),
    ]
)
COMMITTED = (
    "*.toml",
    "*.md",
    "*.txt",
    "*.yml",
    "*.yaml",
    "*.json",
    "*.py",
    "*.lua",
    "Dockerfile",
    "run",
    ".dockerignore",
)


class Import(NamedTuple):
    """One name that a module brings in, as `package.module.name` or as `package.module`."""

    by: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.by}:{self.line} imports {self.name}"

    def is_in(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    """Everything a file imports, at its top or inside a function, for its types alone or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(module_of(path), node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            yield from (Import(module_of(path), node.lineno, f"{node.module}.{each.name}") for each in node.names)


IMPORTS = [each for path in SOURCES for each in imports_of(path)]


def by(*packages: str) -> Iterator[Import]:
    """The imports in these packages' files."""
    return (each for each in IMPORTS if Import("", 0, each.by).is_in(*packages))


def broken(found: Iterator[Import]) -> list[str]:
    return [str(each) for each in found]


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 50
    assert any(each.is_in("redis") for each in by("service.store"))


def test_the_service_never_imports_the_worker() -> None:
    assert broken(each for each in by("service") if each.is_in("worker")) == []


def test_the_worker_never_imports_the_api_or_what_joins_it() -> None:
    barred = ("service.api", "service.app", "service.cli", "service.launch.up")
    assert broken(each for each in by("worker") if each.is_in(*barred)) == []


def test_the_contracts_import_nothing_of_ours_but_each_other() -> None:
    ours = (each for each in by("service.contracts") if each.is_in("service", "worker"))
    assert broken(each for each in ours if not each.is_in("service.contracts")) == []


def test_pure_parts_import_no_input_or_output() -> None:
    assert broken(each for each in by(*PURE) if each.name.partition(".")[0] in INPUT_AND_OUTPUT) == []


def test_pure_parts_import_no_part_that_is_not_pure() -> None:
    ours = (each for each in by(*PURE) if each.is_in("service", "worker"))
    assert broken(each for each in ours if not each.is_in(*PURE)) == []


def test_the_store_imports_the_contracts_and_pure_agreement_alone() -> None:
    ours = (each for each in by("service.store") if each.is_in("service", "worker"))
    allowed = ("service.store", "service.contracts", "service.judges", "service.agreement")
    assert broken(each for each in ours if not each.is_in(*allowed)) == []


def test_redis_is_spoken_to_in_the_store_alone() -> None:
    """Elsewhere the client is passed through: its type may be named, nothing else of its package."""
    elsewhere = (each for each in IMPORTS if not Import("", 0, each.by).is_in("service.store"))
    assert broken(each for each in elsewhere if each.is_in("redis") and each.name != "redis.asyncio.Redis") == []


def test_arq_is_known_to_the_queue_alone() -> None:
    elsewhere = (each for each in IMPORTS if each.by != "service.store.queue")
    assert broken(each for each in elsewhere if each.is_in("arq")) == []


def test_litestar_is_known_to_the_api_alone() -> None:
    elsewhere = (
        each for each in IMPORTS if not Import("", 0, each.by).is_in("service.api", "service.app", "service.pages")
    )
    assert broken(each for each in elsewhere if each.is_in("litestar")) == []


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_file_is_short_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def committed_files() -> list[Path]:
    places = [ROOT / part for part in ("service", "worker", "tests", "deploy", ".ci")]
    inside = [path for place in places for pattern in COMMITTED for path in place.rglob(pattern)]
    return sorted({*inside, *(path for pattern in COMMITTED for path in ROOT.glob(pattern))} - {Path(__file__)})


def test_no_file_says_where_packages_come_from() -> None:
    """That is the machine's own business."""
    barred = re.compile(r"index[-_]url|find[-_]links|//[\w.-]*py(?:pi|thonhosted)\b|\bdeb\.debian\b", re.I)
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in committed_files()
        for hit in barred.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_runtime_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonical(line.partition("==")[0]) for line in lines if "==" in line}
    names = {canonical(re.split(r"[\[<>=;~! ]", each, maxsplit=1)[0]) for each in wanted} - {"judged"}
    assert names - pinned == set()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
