"""Requests that cost the API much: large, deep, or with many faults. Their bodies are made when they are sent."""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

JSON, NDJSON, CSV, FORM = "application/json", "application/x-ndjson", "text/csv", "application/x-www-form-urlencoded"
JOBS, LINES = "/v1/jobs", "/v1/jobs?judge=helpfulness&models=control/length"
HEADER = b"input,output,human.wit.0\n"


class Sent(NamedTuple):
    """A request."""

    method: str
    path: str
    media_type: str
    body: bytes


def job(items: bytes) -> Sent:
    return Sent("POST", JOBS, JSON, b'{"judge":"helpfulness","models":["control/length"],"items":[' + items + b"]}")


def lines(body: bytes) -> Sent:
    return Sent("POST", LINES, NDJSON, body)


def table(body: bytes) -> Sent:
    return Sent("PUT", "/v1/datasets/d", CSV, body)


def asked(method: str, path: str, /, **fields: object) -> Sent:
    return Sent(method, path, JSON, msgspec.json.encode(fields))


def labels(count: int) -> list[dict[str, object]]:
    return [{"item_id": f"i{n}", "criterion": "wit", "annotator": "ann", "score": 3} for n in range(count)]


def choices(aliases: int) -> list[dict[str, object]]:
    return [{"label": f"label {n}", "aliases": [f"alias {n} {m}" for m in range(aliases)]} for n in range(1000)]


def judge(size: int) -> dict[str, object]:
    """A judge with a definition of nearly so many bytes."""
    examples = [{"output": "word " * (size // 300), "label": "label 1"}] * 50
    return {
        "criterion": "c",
        "method": "category",
        "instructions": "?",
        "choices": [*choices(0)],
        "examples": examples,
        "models": ["control/length"],
    }


def form(path: str, **fields: str) -> Sent:
    return Sent("POST", path, FORM, urlencode(fields).encode())


def statistics(values: int, pairs: int) -> Sent:
    numbers = [[n % values + 1, n * 7 % values + 1] for n in range(pairs)]
    return asked("POST", "/v1/statistics", values=list(range(1, values + 1)), pairs=numbers)


TALK = "label 1 " * 15_000
RATING = {"criterion": "wit", "method": "rating", "instructions": "Funny?", "models": ["control/length"]}
PROSE = "I would say that 3 of the 10 claims hold, so it is no 5. Score: maybe 4, or label 17, or label 23?\n"
LARGE: dict[str, Callable[[], Sent]] = {
    "100,000 items as NDJSON, 30 MB": lambda: lines(
        b"".join(
            b'{"id":"i%d","input":"question %d","output":"%s"}\n' % (n, n, b"answer " * 35) for n in range(100_000)
        )
    ),
    "100,000 items as NDJSON, 200 MB": lambda: lines(
        b"".join(b'{"id":"i%d","output":"%s"}\n' % (n, b"answer " * 285) for n in range(100_000))
    ),
    "60 lines of 9 MB": lambda: lines(b'{"output":"%s"}\n' % (b"x" * 9_000_000) * 60),
    "20 MB of line ends": lambda: lines(b"\n" * 20_000_000),
    "300,000 bad lines": lambda: lines(b'{"output": 1, "nope": 2}\n' * 300_000),
    "100,000 rows of CSV": lambda: table(
        HEADER + b"".join(b"question %d,an answer,3\n" % number for number in range(100_000))
    ),
    "a header of CSV of 9 MB": lambda: table(b",".join(b"metadata.%d" % number for number in range(500_000)) + b"\n"),
    "1,000,000 rows that end with CR": lambda: table(b"input,human.wit.0\r" + b"a,3\r" * 1_000_000),
    "64 MB of JSON, 100,000 items": lambda: job(b",".join([b'{"output":"%s"}' % (b"x" * 640)] * 100_000)),
    "64 MB of JSON, one text": lambda: job(b'{"output":"%s"}' % (b"x" * 64_000_000)),
    "60 MB of JSON, tiny items": lambda: job(b",".join([b'{"output":"x"}'] * 4_000_000)),
    "60 MB of JSON, empty lists": lambda: job(b'{"output":"x","metadata":{"a":[%s[]]}}' % (b"[]," * 19_999_999)),
    "50 MB of JSON, one wide object": lambda: job(
        b'{"output":"x","metadata":{%s}}' % b",".join(b'"k%d":1' % number for number in range(4_000_000))
    ),
    "60 MB of JSON, open brackets": lambda: Sent("POST", JOBS, JSON, b"[" * 60_000_000),
    "20,000 labels": lambda: Sent(
        "POST", "/v1/labels", NDJSON, b"".join(msgspec.json.encode(each) + b"\n" for each in labels(20_000))
    ),
    "100,000 labels as JSON": lambda: asked("POST", "/v1/labels", labels=labels(100_000)),
    "2,000,000 aliases": lambda: Sent(
        "PUT",
        "/v1/judges/c",
        JSON,
        b'{"criterion":"c","method":"category","instructions":"?","choices":[{"label":"a","aliases":[%s]}]}'
        % b",".join(b'"l%d"' % number for number in range(2_000_000)),
    ),
    "1,000 texts of 60 KB to parse": lambda: asked("POST", "/v1/parse", method="rating", texts=[PROSE * 600] * 1000),
    "a text of 60 MB to parse": lambda: asked("POST", "/v1/parse", method="rating", texts=[PROSE * 600_000]),
    "1,000 labels in 1,000 texts": lambda: asked(
        "POST", "/v1/parse", method="category", choices=choices(0), texts=[PROSE * 100] * 1000
    ),
    "1,000,000 pairs": lambda: asked("POST", "/v1/statistics", values=[1, 2, 3], pairs=[[1, 2], [3, 3]] * 500_000),
    "1,000,000 votes": lambda: asked(
        "POST", "/v1/arena/ratings", votes=[[f"a/{n % 400}", f"a/{n * 7 % 400 + 1}", "A"] for n in range(1_000_000)]
    ),
    "a battle over 9 MB": lambda: asked(
        "POST",
        "/v1/arena/battles",
        judge="helpfulness",
        models=["control/length", "control/overlap"],
        item={"output": PROSE * 95_000},
    ),
    "a preview of 9 MB": lambda: asked(
        "POST", "/v1/judges/helpfulness/preview", models=["control/length"], item={"output": PROSE * 95_000}
    ),
    "a judge of 4 MB": lambda: asked("PUT", "/v1/judges/c", **judge(3_900_000)),
    "a judge of 4 MB in a job": lambda: asked("POST", JOBS, judge=judge(3_900_000), items=[{"output": "x"}]),
    "20 judges of 3 MB in a job": lambda: asked(
        "POST", JOBS, judge=[judge(3_000_000) | {"criterion": f"c{n}"} for n in range(20)], items=[{"output": "x"}]
    ),
    "1,000 anchors of 60 KB": lambda: asked(
        "PUT",
        "/v1/anchors/helpfulness",
        items=[{"id": f"i{n}", "output": PROSE * 600, "metadata": {"a": [1] * 100}} for n in range(1000)],
    ),
    "a form of 4 MB": lambda: form(
        "/try/preview", criterion="c", method="rating", instructions="?", models="control/length", output="é " * 550_000
    ),
}
# Such as a busy machine answers in some seconds.
MODERATE: dict[str, Callable[[], Sent]] = {
    "a line of 9 MB": lambda: lines(b'{"output":"%s"}' % (b"x" * 9_000_000)),
    "a line of 11 MB": lambda: lines(b"x" * 11_000_000),
    "empty lines": lambda: lines(b"\n" * 5_000_000),
    "carriage returns": lambda: lines(b"\r" * 5_000_000),
    "faults": lambda: job(b",".join([b'{"outputs":[%s]}' % b",".join([b"1"] * 20)] * 100_000)),
    "items": lambda: job(b",".join([b'{"output":"x"}'] * 60_000)),
    "nesting": lambda: Sent("POST", JOBS, JSON, b"[" * 10_000_000),
    "minus signs": lambda: asked("PUT", "/v1/judges/j", **RATING, template="{{ " + "-" * 99_000 + "item.output }}"),
    "aliases": lambda: asked("POST", "/v1/parse", method="category", choices=choices(0), texts=[TALK] * 5),
    "texts": lambda: asked("POST", "/v1/parse", method="rating", texts=["Score: 4/5. " * 3_000] * 200),
    "pairs": lambda: statistics(values=100, pairs=100_000),
    "values": lambda: statistics(values=1_000, pairs=20_000),
    "votes": lambda: asked(
        "POST", "/v1/arena/ratings", votes=[[f"a/{n % 200}", f"a/{(n * 7 + 1) % 200}", "A"] for n in range(50_000)]
    ),
    "labels": lambda: asked(
        "POST",
        "/v1/labels",
        labels=[{**each, "item_id": "one", "annotator": each["item_id"]} for each in labels(5_000)],
    ),
    "descriptors": lambda: asked("PUT", "/v1/judges/k", **RATING, scale={"min": 0, "max": 1e9, "step": 1e-9}),
    "outputs": lambda: asked("POST", "/v1/judges/preference/preview", input="q", outputs=["x" * 1_000_000] * 20),
    "examples": lambda: asked("PUT", "/v1/judges/l", **RATING, examples=[{"output": "x" * 90_000, "score": 3}] * 50),
}
