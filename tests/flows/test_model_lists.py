"""A model that will be shut down is told of in `/v1/models`, in the agreement of its judges and in the metrics."""

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.flows.conftest import Judged, Row, Serve
from tests.polling import until
from tests.stubs.model_server import ModelServer

WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}
SHUTDOWN = "2027-01-14"
AT = datetime(2027, 1, 14, tzinfo=UTC)
LIST = {"data": [{"id": "old", "shutdown_date": SHUTDOWN}, {"id": "new", "shutdown_date": None}]}


async def shown(client: httpx.AsyncClient, path: str = "/v1/models", **query: Any) -> Row:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    found: Row = response.json()
    return found


async def test_a_shutdown_is_told_of_everywhere(serve: Serve) -> None:
    async with ModelServer("openai") as model, ModelServer("openai") as broken:
        model.models = LIST
        judged: Judged = await serve(changes={"worker": {"refresh_seconds": 0.2}}, mine=model, broken=broken)
        for name, models in (("one", ["mine/old"]), ("two", ["mine/old", "mine/new"]), ("new", ["mine/new"])):
            made = await judged.client.put(f"/v1/judges/{name}", json={**WIT, "models": models})
            assert made.status_code == 201, made.text
            await judged.judge([{"id": "i", "output": "funny"}], judge=name)

        async def were_read() -> bool:
            return all(each["error"] or each["models_read_at"] for each in await providers())

        async def providers() -> list[Row]:
            found = (await shown(judged.client))["providers"]
            return [each for each in found if each["kind"] != "control"]

        await until(were_read, "the lists of models")
        assert [(each["provider"], each["error"]) for each in await providers()] == [
            ("broken", "answered 404"),
            ("mine", None),
        ]
        found = {each["model"]: each for each in (await shown(judged.client))["models"]}
        assert found["mine/old"] == {
            "model": "mine/old",
            "is_default": False,
            "is_used": True,
            "is_listed": True,
            "retires_at": "2027-01-14T00:00:00Z",
        }
        assert found["mine/new"]["retires_at"] is None
        assert found["control/overlap"]["is_default"] is True
        assert found["control/overlap"]["is_listed"] is None
        retiring = await shown(judged.client, retiring="true")
        assert [each["model"] for each in retiring["models"]] == ["mine/old"]
        other = await shown(judged.client, provider="broken")
        assert (other["models"], [each["provider"] for each in other["providers"]]) == ([], ["broken"])

        for name, at in (("one", "2027-01-14T00:00:00Z"), ("two", "2027-01-14T00:00:00Z"), ("new", None)):
            report = await shown(judged.client, "/v1/agreement", judge=name)
            assert report["model_retires_at"] == at, name

        async def is_a_gauge() -> bool:
            return 'judged_model_retires_timestamp_seconds{model="mine/old"}' in await judged.metrics()

        await until(is_a_gauge, "the gauge")
        metrics = await judged.metrics()
        series = {name: value for name, value in metrics.items() if name.startswith("judged_model_retires")}
        assert series == {'judged_model_retires_timestamp_seconds{model="mine/old"}': AT.timestamp()}
        assert (model.lists, broken.lists) == (1, 1)
