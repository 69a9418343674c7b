"""The names under which judges give a value: in `Final score: 4`, `<score>` and JSON."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from unicodedata import normalize

_COMMON = ("result", "judgment", "judgement", "conclusion", "assessment", "evaluation", "overall")
_NUMBERED = (
    *("score", "rating", "grade", "thescore", "total", "points", "quality"),
    *("评分", "得分", "点数", "分数", "总分", "最终得分", "最终评分", "综合评分", "评级", "总体评分", "評分"),
    *("評価", "総合評価", "最終評価", "スコア", "最終スコア", "得点", "점수", "평점"),
    *("puntuación", "puntaje", "calificación", "pontuação", "punteggio", "nota", "évaluation"),
    *("bewertung", "gesamtbewertung", "punktzahl", "gesamtpunktzahl", "wertung", "beoordeling", "poäng", "betyg"),
    *("ocena", "оценка", "оцінка", "балл", "βαθμολογία", "puan", "skor", "điểm", "คะแนน", "الدرجة", "التقييم", "ציון"),
)
_WIDE = ("mark", "verdict", "decision")  # beside a number they may hold words: 'Score: 4' and 'Verdict: good'
# Words for a number that are too wide for a label.
_NUMBERED_ALONE = (
    *_WIDE,
    *(f"{which} {word}" for which in ("appropriate", "suggested", "recommended") for word in ("score", "rating")),
    *("我的评分", "打分", "评价", "评分结果", "综合得分", "总体得分", "最终分数", "分數", "總分"),
    *("評点", "総合スコア", "평가", "총점"),
    *("puntuacion", "calificacion", "valoración", "puntos", "pontuacao", "avaliação", "classificação"),
    *("valutazione", "voto", "note", "endnote", "gesamtnote", "endbewertung", "punkte", "ergebnis", "cijfer"),
    *("vurdering", "poeng", "arvosana", "pisteet", "punktacja", "wynik", "hodnocení", "hodnotenie", "skóre"),
    *("értékelés", "pontszám", "scor", "notă", "punctaj", "баллы", "рейтинг", "бал", "βαθμός", "değerlendirme"),
    *("điểm số", "đánh giá", "nilai", "स्कोर", "अंक", "रेटिंग", "স্কোর", "النتيجة", "امتیاز", "نمره", "דירוג"),
)
# Beside another word these may name something else: one respect among several, or what was evaluated.
_SPARE = ("conclusion", "assessment", "evaluation", "overall", "total", "points", "quality")
_ONE_RESPECT = ("points", "quality", "note")
_IN_WORDS = (*_WIDE, "note")
_LABELLED = (
    *("verdict", "label", "choice", "category", "classification", "decision", "outcome"),
    *("winner", "preference", "preferred", "pass/fail"),
    *("veredicto", "вердикт", "победитель", "結論", "勝者", "판정", "승자"),
    *("标签", "类别", "结论", "判断", "答案", "判定", "胜者"),
)
_PREFERRED = tuple(
    f"{better} {output}"
    for better in ("better", "best", "preferred", "winning")
    for output in ("response", "answer", "output", "assistant", "model")
)
_OWN_ANSWER = r"final answer(?!\sis\b)"  # 'The final answer is 4' speaks of the judged one
_LINES_ALONE = ("note", _OWN_ANSWER)  # no names of fields
SCORE_WORDS = (*_NUMBERED, *_COMMON, *_NUMBERED_ALONE, _OWN_ANSWER)
SPARE_SCORE_WORDS = (*_SPARE, *_WIDE)
LABEL_WORDS = (*_LABELLED, *_PREFERRED, "answer", *_NUMBERED, *_COMMON)
RANKING_WORDS = (
    *("ranking", "rankings", "ranked", "ranks", "rank", "ordering", "order", "verdict", "final answer", *_COMMON),
    *("best to worst", "from best to worst", "worst to best", "from worst to best"),
    *("排名", "排序", "順位", "순위"),
)
HEADING_WORDS = (*_NUMBERED, *_LABELLED, "answer", *_COMMON, "ranking")  # under which a verdict may stand in quotes
# A line that one of these opens announces the verdict and nothing else.
_VERDICT_WORDS = (
    "score",
    "rating",
    "grade",
    "thescore",
    "verdict",
    "winner",
    "decision",
    "preference",
    "judgment",
    "judgement",
    "ranking",
    "评分",
    "得分",
)
_REVISIONS = ("final", "revised", "adjusted", "updated", "corrected", "new")
_GIVEN = ("assigned", "given", "awarded")
_BEFORE = (
    *("my", "the", "your", "most", "total", "overall", "evaluation", "assessment", "quality", "response", "output"),
    *(*_REVISIONS, *_GIVEN, "meine", "die", "la", "ma", "le", "mon", "mi"),
    *("итоговая", "общая", "итоговый", "общий", "endgültige", "최종", "종합"),
)
_RATED = r"(?:the|this)\s(?:output|response|answer|reply|text|summary)\b"  # 'Score for the response: 4'
# After the word in Romance and Slavic languages: 'Puntuación final: 4'.
_AFTER = "awarded|given|assigned|earned|final|finale|total|totale|global|globale|general|generale|końcowa"
_TOTALS = ("final", "total", "overall", "evaluation", "quality")  # in keys
_ANSWER = "answer"  # in a line it may well be the judged answer, in a tag it is the reply's

NUMBER = r"[+\-−]?(?:\d+(?:\.\d+)?|\.\d+)"
MARKS = r"*_`"  # Markdown emphasis and code
BETWEEN = r"(?:[^\S\n]|[_-]){1,3}"
_SPACE = rf"(?:[^\S\n]|[{MARKS}])*+"  # on one line
# Headings end with their line, and a fraction needs no colon: `## Score`, `Score 4/5`.
_SEPARATOR = (
    r"-{1,2}>|=>|[→⇒]|[:=：]{1,3}+|[为為是は]|(?<!total\s)(?:is|ist|lautet|beträgt|est(?:\sde)?|es(?:\sde)?|(?:should|would|must|will)\sbe)\b(?:,?\s(?:therefore|thus|then|hence)\b,?)?:?+(?:\s(?-i:an?)\b)?|(?<=\s)[–—-](?=\s)|"
    rf"(?=\n)|(?={NUMBER}\s?(?:[/／]|out\sof)\s?\d)"
)
# The scale as it is echoed before the colon: `(1-5)`, `(1=bad, 5=good)`, `on a scale of 1 to 5`, `out of 5`.
_SCALE = (
    r"(?:[(\[]|(?:,\s)?(?=(?:on|from|out)\s))(?:on\s(?:an?|the)\s)?(?:(?:scale:?|integer)\s(?:of\s)?)?(?:from\s)?"
    rf"(?:{NUMBER}\s?(?:-|–|to|=\s?\w[\w ]{{0,20}}+[,;])\s?|out\sof\s|max\s|/\s?|(?=\d+[\s-]point))(?P<max>{NUMBER})"
    r"(?:[\s-]points?)?(?:\sscale)?(?:\s?[,;=]\s?[^()\[\]\n]{1,40})?[)\]]?"
)

# Characters without a width, of direction or of style alone: they change nothing that is read.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20e3\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_SAME_LETTER = str.maketrans({"ı": "i", "\u0307": None})  # Turkish: İ folds to an i and a dot above
_MODIFIERS = re.compile(rf"(?:(?:{'|'.join(_BEFORE)}){BETWEEN}){{1,3}}", re.I)
_MODIFIERS_BEFORE = re.compile(rf"(?<![^\W_])(?:(?:{'|'.join(_BEFORE)}){BETWEEN}){{1,3}}\Z", re.I)
_MODIFIERS_WITHIN = 50  # characters
_LETTERS_TOGETHER = 12


class Head(NamedTuple):
    """What announces a value: `Final score (1-5): `, up to the value, and the maximum of a scale echoed in it."""

    text: str
    start: int
    end: int
    maximum: float | None


class Words(NamedTuple):
    """The words of one question, compiled."""

    heading: re.Pattern[str]  # `score (1-5): `; group `max` is the echoed scale's maximum
    keys: frozenset[str]  # of JSON fields and of tags, as `key_form` writes them
    spare_keys: frozenset[str]  # of fields that hold the value if none of `keys` does
    own: str  # a pattern for the name that the question itself gives the value, empty if there is none
    criterion: str  # a pattern for the criterion's name, empty if there is none

    def heads_in(self, text: str) -> Iterator[Head]:
        """All places of `text` that announce a value."""
        return (_head(text, found, _first_word(text, found.start())) for found in self.heading.finditer(text))

    def head_at(self, text: str, start: int) -> Head | None:
        """The head that stands at `start`."""
        before = _MODIFIERS.match(text, start)
        ends = [start] if before is None else [before.end(), start]
        found = next((found for end in ends if (found := self.heading.match(text, end))), None)
        return _head(text, found, start) if found else None

    def announce_verdict(self, head: Head) -> bool:
        """Whether a head says that the verdict itself follows: 'Final …', 'Score', and not 'Result'."""
        own = self.own and re.search(self.own, head.text, re.I)
        return bool(own) or _announces_verdict(head.text)

    def is_in_tag(self, name: str) -> bool:
        """Whether a tag of this name holds the value."""
        form = key_form(name)
        return form in self.keys or form in self.spare_keys or form in (_ANSWER, "final" + _ANSWER)


def visible(text: str) -> str:
    """`text` without its invisible characters, and with an accented letter as one character: `é`, not `e` and `´`."""
    return text if text.isascii() else normalize("NFC", _UNSEEN.sub("", text))


def folded(text: str) -> str:
    """`text` in one case, by Unicode's rules."""
    return text.casefold().translate(_SAME_LETTER)


@lru_cache(maxsize=1024)
def key_form(name: str) -> str:
    """`Final Score`, `final_score` and `finalScore` are one key."""
    return folded(re.sub(r"[\W_]+", "", visible(name)))


@lru_cache(maxsize=256)
def words_for(
    names: tuple[str, ...],
    criterion: str | None,
    answer_key: str | None = None,
    *,
    aside: str = _SCALE,
    spare: tuple[str, ...] = _SPARE,
) -> Words:
    """The patterns for `names` and the criterion's own name, which may be followed by a name; for `answer_key` alone
    if there is one.

    `aside` is a pattern for what may stand before the colon in place of the scale; it has a group `max`. `spare` are
    the names of which a field holds the value only if no other does.
    """
    own = answer_key or criterion or ""
    phrase = _phrase(own)
    listed = _by_first_letter(names)
    rated = f"{_RATED}|{phrase}(?![^\\W_])" if phrase else _RATED
    followed = f"{phrase}(?:{BETWEEN}(?:{listed}))?"
    plain = followed if answer_key else f"{followed}|{listed}" if phrase else listed
    heading = (
        rf"(?={_first_letters([own] if answer_key else [own, *names])})(?<![^\W_])(?:{plain})(?![^\W_为為是は])"
        rf"(?:[^\S\n](?:{_AFTER})\b)?(?:[^\S\n](?:of|for)[^\S\n](?:{rated}))?"
        rf"{_SPACE}(?:{aside}{_SPACE})?(?:{_SEPARATOR}){_SPACE}"
    )
    keys = _keys(() if answer_key else names, names, key_form(own), spare)
    spare_keys = frozenset() if answer_key else frozenset(spare) & frozenset(names) - keys
    return Words(re.compile(heading, re.I), keys, spare_keys, phrase, _phrase(criterion or ""))


def _head(text: str, found: re.Match[str], start: int) -> Head:
    maximum = float(found["max"].replace("−", "-")) if found["max"] else None
    return Head(text[start : found.end()], start, found.end(), maximum)


def _first_word(text: str, start: int) -> int:
    """Where the words before a heading that belong to it begin: 'my final' before 'score:'."""
    before = _MODIFIERS_BEFORE.search(text, max(0, start - _MODIFIERS_WITHIN), start)
    return before.start() if before else start


def _announces_verdict(head: str) -> bool:
    words = [folded(word) for word in re.findall(r"[^\W\d_]+", head)]
    if words[1:2] == ["result"] and words[0] in ("overall", "total"):
        return True
    return _ANSWER not in words and any(word in _VERDICT_WORDS or word in _REVISIONS for word in words)


def may_hold_words(head: str) -> bool:
    """Whether words after a head are no attempt at a number: 'Verdict: good' beside 'Score: 4'."""
    return any(folded(word) in _IN_WORDS for word in re.findall(r"[^\W\d_]+", head))


def names_one_respect(head: str) -> bool:
    """Whether a head may name one respect of several, as 'Quality:' does beside 'Score:'."""
    words = re.findall(r"[^\W\d_]+", head)
    return len(words) == 1 and folded(words[0]) in _ONE_RESPECT


def _phrase(name: str) -> str:
    """A pattern for a name, whose words may be joined by spaces, hyphens or underscores."""
    return BETWEEN.join(re.escape(part) for part in re.split(r"[\s_-]+", visible(name)) if part)


def _by_first_letter(names: tuple[str, ...]) -> str:
    """A pattern for any of `names`, the longest first; grouped by their first letters, and these in turn, since a
    regular expression tries all alternatives.
    """
    longest_first = sorted(names, key=lambda name: (name[0], -len(name)))
    by_letter = groupby(longest_first, key=lambda name: name[0])
    groups = [(first, f"{first}(?:{'|'.join(name[1:] for name in group)})") for first, group in by_letter]
    rows = [groups[start : start + _LETTERS_TOGETHER] for start in range(0, len(groups), _LETTERS_TOGETHER)]
    return "|".join(f"(?=[{''.join(each for each, _ in row)}])(?:{'|'.join(each for _, each in row)})" for row in rows)


def _first_letters(names: list[str]) -> str:
    """A class of the letters that a heading may begin with: most places of a text are passed by it alone."""
    first = {visible(name).strip(" \t\n_-")[:1] for name in names if name}
    return f"[{''.join(sorted(map(re.escape, first)))}]"


def _keys(alone: tuple[str, ...], names: tuple[str, ...], own: str, spare: tuple[str, ...]) -> frozenset[str]:
    fields = [name for name in alone if name not in _LINES_ALONE]
    keys = {total + key_form(name) for total in ("", *_TOTALS) for name in fields if total or name not in spare}
    return frozenset(keys | {own} | {own + name for name in names} if own else keys)
