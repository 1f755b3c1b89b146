"""What the cuts of filters say of each alert of a slice: one pass over the packets, one small table."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import pandas as pd
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from skysieve.engine import plan
from skysieve.enrich.base import TOOK
from skysieve.filter import BoundFilter, Filter
from skysieve.jobs import watched
from skysieve.languages import faults
from skysieve.packets.columns import Column, Columns, united
from skysieve.packets.decode import PROBLEM, kafka
from skysieve.packets.formats import Places
from skysieve.packets.tables import NULLABLE
from skysieve.sample import Samples
from skysieve.slices import Slice

MAGNITUDE = "derived.mag"

_ORDER = ("timestamp", "partition", "offset", "record")
_LOOKED = 4
"""Rejected packets, of those first and last read, that may teach a stream's format a schema."""


@dataclass(frozen=True)
class Judged:
    """What the cuts of filters say of the alerts of a slice.

    Attributes
    ----------
    table
        One row per alert read.
    """

    table: pd.DataFrame = field(repr=False, kw_only=True)

    @property
    def read(self) -> int:
        """Number of alerts read, and of packets that could not be decoded."""
        return len(self.table)

    @property
    def rejected(self) -> int:
        """Number of packets that could not be decoded."""
        return int(self.table[PROBLEM].notna().sum())

    @cached_property
    def costs(self) -> pd.DataFrame:
        """What each enrichment in use took in Spark's workers, when these alerts were decoded.

        Returns
        -------
        pandas.DataFrame
            One row per enrichment, the dearest first: ``enrichment`` (its name), ``alerts`` (number of alerts that it
            was asked for), ``seconds``, ``each`` (milliseconds for an alert). A deployment asks only for those that
            pass all cuts which need no enrichment.
        """
        took = (
            self.table.filter(regex=f"^{TOOK}")
            .rename(columns=lambda name: name.removeprefix(TOOK))
            .astype(float)
        )
        found = pd.DataFrame({"alerts": took.count(), "seconds": took.sum(), "each": 1e3 * took.mean()})
        return found.sort_values("each", ascending=False).rename_axis("enrichment").reset_index()


def judged(samples: Samples, which: Slice, specs: Sequence[Filter]) -> tuple[Slice, pd.DataFrame]:
    """What the cuts of some filters, counted through, say of each alert; and the slice with what was learned of it."""
    bound = [spec.bind(which.stream.filterable) for spec in specs]
    checked = _checked_aside(samples.spark, bound)
    try:
        with watched(samples.spark, "Previewing"):
            return _learning(samples, which, specs, checked)
    except PySparkException as error:
        checked.result()  # what a filter is refused for comes first
        if fault := faults.found(str(error)):
            raise fault.named(which.stream.format, which.packet).error() from None
        raise


def _checked_aside(spark: SparkSession, bound: Sequence[BoundFilter]) -> Future[None]:
    """Spark's word on some filters, which comes while the caller goes on."""

    def check() -> None:
        for one in bound:
            plan.check(spark, one)

    aside = ThreadPoolExecutor(1, "skysieve-check")
    checked = aside.submit(check)
    aside.shutdown(wait=False)  # who interrupts does not wait for it either
    return checked


def _learning(
    samples: Samples, which: Slice, specs: Sequence[Filter], checked: Future[None]
) -> tuple[Slice, pd.DataFrame]:
    table = _collect(samples, which, specs, checked)
    while (wiser := _taught(which, table)).stream.format.knows != which.stream.format.knows:
        which = wiser
        table = _collect(samples, which, specs, checked)
    return which, table


def without_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The rows as a user sees them."""
    cuts = [name for name in table if str(name).startswith("cut") and str(name)[3:].isdigit()]
    hidden = [*cuts, *(name for name in table if str(name).startswith(TOOK))]
    return table.drop(columns=[*hidden, PROBLEM, plan.KEY, plan.TRUTH]).reset_index(drop=True)


def _taught(which: Slice, table: pd.DataFrame) -> Slice:
    """The slice, with the schemas that could not be known before these packets were read."""
    broken = table[table[PROBLEM].notna()]
    if broken.empty:
        return which
    looked = pd.concat(
        [broken.drop_duplicates(PROBLEM).head(_LOOKED), broken.head(_LOOKED), broken.tail(_LOOKED)]
    )
    places = looked[["kafka.partition", "kafka.offset"]].drop_duplicates().itertuples(index=False)
    return which.learned(which.packet(int(p), int(o)) for p, o in places)


def _collect(samples: Samples, which: Slice, specs: Sequence[Filter], checked: Future[None]) -> pd.DataFrame:
    """Their rows; while Spark plans how packets are read, it checks the filters, and reads none before it has."""
    packet_format = which.stream.format
    columns, id_column = which.stream.filterable, packet_format.places.id
    bound = [spec.bind(columns) for spec in specs]
    shown = _to_show(columns, packet_format.places, bound)
    parts = []
    for alerts in which.judged(samples, shown):
        rows = plan.verdicts(alerts, bound, shown)
        if which.ids is not None:
            # which alert a rejected packet held is not known, so it may be one of them
            named = F.col(f"`{id_column}`").isin(list(which.ids))
            rows = rows.where(named | kafka("problem").isNotNull())
        checked.result()
        parts.append(_table(rows))
    table: pd.DataFrame = pa.concat_tables(parts).to_pandas(types_mapper=NULLABLE.get)
    return table.sort_values([f"kafka.{name}" for name in _ORDER], ignore_index=True)


def _table(rows: DataFrame) -> pa.Table:
    """The rows; ``toArrow`` would first ask Spark for their types, which come with them."""
    table, _ = cast("Any", rows)._to_table()
    return table


def _to_show(columns: Columns, places: Places, bound: Sequence[BoundFilter]) -> list[Column]:
    """Id, position and time; then what the filters use; then object and magnitude."""
    used = (column for one in bound for column in one.columns)
    more = (columns[name] for name in (places.object, MAGNITUDE) if name and name in columns)
    wanted = (*(columns[name] for name in places.names), *used, *more)
    return united(column.whole for column in wanted)
