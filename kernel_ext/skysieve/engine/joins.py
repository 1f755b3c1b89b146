"""Alerts joined with another stream: notices with sky maps or error circles, or the alerts of another survey.

Both sides are cut into cells of HEALPix, by which Spark joins them; what shares a cell is then tested exactly: a place
in a region of a sky map is in one of its ranges of finest cells, and one in a circle is no farther than its radius.
The state holds alerts that pass the cuts, whole, for notices yet to come, and notices for alerts yet to come.

The alerts alone move the time on by which what waits is let go: notices may not come for weeks, and tell of an event
hours after it. So they are late by the alerts' watermark only, and that is compared with the time until which each may
come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.pandas.functions import arrow_udf

from skysieve.engine import plan
from skysieve.engine.groups import event_time
from skysieve.engine.healpix import cell
from skysieve.enrich import notices
from skysieve.enrich.base import enriched
from skysieve.errors import FilterError
from skysieve.filter import BoundFilter
from skysieve.languages.aggregate import LATENESS
from skysieve.languages.near import Joining
from skysieve.packets.columns import Column
from skysieve.packets.decode import decode, kafka, once
from skysieve.packets.formats import Format

if TYPE_CHECKING:
    from skysieve.stream import Stream

_KEPT = ("key", "value", "headers", "topic", "partition", "offset", "record", "timestamp")
_REGIONS = "array<struct<cell: bigint, low: bigint, high: bigint>>"
_SAID = (
    f"struct<id: string, time: double, retracted: boolean, ra: double, dec: double, radius: double, problem: string, "
    f"regions: {_REGIONS}>"
)
_ORDER = 6
"""Of the cells by which alerts and notices are joined: a degree wide."""
_DEEPEST_JOINED = 12
_NEVER = "36500 days"
_WIDTH = 58.6
"""Degrees across a cell of order 0."""


def order(joining: Joining) -> int:
    """The order of the cells by which both sides are joined: of the size of some circles, for few cells each.

    Examples
    --------
    >>> order(Joining("gcn")), order(Joining("ztf-alerts", radius=2 / 3600))
    (6, 12)
    """
    if joining.radius is None:
        return _ORDER
    return max(0, min(_DEEPEST_JOINED, math.floor(math.log2(_WIDTH / (4 * joining.radius)))))


def check_place(packet_format: Format, other: Stream, joining: Joining) -> None:
    """Make sure that a stream of this format can be joined with another one.

    Raises
    ------
    FilterError
        If not; says what is missing.
    """
    needed(packet_format)
    if _has_notices(other.format):
        return
    if joining.radius is None:
        raise FilterError(
            f"{other.name!r} has alerts, which are points: say how near with RADIUS '2 arcsec'."
        )
    needed(other.format)


def needed(packet_format: Format) -> list[Column]:
    """The columns with time and place of an alert.

    Raises
    ------
    FilterError
        If they are not known.
    """
    columns, places = packet_format.columns(), packet_format.places
    names = (places.time, places.ra, places.dec)
    if any(name is None or name not in columns for name in names):
        raise FilterError(
            f"Alerts in the format {packet_format.name!r} have no time or no place that is known here."
        )
    return [columns[name] for name in names if name is not None]


def _has_notices(packet_format: Format) -> bool:
    return packet_format.name == "json"


def records(
    packets: DataFrame,
    packet_format: Format,
    bound: BoundFilter,
    others: DataFrame,
    other_format: Format,
    retracted: Iterable[str] = (),
    partitions: int = 1,
) -> DataFrame:
    """One row per Kafka record to write: alerts near a notice, and notices that take an event back or cannot be joined.

    Parameters
    ----------
    packets, packet_format, bound
        Kafka records, their format, and the filter.
    others, other_format
        The same of the other stream.
    retracted
        Events that were taken back: nothing is near them any more.
    partitions
        Of the output topic.
    """
    joining = bound.filter.joining
    assert joining is not None
    said = _read(others, other_format, joining)
    regions = _regions(said, joining)
    alerts = _alerts(packets, packet_format, bound, joining)
    near = alerts.join(
        regions,
        (F.col("cell") == F.col("near_cell"))
        & F.expr(f"_time >= near_until - INTERVAL '{joining.lateness + joining.before:.3f}' SECOND")
        & F.expr(f"_time <= near_until + INTERVAL '{joining.after - joining.lateness:.3f}' SECOND"),
    )
    within = F.col("finest").between(F.col("near_low"), F.col("near_high") - 1)
    inside = F.col("near_radius").isNull() | (_separation() <= F.col("near_radius"))
    # once(), or Spark would ask before the join, and what the state holds from before would stay
    found = near.where(within & inside).where(once(~F.col("near_id").isin(list(retracted))))
    output = F.lit(bound.filter.output_topic).alias("topic")
    matches = found.select(
        output,
        (F.col("partition") % partitions).cast("int").alias("partition"),
        "key",
        "value",
        F.concat(F.coalesce("headers", F.array()), _headers(bound)).alias("headers"),
    )
    if not _has_notices(other_format):
        return matches
    return matches.unionByName(_told(said, bound).withColumns({"topic": output, "partition": F.lit(0)}))


def _alerts(packets: DataFrame, packet_format: Format, bound: BoundFilter, joining: Joining) -> DataFrame:
    """The alerts that pass the cuts, whole, with time and cells."""
    places = packet_format.places
    judged = plan.judge(packets, packet_format, [bound], needed(packet_format))
    dated = judged.where(kafka("problem").isNull()).withColumn("_time", event_time(places))
    passing = (
        dated.withWatermark("_time", f"{min(joining.lateness, LATENESS):.3f} seconds")
        .withColumn("_passes", once(plan.passes(bound)))
        .where("_passes")
    )
    if given := [column for column in bound.columns if column.by is not None]:
        passing = enriched(passing, given).where(plan.passes(bound, enriched=True))
    sent = [part.condition().alias(name) for name, part in bound.annotations.items()]
    ra, dec = F.col(f"`{places.ra}`"), F.col(f"`{places.dec}`")
    finest = cell(ra, dec, notices.DEEPEST)
    kept = passing.select(
        *(kafka(name).alias(name) for name in _KEPT),
        "_time",
        ra.cast("double").alias("ra"),
        dec.cast("double").alias("dec"),
        finest.alias("finest"),
        F.struct(F.lit("").alias("near"), *sent).alias("annotations"),
    )
    shift = 2 * (notices.DEEPEST - order(joining))
    return kept.where("finest IS NOT NULL").withColumn("cell", F.shiftright("finest", shift))


def _read(others: DataFrame, other_format: Format, joining: Joining) -> DataFrame:
    """What the records of the other stream say: ``near`` as a struct, and their places."""
    places = ("key", "value", "topic", "partition", "offset", "timestamp")
    depth = order(joining)
    if _has_notices(other_format):
        said: Any = arrow_udf(_Notices(joining.level, joining.radius, depth).on_arrow, _SAID)  # type: ignore[call-overload]
        return others.select(*places, said.asNondeterministic()(F.col("value")).alias("near"))
    there = other_format.places
    columns = other_format.columns()
    named = [columns[name] for name in (there.id,) if name is not None and name in columns]
    known = [*needed(other_format), *named]
    alerts = decode(others, other_format, known).where(kafka("problem").isNull())
    circles: Any = arrow_udf(_Circles(joining.radius or 0.0, depth).on_arrow, _REGIONS)  # type: ignore[call-overload]
    ra, dec = (F.col(f"`{name}`").cast("double") for name in (there.ra, there.dec))
    near = F.struct(
        (F.col(f"`{there.id}`").cast("string") if named else F.lit("")).alias("id"),
        (F.unix_micros(event_time(there)) / 1e6).alias("time"),
        F.lit(False).alias("retracted"),
        ra.alias("ra"),
        dec.alias("dec"),
        F.lit(joining.radius).cast("double").alias("radius"),
        F.lit("").alias("problem"),
        circles.asNondeterministic()(ra, dec).alias("regions"),
    )
    return alerts.select(*(kafka(name).alias(name) for name in places), near.alias("near"))


def _regions(said: DataFrame, joining: Joining) -> DataFrame:
    """One row per cell of each region, all names beginning with ``near_``."""
    known = said.select(
        *(F.col(name).alias(f"near_{name}") for name in ("topic", "partition", "offset")),
        *(F.col("near")[name].alias(f"near_{name}") for name in ("id", "ra", "dec", "radius")),
        F.timestamp_micros(((F.col("near.time") + joining.lateness) * 1e6).cast("bigint")).alias(
            "near_until"
        ),
        F.col("near.regions").alias("regions"),
    )
    dated = known.withWatermark("near_until", _NEVER)
    each = dated.withColumn("region", F.explode("regions"))
    parts = {f"near_{name}": F.col("region")[name] for name in ("cell", "low", "high")}
    return each.withColumns(parts).drop("regions", "region")


def _separation() -> SparkColumn:
    """Angle between alert and notice, degrees, by the haversine."""
    ra, dec, ra2, dec2 = (F.radians(name) for name in ("ra", "dec", "near_ra", "near_dec"))
    half = F.pow(F.sin((dec2 - dec) / 2), 2) + F.cos(dec) * F.cos(dec2) * F.pow(F.sin((ra2 - ra) / 2), 2)
    return F.degrees(2 * F.asin(F.sqrt(F.least(F.lit(1.0), half))))


def _headers(bound: BoundFilter) -> SparkColumn:
    said = F.col("annotations").withField("near", F.col("near_id"))
    return plan.pairs(
        {
            "skysieve.filter": F.lit(bound.filter.name),
            "skysieve.version": F.lit(bound.filter.version),
            **{f"skysieve.source.{n}": F.col(n) for n in ("topic", "partition", "offset", "record")},
            "skysieve.source.timestamp": F.unix_millis("timestamp"),
            "skysieve.annotations": F.to_json(said, {"ignoreNullFields": "false"}),
            **{f"skysieve.near.{n}": F.col(f"near_{n}") for n in ("id", "topic", "partition", "offset")},
        }
    )


def _told(said: DataFrame, bound: BoundFilter) -> DataFrame:
    """The notices that readers must know of: those that take an event back, and those that cannot be joined."""
    near = F.col("near")
    headers = {
        "skysieve.filter": F.lit(bound.filter.name),
        "skysieve.version": F.lit(bound.filter.version),
        "skysieve.kind": F.lit("notice"),
        "skysieve.source.topic": F.col("topic"),
        "skysieve.source.partition": F.col("partition"),
        "skysieve.source.offset": F.col("offset"),
        "skysieve.source.record": F.lit(0),
        "skysieve.source.timestamp": F.unix_millis("timestamp"),
    }
    retracted = {**headers, "skysieve.retracted": near["id"]}
    unread = {**headers, "skysieve.problem": near["problem"]}
    told = said.where(near["retracted"] | (near["problem"] != ""))
    return told.select(
        near["id"].cast("binary").alias("key"),
        "value",
        F.when(near["retracted"], plan.pairs(retracted)).otherwise(plan.pairs(unread)).alias("headers"),
    )


class _Notices:
    """Reads notices in a worker of Spark."""

    def __init__(self, level: float, radius: float | None, depth: int) -> None:
        self._level, self._radius, self._depth = level, radius, depth

    def on_arrow(self, values: pa.Array) -> pa.Array:
        """What each notice says."""
        rows = []
        for value in values.to_pylist():
            one = notices.read(value or b"", self._level, self._depth, self._radius)
            rows.append(
                {
                    "id": one.id,
                    "time": one.time,
                    "retracted": one.is_retracted,
                    **{name: getattr(one, name) for name in ("ra", "dec", "radius", "problem")},
                    "regions": _rows(one.region),
                }
            )
        return pa.array(rows, _ARROW)


class _Circles:
    """Gives the cells that circles of one size touch."""

    def __init__(self, radius: float, depth: int) -> None:
        self._radius, self._depth = radius, depth

    def on_arrow(self, ra: pa.Array, dec: pa.Array) -> pa.Array:
        """Those of each circle."""
        pairs = zip(ra.to_pylist(), dec.to_pylist(), strict=True)
        found = [
            _rows(notices.of_circle(a % 360, d, self._radius, self._depth))
            if a is not None and d is not None and math.isfinite(a) and abs(d) <= 90
            else []
            for a, d in pairs
        ]
        return pa.array(found, _ARROW.field("regions").type)


def _rows(region: notices.Ranges | None) -> list[dict[str, int]]:
    if region is None:
        return []
    columns = (region.cell.tolist(), region.low.tolist(), region.high.tolist())
    return [dict(zip(("cell", "low", "high"), row, strict=True)) for row in zip(*columns, strict=True)]


_RANGE = pa.struct([(name, pa.int64()) for name in ("cell", "low", "high")])
_ARROW = pa.struct(
    [
        ("id", pa.string()),
        ("time", pa.float64()),
        ("retracted", pa.bool_()),
        *((name, pa.float64()) for name in ("ra", "dec", "radius")),
        ("problem", pa.string()),
        ("regions", pa.list_(_RANGE)),
    ]
)
