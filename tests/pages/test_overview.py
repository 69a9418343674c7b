"""The overview: jobs under way, and the cost of the shown model alone."""

import json

import pytest

from service.config.sections import PriceSettings
from tests.flows.conftest import Judged, Row, Serve
from tests.pages.lived_in import MODEL, item
from tests.pages.reading import Page, page_of
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

DEAR = "openai/dear-model"
ANSWER = Reply(text=json.dumps({"explanation": "Fine.", "score": 4}), input_tokens=1000, output_tokens=100)


async def overview(judged: Judged) -> Page:
    return page_of(await judged.client.get("/"))


async def test_the_cost_of_a_card_is_of_its_model_alone(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: ANSWER) as model:
        prices = {DEAR: PriceSettings(input=1.0, output=10.0)}
        judged = await serve(openai=model, changes={"prices": prices})
        items = [item(number) for number in range(4)]
        await judged.judge(items, "helpfulness", models=[DEAR])
        alone = await overview(judged)
        await judged.judge(items, "helpfulness", models=["control/length"])
        await judged.judge(items, ["helpfulness", "politeness"], models=[DEAR])
        beside = await overview(judged)
        for page in (alone, beside):
            assert "Cost$2.00 for 1,000 judgments, by the 4 of its newest jobs" in page.words


async def test_a_baseline_has_no_next_step(serve: Serve) -> None:
    judged = await serve()
    items = [{"id": f"i{number}", "output": "word " * (1 + number * 20)} for number in range(40)]
    await judged.judge(items, "helpfulness", models=["control/length"])
    without = page_of(await judged.client.get("/judges/helpfulness/items"))
    assert "None: of no item does a label differ from the judge's answer, or none has both." in without.words
    labels = [
        {"item_id": f"i{number}", "criterion": "helpfulness", "annotator": name, "score": 1 + (number * 7 + shift) % 5}
        for number in range(40)
        for shift, name in enumerate(("ann", "ben"))
    ]
    await judged.client.post("/v1/labels", json={"labels": labels})
    report = (await judged.client.get("/v1/agreement?judge=helpfulness&model=control/length")).json()
    assert report["trust"]["verdict"] is not None
    page = await overview(judged)
    assert "40 items" in page.words
    assert "Next:" not in page.words  # its last reason is none


async def test_versions_are_shown_by_the_model_of_the_page(serve: Serve) -> None:
    judged = await serve()
    items = [{"id": f"i{number}", "output": "word " * (1 + number)} for number in range(3)]
    await judged.judge(items, "helpfulness", models=["control/overlap"])
    labels = [{"item_id": each["id"], "criterion": "helpfulness", "annotator": "ann", "score": 3} for each in items]
    await judged.client.post("/v1/labels", json={"labels": labels})
    await judged.judge([{"output": "other"}], "helpfulness", models=["control/length", "control/overlap"])
    page = page_of(await judged.client.get("/judges/helpfulness?model=control/overlap"))
    assert "3control/overlap" in page.words  # 3 pairs; the panel, which is the usual model by now, has none
    assert "/judges/helpfulness%401?model=control%2Foverlap" in page.links


async def test_judges_that_do_not_fit_are_linked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.pages.overview._MOST_CARDS", 1)
    judged = await serve()
    for name in ("helpfulness", "politeness", "coherence"):
        await judged.judge([{"output": "word"}], name, models=["control/length"])
    page = await overview(judged)
    assert "Judged before these" in page.words
    assert {"/judges/helpfulness%401", "/judges/politeness%401"} <= {*page.links}


async def test_jobs_under_way_are_shown_until_they_are_over(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: ANSWER) as model:
        judged = await serve(openai=model, workers=0)
        assert "Judging now" not in (await overview(judged)).words
        job_id = await judged.submit([item(number) for number in range(4)], models=[MODEL])
        page = await overview(judged)
        assert "Judging now" in page.words
        assert "0 of 4 judgments" in page.words
        assert f"/jobs/{job_id}" in page.links
        for path in ("/", "/jobs", f"/jobs/{job_id}"):
            assert "No worker is alive" in page_of(await judged.client.get(path)).words
        await judged.client.delete(f"/v1/jobs/{job_id}")
        assert "Judging now" not in (await overview(judged)).words
        assert "No worker is alive" not in page_of(await judged.client.get(f"/jobs/{job_id}")).words


async def test_a_judge_of_rankings_is_listed_without_figures(serve: Serve) -> None:
    def ranked(body: Row) -> str:
        return json.dumps({"explanation": "So.", "ranking": [1, 2]})

    async with ModelServer("openai", ranked) as model:
        judged = await serve(openai=model)
        order = {"criterion": "wit", "method": "ranking", "instructions": "Which is funnier?", "models": [MODEL]}
        await judged.client.put("/v1/judges/funnier", json=order)
        await judged.judge([{"output": None, "outputs": ["a", "b"]}], "funnier")
        page = await overview(judged)
        assert "Nothing has been judged yet" not in page.words
        assert "/judges/funnier%401" in page.links
        shown = page_of(await judged.client.get("/judges/funnier%401"))
        assert "There are no figures: no agreement is defined for the answers of its method." in shown.words
        assert "/jobs?judge=funnier%401" in shown.links
        assert "not used" not in shown.words


async def test_pages_link_to_grafana_if_its_address_is_set(serve: Serve) -> None:
    async with ModelServer("openai", lambda body: ANSWER) as model:
        judged = await serve(openai=model, changes={"server": {"grafana_url": "https://grafana.lan/"}})
        await judged.judge([item(1)], models=[MODEL])
        assert "https://grafana.lan/d/judged-trust" in (await overview(judged)).links
        page = page_of(await judged.client.get("/judges/helpfulness"))
        [link] = [each for each in page.links if "var-judge" in each]
        assert link.startswith("https://grafana.lan/d/judged-trust?var-judge=helpfulness&var-version=1&")
        assert "var-model=openai%2Fgpt-4.1-mini" in link
