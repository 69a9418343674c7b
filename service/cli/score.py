"""`judged score`: judges the items of a file, and shows what came of it."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.cli import REFUSED, add_client_options, judge_of, progress_bar

if TYPE_CHECKING:
    from service.cli.client import Client

SUMMARY = "judge the items of a file: NDJSON, one item a line"

_SOME_FAILED = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE.jsonl", help="the items, one a line; - reads standard input")
    parser.add_argument("--judge", required=True, metavar="NAME_OR_FILE", help="a judge's name, or its JSON file")
    parser.add_argument("--models", default="", metavar="A,B", help="the models to ask; else the judge's own")
    parser.add_argument("--out", metavar="FILE", help="write the judgments there too, as NDJSON")
    add_client_options(parser)


def run(options: argparse.Namespace) -> int:
    """0 where every item was answered, scored or not; 1 where some failed; 2 where it was refused."""
    from service.cli.client import Client, ClientError

    models = [model.strip() for model in options.models.split(",") if model.strip()]
    try:
        lines, judge = _items(options.file), judge_of(options.judge)
        with Client(os.environ, options.url, options.key) as client:
            job = _followed(client, client.submit(lines, judge, models))
            judgments = list(client.judgments(job["id"]))
    except ClientError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return REFUSED
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return REFUSED
    return _deliver(judgments, job, options)


def _items(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()


def _followed(client: "Client", submitted: dict[str, Any]) -> dict[str, Any]:
    """Shows how far the job is until it is over; where nobody sees it, it only waits."""
    with progress_bar() as bar:
        task = bar.add_task(submitted["id"], total=submitted["counts"]["total"])
        for job in client.progress(submitted):
            bar.update(task, completed=job["counts"]["total"] - job["counts"]["pending"])
    return job


def _deliver(judgments: Sequence[dict[str, Any]], job: dict[str, Any], options: argparse.Namespace) -> int:
    if options.out:
        try:
            Path(options.out).write_text(_ndjson(judgments), encoding="utf-8")
        except OSError as error:
            print(f"{error}; the judgments are kept under {job['id']}", file=sys.stderr)
            return REFUSED
    if options.json:
        sys.stdout.write(_ndjson(judgments))
    else:
        from service.cli.shown import show_judgments

        show_judgments(judgments, job)
    return _SOME_FAILED if any(each["outcome"] == "failed" for each in judgments) else 0


def _ndjson(judgments: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(judgment, ensure_ascii=False) + "\n" for judgment in judgments)
