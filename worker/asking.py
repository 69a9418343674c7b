"""Asks models about one item: a judge and an item in, votes out. Knows neither Redis nor arq."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial

from service.contracts.items import Item
from service.contracts.judges import Judge, ResolvedJudge
from service.contracts.judgments import Vote
from service.contracts.outcomes import Outcome
from service.judging.methods import METHODS
from service.judging.questions import Question, ask_again, draw_delimiter
from service.judging.reading import Reading
from service.settings import ProviderSettings
from worker.limits import CallLimits
from worker.pricing import cost_usd
from worker.providers.base import Completion, ModelRequest, Provider, ProviderError
from worker.retrying import Retrying, with_retries

_CHARS_A_TOKEN = 4  # a rough guess, corrected when the answer says how many there were

OnRetry = Callable[[str], None]  # "provider/model"
Start = Callable[[], None]  # called when a call is about to be made; raises to prevent it


class Asker:
    """Asks the models of a judge. `on_retry` is told of each call that is tried again."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: Mapping[str, ProviderSettings],
        limits: CallLimits,
        *,
        retrying: Retrying | None = None,
        on_retry: OnRetry = lambda model: None,
    ) -> None:
        self._providers = providers
        self._settings = settings
        self._limits = limits
        self._retrying = retrying or Retrying()
        self._on_retry = on_retry

    async def votes(self, judge: ResolvedJudge, item: Item, start: Start) -> list[Vote]:
        """One vote a model, all asked at the same time. Raises only what `start` raises."""
        asked = [self._vote(judge.definition, model, item, start) for model in judge.models]
        return [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)

    async def _vote(self, judge: Judge, model: str, item: Item, start: Start) -> Vote:
        method = METHODS[judge.method]
        question = method.question(judge, item, draw_delimiter())
        tally = _Tally(model, self._settings[_provider(model)])
        while True:
            tally.asks += 1
            try:
                completion = await self._answer(judge, model, item, question, start, tally)
            except ProviderError as error:
                return tally.failed(error)
            reading = method.read(
                judge, completion.text, finish_reason=completion.finish_reason, source=completion.source
            )
            if reading.outcome is Outcome.SCORED or reading.reason is None or tally.asks > judge.reasks:
                return tally.answered(completion, reading)
            tally.unreadable(completion)
            question = ask_again(question, completion.text, reading.reason, method.form(judge))

    async def _answer(
        self, judge: Judge, model: str, item: Item, question: Question, start: Start, tally: "_Tally"
    ) -> Completion:
        provider, _, name = model.partition("/")
        request = ModelRequest(
            model=name,
            messages=question.messages,
            schema=question.schema,
            schema_required=judge.output == "schema",
            parameters=judge.parameters,
            judge=judge,
            item=item,
        )
        call = partial(self._call, provider, request, start, tally)
        try:
            answered = await with_retries(
                call, retrying=self._retrying, on_retry=lambda error, wait: self._on_retry(model)
            )
        except ProviderError as error:
            tally.attempts += error.attempts
            raise
        tally.attempts += answered.attempts
        tally.count(answered.completion)
        return answered.completion

    async def _call(self, provider: str, request: ModelRequest, start: Start, tally: "_Tally") -> Completion:
        estimate = sum(len(message.content) for message in request.messages) // _CHARS_A_TOKEN
        async with self._limits.call(provider, estimate):
            start()
            began = time.perf_counter()
            try:
                completion = await self._providers[provider].complete(request)
            finally:
                tally.latency_s += time.perf_counter() - began
        if completion.input_tokens is not None:
            self._limits.spent(provider, completion.input_tokens + (completion.output_tokens or 0) - estimate)
        return completion


class _Tally:
    """What one vote took so far, over all its calls."""

    def __init__(self, model: str, settings: ProviderSettings) -> None:
        self._model = model
        self._settings = settings
        self._last: Completion | None = None
        self._input_tokens: int | None = 0
        self._output_tokens: int | None = 0
        self.asks = 0
        self.attempts = 0
        self.latency_s = 0.0

    def count(self, completion: Completion) -> None:
        self._input_tokens = _sum(self._input_tokens, completion.input_tokens)
        self._output_tokens = _sum(self._output_tokens, completion.output_tokens)

    def unreadable(self, completion: Completion) -> None:
        self._last = completion

    def answered(self, completion: Completion, reading: Reading) -> Vote:
        return self._vote(
            outcome=reading.outcome,
            reason=reading.reason,
            score=reading.score,
            label=reading.label,
            explanation=reading.explanation,
            parsed_from=reading.parsed_from,
            score_from="answer" if reading.outcome is Outcome.SCORED else None,
            raw_text=completion.text,
            finish_reason=completion.finish_reason,
            error=None,
        )

    def failed(self, error: ProviderError) -> Vote:
        """The last answer, if there was one before the call that failed, is kept beside the error."""
        return self._vote(
            outcome=Outcome.FAILED,
            reason=error.reason,
            score=None,
            label=None,
            explanation=None,
            parsed_from=None,
            score_from=None,
            raw_text=self._last.text if self._last else None,
            finish_reason=self._last.finish_reason if self._last else None,
            error=str(error),
        )

    def _vote(self, **verdict: object) -> Vote:
        cost = cost_usd(self._model, self._settings, self._input_tokens, self._output_tokens)
        return Vote(
            model=self._model,
            sample=0,
            order=None,
            asks=self.asks,
            attempts=self.attempts,
            latency_seconds=round(self.latency_s, 6),
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
            cost_usd=cost,
            **verdict,  # type: ignore[arg-type]
        )


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more


def _provider(model: str) -> str:
    return model.partition("/")[0]
