"""Which of several supervisors works: the one to which Kafka gives the registry's only partition."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError

from skysieve.engine.registry import REGISTRY
from skysieve.errors import SessionError
from skysieve.topics import Topics

GROUP = "skysieve-supervisor"
_SESSION = 6.0
"""Seconds of silence after which Kafka takes a supervisor for gone: the least that brokers allow as they come."""
_SLICE = 0.02
"""Seconds between looks for its answer."""

log = logging.getLogger("skysieve.supervisor")


class Election:
    """A place among the supervisors of one Kafka cluster, of which at most one is elected.

    They are a consumer group, so that Kafka itself decides, and notices when the elected one is gone. Nothing is read.

    Parameters
    ----------
    topics
        The Kafka cluster; the registry must exist.
    group
        The consumer group that they are.
    """

    def __init__(self, topics: Topics, group: str = GROUP) -> None:
        self._topics, self._group = topics, group
        self._consumer: Consumer
        self._asked: float
        self._ahead: float

    def __enter__(self) -> Election:
        self._join()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def is_won(self, patience: float = 0.0) -> bool:
        """Whether this one is elected; told otherwise within the time given, or at once.

        One that was not asked for as long as Kafka waits for a sign of life (its process was stopped, say) can have
        been replaced, and must not go on for a moment on what it knew: it stands for election once more. So does one
        whose clock was put back: librdkafka's signs of life would wait until it has caught up.

        Raises
        ------
        SessionError
            If Kafka lets nobody of this user stand.
        """
        if time.monotonic() - self._asked > _SESSION or _ahead() < self._ahead - _SESSION / 2:
            self._consumer.close()
            self._join()
            patience = max(patience, 1.0)
        end, said = time.monotonic() + patience, self._consumer.poll(0)
        while said is None and not self._is_won and time.monotonic() < end:
            time.sleep(_SLICE)  # not in librdkafka: see skysieve.ranges
            said = self._consumer.poll(0)
        self._asked, self._ahead = time.monotonic(), _ahead()
        if said is not None and (error := said.error()):
            self._refuse(error)
        return self._is_won

    def _join(self) -> None:
        self._is_won, self._asked, self._ahead = False, time.monotonic(), _ahead()
        settings: dict[str, Any] = {
            "bootstrap.servers": self._topics.bootstrap,
            "group.id": self._group,
            "session.timeout.ms": int(1000 * _SESSION),
            "heartbeat.interval.ms": 1500,
            "max.poll.interval.ms": 600_000,  # a bank of hundreds of filters takes a minute to start
            "partition.assignment.strategy": "cooperative-sticky",  # one who joins takes nothing from who has it
            "enable.auto.commit": False,
            "error_cb": lambda error: None,  # Kafka's absence is noticed by whoever reads the registry
            "logger": log,
            "log_level": 3,
        }
        self._consumer = Consumer(settings | self._topics.options.for_librdkafka())
        self._consumer.subscribe(
            [REGISTRY], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def _assigned(self, consumer: Consumer, places: list[Any]) -> None:
        consumer.incremental_assign(places)
        if places:
            consumer.pause(places)
            self._is_won = True

    def _revoked(self, consumer: Consumer, places: list[Any]) -> None:
        consumer.incremental_unassign(places)
        if places:
            self._is_won = False

    def _refuse(self, error: KafkaError) -> None:
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise SessionError(
                f"Kafka at {self._topics.bootstrap} does not let {self._topics.options.user or 'this user'} read the "
                f"consumer group {self._group!r}, by which supervisors elect one (see docs/cluster.md)."
            )
        if error.fatal():
            raise SessionError(f"The election of a supervisor broke off: {error.str()}")


def _ahead() -> float:
    """Seconds that the machine's clock is ahead of the one that is never set."""
    return time.time() - time.monotonic()
