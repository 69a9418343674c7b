"""The room of a worker for chunks, by provider."""

from service.config.settings import ProviderSettings
from service.store.jobs import CHUNK_JUDGMENTS
from worker.limits import CallLimits
from worker.rooms import MOST_CALLBACKS, WorkerRooms


def limits_of(*names: str) -> CallLimits:
    return CallLimits(100, {name: ProviderSettings(kind="openai", base_url="http://127.0.0.1:9") for name in names})


def test_each_provider_has_its_own_room_for_large_chunks_and_for_small_ones() -> None:
    rooms = WorkerRooms(100, limits_of("one", "two"))
    assert rooms.free().providers == {"one": (200, 100), "two": (200, 100)}
    rooms.taken("judge_chunk:a:0", "50\tone/m")
    rooms.taken("judge_chunk:b:0", "1\tone/m\ttwo/n")
    assert rooms.free().providers == {"one": (150, 99), "two": (200, 99)}
    rooms.ended("judge_chunk:a:0")
    rooms.ended("judge_chunk:b:0")
    assert rooms.free().providers == {"one": (200, 100), "two": (200, 100)}


def test_baselines_have_few_chunks_at_once_and_callbacks_their_own_room() -> None:
    rooms = WorkerRooms(100, limits_of("one"))
    rooms.taken("judge_chunk:a:0", f"{CHUNK_JUDGMENTS}\tcontrol/length")
    rooms.taken("call_back:a", "")
    free = rooms.free()
    assert free.providers["control"] == (CHUNK_JUDGMENTS, 100)
    assert free.functions == {"call_back": MOST_CALLBACKS - 1}
    rooms.ended("call_back:a")
    assert rooms.free().functions == {"call_back": MOST_CALLBACKS}


def test_chunks_that_would_be_put_off_again_are_taken_now_and_then() -> None:
    now = [0.0]
    limits = limits_of("one")
    assert limits.breaker("one/m") is not None
    limits.providers["one"].turns.pause(60.0)
    rooms = WorkerRooms(100, limits, lambda: now[0])
    free = rooms.free()
    assert (free.blocked, free.blocked_chunks) == ({"one/m": True}, 1)
    assert rooms.free().blocked_chunks == 0
    now[0] += 1
    assert rooms.free().blocked_chunks == 1
