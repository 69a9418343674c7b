import asyncio
from typing import Any

import pytest

from service.contracts.outcomes import Reason
from tests.stubs.model_server import VERDICT, Answer
from tests.stubs.wire_formats import Reply
from tests.worker.providers.stubbed import request, stubbed
from worker.providers.base import Message, ProviderError
from worker.providers.capabilities import DOUBTFUL_SECONDS, REFUSED_SECONDS, Capabilities, Learnt
from worker.retrying import Retrying, with_retries


def mode_of(body: dict[str, Any]) -> str:
    """Which of OpenAI's modes a request is in."""
    form = body.get("response_format")
    if form is None:
        return "text"
    return "json_schema" if form["type"] == "json_schema" else "json_object_schema"


def refusing(*modes: str, status: int = 400, message: str = "no such response_format") -> Answer:
    def reply(body: dict[str, Any]) -> str | Reply:
        refused = mode_of(body) in modes
        return Reply(status=status, body={"error": {"message": message}}) if refused else VERDICT

    return reply


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("status", [400, 404, 422, 501])
async def test_a_refused_mode_is_stepped_down_from_and_remembered(status: int) -> None:
    async with stubbed("openai", refusing("json_schema", status=status)) as (provider, server):
        first = await provider.complete(request())
        second = await provider.complete(request())
    modes = [mode_of(each.body) for each in server.requests]
    assert modes == ["json_schema", "json_object_schema", "json_object_schema"]
    assert [first.source, second.source] == ["schema", "schema"]
    assert [first.attempts, second.attempts] == [2, 1]


async def test_the_plainest_mode_is_reached() -> None:
    async with stubbed("openai", refusing("json_schema", "json_object_schema")) as (provider, server):
        completion = await provider.complete(request())
    assert (completion.source, completion.attempts, server.calls) == ("text", 3, 3)


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
async def test_the_other_formats_step_down_too(kind: Any) -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        structured = "response" in str(body) or "tool_choice" in body or "output_config" in body
        return Reply(status=400, body={"error": {"message": "no"}}) if structured else "Score: 4"

    async with stubbed(kind, reply) as (provider, server):
        assert (await provider.complete(request())).text == "Score: 4"
    assert server.calls == 3


async def test_a_required_schema_never_ends_as_text() -> None:
    async with stubbed("openai", refusing("json_schema", "json_object_schema")) as (provider, server):
        await provider.complete(request())
        with pytest.raises(ProviderError, match="no such response_format"):
            await provider.complete(request(schema_required=True))
    assert [mode_of(each.body) for each in server.requests][3:] == ["json_schema", "json_object_schema"]


async def test_the_first_error_is_raised_where_no_mode_helps() -> None:
    def reply(body: dict[str, Any]) -> Reply:
        return Reply(status=400, body={"error": {"message": f"no {mode_of(body)}"}})

    async with stubbed("openai", reply) as (provider, _):
        with pytest.raises(ProviderError, match="no json_schema") as caught:
            await provider.complete(request())
    assert (caught.value.attempts, caught.value.retryable) == (3, False)


async def test_a_passing_error_on_the_way_down_is_raised_to_be_retried() -> None:
    def reply(body: dict[str, Any]) -> Reply:
        return Reply(status=400 if mode_of(body) == "json_schema" else 429)

    async with stubbed("openai", reply) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await provider.complete(request())
    assert (caught.value.reason, caught.value.retryable) == (Reason.RATE_LIMITED, True)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, {"message": "no"}),
        (404, {"message": "The model `x` does not exist.", "type": "NotFoundError"}),
        (404, {"message": 'model "x" not found, try pulling it first'}),  # Ollama
        (400, {"message": "This model's maximum context length is 8 tokens."}),
        (429, {"code": "insufficient_quota"}),
        (402, {"message": "Insufficient credits"}),
        (503, {"message": "busy"}),
        (529, {"message": "busy"}),
    ],
)
async def test_an_error_about_something_else_does_not_step_down(status: int, error: dict[str, str]) -> None:
    async with stubbed("openai", lambda body: Reply(status=status, body={"error": error})) as (
        provider,
        server,
    ):
        for _ in range(2):
            with pytest.raises(ProviderError):
                await provider.complete(request())
    assert server.calls == 2


async def test_a_first_500_is_raised_and_a_second_steps_down_for_a_while() -> None:
    clock = Clock()
    capabilities = Capabilities(clock=clock)
    reply = refusing("json_schema", status=500, message="Internal Server Error")
    async with stubbed("openai", reply, capabilities=capabilities) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await provider.complete(request())
        assert caught.value.retryable
        assert (await provider.complete(request())).attempts == 2
        assert (await provider.complete(request())).attempts == 1
        clock.now += DOUBTFUL_SECONDS
        assert (await provider.complete(request())).attempts == 2


async def test_a_500_does_not_step_down_from_a_mode_that_works() -> None:
    replies = iter([Reply(text=VERDICT), *[Reply(status=500)] * 3, Reply(text=VERDICT)])
    async with stubbed("openai", lambda body: next(replies)) as (provider, server):
        await provider.complete(request())
        for _ in range(3):
            with pytest.raises(ProviderError):
                await provider.complete(request())
        await provider.complete(request())
    assert {mode_of(each.body) for each in server.requests} == {"json_schema"}


async def test_a_refusal_of_one_request_is_not_held_against_a_mode_that_works() -> None:
    def reply(body: dict[str, Any]) -> str | Reply:
        odd = body["messages"][-1]["content"] == "odd" and mode_of(body) == "json_schema"
        return Reply(status=400) if odd else VERDICT

    odd = request(messages=(Message("user", "odd"),))
    async with stubbed("openai", reply) as (provider, server):
        await provider.complete(request())
        assert (await provider.complete(odd)).attempts == 2
        await provider.complete(request())
    assert mode_of(server.requests[-1].body) == "json_schema"


async def test_a_plain_refusal_is_believed_for_a_day() -> None:
    clock = Clock()
    async with stubbed("openai", refusing("json_schema"), capabilities=Capabilities(clock=clock)) as (
        provider,
        server,
    ):
        await provider.complete(request())
        clock.now += REFUSED_SECONDS - 1
        await provider.complete(request())
        server.reply = lambda body: VERDICT
        clock.now += 1
        await provider.complete(request())
    modes = [mode_of(each.body) for each in server.requests]
    assert modes == ["json_schema", "json_object_schema", "json_object_schema", "json_schema"]


async def test_256_calls_at_once_to_an_unknown_model_all_end_right_and_save_once() -> None:
    def reply(body: dict[str, Any]) -> Reply:
        if "max_tokens" in body:
            message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        elif mode_of(body) == "json_schema":
            message = "Unknown response_format"
        else:
            return Reply(text=VERDICT, delay=0.01)
        return Reply(status=400, body={"error": {"message": message}}, delay=0.01)

    async def save(provider: str, model: str, learnt: Learnt) -> None:
        await asyncio.sleep(0)
        saved.append(learnt)

    saved: list[Learnt] = []
    async with stubbed("openai", reply, capabilities=Capabilities(save)) as (provider, _):
        completions = await asyncio.gather(*(provider.complete(request()) for _ in range(256)))
    assert {(each.text, each.source, each.attempts) for each in completions} == {(VERDICT, "schema", 3)}
    assert [(each.mode, each.max_completion_tokens) for each in saved] == [("json_object_schema", True)]


async def test_256_calls_at_once_that_meet_a_500_end_right_after_one_retry() -> None:
    reply = refusing("json_schema", status=500)
    at_once = Retrying(base=0)
    async with stubbed("openai", reply) as (provider, _):
        calls = (with_retries(lambda: provider.complete(request()), retrying=at_once) for _ in range(256))
        answers = await asyncio.gather(*calls)
    assert {answer.completion.text for answer in answers} == {VERDICT}


async def test_what_was_saved_is_taken_over() -> None:
    capabilities = Capabilities(clock=Clock())
    learnt = Learnt(mode="json_object_schema", mode_until=2_000_000.0, rejected=frozenset({"temperature"}))
    capabilities.load({("stub", "some-model"): learnt})
    async with stubbed("openai", capabilities=capabilities) as (provider, server):
        await provider.complete(request())
    assert mode_of(server.requests[0].body) == "json_object_schema"
    assert "temperature" not in server.requests[0].body


async def test_a_mode_saved_by_another_version_is_ignored() -> None:
    capabilities = Capabilities(clock=Clock())
    capabilities.load({("stub", "some-model"): Learnt(mode="telepathy", mode_until=2_000_000.0)})
    async with stubbed("openai", capabilities=capabilities) as (provider, server):
        await provider.complete(request())
    assert mode_of(server.requests[0].body) == "json_schema"


async def test_an_answer_is_not_lost_when_saving_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def save(provider: str, model: str, learnt: Learnt) -> None:
        raise ConnectionError("the store is away")

    async with stubbed("openai", refusing("json_schema"), capabilities=Capabilities(save)) as (provider, _):
        assert (await provider.complete(request())).text == VERDICT
    assert "was not saved" in caplog.text


async def test_models_and_providers_are_remembered_apart() -> None:
    capabilities = Capabilities()
    async with stubbed("openai", refusing("json_schema"), capabilities=capabilities) as (provider, _):
        await provider.complete(request())
    assert capabilities.get("stub", "some-model").mode == "json_object_schema"
    assert capabilities.get("stub", "other-model") == Learnt()
    assert capabilities.get("other", "some-model") == Learnt()
