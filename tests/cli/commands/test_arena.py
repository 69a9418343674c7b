"""`judged arena` against a running API: its questions, its output, and that names appear only after the vote."""

import asyncio
import io
import json

import pytest
from redis.asyncio import Redis

from service.cli.main import main
from service.contracts.arena import Winner
from tests.store.battles import MODELS, opened, voted

Captured = pytest.CaptureFixture[str]


async def judged(*argv: str, typed: str = "") -> int:
    """Returns the exit code of the command if a person types this text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(typed))
        return await asyncio.to_thread(main, ["arena", *argv])


async def test_the_leaderboard_is_shown_as_a_table_as_json_and_as_markdown(
    url: str, redis: Redis, capsys: Captured
) -> None:
    for voter in ("ada", "bob"):
        await voted(redis, await opened(redis, criterion="wit"), Winner.A, voter)
    await voted(redis, await opened(redis, criterion="tact"), Winner.TIE, "ada")
    assert await judged("leaderboard", "--url", url) == 0
    table = capsys.readouterr().out
    assert MODELS[0] in table
    assert "3 votes." in table
    assert "never lost" not in table
    assert await judged("leaderboard", "--criterion", "wit", "--json", "--url", url) == 0
    board = json.loads(capsys.readouterr().out)
    assert (board["criterion"], board["votes"]) == ("wit", 2)
    assert await judged("leaderboard", "--criterion", "wit", "--markdown", "--url", url) == 0
    markdown = capsys.readouterr().out
    assert markdown.startswith("# Arena: wit\n")
    assert await judged("leaderboard", "--criterion", "woe", "--url", url) == 0
    nothing = "There are no votes on woe yet: `judged arena vote --voter NAME` takes them.\n"
    assert capsys.readouterr().out == nothing
    assert "never lost" in markdown


async def test_a_voter_sees_the_texts_says_which_is_better_and_is_told_the_names(
    url: str, redis: Redis, capsys: Captured
) -> None:
    battle = await opened(redis, explanations=("One \x1b[2J reason [bold].", "Another."))
    assert await judged("vote", "--voter", "ada", "--url", url, typed="z\nB\n") == 0
    printed = capsys.readouterr().out
    before, _, after = printed.partition(f"B was {MODELS[1]}.")
    assert "Ha." in before
    assert "One \N{REPLACEMENT CHARACTER}[2J reason [bold]." in before
    assert "\x1b" not in printed
    assert before.count("Which is better") == 2
    assert "'z' is none of the answers." in before
    assert before.endswith(f"A was {MODELS[0]}, ")
    assert MODELS[1] not in before
    assert "no other battle" in after
    assert await voted(redis, battle, Winner.A, "ada") is None


async def test_what_is_skipped_stays_and_what_was_voted_on_is_not_shown_again(
    url: str, redis: Redis, capsys: Captured
) -> None:
    ids = [await opened(redis, criterion=criterion) for criterion in ("wit", "tact", "wit")]
    await opened(redis, status="failed")
    await voted(redis, ids[2], Winner.A, "bob")
    assert await judged("vote", "--voter", "ada", "--criterion", "wit", "--json", "--url", url, typed="s\nX\n") == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (told["id"], told["winner"], told["votes"]) == (ids[0], "both_bad", 1)
    assert told["models"] == {"A": MODELS[0], "B": MODELS[1]}
    assert [printed.err.count(each) for each in ids] == [1, 0, 1]
    assert await judged("vote", "--voter", "ada", "--url", url, typed="q\n") == 0
    printed = capsys.readouterr()
    assert [printed.out.count(each) for each in ids] == [0, 0, 1]
    assert await judged("vote", "--voter", "ada", "--url", url, typed="") == 0  # nobody there


async def test_what_the_service_refuses_is_said_in_its_words(url: str, redis: Redis, capsys: Captured) -> None:
    await opened(redis)
    for _ in range(60):
        await voted(redis, await opened(redis), Winner.A, "ada")
    assert await judged("vote", "--voter", "ada", "--url", url, typed="A\n") == 2
    printed = capsys.readouterr()
    assert "60 votes within an hour" in printed.err
    assert MODELS[0] not in printed.out
    assert await judged("leaderboard", "--url", "http://127.0.0.1:9") == 2
    assert "can't be reached" in capsys.readouterr().err
