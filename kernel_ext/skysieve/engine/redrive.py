"""Re-drive: judge again what a stream's bank had to reject, now that it can be decoded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field
from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F  # noqa: N812

from skysieve.engine import plan, registry
from skysieve.engine.status import OUT, statuses
from skysieve.engine.values import Value, now
from skysieve.errors import DeploymentError
from skysieve.filter import BoundFilter
from skysieve.stream import Stream
from skysieve.stream_topics import rejected_topic
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("skysieve.redrive")

_REDRIVE = "/redrive/"
_PLACE = "place"
_ERRORS, _SOURCE = "__connect.errors", "skysieve.source"


class Progress(Value):
    """How far into its rejected topic a stream was re-driven, and the range under way, if one is."""

    position: Offsets = Field(default_factory=dict)
    stop: Offsets | None = None
    begun: datetime | None = None


@dataclass(frozen=True)
class Redriven:
    """What came of a re-drive.

    Attributes
    ----------
    read
        Number of rejected packets that were tried.
    delivered
        Number of matches delivered, per filter.
    rejected
        Number of packets that still cannot be decoded; they stay in the rejected topic.
    without
        Names of the aggregates and of the filters that join another stream: to what their state holds nothing can be
        added, so that these did not get them.
    """

    read: int
    delivered: Mapping[str, int]
    rejected: int
    without: tuple[str, ...] = ()


def redrive(spark: SparkSession, source: Stream) -> Redriven:
    """Decode again what was rejected, and deliver it to the filters that would have judged it.

    These are the running ones whose bank or backfill came past the packet; a backfill that came when it could already
    be decoded has delivered it. What still cannot be decoded goes to the end of the rejected topic, so that the next
    re-drive tries it again. Should a re-drive break off, the next one goes on with the same packets and leaves out what
    was delivered already.

    Raises
    ------
    DeploymentError
        If no filter runs on the stream; what was rejected waits.
    """
    topics, dead = source.topics, rejected_topic(source.name)
    if not topics.partitions(dead):
        return Redriven(0, {}, 0)
    before = progress(source)
    start = {p: max(o, before.position.get(p, 0)) for p, o in topics.begin(dead).items()}
    under_way = before.stop is not None and before.begun is not None
    stop = before.stop if before.stop is not None and under_way else topics.end(dead)
    begun = before.begun if before.begun is not None and under_way else now()
    read = sum(stop[p] - start[p] for p in stop if stop[p] > start[p])
    if not read:
        return Redriven(0, {}, 0)
    packets = restored(plan.read_range(spark, topics, dead, start, stop))
    source = source.taught(packets)
    filters, since, backfilled, without = _judges(source)
    if not filters:
        others = f" ({', '.join(without)} cannot: its state is made of the past.)" if without else ""
        raise DeploymentError(
            f"No filter runs on {source.name!r} that could have its rejected packets: start one, then re-drive.{others}"
        )
    sizes = topics.sizes([dead, *(one.filter.output_topic for one in filters)])
    judged = plan.judge(packets, source.format, filters)
    out = plan.deliveries(judged, source.name, filters, sizes, since=since)
    known = dict.fromkeys(backfilled, _oldest(topics, dead, start, stop)) if backfilled else {}
    if under_way:
        known = {topic: min(begun, known.get(topic, begun)) for topic in sizes}
    if known:
        written = _written(spark, topics, known, {dead: stop} if under_way else {})
        out = out.withColumn(_PLACE, _place()).join(written, ["topic", _PLACE], "left_anti").drop(_PLACE)
    counts = {
        row["topic"]: int(row["n"]) for row in out.groupBy("topic").agg(F.count("*").alias("n")).collect()
    }
    _note(source, Progress(position=start, stop=stop, begun=begun))
    out.write.format("kafka").options(**plan.sink_options(topics)).save()
    _note(source, Progress(position=stop))
    delivered = {one.filter.name: counts.get(one.filter.output_topic, 0) for one in filters}
    return Redriven(read, delivered, counts.get(dead, 0), without)


def progress(source: Stream) -> Progress:
    """How far a stream was re-driven."""
    value = source.topics.newest_by_key(registry.REGISTRY).get(_REDRIVE + source.name)
    try:
        return Progress.model_validate_json(value) if value else Progress()
    except ValueError:
        log.warning(
            "how far %s was re-driven cannot be read: all that was rejected is tried, some of it once more",
            source.name,
        )
        return Progress()


def _note(source: Stream, reached: Progress) -> None:
    registry.prepare(source.topics)
    source.topics.write(registry.REGISTRY, [(_REDRIVE + source.name, reached.model_dump_json().encode())])


def restored(records: DataFrame) -> DataFrame:
    """Rejected packets as they came from their stream; their time is that of the rejection."""
    headers = F.filter("headers", lambda header: ~header.key.startswith(_ERRORS))
    return records.select(
        "key",
        "value",
        plan.header(f"{_ERRORS}.topic").alias("topic"),
        plan.header(f"{_ERRORS}.partition").cast("int").alias("partition"),
        plan.header(f"{_ERRORS}.offset").cast("bigint").alias("offset"),
        "timestamp",
        headers.alias("headers"),
    )


def _oldest(topics: Topics, dead: str, start: Offsets, stop: Offsets) -> datetime:
    """When the first of these packets was rejected."""
    return min(topics.one(dead, p, start[p]).timestamp for p in stop if stop[p] > start[p])


class _Judges(NamedTuple):
    """The filters that run on a stream.

    ``since`` has the offsets from which on each has judged it; ``backfilled`` are the output topics of those that have
    judged the past, ``without`` the names of those that have a state.
    """

    filters: list[BoundFilter]
    since: dict[str, Offsets]
    backfilled: set[str]
    without: tuple[str, ...]


def _judges(source: Stream) -> _Judges:
    known, filters, since, backfilled, without = statuses(source.topics), [], {}, set(), []
    for name, record in registry.registered(source.topics).items():
        status = known.get(name)
        if (
            record.stream != source.name
            or record.wanted != "running"
            or status is None
            or not status.has_begun
            or status.state in OUT
        ):
            continue
        if record.filter.has_state:
            without.append(name)
            continue
        filters.append(record.filter.bind(source.filterable))
        if record.start != "latest":
            backfilled.add(record.filter.output_topic)
        past = {} if record.start == "latest" else source.offsets(record.start)
        since[name] = {p: min(o, past.get(p, o)) for p, o in status.since.items()}
    return _Judges(filters, since, backfilled, tuple(without))


def _written(
    spark: SparkSession, topics: Topics, known: Mapping[str, datetime], beyond: Mapping[str, Offsets]
) -> DataFrame:
    """Topic and source of each record that was written since a time, or beyond offsets."""
    found = []
    for topic, since in known.items():
        begin = beyond.get(topic) or topics.at(topic, since)
        records = plan.read_range(spark, topics, topic, begin, topics.end(topic))
        found.append(records.select("topic", _place().alias(_PLACE)))
    return reduce(lambda a, b: a.union(b), found)


def _place() -> SparkColumn:
    """Where the packet of a written record came from."""
    parts = [
        F.coalesce(plan.header(f"{_SOURCE}.{name}"), plan.header(f"{_ERRORS}.{name}"))
        for name in ("partition", "offset")
    ]
    return F.concat_ws(":", *parts, F.coalesce(plan.header(f"{_SOURCE}.record"), F.lit("0")))
