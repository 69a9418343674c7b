"""The levels of a scale, and the problems of one."""

from service.contracts.judges import Scale

MAX_LEVELS = 1001
_FINEST = 1e-6  # of steps
_NOISE = 1e-6  # of floating point, in steps
MAX_VALUE = 1e9  # a score is rounded to DECIMALS: far larger ones would lose them
DECIMALS = 9  # of a score: less is the noise of floating point


def level_count(scale: Scale) -> int | None:
    """Returns the number of levels; None if the scale has no steps."""
    if scale.step is None:
        return None
    return int((scale.max - scale.min) / scale.step + 1e-9) + 1


def levels(scale: Scale) -> list[float | int]:
    """Returns all levels in ascending order, whole numbers as integers. Raises ValueError if the scale has no steps."""
    count = level_count(scale)
    if count is None or scale.step is None:
        raise ValueError("a scale without steps has no levels")
    return [as_written(scale.min + index * scale.step) for index in range(count)]


def as_written(number: float) -> float | int:
    """Returns a number without the noise of floating point: 3 for 3.0, 0.3 for 0.1 * 3."""
    tidy = round(number, DECIMALS)
    return int(tidy) if tidy == int(tidy) else tidy


def problems(scale: Scale) -> list[tuple[str, str]]:
    """Returns the problems of a scale, by pointers into it; empty if it has none."""
    if not scale.min < scale.max:
        return [("/max", "must be greater than min")]
    if max(abs(scale.min), abs(scale.max)) > MAX_VALUE:
        return [("/max", f"min and max must be between -{MAX_VALUE:g} and {MAX_VALUE:g}")]
    if scale.step is None:
        return []
    if scale.step * MAX_LEVELS <= scale.max - scale.min:
        return [("/step", f"makes more than {MAX_LEVELS} levels; use null for any number")]
    steps = (scale.max - scale.min) / scale.step
    if round(steps) < 1 or abs(steps - round(steps)) > _NOISE or scale.step < _FINEST:
        return [("/step", "must divide the range from min to max into equal steps")]
    known = {f"{level:g}" for level in levels(scale)}
    return [
        (f"/descriptors/{key}", "not a level of the scale") for key in scale.descriptors if not _is_level(key, known)
    ]


def _is_level(key: str, known: set[str]) -> bool:
    try:
        return f"{float(key):g}" in known
    except ValueError:
        return False
