"""Turns what a request names into pinned judges with the models that they will ask."""

from collections.abc import Callable, Mapping, Sequence

from service.contracts.judges import Judge, JudgeRef, ResolvedJudge, StoredJudge, judge_digest
from service.judging.methods import PlacedProblem, judge_problems

Named = str | Judge
Found = Mapping[str, tuple[JudgeRef, Judge] | None]  # by the name as the request has it; None where there is none


def names_in(named: Named | Sequence[Named]) -> list[str]:
    """The names in a request's `judge`, to be looked up."""
    return [each for each in _places(named).values() if isinstance(each, str)]


def resolve(
    named: Named | Sequence[Named],
    found: Found,
    models: Sequence[str] | None,
    default_models: Sequence[str],
    is_configured: Callable[[str], bool],
) -> tuple[list[ResolvedJudge], list[PlacedProblem]]:
    """The judges of a request, or what is wrong with them, by pointers into the request."""
    judges: list[ResolvedJudge] = []
    wrong = model_problems(models or (), "/models", is_configured)
    wrong += [
        (f"/models/{index}", "is there twice")
        for index, model in enumerate(models or ())
        if model in (models or ())[:index]
    ]
    for at, each in _places(named).items():
        pinned = _pinned(each, at, found, wrong)
        if pinned is None:
            continue
        ref, judge = pinned
        asked = list(models or judge.models or default_models)
        if not models:
            wrong += [
                (at + pointer, problem) for pointer, problem in unable_to_ask(judge, default_models, is_configured)
            ]
        if ref.digest in [earlier.ref.digest for earlier in judges]:
            wrong.append((at, "is the same judge as an earlier one"))
        judges.append(ResolvedJudge(ref=ref, definition=judge, models=asked))
    return judges, wrong


def unable_to_ask(
    judge: Judge, default_models: Sequence[str], is_configured: Callable[[str], bool]
) -> list[PlacedProblem]:
    """Why a judge by itself has nobody to ask, by pointers into its definition."""
    if judge.models:
        return model_problems(judge.models, "/models", is_configured)
    if not default_models:
        return [("/models", "no model to ask: name models in the judge, in the job or in [defaults]")]
    return []


def model_problems(models: Sequence[str], at: str, is_configured: Callable[[str], bool]) -> list[PlacedProblem]:
    """The models whose provider is not configured."""
    return [
        (f"{at}/{index}", f"no provider is configured for {model}")
        for index, model in enumerate(models)
        if not is_configured(model)
    ]


def ref_of(judge: StoredJudge) -> JudgeRef:
    """The pinned reference of a stored version."""
    return JudgeRef(name=judge.name, version=judge.version, digest=judge.digest)


def _places(named: Named | Sequence[Named]) -> dict[str, Named]:
    """Each judge that is named, by its pointer."""
    if isinstance(named, str | Judge):
        return {"/judge": named}
    return {f"/judge/{index}": each for index, each in enumerate(named)}


def _pinned(named: Named, at: str, found: Found, wrong: list[PlacedProblem]) -> tuple[JudgeRef, Judge] | None:
    if isinstance(named, Judge):
        wrong += [(at + pointer, detail) for pointer, detail in judge_problems(named)]
        return JudgeRef(name=None, version=None, digest=judge_digest(named)), named
    stored = found.get(named)
    if stored is None:
        wrong.append((at, f"there is no judge {named}"))
    return stored
