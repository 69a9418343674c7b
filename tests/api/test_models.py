"""`/v1/models` before any list was read, and who may see it."""

import httpx
import pytest

from tests.api.conftest import pointers


async def test_the_default_models_are_listed_before_any_list_was_read(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/models")
    assert response.status_code == 200, response.text
    assert response.json() == {
        "models": [
            {
                "model": "control/overlap",
                "is_default": True,
                "is_used": False,
                "is_listed": None,
                "retires_at": None,
            }
        ],
        "providers": [{"provider": "control", "kind": "control", "models_read_at": None, "error": None}],
    }
    assert (await api.get("/v1/models?retiring=true")).json()["models"] == []
    assert (await api.get("/v1/models?provider=openai")).json() == {"models": [], "providers": []}


@pytest.mark.parametrize(("query", "pointer"), [("retiring=maybe", "/retiring"), ("providers=a", "/providers")])
async def test_a_query_that_can_not_be_read_is_refused(api: httpx.AsyncClient, query: str, pointer: str) -> None:
    assert pointers(await api.get(f"/v1/models?{query}")) == [pointer]
