"""`judged judges`: the judges, a version of one, two versions side by side, and retiring."""

import argparse

from service.cli.arguments import add_client_options
from service.cli.command import SOME_FAILED, SUCCEEDED, Command, CommandError
from service.cli.console import print_json


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("judge", nargs="?", metavar="JUDGE", help="show this judge: name, or name@3 for a version")
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--diff", metavar="OTHER", help="show only the fields in which JUDGE and OTHER differ")
    act.add_argument("--retire", action="store_true", help="let JUDGE take no new jobs; its versions stay readable")
    add_client_options(parser)


def _run(options: argparse.Namespace) -> int:
    if options.judge is None and (options.diff or options.retire):
        raise CommandError([f"--{'retire' if options.retire else 'diff'}: name a judge"])
    if options.retire:
        return _retire(options)
    if options.diff:
        return _compare(options)
    from service.cli.client import Client
    from service.cli.tables.judge_table import print_judge, print_judges

    with Client.from_options(options) as client:
        found = list(client.judges()) if options.judge is None else [client.judge(options.judge)]
    if options.json:
        for each in found:
            print_json(each)
    elif options.judge is None:
        print_judges(found)
    else:
        print_judge(found[0])
    return SUCCEEDED


def _retire(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    name, at, _ = options.judge.partition("@")
    if at:
        raise CommandError([f"--retire is for all versions of a judge: say {name}"])
    with Client.from_options(options) as client:
        client.retire_judge(name)
        retired = client.judge(name) if options.json else {}
    if options.json:
        print_json(retired)
    else:
        print(f"{name} takes no new jobs. Storing it again makes it take jobs again.")
    return SUCCEEDED


def _compare(options: argparse.Namespace) -> int:
    """Returns 1 if the two differ, as `diff` does."""
    import msgspec

    from service.cli.client import Client
    from service.cli.tables.judge_table import print_changes
    from service.contracts.judges import StoredJudge
    from service.rendering.judge_versions import changed_fields

    with Client.from_options(options) as client:
        before, after = (msgspec.convert(client.judge(each), StoredJudge) for each in (options.judge, options.diff))
    changes = changed_fields(before.definition, after.definition)
    if options.json:
        for change in changes:
            print_json(msgspec.to_builtins(change))
    else:
        print_changes(f"{before.name}@{before.version}", f"{after.name}@{after.version}", changes)
    return SOME_FAILED if changes else SUCCEEDED


JUDGES_COMMAND = Command(
    "judges",
    "list judges, show one or what differs between two versions, or retire one",
    _add_arguments,
    _run,
    {SUCCEEDED: "done, or the two versions are the same", SOME_FAILED: "the two versions differ"},
)
