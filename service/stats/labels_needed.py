"""How many labels more an interval that is wished for needs."""

import math


def more_labels(labels: int, half_width: float, wished: float) -> int:
    """About how many items to label beyond the `labels` that gave an interval of +- `half_width`, for +- `wished`.

    An interval narrows with the root of its labels: n (half_width / wished)^2 in all. With fewer unlabelled items than
    a few times the labels it takes somewhat more. Raises ValueError unless both widths are above 0.
    """
    if min(half_width, wished) <= 0:
        raise ValueError(f"widths are above 0, not {half_width:g} and {wished:g}")
    return max(math.ceil(labels * ((half_width / wished) ** 2 - 1)), 0)
