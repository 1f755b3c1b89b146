"""How the values of a column are spread, in as many bins as a person can see."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skysieve_widgets.builder.judge import Flags, Values

_BINS = 60
_TAIL = 0.005
"""Share of the values beyond either end that may be left out of the range: real fluxes have rare, huge values."""
_LOG, _MIDDLE = 100.0, 0.1
"""Ranges of positive values are drawn in logarithms from this ratio of their ends, if the median is below this share of
the upper end: fluxes are, scores from 0 to 1 are not."""
_LARGEST = 1e300
"""Beyond this, ranges could not be reckoned with; a histogram shows nothing larger."""
_LISTED = 8
"""Texts that are named, the most frequent first."""


@dataclass(frozen=True)
class Histogram:
    """The bins of a column.

    Attributes
    ----------
    low, high
        Ends of the range.
    is_log
        Whether the bins are equal in the logarithm.
    is_whole
        Whether the values are integers.
    bins
        For each alert its bin, from 1; 0 below the range and NULL, ``count + 1`` above.
    count
        Number of bins.
    labels
        Of texts and flags, what each bin stands for.
    null
        Which values are NULL.
    """

    low: float
    high: float
    is_log: bool
    is_whole: bool
    bins: NDArray[np.int64]
    count: int
    null: Flags
    labels: tuple[str, ...] = ()

    def counts(self, among: Flags | None = None) -> list[int]:
        """Alerts in each bin, the first and the last of which are those beyond the ends; of all, or among some."""
        known = ~self.null if among is None else among & ~self.null
        return [int(n) for n in np.bincount(self.bins[known], minlength=self.count + 2)]

    def shown(self) -> dict[str, Any]:
        """What the browser is told of it."""
        return {
            "low": self.low,
            "high": self.high,
            "log": self.is_log,
            "whole": self.is_whole,
            "labels": list(self.labels),
            "counts": self.counts(),
            "null": int(self.null.sum()),
        }


def histogram(values: Values) -> Histogram:
    """Choose bins for a column: the middle 99 % of its values, in logarithms where most are far below the rest.

    Examples
    --------
    >>> found = histogram(Values(np.arange(5), np.zeros(5, dtype=bool)))
    >>> found.low, found.high, found.counts()
    (-0.5, 4.5, [0, 1, 1, 1, 1, 1, 0])
    """
    if values.data.dtype.kind == "b":
        places = values.data.astype(np.int64) + 1
        return Histogram(0.5, 2.5, False, True, places, 2, values.null, ("false", "true"))
    if values.texts is not None:
        return _of_texts(values, values.texts)
    data = np.clip(values.data.astype(np.float64), -_LARGEST, _LARGEST)
    usable = data[~values.null & np.isfinite(data)]
    is_whole = values.data.dtype.kind == "i"
    if not usable.size:
        none = np.zeros(len(data), dtype=np.int64)
        return Histogram(0.0, 1.0, False, is_whole, none, _BINS, values.null)
    low, high = (float(end) for end in np.quantile(usable, [_TAIL, 1 - _TAIL], method="nearest"))
    whole = int(high - low) + 1
    if is_whole and whole <= _BINS:
        return _binned(data, Histogram(low - 0.5, high + 0.5, False, True, _NONE, whole, values.null))
    is_log = low > 0 and high > _LOG * low and float(np.median(usable)) < _MIDDLE * high
    if low == high:
        pad = abs(low) / 100 or 1.0
        low, high = low - pad, high + pad
    return _binned(data, Histogram(low, high, is_log, is_whole, _NONE, _BINS, values.null))


_NONE = np.zeros(0, dtype=np.int64)


def _binned(data: NDArray[np.float64], empty: Histogram) -> Histogram:
    low, high = empty.low, empty.high
    if empty.is_log:
        with np.errstate(divide="ignore", invalid="ignore"):
            data = np.log(data)
        data = np.nan_to_num(data, nan=-math.inf, neginf=-math.inf, posinf=math.inf)
        low, high = math.log(low), math.log(high)
    place = np.floor((data - low) / (high - low) * empty.count)
    place = np.where(data == high, empty.count - 1, place)
    place = np.nan_to_num(place, nan=-1.0, posinf=empty.count, neginf=-1.0)
    return replace(empty, bins=np.clip(place, -1, empty.count).astype(np.int64) + 1)


def _of_texts(values: Values, texts: tuple[str, ...]) -> Histogram:
    counts = np.bincount(values.data[~values.null].astype(np.int64), minlength=len(texts))
    order = np.argsort(-counts, kind="stable")[:_LISTED]
    places = np.full(len(texts) + 1, len(order) + 1, dtype=np.int64)
    places[order] = np.arange(len(order)) + 1
    data = np.where(values.null, len(texts), values.data.astype(np.int64))
    labels = tuple(texts[i] for i in order)
    return Histogram(0.5, len(order) + 0.5, False, True, places[data], len(order), values.null, labels)
