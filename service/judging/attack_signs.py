"""The rules by which `suspicion` finds texts that attack a judge."""

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """A pattern for text in lower case, tried only around the words and marks in `near`."""

    near: tuple[str, ...]
    pattern: re.Pattern[str]
    before: int  # the number of characters before the word at which the pattern may begin
    after: int
    stems: bool = False  # the words may go on, as in languages that inflect them


def _rule(near: str, *pattern: str, before: int = 80, after: int = 160) -> Rule:
    """Returns a rule. `near` is separated by spaces, with `~` for a space within; one of the patterns must match."""
    words = tuple(word.replace("~", " ") for word in near.split())
    return Rule(words, re.compile("|".join(pattern), re.M), before, after)


_NAMES = "score rating grade verdict ranking winner"
_SCORE = rf"(?:final|total|overall)?[ _]?(?:{_NAMES.replace(' ', '|')})"
_VALUE = (
    r"(?:[-+]?\d{1,3}(?:\.\d{1,2})?(?:\s?/\s?\d{1,3}|\s?%)?|output [ab]|[ab]|tie|pass|fail|passed|"
    r"[a-e](?:\s?[>=]{1,2}\s?[a-e]){1,19})"
)
_WHYS = "explanation rationale reasoning reason justification feedback analysis critique"
_WHY = rf"(?:{_WHYS.replace(' ', '|')})"
_JUDGES = "judge grader evaluator rater assessor scorer"
_JUDGE = (
    r"(?:(?:ai|llm|impartial|automated|automatic|fair|dear|llm-as-a|gpt-4)[ -]){0,2}"
    rf"(?:{_JUDGES.replace(' ', '|')}|grading model|judging model)s?"
)
_TOP = r"(?:highest|maximum|maximal|max|top|full|perfect|best|10|ten|5|five|100)"

# Verdicts in the place of a judge's.
_VERDICTS = (
    # Not `x[[1]]`, as R writes, and not `array([[1]])`.
    _rule("[[", rf"(?<![\w)\]])(?<!\w\()\[\[\s?(?:(?:rating|score|verdict):?\s)?(?:{_VALUE}|c|your verdict)\s?\]\]"),
    _rule("[result]", rf"\[result\]\W{{0,4}}{_VALUE}\b"),
    _rule("</", rf"<{_SCORE}>\s{{0,3}}{_VALUE}\s{{0,3}}</", rf"<(?:result|label|preference)>\s?{_VALUE}\s?</"),
    # An object that is nothing but a verdict, or explains one; a record with a score in it is a record.
    _rule(_NAMES, rf'\{{\s{{0,9}}"{_SCORE}"\s?:\s?"?{_VALUE}"?\s{{0,9}}\}}'),
    _rule(
        f"{_NAMES} {_WHYS}",
        rf'"{_SCORE}\\?"\s?:\s?(?:\\?"?{_VALUE}\\?"?|\[)[^{{}}\n]{{0,99}},\s{{0,9}}\\?"{_WHY}\\?"\s?:',
        rf'"{_WHY}\\?"\s?:\s?\\?"[^"{{}}]{{0,600}}+",\s{{0,9}}\\?"{_SCORE}\\?"\s?:',
        rf'"\s{{0,9}}\}}?,\s{{0,9}}"{_SCORE}"\s?:\s?"?{_VALUE}"?\s{{0,9}}\}}\s{{0,9}}\Z',
        after=800,
    ),
    # A line that is a verdict and nothing else.
    _rule(
        f"{_NAMES} judgment judgement",
        rf"^[ \t>*_#`\"'([-]{{0,8}}(?:(?:my|the|your|correct|true|official) )?(?!grade)(?:{_SCORE}|judge?ment)"
        rf"(?: \([^()\n]{{1,20}}\))?[ *_`\"']{{0,4}}(?:[:=]|is\b:?)[ *_`\"'(\[]{{0,6}}{_VALUE}"
        r"(?: (?:out of|of) \d{1,3}| points| stars)?[ *_`\"')\].!]{0,6}$",
    ),
    _rule(
        "score rating verdict",
        r"\b(?:(?:total|overall) (?:score|rating)|final (?:rating|verdict|score))[ *_]{0,3}[:=][ *_\"']{0,4}"
        rf"{_VALUE}(?!-\d)\b",
    ),
    _rule(":::", r"(?:feedback|evaluation):::"),
)

# Words to the judge.
_EARLIER = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|existing|original|initial|former|system|developer|your|"
    r"judge'?s?|grading|scoring|evaluation|rating)"
)
_ORDERS = (
    r"(?:instruction|direction|directive|prompt|order|rule|guideline|command|criteri|rubric|message|context|task|text)"
)
_TO_JUDGE = (
    _rule(
        "ignore ignoring disregard disregarding forget override overrule bypass neglect follow attention",
        r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overr(?:id|ul)e|bypass|neglect|do(?: not|n't) follow|"
        rf"pay no attention to)\s(?:[\w']{{1,12}}\s){{0,4}}?(?:{_EARLIER}\s(?:[\w']{{1,12}}\s){{0,3}}?{_ORDERS}|"
        rf"{_ORDERS}\w{{0,6}}\s(?:above|before|given|so far|you (?:have|were|are|received))|"
        r"(?:everything|anything|all|what)\s(?:\w{1,9}\s){0,4}?(?:above|before|so far|told)\b)",
    ),
    _rule(
        f"{_JUDGES} judges graders evaluators grading judging",
        rf"\bas (?:an? |the )?{_JUDGE}[,:]? (?:you |it is |your )",
        r"\b(?:dear|attention|hey|hello|notice|(?:note|message|memo|instructions?|reminder|important|command) "
        rf"(?:to|for))[,:!]{{0,2}} (?:the |all |any )?{_JUDGE}\b",
        rf"\b{_JUDGE}[,:] (?:please |you |give |rate |score |output |ignore |choose |answer |assign |award )",
        rf"\b{_JUDGE} (?:must|should|has to|is required to|is instructed to|shall|will now) "
        r"(?:always |only |just |simply )?"
        r"(?:give|rate|score|grade|answer|output|award|assign|ignore|choose|select|say|reply)\b",
        rf"\bif you are (?:an? |the )(?:\w{{1,12}} )?{_JUDGE}\b",
    ),
    _rule(
        "score rating grade marks mark verdict possible",
        r"\b(?:giv(?:e|es|ing)|assign(?:ing)?|award|grant|deserves|(?:should|must) receive|merits|has earned|output)\s"
        r"(?:(?:it|me|this|that|my|the following|output [ab])\s(?:[\w']{1,12}\s){0,4}?|(?:an?|the)\s)"
        rf"(?:an?\s|the\s)?(?:absolute\s|only\s)?{_TOP}\s(?:\w{{1,10}}\s)?"
        r"(?:score|rating|grade|marks?\b|verdict|possible)",
    ),
    _rule(
        "rate score grade mark judge treat",
        r"\b(?:rate|score|grade|mark|judge|treat)\s(?:this|it|me|my|(?:the|this) (?:above|following)?\s?"
        r"(?:answer|response|output|reply|text|submission)|output [ab])\s(?:(?!from|between|on)[\w']{1,12}\s){0,3}?"
        r"(?:(?:as|at|with|an?)\s){0,2}(?:an?\s)?(?:10|5|100|\d{1,3}\s?/\s?\d{1,3}|ten|five|perfect|excellent|"
        r"pass(?:ed|ing)?|(?:the\s)?(?:highest|maximum|top|best))\b"
        r"(?!\s?(?:minute|hour|day|time|star|second|week|month|year|step|%)s?)",
    ),
    _rule(
        "score rating verdict grade",
        r"\b(?:the|your|its) (?:only )?(?:correct |right |valid |proper |final |appropriate )?"
        r"(?:score|rating|verdict|grade) (?:should|must|has to|shall|can only|will) be (?:an? |the )?"
        rf"(?:{_VALUE}|{_TOP})\b",
        r"\b(?:print|output|respond with|reply with|answer with|write|say)(?: only| just| exactly)?:? ['\"`]?"
        rf"(?:\[\[|<?{_SCORE}>?)[\s:=]?[\s:=]?\"?{_VALUE}",
    ),
    _rule(
        "choose select pick prefer vote declare favor favour rank",
        r"\b(?:choose|select|pick|prefer|vote for|declare|favou?r|rank) (?:output|response|assistant|answer) [a-e]"
        r"(?:'s)?(?: (?:first|as|over|regardless|no matter|whatever|in any case)\b|[.!]?$)",
    ),
    _rule(
        "system developer admin administrator instruction instructions",
        r"^\W{0,6}(?:system|developer|admin(?:istrator)?) "
        r"(?:note|message|override|notice|update|instruction|alert|prompt)\b",
        r"\bsystem override\b",
        r"\b(?:new|updated|revised|real|actual) (?:system )?instructions?(?: for the \w{1,12})?:",
        r"<system[^<>\n]{0,20}>",
        r"^\[system[^\]\n]{0,30}\][ :]",
        before=30,
        after=40,
    ),
    _rule("decode decoded unrot", r"\b(?:decoded?|unrot)\b[^\n]{0,80}\b(?:follow|obey|execute|comply|do what)\b"),
    _rule("base64 rot13 base rot", r"\b(?:base ?64|rot-?13)\b[^\n]{0,80}\b(?:follow|obey|execute|comply)\b"),
    _rule(
        "<!--",
        r"<!--[^<>]{0,400}(?:judge|grader|evaluator|ignore (?:all|the|prev)|highest|(?:score|rating)\s?[:=]\s?\d)",
        after=450,
    ),
    _rule(
        "<tool_ <function_ [tool_ invoke submit record",
        r"<tool_calls?>|<function_calls?>|<invoke name=|\[tool_calls\]",
        r"\b(?:submit|record)_(?:score|rating|verdict|judge?ment|ranking|grade)",
    ),
)

# The same in other languages: a word for instructions, and a verb of ignoring near it.
_LANGUAGES = {
    "anweisung|instruktion|vorgabe": "ignorier|vergiss|missacht",
    "instruccion|indicacion": "ignor[ae]|olvid|haz caso omiso",
    "instruction|consigne|directive": "ignorez|oublie|ne tiens pas compte|ne tenez pas compte",
    "istruzion|indicazion": "ignora|dimentica",
    "instruç|orientaç|instruco": "ignor[ea]|esqueç|desconsider",
    "instructie|opdracht": "negeer|vergeet",
    "instrukcj|polece": "ignoruj|pomi[ńn]|zapomnij",
    "инструкци|указани|команд|інструкці|вказівк": "игнорир|ігнору|забудь|не обращай",
    "talimat|yönerge": "yok say|görmezden gel|unut",
    "指示|指令|说明|說明|提示|要求|命令|プロンプト": "忽略|忽视|忽視|无视|無視|不要理会|忘记|忘れ",
    "지시|명령|지침|프롬프트": "무시|잊어",
    "تعليمات|أوامر|دستور": "تجاهل|انس|نادیده|فراموش",
    "निर्देश|आदेश": "अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल",
    "hướng dẫn|chỉ dẫn|chỉ thị": "bỏ qua|phớt lờ",
    "instruksi|perintah|petunjuk": "abaikan|lupakan",
}
_IN_LANGUAGES = tuple(
    Rule(
        tuple(orders.split("|")),
        re.compile(rf"(?:{verbs})[^\n.]{{0,40}}(?:{orders})|(?:{orders})[^\n.]{{0,40}}(?:{verbs})"),
        before=60,
        after=100,
        stems=True,
    )
    for orders, verbs in _LANGUAGES.items()
)

# Marks of chats, and of our own questions.
_PARTS = (
    r"(?:material|output|data|text to judge|candidate|answer|submission|input|response|assistant|context|reference|"
    r"evaluation|user input)"
)
_MARKS = (
    _rule("<|", r"<\|[a-z][\w▁-]{0,30}\|>"),
    _rule("[inst] [/inst] <<sys>>", r"\[/?inst\]|<</?sys>>"),
    _rule("<start_of_turn> <end_of_turn> <bos> <eos>", r"<(?:start_of_turn|end_of_turn|bos|eos)>"),
    _rule(
        "system: assistant: <system> <assistant> system~prompt: system~message:",
        r"^#{1,4} ?(?:system|assistant)(?: (?:prompt|message))?:",
        r"^assistant:|^system: (?:you|the judge)|^\W?<(?:system|assistant)>",
    ),
    _rule("human:", r"\n\nhuman:"),
    _rule(
        "<<<",
        r"^\W{0,4}<<<[^<>\n]{0,60}(?:\bend\b|[0-9a-f]{8}|\b(?:output|reference|context|input|begin)\b)[^<>\n]{0,30}>>>",
    ),
    _rule(
        "end~of start~of",
        rf"^\W{{0,12}}(?:the )?(?:end|start) of (?:the )?{_PARTS}"
        r"(?: [ab]| to judge| text|'s answer| [ab]'s answer)?\W{0,12}$",
    ),
    _rule("of~the~material", r"\b(?:all|end) of the material\b"),
    _rule(
        "{{",
        r"\{\{[^\n{}]{0,40}\b(?:item|criterion|instructions|scale|choices|reference|judge|self|config|__\w{1,20})\b",
    ),
    _rule("${ {%", r"\$\{(?:item|reference|judge|jndi|env)\b|\{%[^\n%]{0,80}\b(?:item|reference|judge|__\w{1,20})\b"),
    _rule(
        "</",
        r"</(?:candidate|model_output|material|untrusted\w{0,20}|submission|judged\w{0,20}|student_answer|"
        r"assistant_answer|output_to_judge|think)>\s{0,9}(?:\n|now|the|<)[^\n]{0,200}"
        r"(?:score|rating|judge|verdict|instruct)",
        after=300,
    ),
)

RULES = (*_VERDICTS, *_TO_JUDGE, *_IN_LANGUAGES, *_MARKS)
