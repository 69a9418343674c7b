"""Asks models about one item: a judge and an item in, votes out. Speaks neither to Redis nor to arq."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from service.contracts.items import Item
from service.contracts.judges import Judge, ResolvedJudge
from service.contracts.judgments import Ballot, Vote
from service.contracts.outcomes import Outcome, Reason
from service.costs import Prices
from service.judging.ballots import Questions, ballots
from service.judging.combining import as_listed
from service.judging.logprobs import score_by_logprobs
from service.judging.methods import METHODS
from service.judging.questions import Question, ask_again, estimated_tokens
from service.judging.reading import Reading, Score
from service.judging.templates import TemplateError
from service.store.clock import seconds
from service.store.jobs import Tried
from worker.call_costs import CallEstimates, OutputLimit
from worker.failure_lines import log_failure
from worker.limits import CallLimits
from worker.payments import PayingGate, Payment
from worker.providers.base import Completion, ModelRequest, Provider, ProviderError
from worker.providers.capabilities import MOST_GROWTH
from worker.retrying import Retrying, with_retries
from worker.spans import call_span
from worker.tries import NextStep, Tries, is_of_provider

OnRetry = Callable[[str, int], None]  # "provider/model", and the number of calls
OnServed = Callable[[str, str, float], Awaitable[None]]  # "provider/model", the model that answered, the call's begin
Recall = Callable[[Ballot], Awaitable[Vote | None]]  # a vote that was paid for before, None if it must be asked for

LONG_PROMPT = 4_000  # tokens by our estimate; of a longer prompt the provider must count a third at least
CUT_SHARE = 3
_LOOK_S = 0.5  # how often a call that waits to be made again looks whether its job was cancelled


class NotStarted(Exception):  # noqa: N818 - an order, not an error
    """No call may be made for an item that has not started: it ends with `outcome`, or goes back to the queue if None.

    It should not be taken from there before `not_before`, on the monotonic clock. `tried` are the calls for its votes
    so far, none of which was answered.
    """

    def __init__(self, outcome: Outcome | None, reason: Reason | None = None, *, not_before: float = 0.0) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.reason = reason
        self.not_before = not_before
        self.tried: list[Tried] = []


class InDoubt(Exception):  # noqa: N818 - an order, not an error
    """No further call may be made for an item with paid answers until its gate is sure that the item is still here."""


class Asker:
    """Asks the models of a judge.

    `on_retry` is told of calls that were tried again, `on_served` of each model that answered under another's name.
    `output_limit` returns the limit of output tokens that a model is sent for the one that a judge has.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        prices: Prices,
        limits: CallLimits,
        *,
        retrying: Retrying | None = None,
        on_retry: OnRetry = lambda model, calls: None,
        on_served: OnServed | None = None,
        output_limit: OutputLimit = lambda model, asked: asked,
    ) -> None:
        self._providers = providers
        self._prices = prices
        self._limits = limits
        self._retrying = retrying or Retrying()
        self._on_retry = on_retry
        self._on_served = on_served
        self._estimates = CallEstimates(prices, output_limit)

    async def prepare(self, judges: Iterable[ResolvedJudge]) -> None:
        """Learns the list prices of the judges' models. Without it, their calls cost an unknown amount."""
        await self._prices.learn(model for judge in judges for model in judge.models)

    async def votes(
        self,
        judge: ResolvedJudge,
        item: Item,
        questions: Questions,
        gate: PayingGate,
        recall: Recall,
        tried: Sequence[Tried] = (),
    ) -> list[Vote]:
        """Returns all votes of a judgment, asked for at the same time. `questions` are those about the item.

        `tried` are the calls of an earlier time, when the item was put off. Raises NotStarted, and the errors of
        `recall`.
        """
        before = {Ballot(each.model, each.sample, each.order): each for each in tried}
        tallies = [_Tally(ballot, self._prices, self._retrying, before.get(ballot)) for ballot in ballots(judge)]
        asked = [self._vote(judge.definition, tally, item, questions, gate, recall) for tally in tallies]
        try:
            return [await asked[0]] if len(asked) == 1 else await _all(asked)
        except NotStarted as order:
            order.tried = [each for tally in tallies for each in tally.tried()]
            raise

    async def _vote(
        self, judge: Judge, tally: "_Tally", item: Item, questions: Questions, gate: PayingGate, recall: Recall
    ) -> Vote:
        ballot = tally.ballot
        known = await recall(ballot)
        if known is not None:
            return known
        method = METHODS[judge.method]
        shown = method.shown(item, ballot.order)
        try:
            question = questions.about(ballot.order)
        except TemplateError as error:  # of an item that was accepted by an earlier version, with fewer checks
            gate.open()
            return tally.failed(_unfilled(error))
        while True:
            tally.asks += 1
            try:
                completion = await self._answer(judge, ballot.model, shown, question, gate, tally)
            except ProviderError as error:
                return tally.failed(error)
            await asyncio.sleep(0)  # a call that waits for this one's place begins before this answer is read
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
            question = ask_again(question, completion.text, reading.reason, method.reminder(judge, shown))

    async def _answer(
        self, judge: Judge, model: str, shown: Item, question: Question, gate: PayingGate, tally: "_Tally"
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

        answered = await with_retries(
            lambda: self._call_in_turn(model, request, gate, tally),
            retrying=self._retrying,
            sleep=lambda wait: _sleep(wait, gate),
            may_go_on=gate.may_try_again,
            faults=tally.tries.faults,
        )
        tally.tries.answered()
        tally.count(answered.completion)
        served_model = answered.completion.served_model
        if served_model is not None and self._on_served is not None:
            await self._on_served(model, served_model, tally.began)
        return answered.completion

    async def _call_in_turn(self, model: str, request: ModelRequest, gate: PayingGate, tally: "_Tally") -> Completion:
        """Makes a call again when its turn comes, each time that it is refused because there are too many.

        The same if it fails and has to wait for the model's breaker. The error raised has the faults of all calls.
        """
        provider = model.partition("/")[0]
        before, refusals = tally.tries.faults, 0
        while True:
            began = time.monotonic()
            if tally.tries.faults >= self._retrying.attempts - 1 and not request.single_fault:
                request = msgspec.structs.replace(request, single_fault=True)
            try:
                completion = await self._call(model, request, gate, tally)
            except InDoubt:
                await gate.until_sure()
            except ProviderError as error:
                if error.attempts:
                    log_failure(model, error, [each.content for each in request.messages])
                self._note_calls(model, error.attempts, tally)
                if await self._limits.refused(provider, error, began, refusals, gate):
                    refusals += 1
                    gate.undo_call()
                elif not await self._waits(model, error, gate, tally, before):
                    raise
                if not gate.may_try_again():
                    raise
            else:
                self._note_calls(model, completion.attempts, tally)
                await self._limits.answered(provider)
                return completion

    def _note_calls(self, model: str, calls: int, tally: "_Tally") -> None:
        again = tally.called(calls)
        if again:
            self._on_retry(model, again)

    async def _waits(self, model: str, error: ProviderError, gate: PayingGate, tally: "_Tally", before: int) -> bool:
        """Notes a failed call. Returns whether the next one waits for the model's breaker; else the error is final."""
        tally.tries.count(error, tally.called_at)
        step = await self._limits.next_step(model, error, tally.tries)
        if step is not NextStep.FAIL and is_of_provider(error):
            gate.undo_call()
        if step is not NextStep.WAIT:
            error.faults = tally.tries.faults - before
        return step is NextStep.WAIT

    async def _call(self, model: str, request: ModelRequest, gate: PayingGate, tally: "_Tally") -> Completion:
        provider = model.partition("/")[0]
        estimate = estimated_tokens(request.messages)  # corrected by the answer's own count
        payment = Payment(gate, self._estimates.of(model, request)) if gate.has_budget else None
        try:
            async with self._limits.call(provider, estimate, gate, model, tally.tries, payment):
                began = time.perf_counter()
                tally.called_at, tally.began = seconds(), time.monotonic()
                try:
                    with call_span(model, request) as note:
                        completion = await self._providers[provider].complete(request)
                        note(completion)
                finally:
                    tally.latency_s += time.perf_counter() - began
                if payment is not None:
                    payment.answered(completion)
        finally:
            if payment is not None:
                payment.end()
        if completion.input_tokens is not None:
            self._limits.spent(provider, completion.input_tokens + (completion.output_tokens or 0) - estimate)
        return completion


def _unfilled(error: TemplateError) -> ProviderError:
    message = f"no model was asked: the judge's template can't be filled: {error}"
    return ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)


async def _sleep(left_s: float, gate: PayingGate) -> None:
    """Waits before a call is made again, or until it may not be."""
    while left_s > 0 and gate.may_try_again():
        await asyncio.sleep(min(left_s, _LOOK_S))
        left_s -= _LOOK_S


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
    votes = [each for each in ended if isinstance(each, Vote)]
    errors = [each for each in ended if isinstance(each, BaseException)]
    del ended
    if errors:
        raise errors.pop(0)  # out of every variable of its own frame: it would be in a cycle
    return votes


def _by_logprobs(judge: Judge, completion: Completion, reading: Reading) -> tuple[Reading, str, float | None]:
    """Returns the reading, with the expected score if the judge wants it and the answer has it; and its source.

    The last is the score's standard deviation under the token probabilities, None without them.
    """
    scale = METHODS[judge.method].logprobs_scale(judge) if judge.score_from == "logprobs" else None
    if scale is not None and completion.tokens and reading.score is not None:
        expected = score_by_logprobs(completion.tokens, scale, reading.score)
        if expected is not None:
            return msgspec.structs.replace(reading, value=Score(expected.mean)), "logprobs", expected.deviation
    return reading, "answer", None


class _Tally:
    """The calls, tokens and time that one vote took so far."""

    def __init__(self, ballot: Ballot, prices: Prices, retrying: Retrying, before: Tried | None) -> None:
        self.ballot = ballot
        self._prices = prices
        self._last: Completion | None = None
        self._input_tokens: int | None = 0
        self._output_tokens: int | None = 0
        self._reasks = 0
        self._cut_off_at: int | None = None
        self.asks = 0
        self.attempts = before.attempts if before else 0
        self._was_called = before is not None  # for the question at hand
        self.tries = Tries(retrying, before.faults, before.failed_at) if before else Tries(retrying)
        self.called_at = 0.0  # Unix seconds
        self.began = 0.0  # the same on the monotonic clock
        self.latency_s = 0.0

    def tried(self) -> list[Tried]:
        """Returns the calls so far, to go on from later; none if there was no call."""
        if not self.attempts:
            return []
        return [Tried(*self.ballot, self.attempts, self.tries.faults, self.tries.failed_at)]

    def called(self, calls: int) -> int:
        """Counts calls. Returns how many of them tried again what was asked before."""
        first = int(calls > 0 and not self._was_called)
        self.attempts += calls
        self._was_called = self._was_called or calls > 0
        return calls - first

    def count(self, completion: Completion) -> None:
        """Counts the tokens of an answer. The next call is of another question."""
        self._was_called = False
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

    def answered(
        self, completion: Completion, reading: Reading, score_from: str, deviation: float | None = None
    ) -> Vote:
        return self._vote(
            reading, completion, score_from if reading.outcome is Outcome.SCORED else None, deviation=deviation
        )

    def failed(self, error: ProviderError) -> Vote:
        """Returns a failed vote. An answer from before the call that failed is kept beside the error."""
        return self._vote(Reading(value=error.reason), self._last, outcome=Outcome.FAILED, error=str(error))

    def _vote(
        self,
        reading: Reading,
        answer: Completion | None,
        score_from: str | None = None,
        *,
        outcome: Outcome | None = None,
        deviation: float | None = None,
        error: str | None = None,
    ) -> Vote:
        return Vote(
            model=self.ballot.model,
            sample=self.ballot.sample,
            order=self.ballot.order,
            outcome=outcome or reading.outcome,
            reason=reading.reason,
            score=reading.score,
            label=reading.label,
            explanation=reading.explanation,
            parsed_from=reading.parsed_from,
            score_from=score_from,
            raw_text=None if answer is None else answer.text,
            finish_reason=None if answer is None else answer.finish_reason,
            error=error,
            asks=self.asks,
            attempts=self.attempts,
            latency_seconds=round(self.latency_s, 6),
            input_tokens=self._input_tokens,
            output_tokens=self._output_tokens,
            cost_usd=self._prices.cost_usd(self.ballot.model, self._input_tokens, self._output_tokens),
            ranking=as_listed(reading.ranking),
            served_model=None if answer is None else answer.served_model,
            score_deviation=None if deviation is None else round(deviation, 6),
        )


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
