"""`/v1/compare` and `/v1/groups`: their parameters and scopes. `tests/flows/test_groups.py` compares groups."""

import httpx
import pytest

from tests.api.conftest import pointers


@pytest.mark.parametrize(
    ("path", "pointer", "detail"),
    [
        ("/v1/compare?judge=helpfulness&a=v1", "/b", None),
        ("/v1/compare?judge=helpfulness&a=v1&b=", "/b", None),
        ("/v1/compare?a=v1&b=v2", "/judge", None),
        ("/v1/compare?judge=helpfulness&a=v1&b=v2&windw=7d", "/windw", "did you mean 'window'?"),
        ("/v1/compare?judge=helpfulness&a=v1&b=v2&window=8d", "/window", None),
        ("/v1/compare/cases?judge=helpfulness&a=v1&b=v2&anytime=true", "/anytime", "unknown query parameter"),
        ("/v1/groups", "/criterion", None),
        ("/v1/groups?criterion=wit&limits=3", "/limits", "did you mean 'limit'?"),
    ],
)
async def test_bad_parameters_are_named(api: httpx.AsyncClient, path: str, pointer: str, detail: str | None) -> None:
    response = await api.get(path)
    assert pointers(response, 400) == [pointer]
    assert detail is None or detail in response.json()["errors"][0]["detail"]


async def test_a_judge_that_nobody_stored_is_refused(api: httpx.AsyncClient) -> None:
    response = await api.get("/v1/compare?judge=helpfulnes&a=v1&b=v2")
    assert pointers(response, 422, "impossible") == ["/judge"]
    assert "did you mean 'helpfulness'?" in response.text


async def test_a_criterion_without_groups_has_none(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/groups?criterion=wit")).json() == {"criterion": "wit", "groups": []}


async def test_every_operation_refuses_an_unknown_query_parameter(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/schema")).json()["paths"]
    probes = {"/healthz", "/readyz", "/metrics"}  # load balancers and scrapers add their own parameters
    for path, operations in paths.items():
        for method in operations:
            if path in probes:
                continue
            called = path.replace("{version}", "1").replace("{", "").replace("}", "")
            response = await api.request(method.upper(), called, params={"zzz": "1"})
            assert response.status_code == 400, (method, path, response.text)
            assert [each["pointer"] for each in response.json()["errors"]] == ["/zzz"], (method, path)
