"""The streams as the panel shows them: what they hold and what comes in. No packet is read for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec

from skysieve.packets import avro
from skysieve.packets.columns import Column
from skysieve.server import models
from skysieve.stream import Stream, open_stream
from skysieve.stream_topics import rejected_topic, streams
from skysieve.topics import Topics

_RATES = 20.0
"""Seconds over which packets per second are taken."""
_RETENTION_KEPT = 120.0


@dataclass
class Streams:
    """Looks at the streams, again and again: rates come from one look and the next.

    Parameters
    ----------
    topics
        The Kafka cluster.
    """

    topics: Topics
    _ends: dict[str, deque[tuple[float, int]]] = field(default_factory=dict)
    _retention: dict[str, dict[str, str]] = field(default_factory=dict)
    _asked: float = -_RETENTION_KEPT

    def look(self) -> list[models.Stream]:
        """Every stream, as it is now.

        Raises
        ------
        SessionError
            If Kafka cannot be reached.
        """
        every = set(self.topics.names())
        names = streams(every)
        rejected = [topic for topic in map(rejected_topic, names) if topic in every]
        begin, end, newest = self._extents([*names, *rejected])
        self._ask_retention(names)
        at, found = time.monotonic(), []
        for name in names:
            topic, held = rejected_topic(name), self._retention.get(name, {})
            found.append(
                models.Stream(
                    name=name,
                    packets=end.get(name, 0) - begin.get(name, 0),
                    packets_per_second=self._rate(name, at, end.get(name, 0)),
                    newest=newest.get(name),
                    retention_seconds=_positive(held.get("retention.ms"), 1000),
                    retention_bytes=int(_positive(held.get("retention.bytes")) or 0) or None,
                    rejected=end.get(topic, 0) - begin.get(topic, 0),
                )
            )
        self._ends = {name: self._ends[name] for name in names}
        return found

    def _rate(self, name: str, at: float, end: int) -> float | None:
        looks = self._ends.setdefault(name, deque())
        if looks and end < looks[-1][1]:  # the topic was made anew
            looks.clear()
        looks.append((at, end))
        while len(looks) > 2 and at - looks[1][0] >= _RATES:
            looks.popleft()
        seconds = at - looks[0][0]
        return round((end - looks[0][1]) / seconds, 2) if seconds > 0 else None

    def _extents(self, names: Sequence[str]) -> tuple[dict[str, int], dict[str, int], dict[str, datetime]]:
        """Sums of the offsets at which topics begin and end, and when their newest records arrived."""
        begin: dict[str, int] = {}
        end: dict[str, int] = {}
        newest: dict[str, datetime] = {}
        if not names:
            return begin, end, newest
        with self.topics._admin("look at the streams") as admin:
            places = [
                TopicPartition(t["name"], p["partition_index"])
                for t in admin.describe_topics(list(names))
                if not t["error_code"]
                for p in t["partitions"]
            ]
            for sums, spec in ((begin, OffsetSpec.EARLIEST), (end, OffsetSpec.LATEST)):
                for place, found in _offsets(admin, places, spec).items():
                    sums[place.topic] = sums.get(place.topic, 0) + found.offset
            for place, found in _offsets(admin, places, OffsetSpec.MAX_TIMESTAMP).items():
                if found.timestamp is not None and found.timestamp > 0:
                    arrived = datetime.fromtimestamp(found.timestamp / 1000, UTC)
                    newest[place.topic] = max(arrived, newest.get(place.topic, arrived))
        return begin, end, newest

    def _ask_retention(self, names: Iterable[str]) -> None:
        """How long streams are kept; seldom changed, so seldom asked."""
        if time.monotonic() - self._asked < _RETENTION_KEPT and set(names) <= self._retention.keys():
            return
        with suppress(Exception), self.topics._admin("see how long streams are kept") as admin:
            # who may not see it sees the rest
            wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            told = admin.describe_configs(wanted, config_filter="all") if wanted else {}
            self._retention = {name: _settings(told, name) for name in names}
        for name in names:
            self._retention.setdefault(name, {})
        self._asked = time.monotonic()


def columns(topics: Topics, name: str) -> list[models.Column]:
    """The columns that filters of a stream can use.

    Raises
    ------
    StreamError
        If there is no such stream.
    """
    return [
        models.Column(
            name=column.name,
            type=_kind(column.schema, short=not column.is_scalar),
            unit=column.unit,
            description=column.description,
        )
        for column in usable(open_stream(topics, name))
    ]


def usable(stream: Stream) -> list[Column]:
    """What filters of a stream can use: what its packets have, and what enrichments add."""
    return [*stream.described, *(column for column in stream.filterable if column.by is not None)]


def _kind(schema: Any, *, short: bool) -> str:
    kind = avro.spark_type(schema)
    return kind.split("<", 1)[0] if short else kind


def _offsets(admin: Any, places: Sequence[TopicPartition], spec: OffsetSpec) -> dict[TopicPartition, Any]:
    found: dict[TopicPartition, Any] = admin.list_partition_offsets(dict.fromkeys(places, spec))
    return found


def _settings(told: Any, name: str) -> dict[str, str]:
    """The settings of a topic, of what Kafka tells of several."""
    of = told.get("topic", told) if isinstance(told, dict) else {}
    found = of.get(name, {}) if isinstance(of, dict) else {}
    return {key: str(one.get("value") if isinstance(one, dict) else one) for key, one in found.items()}


def _positive(value: str | None, per: int = 1) -> float | None:
    """A number of a setting, in other units; None for what has no end."""
    try:
        number = int(value or "-1")
    except ValueError:
        return None
    return number / per if number > 0 else None
