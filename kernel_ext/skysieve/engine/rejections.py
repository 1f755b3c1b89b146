"""What the newly rejected packets of a running stream teach: schemas that were not known when its bank was started."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from skysieve.errors import StreamError
from skysieve.stream import Stream
from skysieve.stream_topics import rejected_topic
from skysieve.topics import Offsets, Topics

log = logging.getLogger("skysieve.supervisor")

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
            newest = {p: max(begin.get(p, 0), end[p] - _LOOKED) for p in end}
            if newest == end:
                self._looked_at[name] = end
                continue
            try:
                learned = source.learned(r.value or b"" for r in self._topics.read(topic, newest, end))
            except StreamError as error:  # a folder of schemas that is broken: this is tried again
                log.warning("what %s rejects teaches nothing: %s", source.name, error)
                continue
            self._looked_at[name] = end
            if learned.format.knows != source.format.knows:
                wiser[name] = learned
        return wiser
