"""The provider `control`: baselines that do not understand a text. A judge must be better than text length."""

import msgspec

from service.contracts.outcomes import Reason
from service.judging.baselines import BASELINES, baseline_answer
from worker.providers.base import Completion, ModelRequest, ProviderError
from worker.providers.registry import local_provider


@local_provider("control")
class ControlProvider:
    """`control/length` and `control/overlap`: deterministic, free, and never presented as language models."""

    async def complete(self, request: ModelRequest) -> Completion:
        """Returns the verdict as a JSON object. Raises ProviderError if the model is none of the baselines."""
        if request.model not in BASELINES:
            message = f"control has no model {request.model!r} ({', '.join(BASELINES)})"
            raise ProviderError(message, reason=Reason.PROVIDER_ERROR, retryable=False)
        answer = baseline_answer(request.model, request.judge, request.item)
        verdict = {
            "explanation": f"Baseline control/{request.model}, not a language model: {answer.words}.",
            **answer.fields,
        }
        return Completion(
            text=msgspec.json.encode(verdict).decode(),
            source="schema",
            finish_reason="stop",
            input_tokens=0,
            output_tokens=0,
        )

    async def aclose(self) -> None:
        """Nothing to close."""
