"""`judged arena`: the models ranked by people's votes, and voting in the terminal."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from service.cli.arguments import add_client_options
from service.cli.command import SUCCEEDED, Command
from service.cli.console import open_console, print_json

if TYPE_CHECKING:
    from service.cli.client import Client


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    board = actions.add_parser("leaderboard", help="show the models ranked by people's votes, best first")
    board.add_argument("--criterion", help="count votes on this criterion alone (default: all criteria together)")
    board.add_argument("--markdown", action="store_true", help="print Markdown")
    board.set_defaults(act=_print_leaderboard)
    vote = actions.add_parser("vote", help="show evaluations without the models' names and ask which is better")
    vote.add_argument("--voter", required=True, help="your name: each voter has one vote per battle")
    vote.add_argument("--criterion", help="show battles on this criterion alone")
    vote.set_defaults(act=_vote)
    for action in (board, vote):
        action.epilog = ARENA.exit_codes_text()
        action.set_defaults(parser=action)  # whose options are those that a misspelt one may mean
        add_client_options(action)


def _run(options: argparse.Namespace) -> int:
    from service.cli.client import Client

    with Client.from_options(options) as client:
        options.act(client, options)
    return SUCCEEDED


def _print_leaderboard(client: "Client", options: argparse.Namespace) -> None:
    if options.markdown:
        sys.stdout.write(client.arena_markdown(options.criterion))
        return
    board = client.arena_leaderboard(options.criterion)
    if options.json:
        print_json(board)
        return
    from service.cli.tables.arena_view import print_ratings

    print_ratings(board)


def _vote(client: "Client", options: argparse.Namespace) -> None:
    """Asks about battle after battle, newest first, until none is left or the voter quits."""
    from service.cli.tables import arena_view

    console = open_console(stderr=options.json)  # with JSON on standard output, people read standard error
    for battle in _open_battles(client, options.criterion, options.voter):
        arena_view.print_battle(console, battle)
        answer = arena_view.ask(console)
        if answer is None:
            return
        if answer in arena_view.WINNERS:
            revealed = client.vote(battle["id"], arena_view.WINNERS[answer], options.voter)
            if options.json:
                print_json({name: revealed[name] for name in ("id", "criterion", "winner", "models", "votes")})
            else:
                arena_view.print_models(console, revealed)
    console.print("There is no other battle to vote on.")


def _open_battles(client: "Client", criterion: str | None, voter: str) -> Iterator[dict[str, Any]]:
    """Yields the battles that have evaluations and no vote of this voter."""
    for summary in client.battles():
        if criterion is None or summary["criterion"] == criterion:
            battle = client.battle(summary["id"], voter)
            if battle["evaluations"] is not None and "models" not in battle:
                yield battle


ARENA = Command("arena", "rank models by people's votes, and vote", _add_arguments, _run)
