"""The periodic task that reads the providers' lists of models, once a day: they name the dates of shutdowns."""

import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol, runtime_checkable

from redis.asyncio import Redis

from service.contracts.model_lists import ListedModel, ModelList
from service.store import clock
from service.store.models import load_model_lists, save_model_list
from worker.providers.base import ProviderError

_log = logging.getLogger(__name__)

READ_MODEL_LISTS = "read_model_lists"
LOOK_S = 3600.0  # between two looks: the list of a new provider is read within the hour
_AGE_MS = 23 * 3600 * 1000  # of the last attempt, whether it succeeded or not
_LIMIT_S = 20.0  # for one provider
_LOADING_S = 0.5  # until a server is asked again that answers 503, as a local one does while it loads its model


@runtime_checkable
class ModelLister(Protocol):
    """A provider that lists its models. One without a list, as a built-in one, is left out."""

    async def list_models(self) -> list[ListedModel]:
        """Returns the models. Raises ProviderError."""
        ...


class ModelListReader:
    """Reads the lists of these providers, by name, and stores them."""

    def __init__(self, redis: Redis, providers: Mapping[str, object]) -> None:
        self._redis = redis
        self._listers = {name: each for name, each in providers.items() if isinstance(each, ModelLister)}

    async def read(self) -> None:
        """Reads each list that was not asked for in the last day. A list that can't be read stays as it was.

        Raises StoreError if the store is away.
        """
        known, now_ms = await load_model_lists(self._redis), clock.now_ms()
        due = [name for name in self._listers if name not in known or known[name].tried_ms <= now_ms - _AGE_MS]
        found = await asyncio.gather(*(self._one(name, known.get(name), now_ms) for name in due))
        for name, each in zip(due, found, strict=True):
            await save_model_list(self._redis, name, each)

    async def _one(self, name: str, known: ModelList | None, now_ms: int) -> ModelList:
        try:
            async with asyncio.timeout(_LIMIT_S):
                return ModelList(now_ms, now_ms, await self._listed(name))
        except (ProviderError, TimeoutError) as error:
            reason = str(error) or f"no answer within {_LIMIT_S:g} s"
            _log.info("the models of %s can't be listed: %s", name, reason)
            before = known or ModelList(now_ms)
            return ModelList(now_ms, before.read_ms, before.models, reason[:300])

    async def _listed(self, name: str) -> list[ListedModel]:
        while True:
            try:
                return await self._listers[name].list_models()
            except ProviderError as error:
                if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
            await asyncio.sleep(_LOADING_S)
