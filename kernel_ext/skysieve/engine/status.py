"""The status: the compacted Kafka topic in which the supervisor, its only writer, says what is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field

from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import COMPACTED, Registered
from skysieve.engine.values import Value, now
from skysieve.topics import Offsets, Topics

STATUS = "skysieve-status"
SETTINGS = COMPACTED | {"segment.bytes": str(1 << 20), "segment.ms": "600000"}
"""Kafka forgets only within full segments what was told before; whoever asks for the status reads all the others."""
_SUPERVISOR = "/supervisor"
_STREAM = "/stream/"
_HEALTH = "/health/"
_ARCHIVE = "/archive/"
# No filter can have a name with a slash.

State = Literal["starting", "backfilling", "running", "stopped", "paused", "failed"]

OUT = ("paused", "failed")
"""States of a filter that was taken out of its query, until it is started or deployed again."""

log = logging.getLogger("skysieve.supervisor")


class Backfill(Value):
    """A range of the past that a filter has yet to judge, and how far it has come in it.

    ``run`` is that for which it was begun: a version that takes the place of another goes on with it.
    """

    start: Offsets
    stop: Offsets
    reached: Offsets = Field(default_factory=dict)
    run: str = ""

    @property
    def count(self) -> int:
        """Number of packets in it."""
        return sum(max(0, end - self.start.get(p, 0)) for p, end in self.stop.items())

    @property
    def done(self) -> int:
        """Number of those that were judged."""
        return sum(max(0, self.reached[p] - self.start.get(p, 0)) for p in self.reached)

    def parts(self, size: int) -> Iterator[tuple[Offsets, Offsets]]:
        """What is left of it, in ranges of about so many packets, each partition in its own order.

        >>> past = Backfill(start={0: 0, 1: 5}, stop={0: 10, 1: 5}, reached={0: 4, 1: 5})
        >>> [stop for _, stop in past.parts(3)]
        [{0: 7, 1: 5}, {0: 10, 1: 5}]
        """
        begin = {p: min(end, self.reached.get(p, self.start.get(p, 0))) for p, end in self.stop.items()}
        left = {p: end - begin[p] for p, end in self.stop.items()}
        steps = -(-sum(left.values()) // size)
        ends = [{p: begin[p] + left[p] * step // steps for p in left} for step in range(1, steps + 1)]
        return pairwise([begin, *ends])


class FilterStatus(Value):
    """One deployment, as it is.

    ``since`` holds the first offset of each partition that the bank judged in this run; with ``start`` in the past,
    what comes before is judged by a backfill up to just there. ``query`` is the streaming query that it runs in: its
    stream's bank, or one of its own. ``health`` tells how the filter does, and ``bank`` how that query does; both are
    missing until it was looked at.
    """

    name: str
    stream: str
    query: str = ""
    version: str
    run: str
    state: State
    output_topic: str
    since: Offsets = Field(default_factory=dict)
    backfill: Backfill | None = None
    error: str | None = None
    health: FilterHealth | None = None
    bank: QueryHealth | None = None
    archive: Archived | None = None
    updated: datetime

    @property
    def queries(self) -> set[str]:
        """Every query that a change of it concerns."""
        return {self.stream, self.query}

    @property
    def has_begun(self) -> bool:
        """Whether the bank has taken this run in, at the offsets of ``since``."""
        return bool(self.since)


class StreamStatus(Value):
    """A stream's bank: from where on its packets were judged, where it was last started, and its checkpoint since.

    ``lost`` is the number of packets that Kafka deleted before it came to them.
    """

    covered_from: Offsets
    position: Offsets
    lost: int = 0
    # a folder of this name is removed when it has served
    checkpoint: str = Field(pattern=r"^[0-9a-z]{1,32}$")


class Archived(Value):
    """How far the matches of a filter were written to its sink: the offsets in its output topic."""

    sink: str
    position: Offsets
    error: str | None = None
    updated: datetime


class SupervisorStatus(Value):
    """The supervisor's Spark session, where Prometheus reads its metrics, and its last sign of life.

    ``waiting`` tells why it has no Spark to work with, and tries again; ``session`` is empty where it never had one.
    """

    session: str
    pid: int
    metrics: str | None = None
    heartbeat: datetime
    waiting: str = ""


def statuses(topics: Topics) -> dict[str, FilterStatus]:
    """The status of every deployment, by name, and how it does."""
    return told(topics.newest_by_key(STATUS))


def told(found: Mapping[str, bytes]) -> dict[str, FilterStatus]:
    """The same of the topic's records, by key; one that cannot be read is left out: its writer tells it anew."""
    known: dict[str, FilterStatus] = {}
    banks: dict[str, QueryHealth] = {}
    archives: dict[str, Archived] = {}
    for key, value in found.items():
        with suppress(ValueError):
            if key.startswith(_HEALTH):
                banks[key.removeprefix(_HEALTH)] = QueryHealth.model_validate_json(value)
            elif key.startswith(_ARCHIVE):
                archives[key.removeprefix(_ARCHIVE)] = Archived.model_validate_json(value)
            elif not key.startswith("/"):
                known[key] = FilterStatus.model_validate_json(value)
    return {
        name: _with_health(status, banks.get(status.query)).model_copy(update={"archive": archives.get(name)})
        for name, status in known.items()
    }


def _with_health(status: FilterStatus, bank: QueryHealth | None) -> FilterStatus:
    if bank is None or status.state not in ("running", "backfilling"):
        return status
    alone = bank.model_copy(update={"filters": {}})
    return status.model_copy(update={"health": bank.filters.get(status.name), "bank": alone})


def supervisor(topics: Topics) -> SupervisorStatus | None:
    """What the supervisor last said of itself."""
    return told_of_supervisor(topics.newest_by_key(STATUS))


def told_of_supervisor(found: Mapping[str, bytes]) -> SupervisorStatus | None:
    """The same of the topic's records, by key."""
    value = found.get(_SUPERVISOR)
    return SupervisorStatus.model_validate_json(value) if value else None


def status_of(record: Registered, state: State, **more: Any) -> FilterStatus:
    """The status of a deployment that is in a state."""
    return FilterStatus(
        name=record.name,
        stream=record.stream,
        query=record.query,
        version=record.current,
        run=record.run,
        state=state,
        output_topic=record.filter.output_topic,
        updated=now(),
        **more,
    )


class StatusBook:
    """What the supervisor knows of its own doings: kept in the topic, so that its successor goes on from there."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self.filters: dict[str, FilterStatus] = {}
        self.streams: dict[str, StreamStatus] = {}
        self.session: str | None = None
        self.archives: dict[str, Archived] = {}
        self._health: dict[str, QueryHealth] = {}
        self._mine = threading.local()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what this thread tells within only at the end: Kafka takes a hundred records as fast as one."""
        held: list[tuple[str, bytes | None]] = []
        self._mine.held = held
        try:
            yield
        finally:
            self._mine.held = None
            self._append(*held)

    def recall(self) -> None:
        """Read the topic; made where it does not exist."""
        self._topics.create({STATUS: 1}, SETTINGS)
        self.close()
        for key, value in self._topics.newest_by_key(STATUS).items():
            try:
                if key == _SUPERVISOR:
                    self.session = SupervisorStatus.model_validate_json(value).session or None
                elif key.startswith(_HEALTH):
                    self._health[key.removeprefix(_HEALTH)] = QueryHealth.model_validate_json(value)
                elif key.startswith(_ARCHIVE):
                    self.archives[key.removeprefix(_ARCHIVE)] = Archived.model_validate_json(value)
                elif key.startswith(_STREAM):
                    self.streams[key.removeprefix(_STREAM)] = StreamStatus.model_validate_json(value)
                else:
                    self.filters[key] = FilterStatus.model_validate_json(value)
            except ValueError as error:
                log.error("the status of %r cannot be read, and is told anew: %s", key, error)

    def close(self) -> None:
        """Know nothing any more, until it is recalled."""
        self.filters, self.streams, self.archives, self._health = {}, {}, {}, {}

    def is_live(self, name: str) -> bool:
        """Whether this filter, in whatever version, was being judged last."""
        status = self.filters.get(name)
        return status is not None and status.has_begun and status.state not in ("stopped", *OUT)

    def is_out(self, record: Registered) -> bool:
        """Whether this run of the deployment was taken out: it fails, or was paused."""
        status = self.filters.get(record.name)
        return status is not None and status.state in OUT and status.run == record.run

    def publish(self, status: FilterStatus) -> None:
        """Note and announce a status, if it is news."""
        before = self.filters.get(status.name)
        if before and before.model_copy(update={"updated": status.updated}) == status:
            return
        self.filters[status.name] = status
        self._write(status.name, status)
        tail = f": {status.error}" if status.error else ""
        log.info("%s %s is %s%s", status.name, status.version, status.state, tail)

    def change(self, name: str, **changes: Any) -> None:
        """Publish a status with some of its values changed."""
        self.publish(self.filters[name].model_copy(update={"updated": now(), **changes}))

    def doubt(self, records: Iterable[Registered], error: Exception) -> None:
        """Let the owners of filters that should run read that they may not just now, and why."""
        said = str(error)[:300] or type(error).__name__
        reason = f"The supervisor could not go on and tries again: {said}"
        with self.together():
            for record in records:
                if self.is_live(record.name):
                    self.change(record.name, state="starting", error=reason)
                elif record.wanted == "running" and not self.is_out(record):
                    self.publish(status_of(record, "starting", error=reason))

    def forget(self, name: str) -> None:
        """Drop the status of a filter that was removed."""
        self.filters.pop(name, None)
        self.archives.pop(name, None)
        self._append((name, None), (_ARCHIVE + name, None))

    @property
    def health(self) -> dict[str, QueryHealth]:
        """How each bank does."""
        return dict(self._health)

    def tell(self, health: QueryHealth) -> None:
        """Announce how a bank does, if it is news."""
        if health.is_news(self._health.get(health.query)):
            self._health[health.query] = health
            self._write(_HEALTH + health.query, health)

    def forget_health(self, query: str) -> None:
        """Drop what was told of a bank that does not run any more."""
        if self._health.pop(query, None):
            self._append((_HEALTH + query, None))

    def archive(self, name: str, reached: Archived) -> None:
        """Note how far the matches of a filter were written to its sink; not of one that was removed meanwhile."""
        if name in self.filters:
            self.archives[name] = reached
            self._write(_ARCHIVE + name, reached)

    def note(self, stream: str, status: StreamStatus) -> None:
        """Note how far a stream's bank has come."""
        self.streams[stream] = status
        self._write(_STREAM + stream, status)

    def lose(self, query: str, count: int) -> None:
        """Note that Kafka deleted packets before a bank came to them."""
        known = self.streams[query]
        self.note(query, known.model_copy(update={"lost": known.lost + count}))
        log.warning("%s has lost %d packets: Kafka deleted them before they were judged", query, count)

    def cover(self, stream: str, start: Offsets) -> None:
        """Note that a backfill has judged a stream from these offsets on."""
        known = self.streams[stream]
        covered = {p: min(o, start.get(p, o)) for p, o in known.covered_from.items()}
        self.note(stream, known.model_copy(update={"covered_from": covered}))

    def beat(self, pid: int, metrics: str | None = None, waiting: str = "") -> None:
        """Give a sign of life."""
        status = SupervisorStatus(
            session=self.session or "", pid=pid, metrics=metrics, heartbeat=now(), waiting=waiting
        )
        self._write(_SUPERVISOR, status)

    def _write(self, key: str, value: Value) -> None:
        self._append((key, value.model_dump_json().encode()))

    def _append(self, *records: tuple[str, bytes | None]) -> None:
        held = getattr(self._mine, "held", None)
        if held is not None:
            held += records
        elif records:
            self._topics.write(STATUS, records)
