"""A topic, read on and on, from where a consumer group has come to. Knows nothing of what the records hold."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import CommitFailedError, KafkaError, KafkaTimeoutError

from skysieve.brokers import refusals
from skysieve.errors import SessionError
from skysieve.times import instant
from skysieve.topics import Offsets, Record, Topics, as_record

if TYPE_CHECKING:
    from kafka import KafkaConsumer

_FETCH = 8 << 20
_COMMIT_EVERY, _LOOK_EVERY = 1.0, 60.0
_PATIENCE = 10.0
_NOTHING = "[]"
"""The note of who has read nothing yet."""
log = logging.getLogger("skysieve.consumer")


@dataclass
class _Partition:
    """How far a partition was read, as offsets of what comes next, where that began, and what is noted beside it."""

    read: int
    done: int
    begun: int
    note: str | None = None


class Reader:
    """Reads a topic, which need not exist yet.

    Parameters
    ----------
    topics
        The Kafka cluster.
    topic
        The topic.
    group
        Consumer group whose place is kept in Kafka. It is never joined: its partitions are shared with nobody, and one
        who works for an hour on a record is not thrown out for it.
    start
        Where to begin without a place: ``earliest``, ``latest`` or an ISO time.

    Attributes
    ----------
    waiting
        Records that were fetched, of each partition in their order; whoever takes one removes it.
    """

    def __init__(self, topics: Topics, topic: str, group: str | None, start: str) -> None:
        self.topic, self.group = topic, group
        self.waiting: deque[Record] = deque()
        self._topics, self._start = topics, start
        self._partitions: dict[int, _Partition] = {}
        self._kafka: KafkaConsumer | None = None
        self._is_ahead = False
        self._is_astray = False
        self._committed = self._looked = time.monotonic()

    def open(self) -> bool:
        """Take the place to begin at; False if there is no topic yet, all of which is then new."""
        if not self._topics.partitions(self.topic):
            self._start = "earliest"
            return False
        kafka = self._connect()
        begin, end = self._topics.bounds(self.topic)
        first, kept = self._first(begin, end), self._kept(kafka, end)
        for p in end:
            place, note = kept.get(p, (first[p], None))
            # of a topic that was made anew, or has lost what the place was at, all that is there is new
            new = place if begin[p] <= place <= end[p] else begin[p]
            self._partitions[p] = _Partition(new, new, new, note)
        self._kafka = kafka
        self._assign()
        if self.group is not None and len(kept) < len(end) and self._start != "earliest":
            # what comes before the group has read its first record is the group's, too
            self.commit()
        return True

    def fetch(self, seconds: float) -> bool:
        """Wait so long for further records; whether there were any."""
        if self._kafka is None:
            if not self.open():
                time.sleep(seconds)
            return False
        self._look_for_partitions()
        with self._client() as kafka:
            polled = kafka.poll(timeout_ms=int(seconds * 1000))
            for place, found in polled.items():
                self.waiting.extend([as_record(raw) for raw in found])
                self._partitions[place.partition].read = found[-1].offset + 1
        return bool(polled)

    def begun(self, partition: int) -> tuple[int, str | None]:
        """Where it began, and what was noted there; None where the group had no place."""
        one = self._partitions[partition]
        return one.begun, one.note

    def between(self, partition: int, begin: int, end: int) -> Iterator[Record]:
        """The records of a range, whatever was read."""
        return self._topics.read(self.topic, {partition: begin}, {partition: end})

    def done(self, record: Record, note: str) -> None:
        """Let the group's place be behind this record, with a note beside it, from the next commit on."""
        one = self._partitions[record.partition]
        one.done, one.note = record.offset + 1, note
        self._is_ahead = True

    def commit(self) -> None:
        """Write the group's place, of every partition, and wait until Kafka has it.

        Raises
        ------
        SessionError
            If Kafka does not take it.
        """
        try:
            self._commit()
        except KafkaError as error:
            raise SessionError(self._refusal(error)) from error

    def commit_at_times(self, *, is_busy: bool) -> None:
        """The same where there is something to write: at once by one who is about to wait, else every second.

        A broker that is away is waited for; a group that is not to be had is told as by :meth:`commit`.
        """
        if self.group is None or not self._is_ahead:
            return
        if is_busy and time.monotonic() - self._committed < _COMMIT_EVERY:
            return
        try:
            self._commit()
        except KafkaTimeoutError:
            log.warning("The place of group %r cannot be kept yet; it is tried again.", self.group)
        except KafkaError as error:
            raise SessionError(self._refusal(error)) from error
        finally:
            self._committed = time.monotonic()

    def has_read_all(self) -> bool:
        """Whether nothing is in the topic that was not fetched."""
        if self._kafka is None:
            return True
        end = self._topics.end(self.topic)
        with self._client() as kafka:
            places = {p: kafka.position(self._at(p), timeout_ms=1000) for p in self._partitions}
        return all(place is not None and place >= end.get(p, 0) for p, place in places.items())

    def close(self) -> None:
        """Let go of Kafka; writes nothing."""
        if self._kafka is not None:
            self._closing.detach()
            self._kafka.close(timeout_ms=_PATIENCE * 1000)

    def _connect(self) -> KafkaConsumer:
        kafka = self._topics.consumer(_FETCH, self.group)
        self._closing = weakref.finalize(self, _close_aside, kafka)
        self._closing.atexit = False
        return kafka

    @contextmanager
    def _client(self) -> Iterator[KafkaConsumer]:
        """Kafka's client; a new one where an interrupt came in the midst of what the last one did.

        That may be past records that nobody had, and waits for ever for answers that nobody takes.
        """
        if self._is_astray:
            self._closing()
            self._kafka = self._connect()
            self._assign()
        self._is_astray = True
        try:
            with refusals(self._topics.bootstrap, self._topics.options, f"read topic {self.topic!r}"):
                yield self._kafka
        except (KafkaError, SessionError):
            self._is_astray = False
            raise
        self._is_astray = False

    def _first(self, begin: Offsets, end: Offsets) -> Offsets:
        if self._start in ("earliest", "latest"):
            return begin if self._start == "earliest" else end
        return self._topics.at(self.topic, instant(self._start))

    def _kept(self, kafka: KafkaConsumer, partitions: Offsets) -> dict[int, tuple[int, str]]:
        """The group's place in each partition where it has one, and the note beside it."""
        if self.group is None:
            return {}
        doing = f"see the place of group {self.group!r}"
        try:
            with refusals(self._topics.bootstrap, self._topics.options, doing):
                found = {
                    p: kafka.committed(self._at(p), metadata=True, timeout_ms=_PATIENCE * 1000)
                    for p in partitions
                }
        except KafkaError as error:
            raise SessionError(
                f"Kafka at {self._topics.bootstrap} does not tell the place of group {self.group!r}: "
                f"{error or type(error).__name__}"
            ) from error
        return {p: (kept.offset, kept.metadata) for p, kept in found.items() if kept is not None}

    def _assign(self) -> None:
        assert self._kafka is not None
        self._kafka.assign([self._at(p) for p in self._partitions])
        for p, partition in self._partitions.items():
            self._kafka.seek(self._at(p), partition.read)

    def _look_for_partitions(self) -> None:
        """Read partitions that the topic was given meanwhile, too."""
        if time.monotonic() - self._looked < _LOOK_EVERY:
            return
        self._looked = time.monotonic()
        with suppress(SessionError):  # a broker that is away is waited for
            new = set(range(self._topics.partitions(self.topic))) - self._partitions.keys()
            self._partitions |= {p: _Partition(0, 0, 0) for p in sorted(new)}
            if new:
                self._assign()

    def _commit(self) -> None:
        if self._kafka is not None:
            places = {
                self._at(p): OffsetAndMetadata(one.done, _NOTHING if one.note is None else one.note, -1)
                for p, one in self._partitions.items()
            }
            with self._client() as kafka:
                kafka.commit(places, timeout_ms=_PATIENCE * 1000)
            self._is_ahead = False

    def _refusal(self, error: KafkaError) -> str:
        where = f"Kafka at {self._topics.bootstrap} did not keep the place of group {self.group!r} in {self.topic}"
        if isinstance(error, CommitFailedError):
            return f"{where}: other Kafka clients have joined that group. Take a group of your own."
        return f"{where}: {error or type(error).__name__}"

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)


def _close_aside(kafka: KafkaConsumer) -> None:
    """Close what nobody holds any more; aside, since whichever thread collects garbage may be Kafka's own."""
    threading.Thread(target=kafka.close, name="skysieve-reader-close", daemon=True).start()
