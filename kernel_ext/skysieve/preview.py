"""A preview: a filter applied to a bounded slice of a stream, by the plan that a deployment runs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from skysieve.engine import plan
from skysieve.errors import StreamError
from skysieve.filter import BoundFilter, Filter
from skysieve.packets.decode import PROBLEM
from skysieve.sample import Samples
from skysieve.stream import Stream
from skysieve.topics import Offsets

if TYPE_CHECKING:
    from skysieve_widgets import AlertView

_ORDER = ("timestamp", "partition", "offset", "record")
_LOOKED = 4
"""Rejected packets, of those first and last read, that may teach a stream's format a schema."""


@dataclass(frozen=True)
class Preview:
    """What a filter does to a slice of a stream.

    Attributes
    ----------
    filter
        The filter.
    table
        One row per alert read: ``kafka.partition``, ``kafka.offset``, ``kafka.record`` (its number in the packet),
        ``kafka.timestamp``, ``kafka.problem`` (why it was rejected), the columns in use, and what each cut says
        (``cut0`` …; NULL included).
    start, stop
        The slice: first offset of each partition, and the one after its last.
    seconds
        Time that it took.
    """

    filter: Filter
    table: pd.DataFrame = field(repr=False)
    start: Offsets = field(repr=False)
    stop: Offsets = field(repr=False)
    seconds: float
    _stream: Stream = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the filter."""
        return self.filter.name

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self.filter.stream

    @property
    def sql(self) -> str:
        """Text of the filter."""
        return self.filter.where

    @property
    def read(self) -> int:
        """Number of alerts read, and of packets that could not be decoded."""
        return len(self.table)

    @property
    def rejected(self) -> int:
        """Number of packets that could not be decoded."""
        return int(self.table[PROBLEM].notna().sum())

    @property
    def passed(self) -> int:
        """Number of alerts that meet every cut."""
        return int(self._passes.sum())

    @property
    def pass_rate(self) -> float:
        """Share of the decoded alerts that pass; NaN where there are none."""
        judged = self.read - self.rejected
        return self.passed / judged if judged else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the pass rate (Wilson's, for a binomial proportion: JASA 22, 209, 1927)."""
        return wilson(self.passed, self.read - self.rejected)

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """The alerts that pass, in order of arrival: id, position, time, and the columns in use; ids as integers."""
        cuts = [f"cut{i}" for i in range(len(self.filter.cuts))]
        return self.table[self._passes].drop(columns=[*cuts, PROBLEM]).reset_index(drop=True)

    @cached_property
    def rejections(self) -> pd.DataFrame:
        """The packets that could not be decoded: ``partition``, ``offset``, ``problem``."""
        broken = self.table[self.table[PROBLEM].notna()].reset_index(drop=True)
        return pd.DataFrame({name: broken[f"kafka.{name}"] for name in ("partition", "offset", "problem")})

    @cached_property
    def cuts(self) -> pd.DataFrame:
        """What each cut does.

        Returns
        -------
        pandas.DataFrame
            One row per cut: ``cut`` (its text), ``alone`` (alerts that pass it alone), ``left`` (alerts left after it
            and all above it), ``only_this`` (alerts that it alone removes), ``null`` (alerts for which it is NULL).
        """
        says = self._says
        yes = says.fillna(value=False).astype(bool)
        rows = []
        for i, cut in enumerate(self.filter.cuts):
            others = yes.drop(columns=f"cut{i}").all(axis=1)
            rows.append(
                {
                    "cut": cut.text,
                    "alone": int(yes[f"cut{i}"].sum()),
                    "left": int(yes.iloc[:, : i + 1].all(axis=1).sum()),
                    "only_this": int((others & ~yes[f"cut{i}"]).sum()),
                    "null": int(says[f"cut{i}"].isna().sum()),
                }
            )
        return pd.DataFrame(rows, columns=["cut", "alone", "left", "only_this", "null"])

    def alert(self, row: int = 0) -> dict[str, Any]:
        """The whole alert of one row of :attr:`alerts`, fetched from Kafka and decoded."""
        if not 0 <= row < len(self.alerts):
            raise StreamError(f"Row {row} is not there: {len(self.alerts)} alerts passed.")
        found = self.alerts.iloc[row]
        return self._stream.alert(
            *(int(found[f"kafka.{name}"]) for name in ("partition", "offset", "record"))
        )

    def view(self, row: int = 0) -> AlertView:
        """Cutouts and light curve of one row of :attr:`alerts`."""
        from skysieve_widgets import AlertView

        return AlertView(self.alert(row))

    def _repr_html_(self) -> str:
        from skysieve_widgets import preview_html

        return preview_html(self)

    def __str__(self) -> str:
        from skysieve_widgets import preview_text

        return preview_text(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    @cached_property
    def _says(self) -> pd.DataFrame:
        """What each cut says of each decoded alert."""
        cuts = [f"cut{i}" for i in range(len(self.filter.cuts))]
        return self.table.loc[self.table[PROBLEM].isna(), cuts]

    @cached_property
    def _passes(self) -> pd.Series[bool]:
        yes = self._says.fillna(value=False).astype(bool).all(axis=1)
        return yes.reindex(self.table.index, fill_value=False)


def preview(samples: Samples, stream: Stream, spec: Filter, start: Offsets, stop: Offsets) -> Preview:
    """Apply a filter to a slice of its stream, in one Spark job that sends back no packet."""
    begun = time.perf_counter()
    stream = stream.sampled
    bound = spec.bind(stream.filterable)
    plan.check(samples.spark, bound)
    table = _collect(samples, stream, bound, start, stop)
    while (wiser := _taught(stream, table)).format.knows != stream.format.knows:
        stream = wiser
        table = _collect(samples, stream, spec.bind(stream.filterable), start, stop)
    return Preview(spec, table, start, stop, time.perf_counter() - begun, stream)


def _taught(stream: Stream, table: pd.DataFrame) -> Stream:
    """The stream, with the schemas that could not be known before these packets were read."""
    broken = table[table[PROBLEM].notna()]
    looked = pd.concat(
        [broken.drop_duplicates(PROBLEM).head(_LOOKED), broken.head(_LOOKED), broken.tail(_LOOKED)]
    )
    places = looked[["kafka.partition", "kafka.offset"]].drop_duplicates().itertuples(index=False)
    return stream.learned(stream.topics.one(stream.name, int(p), int(o)).value or b"" for p, o in places)


def _collect(
    samples: Samples, stream: Stream, bound: BoundFilter, start: Offsets, stop: Offsets
) -> pd.DataFrame:
    shown = [stream.filterable[name] for name in stream.format.places.names]
    judged = samples.judged(stream, [*shown, *bound.columns], start, stop)
    rows = plan.verdicts(judged, bound, shown).toArrow()
    table: pd.DataFrame = rows.to_pandas(types_mapper=_NULLABLE.get)
    return table.sort_values([f"kafka.{name}" for name in _ORDER], ignore_index=True)


_NULLABLE = {
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""Types that keep integers whole beside missing values: ids exceed 2^53, and a float would change them."""


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
