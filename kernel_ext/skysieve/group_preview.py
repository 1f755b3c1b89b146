"""A preview of an aggregate: the groups that it gives on a bounded slice of a stream."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812

from skysieve.engine import groups
from skysieve.filter import Filter
from skysieve.jobs import watched
from skysieve.packets.columns import united
from skysieve.packets.tables import NULLABLE
from skysieve.sample import Samples
from skysieve.slices import Slice
from skysieve.verdicts import Judged, judged

_SHOWN = 10


@dataclass(frozen=True)
class GroupPreview(Judged):
    """What an aggregate gives on a slice of a stream.

    Attributes
    ----------
    filter
        The aggregate.
    groups
        One row per group that it would tell of, as its records: the keys, then what SELECT names. In a slice they have
        only the alerts of that slice.
    per_night
        Number of these groups by the night (from noon UTC) of their first alert.
    passed
        Number of alerts that meet its cuts.
    seconds
        Time that it took.
    """

    filter: Filter
    groups: pd.DataFrame = field(repr=False)
    per_night: pd.Series[int] = field(repr=False)
    passed: int
    seconds: float

    @property
    def name(self) -> str:
        """Name of the aggregate."""
        return self.filter.name

    @property
    def headline(self) -> str:
        """What it gives, in a sentence."""
        return (
            f"{len(self.groups):,} groups of {self.passed:,} alerts; {self.read:,} were read"
            + (f", {self.rejected:,} rejected" if self.rejected else "")
            + f", in {self.seconds:.1f} s"
        )

    @property
    def nightly(self) -> str:
        """How many groups begin in a night, in a sentence."""
        each = self.per_night
        if not len(each):
            return "No group begins in any night."
        if len(each) == 1:
            return f"All begin in the night of {each.index[0]}."
        return f"From {each.min():,} to {each.max():,} begin in each of {len(each):,} nights."

    def _repr_html_(self) -> str:
        from skysieve_widgets.markup import card, data_table, escape

        parts = [
            f'<p class="sky-head"><b>{escape(self.name)}</b>: {escape(self.headline)}</p>',
            f'<p class="sky-note">{escape(self.nightly)}</p>',
        ]
        return card("".join([*parts, data_table(self.groups.head(_SHOWN))] if len(self.groups) else parts))

    def __str__(self) -> str:
        table = self.groups.head(_SHOWN).to_string(index=False) if len(self.groups) else ""
        return "\n".join(part for part in (f"{self.name}: {self.headline}", self.nightly, table) if part)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def preview_groups(samples: Samples, which: Slice, spec: Filter) -> GroupPreview:
    """Apply an aggregate to a slice of its stream."""
    begun = time.perf_counter()
    bound = spec.bind(which.stream.filterable)
    groups.check(samples.spark, bound, which.stream.format)
    cuts = Filter(spec.name, " AND ".join(f"({cut.text})" for cut in spec.cuts) or "TRUE", spec.stream)
    which, table = judged(samples, which, [cuts])
    bound = spec.bind(which.stream.filterable)
    places = which.stream.format.places
    id_column = [which.stream.filterable[str(places.id)]] if which.ids is not None else []
    columns = [*bound.columns, *groups.needed(bound, which.stream.format), *id_column]
    with watched(samples.spark, "Grouping"):
        (first, *others) = which.judged(samples, united(c.whole for c in columns))
        for more in others:
            first = first.unionByName(more)
        if which.ids is not None:
            first = first.where(F.col(f"`{places.id}`").isin(list(which.ids)))
        told = groups.groups(first, bound, places).toArrow()
    rows: pd.DataFrame = pa.table(told).to_pandas(types_mapper=NULLABLE.get)
    night = (pd.to_datetime(rows[groups.FIRST], utc=True) - pd.Timedelta(hours=12)).dt.strftime("%Y-%m-%d")
    assert bound.grouping is not None
    shown = rows[list(bound.grouping.names)]
    passed = int(table["cut0"].fillna(value=False).astype(bool)[table["kafka.problem"].isna()].sum())
    ordered = shown.sort_values(list(bound.grouping.names[:1]), ignore_index=True)
    seconds = time.perf_counter() - begun
    return GroupPreview(spec, ordered, night.value_counts().sort_index(), passed, seconds, table=table)
