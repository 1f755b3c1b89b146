"""The status: the compacted Kafka topic in which the supervisor, its only writer, says what is."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from skysieve.engine.registry import COMPACTED, Registered, Value, now
from skysieve.topics import Offsets, Topics

STATUS = "skysieve-status"
_SUPERVISOR = "/supervisor"
_STREAM = "/stream/"
# No filter can have a name with a slash.

State = Literal["starting", "backfilling", "running", "stopped", "failed"]

log = logging.getLogger("skysieve.supervisor")


class Backfill(Value):
    """A range of the past that a filter has yet to judge."""

    start: Offsets
    stop: Offsets


class FilterStatus(Value):
    """One deployment, as it is.

    ``since`` holds the first offset of each partition that the bank judged in this run; with ``start`` in the past,
    what comes before is judged by a backfill up to just there. ``query`` is the streaming query that it runs in: its
    stream's bank, or one of its own.
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
    """A stream's bank: from where on its packets were judged, where it was last started, and its checkpoint since."""

    covered_from: Offsets
    position: Offsets
    # a folder of this name is removed when it has served
    checkpoint: str = Field(pattern=r"^[0-9a-z]{1,32}$")


class SupervisorStatus(Value):
    """The supervisor's Spark session and its last sign of life."""

    session: str
    pid: int
    heartbeat: datetime


def statuses(topics: Topics) -> dict[str, FilterStatus]:
    """The status of every deployment, by name."""
    found = topics.newest_by_key(STATUS)
    return {k: FilterStatus.model_validate_json(v) for k, v in found.items() if not k.startswith("/")}


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

    def recall(self) -> None:
        """Read the topic; made where it does not exist."""
        self._topics.create({STATUS: 1}, COMPACTED)
        self.filters, self.streams = {}, {}
        for key, value in self._topics.newest_by_key(STATUS).items():
            try:
                if key == _SUPERVISOR:
                    self.session = SupervisorStatus.model_validate_json(value).session
                elif key.startswith(_STREAM):
                    self.streams[key.removeprefix(_STREAM)] = StreamStatus.model_validate_json(value)
                else:
                    self.filters[key] = FilterStatus.model_validate_json(value)
            except ValueError as error:
                log.error("the status of %r cannot be read, and is told anew: %s", key, error)

    def is_live(self, name: str) -> bool:
        """Whether this filter, in whatever version, was being judged last."""
        status = self.filters.get(name)
        return status is not None and status.has_begun and status.state not in ("stopped", "failed")

    def has_failed(self, record: Registered) -> bool:
        """Whether this run of the deployment is known to fail."""
        status = self.filters.get(record.name)
        return status is not None and status.state == "failed" and status.run == record.run

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

    def forget(self, name: str) -> None:
        """Drop the status of a filter that was removed."""
        self.filters.pop(name, None)
        self._topics.write(STATUS, [(name, None)])

    def note(self, stream: str, status: StreamStatus) -> None:
        """Note how far a stream's bank has come."""
        self.streams[stream] = status
        self._write(_STREAM + stream, status)

    def cover(self, stream: str, start: Offsets) -> None:
        """Note that a backfill has judged a stream from these offsets on."""
        known = self.streams[stream]
        covered = {p: min(o, start.get(p, o)) for p, o in known.covered_from.items()}
        self.note(stream, known.model_copy(update={"covered_from": covered}))

    def beat(self, session: str, pid: int) -> None:
        """Give a sign of life."""
        self.session = session
        self._write(_SUPERVISOR, SupervisorStatus(session=session, pid=pid, heartbeat=now()))

    def _write(self, key: str, value: Value) -> None:
        self._topics.write(STATUS, [(key, value.model_dump_json().encode())])
