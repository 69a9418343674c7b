"""No template ends the process or takes long, and usual ones are not limited."""

import json
import subprocess
import sys
import time

import pytest

from service.contracts.items import Item
from service.judging.template_limits import limits_problem
from service.judging.templates import TemplateError, fill, template_problem

N = 50_000
HOSTILE = {
    "minus": "{{ " + "-" * 19_000 + "item.output }}",
    "minus that closes in a text": "{{ '}}' ~ " + "-" * 19_000 + "1 }}",
    "minus in brackets": "{{ {'a': {'b': " + "-" * 19_000 + "1}} }}",
    "minus after a comment": "{# {{ #}{{ " + "-" * 19_000 + "1 }}",
    "minus between raw blocks": "{% raw %}{#{% endraw %}{{ " + "-" * 19_000 + "1 }}{% raw %}#}{% endraw %}",
    "not": "{{ " + "not " * N + "1 }}",
    "plus": "{{ 1" + "+1" * N + " }}",
    "tilde": "{{ 1" + "~1" * N + " }}",
    "and": "{{ 1" + " and 1" * N + " }}",
    "power": "{{ 1" + "**1" * N + " }}",
    "filters": "{{ item.output" + "|upper" * N + " }}",
    "elif": "{% if item.output %}" + "{% elif item.output %}" * N + "{% endif %}",
    "tags": "{{ item.output }}" * N,
    "if": "{% if item.output %}" * N + "x" + "{% endif %}" * N,
    "brackets": "{{ " + "[" * N + "]" * N + " }}",
    "doubled lists": "{% set x = [1, 1] %}" + "{% set x = x + x %}" * 40 + "{{ item.output }}{{ x|length }}",
    "doubled texts": "{% set x = item.output %}" + "{% set x = x ~ x %}" * 40 + "{{ x|length }}",
    "lists of lists": "{% set x=[1] %}" + "{% set x=[x,x] %}" * 40 + "{{ x }}{{ item.output }}",
    "scopes": "{% with x=[1] %}" + "{% with x=[x,x] %}" * 40 + "{{ x }}{{ item.output }}" + "{% endwith %}" * 41,
    "products": "{{ ['a' * 90000] * 90000 | join }}{{ item.output }}",
    "chains": "{{ item.outputs|chain(item.outputs)|length }}{{ item.output }}",
    "hidden in comments": '{# {{ " #}{% set x = item.output %}{# " }} #}{{ x }}',
    "hidden between raw blocks": '{% raw %}{{ " {% endraw %}{% set x = 1 %}{% raw %} " }}{% endraw %}{{ item.output }}',
    "no end": "{{ item.output " + "-" * N,
    "open text": "{{ item.output ~ '" + "-" * N,
}
USUAL = [
    "Rate {{ item.output }} from {{ scale }}.",
    "{% for each in item.outputs %}{{ loop.index + 1 }}. {{ each }}\n{% endfor %}",
    "{% if item.context %}Context: {{ item.context }}{% elif item.reference %}{{ item.reference }}{% endif %}"
    "{{ item.output }}",
    "A dash - or a + in text, " + "-" * 5_000 + "+" * 100 + " {{ item.output }}",
    '{{ item.output|replace("}}", "+*+") }}',
    "{# a * b {% set x = 1 %} #}{%- raw -%}{{ x * y }}{%- endraw -%} {{ item.output|trim }}",
]


# In a process of their own, which one of them might end: each in a new thread, whose stack is small.
SCRIPT = """
import json, sys, threading, time
from service.judging.templates import template_problem, fill, TemplateError
from service.contracts.items import Item
def run(name, source):
    began = time.process_time()
    said = [template_problem(source)]
    try: fill(source, Item(output='x', outputs=['x']))
    except TemplateError as error: said.append(str(error))
    print(json.dumps([name, said, time.process_time() - began]), flush=True)
for each in json.load(sys.stdin).items():
    thread = threading.Thread(target=run, args=each)
    thread.start(); thread.join()
"""


def test_hostile_templates_are_refused_at_once() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, input=json.dumps(HOSTILE), capture_output=True, text=True)
    answers = {name: (said, took) for name, said, took in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, (sorted(HOSTILE.keys() - answers.keys()), done.stderr[-500:])
    assert answers.keys() == HOSTILE.keys()
    assert [name for name, (said, _) in answers.items() if said[-1] is None] == []
    assert [name for name, (_, took) in answers.items() if took > 5] == []


def test_the_limits_take_no_time() -> None:
    for source in HOSTILE.values():
        began = time.process_time()
        limits_problem(source)
        assert time.process_time() - began < 0.2


@pytest.mark.parametrize("source", USUAL)
def test_a_usual_template_is_not_limited(source: str) -> None:
    assert template_problem(source) is None
    assert fill(source, Item(output="fine", outputs=["a", "b"]), scale="1 to 5")


def test_a_judge_from_before_the_limits_is_not_filled() -> None:
    with pytest.raises(TemplateError, match="a tag is longer than 2000 characters"):
        fill(HOSTILE["minus"], Item(output="x"))
