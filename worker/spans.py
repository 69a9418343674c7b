"""The spans of a worker, and the event for each judgment, in the words of OpenTelemetry's conventions for GenAI.

A chunk is a span under the request that sent its job; each of its judgments is a span in it, and each call of a model
one in that. No text of an item, prompt or answer is in them.
"""

import contextlib
from collections.abc import Callable, Iterator

from service import telemetry
from service.config.kinds import KINDS
from service.contracts.items import Item, item_id
from service.contracts.jobs import JobRecord
from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Judgment
from service.contracts.outcomes import Outcome
from service.store.jobs import Claim
from worker.call_metrics import are_untold
from worker.providers.base import Completion, ModelRequest, ProviderError

EVALUATION = "gen_ai.evaluation.result"
RESPONSE_ID = "gen_ai.response.id"  # in an item's metadata: of the answer that is judged
PARENT = "traceparent"  # in an item's metadata: the span that made that answer

_WELL_KNOWN = {"gemini": "gcp.gemini"}  # the conventions' names of providers, if they are not ours

NoteJudgment = Callable[[Judgment], None]
NoteCompletion = Callable[[Completion], None]


def _nothing(ended: Judgment | Completion) -> None:
    """Notes nothing."""


_UNNOTED = contextlib.nullcontext(_nothing)


def chunk_span(claim: Claim, chunk: int) -> contextlib.AbstractContextManager[telemetry.TraceSpan]:
    """Records the work at a chunk; it may be done in several turns, each of which is a span."""
    record = claim.record
    own: dict[str, telemetry.Attribute] = {
        "judged.job.id": record.id,
        "judged.chunk": chunk,
        "judged.items": len(claim.items),
    }
    return telemetry.span("judge chunk", "consumer", own, record.trace_context)


def judgment_span(
    record: JobRecord, judge: ResolvedJudge, item: Item
) -> contextlib.AbstractContextManager[NoteJudgment]:
    """Records the work at one judgment. Yields a function that takes the judgment once it is stored.

    Those of a battle are not recorded: they would tell its models.
    """
    is_recorded = telemetry.records_spans() or telemetry.records_events()
    return _judgment_span(record, judge, item) if is_recorded and record.purpose != "battle" else _UNNOTED


@contextlib.contextmanager
def _judgment_span(record: JobRecord, judge: ResolvedJudge, item: Item) -> Iterator[NoteJudgment]:
    own: dict[str, telemetry.Attribute] = {"judged.job.id": record.id, "judged.item.id": item_id(item)}
    with telemetry.span(f"judge {judge.ref.name or judge.definition.criterion}", "internal", own) as span:

        def note(judgment: Judgment) -> None:
            if judgment.outcome is Outcome.CANCELLED:
                return
            result = _result(judgment)
            span.note(result)
            if judgment.outcome is Outcome.FAILED:
                span.fail(str(judgment.reason))
            about = {RESPONSE_ID: _text(item, RESPONSE_ID), "gen_ai.evaluation.explanation": None}
            if telemetry.records_explanations():
                about["gen_ai.evaluation.explanation"] = judgment.explanation
            parent = _text(item, PARENT)
            telemetry.event(EVALUATION, {**own, **result, **about}, {PARENT: parent} if parent else None)

        yield note


def _result(judgment: Judgment) -> dict[str, telemetry.Attribute | None]:
    """Returns the verdict as attributes. Without a score it has a reason, as the type of the error."""
    passed = {True: "pass", False: "fail"}.get(judgment.passed) if isinstance(judgment.passed, bool) else None
    return {
        "gen_ai.evaluation.name": judgment.criterion,
        "gen_ai.evaluation.score.value": None if judgment.score is None else float(judgment.score),
        "gen_ai.evaluation.score.label": judgment.label or passed,
        "error.type": None if judgment.reason is None else str(judgment.reason),
        "judged.judgment.id": judgment.id,
        "judged.judge.name": judgment.judge.name,
        "judged.judge.version": judgment.judge.version,
        "judged.judge.digest": judgment.judge.digest,
        "judged.outcome": str(judgment.outcome),
        "judged.cached": judgment.cached,
    }


def _text(item: Item, name: str) -> str | None:
    value = item.metadata.get(name)
    return value if isinstance(value, str) and value else None


def call_span(model: str, request: ModelRequest) -> contextlib.AbstractContextManager[NoteCompletion]:
    """Records one call of `provider/model`. Yields a function that takes the answer.

    Baselines are no models and have none.
    """
    provider = model.partition("/")[0]
    if not telemetry.records_spans() or are_untold() or (provider in KINDS and KINDS[provider].is_built_in):
        return _UNNOTED
    return _call_span(provider, request)


@contextlib.contextmanager
def _call_span(provider: str, request: ModelRequest) -> Iterator[NoteCompletion]:
    parameters = request.parameters
    own: dict[str, telemetry.Attribute] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _WELL_KNOWN.get(provider, provider),
        "gen_ai.request.model": request.model,
        "gen_ai.request.max_tokens": parameters.max_output_tokens,
        "gen_ai.output.type": "text" if request.schema is None else "json",
    }
    with telemetry.span(f"chat {request.model}", "client", own) as span:
        span.note({"gen_ai.request.temperature": parameters.temperature, "gen_ai.request.top_p": parameters.top_p})

        def note(completion: Completion) -> None:
            span.note(
                {
                    "gen_ai.response.model": completion.served_model,
                    "gen_ai.response.finish_reasons": [completion.finish_reason] if completion.finish_reason else None,
                    "gen_ai.usage.input_tokens": completion.input_tokens,
                    "gen_ai.usage.output_tokens": completion.output_tokens,
                    "judged.http_calls": completion.attempts,
                }
            )

        try:
            yield note
        except ProviderError as error:
            span.note({"http.response.status_code": error.status, "judged.http_calls": error.attempts})
            span.fail(str(error.status or error.reason))
            raise
