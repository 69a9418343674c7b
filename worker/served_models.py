"""Notes which model a provider runs under each name, so that votes of an older one are not served from the cache."""

import logging
import time

from redis.asyncio import Redis

from service.store.errors import StoreError
from service.store.models import load_served_models, note_served_model
from worker.call_metrics import are_untold

_log = logging.getLogger(__name__)

_AGAIN_S = 10.0  # another worker may have noted another one meanwhile


class ServedModels:
    """The served models that this process noted lately.

    `last` has the served model of each model that answered last, as far as this process knows.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._noted: dict[str, tuple[str, float]] = {}
        self._since: dict[str, float] = {}  # when the call began that was the first to be answered by the last one
        self.last: dict[str, str] = {}

    async def load(self) -> None:
        """Loads the served models that other processes noted. Raises StoreError if the store is away."""
        self.last |= await load_served_models(self._redis) | self.last

    async def note(self, model: str, served_model: str, began: float) -> None:
        """Notes the model that answered under the name `model`. If the store is away, the next answer notes it.

        `began` is the time at which its call did, on the monotonic clock: late answers to calls from before a change
        are no change back. The answers of battles are not noted: a change would tell which models were drawn.
        """
        if are_untold():
            return
        if served_model != self.last.get(model):
            if began < self._since.get(model, 0.0):
                return
            self._since[model] = began
        self.last[model] = served_model
        known, at = self._noted.get(model, ("", 0.0))
        now = time.monotonic()
        if known == served_model and now - at < _AGAIN_S:
            return
        self._noted[model] = (served_model, now)
        try:
            await note_served_model(self._redis, model, served_model)
        except StoreError as error:
            del self._noted[model]
            _log.warning("the model that answers for %s was not noted: %s", model, error)
