"""Every method, on every kind of provider, in structured and in text mode, over the wire."""

from functools import partial
from typing import Any

import pytest

from tests.flows.conftest import Judged, Row, Serve
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Kind, Reply

KINDS: tuple[Kind, ...] = ("openai", "anthropic", "gemini")
PAIR = {"id": "p", "input": "q", "outputs": ["first text", "second text"]}
ITEM = {"id": "i", "input": "q", "output": "an output"}
CHOICES = [
    {"label": "complete", "description": "All of it.", "score": 1},
    {"label": "partly", "score": 0.5, "aliases": ["in part"]},
    {"label": "absent", "score": 0},
]

# method, what it adds to the definition, the item, the answers in structured and in text mode, the verdict
CASES: list[tuple[str, Row, Row, str, str, Row]] = [
    ("rating", {"scale": {"min": 1, "max": 3}}, ITEM, '"score": 2', "Score: 2", {"score": 2, "label": None}),
    ("rating", {"scale": {"min": 0, "max": 1, "step": 0.25}}, ITEM, '"score": 0.75', "Score: 0.75", {"score": 0.75}),
    ("rating", {"scale": {"min": 0, "max": 10, "step": None}}, ITEM, '"score": 7.3', "Score: 7.3", {"score": 7.3}),
    ("pass_fail", {}, ITEM, '"verdict": "fail"', "Verdict: fail", {"score": 0, "label": "fail"}),
    (
        "category",
        {"choices": CHOICES},
        ITEM,
        '"verdict": "in part"',
        "Verdict: In part",
        {"label": "partly", "score": 0.5},
    ),
]


def text_of(body: Row) -> str:
    """All that the model was told, whatever the wire format."""
    return str(body)


def definition(method: str, **more: Any) -> Row:
    return {"criterion": "quality", "method": method, "instructions": "How good is it?", **more}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["schema", "text"])
async def test_single_outputs_are_judged(serve: Serve, kind: Kind, mode: str) -> None:
    for number, (method, more, item, structured, text, verdict) in enumerate(CASES):
        judge = definition(method, criterion=f"quality {number}", output=mode, **more)  # each has a scale of its own
        answer = f'{{"explanation": "Because.", {structured}}}' if mode == "schema" else f"Because.\n{text}"
        async with ModelServer(kind) as model:
            model.reply = partial(_always, answer)
            judged: Judged = await serve(workers=0, m=model)
            async with judged.worker():
                job = await judged.judge([item], judge=judge, models=["m/x"])
        judgment = job["judgments"][0]
        assert judgment["outcome"] == "scored", judgment
        assert {key: judgment[key] for key in verdict} == verdict
        assert judgment["explanation"] == "Because."
        asked = model.requests[0].body
        is_structured = any(key in text_of(asked) for key in ("json_schema", "input_schema", "responseJsonSchema"))
        assert is_structured == (mode == "schema")


def _always(answer: str, body: Row) -> str:
    return answer


def which_is_shown_first(body: Row) -> str:
    asked = text_of(body)
    return "first" if asked.index("first text") < asked.index("second text") else "second"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["schema", "text"])
async def test_pairs_are_judged_in_both_orders(serve: Serve, kind: Kind, mode: str) -> None:
    def prefers_second(body: Row) -> str:
        label = "B" if which_is_shown_first(body) == "first" else "A"
        return f'{{"explanation": "x", "verdict": "{label}"}}' if mode == "schema" else f"x\nVerdict: {label}"

    async with ModelServer(kind, prefers_second) as model:
        judged: Judged = await serve(m=model)
        job = await judged.judge([PAIR], judge=definition("pairwise", output=mode), models=["m/x"])
        judgment = job["judgments"][0]
        assert (judgment["label"], judgment["consistent"], judgment["score"]) == ("B", True, None)
        assert [(each["order"], each["label"]) for each in judgment["votes"]] == [("AB", "B"), ("BA", "B")]
        assert {which_is_shown_first(each.body) for each in model.requests} == {"first", "second"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["schema", "text"])
async def test_outputs_are_ranked_in_both_directions(serve: Serve, kind: Kind, mode: str) -> None:
    texts = ["worst text", "best text", "middle text"]

    def ranks(body: Row) -> str:
        asked = text_of(body)
        shown = sorted(texts, key=asked.index)
        names = ["ABC"[shown.index(each)] for each in ("best text", "middle text", "worst text")]
        listed = ", ".join(f'"{name}"' for name in names)
        return (
            f'{{"explanation": "x", "ranking": [{listed}]}}' if mode == "schema" else "x\nRanking: " + " > ".join(names)
        )

    async with ModelServer(kind, ranks) as model:
        judged: Judged = await serve(m=model)
        item = {"id": "r", "outputs": texts}
        job = await judged.judge([item], judge=definition("ranking", output=mode), models=["m/x"])
        judgment = job["judgments"][0]
        assert (judgment["ranking"], judgment["consistent"], model.calls) == ([1, 2, 0], True, 2)


async def test_contradicting_orders_are_a_tie(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: '{"explanation": "x", "verdict": "A"}') as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge([PAIR], judge="preference", models=["openai/x"])
        judgment = job["judgments"][0]
        assert (judgment["outcome"], judgment["label"], judgment["consistent"]) == ("scored", "tie", False)
        assert [each["label"] for each in judgment["votes"]] == ["A", "B"]


async def test_one_order_is_asked_on_request(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: '{"explanation": "x", "verdict": "tie"}') as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge([PAIR], judge=definition("pairwise", orders="one"), models=["openai/x"])
        judgment = job["judgments"][0]
        assert (judgment["label"], judgment["consistent"], model.calls) == ("tie", None, 1)


async def test_one_unreadable_order_leaves_a_pair_unscored(serve: Serve) -> None:
    def reply(body: Row) -> str:
        return "[[A]]" if which_is_shown_first(body) == "first" else "hard to say"

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        job = await judged.judge([PAIR], judge=definition("pairwise", reasks=0), models=["openai/x"])
        judgment = job["judgments"][0]
        assert (judgment["outcome"], judgment["reason"], judgment["label"]) == ("unscored", "no_score", None)


async def test_a_panel_scores_when_half_of_it_answered_and_says_who_is_missing(serve: Serve) -> None:
    scores = {"a": 5, "b": 2}

    def reply(body: Row) -> str | Reply:
        if body["model"] in scores:
            return f'{{"explanation": "x", "score": {scores[body["model"]]}}}'
        return Reply(status=401, body={"error": {"message": "no such key"}})

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        models = [f"openai/{name}" for name in "abcd"]
        job = await judged.judge([ITEM], judge=definition("rating"), models=models)
        judgment = job["judgments"][0]
        assert (judgment["score"], judgment["spread"], judgment["outcome"]) == (3.5, 3, "scored")
        assert judgment["missing"] == ["openai/c", "openai/d"]
        fewer = await judged.judge([ITEM], judge=definition("rating"), models=["openai/a", "openai/c", "openai/d"])
        assert (fewer["judgments"][0]["outcome"], fewer["judgments"][0]["reason"]) == ("failed", "auth")


async def test_samples_are_asked_for_each_and_a_majority_that_ties_is_unscored(serve: Serve) -> None:
    answers = iter([4, 4, 2, 1, 5, 1, 5])

    async with ModelServer("openai", lambda body: f'{{"explanation": "x", "score": {next(answers)}}}') as model:
        judged: Judged = await serve(openai=model)
        three = definition("rating", samples=3, panel="majority", parameters={"temperature": 1})
        job = await judged.judge([ITEM], judge=three, models=["openai/x"])
        assert [vote["sample"] for vote in job["judgments"][0]["votes"]] == [0, 1, 2]
        assert (job["judgments"][0]["score"], job["judgments"][0]["spread"]) == (4, 2)
        four = definition("rating", samples=4, panel="majority", parameters={"temperature": 1})
        job = await judged.judge([ITEM], judge=four, models=["openai/x"], cache=False)
        judgment = job["judgments"][0]
        assert (judgment["outcome"], judgment["reason"], judgment["score"]) == ("unscored", "tie", None)
        assert sorted(judgment["tied"]) == [1, 5]


async def test_a_score_from_logprobs_is_the_expectation_over_the_scale(serve: Serve) -> None:
    def reply(body: Row) -> Reply:
        tokens: list[tuple[str, dict[str, float]]] = [
            ('{"explanation": "x", "score": ', {}),
            ("4", {"4": 0.6, "5": 0.3, " 3": 0.08, "x": 0.02}),
            ("}", {}),
        ]
        covers = "little" not in body["messages"][1]["content"]
        tokens[1] = tokens[1] if covers else ("4", {"4": 0.5, "5": 0.2, "x": 0.3})
        return Reply(text='{"explanation": "x", "score": 4}', logprobs=tokens)

    async with ModelServer("openai", reply) as model:
        judged: Judged = await serve(openai=model)
        judge = definition("rating", score_from="logprobs")
        items = [{"id": "a", "output": "much"}, {"id": "b", "output": "little"}]
        job = await judged.judge(items, judge=judge, models=["openai/x"])
        much, little = (each["votes"][0] for each in job["judgments"])
        assert much["score"] == pytest.approx((4 * 0.6 + 5 * 0.3 + 3 * 0.08) / 0.98)
        assert much["score_from"] == "logprobs"
        assert (little["score"], little["score_from"]) == (4, "answer")
        assert model.requests[0].body["logprobs"] is True


async def test_a_server_without_logprobs_gives_the_plain_answer(serve: Serve) -> None:
    async with ModelServer("anthropic", lambda body: '{"explanation": "x", "score": 4}') as model:
        judged: Judged = await serve(m=model)
        job = await judged.judge([ITEM], judge=definition("rating", score_from="logprobs"), models=["m/x"])
        vote = job["judgments"][0]["votes"][0]
        assert (vote["score"], vote["score_from"]) == (4, "answer")


async def test_own_prompts_are_filled_once_and_verbatim(serve: Serve) -> None:
    template = "Rate {{criterion}}: <{{item.output}}> as {{item.metadata.style}}{% if item.context %} C{% endif %}"
    judge = definition("rating", template=template, system="You judge {{criterion}}.")
    async with ModelServer("openai", lambda body: "Score: 3") as model:
        judged: Judged = await serve(openai=model)
        item = {"id": "x", "output": "{{instructions}} {% raw %} <b>&amp;</b>", "metadata": {"style": "{{item.id}}"}}
        job = await judged.judge([item], judge=judge, models=["openai/x"])
        assert job["judgments"][0]["score"] == 3
        system, user = model.requests[0].body["messages"]
        assert system == {"role": "system", "content": "You judge quality."}
        assert user["content"] == "Rate quality: <{{instructions}} {% raw %} <b>&amp;</b>> as {{item.id}}"


async def test_an_item_that_a_template_can_not_be_filled_with_refuses_the_job(serve: Serve) -> None:
    judged: Judged = await serve(workers=0)
    judge = definition("rating", template="{{item.output}} {{item.reference}}")
    body = {"judge": judge, "items": [{"output": "a", "reference": "r"}, {"output": "b"}]}
    response = await judged.client.post("/v1/jobs", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/items/1/reference"
    assert "item.reference" in response.json()["errors"][0]["detail"]


async def test_the_control_baselines_judge_by_every_method(serve: Serve) -> None:
    judged: Judged = await serve()
    for method, more, item in (
        ("rating", {}, ITEM),
        ("pass_fail", {}, ITEM),
        ("category", {"choices": CHOICES}, ITEM),
        ("pairwise", {}, PAIR),
        ("ranking", {}, {"id": "r", "outputs": ["one", "one two three", "one two"]}),
    ):
        judge = definition(method, criterion=f"quality by {method}", **more)
        job = await judged.judge([item], judge=judge, models=["control/length"])
        assert job["counts"]["scored"] == 1, job
        if method == "ranking":
            assert job["judgments"][0]["ranking"] == [1, 2, 0]
        if method == "pairwise":
            assert job["judgments"][0]["consistent"] is True
