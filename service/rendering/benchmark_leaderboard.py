"""A benchmark's leaderboard as text, from the JSON of the benchmark."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from service.rendering.amounts import brief_seconds, dollars
from service.rendering.judge_names import judge_name
from service.rendering.text_tables import csv_table, markdown_table
from service.rendering.trust_words import undefined_words

_Json = Mapping[str, Any]

BENCHMARK_HEADINGS = (
    "rank",
    "judge",
    "model",
    "criterion",
    "agreement",
    "alt-test",
    "scored",
    "consistent",
    "USD/1000",
    "p50/p95",
    "items",
)
_EXTRA = ("pearson", "spearman", "kendall_tau_b", "exact", "cohen_kappa", "cohen_kappa_quadratic", "bias")
FEWEST_SHARED = 6  # items that two rows share; see `stats.paired_ranks`
_COLUMNS = ("rank", "judge", "model", "criterion")  # of a CSV without rows
_UNKNOWN = "–"


def benchmark_cells(row: _Json) -> list[str]:
    """Returns the cells of a row under the `BENCHMARK_HEADINGS`. Baselines are marked as such."""
    alt_test, latency = row["alt_test"], row["latency_seconds"]
    return [
        str(row["rank"]),
        judge_name(row["judge"]),
        f"{row['model']} (baseline)" if row["control"] else row["model"],
        row["criterion"],
        f"{row['sort']} {measure_text(row['statistics'].get(row['sort']))}",
        _UNKNOWN if alt_test["winning_rate"] is None else _alt_test(alt_test),
        _share(row["coverage"]),
        _number(row["position_consistency"], ".2f"),
        _number(row["cost_usd_per_1000"], ".3g"),
        f"{_seconds(latency['p50'])}/{_seconds(latency['p95'])} s",
        str(row["items"]),
    ]


def measure_text(measure: _Json | None) -> str:
    """Returns a value with its interval, `0.812 (0.771 to 0.850)`, or the reason why there is no value."""
    if measure is None:
        return _UNKNOWN
    if measure["value"] is None:
        return f"{_UNKNOWN} ({undefined_words(measure['reason'])})"
    if measure["lower"] is None:
        return f"{measure['value']:z.3f}"
    return f"{measure['value']:z.3f} ({measure['lower']:z.3f} to {measure['upper']:z.3f})"


def benchmark_markdown(benchmark: _Json) -> str:
    """Returns the leaderboard as Markdown, with notes, the usual statistics of each row, and people's own agreement."""
    rows = benchmark.get("leaderboard") or []
    lines = [f"# Benchmark on {benchmark['dataset']}", "", benchmark_summary(benchmark), ""]
    if not rows:
        return "\n".join([*lines, "The leaderboard is computed once everything is judged.", ""])
    lines += [*markdown_table(BENCHMARK_HEADINGS, map(benchmark_cells, rows)), "", *_notes(rows), ""]
    shown = [name for name in _EXTRA if any(name in row["statistics"] for row in rows)]
    lines += ["## Statistics", ""]
    lines += markdown_table(("judge", "model", *shown), [_extra(row, shown) for row in rows])
    lines += ["", "## People", "", *_people(rows), ""]
    return "\n".join(lines)


def benchmark_summary(benchmark: _Json) -> str:
    """Returns the status and the cost of a benchmark in one line."""
    progress = benchmark["progress"]
    estimate = benchmark["estimated_cost_usd"]
    estimated = "" if estimate is None else f", estimated {dollars(estimate)}"
    state = f"{benchmark['id']}: {benchmark['status']}, {progress['done']} of {progress['total']} judgments"
    return f"{state}; cost {dollars(benchmark['cost_usd'])}{estimated}"


def benchmark_csv(benchmark: _Json) -> str:
    """Returns the leaderboard as CSV, one row for each judge and model. Each statistic has three columns."""
    rows = benchmark.get("leaderboard") or []
    names = list(dict.fromkeys(name for row in rows for name in row["statistics"]))
    lines = [_flat(row, names) for row in rows]
    return csv_table(list(lines[0]) if lines else _COLUMNS, [list(line.values()) for line in lines])


def _flat(row: _Json, names: Sequence[str]) -> dict[str, Any]:
    alt_test, coverage = row["alt_test"], row["coverage"]
    flat = {
        "rank": row["rank"],
        "judge": judge_name(row["judge"]),
        "digest": row["judge"]["digest"],
        "model": row["model"],
        "criterion": row["criterion"],
        "control": row["control"],
        "served_models": " + ".join(_served(row)),
        **{name: row[name] for name in ("items", "pairs", "annotators", "sort")},
    }
    for name in names:
        measure = row["statistics"].get(name, {})
        flat |= {
            name: measure.get("value"),
            f"{name}_lower": measure.get("lower"),
            f"{name}_upper": measure.get("upper"),
        }
    flat |= {f"alt_test_{name}": alt_test[name] for name in ("epsilon", "winning_rate", "advantage_probability")}
    flat |= {name: coverage[name] for name in ("judged", "scored", "unscored", "failed", "cancelled")}
    flat |= {name: row[name] for name in ("position_consistency", "cost_usd_per_1000")}
    return flat | {f"latency_{name}": value for name, value in row["latency_seconds"].items()}


def _served(row: _Json) -> Sequence[str]:
    """Returns the models that answered for a row; leaderboards of an earlier version have none."""
    served: Sequence[str] = row.get("served_models", ())
    return served


def _extra(row: _Json, names: Sequence[str]) -> list[str]:
    return [judge_name(row["judge"]), row["model"], *(measure_text(row["statistics"].get(name)) for name in names)]


def row_notes(rows: Sequence[_Json]) -> Iterator[str]:
    """Yields a note on each criterion with too few items for ranks, and on each row whose judgments are by several
    served models, or have neither a cost nor a time.
    """
    items = defaultdict(list)
    for row in rows:
        items[row["criterion"]].append(row["items"])
    for criterion, counts in items.items():
        if len(counts) > 1 and sorted(counts)[-2] < FEWEST_SHARED:
            yield f"{criterion}: fewer than {FEWEST_SHARED} items tell no rows apart, whatever their values are."
    for row in rows:
        series = f"{judge_name(row['judge'])} {row['model']}"
        if "served_model_changed" in row.get("flags", ()):
            served = ", ".join(_served(row)) or "it does not name them"
            yield f"{series}: the provider ran several models under this name ({served})."
        if row["latency_seconds"]["p50"] is None and row["coverage"]["scored"] and not row["control"]:
            yield f"{series}: its answers came from the cache, so that their cost and time are not known (--no-cache)."


def _notes(rows: Sequence[_Json]) -> Iterator[str]:
    epsilon = rows[0]["alt_test"]["epsilon"]
    yield "- Intervals are 95%. A rank is 1 + the number of rows that are better by a paired bootstrap over items."
    yield (
        f"- alt-test: the share of annotators whom the judge may replace (epsilon {epsilon:g}), and the mean share "
        "of items on which it is at least as close to the others."
    )
    for note in row_notes(rows):
        yield f"- {note}"
    if any(row["control"] for row in rows):
        yield "- A baseline does not read the texts: a judge that does not beat it is no judge."


def _people(rows: Sequence[_Json]) -> list[str]:
    """One line for each criterion: the agreement among annotators."""
    lines: dict[str, str] = {}
    for row in rows:
        ceiling, name = row["human_ceiling"], row["sort"]
        value = f"{name} {measure_text(ceiling['statistics'].get(name))}"
        lines.setdefault(
            row["criterion"], f"- {row['criterion']}: {value} over {ceiling['items']} items of two or more"
        )
    return list(lines.values())


def _alt_test(alt_test: _Json) -> str:
    return f"{alt_test['winning_rate']:.2f}, {alt_test['advantage_probability']:.2f}"


def _share(coverage: _Json) -> str:
    total = coverage["judged"] + coverage["cancelled"]
    return _UNKNOWN if not total else f"{math.floor(1000 * coverage['scored'] / total) / 10:g}%"


def _seconds(value: float | None) -> str:
    return _UNKNOWN if value is None else brief_seconds(value)


def _number(value: float | None, form: str) -> str:
    return _UNKNOWN if value is None else f"{value:{form}}"
