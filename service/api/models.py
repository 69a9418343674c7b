"""`/v1/models`: the models of the configured providers, and when they will be shut down."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement.retirements import used_models
from service.api.access import needs
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.model_lists import ModelList, SeenModels, SeenProvider, seen_models
from service.store.models import load_model_lists, load_served_models

ProviderQuery = Annotated[
    str | None, QueryParameter(min_length=1, max_length=120, description="The name of a provider, to list its models.")
]


@get(
    "/v1/models",
    operation_id="listModels",
    summary="List models and their shutdown dates",
    opt=needs("read"),
    tags=["judges"],
    response_description="The models by name.",
    responses=documented(400, 401, 403, 503),
)
async def models(
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    provider: ProviderQuery = None,
    retiring: FromQuery[bool] = False,
) -> SeenModels:
    """Lists the models that the configured providers list, those that judged in the last 30 days, and the defaults.

    A worker reads the providers' lists once a day. OpenAI's, Anthropic's and OpenRouter's name the date on which a
    model will be shut down; with `retiring=true`, only models with such a date are listed.
    """
    stored = await load_model_lists(redis)
    chosen = {name: each for name, each in settings.all_providers.items() if provider in (None, name)}
    lists = {name: stored[name] for name in chosen if name in stored}
    served = await load_served_models(redis)
    found = seen_models(lists, served, defaults=settings.default_models, used=await used_models(redis))
    return SeenModels(
        models=[
            each
            for each in found
            if each.model.partition("/")[0] in chosen and (each.retires_at is not None or not retiring)
        ],
        providers=[_provider(name, each.kind, stored.get(name)) for name, each in sorted(chosen.items())],
    )


def _provider(name: str, kind: str, found: ModelList | None) -> SeenProvider:
    read_at = datetime.fromtimestamp(found.read_ms / 1000, UTC) if found is not None and found.read_ms else None
    return SeenProvider(provider=name, kind=kind, models_read_at=read_at, error=None if found is None else found.error)
