"""What reading a reply costs: `python -m tests.benchmarks.reading` prints the time for each text.

Hostile texts of 32 kB must stay under 10 ms. Of longer ones only the last million characters are searched for
thoughts, and only the last 32 kB outside them is read.
"""

import json
import random
import time
from collections.abc import Callable

from service.contracts.judges import Scale
from service.judging.reading import read_label, read_ranking, read_score

SIZE = 32_768  # characters
LIMIT_MS = 10.0
ROUNDS = 5
SCALE = Scale(min=1, max=5)


def filled(pattern: str, size: int = SIZE) -> str:
    return (pattern * (size // len(pattern) + 1))[:size]


TYPICAL = {
    "bare number": "4",
    "anchored line": "Rating: 4\nRationale: " + filled("it answers the question well. ", 600),
    "4 kB, tag": filled("It answers the question well, and says so. ", 4_000) + "\n<score>4</score>",
    "4 kB, JSON": json.dumps({"explanation": filled("It answers the question. ", 4_000), "score": 4}),
    "verdict prose": filled("Output A is short. ", 2_000) + "\n\nTherefore, Response A is better.",
}

PATTERNS = [
    *("{", "[", "<", "(", '"', "'", "`", "“", "‘", "*", "_", "#", "-", ">", "\\", "/", ".", "1", "4", "A"),
    *("\n", " ", "\r\n", "<score>", "</score>", "<score>4</score>", "<think>", "</think>", "<think></think>"),
    *("[[", "[[4", "[[4]]", "[[A]]", "Score: ", "Score: 4 ", "Score: 4\n", "Score:\n", "- Score: four\n"),
    *("**Score:** ", "my final score ", "Score (1-5): ", "Score: A > B\n", "Verdict: A ", "Verdict: A\n"),
    *("[RESULT] ", "[RESULT] 4 ", "4/5 ", "4/5\n", "4\n", "A\n", "tie\n", "a ", "4 ", "4-", "4, ", "1 - a "),
    *("is ", "my ", "final ", "I'm sorry, ", "but ", "A is better. ", "A is ", "wins ", "```\n", "~~~\n"),
    *("> a\n", "{}", "{}\n", '{"score":4}', '{"a":', '{"a":[1,', '[{"score":', '{"score": 4}\n', "\\\\", "1. "),
    *("#\n", "- \n", " *", "\t", "\ue000", "\x1a", "é", "Rating", "😀", '" ', "' a", "x'", "Therefore, "),
    *("I would give it a ", "[RESULT: 4]", "\\boxed{", "◁think▷", "</thinking>", "{'a': ", "True, "),
    *("| Score | 4 |\n", "| ", "|\n", "Scale: 1-5\n", "Score\n", "Score 4/5 ", "{score: 4, // a\n", "4,5 "),
    *(", so it is a 4", "A > ", "[1] > ", "1. A\n", "(B) X\n", "Answer: A\n", "Response A is better. "),
    *("\u200b", "my the total ", "### Response\n", "<candidate>", "</candidate>", "</response>", '"score": '),
    *("。", "; 4", ", if ", "<|channel|>final<|message|>", "worst to best ", "it 4/5, ", "overall, "),
    *("quality: ", "?", "'```\n"),
]
MIXTURES = 60  # of two to four of these patterns, the same ones each time


def mixtures() -> list[str]:
    drawn = random.Random(1)
    return [filled("".join(drawn.choices(PATTERNS, k=drawn.randint(2, 4)))) for _ in range(MIXTURES)]


HOSTILE = {
    **{repr(pattern): filled(pattern) for pattern in PATTERNS},
    **{f"mixture {number}": text for number, text in enumerate(mixtures())},
    "Score, then spaces": "Score" + " " * SIZE + "x",
    "Score: 4, then spaces": "Score: 4" + " " * SIZE + "x",
    "spaces, then Score": " " * SIZE + "Score: 4x",
    "nested objects": '{"a":' * 5_000 + "4" + "}" * 5_000,
    "nested scores": '{"score":' * 3_000 + "4" + "}" * 3_000,
    "nested arrays in an object": '{"score":' + "[" * 16_000 + "]" * 16_000 + "}",
    "an open array of numbers": '{"a":[' * 50 + filled("1,"),
    "an open string": '{"a":"' * 50 + filled("x"),
    "an open string of escapes": '{"a":"' + filled("\\u0041"),
    "a long integer": '{"score":' + "9" * 4_000 + "}",
    "a very long integer": '{"score":' + "9" * 32_000 + "}",
    "many keys": "{" + ",".join(f'"k{n}":{n}' for n in range(3_000)) + ',"score":4}',
    "one key repeated": "{" + '"score":4,' * 3_000 + '"score":4}',
    "LaTeX": filled(r"\frac{a}{b} = \sqrt{4x + 2} ") + "\nScore: 4",
    "10 MB of words": filled("word ", 10_000_000) + "\nScore: 4",
    "10 MB of thoughts": filled("<think>a</think>", 10_000_000) + "Score: 4",
    "10 MB of ends of thoughts": filled("</think>\n", 10_000_000) + "Score: 4",
    "10 MB of braces": filled("{", 10_000_000),
}


def milliseconds(read: Callable[[str], object], text: str) -> float:
    """The fastest of a few readings, in processor time: the machine is shared, and noise only adds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        read(text)
        times.append(time.process_time() - started)
    return min(times) * 1000


def score(text: str) -> object:
    return read_score(text, SCALE, criterion="instruction following")


def label(text: str) -> object:
    return read_label(text, [], pairwise=True)


def ranking(text: str) -> object:
    return read_ranking(text, 3, answer_key="quality")


def main() -> None:
    for title, texts in (("typical", TYPICAL), ("hostile", HOSTILE)):
        rows = [(name, [milliseconds(read, text) for read in (score, label, ranking)]) for name, text in texts.items()]
        print(f"{title:<32}{'score, ms':>12}{'label, ms':>12}{'ranking, ms':>13}")
        for name, times in sorted(rows, key=lambda row: -max(row[1])):
            over = "  over the limit" if max(times) > LIMIT_MS and "MB" not in name else ""
            print(f"{name:<32}{times[0]:>12.3f}{times[1]:>12.3f}{times[2]:>13.3f}{over}")
        print()


if __name__ == "__main__":
    main()
