"""Asks models about one item: a judge and an item in, votes out. Knows neither Redis nor arq."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

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
from worker.limits import CallLimits, ItemGate
from worker.providers.base import Completion, ModelRequest, Provider, ProviderError
from worker.providers.capabilities import MOST_GROWTH
from worker.retrying import Retrying, with_retries

OnRetry = Callable[[str], None]  # "provider/model"
OnServed = Callable[[str, str], Awaitable[None]]  # "provider/model", and the model that answered
Recall = Callable[[Ballot], Awaitable[Vote | None]]  # a vote that was paid for before, None if it must be asked for

LONG_PROMPT = 4_000  # tokens by our estimate; of a longer prompt the provider must count a third at least
CUT_SHARE = 3


class NotStarted(Exception):  # noqa: N818 - an order, not an error
    """No call may be made for an item that has not started: it ends with `outcome`, or goes back to the queue if None.

    It should not be taken from there before `not_before`, on the monotonic clock.
    """

    def __init__(self, outcome: Outcome | None, reason: Reason | None = None, *, not_before: float = 0.0) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reason = reason
        self.not_before = not_before


class Asker:
    """Asks the models of a judge.

    `on_retry` is told of each call that is tried again, `on_served` of each model that answered under another's name.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        prices: Prices,
        limits: CallLimits,
        *,
        retrying: Retrying | None = None,
        on_retry: OnRetry = lambda model: None,
        on_served: OnServed | None = None,
    ) -> None:
        self._providers = providers
        self._prices = prices
        self._limits = limits
        self._retrying = retrying or Retrying()
        self._on_retry = on_retry
        self._on_served = on_served

    async def votes(
        self, judge: ResolvedJudge, item: Item, secret: bytes, gate: ItemGate, recall: Recall
    ) -> list[Vote]:
        """Returns all votes of a judgment, asked for at the same time. `secret` is the installation's.

        Raises NotStarted, and the errors of `recall`.
        """
        asked = [self._vote(judge.definition, ballot, item, secret, gate, recall) for ballot in ballots(judge)]
        return [await asked[0]] if len(asked) == 1 else await _all(asked)

    async def _vote(
        self, judge: Judge, ballot: Ballot, item: Item, secret: bytes, gate: ItemGate, recall: Recall
    ) -> Vote:
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
            if _is_cut(question, completion):
                return tally.answered(completion, Reading(value=Reason.CONTEXT_CUT), "answer")
            reading = method.read(
                judge, shown, completion.text, finish_reason=completion.finish_reason, source=completion.source
            )
            if (
                reading.outcome is Outcome.SCORED
                or reading.reason is None
                or not tally.may_ask_again(judge, completion)
            ):
                reading = method.in_item_terms(reading, item, ballot.order)
                return tally.answered(completion, *_by_logprobs(judge, completion, reading))
            tally.unreadable(completion)
            question = ask_again(question, completion.text, reading.reason, method.form(judge, shown))

    async def _answer(
        self, judge: Judge, model: str, shown: Item, question: Question, gate: ItemGate, tally: "_Tally"
    ) -> Completion:
        request = ModelRequest(
            model=model.partition("/")[2],
            messages=question.messages,
            schema=question.schema,
            schema_required=judge.output == "schema",
            logprobs=judge.score_from == "logprobs",
            parameters=judge.parameters,
            judge=judge,
            item=shown,
        )
        faults = 0

        async def call() -> Completion:
            nonlocal faults
            last = msgspec.structs.replace(request, single_fault=faults >= self._retrying.attempts - 1)
            try:
                return await self._call_in_turn(model, last if faults else request, gate, tally)
            except ProviderError as error:
                faults += error.faults
                raise

        try:
            answered = await with_retries(
                call, retrying=self._retrying, on_retry=lambda error, wait: self._on_retry(model)
            )
        except ProviderError as error:
            tally.attempts += error.attempts
            raise
        tally.attempts += answered.attempts
        tally.count(answered.completion)
        served_model = answered.completion.served_model
        if served_model is not None and self._on_served is not None:
            await self._on_served(model, served_model)
        return answered.completion

    async def _call_in_turn(self, model: str, request: ModelRequest, gate: ItemGate, tally: "_Tally") -> Completion:
        """Makes a call again each time that the provider refuses it because there are too many, when its turn comes."""
        provider = model.partition("/")[0]
        while True:
            began = time.monotonic()
            try:
                completion = await self._call(provider, request, gate, tally)
            except ProviderError as error:
                if not await self._limits.refused(provider, error, began):
                    raise
                gate.undo_call()
                tally.attempts += error.attempts
                self._on_retry(model)
            else:
                await self._limits.answered(provider)
                return completion

    async def _call(self, provider: str, request: ModelRequest, gate: ItemGate, tally: "_Tally") -> Completion:
        estimate = estimated_tokens(request.messages)  # corrected by the answer's own count
        async with self._limits.call(provider, estimate, gate):
            began = time.perf_counter()
            try:
                completion = await self._providers[provider].complete(request)
            finally:
                tally.latency_s += time.perf_counter() - began
        if completion.input_tokens is not None:
            self._limits.spent(provider, completion.input_tokens + (completion.output_tokens or 0) - estimate)
        return completion


def _is_cut(question: Question, completion: Completion) -> bool:
    """Returns whether the provider counted so few tokens of a long prompt that the model can't have read all of it."""
    estimate = estimated_tokens(question.messages)
    counted = completion.input_tokens
    if not counted:  # 0 is said by servers that do not count, or not what they have cached
        return False
    return estimate > LONG_PROMPT and CUT_SHARE * counted < estimate


async def _all(asked: Sequence[Awaitable[Vote]]) -> list[Vote]:
    """Waits for all of them even if one raises: a call under way is paid for."""
    ended = await asyncio.gather(*asked, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ended if isinstance(each, Vote)]


def _by_logprobs(judge: Judge, completion: Completion, reading: Reading) -> tuple[Reading, str]:
    """Returns the reading, with the expected score if the judge wants it and the answer has it; and its source."""
    scale = METHODS[judge.method].logprobs_scale(judge) if judge.score_from == "logprobs" else None
    if scale is not None and completion.tokens and reading.score is not None:
        score = score_by_logprobs(completion.tokens, scale, reading.score)
        if score is not None:
            return msgspec.structs.replace(reading, value=Score(score)), "logprobs"
    return reading, "answer"


class _Tally:
    """The calls, tokens and time that one vote took so far."""

    def __init__(self, ballot: Ballot, prices: Prices) -> None:
        self._ballot = ballot
        self._prices = prices
        self._last: Completion | None = None
        self._input_tokens: int | None = 0
        self._output_tokens: int | None = 0
        self._reasks = 0
        self._cut_off_at: int | None = None
        self.asks = 0
        self.attempts = 0
        self.latency_s = 0.0

    def count(self, completion: Completion) -> None:
        self._input_tokens = _sum(self._input_tokens, completion.input_tokens)
        self._output_tokens = _sum(self._output_tokens, completion.output_tokens)

    def may_ask_again(self, judge: Judge, completion: Completion) -> bool:
        """Returns whether to ask again after an unreadable answer.

        The judge allows so many re-asks. An answer that was cut off is asked for again whenever there is more room.
        """
        cut_off_at = completion.cut_off_at
        if cut_off_at is None:
            self._reasks += 1
            return self._reasks <= judge.reasks
        has_room = cut_off_at < MOST_GROWTH * judge.parameters.max_output_tokens
        grows, self._cut_off_at = has_room and cut_off_at != self._cut_off_at, cut_off_at
        return grows

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
            served_model=completion.served_model,
        )

    def failed(self, error: ProviderError) -> Vote:
        """Returns a failed vote. An answer from before the call that failed is kept beside the error."""
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
            served_model=self._last.served_model if self._last else None,
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
