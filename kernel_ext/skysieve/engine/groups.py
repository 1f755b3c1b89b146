"""Aggregates in Spark: alerts become groups, groups become records. One plan for previews and streaming queries.

A streaming query tells of a group whenever a micro-batch has changed it (Spark's output mode ``update``): with
``append`` nothing would be told before the group's time, and the lateness after that, are over, and what happens in
the sky cannot wait for that. Its state holds the groups that alerts can still change, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from skysieve.engine import plan
from skysieve.engine.batches import UNDATED
from skysieve.engine.healpix import cell
from skysieve.enrich.base import enriched, inputs
from skysieve.errors import FilterError
from skysieve.filter import BoundFilter
from skysieve.languages.grouping import BoundKey
from skysieve.languages.places import Place, of_cut, within
from skysieve.packets import avro
from skysieve.packets.columns import Column
from skysieve.packets.decode import PROBLEM, kafka, once
from skysieve.packets.formats import Format, Places

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEWEST, FIRST = "_newest", "_first"
_TIME, _HAVING = "_time", "_having"
_JD = 2400000.5
_MJD_1970 = 40587
_DAYS = (15000, 100000)
"""Range of MJD that is taken for a time: one alert of the year 4000 would end all groups before it."""
_PLACE = ("timestamp", "topic", "partition", "offset", "record")


def event_time(places: Places) -> SparkColumn:
    """When an alert was observed, as a timestamp; NULL where that is not known.

    Raises
    ------
    FilterError
        If its format has no time.
    """
    if places.time is None:
        raise FilterError(
            "An aggregate needs the time of each alert, and those of this stream have none that is known here."
        )
    value = F.col(f"`{places.time}`")
    days = value.try_cast("double")
    mjd = F.when(days > _JD, days - _JD).otherwise(days)
    micros = F.round((mjd - _MJD_1970) * 86_400_000_000 - places.ahead * 1_000_000).cast("bigint")
    return F.coalesce(
        F.when(mjd.between(*_DAYS), F.timestamp_micros(micros)),
        F.when(days.isNull(), value.cast("string").try_cast("timestamp")),
    )


def needed(bound: BoundFilter, packet_format: Format) -> list[Column]:
    """The columns that an aggregate reads besides those that it names."""
    assert bound.grouping is not None
    columns, places = packet_format.columns(), packet_format.places
    by_field = any(key.key.kind == "field" for key in bound.grouping.keys)
    if by_field and (places.ra is None or places.dec is None):
        raise FilterError(
            "The alerts of this stream have no position that is known here, and so are in no field."
        )
    names = [places.time, *((places.ra, places.dec) if by_field else ())]
    return [columns[name] for name in names if name is not None and name in columns]


def groups(
    alerts: DataFrame, bound: BoundFilter, places: Places, source: Sequence[str] = ("partition",)
) -> DataFrame:
    """The groups of decoded alerts, one row each.

    Parameters
    ----------
    alerts
        Decoded, with the columns that :func:`needed` gives.
    bound, places
        The aggregate, and where the time of an alert is.
    source
        What to tell of the last alert of each group: columns of Kafka, by which they are ordered.

    Returns
    -------
    DataFrame
        A column for each name of the grouping, then ``_newest``, the place in the stream of the last alert in it,
        and ``_first``, the time of its first alert.
    """
    grouping = bound.grouping
    assert grouping is not None
    dated = alerts.where(kafka("problem").isNull()).withColumn(_TIME, event_time(places))
    if alerts.isStreaming:
        dated = dated.observe(UNDATED, F.count_if(F.isnull(_TIME)).alias("count"))
    # once(), or Spark would judge first, and let only alerts that pass move the time on that ends groups
    late = f"{grouping.grouping.lateness:.3f} seconds"
    passing = (
        dated.withWatermark(_TIME, late).withColumn("_passes", once(plan.passes(bound))).where("_passes")
    )
    if given := [column for column in bound.columns if column.by is not None]:
        passing = enriched(passing, given).where(plan.passes(bound, enriched=True))
    keys = [(f"_key{i}", key) for i, key in enumerate(grouping.keys)]
    by = [_key(key, places).alias(name) for name, key in keys]
    newest = F.max(F.struct(*(kafka(name).alias(name) for name in source)))
    found = passing.groupBy(*by).agg(
        *(F.expr(sql).alias(f"_value{i}") for i, (_, sql) in enumerate(grouping.values)),
        newest.alias(NEWEST),
        F.min(f"`{_TIME}`").alias(FIRST),
        F.expr(grouping.having or "true").alias(_HAVING),
    )
    for name, _ in keys:
        found = found.where(F.col(f"`{name}`").isNotNull())
    found = found.where(f"`{_HAVING}`")
    if grouping.grouping.once:
        # Spark 4.1 confuses two states of one task ("Can only upgrade readStore"), so this one gets tasks of its own
        found = found.repartition(1).dropDuplicates([name for name, _ in keys])
    told = [part for name, key in keys for part in _told(name, key)]
    told += [F.col(f"`_value{i}`").alias(name) for i, (name, _) in enumerate(grouping.values)]
    return found.select(*told, F.col(f"`{NEWEST}`"), F.col(f"`{FIRST}`"))


def _key(key: BoundKey, places: Places) -> SparkColumn:
    if key.key.kind == "column":
        return F.expr(key.sql)
    if key.key.kind == "field":
        return cell(F.col(f"`{places.ra}`"), F.col(f"`{places.dec}`"), key.key.order)
    length, slide = (f"{seconds:.3f} seconds" for seconds in (key.key.length, key.key.slide))
    # a night begins at noon UTC
    start = "12 hours" if key.key.kind == "night" else "0 seconds"
    return F.window(F.col(f"`{_TIME}`"), length, slide, start)


def _told(name: str, key: BoundKey) -> list[SparkColumn]:
    """What a record says of a key."""
    value = F.col(f"`{name}`")
    if key.key.kind == "night":
        return [F.date_format(value["start"], "yyyy-MM-dd").alias(key.names[0])]
    if key.key.kind == "window":
        ends = zip(key.names, ("start", "end"), strict=True)
        return [F.date_format(value[end], "yyyy-MM-dd'T'HH:mm:ss'Z'").alias(told) for told, end in ends]
    return [value.alias(key.names[0])]


def updates(packets: DataFrame, packet_format: Format, bound: BoundFilter) -> DataFrame:
    """One row per Kafka record to write: key and record of a group as JSON, headers that say what it is.

    The key decides the partition, so that the updates of a group stay in order. The source headers name the last alert
    that has gone into the group: a record that is written again after a crash has the same, and the same value.
    """
    grouping = bound.grouping
    assert grouping is not None
    places = packet_format.places
    alerts = plan.judge(packets, packet_format, [bound], needed(bound, packet_format))
    found = groups(alerts, bound, places, _PLACE)
    keys = [F.col(f"`{name}`") for key in grouping.keys for name in key.names]
    source = F.col(f"`{NEWEST}`")
    headers = {
        "skysieve.filter": F.lit(bound.filter.name),
        "skysieve.version": F.lit(bound.filter.version),
        "skysieve.kind": F.lit("group"),
        **{f"skysieve.source.{name}": source[name] for name in _PLACE[1:]},
        "skysieve.source.timestamp": F.unix_millis(source["timestamp"]),
    }
    return found.select(
        F.lit(bound.filter.output_topic).alias("topic"),
        _json(*keys).alias("key"),
        _json(*(F.col(f"`{name}`") for name in grouping.names)).alias("value"),
        plan.pairs(headers).alias("headers"),
    )


def _json(*values: SparkColumn) -> SparkColumn:
    return F.to_json(F.struct(*values), {"ignoreNullFields": "false"}).cast("binary")


def check(spark: SparkSession, bound: BoundFilter, packet_format: Format) -> None:
    """Have Spark analyse an aggregate on columns of its types, without reading a packet.

    Raises
    ------
    FilterError
        If Spark refuses it, or its stream has no time.
    """
    columns = {c.name: c for c in (*bound.columns, *needed(bound, packet_format))}.values()
    kinds = {PROBLEM: "struct<stage: string, message: string>", "kafka.partition": "int"}
    kinds |= {column.name: avro.spark_type(column.schema) for column in columns if column.by is None}
    read = {c.name: avro.spark_type(c.schema) for c in inputs([c for c in columns if c.by is not None])}
    typed = [F.lit(None).cast(kind).alias(name) for name, kind in (read | kinds).items()]
    try:
        _ = groups(spark.range(0).select(*typed), bound, packet_format.places).schema
    except AnalysisException as error:
        alerts = plan.no_alerts(spark, bound)
        with within(plan.refused(alerts, bound) or _refused(alerts, bound)):
            raise plan.refusal(bound, error) from None


def _refused(alerts: DataFrame, bound: BoundFilter) -> Place | None:
    """The place of the first value that Spark refuses to work out of a group; that of HAVING if it is none of them."""
    assert bound.grouping
    grouping = bound.grouping.grouping
    written = dict(grouping.select)
    for name, text in bound.grouping.values:
        try:
            _ = alerts.agg(F.expr(text)).schema
        except AnalysisException:
            return of_cut(written[name])
    return of_cut(grouping.having) if grouping.having else None
