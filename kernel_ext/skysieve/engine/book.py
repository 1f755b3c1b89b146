"""The book of the supervisor: what it knows of its own doings, and tells in the status topic."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from skysieve.engine.health import QueryHealth
from skysieve.engine.registry import Registered
from skysieve.engine.status import (
    ARCHIVE_KEY,
    HEALTH_KEY,
    OUT,
    SETTINGS,
    STATUS,
    STREAM_KEY,
    SUPERVISOR_KEY,
    Archived,
    FilterStatus,
    StreamStatus,
    SupervisorStatus,
    status_of,
)
from skysieve.engine.values import Value, now
from skysieve.topics import Offsets, Topics

log = logging.getLogger("skysieve.supervisor")


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
                if key == SUPERVISOR_KEY:
                    self.session = SupervisorStatus.model_validate_json(value).session or None
                elif key.startswith(HEALTH_KEY):
                    self._health[key.removeprefix(HEALTH_KEY)] = QueryHealth.model_validate_json(value)
                elif key.startswith(ARCHIVE_KEY):
                    self.archives[key.removeprefix(ARCHIVE_KEY)] = Archived.model_validate_json(value)
                elif key.startswith(STREAM_KEY):
                    self.streams[key.removeprefix(STREAM_KEY)] = StreamStatus.model_validate_json(value)
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
        self._append((name, None), (ARCHIVE_KEY + name, None))

    @property
    def health(self) -> dict[str, QueryHealth]:
        """How each bank does."""
        return dict(self._health)

    def tell(self, health: QueryHealth) -> None:
        """Announce how a bank does, if it is news."""
        if health.is_news(self._health.get(health.query)):
            self._health[health.query] = health
            self._write(HEALTH_KEY + health.query, health)

    def forget_health(self, query: str) -> None:
        """Drop what was told of a bank that does not run any more."""
        if self._health.pop(query, None):
            self._append((HEALTH_KEY + query, None))

    def archive(self, name: str, reached: Archived) -> None:
        """Note how far the matches of a filter were written to its sink; not of one that was removed meanwhile."""
        if name in self.filters:
            self.archives[name] = reached
            self._write(ARCHIVE_KEY + name, reached)

    def note(self, stream: str, status: StreamStatus) -> None:
        """Note how far a stream's bank has come, if it is news."""
        before = self.streams.get(stream)
        if status == before:
            return
        if gone := status.lost - (before.lost if before else 0):
            log.warning("%s has lost %d packets: Kafka deleted them before they were judged", stream, gone)
        self.streams[stream] = status
        self._write(STREAM_KEY + stream, status)

    def lose(self, stream: str, reached: Offsets, kept: Offsets) -> int:
        """Note what Kafka deleted before ``kept`` and a bank did not come to; gives how much that is by now."""
        self.note(stream, self.streams[stream].having_lost(reached, kept))
        return self.streams[stream].lost

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
        self._write(SUPERVISOR_KEY, status)

    def _write(self, key: str, value: Value) -> None:
        self._append((key, value.model_dump_json().encode()))

    def _append(self, *records: tuple[str, bytes | None]) -> None:
        held = getattr(self._mine, "held", None)
        if held is not None:
            held += records
        elif records:
            self._topics.write(STATUS, records)
