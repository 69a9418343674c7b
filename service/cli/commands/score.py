"""`judged score`: judges the items of a file and shows the judgments."""

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
from service.cli.command import SOME_FAILED, SUCCEEDED, Command, CommandError
from service.cli.console import print_note, show_progress

if TYPE_CHECKING:
    from service.cli.client import Client
    from service.files.items import ItemFile


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.csv|.jsonl", help="the items, one per line; - is standard input")
    parser.add_argument("--judge", required=True, metavar="NAME_OR_FILE", help="a judge's name, or its JSON file")
    add_models_option(parser, "the models to ask (default: the judge's own)")
    add_map_option(parser, "question=input or answer=output")
    parser.add_argument("--group", metavar="G", help="the group of all items: groups can be compared")
    parser.add_argument("--out", metavar="FILE", help="also write the judgments to this file, as NDJSON")
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client, ClientError

    if options.out:
        check_out_file(options.out)
    file, judge = read_item_file(options.file, read_mapping(options.map)), read_judge(options.judge)
    if options.group is not None:
        for item in file.items:
            item["group"] = options.group
    with Client.from_options(options) as client:
        try:
            job = client.submit_job(file.content, judge, split_models(options.models))
        except ClientError as error:
            raise CommandError(error.lines_in_file(file.lines)) from error
        job = followed_job(client, job)
        judgments = list(client.judgments(job["id"]))
    _deliver(judgments, job, options)
    return SOME_FAILED if any(each["outcome"] == "failed" for each in judgments) else SUCCEEDED


def read_item_file(name: str, mapping: dict[str, str], *, with_human: bool = False) -> "ItemFile":
    """Returns the items of a file, without people's values or with them; `-` is standard input.

    Raises CommandError that names each bad line, and OSError.
    """
    from service.files.items import read_items
    from service.files.records import FileError

    try:
        file = read_items(name, mapping, with_human=with_human)
    except FileError as error:
        raise CommandError(error.lines) from error
    if file.unused:
        print_note(f"columns that are not used: {', '.join(file.unused)}")
    if file.missing:
        print_note(f"people's values that are missing: {file.missing}")
    return file


def waiting_notes(client: "Client") -> Callable[[dict[str, Any]], dict[str, str]]:
    """Returns a function of the states of a job or a benchmark: the reasons for which it waits, by their subjects.

    A provider that takes no call for a moment is one only if nothing was done since the state before, and the service
    is asked only then whether it is ready.
    """
    from service.cli.tables.job_table import failing_notes, paused_notes

    before: Any = None

    def notes(state: dict[str, Any]) -> dict[str, str]:
        nonlocal before
        done = state.get("counts") or state["progress"]
        stands_still, before = done == before, done
        if known := failing_notes(state) | (paused_notes(state) if stands_still else {}):
            return known
        reason = client.not_ready() if stands_still else None
        return {} if reason is None else {"": f"{state['id']} waits: {reason}"}

    return notes


def followed_job(client: "Client", job: dict[str, Any]) -> dict[str, Any]:
    """Returns a job once it has ended, with a progress bar meanwhile. Whatever ends the wait names the job."""
    from service.cli.client import ClientError

    def finished(state: dict[str, Any]) -> int:
        return int(state["counts"]["total"] - state["counts"]["pending"])

    how_to_go_on = f"{job['id']} goes on in the background: `judged jobs {job['id']}` shows it, --cancel cancels it"
    try:
        ended: dict[str, Any] = show_progress(
            client.follow_job(job), job["id"], job["counts"]["total"], finished, waiting_notes(client)
        )
    except ClientError as error:
        raise CommandError([*error.lines, how_to_go_on]) from error
    except KeyboardInterrupt:
        print_note(how_to_go_on)
        raise
    return ended


def _deliver(judgments: Sequence[dict[str, Any]], job: dict[str, Any], options: argparse.Namespace) -> None:
    ndjson = "".join(json.dumps(judgment, ensure_ascii=False) + "\n" for judgment in judgments)
    if options.out:
        try:
            Path(options.out).write_text(ndjson, encoding="utf-8")
        except OSError as error:
            raise CommandError([f"{error}; the judgments are kept under {job['id']}"]) from error
    if options.json:
        sys.stdout.write(ndjson)
    else:
        from service.cli.tables.judgment_table import print_judgments

        print_judgments(judgments, job)


SCORE = Command(
    "score",
    "judge the items of a file: CSV with a header, NDJSON or a JSON array",
    _add_arguments,
    _run,
    {SUCCEEDED: "every item was answered, scored or not", SOME_FAILED: "some items failed"},
)
