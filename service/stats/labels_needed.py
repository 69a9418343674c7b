"""How many more labels a target interval width needs."""

import math

_NOISE = 1e-12  # of floating point


def more_labels(labels: int, half_width: float, target: float, unlabelled: int | None = None) -> int:
    """Returns about how many items to label beyond the first `labels` for an interval of +- `target`.

    `half_width` is that of the present interval, and `unlabelled` the number of items left, None for any number. The
    square of a width falls with 1 / n - 1 / M, for n labels among M items, so that no more than `unlabelled` are
    needed. Raises ValueError unless both widths are positive.
    """
    if min(half_width, target) <= 0:
        raise ValueError(f"widths must be positive, not {half_width:g} and {target:g}")
    least = 0.0 if unlabelled is None else 1 / (labels + unlabelled)
    needed = 1 / (least + (1 / labels - least) * (target / half_width) ** 2)
    more = max(math.ceil(needed - labels - _NOISE * needed), 0)
    return more if unlabelled is None else min(more, unlabelled)
