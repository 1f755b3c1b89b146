"""The registry: the compacted Kafka topic that says what should run, and how.

One record per filter, and one per stream whose packet format was stated, as JSON.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache, cached_property, lru_cache
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field, field_validator

from skysieve.engine.guard import Guard
from skysieve.engine.values import Value
from skysieve.errors import DeploymentError, SkysieveError, StreamError
from skysieve.filter import Filter
from skysieve.times import PLACES, instant
from skysieve.topics import Topics

REGISTRY = "skysieve-registry"
STREAM = "/stream/"
"""Before the name of a stream in a record's key; no filter can have a name with a slash."""
PARQUET = "parquet:"
"""Before the folder of a sink."""
SINK = r"^(parquet:(/[^/]|[a-z0-9]+://)[^\x00-\x1f]*)?$"
"""Nowhere, or a folder from the root on, or anything else that Spark can write to."""
COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "segment.ms": "86400000"}

log = logging.getLogger("skysieve.registry")


class Version(Value):
    """One version of a deployed filter.

    ``expected`` is the interval of the pass rate that its preview gave, ``schemas`` are the versions of the packets'
    schema that its stream had when it was deployed.
    """

    version: str
    where: str
    description: str = ""
    language: str = "sql"
    emit: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    made_with: dict[str, str] = Field(default_factory=dict)
    expected: tuple[float, float] | None = None
    schemas: tuple[str, ...] = ()
    deployed: datetime


class Stated(Value):
    """What a person said of a stream: its packet format, where that cannot be told, and its enrichments by name."""

    format: str | None = None
    enrichments: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Registered(Value):
    """One deployment, as it should be.

    ``run`` changes whenever the filter is to begin anew: at a deploy, a roll-back, a start after a stop.
    """

    name: str
    # which is a folder of checkpoints, too
    stream: str = Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")
    owner: str
    wanted: Literal["running", "stopped"]
    start: str
    run: str
    versions: tuple[Version, ...]
    current: str
    guard: Guard = Guard()
    sink: str = Field(default="", pattern=SINK)

    @field_validator("start")
    @classmethod
    def _is_a_time(cls, start: str) -> str:
        if start not in PLACES:
            try:
                instant(start)
            except StreamError as error:
                raise ValueError(str(error)) from None
        return start

    @property
    def expected(self) -> tuple[float, float] | None:
        """The interval of the pass rate that the current version's preview gave, if it had one."""
        return self.said(self.current).expected

    @cached_property
    def filter(self) -> Filter:
        """The filter of the current version; read at every look of the supervisor, and parsed once."""
        return self.in_version(self.current)

    def in_version(self, version: str) -> Filter:
        """The filter of a version."""
        said = self.said(version).model_dump(exclude={"version", "deployed", "expected", "schemas"})
        return Filter(self.name, stream=self.stream, **said)

    def said(self, version: str) -> Version:
        """What is known of a version."""
        return next(v for v in self.versions if v.version == version)

    @property
    def query(self) -> str:
        """The streaming query that it runs in: its stream's bank, or one of its own."""
        return f"{self.stream}/{self.name}" if self.filter.is_isolated else self.stream

    @property
    def queries(self) -> set[str]:
        """Every query that a change of it concerns: its own, and its stream's bank, which rejects for all."""
        return {self.stream, self.query}


def new_run() -> str:
    """Make an id for a filter that begins anew."""
    return uuid4().hex


def prepare(topics: Topics) -> None:
    """Create the registry where it does not exist."""
    topics.create({REGISTRY: 1}, COMPACTED)


def registered(topics: Topics) -> dict[str, Registered]:
    """Every deployment, by name; a record that cannot be read is left out, and logged."""
    found = {}
    for name, value in sorted(topics.newest_by_key(REGISTRY).items()):
        if not name.startswith("/"):
            try:
                found[name] = read(name, value)
            except DeploymentError as error:
                _tell_once(str(error))
    return found


@lru_cache(10_000)  # each look reads all of them again; some 5 kB each
def read(name: str, value: bytes) -> Registered:
    """A deployment, of its record's key and value, which anybody may have written who can write to the topic.

    Raises
    ------
    DeploymentError
        If it is no deployment, or that of another name.
    """
    try:
        record = Registered.model_validate_json(value)
        if record.name != name:
            raise ValueError(f"it is that of {record.name!r}")
        _ = record.filter
    except (ValueError, SkysieveError, StopIteration) as error:
        reason = str(error) or "it has no version of that name"
        raise DeploymentError(f"The registry's record of {name!r} cannot be read: {reason}") from None
    return record


@cache
def _tell_once(text: str) -> None:
    """Log it the first time: who waits for a deployment reads the registry five times a second."""
    log.warning(text)


def stated(topics: Topics, stream: str) -> Stated:
    """What was stated of a stream."""
    value = topics.newest_by_key(REGISTRY).get(STREAM + stream)
    try:
        return Stated.model_validate_json(value) if value else Stated()
    except ValueError:
        raise StreamError(
            f"What the registry says of the format of {stream!r} cannot be read; state it anew with "
            f"sky.stream({stream!r}).state('lsst'), or take it back with state(None)."
        ) from None


def state(topics: Topics, stream: str, what: Stated | None) -> None:
    """State something of a stream, for everyone; None takes all of it back."""
    prepare(topics)
    value = what.model_dump_json().encode() if what and what != Stated() else None
    topics.write(REGISTRY, [(STREAM + stream, value)])


def register(topics: Topics, record: Registered) -> None:
    """Put a deployment into the registry."""
    prepare(topics)
    topics.write(REGISTRY, [(record.name, record.model_dump_json().encode())])


def unregister(topics: Topics, name: str) -> None:
    """Take a deployment out of the registry."""
    topics.write(REGISTRY, [(name, None)])
