"""What a preview reads: a range of a stream in Kafka, or the packets in files, as the same Kafka records."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

import pyarrow as pa

from skysieve.brokers import one_connection
from skysieve.enrich.base import decoded
from skysieve.errors import StreamError
from skysieve.packets import avro
from skysieve.packets.columns import Column
from skysieve.sample import Samples
from skysieve.sources.files import read_packets
from skysieve.stream import Stream
from skysieve.times import Time
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_SAMPLE = 512
"""Packets of files that are looked at to tell their format and schema versions."""
_PART = 32 << 20
"""Bytes of packets from files that are judged at a time."""
_RECORDS = pa.schema(
    {
        "key": pa.binary(),
        "value": pa.binary(),
        "topic": pa.string(),
        "partition": pa.int32(),
        "offset": pa.int64(),
        "timestamp": pa.timestamp("us", "UTC"),
        "headers": pa.list_(pa.struct({"key": pa.string(), "value": pa.binary()})),
    }
)
"""The columns of Spark's Kafka source."""


class Slice(Protocol):
    """The packets that a preview reads."""

    @property
    def stream(self) -> Stream:
        """The stream, with what is known of its format."""

    @property
    def ids(self) -> tuple[int | str, ...] | None:
        """The only alerts wanted; None for all."""

    @property
    def start(self) -> Offsets:
        """First offset in each partition."""

    @property
    def stop(self) -> Offsets:
        """The one after the last."""

    def judged(self, samples: Samples, columns: Sequence[Column]) -> Iterator[DataFrame]:
        """The alerts with these columns, decoded, in as many parts as memory wants."""

    def packet(self, partition: int, offset: int) -> bytes:
        """One packet."""

    def learned(self, packets: Iterable[bytes]) -> Slice:
        """The same packets, with the schemas of these known as well."""


@dataclass(frozen=True)
class Range:
    """The packets between two offsets of each partition."""

    stream: Stream
    start: Offsets
    stop: Offsets
    ids: tuple[int | str, ...] | None = None

    def judged(self, samples: Samples, columns: Sequence[Column]) -> Iterator[DataFrame]:
        """All of them at once; what was decoded before is not decoded again."""
        yield samples.judged(self.stream, columns, self.start, self.stop)

    def packet(self, partition: int, offset: int) -> bytes:
        """One packet, fetched from Kafka."""
        return self.stream.topics.one(self.stream.name, partition, offset).value or b""

    def learned(self, packets: Iterable[bytes]) -> Range:
        """The same range, with the schemas of these packets known as well."""
        return replace(self, stream=self.stream.learned(packets))


@dataclass(frozen=True)
class Filed(Stream):
    """A stream that is in files; no topic of its name need exist."""

    paths: tuple[Path, ...] = field(default=(), kw_only=True)

    @cached_property
    def _sample(self) -> list[bytes]:
        return [packet.value for packet in itertools.islice(read_packets(self.paths), _SAMPLE)]

    @property
    def _rejected(self) -> list[bytes]:
        return []


@dataclass(frozen=True)
class Files:
    """The packets in files, numbered as if they were one partition."""

    stream: Stream
    paths: tuple[Path, ...]
    ids: tuple[int | str, ...] | None = None

    @property
    def start(self) -> Offsets:
        """They are counted from 0."""
        return {0: 0}

    @cached_property
    def stop(self) -> Offsets:
        """Their number."""
        return {0: sum(1 for _ in read_packets(self.paths))}

    def judged(self, samples: Samples, columns: Sequence[Column]) -> Iterator[DataFrame]:
        """So many at a time as fit into the memory of both sides."""
        for packets in self._parts(samples.spark):
            yield decoded(packets, self.stream.format, columns)

    def _parts(self, spark: SparkSession) -> Iterator[DataFrame]:
        part: list[dict[str, Any]] = []
        size = 0
        for offset, packet in enumerate(read_packets(self.paths)):
            headers = [{"key": name, "value": value} for name, value in packet.headers]
            part.append(
                {
                    "key": packet.key,
                    "value": packet.value,
                    "topic": self.stream.name,
                    "partition": 0,
                    "offset": offset,
                    "headers": headers,
                }
            )
            size += len(packet.value)
            if size >= _PART:
                yield _records(spark, part)
                part, size = [], 0
        if part:
            yield _records(spark, part)

    def packet(self, partition: int, offset: int) -> bytes:
        """One packet, read again from its file."""
        return next(itertools.islice(read_packets(self.paths), offset, None)).value

    def learned(self, packets: Iterable[bytes]) -> Files:
        """The same files, with the schemas of these packets known as well."""
        return replace(self, stream=self.stream.learned(packets))


def _records(spark: SparkSession, part: list[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame(pa.Table.from_pylist(part, _RECORDS))


class Which(TypedDict, total=False):
    """How a user names a slice; see :meth:`skysieve.session.Session.preview`."""

    last: int | None
    between: tuple[Time, Time] | None
    night: str | None
    files: Sequence[str | Path] | None
    ids: Sequence[int | str] | None


def choose(
    topics: Topics, name: str, opened: Callable[[], Stream], *, usual: int, **which: Unpack[Which]
) -> Slice:
    """The slice of a stream that a user means, ``usual`` packets unless told otherwise.

    The stream is opened only where its topic is read.

    Raises
    ------
    StreamError
        If more than one is meant, or it cannot be had.
    """
    last, between, files, ids = which.get("last"), which.get("between"), which.get("files"), which.get("ids")
    meant = [f"{what}=" for what, value in which.items() if value is not None and what != "ids"]
    if len(meant) > 1:
        raise StreamError(f"Give {' or '.join(meant)}, not both: they are different slices of the stream.")
    found: Range | Files
    if files is not None:
        paths = tuple(Path(path) for path in files)
        if not paths:
            raise StreamError("files=[] names no file: give files or folders.")
        found = Files(Filed(name, topics, paths=paths), paths)
    else:
        if (night := which.get("night")) is not None:
            between = night_of(night)
        if not meant and ids is None:
            last = usual
        with one_connection():
            stream = opened().sampled
            found = Range(stream, *stream.slice(last=last, between=between))
    return found if ids is None else replace(found, ids=_wanted(found.stream, ids))


def night_of(evening: str) -> tuple[datetime, datetime]:
    """The noon (UTC) before the night that begins on this date, and the one after it.

    Examples
    --------
    >>> [noon.isoformat() for noon in night_of("2026-03-05")]
    ['2026-03-05T12:00:00+00:00', '2026-03-06T12:00:00+00:00']
    """
    try:
        noon = datetime.combine(date.fromisoformat(evening), time(12), UTC)
    except ValueError:
        raise StreamError(f"night={evening!r} is no date: write that of its evening, 2026-03-05.") from None
    return noon, noon + timedelta(days=1)


def _wanted(stream: Stream, ids: Sequence[int | str]) -> tuple[int | str, ...]:
    name = stream.format.places.id
    if name is None:
        raise StreamError(
            f"The packets of {stream.name!r} have no id that is known here, so ids= finds none."
        )
    if avro.spark_type(stream.filterable[name].schema) not in ("int", "bigint"):
        return tuple(str(one) for one in ids)
    try:
        return tuple(_whole(one) for one in ids)
    except (TypeError, ValueError):
        raise StreamError(
            f"An id in {name} is a whole number; a float has lost digits of it: give integers or texts."
        ) from None


def _whole(one: Any) -> int:
    if isinstance(one, float):
        raise TypeError
    return int(one)
