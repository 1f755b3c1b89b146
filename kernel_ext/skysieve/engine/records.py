"""What the registry and status topics hold: immutable values, one per key, as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from skysieve.filter import Filter
from skysieve.topics import Offsets, Topics

REGISTRY = "skysieve-registry"
STATUS = "skysieve-status"
SUPERVISOR = "/supervisor"
"""Key of the supervisor's own status; no filter can have that name."""
STREAM = "/stream/"
"""Prefix of the keys of the streams' status."""

State = Literal["starting", "backfilling", "running", "stopped", "failed"]

_COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": "86400000"}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Version(_Record):
    """One version of a deployed filter."""

    version: str
    where: str
    description: str = ""
    deployed: datetime


class Registered(_Record):
    """One deployment, as it should be.

    ``run`` changes whenever the filter is to begin anew: at a deploy, a roll-back, a start after a stop.
    """

    name: str
    stream: str
    owner: str
    wanted: Literal["running", "stopped"]
    start: str
    run: str
    versions: tuple[Version, ...]
    current: str

    @property
    def filter(self) -> Filter:
        """The filter of the current version."""
        version = next(v for v in self.versions if v.version == self.current)
        return Filter(self.name, version.where, self.stream, version.description)


class Backfill(_Record):
    """A range of the past that a filter has yet to judge."""

    start: Offsets
    stop: Offsets


class FilterStatus(_Record):
    """One deployment, as it is.

    ``since`` holds the first offset of each partition that the bank judged in this run; with ``start`` in the past, what
    comes before is judged by a backfill up to just there.
    """

    name: str
    stream: str
    version: str
    run: str
    state: State
    output_topic: str
    since: Offsets = Field(default_factory=dict)
    backfill: Backfill | None = None
    error: str | None = None
    updated: datetime


class StreamStatus(_Record):
    """How far a stream's bank has come, and from where on its packets were judged at all."""

    covered_from: Offsets
    position: Offsets


class SupervisorStatus(_Record):
    """The supervisor's Spark session and its last sign of life."""

    session: str
    pid: int
    heartbeat: datetime


def new_run() -> str:
    """An id for a filter that begins anew."""
    return uuid4().hex


def now() -> datetime:
    """The time, aware of its zone."""
    return datetime.now(UTC)


def prepare(topics: Topics) -> None:
    """Create the registry and status topics where they do not exist."""
    topics.create({REGISTRY: 1, STATUS: 1}, _COMPACTED)


def registered(topics: Topics) -> dict[str, Registered]:
    """Every deployment, by name."""
    found = topics.newest_by_key(REGISTRY)
    return {name: Registered.model_validate_json(value) for name, value in sorted(found.items())}


def register(topics: Topics, record: Registered) -> None:
    """Put a deployment into the registry."""
    prepare(topics)
    topics.write(REGISTRY, [(record.name, record.model_dump_json().encode())])


def unregister(topics: Topics, name: str) -> None:
    """Take a deployment out of the registry."""
    topics.write(REGISTRY, [(name, None)])


def statuses(topics: Topics) -> dict[str, FilterStatus]:
    """The status of every deployment, by name."""
    found = topics.newest_by_key(STATUS)
    return {k: FilterStatus.model_validate_json(v) for k, v in found.items() if not k.startswith("/")}
