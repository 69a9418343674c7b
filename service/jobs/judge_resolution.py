"""Resolves the judges of a request to pinned versions with the models to ask, and stores judges."""

from collections.abc import Sequence

import msgspec
from redis.asyncio import Redis

from service.agreement import admit_judge
from service.config.settings import Settings
from service.contracts.jobs import JobOrder
from service.contracts.judges import (
    MOST_JUDGE_BYTES,
    Judge,
    JudgeRef,
    ParameterOverrides,
    Parameters,
    ResolvedJudge,
    StoredJudge,
    judge_digest,
)
from service.contracts.names import did_you_mean
from service.contracts.refusals import Fault, Kind, Refused, impossible
from service.judging.methods import judge_problems, parameter_problems, repeated_models
from service.store import judges
from service.threads import aside


async def resolve_judges(redis: Redis, settings: Settings, order: JobOrder) -> list[ResolvedJudge]:
    """Returns the judges of an order, pinned to their versions, with the models to ask.

    Models are those of the order, else those of the judge, else those of `[defaults]`. Raises Refused (impossible) that
    names each judge and each model that can't be used, retired judges among them.
    """
    parameters = order.parameters or ParameterOverrides()
    faults = [
        *(Fault(*each) for each in parameter_problems(parameters.applied_to(Parameters()))),
        *_model_faults(settings, order.models or (), "/models"),
        *(Fault(*each) for each in repeated_models(order.models or ())),
    ]
    resolved: list[ResolvedJudge] = []
    for at, named in _places(order):
        found = await _pinned(redis, named, at)
        if isinstance(found, Fault):
            faults.append(found)
            continue
        ref, judge = await aside(_overridden, *found, order) if order.changes_judges else found
        if isinstance(named, Judge):
            faults += [Fault(at + pointer, detail) for pointer, detail in await aside(judge_problems, judge)]
        if not order.models:
            faults += _without_models(settings, judge, at)
        if ref.digest in [earlier.ref.digest for earlier in resolved]:
            faults.append(Fault(at, "the same judge as an earlier one"))
        models = list(order.models or judge.models or settings.default_models)
        resolved.append(ResolvedJudge(ref=ref, definition=judge, models=models))
    if len(resolved) > 1 and await aside(_size, resolved) > MOST_JUDGE_BYTES:
        detail = f"the definitions of the judges of one request have at most {MOST_JUDGE_BYTES} bytes of JSON together"
        faults.append(Fault("/judge", detail))
    if faults:
        raise impossible(faults)
    return resolved


async def existing_judge(redis: Redis, reference: str) -> StoredJudge:
    """Returns the version that `name` or `name@version` refers to. Raises Refused (not-found) if there is none."""
    found = await judges.judge_by_reference(redis, reference)
    if found is None:
        raise Refused(Kind.NOT_FOUND, detail=await unknown_judge(redis, reference))
    return found


async def retire_judge(redis: Redis, name: str) -> None:
    """Makes a judge take no new jobs; its versions can still be read. Raises Refused (not-found) if there is none."""
    if not await judges.mark_retired(redis, name):
        raise Refused(Kind.NOT_FOUND, detail=await unknown_judge(redis, name))


async def store_judge(redis: Redis, settings: Settings, name: str, judge: Judge) -> tuple[StoredJudge, bool]:
    """Stores a definition. Returns its version, and whether it is new: equal content has one version.

    Raises Refused (impossible) that names each fault of the definition.
    """
    faults = [Fault(pointer, detail) for pointer, detail in await aside(judge_problems, judge)]
    faults += _without_models(settings, judge, "")
    if faults:
        raise impossible(faults)
    stored, is_new = await judges.put_judge(redis, name, judge)
    await admit_judge(redis, stored.ref, judge, keep_s=settings.store.keep_s)
    return stored, is_new


async def unknown_judge(redis: Redis, reference: str) -> str:
    """Returns a message about a reference to no judge, with the nearest known name."""
    name, at, _ = reference.partition("@")
    latest = await judges.find_judge(redis, name) if at else None
    if latest is not None:
        return f"there is no judge {reference!r}: the latest version of {name!r} is {latest.version}"
    return f"there is no judge {reference!r}{did_you_mean(name, await judges.judge_names(redis))}"


def _size(resolved: Sequence[ResolvedJudge]) -> int:
    """The bytes of the definitions, which everyone reads who looks at the job."""
    return sum(len(msgspec.json.encode(each.definition)) for each in resolved)


def _places(order: JobOrder) -> list[tuple[str, str | Judge]]:
    """Each judge of an order after its pointer."""
    if isinstance(order.judge, list):
        return [(f"/judge/{index}", each) for index, each in enumerate(order.judge)]
    return [("/judge", order.judge)]


async def _pinned(redis: Redis, named: str | Judge, at: str) -> tuple[JudgeRef, Judge] | Fault:
    if isinstance(named, Judge):
        return JudgeRef(name=None, version=None, digest=await aside(judge_digest, named)), named
    stored = await judges.judge_by_reference(redis, named)
    if stored is None:
        return Fault(at, await unknown_judge(redis, named))
    if stored.retired_at is not msgspec.UNSET:
        return Fault(at, f"the judge {stored.name!r} is retired: store it again to use it")
    return stored.ref, stored.definition


def _overridden(ref: JudgeRef, judge: Judge, order: JobOrder) -> tuple[JudgeRef, Judge]:
    """The judge as the order changes it; if it does, with the digest of the changed definition."""
    changed = order.applied_to(judge)
    if changed == judge:
        return ref, judge
    return msgspec.structs.replace(ref, digest=judge_digest(changed)), changed


def _without_models(settings: Settings, judge: Judge, at: str) -> list[Fault]:
    """The reasons why a judge has no models to ask if the order names none."""
    if judge.models:
        return _model_faults(settings, judge.models, f"{at}/models")
    if not settings.default_models:
        return [Fault(f"{at}/models", "no model to ask: name models in the judge, in the job or in [defaults]")]
    faults = filter(None, map(settings.model_fault, settings.default_models))
    return [Fault(f"{at}/models", f"of [defaults] models, as none is named: {fault}") for fault in faults]


def _model_faults(settings: Settings, models: Sequence[str], at: str) -> list[Fault]:
    """The models that can't be asked."""
    return [
        Fault(f"{at}/{index}", fault)
        for index, model in enumerate(models)
        if (fault := settings.model_fault(model)) is not None
    ]
