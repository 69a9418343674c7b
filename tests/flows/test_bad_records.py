"""One bad record harms no other: neither what a provider counts, nor one of a newer version, nor a damaged one."""

import msgspec
import pytest
from redis.asyncio import Redis

from service.contracts.judges import Method
from service.judging.methods import METHODS
from service.store import keys
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.faults import GOOD, items
from tests.flows.test_crashes import MODEL, number_of
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply


@pytest.mark.parametrize("count", [9 * 10**18, "1e30", -5])
async def test_impossible_token_counts_of_one_answer_leave_the_others_alone(serve: Serve, count: int | str) -> None:
    def reply(body: Row) -> Reply:
        if number_of(body) != 3:
            return Reply(text=GOOD)
        message = {"message": {"content": GOOD}, "finish_reason": "stop"}
        return Reply(body={"choices": [message], "usage": {"prompt_tokens": count, "completion_tokens": count}})

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job = await judged.judge(items(10), models=[MODEL])
    assert (job["status"], job["counts"]["scored"]) == ("completed", 10)
    assert job["usage"]["input_tokens"] == 9 * 11
    assert job["judgments"][3]["votes"][0]["input_tokens"] is None


@pytest.mark.parametrize(
    "damaged", [b'{"votes": "of another form"}', b"\x01\x02\x00\x00\x00", b"\x07of a newer version"]
)
async def test_a_job_of_a_newer_version_and_a_damaged_vote_leave_the_others_alone(
    serve: Serve, redis: Redis, caplog: pytest.LogCaptureFixture, damaged: bytes
) -> None:
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model, workers=0, retrying=FAST)
        newer = await judged.submit(items(2), models=[MODEL])
        record = msgspec.json.decode(await redis.hget(keys.job(newer), "record"))  # type: ignore[misc]
        changed = {**record, "judges": "of another form"}
        await redis.hset(keys.job(newer), "record", msgspec.json.encode(changed).decode())  # type: ignore[misc]
        good = await judged.submit(items(3), models=[MODEL])
        async with judged.worker():
            assert (await judged.job(good, wait=60))["counts"]["scored"] == 3
            results = keys.chunk_results(good, 0)
            await redis.hset(results, mapping={"1": damaged})  # type: ignore[misc]
            again = await judged.judge(items(3), models=[MODEL])
            assert again["counts"]["scored"] == 3
            assert [each["cached"] for each in again["judgments"]] == [True, False, True]
            listed = (await judged.client.get("/v1/jobs")).json()["jobs"]
            assert [each["id"] for each in listed] == [again["id"], good]

            arq_id = f"judge_chunk:{newer}:0"

            async def is_put_off() -> bool:
                return float(await redis.zscore(keys.QUEUE, arq_id) or 0) > 1e12

            for _ in range(3):  # however often an older worker meets it, it is as if nobody had tried
                await until(is_put_off, "the delay of the job of a newer version")
                assert await redis.hget(keys.job(newer), "tries:0") == b"0"  # type: ignore[misc]
                await redis.zadd(keys.QUEUE, {arq_id: 3})
            await until(is_put_off, "the last delay")
            told = [each.getMessage() for each in caplog.records if newer in each.getMessage()]
            assert len([line for line in told if "can't be read" in line]) == 1, told
            assert not [each for each in caplog.records if each.exc_info]
            await redis.hset(keys.job(newer), "record", msgspec.json.encode(record).decode())  # type: ignore[misc]
            await redis.zadd(keys.QUEUE, {f"judge_chunk:{newer}:0": 3})
            assert (await judged.job(newer, wait=60))["counts"]["scored"] == 2


async def test_a_worker_works_beside_what_a_newer_one_has_noted(serve: Serve, redis: Redis) -> None:
    """Facts about models, a breaker, gauges and lists of models of another form."""
    other_form = msgspec.msgpack.encode({"of": "another form"})
    await redis.hset(keys.CAPABILITIES, mapping={"openai/other": b'{"merges_system": "at times"}'})  # type: ignore[misc]
    await redis.hset(keys.BREAKERS, mapping={"openai/another": other_form})  # type: ignore[misc]
    await redis.hset(keys.MODEL_LISTS, mapping={"openai": other_form})  # type: ignore[misc]
    await redis.set(keys.SAVED_GAUGES, other_form)
    async with ModelServer("openai", lambda body: GOOD) as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        assert (await judged.judge(items(2), models=[MODEL]))["counts"]["scored"] == 2
        assert (await judged.metrics())["judged_workers"] == 1
        assert (await judged.client.get("/readyz")).status_code == 200
        assert (await judged.client.get("/v1/models")).status_code == 200


@pytest.mark.parametrize("cache", [True, False])
async def test_an_item_that_the_template_cannot_show_fails_alone(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, cache: bool
) -> None:
    judge = {
        "criterion": "wit",
        "method": "rating",
        "instructions": "?",
        "template": "{{item.output}} {{item.metadata.kind}}",
    }
    sent = [{"output": "x", "metadata": {"kind": "joke"} if number != 1 else {}} for number in range(3)]
    async with ModelServer("openai", lambda body: "Score: 4") as model:
        judged: Judged = await serve(openai=model, workers=0, retrying=FAST)
        with monkeypatch.context() as earlier_version:
            earlier_version.setattr(type(METHODS[Method.RATING]), "item_problems", lambda *_: [])
            job_id = await judged.submit(sent, judge=judge, models=[MODEL], cache=cache)
        async with judged.worker():
            job = await judged.job(job_id, wait=60)
            results = await judged.judgments(job_id)
    assert job["counts"]["scored"] == 2
    assert job["counts"]["failed"] == 1
    [vote] = next(each["votes"] for each in results if each["outcome"] == "failed")
    assert vote["reason"] == "provider_error"
    assert vote["error"].startswith("no model was asked: the judge's template can't be filled: ")
    assert "kind" in vote["error"]
    assert (vote["attempts"], vote["asks"]) == (0, 0)


async def test_half_a_character_in_an_explanation_costs_neither_the_score_nor_the_job(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: r'{"explanation": "Cut off: \ud83d", "score": 4}') as model:
        judged: Judged = await serve(openai=model, retrying=FAST)
        job_id = await judged.submit([{"output": "x"}], judge="helpfulness", models=[MODEL])
        assert (await judged.job(job_id, wait=60))["counts"]["scored"] == 1
        [judgment] = await judged.judgments(job_id)
    assert (judgment["score"], judgment["explanation"]) == (4, "Cut off: \ufffd")
    assert judgment["votes"][0]["raw_text"] == r'{"explanation": "Cut off: \ud83d", "score": 4}'
    assert model.calls == 1
