"""`judged gate`: passes or fails a run in CI by a mean, or by the difference from another group."""

import argparse
import math
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from service.cli.arguments import (
    add_client_options,
    add_map_option,
    add_series_options,
    read_judge,
    read_mapping,
    whole_number,
)
from service.cli.command import REFUSED, SUCCEEDED, Command, CommandError
from service.cli.commands.compare import add_anytime_option
from service.cli.commands.score import followed_job, read_item_file
from service.cli.console import print_json, print_note
from service.rendering.comparison_words import LEAST_LABELLED
from service.rendering.judge_names import judge_reference

if TYPE_CHECKING:
    from service.cli.client import Client

BLOCKED = 1
UNDECIDED = 3
_MOST_CODE = 255


class Gated(NamedTuple):
    """The figure that the gate looks at; `by` is `labels` or `judge`, and `report` is the whole answer of the API."""

    figure: Mapping[str, float | None]
    by: str
    report: dict[str, Any]


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE.csv|.jsonl",
        help="items to judge first; - is standard input (default: items that are judged already)",
    )
    parser.add_argument("--judge", required=True, metavar="NAME_OR_FILE", help="a judge's name, or its JSON file")
    parser.add_argument("--group", metavar="G", help="the group of the items (default: the file's, or all items)")
    parser.add_argument("--against", metavar="G0", help="look at the difference from this group instead of the mean")
    parser.add_argument(
        "--min",
        required=True,
        type=_finite,
        metavar="X",
        help="the least mean; with --against the least difference, such as 0, or -0.1 to allow for a small loss",
    )
    parser.add_argument(
        "--undecided",
        type=whole_number(0, _MOST_CODE),
        default=UNDECIDED,
        metavar="CODE",
        help=f"the exit code if it can't be told (default: {UNDECIDED})",
    )
    parser.add_argument(
        "--require-labels", action="store_true", help="leave it undecided if there are too few labels to correct by"
    )
    add_series_options(parser, window="all")
    add_anytime_option(parser)
    add_map_option(parser, "question=input or answer=output")
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    _check(options)
    judge, group = read_judge(options.judge), options.group
    with Client.from_options(options) as client:
        job = None
        if options.file is not None:
            job, group = _judged(client, options, judge)
            judge = judge_reference(job["judge"])
        if not isinstance(judge, str):
            raise CommandError(["--judge: a judge in a file judges the items of a file: name the items too"])
        gated = _difference(client, options, judge, group) if options.against else _mean(client, options, judge, group)
    passed = None if options.require_labels and gated.by != "labels" else _passed(gated.figure, options.min)
    _show(options, gated, passed, group, job)
    undecided: int = options.undecided
    return undecided if passed is None else SUCCEEDED if passed else BLOCKED


def _check(options: argparse.Namespace) -> None:
    if options.against and options.group is None and options.file is None:
        raise CommandError(["--against needs --group, the group to look at"])
    if options.anytime and not options.against:
        raise CommandError(["--anytime needs --against: the interval of a mean is for one look"])


def _judged(client: "Client", options: argparse.Namespace, judge: str | dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Judges the items of the file, and returns the job and the group to look at."""
    from service.cli.client import ClientError

    file = read_item_file(options.file, read_mapping(options.map))
    group = _in_one_group(file.items, options.group)
    if isinstance(judge, str):
        is_in_file = any(str(item["group"]) == options.against for item in file.items)
        _check_figure(client, judge, None if is_in_file else options.against)
    models = [options.model] if options.model and "/" in options.model else []
    try:
        job = client.submit_job(file.content, judge, models)
    except ClientError as error:
        raise CommandError(error.lines_in_file(file.lines)) from error
    job = followed_job(client, job)
    counts = job["counts"]
    if counts["scored"] < counts["total"]:
        print_note(f"{counts['total'] - counts['scored']} of {counts['total']} items have no score: see {job['id']}")
    return job, group


def _check_figure(client: "Client", judge: str, against: str | None) -> None:
    """Raises ClientError if the judge has no mean, or no item of the other group: before anything has been paid for."""
    from service.cli.client import ClientError

    query = {"judge": judge, **({} if against is None else {"group": against})}
    try:
        client.estimates(query)
    except ClientError as error:
        if any(each.pointer in ("/judge", "/group") for each in error.places):
            raise


def _in_one_group(items: list[dict[str, Any]], wanted: str | None) -> str:
    """Gives the items without a group this one, and returns the group to look at.

    Without a wanted group, it is the one that all items have, or a new one if none has any.
    """
    known = sorted({str(item["group"]) for item in items if item.get("group") is not None})
    if wanted is None and len(known) > 1:
        raise CommandError([f"the items have several groups ({', '.join(known[:20])}): name one with --group"])
    group = wanted or (known[0] if known else _new_group())
    for item in items:
        if item.get("group") is None:
            item["group"] = group
    if all(str(item["group"]) != group for item in items):
        raise CommandError([f"--group {group}: no item of the file is of it (known: {', '.join(known[:20])})"])
    return group


def _new_group() -> str:
    return f"gate-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def _query(options: argparse.Namespace, judge: str, **more: str | None) -> dict[str, str]:
    found = {"judge": judge, "model": options.model, "served": options.served, "window": options.window, **more}
    return {name: value for name, value in found.items() if value is not None}


def _mean(client: "Client", options: argparse.Namespace, judge: str, group: str | None) -> Gated:
    report = client.estimates(_query(options, judge, group=group))
    is_enough = report["labels"] >= LEAST_LABELLED
    return Gated(report["corrected_mean" if is_enough else "judge_mean"], "labels" if is_enough else "judge", report)


def _difference(client: "Client", options: argparse.Namespace, judge: str, group: str | None) -> Gated:
    """Returns how much better the group is: the difference, turned round if lower scores are better."""
    anytime = "true" if options.anytime else None
    report = client.compare(_query(options, judge, a=options.against, b=group, anytime=anytime))
    is_enough = report["corrected_difference"]["value"] is not None
    figure = report["corrected_difference" if is_enough else "judge_difference"]
    if report["better"] == "lower" and figure["value"] is not None:
        upper, lower = (None if figure[end] is None else -figure[end] for end in ("lower", "upper"))
        figure = {"value": -figure["value"], "lower": lower, "upper": upper}
    return Gated(figure, "labels" if is_enough else "judge", report)


def _passed(figure: Mapping[str, float | None], least: float) -> bool | None:
    lower, upper = figure["lower"], figure["upper"]
    if lower is not None and lower >= least:
        return True
    return False if upper is not None and upper < least else None


def _show(
    options: argparse.Namespace, gated: Gated, passed: bool | None, group: str | None, job: dict[str, Any] | None
) -> None:
    if options.json:
        kind = "comparison" if options.against else "estimate"
        counts = None if job is None else {"id": job["id"], "counts": job["counts"]}
        print_json(
            {
                "passed": passed,
                "min": options.min,
                **gated.figure,
                "by": gated.by,
                "group": group,
                "against": options.against,
                "job": counts,
                kind: gated.report,
            }
        )
        return
    from service.cli.console import open_console, print_lines
    from service.cli.tables.comparison_view import gate_lines

    lines = gate_lines(
        gated.figure, gated.by, gated.report, passed, options.min, requires_labels=options.require_labels
    )
    print_lines(open_console(), lines)


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError("must be a finite number")
    return value


GATE = Command(
    "gate",
    "pass or fail a run in CI by the mean of a group, or by its difference from another one",
    _add_arguments,
    _run,
    {
        SUCCEEDED: "passed: the lower end of the interval is at --min or above",
        BLOCKED: "blocked: the upper end is below --min",
        REFUSED: "refused",
        UNDECIDED: "it can't be told, unless --undecided says otherwise",
    },
)
