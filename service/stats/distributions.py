"""Tail probabilities of Student's t and of chi-squared, in pure Python."""

import math
from functools import cache
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-16
_MOST_TERMS = 100_000


def student_t_sf(t: float, freedom: float) -> float:
    """Returns P(T > t) of Student's t: I_x(freedom / 2, 1 / 2) / 2 with x = freedom / (freedom + t^2) for t >= 0."""
    whole = freedom + t * t
    tail = regularised_beta(freedom / 2, 0.5, freedom / whole, t * t / whole) / 2
    return tail if t >= 0 else 1 - tail


def student_t_quantile(probability: float, freedom: float) -> float:
    """Returns the quantile of Student's t for a probability above 1/2 and two or more degrees of freedom.

    Exact to .0005 relative for probabilities up to .999 (Hill 1970, Algorithm 396: Student's t-Quantiles).
    """
    tails, n = 2 * (1 - probability), min(freedom, 1e9)
    if n <= 2:
        return math.sqrt(2 / (tails * (2 - tails)) - 2)
    a = 1 / (n - 0.5)
    b = 48 / a**2
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * n
    y = (d * tails) ** (2 / n)
    if y <= 0.05 + a:
        e = 1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)
        return math.sqrt(n * ((e * y - 1) * (n + 1) / (n + 2) + 1 / y))
    x = NormalDist().inv_cdf(tails / 2)
    if n < 5:
        c += 0.3 * (n - 4.5) * (x + 0.6)
    c += (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b
    y = (((((0.4 * x**2 + 6.3) * x**2 + 36) * x**2 + 94.5) / c - x**2 - 3) / b + 1) * x
    return math.sqrt(n * math.expm1(a * y * y))


def regularised_beta(a: float, b: float, x: float, rest: float | None = None) -> float:
    """Returns I_x(a, b) for a, b > 0 and x in 0..1, by Lentz's continued fraction (DLMF 8.17.22).

    `rest` is 1 - x, passed if it is known more exactly than the subtraction. Needs about sqrt(max(a, b)) steps.
    """
    rest = 1 - x if rest is None else rest
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - regularised_beta(b, a, rest, x)
    log_x, log_rest = (math.log1p(-rest), math.log(rest)) if x > rest else (math.log(x), math.log1p(-x))
    front = math.exp(a * log_x + b * log_rest - _log_beta(a, b)) / a
    return front * _beta_fraction(a, b, x)


@cache
def chi2_quantile(probability: float, freedom: int) -> float:
    """Returns the quantile of a chi-squared variable with a whole number of degrees of freedom, by bisection."""
    low, high = 0.0, 1.0
    while chi2_sf(high, freedom) > 1 - probability:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if chi2_sf(middle, freedom) > 1 - probability else (low, middle)
    return high


def chi2_sf(x: float, freedom: int) -> float:
    """Returns P(X > x), a finite sum for whole degrees of freedom (Abramowitz and Stegun 26.4.4 and 26.4.5)."""
    half = x / 2
    if half <= 0:
        return 1.0
    start = (freedom % 2) / 2
    terms = (start + index for index in range(freedom // 2))
    tail = math.fsum(math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in terms)
    return tail + (math.erfc(math.sqrt(half)) if freedom % 2 else 0.0)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Returns 1 / (1 + d1 / (1 + d2 / (1 + ...))) by the modified method of Lentz."""
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            result *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return result


def _away_from_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def _log_beta(a: float, b: float) -> float:
    """Returns ln B(a, b), without the cancellation of large log-gammas if one argument is much larger."""
    small, large = min(a, b), max(a, b)
    if large < 10:
        return math.lgamma(small) + math.lgamma(large) - math.lgamma(small + large)
    growth = (
        (large - 0.5) * math.log1p(small / large)
        + small * math.log(small + large)
        - small
        + _stirling_rest(small + large)
        - _stirling_rest(large)
    )
    return math.lgamma(small) - growth


def _stirling_rest(x: float) -> float:
    """Returns lgamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2) for x >= 10, to 1e-15 (DLMF 5.11.1)."""
    y = 1 / (x * x)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y * (1 / 1188 - y * 691 / 360360))))) / x
