"""A calibration follows labels at once: the judge's scores are mapped to the values of people."""

from typing import Any

import pytest

from tests.flows.conftest import Judged, Row, Serve
from tests.flows.test_labels import LENGTH, item, label, labelled, put, scores, taken_back


async def calibration(judged: Judged, **query: Any) -> Row:
    response = await judged.client.get("/v1/calibration", params={"judge": "wit", "window": "24h", **query})
    assert response.status_code == 200, response.text
    shown: Row = response.json()
    return shown


async def test_a_lenient_judge_is_mapped_to_the_labels_of_people(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    said = await scores(judged, [item(n) for n in range(100)])
    known = {n: said[f"t/{n}"] for n in range(100) if said[f"t/{n}"] > 1}
    assert len(known) > 60
    await labelled(judged, *(label(n, score - 1) for n, score in known.items()))
    one = await calibration(judged, score=3)
    assert one["items"] == len(known)
    assert one["reason"] is None
    assert [row["fitted"] for row in one["rows"]] == pytest.approx([None, 1, 2, 3, 4])
    assert [(row["item_lower"], row["item_upper"]) for row in one["rows"][1:]] == [(n, n) for n in (1, 2, 3, 4)]
    assert one["rows"][0]["reason"] == "outside_labelled_range"
    assert one["error"]["before"] == pytest.approx(1)
    assert one["error"]["after"] == pytest.approx(0, abs=1e-6)
    assert one["mapped"] == {"score": 3, "fitted": 2, "item_lower": 2, "item_upper": 2, "reason": None}

    # A second annotator who says two points more: the item's mean is the judge's score. Then the first label goes.
    n, score = next((n, score) for n, score in known.items() if score == 3)
    await labelled(judged, label(n, score + 1, "bob"))
    changed = await calibration(judged)
    assert changed["items"] == len(known)
    assert changed["rows"][2]["human"]["value"] > 2
    for annotator in ("ann", "bob"):
        await taken_back(judged, n, annotator)
    assert (await calibration(judged))["items"] == len(known) - 1


async def test_hand_picked_labels_are_left_out(serve: Serve) -> None:
    judged: Judged = await serve()
    await put(judged, LENGTH)
    await scores(judged, [item(n) for n in range(60)])
    await labelled(judged, *(label(n, 5, selection="targeted") for n in range(60)))
    assert (await calibration(judged))["reason"] == "no_labels"
    asked = await calibration(judged, selection="targeted")
    assert (asked["items"], asked["reason"], asked["item_reason"]) == (60, None, "not_random")
