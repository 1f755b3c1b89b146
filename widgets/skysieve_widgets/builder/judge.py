"""What cuts do to a sample: the verdicts that Spark would give, worked out in NumPy.

A comparison with NULL is NULL, and NULL does not pass. NaN is NULL, as in everything that Skysieve decodes. A FLOAT is
compared as a DOUBLE, and an integer exactly, also with a number that is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skysieve_widgets.builder.cut import CutRow, Value

Flags = NDArray[np.bool_]

_INT64 = np.iinfo(np.int64)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "=": np.equal,
    "!=": np.not_equal,
}


@dataclass(frozen=True)
class Verdict:
    """What a cut says of each alert.

    Attributes
    ----------
    yes
        Whether it passes.
    null
        Whether the cut is NULL for it, so that it does not.
    """

    yes: Flags
    null: Flags


@dataclass(frozen=True)
class Values:
    """The values of a column: numbers, flags, or places in ``texts``; what is NULL has any."""

    data: NDArray[Any]
    null: Flags
    texts: tuple[str, ...] | None = None

    @classmethod
    def of(cls, series: pd.Series[Any]) -> Values:
        """Those of a column of a table, of whatever dtype."""
        null = series.isna().to_numpy(dtype=bool)
        if pd.api.types.is_bool_dtype(series):
            return cls(series.fillna(value=False).to_numpy(dtype=bool), null)
        if pd.api.types.is_integer_dtype(series):
            return cls(series.fillna(0).to_numpy(dtype=np.int64), null)
        if pd.api.types.is_float_dtype(series):
            data = series.to_numpy(dtype=np.float64, na_value=np.nan)
            return cls(data, null | np.isnan(data))
        known = series[~null]
        if len(known) and all(isinstance(one, bool | np.bool_) for one in known):
            return cls(series.where(~null, False).to_numpy(dtype=bool), null)
        codes, texts = pd.factorize(series)
        return cls(np.asarray(codes), null, tuple(map(str, texts)))


class Sample:
    """A sample of alerts, and what cuts say of it.

    Parameters
    ----------
    table
        One row per alert: columns by their names, and by its text what a condition in SQL says (NULL included).

    Examples
    --------
    >>> sample = Sample(pd.DataFrame({"snr": [10.0, 30.0, None]}))
    >>> sample.verdict(CutRow("snr", ">", (20,))).yes.tolist()
    [False, True, False]
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self._values: dict[str, Values] = {}

    def __len__(self) -> int:
        return len(self.table)

    def has(self, name: str) -> bool:
        """Whether it knows a column, or what a condition says."""
        return name in self.table

    def values(self, name: str) -> Values:
        """The values of a column."""
        if name not in self._values:
            self._values[name] = Values.of(self.table[name])
        return self._values[name]

    def verdict(self, row: CutRow) -> Verdict | None:
        """What a cut says of each alert; None where the sample does not know."""
        if not self.has(row.column or row.text):
            return None
        values = self.values(row.column or row.text)
        never = np.zeros(len(self), dtype=bool)
        if not row.column:
            return Verdict(values.data.astype(bool) & ~values.null, values.null)
        if row.op == "is null":
            return Verdict(values.null, never)
        if row.op == "is not null":
            return Verdict(~values.null, never)
        if row.op in ("is true", "is false"):
            return Verdict((values.data.astype(bool) == (row.op == "is true")) & ~values.null, never)
        return Verdict(_says(values, row.op, row.values) & ~values.null, values.null)


def _says(values: Values, op: str, given: Sequence[Value]) -> Flags:
    if op == "between":
        return _compared(values, ">=", given[0]) & _compared(values, "<=", given[1])
    if op == "in":
        found: Flags = np.logical_or.reduce([_compared(values, "=", one) for one in given])
        return found
    return _compared(values, op, given[0])


def _compared(values: Values, op: str, value: Value) -> Flags:
    data = values.data
    if isinstance(value, str):
        texts = values.texts or ()
        place = texts.index(value) if value in texts else -2
        return np.asarray(_COMPARE[op](data, place))
    if data.dtype.kind != "i":
        return np.asarray(_COMPARE[op](data.astype(np.float64), float(value)))
    if value != math.floor(value):
        # no integer equals it, and those above it are those above the integer below
        if op in ("=", "!="):
            return np.full(len(data), op == "!=")
        value = math.floor(value) if op in (">", "<=") else math.ceil(value)
    value = int(value)
    if not _INT64.min <= value <= _INT64.max:
        is_true = {"=": False, "!=": True}.get(op, op.startswith("<") == (value > 0))
        return np.full(len(data), is_true)
    return np.asarray(_COMPARE[op](data, np.int64(value)))


@dataclass(frozen=True)
class Effect:
    """What one cut does beside the others: see the waterfall of a preview. None where the sample cannot tell.

    Attributes
    ----------
    alone, left, only_this, null
        Alerts that pass it alone; that are left after it and all above it; that it alone removes; for which it is NULL.
    others
        Which alerts pass all the others.
    """

    alone: int | None
    left: int | None
    only_this: int | None
    null: int | None
    others: Flags


@dataclass(frozen=True)
class Waterfall:
    """What cuts do to a sample.

    Attributes
    ----------
    read, passed
        Alerts in the sample, and those that meet every cut that the sample can judge.
    effects
        One per cut.
    """

    read: int
    passed: int
    effects: tuple[Effect, ...]

    @property
    def pass_rate(self) -> float:
        """Share of the alerts that pass; NaN where there are none."""
        return self.passed / self.read if self.read else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval (Wilson's)."""
        return wilson(self.passed, self.read)


def waterfall(verdicts: Iterable[Verdict | None], read: int) -> Waterfall:
    """What cuts do, one after another, each alone, and each beside the others.

    Parameters
    ----------
    verdicts
        What each says of every alert; None where that is not known: it then removes none.
    read
        Number of alerts.

    Examples
    --------
    >>> sample = Sample(pd.DataFrame({"snr": [10.0, 30.0, 40.0], "rb": [0.9, 0.2, 0.8]}))
    >>> rows = [CutRow("snr", ">", (20,)), CutRow("rb", ">", (0.5,))]
    >>> found = waterfall([sample.verdict(row) for row in rows], len(sample))
    >>> found.passed, [effect.left for effect in found.effects], [effect.only_this for effect in found.effects]
    (1, [2, 1], [1, 1])
    """
    known = list(verdicts)
    fails = np.zeros(read, dtype=np.int64)
    for verdict in known:
        if verdict is not None:
            fails += ~verdict.yes
    left, effects = np.ones(read, dtype=bool), []
    for verdict in known:
        if verdict is None:
            effects.append(Effect(None, None, None, None, fails == 0))
            continue
        left &= verdict.yes
        others = fails == ~verdict.yes
        only_this = int((others & ~verdict.yes).sum())
        counts = (int(verdict.yes.sum()), int(left.sum()), only_this, int(verdict.null.sum()))
        effects.append(Effect(*counts, others))
    return Waterfall(read, int((fails == 0).sum()), tuple(effects))


def wilson(passed: int, read: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion (JASA 22, 209, 1927).

    Examples
    --------
    >>> [round(end, 3) for end in wilson(10, 100)]
    [0.055, 0.174]
    """
    if not read:
        return (math.nan, math.nan)
    z, share = NormalDist().inv_cdf(0.975), passed / read
    middle, half = (
        share + z * z / (2 * read),
        z * math.sqrt((share * (1 - share) + z * z / (4 * read)) / read),
    )
    scale = 1 + z * z / read
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
