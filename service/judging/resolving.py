"""Turns what a request names into pinned judges with the models that they will ask."""

from collections.abc import Callable, Sequence

from service.contracts.judges import Judge, JudgeRef, ResolvedJudge, judge_digest
from service.judges import BUILT_IN_VERSION, built_in, ref_of
from service.judging.methods import judge_problems

Wrong = tuple[str, str]  # pointer, what is wrong


def resolve(
    named: str | Judge | Sequence[str | Judge],
    models: Sequence[str] | None,
    default_models: Sequence[str],
    is_configured: Callable[[str], bool],
) -> tuple[list[ResolvedJudge], list[Wrong]]:
    """The judges of a request, or what is wrong with them, by pointers into the request."""
    if isinstance(named, str | Judge):
        places = {"/judge": named}
    else:
        places = {f"/judge/{index}": each for index, each in enumerate(named)}
    judges: list[ResolvedJudge] = []
    wrong: list[Wrong] = []
    for index, model in enumerate(models or ()):
        if not is_configured(model):
            wrong.append((f"/models/{index}", _unconfigured(model)))
        elif model in (models or ())[:index]:
            wrong.append((f"/models/{index}", "is there twice"))
    for at, each in places.items():
        found = _definition(each, at, wrong)
        if found is not None:
            ref, judge = found
            asked = list(models or judge.models or default_models)
            wrong += _model_problems(judge, asked, own=not models, at=at, is_configured=is_configured)
            judges.append(ResolvedJudge(ref=ref, definition=judge, models=asked))
    return judges, wrong + _repeated(judges, list(places))


def _definition(named: str | Judge, at: str, wrong: list[Wrong]) -> tuple[JudgeRef, Judge] | None:
    if isinstance(named, Judge):
        wrong += [(at + pointer, detail) for pointer, detail in judge_problems(named)]
        return JudgeRef(name=None, version=None, digest=judge_digest(named)), named
    name, pinned, version = named.partition("@")
    judge = built_in().get(name)
    if judge is None:
        wrong.append((at, f"there is no judge {name}"))
        return None
    if pinned and version != str(BUILT_IN_VERSION):
        wrong.append((at, f"there is no version {version} of {name}"))
        return None
    return ref_of(name, judge), judge


def _model_problems(
    judge: Judge, asked: list[str], *, own: bool, at: str, is_configured: Callable[[str], bool]
) -> list[Wrong]:
    if not asked:
        return [(at, "no model to ask: name models in the job, in the judge or in [defaults]")]
    if not own:
        return []
    return [
        (f"{at}/models/{index}" if judge.models else at, _unconfigured(model))
        for index, model in enumerate(asked)
        if not is_configured(model)
    ]


def _unconfigured(model: str) -> str:
    return f"no provider is configured for {model}"


def _repeated(judges: list[ResolvedJudge], places: list[str]) -> list[Wrong]:
    digests = [judge.ref.digest for judge in judges]
    if len(digests) != len(places):
        return []  # some were not found: their places are named already
    return [
        (at, "is the same judge as an earlier one")
        for index, at in enumerate(places)
        if digests[index] in digests[:index]
    ]
