"""The newest alerts of a stream, decoded in Python and kept for a while: values and histograms without a kernel."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from skysieve.errors import PacketError, StreamError, nearest
from skysieve.server import models
from skysieve.server.streams import usable
from skysieve.stream import Stream, open_stream
from skysieve.stream_topics import newest
from skysieve.topics import Topics

_PACKETS = 200
_KEPT = 60.0
_STREAMS = 2
"""Streams whose alerts are kept: some 20 MB each."""
_LONGEST = 60
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sample:
    """Decoded alerts, newest first, and a number that no other sample has."""

    number: int
    stream: Stream
    alerts: list[dict[str, Any]]
    taken: float


class Samples:
    """The samples that were asked for last."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Sample] = {}
        self._lock = threading.Lock()

    def of(self, topics: Topics, name: str) -> Sample:
        """That of a stream; a minute old at most, so that columns asked one after another are of the same alerts.

        Raises
        ------
        StreamError
            If there is no such stream.
        """
        key = topics.bootstrap, name
        with self._lock:
            kept = self._kept.pop(key, None)
            if kept is None or time.monotonic() - kept.taken > _KEPT:
                kept = _take(topics, name)
            self._kept[key] = kept
            while len(self._kept) > _STREAMS:
                del self._kept[next(iter(self._kept))]
        return kept

    def values(self, topics: Topics, name: str, column: str) -> models.Values:
        """What a column holds in the newest alerts of a stream.

        Raises
        ------
        StreamError
            If there is no such stream, or column, or only Spark can work it out.
        """
        sample = self.of(topics, name)
        known = {one.name: one for one in usable(sample.stream)}
        if column not in known:
            raise StreamError(f"{name!r} has no column {column!r}.{nearest(column, known)}")
        found = known[column]
        if found.sql or found.by is not None:
            raise StreamError(
                f"{column} is worked out by Spark: preview a filter that names it to see its values."
            )
        values = [_dig(alert, found.path) for alert in sample.alerts]
        return models.Values(
            column=column,
            unit=found.unit,
            values=[_short(value) for value in values],
            sample=str(sample.number),
            read=len(values),
        )


def _take(topics: Topics, name: str) -> Sample:
    stream = open_stream(topics, name)
    begin, end = topics.bounds(name)
    records = list(topics.read(name, newest(begin, end, _PACKETS), end))
    alerts: list[dict[str, Any]] = []
    for record in sorted(records, key=lambda one: (one.timestamp, one.offset), reverse=True):
        with suppress(PacketError):
            alerts += stream.format.read(record.value or b"")
    return Sample(next(_numbers), stream, alerts, time.monotonic())


def _dig(alert: Any, path: Iterable[str]) -> Any:
    for name in path:
        alert = alert.get(name) if isinstance(alert, dict) else None
    return alert


def _short(value: Any) -> str:
    """A value as a person can take it in."""
    match value:
        case None:
            return "NULL"
        case float():
            return "NULL" if math.isnan(value) else f"{value:.7g}"
        case bool():
            return str(value).lower()
        case bytes():
            return f"{len(value):,} bytes"
        case list():
            return f"{len(value)} records"
        case dict():
            return f"{len(value)} fields"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
