"""What the newly rejected packets of a running stream teach: schemas that were not known when its bank was started."""

from __future__ import annotations

from collections.abc import Mapping

from skysieve.stream import Stream
from skysieve.stream_topics import rejected_topic
from skysieve.topics import Offsets, Topics

_LOOKED = 8
"""Newly rejected packets of each partition that are looked at."""


class Rejections:
    """How far into each rejected topic was looked.

    Parameters
    ----------
    topics
        The Kafka cluster.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._looked_at: dict[str, Offsets] = {}

    def taught(self, sources: Mapping[str, Stream]) -> dict[str, Stream]:
        """Those streams, by the same names, that know schemas which they did not know."""
        wiser, there = {}, set(self._topics.names()) if sources else set()
        for name, source in sources.items():
            topic = rejected_topic(source.name)
            if topic not in there:  # somebody deleted it: the bank makes it anew with its next start
                continue
            end = self._topics.end(topic)
            begin = self._looked_at.get(name) or self._topics.begin(topic)
            self._looked_at[name] = end
            newest = {p: max(begin.get(p, 0), end[p] - _LOOKED) for p in end}
            if newest == end:
                continue
            learned = source.learned(r.value or b"" for r in self._topics.read(topic, newest, end))
            if learned.format.knows != source.format.knows:
                wiser[name] = learned
        return wiser
