import math
from functools import partial
from typing import Any

import pytest

from service.judging.logprobs import Token
from tests.stubs.model_server import VERDICT, Answer
from tests.stubs.wire_formats import Kind, Reply, render
from tests.worker.providers import official
from tests.worker.providers.stubbed import completion_of, request, stubbed
from worker.providers.base import ProviderError
from worker.providers.capabilities import Capabilities, Learnt

LOGPROBS = [('{"score": ', {'{"score": ': 1.0}), ("4", {"5": 0.25, "4": 0.5, "3": 0.125, "2": 0.0}), ("}", {})]
TEXT = '{"score": 4}'
TOKENS = (
    Token('{"score": ', (('{"score": ', 0.0),)),
    Token("4", (("4", math.log(0.5)), ("5", math.log(0.25)), ("3", math.log(0.125)), ("2", -9999.0))),
    Token("}", (("}", 0.0),)),  # which the server left out of its alternatives
)
SCORED = Reply(text=TEXT, logprobs=LOGPROBS)


complete = partial(completion_of, logprobs=True)


def most_asked(body: dict[str, Any]) -> int | None:
    """How many alternatives a request asks for; None where it asks for no logprobs at all."""
    config = body.get("generationConfig", body)
    most: int | None = config.get("top_logprobs", config.get("logprobs") if config is not body else None)
    assert config.get("responseLogprobs" if config is not body else "logprobs", False) == (most is not None)
    return most


@pytest.mark.parametrize("schema", [None, request().schema])
async def test_openai_is_asked_as_the_official_sdk_would(schema: Any) -> None:
    async with stubbed("openai") as (provider, server):
        await provider.complete(request(logprobs=True, schema=schema))
    (sent,) = server.requests
    official.openai_request().validate_python(sent.body)
    assert (sent.body["logprobs"], sent.body["top_logprobs"]) == (True, 20)
    assert ("response_format" in sent.body) == (schema is not None)


@pytest.mark.parametrize("schema", [None, request().schema])
async def test_gemini_is_asked_as_the_official_sdk_would(schema: Any) -> None:
    async with stubbed("gemini") as (provider, server):
        await provider.complete(request(logprobs=True, schema=schema))
    config = server.requests[0].body["generationConfig"]
    official.gemini_types().GenerationConfig.model_validate(config)
    assert (config["responseLogprobs"], config["logprobs"]) == (True, 20)
    assert ("responseJsonSchema" in config) == (schema is not None)


def test_the_stub_answers_as_the_official_sdks_read() -> None:
    body = render("openai", SCORED, {"model": "m", "logprobs": True, "top_logprobs": 2})
    logprobs = official.openai_types().ChatCompletion.model_validate_json(body, strict=True).choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [(each.token, len(each.top_logprobs)) for each in logprobs.content] == [
        ('{"score": ', 1),
        ("4", 2),
        ("}", 0),
    ]

    body = render("gemini", SCORED, {"generationConfig": {"responseLogprobs": True, "logprobs": 2}})
    candidates = official.gemini_types().GenerateContentResponse.model_validate_json(body).candidates
    assert candidates is not None
    result = candidates[0].logprobs_result
    assert result is not None
    assert [each.token for each in result.chosen_candidates or []] == ['{"score": ', "4", "}"]
    assert [len(each.candidates or []) for each in result.top_candidates or []] == [1, 2, 0]


@pytest.mark.parametrize("kind", ["openai", "gemini"])
@pytest.mark.parametrize("schema", [None, request().schema])
async def test_the_tokens_are_read_with_their_alternatives(kind: Kind, schema: Any) -> None:
    completion = await complete(kind, SCORED, schema=schema)
    assert (completion.text, completion.tokens) == (TEXT, TOKENS)
    assert completion.source == ("text" if schema is None else "schema")


@pytest.mark.parametrize("kind", ["openai", "gemini", "anthropic"])
async def test_no_logprobs_are_asked_for_unasked(kind: Kind) -> None:
    async with stubbed(kind, lambda body: SCORED) as (provider, server):
        completion = await provider.complete(request())
    assert "logprobs" not in str(server.requests[0].body).lower()
    assert completion.tokens is None


async def test_anthropic_has_none_and_is_not_asked() -> None:
    async with stubbed("anthropic", lambda body: SCORED) as (provider, server):
        assert (await provider.complete(request(logprobs=True))).tokens is None
    assert "logprobs" not in str(server.requests[0].body)


def with_logprobs(kind: Kind, logprobs: Any) -> Reply:
    if kind == "openai":
        choice = {"message": {"content": TEXT}, "finish_reason": "stop", "logprobs": logprobs}
        return Reply(body={"choices": [choice]})
    return Reply(body={"candidates": [{"content": {"parts": [{"text": TEXT}]}, "logprobsResult": logprobs}]})


@pytest.mark.parametrize(
    ("kind", "logprobs"),
    [
        ("openai", None),
        ("openai", {}),
        ("openai", {"content": None}),
        ("openai", {"content": []}),
        ("openai", {"content": [{"token": "4", "logprob": None, "top_logprobs": []}]}),
        ("openai", {"tokens": ["4"], "token_logprobs": [-0.1], "top_logprobs": [{"4": -0.1}]}),  # of completions
        ("openai", [{"token": "4"}]),
        ("openai", "none"),
        ("gemini", None),
        ("gemini", {}),
        ("gemini", {"chosenCandidates": []}),
        ("gemini", {"chosenCandidates": None}),
        ("gemini", {"chosenCandidates": [{"token": 4}]}),
        ("gemini", {"topCandidates": [{"candidates": [{"token": "4", "logProbability": -0.1}]}]}),
    ],
)
async def test_an_answer_with_no_logprobs_or_odd_ones_is_still_an_answer(kind: Kind, logprobs: Any) -> None:
    completion = await complete(kind, with_logprobs(kind, logprobs))
    assert (completion.text, completion.tokens, completion.attempts) == (TEXT, None, 1)


async def test_what_a_server_leaves_out_is_made_up_for() -> None:
    bare = [{"token": "4", "logprob": -0.5}, {"token": ".", "logprob": 0, "top_logprobs": None}]
    tokens = (Token("4", (("4", -0.5),)), Token(".", ((".", 0.0),)))
    assert (await complete("openai", with_logprobs("openai", {"content": bare}))).tokens == tokens
    chosen = [{"token": "4", "logProbability": -0.5}, {"token": "."}]
    result: dict[str, Any] = {"chosenCandidates": chosen}
    assert (await complete("gemini", with_logprobs("gemini", result))).tokens == tokens
    result["topCandidates"] = [{"candidates": [{"token": "4", "logProbability": -0.5}]}, {}]
    assert (await complete("gemini", with_logprobs("gemini", result))).tokens == tokens


async def test_an_ignored_wish_is_asked_again_the_next_time() -> None:
    async with stubbed("openai", lambda body: VERDICT) as (provider, server):
        for _ in range(2):
            assert (await provider.complete(request(logprobs=True))).tokens is None
    assert [most_asked(each.body) for each in server.requests] == [20, 20]


def at_most(limit: int, status: int, message: str, /, **names: Any) -> Answer:
    """A server that gives so many alternatives at most; 0: no logprobs at all."""

    def reply(body: dict[str, Any]) -> Reply:
        most = most_asked(body)
        if most is None or most <= limit:
            return SCORED
        return Reply(status=status, body={"error": {"message": message, **names}})

    return reply


@pytest.mark.parametrize(
    ("kind", "status", "message", "names"),
    [
        ("openai", 403, "You are not allowed to request logprobs from this model", {"type": "invalid_request_error"}),
        ("openai", 400, "Unsupported parameter: 'logprobs' is not supported with this model.", {"param": "logprobs"}),
        ("openai", 400, "This is not supported with this model.", {"param": "top_logprobs"}),
        ("openai", 422, "[{'loc': ['body', 'logprobs'], 'msg': 'Extra inputs are not permitted'}]", {}),  # Mistral
        ("openai", 500, "logprobs is not supported for models created with logits_all=False", {}),  # llama-cpp-python
        ("gemini", 400, "Logprobs is not enabled for models/gemini-2.5-pro", {"status": "INVALID_ARGUMENT"}),
        ("gemini", 400, "Logprobs is not supported for the current model.", {"status": "INVALID_ARGUMENT"}),
    ],
)
@pytest.mark.parametrize("schema", [None, request().schema])
async def test_a_refusal_is_learnt_and_the_answer_had_without(
    kind: Kind, status: int, message: str, names: dict[str, Any], schema: Any
) -> None:
    capabilities = Capabilities()
    reply = at_most(0, status, message, **names)
    async with stubbed(kind, reply, capabilities=capabilities) as (provider, server):
        first = await provider.complete(request(logprobs=True, schema=schema))
        second = await provider.complete(request(logprobs=True, schema=schema))
    assert [first.attempts, second.attempts] == [2, 1]
    assert [first.tokens, second.tokens] == [None, None]
    assert first.source == ("text" if schema is None else "schema")
    assert [most_asked(each.body) for each in server.requests] == [20, None, None]
    assert capabilities.get("stub", "some-model") == Learnt(top_logprobs=0)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("openai", "Invalid value for 'top_logprobs': must be less than or equal to 5."),
        ("openai", "Requested sample logprobs of 20, which is greater than max allowed: 5"),  # vLLM
        ("openai", "Cannot request more than 5 logprobs."),  # vLLM to 0.5
        ("gemini", "The logprobs parameter must be between 1 and 5."),
    ],
)
async def test_a_server_that_gives_fewer_alternatives_is_asked_for_fewer(kind: Kind, message: str) -> None:
    capabilities = Capabilities()
    async with stubbed(kind, at_most(5, 400, message), capabilities=capabilities) as (provider, server):
        first = await provider.complete(request(logprobs=True))
        second = await provider.complete(request(logprobs=True))
    assert first.tokens == second.tokens == TOKENS
    assert [most_asked(each.body) for each in server.requests] == [20, 5, 5]
    assert capabilities.get("stub", "some-model") == Learnt(top_logprobs=5)


async def test_fewer_still_is_none_and_what_was_learnt_is_not_unlearnt() -> None:
    capabilities = Capabilities()
    reply = at_most(2, 400, "top_logprobs must be between 0 and 2")
    async with stubbed("openai", reply, capabilities=capabilities) as (provider, server):
        completion = await provider.complete(request(logprobs=True))
        await capabilities.learn("stub", "some-model", Learnt(rejected=frozenset({"seed"})))
    assert (completion.attempts, completion.tokens) == (3, None)
    assert [most_asked(each.body) for each in server.requests] == [20, 5, None]
    assert capabilities.get("stub", "some-model") == Learnt(top_logprobs=0, rejected=frozenset({"seed"}))


@pytest.mark.parametrize("status", [400, 429])
async def test_an_error_that_stays_without_logprobs_teaches_nothing(status: int) -> None:
    capabilities = Capabilities()
    reply = Reply(status=status, body={"error": {"message": "no more logprobs today"}})
    async with stubbed("openai", lambda body: reply, capabilities=capabilities) as (provider, _):
        with pytest.raises(ProviderError):
            await provider.complete(request(logprobs=True, schema=None))
    assert capabilities.get("stub", "some-model") == Learnt()
