"""What handlers ask for is provided without tasks of its own."""

from litestar.routes import HTTPRoute

from service.api.provided import PROVIDED
from service.app import create_app
from service.config.settings import load_settings


def test_no_two_objects_are_provided_at_the_same_time() -> None:
    app = create_app(load_settings(None, {"JUDGED_REDIS_URL": "redis://127.0.0.1:1"}))
    batches = [
        [each.key for each in batch]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for _, model in route.route_handler_map.values()
        for batch in model.dependency_batches
    ]
    assert {key for batch in batches for key in batch} == set(PROVIDED)
    assert [batch for batch in batches if len(batch) > 1] == []
