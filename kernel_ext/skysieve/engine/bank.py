"""The bank: one streaming query per stream that evaluates all its deployed filters on one read and one decode.

A filter in Python, or an aggregate, has a bank of its own: what it does holds up no other. What cannot be
decoded is rejected by the stream's bank alone, which runs as long as any filter does.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.errors import AnalysisException
from pyspark.sql import functions as F  # noqa: N812

from skysieve.brokers import one_connection
from skysieve.engine import groups, joins, plan, states
from skysieve.engine.batches import deleted, observed
from skysieve.filter import BoundFilter, Filter
from skysieve.packets.formats import Format
from skysieve.stream import open_stream
from skysieve.stream_topics import rejected_topic
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

log = logging.getLogger("skysieve.supervisor")

_PREFIX = "bank:"
_LARGEST_BATCH = 50_000
"""Packets, some ten seconds of work: a bank with a night to catch up on notes its progress on the way."""
_NOTED = "10 seconds"
"""How often a bank in real time notes its progress; each time it pauses for about half a second."""


def running(spark: SparkSession) -> dict[str, StreamingQuery]:
    """The queries of a session that are banks, by the bank's name, whoever started them."""
    named = {(query.name or ""): query for query in spark.streams.active}
    return {
        name.removeprefix(_PREFIX).rpartition(":")[0]: query
        for name, query in named.items()
        if name.startswith(_PREFIX)
    }


class Bank:
    """A streaming query of one stream.

    Parameters
    ----------
    spark
        The supervisor's session, which owns the query.
    topics
        The Kafka cluster.
    query
        Name of the query: the stream's, or ``STREAM/FILTER``.
    checkpoint
        Folder for Spark's checkpoint of this query, on a file system that Spark's driver sees.
    retracted
        Events of a stream of notices that were taken back.
    """

    def __init__(
        self,
        spark: SparkSession,
        topics: Topics,
        query: str,
        checkpoint: str,
        retracted: frozenset[str] = frozenset(),
    ) -> None:
        self._spark, self._topics, self._retracted = spark, topics, retracted
        self.name, self._checkpoint = query, checkpoint
        self.stream, _, alone = query.partition("/")
        self.is_alone = bool(alone)

    @property
    def query(self) -> StreamingQuery | None:
        """The running query, found by its name in the session, whoever started it."""
        return running(self._spark).get(self.name)

    def packet(self, partition: int, offset: int) -> bytes:
        """A packet of its stream."""
        return self._topics.one(self.stream, partition, offset).value or b""

    def lost(self, start: Offsets, stop: Offsets) -> int:
        """Number of packets of a range that Kafka has deleted."""
        begin = self._topics.begin(self.stream)
        return deleted(start, {p: min(o, begin.get(p, 0)) for p, o in stop.items()})

    def runs(self, what: str) -> bool:
        """Whether the query that is running was started as this."""
        query = self.query
        return query is not None and query.name == self._name(what)

    def stop(self) -> None:
        """Stop the query, between two micro-batches or inside one, which is then done again."""
        if query := self.query:
            query.stop()

    def discard(self) -> None:
        """Remove the checkpoint, which nobody needs any more; left where this process does not see that folder."""
        shutil.rmtree(self._checkpoint, ignore_errors=True)

    def forget_begun(self) -> None:
        """Plan a batch anew that was begun and not committed: Spark 4.1 cannot go on with it (SPARK-55271)."""
        done = max(self._numbers("commits"), default=-1)
        for number in self._numbers("offsets"):
            if number > done:
                for name in (str(number), f".{number}.crc"):
                    (Path(self._checkpoint) / "offsets" / name).unlink(missing_ok=True)
        if done < 0:  # Spark takes no state where no batch was done
            shutil.rmtree(Path(self._checkpoint) / "state", ignore_errors=True)

    def position(self) -> Offsets | None:
        """The offsets up to which batches were committed; None before the first.

        Read from the checkpoint through Spark, since only Spark need see that folder.
        """
        return self._newest("commits")

    def begun(self) -> Offsets | None:
        """Where the newest batch ends, committed or not; None before the first."""
        return self._newest("offsets")

    def _newest(self, folder: str) -> Offsets | None:
        batches = self._numbers(folder)
        if not batches:
            return None
        text = self._spark.read.text(f"{self._checkpoint}/offsets/{max(batches)}", wholetext=True).first()
        assert text is not None
        # a line for each source comes last: a join has two
        sources = [json.loads(line) for line in text[0].splitlines() if line.startswith("{")]
        found = next(one[self.stream] for one in sources if self.stream in one)
        return {int(p): o for p, o in found.items()}

    def _numbers(self, folder: str) -> list[int]:
        try:
            files = (
                self._spark.read.text(f"{self._checkpoint}/{folder}").select(F.input_file_name()).distinct()
            )
            return [int(row[0].rsplit("/", 1)[-1]) for row in files.collect()]
        except AnalysisException as error:
            if "PATH_NOT_FOUND" in str(error):
                return []
            raise

    def start(
        self,
        what: str,
        filters: Sequence[BoundFilter],
        packet_format: Format,
        begin: Offsets,
        *,
        exact: bool = True,
    ) -> StreamingQuery:
        """Start the query.

        Parameters
        ----------
        what
            A mark by which :meth:`runs` knows it again, in this process or the next.
        filters, packet_format
            What it evaluates, and on what.
        begin
            Where to begin; counts only where there is no checkpoint yet.
        exact
            Whether packets are judged in micro-batches, each of which waits until its progress is on disk. Without that
            a bank runs in Spark's real-time mode: its tasks stay and judge a packet when it comes, progress is noted
            every 10 s, and what came since is judged again after a stop. What needs Python or more tasks than Spark has
            is judged in micro-batches that do not wait for the disk; what has a state, in those that do.
        """
        stateful = next((bound.filter for bound in filters if bound.filter.has_state), None)
        offsets = json.dumps({self.stream: {str(p): o for p, o in begin.items()}})
        stays = not exact and plan.is_in_java(filters, packet_format) and self._has_room()
        most = None if stays else _LARGEST_BATCH
        source = observed(plan.follow(self._spark, self._topics, self.stream, offsets, most), when_read=stays)
        writer: Any = (  # classic Spark's types know no `realTime` yet
            self.output(source, filters, packet_format, {} if self.is_alone else None)
            .writeStream.format("kafka")
            .options(**plan.sink_options(self._topics))
            .option("checkpointLocation", self._checkpoint)
            .queryName(self._name(what))
        )
        if stateful is not None:
            return states.start(self._spark, writer, "update" if stateful.grouping else "append")
        if stays:
            writer = writer.outputMode("update").trigger(realTime=_NOTED)
        else:
            writer = writer.option("asyncProgressTrackingEnabled", str(not exact).lower())
        started: StreamingQuery = writer.start()
        return started

    def _has_room(self) -> bool:
        """Whether a local Spark has a task for each partition that is read, and one more; clusters do not tell.

        Spark says nothing where it lacks tasks, and never reads the partitions that are left.
        """
        local = re.fullmatch(r"local\[(\d+)\]", self._spark.conf.get("spark.master", None) or "")
        streams = [name.partition("/")[0] for name in {*running(self._spark), self.name}]
        needed = sum(map(self._topics.partitions, streams))
        if local is None or needed < int(local[1]):
            return True
        log.warning(
            "%s is judged in micro-batches: in real time the streams need %d tasks and one more, and Spark has %s. "
            "Start it anew, with $SKYSIEVE_PROGRESS=asynchronous in its environment, too.",
            self.name,
            needed,
            local[1],
        )
        return False

    def backfill(
        self,
        filters: Sequence[BoundFilter],
        packet_format: Format,
        start: Offsets,
        stop: Offsets,
        reject_before: Offsets,
    ) -> None:
        """Judge a range of the past, by the same plan."""
        past = plan.read_range(self._spark, self._topics, self.stream, start, stop)
        output = self.output(past, filters, packet_format, reject_before)
        output.write.format("kafka").options(**plan.sink_options(self._topics)).save()

    def rehearse(
        self, filters: Sequence[BoundFilter], packet_format: Format, start: Offsets, stop: Offsets
    ) -> None:
        """Judge a range of the past and write nothing; raises what the bank would fall on."""
        past = plan.read_range(self._spark, self._topics, self.stream, start, stop)
        self.output(past, filters, packet_format).write.format("noop").mode("overwrite").save()

    def output(
        self,
        packets: DataFrame,
        filters: Sequence[BoundFilter],
        packet_format: Format,
        reject_before: Offsets | None = None,
    ) -> DataFrame:
        """What goes to Kafka, the topics for it made first."""
        sizes = self.prepare([bound.filter for bound in filters])
        if alone := next((bound for bound in filters if bound.filter.has_state), None):
            if alone.grouping:
                return groups.updates(packets, packet_format, alone)
            return self._joined(packets, packet_format, alone, sizes[alone.filter.output_topic])
        return plan.deliveries(
            plan.judge(packets, packet_format, filters), self.stream, filters, sizes, reject_before
        )

    def _joined(
        self, packets: DataFrame, packet_format: Format, bound: BoundFilter, partitions: int
    ) -> DataFrame:
        assert bound.filter.joining is not None
        other = open_stream(self._topics, bound.filter.joining.stream)
        joins.check_place(packet_format, other, bound.filter.joining)
        if packets.isStreaming:
            notices = plan.follow(self._spark, self._topics, other.name, "earliest", _LARGEST_BATCH)
        else:
            begin, end = self._topics.bounds(other.name)
            notices = plan.read_range(self._spark, self._topics, other.name, begin, end)
        return joins.records(
            packets, packet_format, bound, notices, other.format, self._retracted, partitions
        )

    def prepare(self, filters: Sequence[Filter]) -> dict[str, int]:
        """Make the topics that these filters write to, and tell the partitions of each, and of the stream."""
        wanted = [rejected_topic(self.stream), *(one.output_topic for one in filters)]
        with one_connection():
            sizes = self._topics.sizes({self.stream, *wanted})
            if missing := dict.fromkeys(set(wanted) - sizes.keys(), sizes.get(self.stream, 0)):
                self._topics.create(missing)
                sizes |= self._topics.sizes(missing)
        return sizes

    def _name(self, what: str) -> str:
        return f"{_PREFIX}{self.name}:{what}"
