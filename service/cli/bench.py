"""`judged bench`: measures judges and models on the items of a file that people labelled."""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli import REFUSED, add_client_options, judge_of, progress_bar

if TYPE_CHECKING:
    from service.cli.client import Client
    from service.files.bench import BenchFile

SUMMARY = "measure judges and models on a file with people's scores: CSV with a header, or NDJSON"

_SOME_FAILED = 1
_MOST_SAID = 20  # lines about what is wrong: enough to see what is
_FORMS = (".md", ".json", ".csv", ".svg", ".png")
_POINTER = re.compile(r"(^|: )/items/(\d+)")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.csv|.jsonl", help="items with people's values: human.<criterion>.<n>")
    parser.add_argument(
        "--judge",
        required=True,
        action="append",
        metavar="NAME_OR_FILE",
        help="a judge's name, or its JSON file; several",
    )
    parser.add_argument("--models", default="", metavar="A,B", help="the models to measure; else each judge's own")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=PART",
        help="what a column is, such as question=input or score=human.faithfulness.0; several",
    )
    parser.add_argument(
        "--epsilon", type=float, help="of the alt-test: .2 unless given, .15 for skilled, .1 for crowds"
    )
    parser.add_argument("--sort", metavar="STATISTIC", help="what ranks: spearman for scales, exact for labels")
    parser.add_argument("--budget", type=float, metavar="USD", help="what it may cost")
    parser.add_argument("--no-controls", action="store_true", help="without the baselines that read no meaning")
    parser.add_argument("--no-cache", action="store_true", help="ask the models again for what is known")
    parser.add_argument("--yes", action="store_true", help="begin without asking")
    parser.add_argument(
        "--out", action="append", default=[], metavar="FILE", help="write .md, .json, .csv, .svg or .png; several"
    )
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """0 where every judgment was answered, scored or not; 1 where some failed; 2 where it was refused."""
    from service.cli.client import Client, ClientError
    from service.files.bench import BenchFileError, dataset_name, read_items

    try:
        _check_forms(options.out)
        judges = [judge_of(each) for each in options.judge]
        path = Path(options.file)
        file = read_items(path, dict(_named(options.map)))
    except BenchFileError as error:
        return _refused(error.lines)
    except (OSError, ValueError) as error:
        return _refused([str(error)])
    if file.unused:
        print(f"columns that are not used: {', '.join(file.unused)}", file=sys.stderr)
    content = file.content
    order = _order(options, judges, dataset_name(path, content))
    try:
        with Client(os.environ, options.url, options.key) as client:
            client.store_dataset(order["dataset"], content)
            if not _is_wanted(client.estimate(order), options):
                return REFUSED
            benchmark = _followed(client, client.begin_benchmark(order))
    except ClientError as error:
        return _refused(list(_by_line(error.lines, file)))
    return _deliver(benchmark, options)


def _check_forms(files: Sequence[str]) -> None:
    """Before anything is paid for. Raises ValueError."""
    for file in files:
        if Path(file).suffix.lower() not in _FORMS:
            raise ValueError(f"{file}: is none of {', '.join(_FORMS)}")
        if Path(file).suffix.lower() == ".png":
            from service.rendering.plot_png import check_pillow

            check_pillow()


def _named(pairs: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        column, equals, part = pair.rpartition("=")
        if not equals or not column or not part:
            raise ValueError(f"--map {pair}: name a column and what it is, such as question=input")
        yield column, part


def _order(options: argparse.Namespace, judges: list[Any], dataset: str) -> dict[str, Any]:
    models = [model.strip() for model in options.models.split(",") if model.strip()]
    asked = {"epsilon": options.epsilon, "sort": options.sort, "budget_usd": options.budget, "models": models or None}
    given = {name: value for name, value in asked.items() if value is not None}
    switches = {"controls": not options.no_controls, "cache": not options.no_cache}
    return {"dataset": dataset, "judges": judges, **given, **switches}


def _is_wanted(estimate: dict[str, Any], options: argparse.Namespace) -> bool:
    """Says what it will cost, and asks where somebody is there to answer."""
    cost = estimate["estimated_cost_usd"]
    told = "unknown, since a price is" if cost is None else f"about ${cost:.4f}"
    print(f"{estimate['judgments']} judgments; cost {told}", file=sys.stderr)
    if estimate["warning"]:
        print(f"warning: {estimate['warning']}", file=sys.stderr)
    if options.yes or not sys.stdin.isatty() or cost == 0:
        return True
    print("Begin? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _followed(client: "Client", begun: dict[str, Any]) -> dict[str, Any]:
    """Shows how far it is until it is over; where nobody sees it, it only waits."""
    try:
        with progress_bar() as bar:
            task = bar.add_task(begun["id"], total=begun["progress"]["total"])
            for benchmark in client.follow_benchmark(begun):
                bar.update(task, completed=benchmark["progress"]["done"])
    except KeyboardInterrupt:
        print(f"{begun['id']} goes on; DELETE {client.url}/v1/benchmarks/{begun['id']} cancels it", file=sys.stderr)
        raise
    return benchmark


def _deliver(benchmark: dict[str, Any], options: argparse.Namespace) -> int:
    for file in options.out:
        try:
            Path(file).write_bytes(_written(benchmark, Path(file).suffix.lower()))
        except OSError as error:
            return _refused([f"{error}; the benchmark is kept as {benchmark['id']}"])
    if options.json:
        print(json.dumps(benchmark, ensure_ascii=False))
    else:
        from service.cli.bench_shown import show_benchmark

        show_benchmark(benchmark)
    return _SOME_FAILED if any(row["coverage"]["failed"] for row in benchmark["leaderboard"]) else 0


def _written(benchmark: dict[str, Any], form: str) -> bytes:
    """The benchmark as a file of this kind has it."""
    from service.rendering.board_text import as_csv, as_markdown

    if form == ".md":
        return as_markdown(benchmark).encode()
    if form == ".csv":
        return as_csv(benchmark).encode()
    if form == ".svg":
        from service.rendering.plot import as_svg, plot_of

        return as_svg(plot_of(benchmark))
    if form == ".png":
        from service.rendering.plot import plot_of
        from service.rendering.plot_png import as_png

        return as_png(plot_of(benchmark))
    return json.dumps(benchmark, ensure_ascii=False, indent=2).encode() + b"\n"


def _by_line(lines: Sequence[str], file: "BenchFile") -> Iterator[str]:
    """What the service says of items by their place, by their line in the file."""

    def line_of(place: re.Match[str]) -> str:
        number = int(place[2])
        return f"{place[1]}line {file.lines[number]}, " if number < len(file.lines) else place[0]

    for said in lines:
        yield _POINTER.sub(line_of, said, count=1).replace(", : ", ": ", 1)


def _refused(lines: Sequence[str]) -> int:
    print(*lines[:_MOST_SAID], sep="\n", file=sys.stderr)
    if len(lines) > _MOST_SAID:
        print(f"and {len(lines) - _MOST_SAID} more", file=sys.stderr)
    return REFUSED
