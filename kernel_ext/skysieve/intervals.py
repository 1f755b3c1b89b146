"""Proportions: their intervals, and how they are written."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(passed: int, judged: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a binomial proportion.

    Examples
    --------
    >>> [round(x, 3) for x in wilson(10, 100)]
    [0.055, 0.174]
    """
    if not judged:
        return (math.nan, math.nan)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = passed / judged
    middle = share + z * z / (2 * judged)
    half = z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    scale = 1 + z * z / judged
    return (max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def percent(share: float) -> str:
    """A proportion as a person writes it, of two digits.

    Examples
    --------
    >>> percent(1.0), percent(0.0345)
    ('100 %', '3.5 %')
    """
    return f"{float(f'{100 * share:.2g}'):g} %"
