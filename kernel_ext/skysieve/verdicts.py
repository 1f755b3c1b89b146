"""What the cuts of filters say of each alert of a slice: one pass over the packets, one small table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812

from skysieve.engine import plan
from skysieve.filter import BoundFilter, Filter
from skysieve.jobs import watched
from skysieve.packets.columns import Column, Columns
from skysieve.packets.decode import PROBLEM, kafka
from skysieve.sample import Samples
from skysieve.slices import Slice

MAGNITUDE = "derived.mag"

_ORDER = ("timestamp", "partition", "offset", "record")
_LOOKED = 4
"""Rejected packets, of those first and last read, that may teach a stream's format a schema."""
_OBJECT = {"diaobjectid", "objectid"}
"""What surveys call the id of the object that an alert is of, in lower case."""


def judged(samples: Samples, which: Slice, specs: Sequence[Filter]) -> tuple[Slice, pd.DataFrame]:
    """What the cuts of some filters, counted through, say of each alert; and the slice with what was learned of it."""
    for one in (spec.bind(which.stream.filterable) for spec in specs):
        plan.check(samples.spark, one)
    with watched(samples.spark, "Previewing"):
        return _learning(samples, which, specs)


def _learning(samples: Samples, which: Slice, specs: Sequence[Filter]) -> tuple[Slice, pd.DataFrame]:
    table = _collect(samples, which, specs)
    while (wiser := _taught(which, table)).stream.format.knows != which.stream.format.knows:
        which = wiser
        table = _collect(samples, which, specs)
    return which, table


def without_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """The rows as a user sees them."""
    hidden = [name for name in table if str(name).startswith("cut") and str(name)[3:].isdigit()]
    return table.drop(columns=[*hidden, PROBLEM, plan.KEY, plan.TRUTH]).reset_index(drop=True)


def _taught(which: Slice, table: pd.DataFrame) -> Slice:
    """The slice, with the schemas that could not be known before these packets were read."""
    broken = table[table[PROBLEM].notna()]
    looked = pd.concat(
        [broken.drop_duplicates(PROBLEM).head(_LOOKED), broken.head(_LOOKED), broken.tail(_LOOKED)]
    )
    places = looked[["kafka.partition", "kafka.offset"]].drop_duplicates().itertuples(index=False)
    return which.learned(which.packet(int(p), int(o)) for p, o in places)


def _collect(samples: Samples, which: Slice, specs: Sequence[Filter]) -> pd.DataFrame:
    packet_format = which.stream.format
    columns, id_column = which.stream.filterable, packet_format.places.id
    bound = [spec.bind(columns) for spec in specs]
    shown = _to_show(columns, packet_format.places.names, bound)
    parts = []
    wanted = [*shown, *(column for one in bound for column in one.columns)]
    for alerts in which.judged(samples, wanted):
        rows = plan.verdicts(alerts, bound, shown)
        if which.ids is not None:
            # which alert a rejected packet held is not known, so it may be one of them
            named = F.col(f"`{id_column}`").isin(list(which.ids))
            rows = rows.where(named | kafka("problem").isNotNull())
        parts.append(rows.toArrow())
    table: pd.DataFrame = pa.concat_tables(parts).to_pandas(types_mapper=_NULLABLE.get)
    return table.sort_values([f"kafka.{name}" for name in _ORDER], ignore_index=True)


def _to_show(columns: Columns, places: Sequence[str], bound: Sequence[BoundFilter]) -> list[Column]:
    """Id, position and time; then what the filters use; then object and magnitude."""
    magnitude = [columns[MAGNITUDE]] if MAGNITUDE in columns else []
    used = (column for one in bound for column in one.columns)
    wanted = (*(columns[name] for name in places), *used, *object_id(columns), *magnitude)
    return list({column.name: column for column in wanted}.values())


def object_id(columns: Columns) -> list[Column]:
    """The column of the object's id, if there is one."""
    return [column for column in columns if column.is_scalar and column.path[-1].lower() in _OBJECT][:1]


_NULLABLE = {
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""Types that keep integers whole beside missing values: ids exceed 2^53, and a float would change them."""
