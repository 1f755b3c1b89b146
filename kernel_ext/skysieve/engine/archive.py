"""Archives: matches as Parquet files, by night of observation, for filters that were deployed with a sink.

What a filter's output topic holds is copied in parts, each of which begins where the one before it ended. A part has a
folder of its own in every night that it touches, named after where it begins, and replaces what a broken-off attempt
left there; so the files hold each match of the topic once, whatever happens on the way.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F  # noqa: N812

from skysieve.engine import plan
from skysieve.engine.book import StatusBook
from skysieve.engine.registry import PARQUET, Registered
from skysieve.engine.status import Archived
from skysieve.engine.values import now
from skysieve.errors import DeploymentError
from skysieve.packets.decode import decode, kafka
from skysieve.stream import Stream, open_stream
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("skysieve.supervisor")

NIGHT, PART, MATCH = "night", "part", "match"
"""Names of what is added to an alert's own columns: two folders, and a struct that says whose match it is."""

_MANY = 5000
"""Matches that are written without waiting for more."""
_SOURCE = {"topic": "string", "partition": "int", "offset": "bigint", "record": "int", "timestamp": "bigint"}
_JD = 2400000.5


def matches(
    spark: SparkSession, source: Stream, output_topic: str, start: Offsets, stop: Offsets
) -> DataFrame:
    """The matches in a range of an output topic, decoded whole, each once.

    Returns
    -------
    pyspark.sql.DataFrame
        The columns of the packet; ``match``: version of the filter, annotations (JSON), and topic, partition, offset,
        record and time of the packet in its stream; ``night``: the date on which the night of the observation begins,
        from noon to noon UTC (that of its arrival, where the packet does not tell).
    """
    records = plan.read_range(spark, source.topics, output_topic, start, stop)
    said = {name: plan.header(f"skysieve.source.{name}").cast(kind) for name, kind in _SOURCE.items()}
    said |= {name: plan.header(f"skysieve.{name}") for name in ("version", "annotations")}
    alerts = decode(records.withColumns({f"of_{n}": c for n, c in said.items()}), source.format, source.whole)
    this = kafka("problem").isNull() & (kafka("record") == F.coalesce(kafka("of_record"), F.lit(0)))
    at = F.timestamp_millis(kafka("of_timestamp"))
    match = F.struct(
        kafka("of_version").alias("version"),
        kafka("of_annotations").alias("annotations"),
        *(kafka(f"of_{n}").alias(n) for n in ("topic", "partition", "offset", "record")),
        at.alias("arrived"),
    )
    place = [f"kafka.of_{n}" for n in ("topic", "partition", "offset", "record")]
    once = alerts.where(this).dropDuplicates(place)
    return once.select(
        *(f"`{column.name}`" for column in source.whole),
        match.alias(MATCH),
        _night(source, at).alias(NIGHT),
    )


def write(
    spark: SparkSession, source: Stream, record: Registered, start: Offsets, stop: Offsets, path: str
) -> None:
    """Write a part of the archive, in place of what a broken-off attempt at it left."""
    found = matches(spark, source, record.filter.output_topic, start, stop)
    part = found.withColumn(PART, F.lit(sum(start.values())).cast("bigint")).coalesce(1)
    writer = part.write.mode("overwrite").option("partitionOverwriteMode", "dynamic")
    writer.partitionBy(NIGHT, PART).parquet(path)


def refuse_others(spark: SparkSession, path: str, start: Offsets) -> None:
    """Make sure that an archive begins in a folder where nothing is but a broken-off attempt at its first part.

    Raises
    ------
    DeploymentError
        If there are other files: of another deployment, or of this one before it was removed or sent elsewhere.
    """
    try:
        parts = {row[0] for row in spark.read.parquet(path).select(PART).distinct().collect()}
    except AnalysisException as error:
        if "PATH_NOT_FOUND" in str(error) or "UNABLE_TO_INFER_SCHEMA" in str(error):
            return
        raise
    if parts - {sum(start.values())}:
        raise DeploymentError(
            f"There are other files in {path}, whose matches would be there twice. Deploy with a folder of its own: "
            "sink='parquet:…'."
        )


def _night(source: Stream, arrived: SparkColumn) -> SparkColumn:
    of_arrival = F.to_date(arrived - F.expr("INTERVAL 12 HOURS"))
    time_column = source.format.places.time
    if time_column is None or time_column not in source.filterable:
        return of_arrival
    column = source.filterable[time_column]
    days = F.col(".".join(f"`{part}`" for part in column.path)).cast("double")
    mjd = F.when(days > _JD, days - _JD).otherwise(days)
    of_observation = F.date_add(F.lit("1858-11-17").cast("date"), F.floor(mjd - 0.5).cast("int"))
    return F.coalesce(of_observation, of_arrival)


class Archives:
    """Keeps the archives of all filters up to date, one after the other, in a thread beside the banks.

    Parameters
    ----------
    topics, book
        Kafka, and what is known of the archives.
    session
        Gives the supervisor's Spark session.
    every
        Seconds after which even few new matches are written.
    """

    def __init__(
        self, topics: Topics, book: StatusBook, session: Callable[[], SparkSession], every: float
    ) -> None:
        self._topics, self._book, self._session, self._every = topics, book, session, every
        self._tried: dict[str, float] = {}
        self._worker: threading.Thread | None = None

    def look(self, registered: Mapping[str, Registered]) -> None:
        """Begin to write what is due, unless that is under way."""
        with_sink = {name: record for name, record in registered.items() if record.sink}
        if not with_sink or (self._worker is not None and self._worker.is_alive()):
            return
        totals = self._topics.totals(record.filter.output_topic for record in with_sink.values())
        due = [r for n, r in with_sink.items() if self._is_due(r, totals.get(r.filter.output_topic, 0))]
        if due:
            self._worker = threading.Thread(target=self._work, args=(due,), name="archives", daemon=True)
            self._worker.start()

    def _is_due(self, record: Registered, total: int) -> bool:
        waiting = total - sum(self._reached(record).values())
        waited = time.monotonic() - self._tried.get(record.name, -self._every)
        return waiting >= _MANY or (waiting > 0 and waited >= self._every)

    def _reached(self, record: Registered) -> Offsets:
        known = self._book.archives.get(record.name)
        return known.position if known and known.sink == record.sink else {}

    def _work(self, due: list[Registered]) -> None:
        for record in due:
            self._tried[record.name] = time.monotonic()
            reached, error = self._reached(record), None
            try:
                reached = self._write(record, reached)
            except Exception as raised:  # whatever it is, the person who deployed must read it
                error = str(raised)[:500]
                log.exception("matches of %s cannot be written to %s", record.name, record.sink)
            self._book.archive(
                record.name, Archived(sink=record.sink, position=reached, error=error, updated=now())
            )

    def _write(self, record: Registered, reached: Offsets) -> Offsets:
        topic = record.filter.output_topic
        begin, end = self._topics.bounds(topic)
        start = {p: max(begin[p], reached.get(p, 0)) for p in end}
        source, path = open_stream(self._topics, record.stream), record.sink.removeprefix(PARQUET)
        if not reached:
            refuse_others(self._session(), path, start)
        write(self._session(), source, record, start, end, path)
        return end
