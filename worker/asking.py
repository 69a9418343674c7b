"""Asks models about one item: a judge and an item in, votes out. Knows neither Redis nor arq."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Judge, ResolvedJudge
from service.contracts.judgments import Ballot, Vote
from service.contracts.outcomes import Outcome, Reason
from service.costs import Prices
from service.judging.ballots import ballots, question_about
from service.judging.combining import as_listed
from service.judging.logprobs import score_by_logprobs
from service.judging.methods import METHODS
from service.judging.questions import Question, ask_again, estimated_tokens
from service.judging.reading import Reading, Score
from worker.limits import CallLimits
from worker.providers.base import Completion, ModelRequest, Provider, ProviderError
from worker.retrying import Retrying, with_retries

OnRetry = Callable[[str], None]  # "provider/model"
Recall = Callable[[Ballot], Awaitable[Vote | None]]  # a vote that was paid for before, None where it must be asked for


class NotStarted(Exception):  # noqa: N818 - an order, not an error
    """No call may be made for an item that has not started: it ends with `outcome`, or later where that is None."""

    def __init__(self, outcome: Outcome | None, reason: Reason | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reason = reason


class Gate(Protocol):
    """Where an item starts. Both methods raise NotStarted where it must not, and nothing once it has."""

    def check(self) -> None:
        """Asks whether it may start."""
        ...

    def open(self) -> None:
        """Starts it: a call is about to be made, or a vote that was paid for is served."""
        ...


class Asker:
    """Asks the models of a judge. `on_retry` is told of each call that is tried again."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        prices: Prices,
        limits: CallLimits,
        *,
        retrying: Retrying | None = None,
        on_retry: OnRetry = lambda model: None,
    ) -> None:
        self._providers = providers
        self._prices = prices
        self._limits = limits
        self._retrying = retrying or Retrying()
        self._on_retry = on_retry

    async def votes(self, judge: ResolvedJudge, item: Item, secret: bytes, gate: Gate, recall: Recall) -> list[Vote]:
        """Returns all votes of a judgment, asked for at the same time. `secret` is the installation's.

        Raises NotStarted, and the errors of `recall`.
        """
        asked = [self._vote(judge.definition, ballot, item, secret, gate, recall) for ballot in ballots(judge)]
        return [await asked[0]] if len(asked) == 1 else await _all(asked)

    async def _vote(self, judge: Judge, ballot: Ballot, item: Item, secret: bytes, gate: Gate, recall: Recall) -> Vote:
        known = await recall(ballot)
        if known is not None:
            return known
        method = METHODS[judge.method]
        shown = method.shown(item, ballot.order)
        question = question_about(judge, item, ballot.order, secret)
        tally = _Tally(ballot, self._prices)
        while True:
            tally.asks += 1
            try:
                completion = await self._answer(judge, ballot.model, shown, question, gate, tally)
            except ProviderError as error:
                return tally.failed(error)
            reading = method.read(
                judge, shown, completion.text, finish_reason=completion.finish_reason, source=completion.source
            )
            if reading.outcome is Outcome.SCORED or reading.reason is None or tally.asks > judge.reasks:
                reading = method.in_item_terms(reading, item, ballot.order)
                return tally.answered(completion, *_by_logprobs(judge, completion, reading))
            tally.unreadable(completion)
            question = ask_again(question, completion.text, reading.reason, method.reminder(judge, shown))

    async def _answer(
        self, judge: Judge, model: str, shown: Item, question: Question, gate: Gate, tally: "_Tally"
    ) -> Completion:
        provider, _, name = model.partition("/")
        request = ModelRequest(
            model=name,
            messages=question.messages,
            schema=question.schema,
            schema_required=judge.output == "schema",
            logprobs=judge.score_from == "logprobs",
            parameters=judge.parameters,
            judge=judge,
            item=shown,
        )
        call = partial(self._call, provider, request, gate, tally)
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

    async def _call(self, provider: str, request: ModelRequest, gate: Gate, tally: "_Tally") -> Completion:
        estimate = estimated_tokens(request.messages)  # corrected when the answer says how many there were
        async with self._limits.call(provider, estimate):
            gate.open()
            began = time.perf_counter()
            try:
                completion = await self._providers[provider].complete(request)
            finally:
                tally.latency_s += time.perf_counter() - began
        if completion.input_tokens is not None:
            self._limits.spent(provider, completion.input_tokens + (completion.output_tokens or 0) - estimate)
        return completion


async def _all(asked: Sequence[Awaitable[Vote]]) -> list[Vote]:
    """Waits for all of them also where one raises: a call under way is paid for."""
    ended = await asyncio.gather(*asked, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ended if isinstance(each, Vote)]


def _by_logprobs(judge: Judge, completion: Completion, reading: Reading) -> tuple[Reading, str]:
    """The reading with the expected score, where the judge asks for it and the answer allows it; and its source."""
    scale = METHODS[judge.method].logprobs_scale(judge) if judge.score_from == "logprobs" else None
    if scale is not None and completion.tokens and reading.score is not None:
        score = score_by_logprobs(completion.tokens, scale, reading.score)
        if score is not None:
            return msgspec.structs.replace(reading, value=Score(score)), "logprobs"
    return reading, "answer"


class _Tally:
    """What one vote took so far, over all its calls."""

    def __init__(self, ballot: Ballot, prices: Prices) -> None:
        self._ballot = ballot
        self._prices = prices
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

    def answered(self, completion: Completion, reading: Reading, score_from: str) -> Vote:
        return self._vote(
            outcome=reading.outcome,
            reason=reading.reason,
            score=reading.score,
            label=reading.label,
            ranking=as_listed(reading.ranking),
            explanation=reading.explanation,
            parsed_from=reading.parsed_from,
            score_from=score_from if reading.outcome is Outcome.SCORED else None,
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
        cost = self._prices.cost_usd(self._ballot.model, self._input_tokens, self._output_tokens)
        return Vote(
            model=self._ballot.model,
            sample=self._ballot.sample,
            order=self._ballot.order,
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
