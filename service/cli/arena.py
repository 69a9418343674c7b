"""`judged arena`: the models by people's votes, and a place to vote."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from service.cli import REFUSED, add_client_options

if TYPE_CHECKING:
    from service.cli.client import Client

SUMMARY = "rate models by people's votes, and vote"


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    board = actions.add_parser("leaderboard", help="show the models by people's votes, best first")
    board.add_argument("--criterion", help="votes on this criterion alone; all together unless given")
    board.add_argument("--markdown", action="store_true", help="print it as Markdown")
    add_client_options(board)
    vote = actions.add_parser("vote", help="show evaluations without the models' names, and ask which is better")
    vote.add_argument("--voter", required=True, help="who you are: each voter has one vote on a battle")
    vote.add_argument("--criterion", help="battles over this criterion alone")
    add_client_options(vote)


def run(options: argparse.Namespace) -> int:
    """0; 2 where the service refused something."""
    from service.cli.client import Client, ClientError

    act = {"leaderboard": _show_leaderboard, "vote": _vote}[options.action]
    try:
        with Client(os.environ, options.url, options.key) as client:
            act(client, options)
    except ClientError as error:
        print(*error.lines, sep="\n", file=sys.stderr)
        return REFUSED
    return 0


def _show_leaderboard(client: "Client", options: argparse.Namespace) -> None:
    if options.markdown:
        sys.stdout.write(client.arena_markdown(options.criterion))
        return
    board = client.arena_leaderboard(options.criterion)
    if options.json:
        print(json.dumps(board, ensure_ascii=False))
        return
    from service.cli.arena_shown import show_leaderboard

    show_leaderboard(board)


def _vote(client: "Client", options: argparse.Namespace) -> None:
    """Battle after battle, newest first, until there is none left or the voter has had enough."""
    from service.cli import arena_shown

    console = arena_shown.console_of(is_beside_json=options.json)
    for each in client.battles():
        if options.criterion not in (None, each["criterion"]):
            continue
        battle = client.battle(each["id"], options.voter)
        if battle["evaluations"] is None or "models" in battle:  # nothing to choose from, or chosen already
            continue
        arena_shown.show_battle(console, battle)
        answer = arena_shown.ask(console)
        if answer is None:
            return
        if answer in arena_shown.WINNERS:
            revealed = client.vote(battle["id"], arena_shown.WINNERS[answer], options.voter)
            _reveal(revealed, options)
    console.print("There is no other battle to vote on.")


def _reveal(revealed: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        told = {name: revealed[name] for name in ("id", "criterion", "winner", "models", "votes")}
        print(json.dumps(told, ensure_ascii=False), flush=True)
    else:
        from service.cli.arena_shown import console_of, show_models

        show_models(console_of(is_beside_json=False), revealed)
