"""Groups of items over HTTP: shown, counted apart, compared case by case."""

import json
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis

from service.stats.compare import GroupScores, compare_groups
from service.store import keys
from service.store.connection import reply
from tests.flows.conftest import Judged, Row, Serve

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": ["control/length"]}
SCALE = [1, 2, 3, 4, 5]
LENGTHS = (0, 3, 9, 60, 399)  # words for the scores 1 to 5


def text(score: int, case: int) -> str:
    return f"c{case}" + " word" * max(LENGTHS[score - 1] - 1, 0)


def item(group: str, case: int, score: int, **fields: Any) -> Row:
    return {"id": f"{group}-{case}", "output": text(score, case), "group": group, "case": f"case/{case}\t", **fields}


async def served(serve: Serve, **changes: Any) -> Judged:
    judged: Judged = await serve(**changes)
    assert (await judged.client.put("/v1/judges/wit", json=WIT)).status_code == 201
    return judged


async def shown(judged: Judged, path: str, **query: Any) -> Row:
    response = await judged.client.get(f"/v1/{path}", params=query)
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def refused(judged: Judged, path: str, **query: Any) -> tuple[int, list[Row]]:
    response = await judged.client.get(f"/v1/{path}", params=query)
    return response.status_code, response.json()["errors"]


async def label(judged: Judged, *labels: tuple[str, float], annotator: str = "ann", **fields: Any) -> None:
    sent = [
        {"item_id": item_id, "criterion": "wit", "annotator": annotator, "score": score, **fields}
        for item_id, score in labels
    ]
    response = await judged.client.post("/v1/labels", json={"labels": sent})
    assert response.status_code == 200, response.text


async def test_a_group_and_a_case_are_shown_and_are_no_judged_content(serve: Serve) -> None:
    judged = await served(serve)
    given = {"id": 7, "input": "Say, please.", "output": "well met", "group": 2, "case": 31}
    job = await judged.judge([given, {**given, "id": 8, "group": "two", "case": None}], "wit")
    first, second = job["judgments"]
    assert (first["item_id"], first["group"], first["case"]) == ("7", "2", "31")
    assert (second["item_id"], second["group"], len(second["case"])) == ("8", "two", 32)
    again = await judged.judge([{**given, "group": "three", "case": "x"}], "wit")
    assert again["judgments"][0]["item_changed"] is False
    seen = await shown(judged, "items/7")
    assert [(each["group"], each["case"]) for each in seen["judgments"]] == [("2", "31"), ("three", "x")]
    alone = await judged.judge([{"output": "no input, no id"}], "wit")
    assert alone["judgments"][0]["case"] == alone["judgments"][0]["item_id"]
    assert alone["judgments"][0]["group"] is None


@pytest.mark.parametrize(("field", "most"), [("group", 64), ("case", 200)])
async def test_a_name_that_is_too_long_is_refused(serve: Serve, field: str, most: int) -> None:
    judged = await served(serve)
    for value, status in (("x" * most, 202), ("x" * (most + 1), 400), ("", 400), (True, 400), (1.5, 400)):
        body = {"judge": "wit", "items": [{"output": "a", field: value}]}
        response = await judged.client.post("/v1/jobs", json=body)
        assert response.status_code == status, (value, response.text)
        if status == 400:
            assert response.json()["errors"][0]["pointer"] == f"/items/0/{field}"


async def test_groups_and_cases_come_as_ndjson_too(serve: Serve) -> None:
    judged = await served(serve)
    lines = "".join(json.dumps(item("v1", n, 3)) + "\n" for n in range(3))
    response = await judged.client.post(
        "/v1/jobs?judge=wit", content=lines, headers={"Content-Type": "application/x-ndjson", "Prefer": "wait=60"}
    )
    assert [each["case"] for each in response.json()["judgments"]] == ["case/0\t", "case/1\t", "case/2\t"]


async def test_jobs_are_listed_by_group_status_and_judge(serve: Serve) -> None:
    judged = await served(serve)
    one = await judged.judge([item("v1", 1, 3), item("v2", 1, 3)], "wit")
    two = await judged.judge([item("v2", 2, 3)], ["wit", "helpfulness"])
    three = await judged.judge([{"output": "no group"}], {**WIT, "criterion": "tone"})

    async def ids(**query: Any) -> list[str]:
        return [each["id"] for each in (await shown(judged, "jobs", **query))["jobs"]]

    assert await ids() == [three["id"], two["id"], one["id"]]
    assert await ids(group="v2") == [two["id"], one["id"]]
    assert await ids(group="v1") == [one["id"]]
    assert await ids(group="v") == []
    assert await ids(judge="wit") == await ids(judge="wit@1") == [two["id"], one["id"]]
    assert await ids(judge="wit@2") == []
    assert await ids(judge=three["judge"]["digest"]) == [three["id"]]
    assert await ids(status="completed", judge="helpfulness") == [two["id"]]
    assert await ids(status="running") == []
    first = await shown(judged, "jobs", group="v2", limit=1)
    assert [each["id"] for each in first["jobs"]] == [two["id"]]
    rest = await shown(judged, "jobs", group="v2", limit=1, cursor=first["next_cursor"])
    assert [each["id"] for each in rest["jobs"]] == [one["id"]]
    status, [error] = await refused(judged, "jobs", groups="v2")
    assert (status, error["pointer"]) == (400, "/groups")
    assert error["detail"] == "unknown query parameter; did you mean 'group'?"
    assert (await judged.client.get("/v1/jobs?status=done")).status_code == 400


async def test_the_report_of_a_group_is_that_of_its_items_alone(serve: Serve) -> None:
    """The same items without a group, in a service of their own, have the same report."""
    judged = await served(serve)
    mine = [item("v1", n, SCALE[n % 5]) for n in range(40)]
    other = [item("v2", n, SCALE[n * 3 % 5]) for n in range(30)]
    await judged.judge(mine, "wit")
    await judged.judge(other, "wit")
    for annotator, shift in (("ann", 1), ("ben", 2)):
        await label(judged, *((f"v1-{n}", SCALE[(n * n + shift) % 5]) for n in range(25)), annotator=annotator)
    await label(judged, *((f"v2-{n}", 5) for n in range(20)))
    both = await shown(judged, "agreement", judge="wit")
    assert (both["pairs"], both["coverage"]["judged"], both["group"]) == (70, 70, None)
    parts = [await shown(judged, "agreement", judge="wit", group=group) for group in ("v1", "v2")]
    assert [each["pairs"] for each in parts] == [50, 20]
    assert [each["items"] for each in parts] == [25, 20]
    assert [each["coverage"]["judged"] for each in parts] == [40, 30]
    assert (parts[0]["human_ceiling"]["items"], parts[1]["human_ceiling"]["items"]) == (25, 0)
    assert np.array_equal(np.add(*(each["table"]["counts"] for each in parts)), both["table"]["counts"])
    estimate = await shown(judged, "estimates", judge="wit", group="v1", window="all")
    assert (estimate["labels"], estimate["unlabelled"], estimate["group"]) == (25, 15, "v1")
    assert estimate["judge_mean"]["value"] == pytest.approx(np.mean([SCALE[n % 5] for n in range(40)]))
    listed = await shown(judged, "agreement/items", judge="wit", group="v2")
    assert {each["group"] for each in listed["items"]} == {"v2"}
    everything = await shown(judged, "agreement/items", judge="wit")
    assert {each["group"] for each in everything["items"]} == {"v1", "v2"}
    groups = await shown(judged, "groups", criterion="wit")
    assert [(each["group"], each["items"]) for each in groups["groups"]] == [("v2", 30), ("v1", 40)]


async def test_two_groups_are_compared_case_by_case(serve: Serve, redis: Redis) -> None:
    judged = await served(serve)
    before = [SCALE[n * 7 % 5] for n in range(60)]
    after = [min(score + (n % 3 == 0), 5) for n, score in enumerate(before)]
    await judged.judge([item("v1", n, score) for n, score in enumerate(before)], "wit")
    await judged.judge([item("v2", n, score) for n, score in enumerate(after)] + [item("v2", 99, 1)], "wit")
    people = {("v1", n): SCALE[(before[n] + n) % 5] for n in range(30)}
    people |= {("v2", n): SCALE[(after[n] + n) % 5] for n in range(5, 40)}
    await label(judged, *((f"{group}-{n}", score) for (group, n), score in people.items()))
    found = await shown(judged, "compare", judge="wit", a="v1", b="v2")
    case = np.arange(60)

    def side(group: str, scores: list[int]) -> GroupScores:
        said = np.array(scores, dtype=np.float64)
        return GroupScores(case, said, said, np.array([people.get((group, n), np.nan) for n in range(60)]), np.ones(60))

    wanted = compare_groups(side("v1", before), side("v2", after), SCALE, SCALE)
    assert (found["design"], found["cases"], found["labelled_pairs"]) == ("paired", 60, 25)
    assert found["a"] == {
        "group": "v1",
        "items": 60,
        "labelled": 30,
        "judge_mean": pytest.approx(np.mean(before)),
        "unpaired_cases": 0,
    }
    assert (found["b"]["labelled"], found["b"]["unpaired_cases"]) == (35, 1)
    for name in ("judge_difference", "corrected_difference"):
        for end in ("value", "lower", "upper"):
            assert found[name][end] == pytest.approx(getattr(getattr(wanted, name), end)), (name, end)
    gained = sum(b > a for a, b in zip(before, after, strict=True))
    assert (found["wins"], found["losses"], found["ties"]) == (gained, 0, 60 - gained)
    assert (found["better"], found["decided"], found["decided_by"]) == ("higher", wanted.decided, wanted.decided_by)
    turned = await shown(judged, "compare", judge="wit", a="v2", b="v1")
    assert turned["judge_difference"]["value"] == pytest.approx(-found["judge_difference"]["value"])
    assert (turned["wins"], turned["losses"]) == (0, gained)
    cases = await shown(judged, "compare/cases", judge="wit", a="v1", b="v2", limit=5)
    assert (len(cases["worse"]), len(cases["better"])) == (0, 5)
    assert cases["better"][0]["items_a"][0].startswith("v1-")
    wide = await shown(judged, "compare", judge="wit", a="v1", b="v2", anytime=True)
    assert wide["judge_difference"]["lower"] < found["judge_difference"]["lower"]
    ages = [await reply(redis.ttl(key)) for key in (keys.groups("wit"), keys.group("wit", "v1"))]
    assert all(0 < age <= judged.settings.store.keep_s for age in ages)


async def test_the_same_texts_in_both_groups_are_a_tie(serve: Serve) -> None:
    """Without ids, equal outputs are one item, of both groups."""
    judged = await served(serve)
    for group, last in (("v1", 3), ("v2", 5)):
        scores = [3] * 9 + [last]
        items = [{"input": f"q{n}", "output": text(score, n), "group": group} for n, score in enumerate(scores)]
        await judged.judge(items, "wit")
    found = await shown(judged, "compare", judge="wit", a="v1", b="v2")
    assert (found["cases"], found["wins"], found["losses"], found["ties"]) == (10, 1, 0, 9)
    assert found["judge_difference"]["value"] == pytest.approx(0.2)


async def test_an_id_that_a_later_group_uses_again_keeps_the_scores_of_both(serve: Serve) -> None:
    judged = await served(serve)
    for group, score in (("v1", 2), ("v2", 4), ("v3", 5)):
        await judged.judge([{"id": f"t{n}", "output": text(score, n), "group": group} for n in range(6)], "wit")
    found = await shown(judged, "compare", judge="wit", a="v1", b="v3")
    assert (found["design"], found["cases"], found["wins"]) == ("paired", 6, 6)
    assert found["judge_difference"]["value"] == pytest.approx(3)


async def test_groups_without_a_common_case_are_two_samples(serve: Serve) -> None:
    judged = await served(serve)
    await judged.judge([item("v1", n, SCALE[n % 3]) for n in range(20)], "wit")
    await judged.judge([item("v2", n, SCALE[2 + n % 3]) for n in range(20, 45)], "wit")
    found = await shown(judged, "compare", judge="wit", a="v1", b="v2")
    assert (found["design"], found["cases"], found["wins"], found["ties"]) == ("two_samples", 45, None, None)
    assert (found["a"]["unpaired_cases"], found["b"]["unpaired_cases"]) == (20, 25)
    assert (found["decided"], found["decided_by"]) == ("b", "judge")
    assert found["corrected_difference"] == {"value": None, "lower": None, "upper": None}


async def test_where_a_low_score_passes_the_lower_group_is_better(serve: Serve) -> None:
    judged = await served(serve)
    await judged.client.put("/v1/judges/short", json={**WIT, "pass_if": {"max": 2}})
    await judged.judge([item("v1", n, 4 + n % 2) for n in range(30)], "short")
    await judged.judge([item("v2", n, 1 + n % 2) for n in range(30)], "short")
    found = await shown(judged, "compare", judge="short", a="v1", b="v2")
    assert (found["better"], found["decided"], found["wins"], found["losses"]) == ("lower", "b", 30, 0)
    assert found["judge_difference"]["upper"] < 0
    cases = await shown(judged, "compare/cases", judge="short", a="v1", b="v2", limit=2)
    assert (len(cases["worse"]), len(cases["better"])) == (0, 2)


async def test_a_group_that_is_not_known_is_refused_with_the_nearest(serve: Serve) -> None:
    judged = await served(serve)
    await judged.judge([item("bot-v1", 1, 3)], "wit")
    for path, query, at in (
        ("compare", {"a": "bot-v1", "b": "bot-v2"}, "/b"),
        ("compare", {"a": "bot-v2", "b": "bot-v1"}, "/a"),
        ("agreement", {"group": "bot-v2"}, "/group"),
        ("estimates", {"group": "bot-v2"}, "/group"),
        ("agreement/items", {"group": "bot-v2"}, "/group"),
    ):
        status, [error] = await refused(judged, path, judge="wit", **query)
        assert (status, error["pointer"]) == (422, at)
        assert error["detail"] == "no item of the group 'bot-v2' was judged on 'wit'; did you mean 'bot-v1'?"
    status, [error] = await refused(judged, "compare", judge="wit", a="bot-v1", b="bot-v1")
    assert (status, error["detail"]) == (422, "the same group as a")
    status, [error] = await refused(judged, "compare", judge="wit", a="bot-v1")
    assert (status, error["pointer"]) == (400, "/b")


async def test_answers_without_a_mean_are_not_compared(serve: Serve) -> None:
    judged = await served(serve)
    definition = {**WIT, "method": "category", "choices": [{"label": "dull"}, {"label": "witty"}]}
    await judged.client.put("/v1/judges/kind", json={**definition, "criterion": "kind"})
    for group in ("v1", "v2"):
        await judged.judge([item(group, 1, 3)], "kind")
    status, [error] = await refused(judged, "compare", judge="kind", a="v1", b="v2")
    assert (status, error["pointer"]) == (422, "/judge")
