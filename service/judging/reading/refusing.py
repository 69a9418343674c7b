"""Replies that decline to judge, and what providers say about how a reply ended."""

import re
from functools import lru_cache

from service.contracts.outcomes import Reason

# Normalised by `finish_reason_of`: the words of OpenAI, Azure, Anthropic, Gemini, Bedrock, Cohere, Mistral,
# and of the local servers, as documented in 2025.
_TRUNCATED = frozenset(
    [
        *("length", "max_tokens", "max_output_tokens", "model_length", "max_length", "token_limit"),
        *("model_context_window_exceeded", "context_length_exceeded", "insufficient_system_resource"),
    ]
)
_REFUSED = frozenset(
    [
        *("content_filter", "content_filtered", "content_management_policy", "refusal", "refused", "recitation"),
        *("safety", "image_safety", "prohibited_content", "blocklist", "spii", "guardrail_intervened", "error_toxic"),
        *("model_armor", "jailbreak", "image_prohibited_content", "image_recitation"),
        *("blocked", "sensitive", "unsafe", "moderation", "moderated", "data_inspection_failed", "censored"),
    ]
)
# A reply that ended in any of these may lack its end: `network_error`, `error_limit`, `aborted`.
_BROKEN_OFF = re.compile(r"(?:^|_)(?:error|abort|aborted|cancelled|canceled|timeout|interrupted|failed|failure)(?:_|$)")

_OPENING = 300  # characters; a refusal says so at once
_APOLOGY = re.compile(
    r"\W*(?:no\b|but|however|unfortunately|as an? (?:ai|language|large)\b|i (?:must |have to )?apologi[sz]e|"
    r"(?:(?:i|we)\W?(?:m|re| am| are)\s)?(?:(?:very|so|really|deeply)\s)?(?:sorry|afraid))",
    re.I,
)
_DECLINING = re.compile(
    r"\b(?:i|we)(?:\s(?:can(?:\W?t|not|\snot)|wo\W?nt|won\W?t|will\snot|could\snot|do\snot\sfeel\scomfortable|"
    r"don\W?t\sfeel\scomfortable|(?:must|have\sto)\s(?:decline|refuse)|decline|refuse)|"
    r"(?:\W(?:m|re)|\sam|\sare)\s(?:unable|not\sable))"
    r"(?:\sto)?(?:\s(?:ethically|directly|responsibly))?(?:\W*$|\W*\.|\s(?:with|do|give|offer)\b|"
    r"\s(?:rat|rank|scor|evaluat|judg|assess|grad|assist|help|provid|comply|fulfil|engag|participat|continu|answer|"
    r"respond|select|choos|compar|creat|generat|discuss|support|assign))",
    re.I,
)


@lru_cache(maxsize=256)
def finish_reason_of(word: str | None) -> Reason | None:
    """Why a reply that ended with a provider's `word`, in any case, holds no verdict; None if it may."""
    if word is None:
        return None
    plain = word.partition(":")[0].strip()  # content_filter: PROHIBITED_CONTENT
    normal = re.sub(r"[\s-]+", "_", plain).lower().rpartition(".")[2]  # FinishReason.MAX_TOKENS
    if normal in _REFUSED:
        return Reason.REFUSED
    return Reason.TRUNCATED if normal in _TRUNCATED or _BROKEN_OFF.search(normal) else None


def declines(text: str) -> bool:
    """Whether a reply opens by declining to judge, at once or after an apology."""
    opening = text[:_OPENING]
    declining = _DECLINING.search(opening)
    if declining is None:
        return False
    before = opening[: declining.start()]
    return _APOLOGY.match(before) is not None or not any(each.isalnum() for each in before)
