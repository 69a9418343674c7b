"""`judged label` against a running API: the queue with its keys, in a terminal and from lines."""

import asyncio
import io
import json
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.labelling import labels_of_item
from service.cli.main import main
from service.contracts.items import Item
from service.contracts.judges import Method, Scale
from service.contracts.labels import Label
from service.store import keys
from service.store.judges import put_judge
from tests.store.labelled import judge_of
from tests.store.labelled import judged as judged_item

ROOT = Path(__file__).parents[3]
Captured = pytest.CaptureFixture[str]
_PATIENCE_S = 60


async def queue(redis: Redis, count: int, **fields: Any) -> None:
    """Judged items i-0, i-1 and so on, with their texts."""
    judge = judge_of(**fields)
    await put_judge(redis, "wit", judge.definition)
    for number in range(count):
        item = Item(id=f"i-{number}", input=f"Question {number}", output=f"Answer {number}\x1b[31m")
        made = await judged_item(redis, judge, item, ["pass" if judge.definition.method is Method.PASS_FAIL else 2])
        await redis.set(keys.chunk_items(made.record.id, 0), msgspec.msgpack.encode([item]))


async def labels(redis: Redis, count: int) -> list[Label]:
    found = [label for number in range(count) for label in await labels_of_item(redis, f"i-{number}")]
    return sorted(found, key=lambda label: label.created_at)


async def label(*argv: str, typed: str = "") -> int:
    """Returns the exit code of the command if these lines come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(typed))
        return await asyncio.to_thread(main, ["label", *argv])


async def test_lines_label_the_items_of_the_queue(url: str, redis: Redis, capsys: Captured) -> None:
    await queue(redis, 4)
    assert await label("wit", "--annotator", "ann", "--url", url, typed="4\n\nx\ns\nc So so.\n2\nc\nFine.\n3\n") == 0
    shown = capsys.readouterr().out
    assert "Labelling wit as ann." in shown
    assert "'x' is none of the answers." in shown
    assert "\x1b" not in shown
    assert "You gave 4.\nThe judge wit@1 gave 2." in shown
    assert "2 labelled in this sitting" in shown
    found = await labels(redis, 4)
    assert [(each.score, each.comment, each.annotator) for each in found] == [
        *((4, None, "ann"), (2, "So so.", "ann"), (3, "Fine.", "ann")),
    ]
    assert all(each.probability is not None for each in found)
    assert len({each.item_id for each in found}) == 3


async def test_the_judges_answer_comes_after_the_label(url: str, redis: Redis, capsys: Captured) -> None:
    await queue(redis, 2)
    assert await label("wit", "--annotator", "ann", "--url", url, typed="q\n") == 0
    shown = capsys.readouterr().out
    assert "Question" in shown
    assert "The judge" not in shown
    assert await labels(redis, 2) == []


async def test_undo_takes_labels_back_and_shows_their_items_again(url: str, redis: Redis, capsys: Captured) -> None:
    await queue(redis, 3)
    assert await label("wit", "--annotator", "ann", "--url", url, typed="u\n4\n5\nu\nu\n1\n2\n3\n") == 0
    shown = capsys.readouterr().out
    assert "There is no label of this sitting to take back." in shown
    assert "No item is left to label." in shown
    order = [line.split()[1] for line in shown.splitlines() if line.startswith("─") and " i-" in line]
    first, second, third = order[:3]
    assert order == [first, second, third, second, first, second, third]
    assert {each.item_id: each.score for each in await labels(redis, 3)} == {first: 1, second: 2, third: 3}


async def test_a_label_of_texts_that_have_changed_is_not_stored(url: str, redis: Redis, capsys: Captured) -> None:
    await queue(redis, 1)
    changing = threading.Event()

    typed = ["4\n", ""]

    class Typed:
        def readline(self) -> str:
            changing.set()
            time.sleep(0.5)  # meanwhile the item gets another text
            return typed.pop(0)

    async def change() -> None:
        await asyncio.to_thread(changing.wait, 30)
        await redis.hset(keys.item("i-0"), "digest", "another")  # type: ignore[misc]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", Typed())
        changed = asyncio.create_task(change())
        assert await asyncio.to_thread(main, ["label", "wit", "--annotator", "ann", "--url", url]) == 0
        await changed
    assert "item 'i-0' has other texts by now" in capsys.readouterr().out
    assert await labels(redis, 1) == []


async def test_numbers_and_words_and_json(url: str, redis: Redis, capsys: Captured) -> None:
    await queue(redis, 1, scale=Scale(min=0, max=100))
    assert await label("wit", "--annotator", "ann", "--json", "--url", url, typed="101\n") == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "101 is not between 0 and 100" in captured.err
    assert await label("wit", "--annotator", "ann", "--json", "--url", url, typed="62\n") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["item_id"], printed["score"], printed["annotator"]) == ("i-0", 62, "ann")


async def test_criteria_are_listed_and_errors_told(url: str, redis: Redis, capsys: Captured) -> None:
    await queue(redis, 3, method=Method.PASS_FAIL)
    assert await label("--url", url) == 0
    assert any(line.split()[:3] == ["wit", "3", "0"] for line in capsys.readouterr().out.splitlines())
    assert await label("--json", "--url", url) == 0
    assert "wit" in {json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()}
    assert await label("wits", "--annotator", "ann", "--url", url) == 2
    assert "did you mean 'wit'?" in capsys.readouterr().err
    assert await label("wit", "--annotator", "ann", "--half-width", "-1", "--url", url) == 2
    assert "half_width" in capsys.readouterr().err
    assert await label("wit", "--annotator", "ann", "--url", "http://127.0.0.1:1") == 2
    assert "is `judged up` running?" in capsys.readouterr().err


class Terminal:
    """The command in a terminal of its own."""

    def __init__(self, *argv: str) -> None:
        self._ours, theirs = os.openpty()
        self.before = termios.tcgetattr(theirs)
        command = [sys.executable, "-m", "service.cli", "label", *argv]
        environ = {**os.environ, "TERM": "dumb", "COLUMNS": "100"}
        self._theirs = theirs
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environ,
            start_new_session=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a script may ignore it
        )
        self.shown = ""

    def until(self, text: str) -> str:
        """Reads until a text is shown, and returns all up to its end."""
        until = time.monotonic() + _PATIENCE_S
        while text not in self.shown:
            ready, _, _ = select.select([self._ours], [], [], max(until - time.monotonic(), 0))
            assert ready, (text, self.shown)
            self.shown += os.read(self._ours, 4096).decode().replace("\r\n", "\n")
        before, found, self.shown = self.shown.partition(text)
        return before + found

    def press(self, keys: str) -> None:
        time.sleep(0.5)  # as a person who has read the text
        os.write(self._ours, keys.encode())

    def kill(self) -> None:
        """Ends it if it still runs."""
        self.process.kill()
        self.process.wait()

    def ended(self) -> int:
        """Returns the exit code, once the terminal is as it was before."""
        code = self.process.wait(_PATIENCE_S)
        assert termios.tcgetattr(self._theirs) == self.before
        os.close(self._ours)
        os.close(self._theirs)
        return code


@pytest.mark.timeout(200)
async def test_one_key_labels_in_a_terminal(url: str, redis: Redis) -> None:
    await queue(redis, 3)

    def sitting() -> None:
        terminal = Terminal("wit", "--annotator", "ann", "--url", url)
        try:
            terminal.until("q quit): ")
            terminal.press("444")  # a key that repeats: one label
            assert "The judge wit@1 gave 2." in terminal.until("q quit): ")
            terminal.press("\x1b[A")  # an arrow
            terminal.until("q quit): ")
            terminal.press("u")
            assert "is taken back" in terminal.until("q quit): ")
            terminal.press("5")
            terminal.until("q quit): ")
            terminal.press("c")
            terminal.until("Comment: ")
            terminal.press("Fine.\n")
            terminal.until("q quit): ")
            terminal.press("3")
            terminal.until("q quit): ")
            terminal.press("\x04")
            assert terminal.ended() == 0
        finally:
            terminal.kill()

    await asyncio.to_thread(sitting)
    assert [(each.score, each.comment) for each in await labels(redis, 3)] == [(5, None), (3, "Fine.")]


@pytest.mark.timeout(200)
async def test_an_interruption_leaves_the_terminal_as_it_was(url: str, redis: Redis) -> None:
    await queue(redis, 1)

    def sitting() -> None:
        terminal = Terminal("wit", "--annotator", "ann", "--url", url)
        try:
            terminal.until("q quit): ")
            time.sleep(0.5)
            os.killpg(terminal.process.pid, signal.SIGINT)  # as Ctrl-C does
            assert terminal.ended() == 130
        finally:
            terminal.kill()

    await asyncio.to_thread(sitting)
    assert await labels(redis, 1) == []
