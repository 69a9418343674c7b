"""The model provider of a campaign: answers after a moment, unless it is told to misbehave, and counts its answers."""

import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Literal

from tests.flows.conftest import Row
from tests.flows.faults import GOOD, asked_about
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

Mood = Literal["fine", "hangs", "drips", "limits", "fails"]

DELAY_S = 0.1
RECENT_S = 2.0  # on a busy machine, an answer of the last two seconds may be on its way to the store
_TEXT = re.compile(r"answer (r\d+i\d+)\.")


class Provider:
    """`answers` counts the good answers by the text that they are about; `mood` is how the provider answers now."""

    def __init__(self, rng: Random) -> None:
        self.answers: Counter[str] = Counter()
        self.mood: Mood = "fine"
        self.server = ModelServer("openai", self._reply, record=False)
        self.dripped = 0  # answers that came so slowly that they may have been given up
        self._rng = rng
        self._begun: deque[float] = deque(maxlen=10_000)

    def in_flight(self) -> int:
        """The calls that wait for an answer, or had one within the last two seconds."""
        recent = time.monotonic() - DELAY_S - RECENT_S
        return max(self.server.running, sum(each > recent for each in self._begun))

    @contextmanager
    def in_mood(self, mood: Mood) -> Iterator[None]:
        self.mood = mood
        try:
            yield
        finally:
            self.mood = "fine"

    def _reply(self, body: Row) -> Reply:
        found = _TEXT.search(asked_about("openai", body))
        assert found is not None
        self._begun.append(time.monotonic())
        if self.mood == "limits":
            return Reply(status=429, headers={"retry-after": "0.3"}, body={"error": {"message": "slow down"}})
        is_spoilt = self._rng.random() < 0.5
        if self.mood == "hangs" and is_spoilt:
            return Reply(hang=True)
        if self.mood == "fails" and is_spoilt:
            return Reply(status=500, body={"error": {"message": "internal error"}})
        self.answers[found[1]] += 1
        if self.mood == "drips" and is_spoilt:
            self.dripped += 1
            return Reply(text=GOOD, drip=0.005)
        return Reply(text=GOOD, delay=DELAY_S)
