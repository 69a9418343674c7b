"""The documentation: shipped with the package, its links resolve, and its references name everything."""

import inspect
import json
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

from service import gauges
from service.agreement import CodedItem, CodedLabel, CodedScore, contribution
from service.arena import leaderboard
from service.config.environment import variables
from service.config.sections import SettingsFile
from service.judges import built_in
from service.stats.intervals import measure
from service.stats.table import Table
from service.store import keys
from service.store.counters import METRICS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "service" / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / ".github" / "CONTRIBUTING.md"])
README_WORDS = 1500

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.M | re.S)
_METRICS_OF_OPERATIONS = (
    "queue_items",
    "workers",
    "agreement_refreshed_timestamp_seconds",
    "archive_lag_seconds",
    "unarchived_jobs",
)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_to_a_file_resolves(path: Path) -> None:
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    links = [link.partition("#")[0] for link in _LINK.findall(text) if "://" not in link]
    assert [link for link in links if link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_shipped_pages_link_to_shipped_pages_alone(path: Path) -> None:
    links = [link.partition("#")[0] for link in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if link and DOCS not in (path.parent / link).resolve().parents] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_table_has_a_heading(path: Path) -> None:
    lines = ["", *_FENCE.sub("", path.read_text(encoding="utf-8")).splitlines(), ""]
    begun = [number for number in range(1, len(lines)) if lines[number][:1] == "|" != lines[number - 1][:1]]
    assert [lines[number] for number in begun if not re.fullmatch(r"\|[-:| ]+\|", lines[number + 1])] == []


def measured(values: list[int], counts: list[list[int]]) -> dict[str, tuple[str, str]]:
    """Every statistic of a table with its interval, as commands print them."""
    found = measure(Table.from_counts(values, counts))
    return {
        name: (f"{each.value:.3f}", f"{each.lower:.3f} to {each.upper:.3f}")
        for name, each in found.items()
        if each.value is not None
    }


def printed(text: str) -> dict[str, tuple[str, str]]:
    """The statistics of a printed report, with their intervals."""
    rows = re.findall(r"^([a-z_0-9]+) +(-?[\d.]+) +(-?[\d.]+ to -?[\d.]+)", text, re.M)
    return {name: (value, interval) for name, value, interval in rows}


@pytest.mark.parametrize("path", [ROOT / "README.md", DOCS / "guide-agreement.md"], ids=name_of)
def test_the_figures_of_a_printed_report_are_those_of_its_table(path: Path) -> None:
    [report] = [each for each in _FENCE.findall(path.read_text(encoding="utf-8")) if "Rows: people" in each]
    rows = re.findall(r"^[1-3] (.*)$", report.partition("Rows: people")[2], re.M)
    counts = [[int(cell) for cell in re.findall(r"\d+", cells)[:-1]] for cells in rows]
    shown = printed(report)
    assert {"exact", "spearman"} < shown.keys()
    assert shown == {name: each for name, each in measured([1, 2, 3], counts).items() if name in shown}
    value, lower, upper = (f"{float(each):.2f}" for each in re.findall(r"-?\d[\d.]*", " ".join(shown["spearman"])))
    assert f"Spearman's rank correlation is {value} ({lower} to {upper})" in report


def test_the_figures_of_the_statistics_sent_with_a_request_are_those_of_today() -> None:
    text = page("guide-agreement.md")
    [sent] = re.findall(r"/v1/statistics .*\n +-d '([^']*)'", text)
    asked = json.loads(sent)
    shown = printed(text.partition(sent)[2].partition("```\n\n```")[2].partition("```")[0])
    assert len(shown) == 7
    assert shown == {name: each for name, each in measured(**asked).items() if name in shown}


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, following = set[Path](), [ROOT / "README.md"]
    while following:
        path = following.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        links = _LINK.findall(path.read_text(encoding="utf-8"))
        following += [(path.parent / link.partition("#")[0]).resolve() for link in links if "://" not in link]
    assert set(PAGES) - reached == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < README_WORDS


def test_every_data_file_of_the_service_is_shipped() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["service"]
    files = [path.relative_to(ROOT / "service") for path in (ROOT / "service").rglob("*") if path.is_file()]
    data = [each for each in files if each.suffix not in (".py", ".pyc")]
    assert any(each.suffix == ".md" for each in data)
    # A pattern's * does not match a slash when setuptools reads it.
    assert [str(each) for each in data if not any(_is_like(each, pattern) for pattern in patterns)] == []


def _is_like(path: Path, pattern: str) -> bool:
    return len(path.parts) == pattern.count("/") + 1 and fnmatch(str(path), pattern)


def settings() -> Iterator[tuple[str, str]]:
    """Each section of the configuration with each of its settings."""
    for section in msgspec.structs.fields(SettingsFile):
        for struct in structs_in(section.type):
            yield from ((section.name, field.name) for field in msgspec.structs.fields(struct))


def structs_in(kind: object) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type holds: itself, or those in its list or table."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for argument in getattr(kind, "__args__", ()):
        yield from structs_in(argument)


def test_every_setting_and_its_variable_are_in_the_reference() -> None:
    sections = {title.strip("[]").split(".")[0]: text for title, text in sections_of(page("reference-settings.md"))}
    known = list(settings())
    assert len(known) > 30
    assert [each for each in known if f"| `{each[1]}` |" not in sections[each[0]]] == []
    assert [name for name in variables(SettingsFile) if f"`{name}`" not in page("reference-settings.md")] == []


def sections_of(text: str) -> Iterator[tuple[str, str]]:
    """The headings that name a section of the configuration, each with its text."""
    for part in text.split("\n## ")[1:]:
        title, _, rest = part.partition("\n")
        if title.startswith("`"):
            yield title.strip("`"), rest


def gauge_names() -> Iterator[str]:
    """The names in every table of gauges."""
    modules = [import_module(f"{gauges.__name__}.{each.name}") for each in pkgutil.iter_modules(gauges.__path__)]
    for module in [*modules, leaderboard]:
        for name, table in vars(module).items():
            if name.endswith("GAUGES") and isinstance(table, dict):
                yield from table


def test_every_metric_is_in_the_reference() -> None:
    text = page("reference-metrics.md")
    known = set(gauge_names())
    assert {"agreement_exact", "arena_rating", "panel_alpha"} <= known
    names = [*(metric.name for metric in METRICS), *known, *_METRICS_OF_OPERATIONS]
    bare = {re.sub("_(lower|upper)$", "", name) for name in names}
    assert sorted(name for name in bare if f"`judged_{name}`" not in text) == []


def test_every_path_of_the_api_is_in_the_reference() -> None:
    document = json.loads((ROOT / "deploy" / "openapi.json").read_text(encoding="utf-8"))
    assert len(document["paths"]) > 40
    text = nameless(page("reference-api.md"))
    assert [path for path in document["paths"] if not re.search(rf"{re.escape(nameless(path))}[`? ]", text)] == []


def nameless(paths: str) -> str:
    """Paths without the names of their parameters, which the reference shortens."""
    return re.sub(r"\{[a-z_]+\}", "{}", paths)


def test_every_built_in_judge_is_in_the_guide() -> None:
    text = page("guide-judging.md")
    assert [name for name in built_in() if f"`{name}`" not in text] == []


def test_every_redis_key_is_in_its_page() -> None:
    text = page("redis-keys.md")
    functions = [
        name for name, each in inspect.getmembers(keys, inspect.isfunction) if each.__module__ == keys.__name__
    ]
    constants = [name for name in vars(keys) if name.isupper() and name != "PREFIX"]
    assert len(functions) > 15
    assert [name for name in [*functions, *constants] if f"`{name}`" not in text] == []
    assert [value for name in constants if f"`{(value := getattr(keys, name))}`" not in text] == []


def test_the_way_from_a_counter_to_a_sentence_is_that_of_the_code() -> None:
    way = page("architecture.md").partition("## From a counter")[2].partition("\n## ")[0]
    rows = [line.split("|")[2:4] for line in way.splitlines() if "| `service/" in line]
    functions = [(path, name) for paths, names in rows for path in ticked(paths) for name in ticked(names) or [""]]
    assert len(functions) > 12
    assert [(path, name) for path, name in functions if f"def {name}" not in (ROOT / path).read_text()] == []
    label = CodedLabel(key="3", number=3, units=2, per_cent=50, content="c")
    score = CodedScore(key="4", number=4, units=3, per_cent=75, at_ms=0, length=7)
    counted = contribution(CodedItem(labels={"ann": label}, scores={"c": {"wit@1 openai/m": score}}))
    fields = {" ".join(name.split()) for group in counted.values() for name in group}
    assert fields & set(ticked(way)) == {"pair r 3 4 7"}


def test_every_module_of_agreement_is_on_the_page_of_the_architecture() -> None:
    named = ticked(page("architecture.md").partition("## The modules of")[2].partition("\n## ")[0])
    modules = [each.stem for each in (ROOT / "service" / "agreement").glob("*.py") if each.stem != "__init__"]
    assert sorted(named[1:]) == sorted(modules)


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)
