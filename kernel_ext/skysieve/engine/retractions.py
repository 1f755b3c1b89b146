"""Events that notices took back, as far as each stream of notices was read."""

from __future__ import annotations

from collections.abc import Mapping
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
        self._told: dict[str, frozenset[str]] = {}

    def of(self, topic: str) -> frozenset[str]:
        """The events that were taken back so far; of a stream that cannot be read now, those known before."""
        known = self._known.setdefault(topic, set())
        with suppress(SessionError):  # what is wrong with a stream is told when it is joined
            self._read(topic, known)
        return frozenset(known)

    def news(self, joined: Mapping[str, str]) -> set[str]:
        """Those queries, by the stream that each joins, for which it was not so at the last look."""
        before, self._told = self._told, {query: self.of(topic) for query, topic in joined.items()}
        return {query for query, gone in self._told.items() if gone != before.get(query, frozenset())}

    def _read(self, topic: str, known: set[str]) -> None:
        end = self._topics.end(topic)
        begin = self._looked_at.get(topic) or self._topics.begin(topic)
        if begin != end:
            start = {p: min(begin.get(p, 0), end[p]) for p in end}
            for record in self._topics.read(topic, start, end):
                known |= _taken_back(record.value or b"")
            self._looked_at[topic] = end


def _taken_back(value: bytes) -> set[str]:
    # most are no retractions, and hold a sky map of a megabyte
    if b"etract" not in value.lower():
        return set()
    one = notices.read(value, 0.9, 0)
    return {one.id} if one.is_retracted else set()
