"""Scores from the probabilities of a model's tokens, which are finer than the one level that was drawn."""

import math
import re
import string
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from service.contracts.judges import Scale
from service.judging import scales

MIN_COVERED_MASS = 0.9  # below it, other answers that the model might have given would decide


class Token(msgspec.Struct, frozen=True):
    """One token of an answer.

    `top` are the likeliest texts in its place with the natural logarithms of their probabilities, itself included.
    """

    text: str
    top: tuple[tuple[str, float], ...]


class WeighedScore(NamedTuple):
    """The mean of a score under its model's token probabilities, and its standard deviation, in points of the scale."""

    mean: float
    deviation: float


def make_token(text: str, logprob: float, alternatives: Iterable[tuple[str, float]]) -> Token:
    """Returns the token with its alternatives; the token is added to them if a server left it out."""
    top = tuple(alternatives)
    return Token(text, top if any(text == each for each, _ in top) else ((text, logprob), *top))


def score_by_logprobs(tokens: Sequence[Token] | None, scale: Scale, score: float) -> WeighedScore | None:
    """Returns the mean of the levels, weighted by their probabilities in the place of the written `score`.

    It is in the scale's units, between its ends; the standard deviation tells how sure the model was. This is the
    weighting of G-Eval (Liu et al., EMNLP 2023, section 2), with the probabilities of the server, scaled to sum to 1
    over the levels; " 4" and "4" are one level.

    The place is the last token that is the score and not part of a longer number; a denominator, as in "4/5", is
    skipped. Returns None if there are no tokens or no such place, if the scale has no steps or has levels of several
    tokens ("1" would stand for "10" too), or if the levels have less than MIN_COVERED_MASS.
    """
    if not tokens or scale.step is None:
        return None
    levels = {str(level): level for level in scales.levels(scale)}
    written = str(scales.as_written(score))
    if written not in levels or not _are_single_tokens(levels, tokens):
        return None
    place = _find(written, tokens)
    if place is None:
        return None
    masses = [(levels[_bare(text)], _probability(logprob)) for text, logprob in place.top if _bare(text) in levels]
    covered = math.fsum(mass for _, mass in masses)
    if covered < MIN_COVERED_MASS:
        return None
    mean = math.fsum(level * mass for level, mass in masses) / covered
    variance = math.fsum((level - mean) ** 2 * mass for level, mass in masses) / covered
    return WeighedScore(min(max(mean, scale.min), scale.max), math.sqrt(variance))  # the last bit may lie outside


def _probability(logprob: float) -> float:
    # A rounding above 0 is a probability of 1; OpenAI writes -9999 for one too small to tell, which becomes 0.
    return 0.0 if math.isnan(logprob) else math.exp(min(logprob, 0.0))


_ASIDE = string.whitespace + "\"'`“”‘’"


def _bare(text: str) -> str:
    return text.strip(_ASIDE)


def _are_single_tokens(levels: Collection[str], tokens: Sequence[Token]) -> bool:
    """Whether each level is one token, as far as the tokens of the answer show.

    One character is. Digits are if a token with as many digits was seen: tokenizers take digits singly or in groups of
    a fixed size. Anything else ("2.5", "-1") is if it was seen as a token.
    """
    longer = [level for level in levels if len(level) > 1]
    if not longer:
        return True
    seen = {_bare(text) for token in tokens for text, _ in token.top}
    digits = max((len(text) for text in seen if text.isascii() and text.isdigit()), default=1)
    return all(level in seen or (level.isdigit() and len(level) <= digits) for level in longer)


_REACH = 4  # tokens to look at on either side: " out of " is at most so many
_DENOMINATOR = re.compile(r"(/|\bout of)\s*$", re.I)
_BEGUN = re.compile(r"(\d[.,]?|[-–−])$")
_CONTINUED = re.compile(r"[.,]?\d")


def _find(written: str, tokens: Sequence[Token]) -> Token | None:
    """The last token that is the number; None if its last mention is a part of a longer one."""
    for index in range(len(tokens) - 1, -1, -1):
        text = tokens[index].text
        if _bare(text) != written:
            continue
        lead, _, trail = text.partition(written)
        before = _join(tokens[max(0, index - _REACH) : index]) + lead
        if _DENOMINATOR.search(before):
            continue
        after = trail + _join(tokens[index + 1 : index + 1 + _REACH])
        return None if _BEGUN.search(before) or _CONTINUED.match(after) else tokens[index]
    return None


def _join(tokens: Sequence[Token]) -> str:
    return "".join(token.text for token in tokens)
