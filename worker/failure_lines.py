"""Lines in the log for calls that failed: in the provider's words, and without the texts of the prompt."""

import logging
from collections.abc import Sequence

from worker.providers.base import ProviderError

_log = logging.getLogger(__name__)

_QUOTED = 24  # characters that the words and the prompt have in common, which are taken for a quotation
_MOST = 500  # characters of the words
LEFT_OUT = "[text of the prompt]"


def log_failure(model: str, error: ProviderError, texts: Sequence[str]) -> None:
    """Logs a call that failed. `texts` are those of its prompt; parts that the words quote are left out."""
    words = without_texts(str(error)[:_MOST], texts)
    own = {"model": model, "reason": error.reason, "words": words}
    _log.warning("a call of %s failed (%s): %s", model, error.reason, words, extra={"fields": own})


def without_texts(words: str, texts: Sequence[str]) -> str:
    """Returns the words with LEFT_OUT in place of each part of 24 or more characters that a text has too."""
    kept: list[str] = []
    place = 0
    while place < len(words):
        end = _end_of_quotation(words, place, texts)
        if end > place:
            kept.append(LEFT_OUT)
        else:
            end = place + 1
            kept.append(words[place])
        place = end
    return "".join(kept)


def _end_of_quotation(words: str, start: int, texts: Sequence[str]) -> int:
    """Returns where the quotation that begins at `start` ends; `start` if none does."""
    end = start
    for text in texts:
        stop = start + _QUOTED
        while stop <= len(words) and words[start:stop] in text:
            end, stop = max(end, stop), stop + 1
    return end
