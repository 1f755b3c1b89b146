"""The status: the compacted Kafka topic in which the supervisor, its only writer, says what is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field

from skysieve.engine.batches import deleted
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.registry import COMPACTED, Registered
from skysieve.engine.values import Value, now
from skysieve.topics import Offsets, Topics

STATUS = "skysieve-status"
SETTINGS = COMPACTED | {"segment.bytes": str(1 << 20), "segment.ms": "600000"}
"""Kafka forgets only within full segments what was told before; whoever asks for the status reads all the others."""
SUPERVISOR_KEY = "/supervisor"
STREAM_KEY = "/stream/"
HEALTH_KEY = "/health/"
ARCHIVE_KEY = "/archive/"
# No filter can have a name with a slash.

State = Literal["starting", "backfilling", "running", "stopped", "paused", "failed"]

OUT = ("paused", "failed")
"""States of a filter that was taken out of its query, until it is started or deployed again."""


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

    ``lost`` is the number of packets that Kafka deleted before it came to them, ``counted`` how far these were counted.
    """

    covered_from: Offsets
    position: Offsets
    lost: int = 0
    counted: Offsets = Field(default_factory=dict)
    # a folder of this name is removed when it has served
    checkpoint: str = Field(pattern=r"^[0-9a-z]{1,32}$")

    def having_lost(self, reached: Offsets, kept: Offsets) -> StreamStatus:
        """The same, with what Kafka deleted before ``kept`` and the bank did not come to: each packet is counted once.

        >>> bank = StreamStatus(covered_from={}, position={}, checkpoint="c").having_lost({0: 100}, {0: 150})
        >>> bank.lost, bank.having_lost({0: 100}, {0: 160}).lost, bank.having_lost({0: 170}, {0: 160}).lost
        (50, 60, 50)
        """
        # Kafka never has again what it has deleted, but in a stream that was made anew
        counted = {p: o for p, o in self.counted.items() if o <= kept.get(p, 0)}
        gone = deleted({p: max(o, counted.get(p, 0)) for p, o in reached.items()}, kept)
        return self.model_copy(update={"lost": self.lost + gone, "counted": kept}) if gone else self


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
            if key.startswith(HEALTH_KEY):
                banks[key.removeprefix(HEALTH_KEY)] = QueryHealth.model_validate_json(value)
            elif key.startswith(ARCHIVE_KEY):
                archives[key.removeprefix(ARCHIVE_KEY)] = Archived.model_validate_json(value)
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
    value = found.get(SUPERVISOR_KEY)
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
