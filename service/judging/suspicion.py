"""Judged text that looks like an attack on the judge. It is flagged and counted, never changed.

The pattern of a rule is tried only near its words, so the cost of plain text is little more than that of cutting it
into words. All patterns are bounded, so the cost is linear in the length of the text.
"""

import re
import unicodedata
from collections import defaultdict

from service.contracts.items import Item
from service.judging.attack_signs import RULES, Rule

_RTL = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# Thai, Lao, Myanmar and Khmer part words with zero-width spaces; Arabic and Indic scripts need joiners.
_JOINED = r"\u0590-\u109f\u1780-\u18af"
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"  # of England, Scotland, Wales, Texas
# One of these is looked for first: the other patterns are tried only if there is one.
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\u180e\ufeff\ufe00-\ufe0f\U000e0000-\U000e01ef]")
_HIDDEN: tuple[re.Pattern[str], ...] = (
    re.compile(rf"[^\W{_JOINED}][\u200b-\u200d\u2060-\u2064\u180e\ufeff]+[^\W{_JOINED}]"),
    re.compile("[\u200b-\u200f\u2060-\u2064\ufeff]{4}"),
    re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}"),
    re.compile("[\u202d\u202e]"),
)
# Of a terminal: moves of the cursor, erasing, concealing, commands to the window. Colours are in many logs.
_CONTROLS = re.compile("\x1b(?:\\[[0-9;?]{0,12}[A-HJKSTfhlsu]|\\[[0-9;]{0,9}8m|[\\]P_^])|\x08{2}")
_TAGS = re.compile("[\U000e0000-\U000e007f]")
_EMBEDDINGS = re.compile("[\u202a\u202b\u2066-\u2069]")
_MIXED = re.compile(r"[a-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][a-z]")
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһԛԝκοραιντυ", "aeopcyxijsdhqwkopaivtu")  # Cyrillic, then Greek


_Place = tuple[Rule, str]  # near the text


def _word_in(rule: Rule, near: str) -> bytes | None:
    """The whole word that a text must hold if it holds `near`: of `end of` it is `end`. None for marks and stems."""
    found = None if rule.stems else re.search(r"[a-z0-9]+(?=[^a-z0-9]|$)", near)
    return found[0].encode() if found else None


def _places() -> tuple[dict[bytes, list[_Place]], dict[str, list[_Place]]]:
    """The places to look at, by the word that a text must hold for them, else by the first character."""
    by_word: defaultdict[bytes, list[_Place]] = defaultdict(list)
    by_character: defaultdict[str, list[_Place]] = defaultdict(list)
    for rule in RULES:
        for near in rule.near:
            word = _word_in(rule, near)
            (by_character[near[0]] if word is None else by_word[word]).append((rule, near))
    return dict(by_word), dict(by_character)


_BY_WORD, _BY_CHARACTER = _places()  # few of either are in a text, so that few places are looked at
_BY_ASCII_CHARACTER = {
    character: [(rule, near) for rule, near in places if near.isascii()]
    for character, places in _BY_CHARACTER.items()
    if character.isascii()
}
# Everything of ASCII but letters and digits parts words.
_APART = bytes(byte if byte > 127 or chr(byte).isalnum() else 32 for byte in range(256))
_END_CHARS = 32_768
_MOST_PLACES = 20  # of a word; a text with more is searched as a whole from there on
_TYPOGRAPHY = {"‘’": "'", "“”": '"', "–—": "-", "…": "...", "•": "*", "\xa0": " ", "\u2028\u2029\x85": "\n"}
_LINE_ENDS = "\r\x0b\x0c\x00"  # a model may take these for line ends


def is_suspicious(item: Item) -> bool:
    """Returns whether a judged text of an item looks like an attack on the judge: a sign, not a proof."""
    for text in filter(None, (item.input, item.output, item.context, item.reference, *(item.outputs or ()))):
        for part in _ends(text):
            if _is_attack(part):
                return True
    return False


def _ends(text: str) -> tuple[str, ...]:
    """The text, or of a very long one its two ends: the scan is linear, but a worker has other things to do."""
    if len(text) <= 2 * _END_CHARS:
        return (text,)
    return (text[:_END_CHARS], text[-_END_CHARS:])


def _is_attack(text: str) -> bool:
    text = _with_plain_marks(text)
    if _has_controls(text) or (not text.isascii() and _hides(text)):
        return True
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.lower()
    if _breaks_a_rule(text):
        return True
    disguised = not text.isascii() and _MIXED.search(text) is not None
    return disguised and _breaks_a_rule(text.translate(_LOOKALIKES))


def _with_plain_marks(text: str) -> str:
    """Line ends, curly quotes and dashes made plain: most texts are ASCII then, which is searched much faster."""
    if not text.isascii():
        for marks, plain in _TYPOGRAPHY.items():
            for mark in marks:
                text = text.replace(mark, plain)
    for mark in _LINE_ENDS:
        text = text.replace(mark, "\n")
    return text


def _breaks_a_rule(text: str) -> bool:
    words = _BY_WORD.keys() & text.encode("utf-8", "surrogatepass").translate(_APART).split()
    for word in words:
        for rule, near in _BY_WORD[word]:
            if _found_near(text, near, rule):
                return True
    by_character = _BY_ASCII_CHARACTER if text.isascii() else _BY_CHARACTER
    for character, places in by_character.items():
        if character in text:  # one character is found much faster than two
            for rule, near in places:
                if near in text and _found_near(text, near, rule):
                    return True
    return False


def _found_near(text: str, near: str, rule: Rule) -> bool:
    at = text.find(near)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return False
        if rule.pattern.search(text, max(0, at - rule.before), at + rule.after):
            return True
        at = text.find(near, at + 1)
    return at >= 0 and rule.pattern.search(text, at - rule.before) is not None


def _has_controls(text: str) -> bool:
    return ("\x1b" in text or "\x08" in text) and _CONTROLS.search(text) is not None


def _hides(text: str) -> bool:
    """Whether there are characters that can't be seen, or that turn the text round, and that no script needs there."""
    if not _UNSEEN.search(text):
        return False
    if any(pattern.search(text) for pattern in _HIDDEN):
        return True
    if _EMBEDDINGS.search(text) and not _RTL.search(text):
        return True
    return _TAGS.search(text) is not None and _TAGS.search(re.sub(_FLAG, "", text)) is not None
