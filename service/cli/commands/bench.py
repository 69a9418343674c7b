"""`judged bench`: measures judges and models on the items of a file that people labelled."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli.arguments import (
    add_client_options,
    add_map_option,
    add_models_option,
    check_out_file,
    read_judge,
    read_mapping,
    split_models,
)
from service.cli.command import REFUSED, SOME_FAILED, SUCCEEDED, Command, CommandError
from service.cli.commands.score import read_item_file, waiting_notes
from service.cli.console import print_json, print_note, show_progress
from service.rendering.amounts import dollars

if TYPE_CHECKING:
    from service.cli.client import Client


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE.csv|.jsonl",
        help="items with people's values, human.<criterion>.<n>; - is standard input",
    )
    parser.add_argument(
        "--judge",
        required=True,
        action="append",
        metavar="NAME_OR_FILE",
        help="a judge's name, or its JSON file; may be repeated",
    )
    add_models_option(parser, "the models to measure (default: each judge's own)")
    add_map_option(parser, "question=input or score=human.faithfulness.0")
    parser.add_argument(
        "--epsilon",
        type=float,
        help="the alt-test's epsilon: 0.2 for experts, 0.15 for skilled annotators, 0.1 for crowds (default: 0.2)",
    )
    parser.add_argument(
        "--sort", metavar="STATISTIC", help="the statistic to rank by (default: spearman for scales, exact for labels)"
    )
    parser.add_argument("--budget", type=float, metavar="USD", help="the maximum cost")
    parser.add_argument("--no-controls", action="store_true", help="leave out the baselines, which read no meaning")
    parser.add_argument("--no-cache", action="store_true", help="ask the models again for answers that are cached")
    parser.add_argument("--yes", action="store_true", help="start without asking")
    parser.add_argument(
        "--out",
        action="append",
        default=[],
        metavar="FILE",
        help="also write the result to this .md, .json, .csv, .svg or .png file; may be repeated",
    )
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client, ClientError
    from service.files.items import dataset_name

    _check_out_file(options.out)
    judges = [read_judge(each) for each in options.judge]
    file = read_item_file(options.file, read_mapping(options.map), with_human=True)
    content = file.content
    order = _order(options, judges, dataset_name(Path(options.file), content))
    try:
        with Client.from_options(options) as client:
            client.store_dataset(order["dataset"], content)
            if not _is_confirmed(client.estimate_benchmark(order), options):
                return REFUSED
            benchmark = _follow(client, client.start_benchmark(order))
    except ClientError as error:
        raise CommandError(error.lines_in_file(file.lines)) from error
    _deliver(benchmark, options)
    return SOME_FAILED if any(row["coverage"]["failed"] for row in benchmark["leaderboard"]) else SUCCEEDED


def _order(options: argparse.Namespace, judges: list[Any], dataset: str) -> dict[str, Any]:
    order = {
        "dataset": dataset,
        "judges": judges,
        "models": split_models(options.models) or None,
        "epsilon": options.epsilon,
        "sort": options.sort,
        "budget_usd": options.budget,
        "controls": not options.no_controls,
        "cache": not options.no_cache,
    }
    return {name: value for name, value in order.items() if value is not None}


def _is_confirmed(estimate: dict[str, Any], options: argparse.Namespace) -> bool:
    """Prints the estimated cost, and asks whether to start if a person is there to answer."""
    cost, warning = estimate["estimated_cost_usd"], estimate["warning"]
    print_note(f"{estimate['judgments']} judgments; cost {'' if cost is None else 'about '}{dollars(cost)}")
    if warning:
        print_note(f"warning: {warning}")
    if options.yes or not sys.stdin.isatty() or cost == 0:
        return True
    print("Start? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _follow(client: "Client", started: dict[str, Any]) -> dict[str, Any]:
    def finished(benchmark: dict[str, Any]) -> int:
        return int(benchmark["progress"]["done"])

    try:
        states = client.follow_benchmark(started)
        total = started["progress"]["total"]
        benchmark: dict[str, Any] = show_progress(states, started["id"], total, finished, waiting_notes(client))
    except KeyboardInterrupt:
        address = f"{client.url}/v1/benchmarks/{started['id']}"
        print_note(f"{started['id']} continues in the background; DELETE {address} cancels it")
        raise
    return benchmark


def _deliver(benchmark: dict[str, Any], options: argparse.Namespace) -> None:
    for file in options.out:
        try:
            Path(file).write_bytes(_WRITERS[Path(file).suffix.lower()](benchmark))
        except OSError as error:
            raise CommandError([f"{error}; the benchmark is kept as {benchmark['id']}"]) from error
    if options.json:
        print_json(benchmark)
    else:
        from service.cli.tables.benchmark_table import print_benchmark

        print_benchmark(benchmark)


def _check_out_file(files: Sequence[str]) -> None:
    """Raises CommandError if a result can't be written in one of these forms: before anything has been paid for."""
    for file in files:
        suffix = Path(file).suffix.lower()
        check_out_file(file)
        if suffix not in _WRITERS:
            raise CommandError([f"{file}: must end with one of {', '.join(_WRITERS)}"])
        if suffix == ".png":
            from service.rendering.plot_png import check_pillow

            try:
                check_pillow()
            except ValueError as error:
                raise CommandError([str(error)]) from error


def _markdown(benchmark: dict[str, Any]) -> bytes:
    from service.rendering.benchmark_leaderboard import benchmark_markdown

    return benchmark_markdown(benchmark).encode()


def _csv(benchmark: dict[str, Any]) -> bytes:
    from service.rendering.benchmark_leaderboard import benchmark_csv

    return benchmark_csv(benchmark).encode()


def _svg(benchmark: dict[str, Any]) -> bytes:
    from service.rendering.plot import leaderboard_plot, plot_svg

    return plot_svg(leaderboard_plot(benchmark))


def _png(benchmark: dict[str, Any]) -> bytes:
    from service.rendering.plot import leaderboard_plot
    from service.rendering.plot_png import plot_png

    return plot_png(leaderboard_plot(benchmark))


def _json(benchmark: dict[str, Any]) -> bytes:
    return json.dumps(benchmark, ensure_ascii=False, indent=2).encode() + b"\n"


_WRITERS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    ".md": _markdown,
    ".json": _json,
    ".csv": _csv,
    ".svg": _svg,
    ".png": _png,
}

BENCH = Command(
    "bench",
    "measure judges and models on a file with people's scores: CSV with a header, NDJSON or a JSON array",
    _add_arguments,
    _run,
    {SUCCEEDED: "every judgment was answered, scored or not", SOME_FAILED: "some judgments failed"},
)
