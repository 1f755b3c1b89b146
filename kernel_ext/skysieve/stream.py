"""A stream: a Kafka topic of alert packets, with its packet format and columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from skysieve.engine import registry
from skysieve.enrich import chain
from skysieve.enrich.base import Enrichment
from skysieve.errors import PacketError, SkysieveError, StreamError, nearest
from skysieve.packets import avro, formats
from skysieve.packets.alerts import numbered
from skysieve.packets.columns import Column, Columns, Version, age
from skysieve.packets.formats import Format
from skysieve.packets.names import Names
from skysieve.stream_topics import newest, rejected_topic, streams
from skysieve.times import Time, instant
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


_SAMPLE = 8
"""Packets looked at in each partition, at its beginning and at its end, to tell format and schema versions."""
_TAUGHT = 16
"""Kinds of rejected packets, of each of which one is looked at."""
_ASSUMED = "lsst"


@dataclass(frozen=True)
class Stream:
    """A Kafka topic of alert packets.

    Attributes
    ----------
    name
        The topic.
    """

    name: str
    topics: Topics = field(repr=False)
    spark: SparkSession | None = field(default=None, repr=False)

    @cached_property
    def _sample(self) -> list[bytes]:
        """The values of some of its oldest and newest packets."""
        begin, end = self.topics.bounds(self.name)
        head = {p: min(begin[p] + _SAMPLE, end[p]) for p in end}
        tail = {p: max(head[p], end[p] - _SAMPLE) for p in end}
        looked = [*self.topics.read(self.name, begin, head), *self.topics.read(self.name, tail, end)]
        return [record.value for record in looked if record.value]

    @property
    def is_empty(self) -> bool:
        """Whether no packet was there when it was looked at."""
        return not self._sample

    @cached_property
    def _rejected(self) -> list[bytes]:
        """The values of some packets that could not be decoded, among them those whose schema was not known then."""
        topic = rejected_topic(self.name)
        if not self.topics.partitions(topic):
            return []
        begin, end = self.topics.bounds(topic)
        tail = {p: max(begin[p], end[p] - _SAMPLE) for p in end}
        return [record.value for record in self.topics.read(topic, tail, end) if record.value]

    @cached_property
    def format(self) -> Format:
        """How its packets are framed, with the schemas of a sample of them.

        It is what was stated, or what most of the sample looks like (LSST's, while the stream is empty).

        Raises
        ------
        StreamError
            If the packets are in no format that is known here.
        """
        name = self._stated.format or self._detected
        return formats.get(name).fitted(self._seen)

    def state(self, packet_format: str | None) -> None:
        """State how its packets are framed, for everyone and for good; None: let that be found out.

        Needed only where the first packets do not tell, or before there are any.

        Raises
        ------
        StreamError
            If there is no format of that name.
        """
        if packet_format:
            formats.get(packet_format)
        self._state(format=packet_format)

    def _state(self, **what: Any) -> None:
        try:
            said = self._stated
        except StreamError:  # what cannot be read is replaced
            said = registry.Stated()
        registry.state(self.topics, self.name, said.model_copy(update=what))
        for known in ("_stated", "format", "described", "enrichments", "filterable"):
            vars(self).pop(known, None)

    @cached_property
    def _stated(self) -> registry.Stated:
        return registry.stated(self.topics, self.name)

    @cached_property
    def enrichments(self) -> dict[str, Enrichment]:
        """What gives it further columns, by the name that these begin with."""
        return chain.readable(self._stated.enrichments)

    def enrich(self, **enrichments: Enrichment | None) -> None:
        """Give it further columns, for everyone, or take them back: see :func:`skysieve.enrich.chain.changed`."""
        said = self._stated.enrichments
        self._state(enrichments=chain.changed(said, enrichments, self._of_packet, self.format.places))

    @property
    def _detected(self) -> str:
        if not self._sample:
            return _ASSUMED
        votes = Counter(found.name for value in self._sample if (found := formats.detect(value)))
        if not votes:
            raise StreamError(
                f"The packets of {self.name!r} are in no format that Skysieve knows: "
                f"the newest begins with {self._sample[-1][:8].hex(' ')}."
            )
        return votes.most_common(1)[0][0]

    @property
    def sampled(self) -> Stream:
        """The same stream, decoding only the versions found in a sample: for those who learn from what is rejected."""
        other = Stream(self.name, self.topics, self.spark)
        vars(other).update(
            _sample=self._sample,
            format=self.format.only(self._sample),
            described=self.described,
            filterable=self.filterable,
        )
        return other

    def learned(self, packets: Iterable[bytes]) -> Stream:
        """The same stream, with the schemas of these packets as well."""
        other = Stream(self.name, self.topics, self.spark)
        vars(other).update(_sample=self._sample, _stated=self._stated, format=self.format.fitted(packets))
        return other

    def taught(self, packets: DataFrame) -> Stream:
        """The same stream, with every schema that these Kafka records can teach: looked for by Spark."""
        from pyspark.sql import functions as F  # noqa: N812

        from skysieve.packets.decode import decode, kafka

        wiser, known = self, ""
        while wiser.format.knows != known:
            known = wiser.format.knows
            broken = decode(packets, wiser.format, []).where(kafka("problem").isNotNull())
            each = broken.groupBy(kafka("problem").message)
            some = each.agg(F.min_by(kafka("value"), kafka("offset")).alias("value")).limit(_TAUGHT)
            wiser = wiser.learned(bytes(row["value"] or b"") for row in some.collect())
        return wiser

    def refreshed(self, known: Stream | None) -> Stream:
        """The same stream, with what was learned of it before, as long as it is still in the same format."""
        if known is None or known.format.name != self.format.name:
            return self
        other = known.learned(self._seen)
        vars(other)["_stated"] = self._stated
        return other

    @property
    def _seen(self) -> list[bytes]:
        return [*self._sample, *self._rejected]

    @cached_property
    def described(self) -> Columns:
        """Its columns, united over the schema versions found in a sample of its packets."""
        return self.format.columns(self._sample)

    @property
    def versions(self) -> list[Version]:
        """Schema versions of the packets in a sample."""
        found = set()
        for value in self._sample:
            with suppress(PacketError):
                found.add(self.format.version(value))
        return sorted(found, key=age)

    @cached_property
    def filterable(self) -> Columns:
        """What filters can use: the columns of every known version, records as its packets have them."""
        return chain.adding(self._of_packet, self.enrichments)

    @property
    def _of_packet(self) -> Columns:
        return self.format.columns().preferring(self.described)

    @property
    def c(self) -> Names:
        """Its columns, for conditions such as ``(s.c.snr > 20) & (s.c.diaObject.nDiaSources > 5)``."""
        return Names(self.filterable)

    @property
    def whole(self) -> list[Column]:
        """What an alert consists of: the fields of its packet that are in no other."""
        return [column for column in self.described if len(column.path) == 1 and not column.sql]

    def columns(self) -> pd.DataFrame:
        """What filters can use.

        Returns
        -------
        pandas.DataFrame
            One row per column: ``name``, ``type`` (Spark's), ``avro``, ``unit``, ``description`` (of the survey),
            ``since`` and ``until`` (first and last of the sample's schema versions that has it), ``null`` (whether
            it can be NULL).
        """
        rows = [
            {
                "name": column.name,
                "type": avro.spark_type(column.schema) if column.is_scalar else _short(column.schema),
                "avro": avro.avro_name(column.schema),
                "unit": column.unit,
                "description": column.description,
                "since": column.since,
                "until": column.until,
                "null": column.null,
            }
            for column in (*self.described, *(column for column in self.filterable if column.by is not None))
        ]
        return pd.DataFrame(rows)

    def recent(self, count: int = 1000) -> DataFrame:
        """The newest packets, decoded whole.

        Parameters
        ----------
        count
            How many, taken evenly from the partitions.

        Returns
        -------
        pyspark.sql.DataFrame
            The columns of the packet (``diaSource`` … as structs, NULL for NaN), then ``kafka``: partition, offset,
            record (number of the alert in its packet), timestamp. Packets that cannot be decoded are left out.
        """
        return self._decoded(*self.slice(last=count))

    def between(self, begin: Time, end: Time) -> DataFrame:
        """The packets that arrived in a range of time, decoded whole, as :meth:`recent` gives them.

        Parameters
        ----------
        begin, end
            Aware datetimes or ISO texts with a zone: the times at which Kafka took the packets, ``end`` not included.
        """
        return self._decoded(*self.slice(between=(begin, end)))

    def alert(self, partition: int, offset: int, record: int = 0) -> dict[str, Any]:
        """One whole alert, decoded in Python.

        Parameters
        ----------
        partition, offset
            Place of its packet in Kafka.
        record
            Number of the alert in its packet, from 0.

        Raises
        ------
        PacketError
            If it cannot be decoded.
        """
        packet = self.topics.one(self.name, int(partition), int(offset)).value or b""
        return numbered(self.format.read(packet), record)

    def slice(
        self, *, last: int | None = None, between: tuple[Time, Time] | None = None
    ) -> tuple[Offsets, Offsets]:
        """The offsets, from and up to, that hold the newest packets or those of a range of time."""
        begin, end = self.topics.bounds(self.name)
        if between is not None:
            start, stop = (self.topics.at(self.name, instant(t)) for t in between)
            return start, {p: max(start[p], stop[p]) for p in stop}
        if last is None:
            return begin, end
        if last < 1:
            raise StreamError(f"last={last}: ask for one packet or more.")
        return newest(begin, end, last), end

    def offsets(self, start: str) -> Offsets:
        """The offsets that ``latest``, ``earliest`` or an ISO time stand for."""
        if start == "latest":
            return self.topics.end(self.name)
        if start == "earliest":
            return self.topics.begin(self.name)
        return self.topics.at(self.name, instant(start))

    def _decoded(self, start: Offsets, stop: Offsets) -> DataFrame:
        from pyspark.sql import functions as F  # noqa: N812

        from skysieve.engine import plan
        from skysieve.packets.decode import decode, kafka

        if self.spark is None:
            raise SkysieveError("This stream was opened without Spark; use skysieve.attach().stream(name).")
        packets = plan.read_range(self.spark, self.topics, self.name, start, stop)
        wiser = self.taught(packets)
        alerts = decode(packets, wiser.format, wiser.whole).where(kafka("problem").isNull())
        place = F.struct(*(kafka(n).alias(n) for n in ("partition", "offset", "record", "timestamp")))
        return alerts.select(*(f"`{column.name}`" for column in wiser.whole), place.alias("kafka"))


def open_stream(topics: Topics, name: str, spark: SparkSession | None = None) -> Stream:
    """The stream of that name.

    Raises
    ------
    StreamError
        If there is no such topic; the message names the nearest ones.
    """
    names = topics.names()
    if name not in names:
        topics.partitions(name)  # one that this user may not see is refused here, not called missing
        known = streams(names)
        raise StreamError(
            f"There is no stream {name!r}.{nearest(name, known)} "
            + (
                f"Streams here: {', '.join(known)}."
                if known
                else "No stream is here yet: `skysieve simulate` makes one."
            )
        )
    return Stream(name, topics, spark)


def _short(schema: Any) -> str:
    kind, _ = avro.split_null(schema)
    if avro.is_array(kind):
        return f"array<{_short(kind['items'])}>"
    return "struct" if avro.is_record(kind) else avro.spark_type(schema)
