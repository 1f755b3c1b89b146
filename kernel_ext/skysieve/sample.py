"""Decoded slices of streams, kept in Spark: a preview of a changed filter decodes only what it has not seen."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from skysieve.packets.columns import Column
from skysieve.packets.decode import kafka
from skysieve.stream import Stream
from skysieve.topics import Offsets

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame, SparkSession

_KEPT = 4
_CARRIED = ("key", "partition", "offset", "timestamp", "headers")


@dataclass(frozen=True)
class Sample:
    """A slice of a stream, decoded.

    Attributes
    ----------
    knows
        The format that decoded it.
    start, stop
        The slice.
    columns
        What was decoded.
    alerts
        What :func:`skysieve.packets.decode.decode` gives, less the packets themselves.
    """

    knows: str
    start: Offsets
    stop: Offsets
    columns: dict[str, Column]
    alerts: DataFrame

    def has(self, start: Offsets, wanted: dict[str, Column], knows: str) -> bool:
        """Whether it holds these columns, from these offsets on."""
        return (
            self.knows == knows
            and all(self.columns.get(name) == column for name, column in wanted.items())
            and all(self.start.get(p, 0) <= o <= self.stop.get(p, 0) for p, o in start.items())
        )


class Samples:
    """The last few samples of a session, one per stream.

    A sample grows with what is asked of it: further alerts are decoded as they arrive, and when a filter uses a column
    that it lacks, the slice is decoded once more with that and all that it had.
    """

    spark: SparkSession
    """Where they are kept."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        self._samples: dict[str, Sample] = {}

    def judged(self, stream: Stream, columns: Iterable[Column], start: Offsets, stop: Offsets) -> DataFrame:
        """The alerts of a slice, with these columns and more."""
        wanted = {column.name: column for column in columns}
        known = self._samples.get(stream.name)
        if known is None or not known.has(start, wanted, stream.format.knows):
            earlier = known.columns if known and known.knows == stream.format.knows else {}
            sample = self._decoded(stream, earlier | wanted, start, stop)
        elif any(stop[p] > known.stop.get(p, 0) for p in stop):
            sample = self._grown(stream, known, start, stop)
        else:
            sample = known
        if sample is not known:
            self._forget(stream.name)
        self._samples[stream.name] = self._samples.pop(stream.name, sample)
        for oldest in list(self._samples)[:-_KEPT]:
            self._forget(oldest)
        return sample.alerts.where(_within(start, stop))

    def _forget(self, name: str) -> None:
        """Let Spark drop the sample of a stream; those that are left when the session ends go with it."""
        from pyspark.errors import PySparkException
        from pyspark.sql.connect.plan import RemoveRemoteCachedRelation

        if known := self._samples.pop(name, None):
            spark: Any = self.spark
            kept: Any = known.alerts
            with suppress(PySparkException):  # a server that is gone has dropped it
                spark.client.execute_command(RemoveRemoteCachedRelation(kept._plan).command(spark.client))

    def _decoded(self, stream: Stream, columns: dict[str, Column], start: Offsets, stop: Offsets) -> Sample:
        from skysieve.engine import plan
        from skysieve.enrich.base import decoded

        packets = plan.read_range(self.spark, stream.topics, stream.name, start, stop)
        alerts = decoded(packets, stream.format, columns.values(), _CARRIED)
        return Sample(stream.format.knows, start, stop, columns, _kept(alerts))

    def _grown(self, stream: Stream, known: Sample, start: Offsets, stop: Offsets) -> Sample:
        """The same sample with what has arrived since, and without what came before."""
        begin = {p: max(start[p], known.stop.get(p, 0)) for p in stop}
        new = self._decoded(stream, known.columns, begin, stop)
        both = known.alerts.where(_within(start, known.stop)).unionByName(new.alerts)
        return Sample(known.knows, start, stop, known.columns, _kept(both))


def _kept(alerts: DataFrame) -> DataFrame:
    """The same, computed once and kept in Spark."""
    found: Any = alerts.localCheckpoint(eager=False)
    # pyspark 4.2 takes the session that was opened last for that of the result (conversion.py), and would drop the
    # result in __del__, a call to the server at any moment, in which an interrupt is lost
    found._session, found._plan._spark_session = alerts.sparkSession, None
    return found  # type: ignore[no-any-return]


def _within(start: Offsets, stop: Offsets) -> SparkColumn:
    """Whether a packet is in a slice."""
    from pyspark.sql import functions as F  # noqa: N812

    parts = [(kafka("partition") == p) & kafka("offset").between(start.get(p, 0), stop[p] - 1) for p in stop]
    return reduce(lambda a, b: a | b, parts, F.lit(False))
