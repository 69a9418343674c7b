"""Own prompts: filled once, in a sandbox, with errors that name the variable."""

import pytest

from service.contracts.items import Item
from service.judging.templates import TemplateError, fill, shows_item, template_problem

ITEM = Item(output="{{criterion}}", metadata={"app": {"name": "x"}})


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{{item.output}} {{criterion}} {{scale}} {{item.metadata.app.name}} {{item.outputs[0]}}", None),
        ("{% for each in item.outputs %}{{each}}{% endfor %}", None),
        ("{{wrong}}", "there is no variable wrong; there are criterion, instructions, scale, choices, item.input"),
        ("{{item.id}}", "there is no variable item.id"),
        ("{{item.output", "syntax error"),
    ],
)
def test_the_problem_of_a_template(source: str, problem: str | None) -> None:
    found = template_problem(source)
    assert found is None if problem is None else (found or "").startswith(problem)


def test_texts_are_filled_in_verbatim() -> None:
    filled = fill("{{item.output}}|{{item.metadata.app.name}}|{{criterion}}", ITEM, criterion="wit")
    assert filled == "{{criterion}}|x|wit"


@pytest.mark.parametrize("source", ["{{item.reference}}", "{{item.metadata.other}}"])
def test_a_missing_text_is_named(source: str) -> None:
    with pytest.raises(TemplateError, match=source.strip("{}").rpartition(".")[0]):
        fill(source, ITEM)


def test_a_missing_text_may_be_asked_for() -> None:
    assert fill("{% if item.reference %}yes{% else %}no{% endif %}", ITEM) == "no"


def test_a_template_without_end_is_stopped() -> None:
    with pytest.raises(TemplateError):
        fill("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", ITEM)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{item.output}}", True),
        ("{% if item.context %}{% endif %}", True),
        ("{{criterion}}", False),
        ("item.output", False),
    ],
)
def test_whether_a_template_shows_the_item(source: str, expected: bool) -> None:
    assert shows_item(source) is expected
