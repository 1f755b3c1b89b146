"""What a live view of a deployment asks: how it does, and its newest matches. It reads, and commits nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from skysieve.engine.registry import stated
from skysieve.engine.status import FilterStatus
from skysieve.errors import PacketError, StreamError
from skysieve.matches import is_alert, mark, source_of
from skysieve.packets.alerts import Alerts
from skysieve.topics import Offsets, Record, Topics

if TYPE_CHECKING:
    from skysieve_widgets.live import Arrival, Snapshot

    from skysieve.deployment import Deployment

_NEWEST = 8
"""Matches that are read at a look, at most: some 650 kB of LSST's."""


class Watched:
    """A deployment as the source of a live view.

    Parameters
    ----------
    deployment
        What is watched.
    newest
        Matches that a look reads at most, however many have arrived.
    """

    def __init__(self, deployment: Deployment, newest: int = _NEWEST) -> None:
        self._deployment, self._newest = deployment, newest
        self._alerts = Alerts()
        self._stated: dict[str, str | None] = {}
        self._read: Offsets = {}

    def poll(self) -> Snapshot:
        """How it does, and the newest of the matches that have arrived since the last look."""
        from skysieve_widgets.live import Snapshot

        status = self._deployment.status()
        matches, records = self._arrived(status.output_topic)
        health, bank = status.health, status.bank
        return Snapshot(
            status.state,
            health.judged_per_second if health else None,
            health.matched_per_second if health else None,
            health.pass_rate if health else None,
            bank.latency_median if bank else None,
            bank.latency_p99 if bank else None,
            matches,
            _note(status),
            tuple(self._arrival(record) for record in records),
        )

    @property
    def _topics(self) -> Topics:
        return self._deployment.topics

    def _arrived(self, topic: str) -> tuple[int, list[Record]]:
        """Number of matches in all, and the newest that were not read before, oldest first."""
        if not self._topics.partitions(topic):
            return 0, []
        begin, end = self._topics.bounds(topic)
        start = {p: _start(self._read.get(p), begin[p], end[p], self._newest) for p in end}
        found: list[Record] = []
        if any(start[p] < end[p] for p in end):
            found = sorted(
                self._topics.read(topic, start, end), key=lambda r: (r.timestamp, r.partition, r.offset)
            )
        self._read = end
        return sum(end[p] - begin[p] for p in end), found[-self._newest :]

    def _arrival(self, record: Record) -> Arrival:
        from skysieve_widgets.live import Arrival, arrival

        known = mark(record)
        key = known.hex() if known else f"{record.topic}[{record.partition}]@{record.offset}"
        try:
            source = source_of(record)
            number, stream = (source.record, source.stream) if source else (0, "")
            if stream and stream not in self._stated:
                self._stated[stream] = stated(self._topics, stream).format
            if not is_alert(record):
                return Arrival(key, record.timestamp, problem=(record.value or b"").decode(errors="replace"))
            alert = self._alerts.read(record.value or b"", number, self._stated.get(stream))
            return arrival(key, alert, record.timestamp)
        except (
            PacketError,
            StreamError,
            ValueError,
        ) as error:  # ValueError: an alert of a survey without views
            return Arrival(key, record.timestamp, problem=str(error))


def _start(read: int | None, begin: int, end: int, newest: int) -> int:
    """Where to read on in a partition; from its newest where it was made anew, or too many have arrived."""
    since = begin if read is None or read > end else read
    return max(since, begin, end - newest)


def _note(status: FilterStatus) -> str:
    drift = status.health.drift if status.health else None
    return " ".join(_sentences(status.error, drift))


def _sentences(*texts: str | None) -> Iterator[str]:
    yield from (text if text.endswith((".", "!")) else f"{text}." for text in texts if text)
