"""Judges of different scales on one criterion, from the request to the report and back to the judgments."""

from redis.asyncio import Redis

from service.store import keys
from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_labels import LENGTH, agreement, is_sound, item, labelled, put, scores

ITEMS = [item(n) for n in range(30)]


def passed(n: int) -> bool:
    return n * 37 % 400 > 150 or n % 7 == 0


def label_of(n: int, **fields: str) -> Row:
    word = "pass" if passed(n) else "fail"
    return {"item_id": f"t/{n}", "criterion": "wit", "annotator": "ann", "label": word, **fields}


async def test_ratings_of_any_kind_beside_pass_and_fail(serve: Serve) -> None:
    from sklearn.metrics import roc_auc_score

    judged: Judged = await serve()
    await put(judged, LENGTH)
    choices = [{"label": "pass"}, {"label": "fail"}]
    assert (await judged.client.put("/v1/criteria/wit", json={"choices": choices})).status_code == 200
    said = await scores(judged, ITEMS)
    strict = {**LENGTH, "method": "pass_fail"}
    verdicts = await scores(judged, ITEMS, judge=strict)
    wide = {**LENGTH, "scale": {"min": 0, "max": 1, "step": None}}
    await scores(judged, ITEMS, judge=wide)
    counts = await labelled(judged, *(label_of(n) for n in range(30)))
    assert (counts["stored"], counts["unmatched"], counts["unknown_criteria"]) == (30, 0, [])
    report = await agreement(judged)
    assert (report["pairs"], report["table"]["columns"]) == (30, [1, 2, 3, 4, 5])
    human, judge = [int(passed(n)) for n in range(30)], [said[f"t/{n}"] for n in range(30)]
    assert round(report["statistics"]["auc"]["value"], 9) == round(roc_auc_score(human, judge), 9)
    assert report["statistics"]["exact"]["reason"] == "different_scales"
    inline = (await judged.client.get("/v1/items/t%2F0")).json()["judgments"]
    digests = [each["judge"]["digest"] for each in inline if each["judge"]["name"] is None]
    same = await agreement(judged, digests[0])
    equal = sum(verdicts[f"t/{n}"] == label_of(n)["label"] for n in range(30))
    assert round(same["statistics"]["exact"]["value"], 9) == round(equal / 30, 9)
    assert "auc" in (await agreement(judged, digests[1]))["statistics"]
    against = await agreement(judged, other=f"{digests[0]}:control/length")
    assert (against["table"]["values"], against["pairs"]) == (["fail", "pass"], 30)
    estimate = (await judged.client.get("/v1/estimates", params={"judge": "wit"})).json()
    assert round(estimate["judge_mean"]["value"], 9) == round(sum(judge) / 30, 9)
    assert 0 <= estimate["corrected_mean"]["value"] <= 1


async def test_the_worst_disagreement_leads_to_its_judgment(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, ITEMS)
    await labelled(judged, *({**label_of(n), "label": None, "score": 1} for n in range(30)))
    query = {"judge": "wit", "limit": "5"}
    shown = (await judged.client.get("/v1/agreement/items", params=query)).json()
    assert [each["said"] for each in shown["items"]] == sorted(said.values(), reverse=True)[:5]
    worst = shown["items"][0]
    judgments = (await judged.client.get(f"/v1/items/{worst['item_id'].replace('/', '%2F')}")).json()["judgments"]
    assert worst["judgment_id"] in {each["id"] for each in judgments}
    report = await agreement(judged)
    cell = await judged.client.get("/v1/agreement/items", params={"judge": "wit", "human": "1", "said": "5"})
    assert len(cell.json()["items"]) == report["table"]["counts"][0][4]
    assert (await judged.client.get("/v1/agreement/items", params={"judge": "nobody"})).status_code == 422
    assert (await judged.client.get("/v1/agreement/items", params={"judge": "wit", "said": "6"})).status_code == 400


async def test_labels_that_match_nothing_are_found_and_removed(serve: Serve, redis: Redis) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    await scores(judged, ITEMS[:3])
    typos = [{**label_of(n), "item_id": f"T/{n}", "label": None, "score": 3} for n in range(4)]
    good = [{**label_of(n), "label": None, "score": 3} for n in range(3)]
    counts = await labelled(judged, *typos, *good)
    assert (counts["stored"], counts["unmatched"]) == (7, 4)
    [wit] = [each for each in (await judged.client.get("/v1/criteria")).json()["criteria"] if each["name"] == "wit"]
    assert (wit["labels"], wit["unmatched"], wit["judges"]) == (7, 4, ["wit"])
    removed = await judged.client.delete("/v1/labels", params={"criterion": "wit", "matched": "false"})
    assert removed.json() == {"deleted": 4}
    assert not await redis.exists(keys.item("T/0"))
    assert (await agreement(judged))["pairs"] == 3
    await is_sound(judged)
