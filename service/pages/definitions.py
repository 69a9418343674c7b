"""A judge's definition as the fields of a form, and back, without a loss."""

from typing import Any

import msgspec

from service.contracts.judges import Judge, Scale
from service.contracts.refusals import Fault
from service.pages.forms import PageForm

AT = "/judge"  # the pointer to the definition in a job's request

_TEXTS = ("criterion", "instructions", "system", "template", "answer_key")
_WORDS = {  # fields that are chosen from a list, by their name in the form; an item has an `output` too
    **{name: name for name in ("method", "panel", "orders", "score_from")},
    "output_form": "output",
}
_NUMBERS = ("samples", "reasks")
_JSON = ("choices", "parameters", "examples", "pass_if")
_ENDS = ("min", "max", "step")
_INDENT = "  "  # of a further line of a descriptor
_DEFAULTS = msgspec.to_builtins(Judge(criterion="x", method="rating", instructions="x"))  # type: ignore[arg-type]

DEFINITION_PLACES = (
    *(f"{AT}/{name}" for name in (*_TEXTS, *_WORDS.values(), *_NUMBERS, *_JSON, "models", "scale")),
    *(f"{AT}/scale/{name}" for name in (*_ENDS, "descriptors")),
)


def fields_of(judge: Judge) -> dict[str, str]:
    """Returns the fields of the form of a definition by name; those with the default value are empty."""
    content: dict[str, Any] = msgspec.to_builtins(judge)
    fields: dict[str, str] = {name: content[name] or "" for name in _TEXTS}
    fields |= {name: str(content[field]) for name, field in _WORDS.items()}
    fields |= {name: str(content[name]) for name in _NUMBERS}
    fields |= {name: "" if content[name] == _DEFAULTS[name] else _shown_json(content[name]) for name in _JSON}
    fields["models"] = "\n".join(judge.models)
    if judge.scale is not None:
        fields |= _scale_fields(judge.scale)
    return fields


def definition_in(form: PageForm) -> tuple[dict[str, Any], list[Fault]]:
    """Returns the definition in a form as JSON has it, and the faults of the fields that can't be read."""
    faults: list[Fault] = []
    content: dict[str, Any] = {"criterion": form.text("criterion"), "instructions": form.text("instructions")}
    content |= {name: form.text(name) for name in ("system", "template") if form.text(name)}
    content |= {field: form.given(name) for name, field in _WORDS.items() if form.given(name)}
    content |= {"answer_key": form.text("answer_key")} if form.given("answer_key") else {}
    numbers, wrong = _numbers_in(form, {name: f"{AT}/{name}" for name in _NUMBERS})
    content |= numbers
    faults += wrong
    content["models"] = form.listed("models")
    for name in _JSON:
        if form.given(name):
            try:
                content[name] = msgspec.json.decode(form.text(name))
            except (msgspec.DecodeError, RecursionError) as error:
                faults.append(Fault(f"{AT}/{name}", f"not JSON: {error}"))
    scale, wrong = _scale_in(form)
    if scale:
        content["scale"] = scale
    return content, faults + wrong


def _scale_fields(scale: Scale) -> dict[str, str]:
    ends = {f"scale_{name}": _shown_number(getattr(scale, name)) for name in _ENDS}
    lines = [f"{level}: {text}".replace("\n", f"\n{_INDENT}") for level, text in scale.descriptors.items()]
    return {**ends, "descriptors": "\n".join(lines)}


def _scale_in(form: PageForm) -> tuple[dict[str, Any], list[Fault]]:
    """The scale of a form, empty if none of its fields is filled in. Without a step, any number between is a value."""
    if not any(form.given(name) for name in (*(f"scale_{end}" for end in _ENDS), "descriptors")):
        return {}, []
    numbers, faults = _numbers_in(form, {f"scale_{name}": f"{AT}/scale/{name}" for name in _ENDS})
    scale: dict[str, Any] = {"step": None, **{name.removeprefix("scale_"): each for name, each in numbers.items()}}
    descriptors: dict[str, list[str]] = {}  # lines by level, joined once: to join them one by one would be squared
    level = None
    for number, line in enumerate(form.text("descriptors").split("\n"), 1):
        if level is not None and line.startswith(_INDENT):
            descriptors[level].append(line.removeprefix(_INDENT))
        elif begun := _begun(line):
            level, text = begun
            descriptors[level] = [text]
        elif line.strip():
            problem = (
                f"line {number} has no level: write one such as `1: Rude.`, and begin further lines with two spaces"
            )
            return scale, [*faults, Fault(f"{AT}/scale/descriptors", problem)]
    return {**scale, "descriptors": {level: "\n".join(lines) for level, lines in descriptors.items()}}, faults


def _begun(line: str) -> tuple[str, str] | None:
    """The level and the words of a line such as `1: Rude.`, None if it begins no level."""
    level, colon, text = line.partition(":")
    if not colon or not level or level[0].isspace():
        return None
    return level.rstrip(), text.removeprefix(" ")


def _numbers_in(form: PageForm, places: dict[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """The numbers in some fields, by the field, and the faults of those that are none."""
    numbers: dict[str, Any] = {}
    faults = []
    for name, place in places.items():
        text = form.text(name).strip()
        if text and (value := _number(text)) is not None:
            numbers[name] = value
        elif text:
            faults.append(Fault(place, f"{text[:100]!r} is not a number"))
    return numbers, faults


def _number(text: str) -> float | int | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown_number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(value)


def _shown_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
