"""Events that notices took back, as far as each stream of notices was read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from skysieve.enrich import notices
from skysieve.errors import SessionError
from skysieve.topics import Offsets, Topics


class Retractions:
    """Reads streams of notices on and on.

    Parameters
    ----------
    topics
        The Kafka cluster.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._looked_at: dict[str, Offsets] = {}
        self._known: dict[str, set[str]] = {}

    def of(self, topic: str) -> frozenset[str]:
        """The events that were taken back so far."""
        end = self._topics.end(topic)
        begin = self._looked_at.get(topic) or self._topics.begin(topic)
        known = self._known.setdefault(topic, set())
        if begin != end:
            start = {p: min(begin.get(p, 0), end[p]) for p in end}
            for record in self._topics.read(topic, start, end):
                known |= _taken_back(record.value or b"")
            self._looked_at[topic] = end
        return frozenset(known)

    def news(self, topics: Iterable[str]) -> set[str]:
        """Those of some topics in which an event was taken back since the last look."""
        found = set()
        for topic in topics:
            count = len(self._known.get(topic, ()))
            with suppress(SessionError):  # it may be gone
                if len(self.of(topic)) > count:
                    found.add(topic)
        return found


def _taken_back(value: bytes) -> set[str]:
    # most are no retractions, and hold a sky map of a megabyte
    if b"etract" not in value.lower():
        return set()
    one = notices.read(value, 0.9, 0)
    return {one.id} if one.is_retracted else set()
