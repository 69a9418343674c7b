"""Own prompts: filled once, in a sandbox, with errors that name the variable."""

import msgspec
import pytest

from service.contracts.items import Item
from service.judging.template_limits import FILTERS_LEFT_OUT
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
        ("{{item.output|trim|upper}}{% if item.context is defined %}{{item.outputs|join(', ')}}{% endif %}", None),
        ("{{item.output|trim|upcase}}", "no filter 'upcase' in prompts"),
        ("{% if item.context is not present %}{% endif %}{{item.output}}", "no test 'present' in prompts"),
        ("{{item.output}} {{item.metadata|tojson}} {{'a|b is c'}} {# |x #} {% raw %}{{a|x}}{% endraw %}", None),
        ("{{item.metadata|tojson(indent=9999)}}", "tojson takes no arguments"),
        *(
            (f"{{% for a in item.outputs | {name} %}}{{% endfor %}}", f"no filter {name!r}")
            for name in FILTERS_LEFT_OUT
        ),
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


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ("{{item.reference}}", "/reference"),
        ("{{item['reference']|upper}}", "/reference"),
        ("{{item.outputs[0]}}", "/outputs"),
        ("{{item.metadata.app.other}}", "/metadata/app/other"),
        ("{{item.metadata['a/b c']}}", "/metadata/a~1b c"),
        ("{{item.output}}" * 9, ""),
    ],
)
def test_the_place_of_a_missing_text_is_told(source: str, pointer: str) -> None:
    with pytest.raises(TemplateError) as caught:
        fill(source, msgspec.structs.replace(ITEM, output="x" * 1_000_000))
    assert caught.value.pointer == pointer


def test_a_missing_text_may_be_asked_for() -> None:
    assert fill("{% if item.reference %}yes{% else %}no{% endif %}", ITEM) == "no"


def test_a_template_without_end_is_stopped() -> None:
    with pytest.raises(TemplateError, match="too many steps"):
        fill("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", ITEM)


@pytest.mark.parametrize(
    "source",
    [
        "{% for each in item.output %}{{item.output}}{% endfor %}",
        "{% for each in item.output %}" + "x" * 90_000 + "{% endfor %}",
        "{{item.output}}" * 900,
        "{{item.output|join(item.output)}}",
        "{{" + "~".join(["item.output"] * 150) + "}}",
    ],
)
def test_a_prompt_that_would_be_very_long_is_not_made(source: str) -> None:
    assert template_problem(source) is None
    with pytest.raises(TemplateError, match="the filled prompt is longer than 6 MB"):
        fill(source, Item(output="x" * 100_000))


def test_a_long_text_still_fits() -> None:
    assert len(fill("{{item.output}}", Item(output="x" * 6_000_000))) == 6_000_000


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
