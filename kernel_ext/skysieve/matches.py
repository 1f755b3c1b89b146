"""A match: an alert that passed a filter, as it is read from the filter's output topic. Values only; needs no Kafka."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from skysieve.packets import formats
from skysieve.topics import Record

KIND = "skysieve.kind"
"""Header of what is no alert."""
_SOURCE = "skysieve.source."
_PLACE = (f"{_SOURCE}topic", f"{_SOURCE}partition", f"{_SOURCE}offset")


@dataclass(frozen=True, slots=True)
class Source:
    """Where an alert came from.

    Attributes
    ----------
    stream
        The stream, which is a Kafka topic.
    partition, offset
        Place of the packet there.
    record
        Number of the alert in the packet, from 0.
    timestamp
        When the packet arrived there, where that is known.
    """

    stream: str
    partition: int
    offset: int
    record: int = 0
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """An alert that passed a filter.

    Attributes
    ----------
    filter, version
        Which filter passed it, and which version of that.
    alert
        The whole alert, by the names of its schema, None for NaN; of an aggregate, what it tells of a group. None where
        it was not decoded.
    problem
        Why it could not be decoded, if it could not.
    annotations
        What the filter sends along with its matches.
    source
        Where the alert came from, of a group its last one; None for a record in the output topic that no filter of
        Skysieve wrote.
    timestamp
        When the match was written.
    topic, partition, offset
        Its own place, in the output topic.
    value
        The packet's own bytes.
    """

    filter: str
    version: str
    alert: dict[str, Any] | None = field(repr=False)
    problem: str | None
    annotations: dict[str, Any]
    source: Source | None
    timestamp: datetime
    topic: str
    partition: int
    offset: int
    value: bytes = field(repr=False)

    def json(self) -> str:
        """The match as one line of JSON, without the bytes in it (cutouts, and the packet itself).

        Ids are whole numbers; what JSON has no number for is null.
        """
        return json.dumps(_sayable({name: getattr(self, name) for name in _IN_JSON}), ensure_ascii=False)

    def __str__(self) -> str:
        """Id, position and time of the alert where they are known, then what the filter says of it."""
        packet = formats.detect(self.value)
        names = packet.places.names if packet and self.alert else ()
        told = [str(value) for name in names if (value := _at(self.alert, name)) is not None]
        if self.source:
            told.append(f"{self.source.stream}[{self.source.partition}]@{self.source.offset}")
        told += [f"{name}={value}" for name, value in self.annotations.items()]
        return "  ".join([*told, self.version, *([f"({self.problem})"] if self.problem else [])])


_IN_JSON = (
    *("filter", "version", "annotations", "source", "timestamp"),
    *("topic", "partition", "offset", "problem", "alert"),
)


def as_match(record: Record, alert: dict[str, Any] | None = None, problem: str | None = None) -> Match:
    """A match from its record in the output topic, and what was decoded of it."""
    headers = dict(record.headers)
    return Match(
        filter=headers.get("skysieve.filter", b"").decode(errors="replace"),
        version=headers.get("skysieve.version", b"").decode(errors="replace"),
        alert=alert,
        problem=problem,
        annotations=_annotations(headers.get("skysieve.annotations", b"{}")),
        source=source_of(record),
        timestamp=record.timestamp,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        value=record.value or b"",
    )


def is_alert(record: Record) -> bool:
    """Whether it is an alert, and not what is told of a group or a notice, as JSON."""
    return all(name != KIND for name, _ in record.headers)


def source_of(record: Record) -> Source | None:
    """Where a match came from, as its headers say; None if they do not.

    Examples
    --------
    >>> place = {"topic": b"lsst-alerts", "partition": b"3", "offset": b"1206", "record": b"0"}
    >>> headers = tuple((f"skysieve.source.{name}", value) for name, value in place.items())
    >>> source_of(Record("filter.bright", 1, 7, datetime.now(UTC), None, b"...", headers))
    Source(stream='lsst-alerts', partition=3, offset=1206, record=0, timestamp=None)
    """
    headers = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
    try:
        stream, partition, offset = (headers[name] for name in _PLACE)
        number = headers.get(f"{_SOURCE}record", "0")
        arrived = headers.get(f"{_SOURCE}timestamp")
        time = datetime.fromtimestamp(int(arrived) / 1000, UTC) if arrived else None
        return Source(stream, int(partition), int(offset), int(number), time)
    except (KeyError, ValueError):
        return None


def mark(record: Record) -> bytes | None:
    """What a match has in common with its duplicates and with no other; None where its source is not known.

    That is filter, version and source, and the packet itself: a stream that was deleted and made again counts its
    offsets from 0 once more.
    """
    source = source_of(record)
    if source is None:
        return None
    headers = dict(record.headers)
    who = [headers.get(f"skysieve.{name}", b"") for name in ("filter", "version")]
    where = f"{source.stream}\0{source.partition}\0{source.offset}\0{source.record}\0".encode()
    near = [headers.get(f"skysieve.near.{name}", b"") for name in ("topic", "partition", "offset")]
    where += b"\0".join(near) if any(near) else b""
    return blake2b(b"\0".join([*who, where]) + (record.value or b""), digest_size=16).digest()


def _annotations(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _at(alert: Any, name: str) -> Any:
    for part in name.split("."):
        alert = alert.get(part) if isinstance(alert, dict) else None
    return alert


def _sayable(value: Any) -> Any:
    """The same in what JSON can say; bytes are left out."""
    if isinstance(value, Source):
        value = {name: getattr(value, name) for name in Source.__slots__}
    if isinstance(value, dict):
        return {name: _sayable(one) for name, one in value.items() if not isinstance(one, bytes)}
    if isinstance(value, list | tuple):
        return [_sayable(one) for one in value if not isinstance(one, bytes)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | None) else str(value)
