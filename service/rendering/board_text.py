"""A benchmark as text, from its JSON: its leaderboard as Markdown for people, as CSV for spreadsheets."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

HEADINGS = (
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
_UNKNOWN = "–"


def judge_name(row: Json) -> str:
    """`name@version`, or the beginning of the digest of a judge without a name."""
    judge = row["judge"]
    return f"{judge['name']}@{judge['version']}" if judge["name"] is not None else str(judge["digest"])[:19]


def cells(row: Json) -> list[str]:
    """A row under the `HEADINGS`; a baseline that reads no meaning is marked as one."""
    alt_test, latency = row["alt_test"], row["latency_seconds"]
    return [
        str(row["rank"]),
        judge_name(row),
        f"{row['model']} (baseline)" if row["control"] else row["model"],
        row["criterion"],
        f"{row['sort']} {measured(row['statistics'].get(row['sort']))}",
        _UNKNOWN if alt_test["winning_rate"] is None else _alt_test(alt_test),
        _share(row["coverage"]),
        _number(row["position_consistency"], ".2f"),
        _number(row["cost_usd_per_1000"], ".3g"),
        f"{_number(latency['p50'], '.2g')}/{_number(latency['p95'], '.2g')} s",
        str(row["items"]),
    ]


def measured(measure: Json | None) -> str:
    """`.812 (.771 to .850)`, or why there is none."""
    if measure is None:
        return _UNKNOWN
    if measure["value"] is None:
        return f"{_UNKNOWN} ({measure['reason']})"
    if measure["lower"] is None:
        return f"{measure['value']:.3f}"
    return f"{measure['value']:.3f} ({measure['lower']:.3f} to {measure['upper']:.3f})"


def as_markdown(benchmark: Json) -> str:
    """The leaderboard with what there is to know about it, and the usual statistics of each row."""
    rows = benchmark.get("leaderboard") or []
    lines = [f"# Benchmark on {benchmark['dataset']}", "", summary(benchmark), ""]
    if not rows:
        return "\n".join([*lines, "The leaderboard is made when all is judged.", ""])
    lines += [*_table(HEADINGS, [cells(row) for row in rows]), "", *_notes(rows), ""]
    shown = [name for name in _EXTRA if any(name in row["statistics"] for row in rows)]
    lines += ["## Statistics", ""]
    lines += _table(("judge", "model", *shown), [_extra(row, shown) for row in rows])
    lines += ["", "## People", "", *_people(rows), ""]
    return "\n".join(lines)


def summary(benchmark: Json) -> str:
    """How it ended, and what it cost."""
    progress = benchmark["progress"]
    cost, estimate = (_dollars(benchmark[name]) for name in ("cost_usd", "estimated_cost_usd"))
    told = f"{benchmark['id']}: {benchmark['status']}, {progress['done']} of {progress['total']} judgments"
    return f"{told}; cost {cost}, estimated {estimate}"


def as_csv(benchmark: Json) -> str:
    """A line for each row; the statistics have three columns each. What is unknown is empty."""
    rows = benchmark.get("leaderboard") or []
    names = list(dict.fromkeys(name for row in rows for name in row["statistics"]))
    lines = [_flat(row, names) for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(lines[0] if lines else ("rank", "judge", "model", "criterion"))
    writer.writerows(["" if value is None else _harmless(value) for value in line.values()] for line in lines)
    return text.getvalue()


def _flat(row: Json, names: Sequence[str]) -> dict[str, Any]:
    alt_test, coverage = row["alt_test"], row["coverage"]
    flat = {
        "rank": row["rank"],
        "judge": judge_name(row),
        "digest": row["judge"]["digest"],
        "model": row["model"],
        "criterion": row["criterion"],
        "control": str(row["control"]).lower(),
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


def _harmless(value: Any) -> Any:
    """Text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [
        f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in line)} |" for line in lines
    ]


def _extra(row: Json, names: Sequence[str]) -> list[str]:
    return [judge_name(row), row["model"], *(measured(row["statistics"].get(name)) for name in names)]


def _notes(rows: Sequence[Json]) -> list[str]:
    epsilon = rows[0]["alt_test"]["epsilon"]
    notes = [
        "Intervals are 95%. A rank is 1 + the number of rows that are better by a paired bootstrap over items.",
        f"alt-test: the share of annotators whom the judge may stand in for (epsilon {epsilon:g}), and the mean share "
        "of items on which it lies at least as near to the others.",
    ]
    if any(row["control"] for row in rows):
        notes.append("A baseline reads no meaning: a judge that does not beat it is no judge.")
    return [line for note in notes for line in (f"- {note}",)]


def _people(rows: Sequence[Json]) -> list[str]:
    """How well annotators agree with each other, a line a criterion."""
    lines: dict[str, str] = {}
    for row in rows:
        ceiling, name = row["human_ceiling"], row["sort"]
        each = measured(ceiling["statistics"].get(name))
        lines.setdefault(
            row["criterion"], f"- {row['criterion']}: {name} {each} over {ceiling['items']} items of two or more"
        )
    return list(lines.values())


def _alt_test(alt_test: Json) -> str:
    return f"{alt_test['winning_rate']:.2f}, {alt_test['advantage_probability']:.2f}"


def _share(coverage: Json) -> str:
    total = coverage["judged"] + coverage["cancelled"]
    return _UNKNOWN if not total else f"{math.floor(1000 * coverage['scored'] / total) / 10:g}%"


def _number(value: float | None, form: str) -> str:
    return _UNKNOWN if value is None else f"{value:{form}}"


def _dollars(value: float | None) -> str:
    return "unknown" if value is None else f"${value:.4f}"
