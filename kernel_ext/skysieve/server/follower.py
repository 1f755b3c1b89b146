"""Registry and status, read on and on by one consumer: what is new is known within a second, at next to no cost."""

from __future__ import annotations

import time
from typing import Any

from kafka import TopicPartition

from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS
from skysieve.topics import Topics

_LOOK_FOR_TOPICS = 3.0


class Follower:
    """What the two compacted topics hold.

    Parameters
    ----------
    topics
        The Kafka cluster.
    """

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self._held: dict[str, dict[str, bytes]] = {REGISTRY: {}, STATUS: {}}
        self._consumer: Any = None
        self._places: list[TopicPartition] = []
        self._looked = 0.0

    @property
    def registry(self) -> dict[str, bytes]:
        """Records of the registry, by key."""
        return self._held[REGISTRY]

    @property
    def status(self) -> dict[str, bytes]:
        """Records of the status topic, by key."""
        return self._held[STATUS]

    def catch_up(self) -> None:
        """Read what there is now.

        Raises
        ------
        SessionError
            If Kafka cannot be reached.
        """
        self._open()
        if self._consumer is None:
            return
        ends = self._consumer.end_offsets(self._places)
        until = time.monotonic() + 10
        while time.monotonic() < until and any(self._consumer.position(p) < ends[p] for p in self._places):
            self._take(0.2)

    def poll(self, seconds: float) -> bool:
        """Wait for news; gives whether there was any."""
        self._open()
        if self._consumer is None:
            time.sleep(seconds)
            return False
        return self._take(seconds)

    def close(self) -> None:
        """Let go of the consumer."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _open(self) -> None:
        """A consumer of those of the two topics that exist; the other is looked for from time to time."""
        if len(self._places) == len(self._held) or time.monotonic() - self._looked < _LOOK_FOR_TOPICS:
            return
        self._looked = time.monotonic()
        sizes = self.topics.sizes(self._held)
        places = [TopicPartition(topic, p) for topic, size in sorted(sizes.items()) for p in range(size)]
        if places == self._places:
            return
        self.close()
        self._consumer, self._places = self.topics.consumer(), places
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)

    def _take(self, seconds: float) -> bool:
        batches = self._consumer.poll(timeout_ms=int(seconds * 1000))
        for record in (record for batch in batches.values() for record in batch):
            held, key = self._held[record.topic], (record.key or b"").decode(errors="replace")
            if record.value is None:
                held.pop(key, None)
            else:
                held[key] = record.value
        return bool(batches)
