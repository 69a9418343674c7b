"""The lines for calls that failed have the provider's words, and no judged text."""

import logging

import pytest

from service.contracts.outcomes import Reason
from worker.failure_lines import LEFT_OUT, log_failure, without_texts
from worker.providers.base import ProviderError

ANSWER = "My account number is 4711 and I can't sign in any more."


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("the model is overloaded", "the model is overloaded"),
        (f"invalid content: {ANSWER!s} (too long)", f"invalid content: {LEFT_OUT} (too long)"),
        (f"cut: {ANSWER[:30]}...", f"cut: {LEFT_OUT}..."),
        (f"{ANSWER[:23]}|", f"{ANSWER[:23]}|"),  # so few characters may be the same by chance
        (f"{ANSWER} {ANSWER}", f"{LEFT_OUT} {LEFT_OUT}"),
        ("", ""),
    ],
)
def test_parts_of_the_prompt_are_left_out(words: str, expected: str) -> None:
    assert without_texts(words, ["Judge this.", f"<output>{ANSWER}</output>"]) == expected


def test_a_line_names_the_model_and_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    error = ProviderError(f"answered 400: can't read {ANSWER}", reason=Reason.PROVIDER_ERROR, retryable=False)
    log_failure("openai/m", error, [ANSWER])
    [line] = caplog.records
    assert line.levelno == logging.WARNING
    assert line.getMessage() == f"a call of openai/m failed (provider_error): answered 400: can't read {LEFT_OUT}"
