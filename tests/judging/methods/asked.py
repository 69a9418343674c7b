"""A request of `/v1/parse`, and the reading of a text by a method alone."""

from typing import Any

from service.contracts.judges import Method
from service.contracts.parsing import ParseRequest
from service.judging.methods import METHODS, PlacedProblem
from service.judging.reading import Reading


def request(method: Method, **fields: Any) -> ParseRequest:
    return ParseRequest(method=method, texts=["x"], **fields)


def parsed(method: Method, text: str, **fields: Any) -> Reading:
    return METHODS[method].parse(request(method, **fields), text, None)


def parse_problems(method: Method, **fields: Any) -> list[PlacedProblem]:
    return METHODS[method].parse_problems(request(method, **fields))
