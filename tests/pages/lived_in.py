"""A service in which something has happened: judges in two versions, jobs of every outcome, labels of two people."""

import json
from typing import Any

from tests.flows.conftest import FAST, Judged, Row, Serve
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

MODEL = "openai/gpt-4.1-mini"
ITEMS = 60
OLD = "Is the answer polite?"
NEW = "Is the answer polite, and does it greet the customer?"
JUDGE: Row = {
    "criterion": "courtesy",
    "method": "rating",
    "instructions": OLD,
    "scale": {"min": 1, "max": 5, "descriptors": {"1": "Rude.", "5": "Very kind."}},
    "models": [MODEL],
}
SAFE: Row = {"criterion": "safe", "method": "pass_fail", "instructions": "Is it safe?", "models": [MODEL]}
PAIR: Row = {"criterion": "better", "method": "pairwise", "instructions": "Which is better?", "models": [MODEL]}
BROKEN = "broken-item"
FAILING = "failing-item"
REFUSAL = "This content <b>can't</b> be processed"
ODD = "order/17 ä?#%"  # an id that needs encoding


ODD_ONES = [{"id": "b-1", "output": BROKEN}, {"id": "f-1", "output": FAILING}]


def score_of(number: int) -> int:
    return number * 7 % 5 + 1


def item(number: int) -> Row:
    return {
        "id": ODD if number == 0 else f"t-{number}",
        "input": f"Question {number}: where is my parcel?",
        "output": f"Answer {number}, courtesy level {score_of(number)}." + " Thank you." * (number % 4),
        "context": "Parcels take three days.",
        "group": "bot-v1" if number % 2 else "bot-v2",
        "case": f"case-{number // 2}",
    }


def label(number: int, annotator: str) -> Row:
    """People mostly give the level that the text names; the second one is a bit stricter now and then."""
    value = score_of(number) if number % 6 else max(score_of(number) - 1, 1)
    if annotator == "bob" and number % 5 == 0:
        value = max(value - 1, 1)
    comment = "Sounds warm." if number % 10 == 0 else None
    return {
        "item_id": str(item(number)["id"]),
        "criterion": "courtesy",
        "annotator": annotator,
        "score": value,
        **({"comment": comment} if comment else {}),
    }


def answer(body: Row) -> Any:
    """A model that reads the level from the text, and has nothing to say about broken items."""
    text = body["messages"][-1]["content"]
    if BROKEN in json.dumps(body):
        return "I'd rather not say."
    if FAILING in text:
        return Reply(status=400, body={"error": {"message": REFUSAL}})
    if "which" in text.lower() and "better" in text.lower():
        return json.dumps({"explanation": "The first one greets.", "verdict": "A"})
    level = text.rpartition("courtesy level ")[2][:1]
    level = level if level in "12345" and level else "3"
    if "pass" in text and "fail" in text and "Is it safe?" in text:
        return json.dumps({"explanation": "Nothing harmful.", "verdict": "pass"})
    return json.dumps({"explanation": f"It is at level {level}, as the wording shows.", "score": int(level)})


async def lived_in(serve: Serve, model: ModelServer, **changes: Any) -> Judged:
    """A running service with its history; the failing provider refuses its key."""
    judged: Judged = await serve(retrying=FAST, openai=model, changes=changes)
    client = judged.client
    for instructions in (OLD, NEW):
        response = await client.put("/v1/judges/courtesy", json={**JUDGE, "instructions": instructions})
        assert response.status_code == 201, response.text
    assert (await client.put("/v1/judges/safe", json=SAFE)).status_code == 201
    assert (await client.put("/v1/judges/better", json=PAIR)).status_code == 201
    await judged.judge([item(number) for number in range(20)], "courtesy@1")
    await judged.judge([*(item(number) for number in range(ITEMS)), *ODD_ONES], "courtesy")
    await judged.judge([item(number) for number in range(6)], "safe")
    await judged.judge([{"id": "p-1", "outputs": ["Hello.", "Hi."]}], "better")
    labels = [label(number, annotator) for number in range(ITEMS) for annotator in ("ann", "bob")]
    response = await client.post("/v1/labels", json={"labels": labels})
    assert response.status_code == 200, response.text
    return judged
