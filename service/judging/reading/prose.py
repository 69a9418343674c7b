"""A verdict said in words at the end of a reply: 'Therefore, Output (a) is better.'"""

import re

from service.contracts.outcomes import Reason
from service.judging.reading.labels import ExpectedLabel
from service.judging.reading.verdicts import Verdict

_LONGEST_SENTENCE = 1000  # characters; also what bounds the work
_SENTENCE_END = re.compile(r"[.!?:][\s*_\"')]+(?=\S)|\n")
# Before the label: the claim is denied, conditional or somebody else's.
_TAKEN_BACK = re.compile(
    r"\b(?:not|never|neither|nor|cannot|no|whether|if|unless|would|could|might|may|should|hard|difficult|"
    r"unclear|doubt|unsure|some|says?|said|states?|claim(?:s|ed)?|argued?|argues|wrong)\b|n['’]t\b",
    re.I,
)
# After it: said of one respect only.
_CONTRASTED = re.compile(r"\b(?:but|however|although|though|yet|except|only|worse|in some)\b", re.I)


def verdict_in_prose(text: str, expected: ExpectedLabel) -> Verdict | None:
    """The label that the last sentence prefers; a second label in that sentence makes it a conflict."""
    sentence = _last_sentence(text)
    found = expected.claim.search(sentence)
    if found is None or sentence.endswith("?") or _TAKEN_BACK.search(sentence, 0, found.start()):
        return None
    if _CONTRASTED.search(sentence, found.end()):
        return None
    labels = {expected.named(name) for name in expected.mention.findall(sentence)}
    return Verdict(label=labels.pop()) if len(labels) == 1 else Verdict(reason=Reason.CONFLICT)


def _last_sentence(text: str) -> str:
    text = text.rstrip()
    ends = [found.end() for found in _SENTENCE_END.finditer(text, max(0, len(text) - _LONGEST_SENTENCE))]
    if not ends:
        return text if len(text) <= _LONGEST_SENTENCE else ""
    return text[ends[-1] :]
