"""`judged jobs`: the newest jobs, one job with its failures, and its cancellation."""

import argparse
from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from service.cli.arguments import add_client_options, whole_number
from service.cli.command import SOME_FAILED, SUCCEEDED, Command, CommandError
from service.cli.commands.score import followed_job
from service.cli.console import print_json, print_note
from service.contracts.outcomes import JobStatus

if TYPE_CHECKING:
    from service.cli.client import Client

_FILTERS = ("status", "judge", "group")
_MOST_OF_A_PAGE = 100


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", nargs="?", metavar="JOB", help="show this job, and why judgments of it have no score")
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--follow", action="store_true", help="wait for the end of JOB, with a progress bar")
    act.add_argument("--cancel", action="store_true", help="cancel the part of JOB that has not started")
    parser.add_argument("--status", choices=[each.value for each in JobStatus], help="list only jobs in this state")
    parser.add_argument("--judge", metavar="J", help="list only jobs of this judge: name, name@3 or a digest")
    parser.add_argument("--group", metavar="G", help="list only jobs with items of this group")
    parser.add_argument(
        "--limit", type=whole_number(1), default=20, metavar="N", help="list at most N jobs (default: 20)"
    )
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    query = {name: value for name in _FILTERS if (value := getattr(options, name)) is not None}
    if options.job is None and (options.follow or options.cancel):
        raise CommandError([f"--{'follow' if options.follow else 'cancel'}: name a job"])
    if options.job is not None and query:
        raise CommandError([f"--{next(iter(query))} is for the list: leave it out, or leave out the job"])
    with Client.from_options(options) as client:
        return _list(client, query, options) if options.job is None else _show(client, options)


def _list(client: "Client", query: dict[str, str], options: argparse.Namespace) -> int:
    size = str(min(options.limit, _MOST_OF_A_PAGE))
    found = list(islice(client.jobs({**query, "limit": size}), options.limit + 1))
    shown, has_more = found[: options.limit], len(found) > options.limit
    if options.json:
        for job in shown:
            print_json(job)
    else:
        from service.cli.tables.job_table import print_jobs

        print_jobs(shown, are_chosen=bool(query))
    if has_more:
        print_note("There are older jobs: see more with --limit.")
    return SUCCEEDED


def _show(client: "Client", options: argparse.Namespace) -> int:
    job = client.cancel_job(options.job) if options.cancel else client.job(options.job)
    if options.follow:
        job = followed_job(client, job)
    if options.json:
        print_json(job)
        for judgment in _without_score(client, job):
            print_json(judgment)
    else:
        from service.cli.tables.job_table import print_job

        print_job(job, _without_score(client, job))
    return SOME_FAILED if job["counts"]["failed"] else SUCCEEDED


def _without_score(client: "Client", job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Returns the failed and the unscored judgments of a job."""
    outcomes = [outcome for outcome in ("failed", "unscored") if job["counts"][outcome]]
    return chain.from_iterable(client.judgments(job["id"], outcome=outcome) for outcome in outcomes)


JOBS_COMMAND = Command(
    "jobs",
    "list jobs, show one with its progress and failures, or cancel it",
    _add_arguments,
    _run,
    {SUCCEEDED: "no judgment of the job has failed, or the list was printed", SOME_FAILED: "some judgments failed"},
)
