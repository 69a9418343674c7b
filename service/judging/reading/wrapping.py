"""What stands around a value: `**4**.`, `"A"`, `[4]`, `\\boxed{4}`."""

import re
from collections.abc import Iterator

LONGEST_VALUE = 200  # characters; a longer text is more than a value, and peeling it would cost its square
_VALUE_WITHIN = 400  # characters of a line after the word that announces a value
_PAIRS = frozenset(
    ("**", "__", "``", '""', "''", "()", "[]", "<>", "{}", "“”", "‘’", "$$", "（）", "「」", "『』", "【】")
)
FULL_STOPS = ".。．｡।۔"  # of Latin, Chinese, Japanese, Devanagari and Arabic texts
SYMBOL = "[←-⇿①-➿⬀-⯿\U0001f000-\U0001faff]"  # arrows, signs and emojis, which adorn
_SYMBOLS_AROUND = re.compile(rf"\A(?:{SYMBOL}\s?){{1,8}}|(?:\s?{SYMBOL}){{1,8}}\Z")
_LATEX = re.compile(
    r"(?:\$\$?|\\[\[(])?[ \t]?\\(?:boxed|fbox|text|textbf|mathbf|mathrm)\s?\{([^{}\n]{0,200})\}"
    r"(?:[ \t]?(?:\$\$?|\\[\])]))?"
)
_MATH = re.compile(r"(?:\$\$?|\\\()[^\S\n]?([+\-−]?\d[\d./]{0,12})[^\S\n]?(?:\$\$?|\\\))(?!\d)")
# Tags of style and layout; those of layout end a line.
_HTML = re.compile(
    r"<(?=[/a-z])(?:(?P<block>/(?:p|div|h[1-6]|li|tr)|br\s?/?)|/?(?:p|div|h[1-6]|li|ul|ol|b|strong|i|em|u|span|font|mark|small|center)"
    r"(?:\s[^<>\n]{0,80})?)>",
    re.I,
)
# A condition without `if`: 'had it cited', 'were the date right', 'provided the date is right', but not what the output
# had or provided: 'had two errors', 'provided clear steps'.
_WHO = "it|they|he|she|you|we|there"
_IN_PART = r"(?:partly|partially|in\spart)"
_INVERTED = (
    rf"were\s(?:{_WHO}|the|its|this|that|these|those)|"
    rf"had\s(?:{_WHO}|(?:the|its|their|an?)(?:\s\w+){{1,2}}\s(?:been|\w+ed))|"
    rf"provided\s(?:{_WHO}|(?:the|its|this|that|all|no|every)\b[^.;:\n]{{0,80}}?\s(?:is|are|was|were|has|have|does|do|can|will))"
)
# What makes a value before it a conditional one: '4, unless the date is wrong', but not '4, if a bit terse'. 'only
# partly' takes back all that is said before it, but 'only partly correct' is a reason.
CONDITION = re.compile(
    rf"[\s,;(–—-]{{0,4}}\b(?:unless|wenn|falls|sofern|si|(?<![A-Za-z]\s)(?:{_INVERTED})|provided\sthat|assuming|"
    rf"(?:but\s)?only\s(?:if|when)|but\sonly\s{_IN_PART}|only\s{_IN_PART}(?=[)\"*_]{{0,4}}(?:[.,;!\n]|\Z))|"
    r"if(?!\s(?:an?|only|just|not|quite|rather|very|perhaps|somewhat|\w+ly|you\sask)\b))\b",
    re.I,
)
_MOST_NESTED = 3  # as in `\boxed{\textbf{A}}`


def peeled(text: str) -> Iterator[str]:
    """`text`, then the same without a full stop or a pair of marks, quotes or brackets around it, and so on."""
    text = text.strip()
    while text:
        yield text
        if text[-1] in FULL_STOPS:
            text = text[:-1].rstrip()
        elif not text.isascii() and (bare := _SYMBOLS_AROUND.sub("", text)) != text:
            text = bare
        elif len(text) > 1 and text[0] + text[-1] in _PAIRS:
            text = text[1:-1].strip()
        else:
            return


def rest_of_line(text: str, start: int) -> str:
    """What follows on the line, as far as a value and what may take it back can reach."""
    return text[start : start + _VALUE_WITHIN].split("\n", 1)[0]


def without_latex(text: str) -> str:
    """`text` with spaces for LaTeX's boxes and fonts: `\\boxed{4}` is a 4 at the same place."""
    for _ in range(_MOST_NESTED):
        if "\\" not in text:
            break
        text, count = _LATEX.subn(_blanked, text)
        if not count:
            break
    return _MATH.sub(_blanked, text) if "$" in text or "\\(" in text else text


def without_html(text: str) -> str:
    """`text` with white space for HTML's tags of style and layout: `<b>Score:</b> 4<br/>`."""
    return _HTML.sub(_blank_tag, text) if "<" in text else text


def _blank_tag(tag: re.Match[str]) -> str:
    return ("\n" if tag["block"] else " ") + " " * (len(tag[0]) - 1)


def _blanked(found: re.Match[str]) -> str:
    before, after = found.start(1) - found.start(), found.end() - found.end(1)
    return " " * before + found[1] + " " * after
