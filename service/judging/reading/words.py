"""The names under which judges give a value: in `Final score: 4`, `<score>` and JSON."""

import re
from functools import lru_cache
from typing import NamedTuple

SCORE_WORDS = ("score", "rating", "grade", "result")
LABEL_WORDS = ("verdict", "label", "answer", "choice", "category", "winner", "preference", "decision")
RANKING_WORDS = ("ranking", "rankings", "ranked", "ranks", "rank", "ordering", "order", "verdict", "result")
_TOTALS = ("final", "total", "overall")

NUMBER = r"[+\-−]?(?:\d+(?:\.\d+)?|\.\d+)"
MARKS = r"*_`"  # Markdown emphasis and code
_BETWEEN = r"[\s_-]{1,3}"


class Words(NamedTuple):
    """The words of one question, compiled."""

    head: re.Pattern[str]  # `Final score (1-5): `, up to the value; group `max` is the echoed scale's
    keys: frozenset[str]  # of JSON fields and of tags, as `key_form` writes them


@lru_cache(maxsize=1024)
def key_form(name: str) -> str:
    """`Final Score`, `final_score` and `finalScore` are one key."""
    return re.sub(r"[\W_]+", "", name).casefold()


@lru_cache(maxsize=256)
def words_for(names: tuple[str, ...], criterion: str | None, aside: str | None = None) -> Words:
    """The patterns for `names` and for the criterion's own name, which may be followed by a name.

    `aside` is a pattern for what may stand before the colon in place of the scale; it has a group `max`.
    """
    criteria = _phrase(criterion) if criterion else ""
    plain = f"(?:(?:my|{'|'.join(_TOTALS)}){_BETWEEN}){{0,2}}(?:{'|'.join(names)})"
    anchor = f"(?:{criteria}(?:{_BETWEEN}(?:{'|'.join(names)}))?|{plain})" if criteria else plain
    aside = aside or rf"[(\[](?:{NUMBER}\s?(?:-|–|to)\s?|out of |max |/\s?)(?P<max>{NUMBER})[)\]]"
    head = (
        rf"(?<![^\W_]){anchor}(?![^\W_])[\s{MARKS}]*+(?:{aside}[\s{MARKS}]*+)?"
        rf"(?:[:=：]|is\b:?+)[\s{MARKS}]*+"
    )
    return Words(re.compile(head, re.I), _keys(names, criterion))


def _phrase(criterion: str) -> str:
    """A pattern for a criterion's name, whose words may be joined by spaces, hyphens or underscores."""
    return _BETWEEN.join(re.escape(part) for part in re.split(r"[\s_-]+", criterion) if part)


def _keys(names: tuple[str, ...], criterion: str | None) -> frozenset[str]:
    keys = {total + name for total in ("", *_TOTALS) for name in names}
    own = key_form(criterion or "")
    if own:
        keys |= {own} | {own + name for name in names}
    return frozenset(keys)
