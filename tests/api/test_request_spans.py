"""Each request is a span, named by its route alone."""

import httpx
import msgspec

from service.config.settings import Settings
from tests.api.conftest import client_of
from tests.recorded import recorded


async def test_a_request_is_a_span_of_its_route(api: httpx.AsyncClient) -> None:
    with recorded() as (spans, _):
        await api.get("/v1/items/of-someone", headers={"X-API-Key": "a-secret"})
        await api.get("/no/such/path")
        await api.get("/healthz")
    (item, unknown) = spans()
    assert item.name == "GET /v1/items/{item_id}"
    assert item.attributes["http.response.status_code"] == 404
    assert item.status.is_unset  # an error of the client's is none of the server's
    assert unknown.name == "GET"
    assert "of-someone" not in str(item.attributes)


async def test_a_store_that_is_away_is_an_error_of_the_server(settings: Settings) -> None:
    away = msgspec.structs.replace(settings.store, redis_url="redis://127.0.0.1:1")
    async with client_of(msgspec.structs.replace(settings, store=away)) as client:
        with recorded() as (spans, _):
            response = await client.get("/v1/jobs")
    assert response.status_code == 503
    (span,) = spans()
    assert span.name == "GET /v1/jobs"
    assert span.attributes["error.type"] == "503"
    assert not span.status.is_ok
