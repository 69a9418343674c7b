"""List prices in real processes: what calls cost, and that nobody loads the library for it."""

from pathlib import Path

from tests.flows.fleet import fleet_of
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply

MODEL = "openai/gpt-4.1-mini"  # $0.40 a million tokens of input, $1.60 of output


def libraries(pid: int) -> str:
    """The files that are mapped into a process."""
    return Path(f"/proc/{pid}/maps").read_text()


async def test_calls_have_their_list_price_and_nobody_loads_the_library(tmp_path: Path) -> None:
    async with (
        ModelServer("openai", lambda body: Reply(text="Score: 4", input_tokens=1000, output_tokens=500)) as model,
        fleet_of(tmp_path, model) as fleet,
    ):
        worker = await fleet.worker()
        api = await fleet.api()
        order = {
            "judge": "helpfulness",
            "models": [MODEL],
            "items": [{"input": "What?", "output": "This."}] * 3,
            "cache": False,
            "budget_usd": 1,
        }
        taken = await api.post("/v1/jobs", json=order, timeout=150)
        assert taken.status_code == 202, taken.text
        job = await fleet.over(taken.json()["id"])
        assert job["usage"]["cost_usd"] == 3 * 0.0012
        refused = await api.post("/v1/jobs", json=order | {"models": ["openai/nobodys"]}, timeout=150)
        assert refused.status_code == 422
        assert "no price for openai/nobodys" in refused.text
        assert "list prices" not in worker.printed + fleet.printed_by_api()
        assert "pydantic" not in libraries(worker.process.pid)


async def test_a_worker_judges_without_numpy_while_the_gauges_are_refreshed(tmp_path: Path) -> None:
    async with ModelServer("openai", lambda body: "Score: 4") as model, fleet_of(tmp_path, model) as fleet:
        worker = await fleet.worker(JUDGED_WORKER_REFRESH_SECONDS="0.2")
        api = await fleet.api(JUDGED_WORKER_REFRESH_SECONDS="0.2")
        items = [{"id": "1", "input": "What?", "output": "This."}, {"id": "2", "output": "That."}]
        taken = await api.post("/v1/jobs", json={"judge": "helpfulness", "models": ["openai/m"], "items": items})
        await fleet.over(taken.json()["id"])
        label = {"item_id": "1", "criterion": "helpfulness", "annotator": "ann", "score": 4}
        assert (await api.post("/v1/labels", json={"labels": [label]})).status_code == 200

        async def is_counted() -> bool:
            return "judged_agreement_pairs{" in (await api.get("/metrics")).text

        await until(is_counted, "the gauges of a label")
        assert "numpy" not in libraries(worker.process.pid)
