"""Events that notices took back, as far as each stream of notices was read."""

from __future__ import annotations

from skysieve.enrich import notices
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


def _taken_back(value: bytes) -> set[str]:
    # most are no retractions, and hold a sky map of a megabyte
    if b"etract" not in value.lower():
        return set()
    one = notices.read(value, 0.9, 0)
    return {one.id} if one.is_retracted else set()
