"""A verdict said in words at the end of a reply: 'Therefore, Output (a) is better.', 'So the score is 4.'"""

import re
from functools import lru_cache
from itertools import islice, pairwise

from service.contracts.outcomes import ParsedFrom, Reason
from service.judging.reading.labels import ExpectedLabel
from service.judging.reading.preparing import Answer
from service.judging.reading.scores import ExpectedScore
from service.judging.reading.verdicts import Expected, Hit, ReadValue, Score, Verdict, Weight
from service.judging.reading.words import MARKS, NUMBER, folded
from service.judging.reading.wrapping import CONDITION

_LONGEST_SENTENCE = 1000  # characters; also what bounds the work
# One class in front of all, for speed.
_SENTENCE_END = re.compile(r"[.!?。！？\n](?:(?<=\n)|(?<=[.!?])[\s*_\"')]++(?=\S)|(?<=[。！？])(?=.))")
_CLAUSE_END = re.compile(r"[.!?:。！？：\n](?:(?<=\n)|(?<=[.!?:])[\s*_\"')]++(?=\S)|(?<=[。！？：])(?=.))")
_IS_ENDED = re.compile(r"[.!。！][\s*_`\"')]*\Z")
_ABBREVIATED = re.compile(r"(?:\b(?:vs|no|fig|eq|dr|mr|st|cf|vit|sec|ch|approx|e\.g|i\.e)|\b\w)\.\s*\Z", re.I)
_SHORT_NAME = 3  # characters: a shorter name that ends a text may be something else
_CONNECTIVE = (
    r"(?:(?:therefore|thus|hence|so|as\ssuch|consequently|accordingly|overall|finally|ultimately|"
    r"in\s(?:conclusion|summary|short|the\send|sum|total)|to\s(?:conclude|sum\sup|summari[sz]e)|as\sa\sresult|"
    r"on\s(?:reflection|second\sthoughts?|balance)|in\shindsight|actually|after\sreconsider\w+|"
    r"for\s(?:this|these|that|those)\sreasons?|all\sin\sall|all\sthings\sconsidered|"
    r"(?:based|judging)\s(?:on|from|by)\s(?:this|the\sabove|that|these)|given\s(?:this|the\sabove|that))"
    r"[,:;]?[^\S\n]+|(?:因此|所以|综上所述|综上|总之|综合来看|总体来看|したがって|よって|따라서)[，,、]?\s?)?"
)
_OPINION = (
    r"(?:(?:i|we)(?:['’](?:d|ll)|\swould|\swill)?\s(?:say|think|believe|conclude|find|choose|pick|select|prefer|favou?r|"
    r"go\s(?:with|for)|opt\sfor|vote\sfor)\s(?:that\s)?|(?:i['’]m|i\sam)\sgoing\swith\s|"
    r"(?:my\s(?:vote|preference)|the\s(?:edge|win))\s(?:goes\sto|is\sfor)\s)?"
)
# 'Because it is short, ' up to a comma. 'If it were shorter' and 'with a source' are no reasons.
_SUBORDINATE = re.compile(
    r"[\s*_]*(?:because|since|given\s(?:the|this|that|these|those|its|all|how|such)|considering\s(?:th|its|all|how|everything|both)\w*|due\sto|while|although|"
    r"though|despite|based\son\s(?:th|its|my|all|both)\w*|on\s(?:an?|the|this)\s(?:[\w–-]{1,12}\s){0,2}scale|using\sthe\s|taking\s(?:all|everything)|"
    r"with\s(?:this|that|all\s(?:this|that))\s(?:in\smind|considered)|after\s(?:careful|review|consider|evaluat|analy[sz]|weigh)\w*)\b",
    re.I,
)
_COMMA = re.compile(", ")
_SO = re.compile(r",\s(?=(?:so|hence|thus|therefore)\b)|,\swhich\sis\swhy\s", re.I)
# A condition, or what somebody else says.
_IS_OPEN = re.compile(r"\b(?:if|unless|were|had|without|would\shave|says?|said|states?|claims?|argues?)\b", re.I)
_MOST_COMMAS = 8
ADJECTIVE = r"(?:solid|strong|clear|firm)"  # of a score: 'a solid 4'
_OFFER = r"(?:(?:(?:sure|okay|ok|certainly|alright|of\scourse)[,.!]\s)?here(?:['’]s|\sis)\s)?"
LEAD_IN = rf"{_OFFER}{_CONNECTIVE}{_OPINION}(?:(?:my|the)\s)?"
_CONNECTIVE_AT = re.compile(_CONNECTIVE, re.I)
_LEAD_INS = tuple(re.compile(each, re.I) for each in (_CONNECTIVE, _CONNECTIVE + _OPINION, LEAD_IN))
# Before the label: the claim is denied, conditional or somebody else's.
_TAKEN_BACK = re.compile(
    r"\b(?:not|never|neither|nor|cannot|no|whether|if|unless|would|could|might|may|should|hard|difficult|"
    r"unclear|doubt|unsure|perhaps|maybe|possibly|probably|arguably|some|according\sto(?!\s(?:the|this|these|my)\s(?:crit|rubric|guide|instr|scale|def|desc))|says?|said|states?|claim(?:s|ed)?|argued?|argues|(?:paper|study|article|text|story|(?:author|researcher|expert|critic|reader|user)s?|people|they)\s(?:find|found|show|report|conclude|suggest|think|believe|prefer|cho[os])\w*|(?:line|sentence)\sis|writing|wrong|in\sterms\sof(?!\soverall)|regarding|concerning|when\sit\scomes)\b|n['’]t\b|"
    r"(?<![a-z]\s)\b(?:for|on|in)\s(?!my\b|our\b|the\s(?:end|whole)|th(?:is|ese|at|ose)\b|conclusion|summary|short|sum|total|balance|reflection|"
    r"light|general|comparison|second|both|all\b|contrast|addition|fact)[^,]{1,40},[\s*_]+\Z|"
    r"\b(?:considering|based\son)\s(?!all\b|th|its\b|my\b|how\b|everything\b|both\b)[^,]{1,40},[\s*_]+\Z",
    re.I,
)
# Before a letter alone, it is the name of something else: 'player A wins'.
_NOUN = re.compile(
    r"\b(?!(?:that|and|so|then|say|think|believe|conclude|find|overall|therefore|thus|hence|but)\b)[^\W\d_]+\s\Z", re.I
)
# After it: said of one respect only.
_CONTRASTED = re.compile(r"\b(?:but|however|although|though|yet|except|only|worse|in some)\b", re.I)
# Between it and another label that the sentence ends with, or before another label.
_CHOSEN = re.compile(r"\b(?:is|was|are|be|choose|chose|prefer|pick|select|answer|verdict|to)\W{1,4}(?:the\s)?\Z", re.I)
_COMPARED = re.compile(r"\b(?:than|over|with|from|of|in|by|and|or|unlike|as|for)\W{1,3}(?:the\s)?\Z", re.I)
_DENIED = re.compile(
    r"\b(?:not|never|cannot|however|actually|instead|on\sreflection|reconsider\w*|change)\b|n['’]t\b", re.I
)
_COPULA = re.compile(
    r"(?:(?:(?:i|we)(?:['’]d|\swould|['’]ll|\swill)?\s(?:label|classify|categori[sz]e|judge|rate|mark|call|consider|deem)\s)?"
    r"(?:(?:the|this)\s(?:response|reply|answer|output|text|comment|summary|content|message)|it|this)"
    r"(?:['’]s|\sis|\sas|\sto\sbe)?)\s(?:an?\s(?:clear\s)?)?",
    re.I,
)
_DENIED_LABEL = re.compile(r"(?:\b(?:not|never|cannot)|n['’]t)\s(?:\w+\s)?\Z", re.I)
_TURNS = re.compile(
    r"[\s*_(\[]*(?:(?:but|however|yet|wait|hmm+|no|sorry|still|nonetheless|nevertheless|update|edit|correction)\b|"
    rf"(?=\w){_CONNECTIVE}(?<=\s))",
    re.I,
)
_REPAIRS = re.compile(
    r"(?:[\s*_]*(?:no|sorry|wait|hmm+)\b\W*)?\bi\smean\b|[\s*_]*(?:no|sorry|wait)\b\W{1,3}(?=\S{1,20}\W*\Z)", re.I
)  # 'Sorry, I mean B.', 'No, B.'
_REVISES = re.compile(
    r"\A\W*(?:it|this)(?:\sis|['’]s)\san?\s|\b(?:make|scratch|strike)\s(?:it|that)\b|\btake\s(?:it|that)\sback\b|"
    r"\bi\b[^.]{0,40}\b(?:lower|raise|reduce|increase|change|adjust|revise|mean)\b|"
    r"\b(?:score|rating|grade)\b[^.]{0,20}\b(?:should|must)\b",
    re.I,
)
_DIGIT = re.compile(r"\d")
_SAID = re.compile(
    r"\b(?:sa(?:ys?|id)|reads?|states?|ends?|wr[io]tes?|claims?|argu\w+|ask\w*|tells?|examples?|samples?|templates?|formats?|follow\w*|inject\w*|quote\w*|sentence|line)\b[^.\n]{0,40}:",
    re.I,
)
_NEGATED = re.compile(r"\b(?:not|never|cannot)\b|n['’]t\b", re.I)
_TURNED_TO = re.compile(
    rf"(?:\b(?:to|an?|be|say|mean|it|that)\s|,\s)[{MARKS}]{{0,3}}(?P<value>{NUMBER})(?:/\d+)?[^\w%]*(?:\Z|\s(?:as|because|since|for)\b)",
    re.I,
)
_OBJECTS = (
    r"(?:(?:it|this|that|the|response|reply|answer|output|assistant|text|summary|dialogue|conversation|one|an?|"
    r"overall|total|final|score|rating|grade|mark|of|as|at|with|my|to|" + ADJECTIVE + r")\s+)"
)
_GIVES = (
    r"(?:(?:i|we)(?:['’]d|['’]ll|\swould|\sshall|\swill)?\s(?:(?:\w+ly|now|therefore|thus)\s)?(?:rate|score|grade|give|assign|award|say|revise|change|"
    r"adjust|update|raise|lower|correct|settle\son|go\swith)|let['’]s\s(?:go\swith|say)|(?:i\sam|i['’]m|we\sare|we['’]re)\s(?:rating|scoring|giving|assigning))"
)
_OUTPUT = r"(?:response|reply|answer|output|text|summary)"
_DESERVES = (
    rf"(?:this|it|(?:the|this)\s{_OUTPUT})\s(?:(?:would|therefore|thus)\s)?"
    r"(?:gets?|deserves?|earns?|merits?|warrants?|scores?|rates?|receives?|(?:should|can)\s(?:be\s(?:rated|scored|graded|given)|get|receive))"
)
_RESPECT = re.compile(r"(?:[^\W\d_]{2,20}[\s-]){1,3}?(?=(?:score|rating|grade)\b)", re.I)
# 'Clarity: A is better.' A heading of the whole opens no sentence here: it is found as one.
_RESPECT_HEAD = re.compile(
    r"\W*(?!(?:\w+\s)?(?:summary|conclusion|overall|explanation|reason\w*|rationale|analysis|comparison|feedback|verdict|result)\b)"
    r"[^\W\d_]+(?:\s[^\W\d_]+)?[\s*_]*:",
    re.I,
)
_RESPECTS = re.compile(r"\b([^\W\d_]{1,20})[\s-](?:scores?|ratings?|grades?)\b", re.I)
_NO_RESPECTS = frozenset(
    ("a", "the", "my", "this", "that", "of", "to", "and", "final", "overall", "total", "one", "its")
)
_NOT_THE_SCORE = re.compile(
    r"\b(?:confidence|certainty|previous|prior|original|initial|reference|max\w*|min\w*|highest|lowest|perfect|average|"
    r"mean|median|human|expected|user|other|first|second|third|passing|credit|test|exam)\b",
    re.I,
)
_SCORE_OF = re.compile(r"(?:an?\s)?(?:final\s|overall\s|total\s)?(?:score|rating|grade|mark)\sof\s(?:an?\s)?", re.I)
_A = re.compile(  # 'Overall, a 4', 'I'd say it's a solid 4'
    r"(?:(?:it|this|this\s(?:response|reply|answer|output))(?:\sis|['’]s)\s)?an?\s(?:" + ADJECTIVE + r"\s)?", re.I
)
# Whole sentences: 'Score 4', 'Rated 4 out of 5.', 'On a scale of 1-5: 4', 'I choose 4.', 'It's a 4.', 'Je donne un 4.'
_ALONE = rf"(?=[{MARKS}]*\d[\d.]*+(?:[^\w,;]*(?:out\sof|of|von|sur|de|points?|stars?|punkte?n?|puntos?|分|\d+))*+\W*\Z)"
_PLAIN = re.compile(
    r"(?:(?:final\s|overall\s|total\s)?(?:score|rating)[\s*_]+|on\s(?:an?|the)\s[^,:]{0,12}\bscale(?:\s(?:of|from)\s\d+\s?(?:-|–|to)\s?\d+)?[,:]\s|"
    r"i(?:['’]d|\swould)?\s(?:choose|pick|select|vote|(?:opt|go)\sfor|land\son|call\s(?:it|this))\s|my\s(?:final\s)?(?:answer|choice|vote|pick)(?:\sis|:)\s|"
    r"(?=(?:\S+\s){0,3}(?:an?|rated|scored|solid|definitely)\s)(?:(?:it|this|that|(?:this|the)\s(?:one|output|response|reply|text|summary))(?:\sis|['’]s)\s)?|"
    r"ich\s(?:ver)?gebe\s(?:(?:der|dieser)\s(?:antwort|ausgabe)\s|ihr\s)?(?:eine\s|die\s)?(?:(?:note|bewertung|punktzahl)\s(?:von\s)?)?|"
    r"ich\sbewerte\s(?:(?:die|diese)\s(?:antwort|ausgabe)|sie|es)\smit\s(?:einer\s|der\s)?(?:note\s)?|(?:le\s)?(?:doy|asigno)\s(?:una?\s)?(?:(?:puntuación|nota)\sde\s)?|"
    r"j(?:e\s(?:lui\s)?|['’])(?:donne|attribue|note)\s(?:(?:à\s)?cette\s(?:réponse|sortie)\s)?(?:une?\s|la\s)?(?:(?:note|score)\sde\s)?|"
    r"(?:我(?:会|将)?)?(?:给出?|打)(?:(?:它|(?:该|这个)回答)打?)?)"
    rf"(?:(?:rated|scored)\s(?:at\s|as\s)?|(?:definitely|clearly|certainly|easily)\s)?(?:an?\s)?(?:{ADJECTIVE}\s)?{_ALONE}",
    re.I,
)
_LED = re.compile(
    rf"(?<!total\s)(?<!total.\s)(?<!sum\s)(?<!sum.\s)(?:(?<=:\s)|(?<=[a-z,]\s)(?=.*[.]\W*\Z)){_ALONE}", re.I
)
_WARRANTED = re.compile(
    r"\s(?:is|seems|feels)\s(?:(?:quite|fully|entirely|most)\s)?(?:appropriate|fair|warranted|justified|fitting|reasonable|suitable|deserved)(?=\W*\Z)",
    re.I,
)
_MOST_SENTENCES = 20
_ENDS_SENTENCE = re.compile(
    rf"[\s{MARKS}\"')\]]*+(?:$|[.!,;。！，；]|(?:because|since|as|due|based|given|overall|instead|rather)\b)", re.I
)


def in_prose(answer: Answer, expected: Expected) -> list[Hit]:
    """What the last sentence says: a label alone or preferred, 'the score is 4', 'I would rate it a 4'.

    What earlier sentences say of it is only mentioned.
    """
    text = answer.unquoted.rstrip()
    if text.endswith("?"):
        return []
    start, end = last_sentence_start(text), len(answer.text)
    sentence = text[start:]
    starts = _starts(sentence)
    announced = _announced(sentence, starts, expected, text)
    verdict = announced or _said(sentence, starts, expected, text)
    hits = _mentioned(text[:start], expected)
    if verdict is None:
        return hits
    worded = announced is not None
    return [*hits, Hit(verdict, start, end, ParsedFrom.PROSE, Weight.IMPLIED, cut=False, worded=worded)]


def _said(sentence: str, starts: list[int], expected: Expected, text: str) -> Verdict | None:
    """What the last sentence says without a word for the value."""
    if isinstance(expected, ExpectedLabel):
        clause = _after_last(_CLAUSE_END, sentence)
        found = _label_alone(sentence, starts, expected, text)
        found = found or (None if _RESPECT_HEAD.match(sentence) else _preferred(clause, expected))
        before = text[: len(text) - len(clause)].rstrip(" \n*_")
        lead = last_sentence(before) if found and before.endswith(":") else ""
        return None if _TAKEN_BACK.search(lead) or _SAID.search(lead) else found
    if isinstance(expected, ExpectedScore):
        return _given(sentence, starts, expected, text[: len(text) - len(sentence)][-_LONGEST_SENTENCE:])
    orders = (expected.bare(sentence[start:]) for start in starts) if ">" in sentence else ()
    return next((order for order in orders if order), None)


def _mentioned(text: str, expected: Expected) -> list[Hit]:
    """The numbers given and the labels preferred by sentences near the end of `text`."""
    first = max(0, len(text) - _LONGEST_SENTENCE)
    starts = [found.end() for found in _SENTENCE_END.finditer(text, first)][-_MOST_SENTENCES:]
    starts = starts if first else [0, *starts]
    hits = []
    for start, end in pairwise([*dict.fromkeys(starts), len(text)]):
        verdict = _said_in_passing(text[start:end].rstrip(), expected)
        if verdict is not None:
            hits.append(Hit(verdict, start, end, ParsedFrom.PROSE, Weight.MENTIONED, yields=True))
    return hits


def _said_in_passing(sentence: str, expected: Expected) -> Verdict | None:
    if isinstance(expected, ExpectedScore) and _DIGIT.search(sentence):
        return _given(sentence, _starts(sentence), expected)
    return _preferred(sentence, expected) if isinstance(expected, ExpectedLabel) else None


def _label_alone(sentence: str, starts: list[int], expected: ExpectedLabel, text: str) -> Verdict | None:
    """The label that the sentence is, with or without a lead-in.

    After a lead-in it needs its full stop: without one 'Therefore, Output (a)' may have been cut off.
    """
    for start in starts:
        name = sentence[start:].strip()
        label = expected.whole(name) or expected.whole(_without_copula(name))
        label = expected.named("tie") if label is None and expected.even.match(name) else label
        if label is None:
            continue
        if _answers_one_of_several(text[: len(text) - len(sentence)], label, expected):
            return Reason.CONFLICT
        is_led = any(map(str.isalnum, sentence[:start]))
        is_whole = _IS_ENDED.search(name) or sentence[:start].rstrip().endswith(":")
        if is_whole if is_led else len(name.strip(".!*_`()\"' ")) >= _SHORT_NAME or _is_new(sentence, text):
            return label
    return None


def _answers_one_of_several(before: str, label: Verdict, expected: ExpectedLabel) -> bool:
    """Whether the sentence after `before` answers a question or stands in a list, as an earlier one does with another
    label: '1. yes' above '2. no', 'Is it on topic? Yes. Is it right? No.'"""
    if before.endswith("\n") or not before.strip():
        return False
    sentences = _SENTENCE_END.split(before[-_LONGEST_SENTENCE:])
    return any(other not in (None, label) for other in map(expected.whole, sentences))


def _without_copula(name: str) -> str:
    """'incorrect.' in 'The response is incorrect.' A letter or a number alone may be what the response says."""
    copula = _COPULA.match(name)
    rest = name[copula.end() :] if copula else ""
    return rest if len(rest.strip(".!*_`()\"' ")) >= _SHORT_NAME else name


def _is_new(sentence: str, text: str) -> bool:
    """Whether the sentence opens a line or follows one that surely ended."""
    before = text.rstrip()[: -len(sentence)]
    return not _ABBREVIATED.search(before[-20:])


def _announced(sentence: str, starts: list[int], expected: Expected, text: str) -> Verdict | None:
    """The value after a word for it: 'Therefore, the usefulness score is 4.'"""
    for start in starts:
        head = expected.words.head_at(sentence, start)
        value = expected.leading(sentence[head.end :], head.text) if head else None
        if head and value and _ENDS_SENTENCE.match(sentence, head.end + value.end):
            return value.verdict
    return _of_one_respect(sentence, starts, expected, text)


def _of_one_respect(sentence: str, starts: list[int], expected: Expected, text: str) -> Verdict | None:
    """'Therefore, the usefulness score is 4.', if no criterion is named and no other score is spoken of."""
    words = expected.words
    if not isinstance(expected, ExpectedScore) or words.criterion or words.own:
        return None
    for start in starts:
        named = _RESPECT.match(sentence, start) if start > min(starts) else None
        head = words.head_at(sentence, named.end()) if named else None
        value = expected.leading(sentence[head.end :], head.text) if head else None
        if named and head and value and _ENDS_SENTENCE.match(sentence, head.end + value.end):
            others = {folded(each) for each in _RESPECTS.findall(text)} - {
                folded(re.split(r"[\s-]", named[0].strip())[-1])
            }
            return None if others - _NO_RESPECTS or _NOT_THE_SCORE.search(named[0]) else value.verdict
    return None


def _given(sentence: str, starts: list[int], expected: ExpectedScore, before: str = "0") -> Verdict | None:
    """'I would give it a 4.' In the last sentence, 'A 4.' or 'So, 4.' too if no number stands near `before` it."""
    giving, rated = _giving(expected.words.criterion)
    plain = rated.sub("", _WARRANTED.sub("", sentence))
    whole = () if _DIGIT.search(before) else (_PLAIN, _LED) if before[-1:] in "\n" else (_PLAIN,)
    for start in starts:
        patterns = (giving, _SCORE_OF, *whole, *([_A] if start > min(starts) else ()))
        found = next((found for each in patterns if (found := each.match(plain, start))), None)
        is_said = found and found.re in whole and (before.rstrip().endswith(":") or _SAID.search(before))
        value = expected.leading(plain[found.end() :]) if found and not is_said else None
        end = found.end() + value.end if found and value else 0
        if value and _ENDS_SENTENCE.match(plain, end) and not CONDITION.match(plain, end):
            return value.verdict
    return None


def _preferred(sentence: str, expected: ExpectedLabel) -> Verdict | None:
    """The label that the sentence prefers; a second label in it makes it a conflict."""
    found = expected.claim.search(sentence)
    first = max(start for start in _starts(sentence) if start <= found.start()) if found else 0
    if found is None or _TAKEN_BACK.search(sentence, first, found.start()) or _CONTRASTED.search(sentence, found.end()):
        return None
    is_led = first == found.start() and re.search("prefer" if found["over"] == "to" else r"\w", sentence[:first])
    if CONDITION.match(sentence, found.end()) or (found["over"] and not is_led):
        return None
    if not found[0][1:2].isalnum() and _NOUN.search(sentence, first, found.start()):
        return None
    start, end = found.span("object")  # (-1, -1) if there is none
    label, *others = {expected.named(name) for name in expected.mention.findall(sentence[:start] + sentence[end:])}
    return Reason.CONFLICT if label is None or others else label


def _starts(sentence: str) -> list[int]:
    """The places at which what the sentence says may begin, after none, some or all of a lead-in."""
    marks = len(sentence) - len(sentence.lstrip(" *_`\"'“‘"))
    leads = [lead.end() for each in _LEAD_INS if (lead := each.match(sentence, marks))]
    clauses = _main_clauses(sentence) if ", " in sentence else []
    return [*dict.fromkeys((*leads, marks, *clauses))]


def _main_clauses(sentence: str) -> list[int]:
    """The places after commas, at which the main clause of a sentence may begin."""
    comma = _COMMA if _SUBORDINATE.match(sentence) else _SO
    commas = list(islice(comma.finditer(sentence), _MOST_COMMAS))
    if comma is _SO and commas and _IS_OPEN.search(sentence):
        return []
    return [
        lead.end()
        for comma in commas
        for each in (_CONNECTIVE_AT, _LEAD_INS[-1])
        if (lead := each.match(sentence, comma.end()))
    ]


@lru_cache(maxsize=256)
def _giving(criterion: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns for 'I would give it a ' and 'The response deserves a ' before the number, and ' for its tact' after."""
    objects = rf"(?:{_OBJECTS}|(?:{criterion})\s+)" if criterion else _OBJECTS
    rated = rf"(?:the|this)\s{_OUTPUT}|(?:its\s)?(?:{criterion})" if criterion else rf"(?:the|this)\s{_OUTPUT}"
    return (
        re.compile(rf"(?:{_GIVES}|{_DESERVES})\s{objects}{{0,8}}(?=[{MARKS}]*{NUMBER})[{MARKS}]*", re.I),
        re.compile(rf"\s(?:(?:to|for|on|in|in\sterms\sof)\s(?:{rated})|from\sme)(?=\W*\Z)", re.I),
    )


def says_otherwise(text: str, expected: ExpectedLabel, label: ReadValue) -> bool:
    """Whether the last sentence denies `label`, or gives another."""
    sentence = last_sentence(text)
    mentions = list(expected.mention.finditer(sentence))
    others = [each for each in mentions if expected.named(each[0]) != label]
    named = len(mentions) > len(others)
    return (named and _DENIED.search(sentence) is not None) or any(_is_chosen(sentence, each) for each in others)


def turns_from(text: str, end: int, expected: Expected, value: ReadValue) -> bool:
    """Whether the last sentence, after `end`, turns to another value: 'On second thought, it fails.'"""
    start = last_sentence_start(text)
    if start < end:
        return False
    sentence = text[start:].rstrip()
    if isinstance(expected, ExpectedScore):
        return _turns_to_another_score(sentence, expected, value)
    turns = _REPAIRS if isinstance(expected, ExpectedLabel) and expected.pairwise else _TURNS
    if not isinstance(expected, ExpectedLabel) or not turns.match(sentence):
        return False
    return any(
        bool(_DENIED_LABEL.search(sentence, 0, each.start())) is (expected.named(each[0]) == value)
        and (expected.named(each[0]) == value or _is_chosen(sentence, each))
        for each in expected.mention.finditer(sentence)
    )


def _turns_to_another_score(sentence: str, expected: ExpectedScore, value: ReadValue) -> bool:
    """'But it can only be a 2.', 'I hereby lower the score to 2.', 'Strike that. 2.'"""
    if not _DIGIT.search(sentence):
        return False
    turns = (_TURNS.match(sentence) or _REVISES.search(sentence)) and not _NEGATED.search(sentence)
    found = _TURNED_TO.search(sentence) if turns else None
    score = expected.whole(found["value"] if found else sentence)
    return isinstance(score, Score) and score != value and expected.misplaced(score) is None


def _is_chosen(sentence: str, name: re.Match[str]) -> bool:
    """Whether a label that the sentence names may be its verdict: 'So the answer is no.', but not 'more than B.'"""
    if _CHOSEN.search(sentence, 0, name.start()):
        return True
    return not any(map(str.isalnum, sentence[name.end() :])) and not _COMPARED.search(sentence, 0, name.start())


def sentence_around(text: str, start: int, end: int) -> str:
    """The sentences of a line that `start` and `end` are in."""
    first = max(text.rfind("\n", 0, start) + 1, start - _LONGEST_SENTENCE)
    before = [found.end() for found in _SENTENCE_END.finditer(text, first, start)]
    after = _SENTENCE_END.search(text, end, end + _LONGEST_SENTENCE)
    return text[before[-1] if before else first : after.start() if after else end + _LONGEST_SENTENCE]


def last_sentence(text: str) -> str:
    """The last sentence of `text`; empty if it is too long to be one."""
    return _after_last(_SENTENCE_END, text.rstrip())


def last_sentence_start(text: str) -> int:
    """Where the last sentence of `text` begins."""
    return len(text.rstrip()) - len(last_sentence(text))


def _after_last(end: re.Pattern[str], text: str) -> str:
    ends = [found.end() for found in end.finditer(text, max(0, len(text) - _LONGEST_SENTENCE))]
    if not ends:
        return text if len(text) <= _LONGEST_SENTENCE else ""
    return text[ends[-1] :]
