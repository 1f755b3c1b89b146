"""Kafka's topics, as far as the registry, the status and a look at single packets need them.

Bulk traffic does not come through here: Spark reads and writes it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic, OffsetSpec
from kafka.errors import (
    InvalidTopicError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from skysieve.appending import append
from skysieve.brokers import administrator, client, listed, reach, refusals, refuse_hidden, without_leaders
from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions
from skysieve.ranges import fields, messages

Offsets = dict[int, int]
"""An offset for each partition of a topic."""

# what matters of what it logs comes as an error
logging.getLogger("kafka").addHandler(logging.NullHandler())
# it warns of every batch of packets that takes a tenth of a second to unpack
logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
# at DEBUG these show what is sent, the password of SASL's PLAIN among it, and at INFO every connection
for _name in ("kafka.net.connection", "kafka.protocol.parser"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_PATIENCE = 10.0
"""Seconds after which a silent Kafka is reported."""


@dataclass(frozen=True)
class Record:
    """One Kafka record."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Topics:
    """The topics of one Kafka cluster.

    Parameters
    ----------
    bootstrap
        ``host:port``, or several with commas.
    options
        How to connect: TLS, user and password.
    """

    bootstrap: str
    options: KafkaOptions = field(default=KafkaOptions(), repr=False)

    def check(self) -> None:
        """Make sure that somebody listens there.

        Raises
        ------
        SessionError
            If nobody does, or it is not whom the options trust.
        """
        reach(self.bootstrap, self.options)

    def names(self) -> list[str]:
        """Every topic, sorted."""
        with self._admin("list topics") as admin:
            return sorted(admin.list_topics())

    def sizes(self, topics: Iterable[str]) -> dict[str, int]:
        """Number of partitions of each topic; those that do not exist are left out.

        Raises
        ------
        SessionError
            If this user may not know whether there is one of them.
        """
        names = sorted(topics)
        with self._admin(f"see topic {listed(names)}, if there is one") as admin:
            found = admin.describe_topics(names)
            refuse_hidden(found)
        return {t["name"]: len(t["partitions"]) for t in found if not t["error_code"]}

    def partitions(self, topic: str) -> int:
        """Number of partitions of a topic; 0 if it does not exist."""
        return self.sizes([topic]).get(topic, 0)

    def create(self, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
        """Create topics, given as name and number of partitions, where they do not exist.

        Raises
        ------
        SessionError
            If Kafka does not let this user, or takes no topic of such a name.
        """
        missing = topics.keys() - set(self.names())
        if not missing:
            return None
        with self._admin(f"make topic {listed(missing)}") as admin:
            wanted = [
                NewTopic(name, topics[name], -1, topic_configs=dict(config or {})) for name in sorted(missing)
            ]
            try:
                admin.create_topics(wanted)
            except TopicAlreadyExistsError:
                self.sizes(missing)  # one that this user may not see would be missing for ever
                return self.create(topics, config)
            except InvalidTopicError:
                raise SessionError(
                    f"Kafka at {self.bootstrap} takes no topic {listed(missing)}: the name is illegal, or that of "
                    "another topic but for '.' and '_'."
                ) from None
            admin.wait_for_topics(sorted(missing))
            if late := without_leaders(admin, {n: topics[n] for n in missing}, _PATIENCE):
                raise SessionError(
                    f"Kafka at {self.bootstrap} made {listed(missing)}, but after {_PATIENCE:.0f} s no broker takes "
                    f"records for it ({late}): is one of them down?"
                )
        return None

    def delete(self, *topics: str) -> None:
        """Delete topics, where they exist."""
        there = sorted(set(topics) & set(self.names()))
        if there:
            with self._admin(f"delete topic {listed(there)}") as admin:
                try:
                    admin.delete_topics(there)
                except UnknownTopicOrPartitionError:
                    return

    def begin(self, topic: str) -> Offsets:
        """Offset of the oldest record that is kept."""
        return self._offsets(topic, OffsetSpec.EARLIEST)[0]

    def end(self, topic: str) -> Offsets:
        """Offset that the next record will have."""
        return self._offsets(topic, OffsetSpec.LATEST)[0]

    def bounds(self, topic: str) -> tuple[Offsets, Offsets]:
        """The offsets that `begin` and `end` give, in half the time."""
        begin, end = self._offsets(topic, OffsetSpec.EARLIEST, OffsetSpec.LATEST)
        return begin, end

    def totals(self, topics: Iterable[str]) -> dict[str, int]:
        """The sum over the partitions of where each topic ends; those that do not exist are left out."""
        names = sorted(set(topics))
        with self._admin(f"see where topic {listed(names)} ends") as admin:
            known = admin.describe_topics(names)
            places = [
                TopicPartition(t["name"], p["partition_index"])
                for t in known
                if not t["error_code"]
                for p in t["partitions"]
            ]
            found = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        sums: dict[str, int] = {}
        for place in places:
            sums[place.topic] = sums.get(place.topic, 0) + found[place].offset
        return sums

    def at(self, topic: str, time: datetime) -> Offsets:
        """Offset of the first record that arrived at that time or later; the end where there is none."""
        end, found = self._offsets(topic, OffsetSpec.LATEST, int(time.timestamp() * 1000))
        return {p: found[p] if found[p] >= 0 else o for p, o in end.items()}

    def read(self, topic: str, start: Offsets, stop: Offsets) -> Iterator[Record]:
        """The records of a range, in order within each partition.

        Raises
        ------
        SessionError
            If Kafka falls silent.
        """
        self.check()
        wanted = {p: (start.get(p, 0), end) for p, end in stop.items() if start.get(p, 0) < end}
        if not wanted:
            return
        try:
            for message in messages(self.bootstrap, self.options, topic, wanted, _PATIENCE):
                yield Record(**fields(message))
        except SessionError:
            self.partitions(topic)  # which says plainly what this user may not
            raise

    def last(self, topic: str, count: int) -> list[Record]:
        """The newest records by time of arrival, oldest first."""
        begin, end = self.bounds(topic)
        start = {p: max(begin[p], end[p] - count) for p in end}
        return sorted(self.read(topic, start, end), key=lambda r: (r.timestamp, r.partition, r.offset))[
            -count:
        ]

    def one(self, topic: str, partition: int, offset: int) -> Record:
        """A single record.

        Raises
        ------
        SessionError
            If it is not there any more.
        """
        begin, end = self.bounds(topic)
        if begin.get(partition, 0) <= offset < end.get(partition, 0):
            for record in self.read(topic, {partition: offset}, {partition: offset + 1}):
                return record
        raise SessionError(f"{topic}[{partition}]@{offset} is not in Kafka (any more).")

    def newest_by_key(self, topic: str) -> dict[str, bytes]:
        """What a compacted topic holds: the newest value of each key, without the deleted ones."""
        if not self.partitions(topic):
            return {}
        found: dict[str, bytes] = {}
        for record in self.read(topic, {}, self.end(topic)):
            key = (record.key or b"").decode(errors="replace")
            found.pop(key, None)
            if record.value is not None:
                found[key] = record.value
        return found

    def write(self, topic: str, records: Sequence[tuple[str, bytes | None]]) -> Offsets:
        """Append records of key and value, and wait until Kafka has them; gives the last offset written."""
        with refusals(self.bootstrap, self.options, f"write to topic {topic!r}"):
            return append(self.bootstrap, self.options, topic, records, _PATIENCE)

    @contextmanager
    def follow(self, topic: str) -> Iterator[KafkaConsumer]:
        """A consumer at the beginning of a topic, for one who reads on and on."""
        with self._consumer(topic) as consumer:
            places = [TopicPartition(topic, p) for p in self.end(topic)]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            yield consumer

    def _offsets(self, topic: str, *specs: int) -> list[Offsets]:
        # which answers in a tenth of the time that a consumer takes
        with self._admin(f"see topic {topic!r}, if there is one") as admin:
            (found,) = admin.describe_topics([topic])
            refuse_hidden([found])
            if found["error_code"]:
                raise SessionError(f"Kafka at {self.bootstrap} has no topic {topic!r}.")
            places = [TopicPartition(topic, p["partition_index"]) for p in found["partitions"]]
            offsets = [admin.list_partition_offsets(dict.fromkeys(places, spec)) for spec in specs]
        return [{place.partition: each[place].offset for place in sorted(places)} for each in offsets]

    @contextmanager
    def _admin(self, doing: str) -> Iterator[KafkaAdminClient]:
        settings = {"bootstrap_servers": self._servers, **self._settings}
        with (
            refusals(self.bootstrap, self.options, doing),
            administrator(self.bootstrap, self.options, settings) as admin,
        ):
            yield admin

    def consumer(self, fetch: int = 1 << 20, group: str | None = None) -> KafkaConsumer:
        """A consumer that reads and commits nothing by itself, to be closed by whoever asked for it.

        Parameters
        ----------
        fetch
            Bytes of a partition that are fetched at once.
        group
            Where it may commit.
        """
        self.check()
        return KafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # where what it should read next is gone, what is left must not be, too
            allow_auto_create_topics=False,
            max_partition_fetch_bytes=fetch,
            **{
                "retry_backoff_ms": 10,  # also the time that it sleeps before its first fetch
                "reconnect_backoff_max_ms": 2000,
                **self._settings,
            },
        )

    @contextmanager
    def _consumer(self, topic: str) -> Iterator[KafkaConsumer]:
        with refusals(self.bootstrap, self.options, f"read topic {topic!r}"):
            consumer = self.consumer()
            try:
                yield consumer
            finally:
                consumer.close()

    @property
    def _servers(self) -> list[str]:
        return [s.strip() for s in self.bootstrap.split(",")]

    @property
    def _settings(self) -> dict[str, Any]:
        patience = {
            "bootstrap_timeout_ms": int(_PATIENCE * 1000),
            "kafka_client": partial(client, self.options),
        }
        return patience | self.options.for_kafka_python()


def as_record(raw: Any) -> Record:
    """A record as kafka-python gives it."""
    return Record(
        raw.topic,
        raw.partition,
        raw.offset,
        datetime.fromtimestamp(raw.timestamp / 1000, UTC),
        raw.key,
        raw.value,
        tuple(raw.headers or ()),
    )
