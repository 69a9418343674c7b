"""Labelling on a page: blind, each annotator apart, and never the wrong item."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import OpenApi
from tests.api.test_access import LABELS, READS, RULES, key
from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.pages.lived_in import JUDGE, MODEL, PAIR, SAFE, answer
from tests.pages.reading import Page, page_of
from tests.pages.test_sessions import FOREIGN, OWN, sign_in
from tests.stubs.model_server import ModelServer

SAID = "as the wording shows"  # in each explanation of the judge
QUEUE = "/label?criterion=courtesy"


def item(number: int, text: str = "courtesy level 2") -> Row:
    return {"id": f"t-{number}", "input": f"Question {number}", "output": f"Answer {number}, {text}."}


class Labeller:
    """Somebody who reads the pages and sends their forms, as a browser without scripts does."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def see(self, path: str, status: int = 200) -> Page:
        return page_of(await self.client.get(path), status)

    async def send(self, path: str, form: Row, status: int = 200) -> Page:
        """Sends a form and reads the page that it leads to."""
        response = await self.client.post(path, data=form, headers=OWN, follow_redirects=True)
        return page_of(response, status)

    async def called(self, name: str) -> None:
        self.client.cookies.clear()
        response = await self.client.post("/label/name", data={"annotator": name, "next": QUEUE}, headers=OWN)
        assert (response.status_code, response.headers["location"]) == (303, QUEUE)

    async def labels(self, **query: str) -> list[Row]:
        found: list[Row] = (await self.client.get("/v1/labels", params=query)).json()["labels"]
        return found


def link(page: Page, text: str) -> str:
    """The address of the link that has a key."""
    [found] = [str(each["href"]) for tag, each in page.elements if tag == "a" and each.get("data-key") == text]
    return found


def shown_item(page: Page) -> str:
    return page.form("/label")["item"]


async def courteous(serve: Serve, model: ModelServer, items: int = 4, **changes: Any) -> Judged:
    judged: Judged = await serve(retrying=FAST, openai=model, changes=changes)
    assert (await judged.client.put("/v1/judges/courtesy", json=JUDGE)).status_code == 201
    await judged.judge([item(number) for number in range(items)], "courtesy")
    return judged


async def test_an_annotator_labels_an_item_blind_and_then_sees_the_judges_answer(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await courteous(serve, model)
        ann = Labeller(judged.client)
        listed = await ann.see("/label")
        assert QUEUE in listed.links
        assert "4 items wait, 0 labels so far" in listed.words
        asked = await ann.see(QUEUE)
        assert "Who labels?" in asked.words
        await ann.called("ann ä/")
        page = await ann.see(QUEUE)
        assert "Is the answer polite?" in page.words
        assert "Very kind." in page.words
        assert SAID not in page.text
        assert not [each for each in page.links if each.startswith("/items")]
        [queued] = (await judged.client.get("/v1/labels/queue?criterion=courtesy&limit=1")).json()["items"]
        form = page.form("/label")
        assert (form["item"], form["content"]) == (queued["item_id"], queued["content"])
        revealed = await ann.send("/label", {**form, "value": "4", "comment": " So so.\r\nReally. "})
        assert "You gave 4" in revealed.words
        assert f"The judge courtesy@1 ({MODEL}) gave 2" in revealed.words
        assert SAID in revealed.text
        assert f"/items/{form['item']}" in revealed.links
        [stored] = await ann.labels()
        kept = {name: stored[name] for name in ("item_id", "annotator", "score", "comment", "selection")}
        assert kept == {
            **{"item_id": form["item"], "annotator": "ann ä/", "score": 4, "comment": "So so.\nReally."},
            "selection": queued["selection"],
        }
        assert stored["probability"] == pytest.approx(queued["probability"])
        following = await ann.see(link(revealed, "Enter"))
        assert shown_item(following) != form["item"]
        assert SAID not in following.text
        assert "1 by you in this sitting" in following.words


async def test_sending_a_form_again_changes_nothing_and_another_value_replaces(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        ann = Labeller((await courteous(serve, model)).client)
        await ann.called("ann")
        form = (await ann.see(QUEUE)).form("/label")
        for value, score in (("4", 4), ("4", 4), ("2", 2)):
            page = await ann.send("/label", {**form, "value": value})
            assert [each["score"] for each in await ann.labels()] == [score]
            assert f"You gave {score}" in page.words
        commented = await ann.send("/label", {**page.form("/label"), "comment": "Hm."})
        assert "Hm." in commented.text
        assert [(each["score"], each["comment"]) for each in await ann.labels()] == [(2, "Hm.")]


async def test_undo_takes_the_last_label_back_and_goes_to_its_item(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        ann = Labeller((await courteous(serve, model)).client)
        await ann.called("ann")
        first = (await ann.see(QUEUE)).form("/label")
        revealed = await ann.send("/label", {**first, "value": "4"})
        back = await ann.send("/label/undo", revealed.form("/label/undo"))
        assert await ann.labels() == []
        assert back.form("/label") == first  # the same item and texts, and the same place in the queue
        assert SAID not in back.text
        revealed = await ann.send("/label", {**back.form("/label"), "value": "3"})
        following = await ann.see(link(revealed, "Enter"))
        undo = following.form("/label/undo")
        assert undo["item"] == first["item"]
        back = await ann.send("/label/undo", undo)
        assert await ann.labels() == []
        assert shown_item(back) == first["item"]
        await ann.send("/label/undo", undo)  # once more is harmless
        revealed = await ann.send("/label", {**back.form("/label"), "value": "5"})
        assert shown_item(await ann.see(link(revealed, "Enter"))) == shown_item(following)
        assert (await ann.labels())[0]["probability"] is not None


async def test_skipped_items_come_again_at_the_end(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        ann = Labeller((await courteous(serve, model, items=3)).client)
        await ann.called("ann")
        page = await ann.see(QUEUE)
        skipped = shown_item(page)
        page = await ann.see(link(page, "s"))
        for _ in range(2):
            assert shown_item(page) != skipped
            revealed = await ann.send("/label", {**page.form("/label"), "value": "4"})
            page = await ann.see(link(revealed, "Enter"))
        assert "This is the end of the queue. Some items that you skipped still wait" in page.words
        assert len(await ann.labels()) == 2
        page = await ann.see(link(page, "Enter"))
        assert shown_item(page) == skipped
        revealed = await ann.send("/label", {**page.form("/label"), "value": "4"})
        page = await ann.see(link(revealed, "Enter"))
        assert "Done: you have labelled everything that waits for you." in page.words
        back = await ann.send("/label/undo", page.form("/label/undo"))
        assert shown_item(back) == skipped


async def test_each_annotator_has_a_queue_of_their_own(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        ann = Labeller((await courteous(serve, model, items=2)).client)
        for name in ("ann", "bob"):
            await ann.called(name)
            page = await ann.see(QUEUE)
            for _ in range(2):
                assert SAID not in page.text
                revealed = await ann.send("/label", {**page.form("/label"), "value": "4"})
                page = await ann.see(link(revealed, "Enter"))
            assert "Done" in page.words
        assert sorted((each["annotator"], each["item_id"]) for each in await ann.labels()) == [
            *(("ann", "t-0"), ("ann", "t-1"), ("bob", "t-0"), ("bob", "t-1")),
        ]
        await ann.called("cem")
        shared = await ann.see(f"{QUEUE}&per_item=2")
        assert "No item waits for you. Items are left out once 2 people have labelled them." in shared.words
        assert shown_item(await ann.see(f"{QUEUE}&per_item=3"))
        revealed = await ann.see(f"{QUEUE}&item=t-0")  # another's label does not open the judge's answer
        assert SAID not in revealed.text


async def test_a_form_of_texts_that_have_changed_is_refused_with_a_way_on(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await courteous(serve, model, items=2)
        ann = Labeller(judged.client)
        await ann.called("ann")
        form = (await ann.see(QUEUE)).form("/label")
        number = int(form["item"].removeprefix("t-"))
        await judged.judge([item(number, "courtesy level 5")], "courtesy")
        stale = await ann.send("/label", {**form, "value": "2"}, 409)
        assert "Your label was not stored" in stale.words
        assert await ann.labels() == []
        [again] = [each for each in stale.links if "item=" in each]
        page = await ann.see(again)
        assert "courtesy level 5" in page.words
        assert shown_item(page) == form["item"]
        await ann.send("/label", {**page.form("/label"), "value": "5"})
        assert [each["score"] for each in await ann.labels()] == [5]
        assert SAID not in (await ann.see(f"{QUEUE}&item=t-{1 - number}")).text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"value": "9"}, 400),
        ({"value": "x"}, 400),
        ({"value": "nan"}, 400),
        ({"value": ""}, 400),
        ({"after": "x"}, 400),
        ({"done": "x"}, 400),
        ({"criterion": ""}, 404),
        ({"criterion": "courtesi"}, 404),
        ({"content": ""}, 400),
        ({"item": ""}, 400),
        ({"comment": "x" * 10_001}, 400),
    ],
    ids=str,
)
async def test_a_form_that_does_not_fit_is_refused(serve: Serve, change: Row, status: int) -> None:
    async with ModelServer("openai", answer) as model:
        ann = Labeller((await courteous(serve, model, items=1)).client)
        await ann.called("ann")
        form = (await ann.see(QUEUE)).form("/label")
        await ann.send("/label", {**form, "value": "2", **change}, status)
        assert await ann.labels() == []


async def test_labels_of_every_kind(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged: Judged = await serve(retrying=FAST, openai=model)
        client = judged.client
        await client.put("/v1/judges/safe", json=SAFE)
        await client.put("/v1/judges/better", json=PAIR)
        await client.put("/v1/judges/fine", json={**JUDGE, "criterion": "fine", "scale": {"min": 0, "max": 100}})
        await judged.judge([item(1)], "safe")
        await judged.judge([{"id": "p-1", "outputs": ["Hello.", "Hi."]}], "better")
        await judged.judge([item(2)], "fine")
        ann = Labeller(client)
        await ann.called("ann")
        for criterion, value, said in (("safe", "pass", "pass"), ("better", "tie", "tie"), ("fine", "62", "2")):
            page = await ann.see(f"/label?criterion={criterion}")
            values = [str(each["value"]) for tag, each in page.elements if tag == "button" and "value" in each]
            assert values == {"safe": ["fail", "pass"], "better": ["A", "tie", "B"], "fine": []}[criterion]
            assert page.has("input", name="value", type="text") is (criterion == "fine")
            revealed = await ann.send("/label", {**page.form("/label"), "value": value})
            assert f"You gave {value}" in revealed.words
            assert f"gave {said}" in revealed.words
        assert sorted((each["criterion"], each["score"] or each["label"]) for each in await ann.labels()) == [
            *(("better", "tie"), ("fine", 62), ("safe", "pass")),
        ]


async def test_the_question_is_that_of_the_judges_newest_version(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        judged = await courteous(serve, model)
        ann = Labeller(judged.client)
        await ann.called("ann")
        for change, question in (
            ({"instructions": "Is it kind?"}, "Is it kind?"),
            ({"instructions": "Is it brief?", "criterion": "brief"}, JUDGE["instructions"]),
        ):
            assert (await judged.client.put("/v1/judges/courtesy", json={**JUDGE, **change})).status_code == 201
            assert question in (await ann.see(QUEUE)).words


async def test_rankings_are_not_offered_to_be_labelled(serve: Serve) -> None:
    ranking = {"criterion": "order", "method": "ranking", "instructions": "Best first?", "models": [MODEL]}
    async with ModelServer("openai", lambda body: '{"explanation": "So.", "ranking": ["B", "A", "C"]}') as model:
        judged: Judged = await serve(openai=model)
        await judged.judge([{"id": "r-1", "outputs": ["Hello.", "Hi.", "Hey."]}], ranking)
        ann = Labeller(judged.client)
        await ann.called("ann")
        listed = await ann.see("/label")
        assert "/label?criterion=order" not in listed.links
        assert "no agreement with people is defined for them: order." in listed.words
        assert "there is nothing to label" in (await ann.see("/label?criterion=order")).words


async def test_a_criterion_that_nothing_is_known_of(api: httpx.AsyncClient) -> None:
    ann = Labeller(api)
    await ann.called("ann")
    assert "did you mean 'helpfulness'?" in (await ann.see("/label?criterion=helpfulnes", 404)).words
    assert "No item waits for you" in (await ann.see("/label?criterion=helpfulness")).words
    assert "No item waits for its first label" in (await ann.see("/label")).words
    await ann.see("/label?criterion=helpfulness&after=x", 400)
    await ann.see("/label?criterion=helpfulness&per_item=0", 400)
    await ann.see("/label?criterion=helpfulness&item=nobody")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb", "\x00"])
async def test_a_name_that_is_none_is_refused(api: httpx.AsyncClient, name: str) -> None:
    response = await api.post("/label/name", data={"annotator": name, "next": QUEUE}, headers=OWN)
    assert "a name must have 1 to 200 printable characters" in page_of(response, 400).words
    for forged in ("%00", quote("a\nb"), "x" * 300):
        asked = await api.get("/label?criterion=helpfulness", headers={"Cookie": f"judged_annotator={forged}"})
        assert "Who labels?" in page_of(asked).words


async def test_what_a_key_may_not_do_its_page_does_not_offer(serve: Serve) -> None:
    async with ModelServer("openai", answer) as model:
        keys = (key(READS, "read"), key(LABELS, "label"), key("both", "read", "label"), key(RULES, "admin"))
        judged: Judged = await serve(retrying=FAST, openai=model, changes={"keys": keys})
        client, admin = judged.client, {"Authorization": f"Bearer {RULES}"}
        await client.put("/v1/judges/courtesy", json=JUDGE, headers=admin)
        order = {"judge": "courtesy", "items": [item(1)]}
        await client.post("/v1/jobs", json=order, headers={**admin, "Prefer": "wait=60"})
        assert (await client.get(QUEUE)).headers["location"].startswith("/login?next=")
        person = Labeller(client)
        await sign_in(client, READS)
        page = await person.see(QUEUE)
        assert "lacks the scope label" in page.words
        assert "Question 1" in page.words
        assert not page.has("form", method="post", action="/label")
        assert not page.has("script")
        assert SAID not in page.text
        for path in ("/label", "/label/undo", "/label/name"):
            await person.send(path, {"criterion": "courtesy", "item": "t-1", "value": "1"}, 403)
        client.cookies.clear()
        await sign_in(client, LABELS)
        await person.see(QUEUE, 403)
        client.cookies.clear()
        await sign_in(client, "both")
        page = await person.see(QUEUE)
        revealed = await person.send("/label", {**page.form("/label"), "value": "3"})
        assert "You gave 3" in revealed.words
        assert "gave 2" in revealed.words  # scores are everybody's
        assert SAID not in revealed.text  # explanations are those of a key's own jobs
        [label] = (await client.get("/v1/labels", headers=admin)).json()["labels"]
        assert (label["annotator"], label["score"]) == ("both", 3)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_forms_of_other_origins_change_no_label(
    api: httpx.AsyncClient, open_api: OpenApi, headers: dict[str, str]
) -> None:
    form = {"criterion": "helpfulness", "item": "t-1", "content": "x", "value": "1", "annotator": "eve"}
    for path in ("/label", "/label/undo", "/label/name"):
        page_of(await api.post(path, data=form, headers=headers), 403)
    assert (await api.get("/v1/labels")).json()["labels"] == []
