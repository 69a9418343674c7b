"""The structure of the code: the rooms and their imports, and rules about names, sizes, tests and words.

`python -m tests.test_structure` prints the graph of the rooms.
"""

import ast
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for part in ("service", "worker") for path in (ROOT / part).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

# Each room with the rooms that it imports: every package or module directly below service, and the worker as a whole.
ROOMS: dict[str, frozenset[str]] = {
    "contracts": frozenset(),
    "stats": frozenset(),
    "garbage": frozenset(),
    "threads": frozenset(),
    "judges": frozenset({"contracts"}),
    "files": frozenset({"contracts"}),
    "judging": frozenset({"contracts"}),
    "config": frozenset({"contracts"}),
    "telemetry": frozenset({"config"}),
    "list_prices": frozenset(),
    "costs": frozenset({"config", "contracts", "judging", "list_prices"}),
    "store": frozenset({"contracts", "judges", "threads"}),
    "agreement": frozenset({"contracts", "judging", "stats", "store", "threads"}),
    "archive": frozenset({"agreement", "config", "contracts", "files", "store"}),
    "jobs": frozenset({"agreement", "config", "contracts", "costs", "judging", "store", "telemetry", "threads"}),
    "arena": frozenset({"config", "contracts", "jobs", "stats", "store"}),
    "benchmarks": frozenset({"agreement", "config", "contracts", "costs", "jobs", "stats", "store", "threads"}),
    "rendering": frozenset({"contracts", "judging"}),
    "api": frozenset(
        {
            *("agreement", "archive", "arena", "benchmarks", "config", "contracts", "files", "jobs", "judging"),
            *("rendering", "stats", "store", "telemetry", "threads"),
        }
    ),
    "pages": frozenset(
        {
            *("agreement", "api", "archive", "arena", "benchmarks", "config", "contracts", "costs", "jobs", "judging"),
            *("rendering", "stats", "store", "threads"),
        }
    ),
    "gauges": frozenset({"agreement", "arena", "config", "contracts", "stats", "store"}),
    "app": frozenset({"api", "archive", "config", "gauges", "pages", "store"}),
    "launch": frozenset({"archive", "config", "store"}),
    "cli": frozenset({"app", "config", "contracts", "files", "garbage", "launch", "rendering", "telemetry"}),
    "worker": frozenset(
        {
            *("agreement", "archive", "config", "contracts", "costs", "garbage", "jobs", "judging", "store"),
            "telemetry",
        }
    ),
}
FEATURES = ("agreement", "arena", "benchmarks", "jobs")  # use of each other only names that the package exports

MOST_LINES = 500  # of a file
MOST_LINES_OF_A_FUNCTION = 60
MOST_PER_THOUSAND = 1.5  # of each of these words in docstrings, in which they stand for better ones
RATIONED = ("where", "what")

REPEATED = {  # public names that several modules may define, with the reason
    "T": "a type variable",
    "logger": "each module has its own",
}
WITHOUT_TEST = {  # modules, or packages with all their modules, that no test imports, with the tests that run them
    "service.judging.reading": "tests/judging/test_reading_*.py call what the package exports",
    "service.pages": "tests/pages call the pages over HTTP, and look at them in a browser",
    "service.stats.binary": "tests/stats/test_statistics.py takes its functions from STATISTICS",
}

PURE = ("service.contracts", "service.stats", "service.judging", "service.judges")
INPUT_AND_OUTPUT = frozenset(
    [
        *("arq", "redis", "aiohttp", "http", "httptools", "httpx", "litestar", "pyreqwest", "requests"),
        *("urllib", "uvicorn"),
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
    """One imported name, as `package.module.name` or as `package.module`."""

    by: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.by}:{self.line} imports {self.name}"

    def is_in(self, *packages: str) -> bool:
        """Whether the imported name is in one of these packages."""
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> Sequence[ast.AST]:
    """All nodes of a file's tree; to walk it takes as long as to parse it."""
    return list(ast.walk(tree_of(path)))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[Import]:
    """All imports of a file, at its top or inside a function, for types only or not."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (Import(module_of(path), node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            yield from (Import(module_of(path), node.lineno, f"{node.module}.{each.name}") for each in node.names)


@cache
def imports() -> Sequence[Import]:
    """All imports of the service and the worker."""
    return [each for path in SOURCES for each in imports_of(path)]


MODULES = {module_of(path): path for path in SOURCES}


def by(*packages: str) -> Iterator[Import]:
    """The imports in these packages' files."""
    return (each for each in imports() if Import("", 0, each.by).is_in(*packages))


def broken(found: Iterator[Import]) -> list[str]:
    return [str(each) for each in found]


def room_of(module: str) -> str | None:
    """The room of a module of ours, None for others and for the package `service` itself."""
    first, _, rest = module.partition(".")
    return "worker" if first == "worker" else rest.partition(".")[0] or None if first == "service" else None


@cache
def edges() -> Mapping[tuple[str, str], list[Import]]:
    """The imports between rooms, by (importing room, imported room)."""
    found: defaultdict[tuple[str, str], list[Import]] = defaultdict(list)
    for each in imports():
        importing, imported = room_of(each.by), room_of(each.name)
        if importing is not None and imported is not None and importing != imported:
            found[importing, imported].append(each)
    return found


def graph() -> str:
    """The rooms from the lowest to the highest, with the number of imports of each other room."""
    lines = []
    for room in TopologicalSorter(ROOMS).static_order():
        imported = {other: len(found) for (each, other), found in sorted(edges().items()) if each == room}
        shown = ", ".join(
            f"{other} ({count}{'' if other in ROOMS[room] else ', not allowed'})" for other, count in imported.items()
        )
        lines.append(f"{room:<12}{shown or '-'}")
    return "\n".join(lines)


def test_there_is_something_to_check() -> None:
    assert len(SOURCES) > 50
    assert any(each.is_in("redis") for each in by("service.store"))


def test_every_module_is_in_a_room() -> None:
    assert {room_of(module) for module in MODULES} - {None} == set(ROOMS)


def test_the_rooms_have_no_cycle() -> None:
    assert len([*TopologicalSorter(ROOMS).static_order()]) == len(ROOMS)  # raises CycleError for a cycle


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_room_that_is_not_listed(room: str) -> None:
    found = [each for (importing, other), each in edges().items() if importing == room and other not in ROOMS[room]]
    assert [str(each) for group in found for each in group] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_every_room_that_is_listed(room: str) -> None:
    assert ROOMS[room] - {other for importing, other in edges() if importing == room} == set()


def test_features_use_of_each_other_only_what_a_package_exports() -> None:
    inside = [
        each
        for (importing, imported), found in edges().items()
        if importing in FEATURES and imported in FEATURES
        for each in found
        if each.name.count(".") != 2 or each.name in MODULES or each.name.rpartition(".")[2] not in exported(imported)
    ]
    assert [str(each) for each in inside] == []


def exported(feature: str) -> set[str]:
    """The names in a feature's `__all__`."""
    for node in tree_of(MODULES[f"service.{feature}"]).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return set(ast.literal_eval(node.value))
    return set()


def test_pure_parts_import_no_input_or_output() -> None:
    assert broken(each for each in by(*PURE) if each.name.partition(".")[0] in INPUT_AND_OUTPUT) == []


def test_redis_is_spoken_to_in_the_store_alone() -> None:
    """Other rooms pass the client on: they may import its type, and nothing else of its package."""
    elsewhere = (each for each in imports() if not Import("", 0, each.by).is_in("service.store"))
    assert broken(each for each in elsewhere if each.is_in("redis") and each.name != "redis.asyncio.Redis") == []


CLIENT_S_OWN = ("aclose", "pipeline", "pubsub")  # methods of a client that send no command


def commands_of(path: Path) -> Iterator[ast.Call]:
    """Commands sent by the client that a module calls `redis` or `_redis`, unless `reply` translates their errors."""
    calls = [node for node in nodes_of(path) if isinstance(node, ast.Call)]
    replies = [each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "reply"]
    translated = [each for call in replies for each in call.args]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call not in translated:
            client = call.func.value
            name = client.id if isinstance(client, ast.Name) else getattr(client, "attr", None)
            if name in ("redis", "_redis") and call.func.attr not in CLIENT_S_OWN:
                yield call


def test_errors_of_every_command_are_translated() -> None:
    """Others would be internal errors where the store is away. (Scripts and pipelines translate theirs.)"""
    sources = [each for each in SOURCES if module_of(each) != "service.store.connection"]
    assert [f"{module_of(path)}:{call.lineno}" for path in sources for call in commands_of(path)] == []


def test_arq_is_known_to_the_queue_alone() -> None:
    elsewhere = (each for each in imports() if each.by != "service.store.queue")
    assert broken(each for each in elsewhere if each.is_in("arq")) == []


def test_litestar_is_known_to_the_api_and_the_pages_alone() -> None:
    over_http = ("service.api", "service.app", "service.pages")
    elsewhere = (each for each in imports() if not Import("", 0, each.by).is_in(*over_http))
    assert broken(each for each in elsewhere if each.is_in("litestar")) == []


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_a_file_is_short_enough_to_be_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_a_function_is_short_enough_to_be_read() -> None:
    long = [
        f"{module_of(path)}.{node.name}: {lines} lines"
        for path in SOURCES
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    ]
    assert long == []


def public_names(path: Path) -> Iterator[str]:
    """The public names that a module defines at its top level."""
    for node in tree_of(path).body:
        names: list[str] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [each.elts if isinstance(each, ast.Tuple) else [each] for each in targets]
            names = [each.id for some in parts for each in some if isinstance(each, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))


def defined_repeatedly() -> dict[str, list[str]]:
    """The modules that define a name, for each public name with several."""
    modules: defaultdict[str, set[str]] = defaultdict(set)
    for path in SOURCES:
        for name in public_names(path):
            modules[name].add(module_of(path))
    return {name: sorted(found) for name, found in sorted(modules.items()) if len(found) > 1}


def test_a_public_name_has_one_definition_within_a_package() -> None:
    repeated = {}
    for name, modules in defined_repeatedly().items():
        packages = Counter(module.rpartition(".")[0] for module in modules)
        if name not in REPEATED and max(packages.values()) > 1:
            repeated[name] = modules
    assert repeated == {}


def test_a_public_name_has_one_definition() -> None:
    assert {name: modules for name, modules in defined_repeatedly().items() if name not in REPEATED} == {}


def test_names_that_may_be_defined_repeatedly_are() -> None:
    assert set(REPEATED) - set(defined_repeatedly()) == set()


def test_keys_of_the_store_are_not_written_in_lua() -> None:
    """Scripts receive keys, or prefixes of keys, from `keys.py`."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "service").rglob("*.lua")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"""["']judged:""", line)
    ]
    assert found == []


def test_every_module_has_a_test_or_a_reason() -> None:
    """A test of its own name, or one that imports it."""
    imported = {
        name for path in TESTS for each in imports_of(path) for name in (each.name, each.name.rpartition(".")[0])
    }
    untested = {module for module, path in MODULES.items() if module not in imported and not has_own_test(path)}
    code = {module for module in untested if any(public_names(MODULES[module]))}
    listed = {module for module in code for each in WITHOUT_TEST if f"{module}.".startswith(f"{each}.")}
    assert sorted(code - listed) == []
    unused = {each for each in WITHOUT_TEST if not any(f"{module}.".startswith(f"{each}.") for module in untested)}
    assert unused == set()


def has_own_test(path: Path) -> bool:
    inside = path.relative_to(ROOT)
    folder = ROOT / "tests" / (inside.parent.relative_to("service") if inside.parts[0] == "service" else inside.parent)
    return (folder / f"test_{path.stem}.py").is_file()


@pytest.mark.parametrize("word", RATIONED)
def test_docstrings_seldom_use(word: str) -> None:
    """`if` for conditions; `the problems of` rather than the noun in RATIONED."""
    counts: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for path in SOURCES:
        for node in nodes_of(path):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = re.findall(r"[a-z']+", (ast.get_docstring(node) or "").lower())
                counts.update(words)
                places[module_of(path)] += words.count(word)
    rate = 1000 * counts[word] / counts.total()
    assert rate < MOST_PER_THOUSAND, f"{rate:.2f} per 1,000 words: {dict(places.most_common(10))}"


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


def test_no_pattern_of_a_type_lets_a_line_end_follow() -> None:
    """`$` also matches before a last line end. A pattern of a type or a parameter ends in `\\Z`, or has no end."""
    found = [
        f"{module_of(path)}: {node.value}"
        for path in SOURCES
        for call in nodes_of(path)
        if isinstance(call, ast.keyword) and call.arg == "pattern"
        for node in ast.walk(call.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith("$")
    ]
    assert found == []


if __name__ == "__main__":
    print(graph())
