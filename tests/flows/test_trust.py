"""The trust in a judge over HTTP: the verdict, its reasons, and the baselines on the same labelled items."""

import json
from typing import Any

import pytest

from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.flows.test_labels import command, is_sound, labelled
from tests.stubs.model_server import ModelServer

MODEL = "openai/gpt-4.1-mini"
FOUND = {
    "criterion": "found",
    "method": "pass_fail",
    "instructions": "Does it have the secret word?",
    "models": [MODEL],
}
ITEMS = 60


def item(number: int) -> Row:
    """Every third has the word; its length, and the words that it shares with the input, have nothing to do with it."""
    has_it = number % 3 == 0
    return {
        "id": f"t/{number}",
        "input": "red" if number % 2 else "green blue",
        "output": " ".join([*(["gold"] if has_it else []), *["blue"] * (number * 7 % 60)]),
    }


def label(number: int, annotator: str = "ann", value: str | None = None) -> Row:
    said = value or ("pass" if number % 3 == 0 else "fail")
    return {"item_id": f"t/{number}", "criterion": "found", "annotator": annotator, "label": said}


def told(body: Row) -> str:
    """What a model says that knows the word."""
    verdict = "pass" if "gold" in body["messages"][-1]["content"] else "fail"
    return json.dumps({"explanation": "It says so.", "verdict": verdict})


async def report(judged: Judged, **query: Any) -> Row:
    response = await judged.client.get("/v1/agreement", params={"judge": "found", **query})
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def test_a_judge_is_compared_with_the_baselines_and_with_people_on_the_same_items(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ModelServer("openai", told) as model:
        judged: Judged = await serve(retrying=FAST, openai=model)
        assert (await judged.client.put("/v1/judges/found", json=FOUND)).status_code == 201
        none = await report(judged)
        assert none["trust"]["verdict"] == "too_few_labels"
        assert none["trust"]["because"][0].startswith("Nothing to compare yet")
        await labelled(judged, *[label(number) for number in range(ITEMS // 2)])  # before they are judged, and after
        await judged.judge([item(number) for number in range(ITEMS)], judge="found")
        await labelled(judged, *[label(number) for number in range(ITEMS // 2, ITEMS)])
        found = await report(judged)
        assert (found["pairs"], found["without_baselines"]) == (ITEMS, 0)
        assert found["baselines"].keys() == {"control/length", "control/overlap"}
        assert found["baselines"]["control/length"].keys() == found["statistics"].keys()
        assert (found["trust"]["verdict"], found["flags"]) == ("better_than_baselines", [])
        reasons = found["trust"]["because"]
        assert reasons[0].startswith("Of the 40 fails that people saw, it caught 40 (100%, ")
        assert reasons[2].startswith("It beats text length by ")
        assert reasons[-1].startswith("Let a second person label")
        await labelled(judged, *[label(number, "bob") for number in range(ITEMS)])
        assert (await report(judged))["trust"]["verdict"] == "as_good_as_people"
        await is_sound(judged)
        assert await command("agreement", "found", "--url", str(judged.client.base_url)) == 0
        shown = capsys.readouterr().out
        assert shown.startswith("Verdict: as good as people\n- Of the 80 labels that say fail, it caught 80")
        for word in ("text length", "word overlap", "share of people's fails that it failed"):
            assert word in shown


async def test_the_baselines_say_what_they_say_as_judges(serve: Serve) -> None:
    judged: Judged = await serve()
    baselines = {**FOUND, "models": ["control/length", "control/overlap"]}
    assert (await judged.client.put("/v1/judges/found", json=baselines)).status_code == 201
    await judged.judge([item(number) for number in range(ITEMS)], judge="found")
    await labelled(judged, *[label(number) for number in range(ITEMS)])
    found = {name: await report(judged, model=f"control/{name}") for name in ("length", "overlap")}
    for name, other in (("length", "overlap"), ("overlap", "length")):
        assert found[name]["baselines"] == {f"control/{other}": found[other]["statistics"]}
        trust = found[name]["trust"]
        assert trust["verdict"] not in ("better_than_baselines", "as_good_as_people")
        assert any(each.startswith("It is itself the baseline") for each in trust["because"])


async def test_a_judge_that_guesses_and_one_with_few_labels_are_told_apart(serve: Serve) -> None:
    judged: Judged = await serve()
    assert (
        await judged.client.put("/v1/judges/found", json={**FOUND, "models": ["control/length"]})
    ).status_code == 201
    await judged.judge([item(number) for number in range(2 * ITEMS)], judge="found")
    await labelled(judged, *[label(number) for number in range(12)])
    few = await report(judged)
    assert (few["trust"]["verdict"], few["trust"]["more_labels"]) == ("too_few_labels", 18)
    assert "not_better_than_chance" not in few["flags"]
    await labelled(judged, *[label(number, value="pass" if number * 11 % 7 < 3 else "fail") for number in range(120)])
    guess = await report(judged)
    assert (guess["trust"]["verdict"], "not_better_than_chance" in guess["flags"]) == ("not_better_than_chance", True)
