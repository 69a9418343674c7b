"""How many more labels a target interval width needs."""

import math


def more_labels(labels: int, half_width: float, target: float) -> int:
    """Returns about how many items to label beyond the first `labels` for an interval of +- `target`.

    `half_width` is that of the present interval. A width falls with the root of the number of labels, so n (half_width
    / target)^2 are needed in total; somewhat more if there are fewer unlabelled items than a few times the labels.
    Raises ValueError unless both widths are positive.
    """
    if min(half_width, target) <= 0:
        raise ValueError(f"widths must be positive, not {half_width:g} and {target:g}")
    return max(math.ceil(labels * ((half_width / target) ** 2 - 1)), 0)
