"""The supervisor: the one process that reads the registry and keeps the banks in order by it."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from pyspark.errors import PySparkException

from skysieve.engine import metrics, registry
from skysieve.engine.archive import Archives
from skysieve.engine.banks import Banks
from skysieve.engine.book import StatusBook
from skysieve.engine.driver import Connect, Driver
from skysieve.engine.election import Election
from skysieve.engine.pauses import LONGEST
from skysieve.engine.registry import Registered
from skysieve.engine.warming import warm_aside
from skysieve.errors import DeploymentError, SkysieveError
from skysieve.topics import Topics

log = logging.getLogger("skysieve.supervisor")

HEARTBEAT = 5.0
"""Seconds between two looks at how the banks do."""


class Supervisor:
    """Reads the registry, runs the banks, writes the status.

    Parameters
    ----------
    topics
        The Kafka cluster with registry and status.
    connect
        Opens the Spark session of an id (see :class:`skysieve.engine.driver.Driver`).
    checkpoints
        Folder for checkpoints, one sub-folder per stream, on a file system that Spark's driver sees.
    metrics_port
        Where to serve metrics on loopback, 0 for any port that is free; None serves none.
    exact
        Whether banks wait until their progress is on disk (see :meth:`skysieve.engine.bank.Bank.start`).
    heartbeat
        Seconds between two looks at how the banks do.
    """

    def __init__(
        self,
        topics: Topics,
        connect: Connect,
        checkpoints: str,
        *,
        metrics_port: int | None = None,
        exact: bool = True,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._topics, self._heartbeat = topics, heartbeat
        self._registered: dict[str, Registered] = {}
        self._lock = threading.RLock()
        self._book = StatusBook(topics)
        self._driver = Driver(connect, self._book)
        self._banks = Banks(
            topics,
            self._book,
            self._registered,
            lambda: self._driver.session,
            checkpoints,
            exact=exact,
            lock=self._lock,
        )
        self._archives = Archives(topics, self._book, lambda: self._driver.session, every=12 * heartbeat)
        self._metrics = None if metrics_port is None else metrics.serve(self._book, metrics_port)

    def run(self, stopped: threading.Event) -> None:
        """Work until told to stop; what is lost on the way (Spark, Kafka) is found again, with growing pauses."""
        pause = 0.5
        while not stopped.is_set():
            begun = time.monotonic()
            try:
                registry.prepare(self._topics)
                with Election(self._topics) as election:
                    if self._is_elected(election, stopped):
                        self._work(election, stopped)
            except (SkysieveError, PySparkException, KafkaError, OSError) as error:
                log.warning("starting over in %.1f s: %s", pause, error)
            except Exception:  # a fault of our own must not end what a hundred filters hang on
                log.exception("starting over in %.1f s", pause)
            stopped.wait(pause)
            pause = min(2 * pause, LONGEST) if time.monotonic() - begun < LONGEST else 0.5

    def _is_elected(self, election: Election, stopped: threading.Event) -> bool:
        """Wait until it is this supervisor that is to work; False when told to stop before."""
        told = time.monotonic()
        while not stopped.is_set():
            if election.is_won(0.3):
                return True
            if time.monotonic() - told > LONGEST:
                log.info("another supervisor works; this one stands by")
                told = time.monotonic()
        return False

    def _work(self, election: Election, stopped: threading.Event) -> None:
        """Do what the elected one does; owners hear of a fault before another may be elected."""
        try:
            self._book.recall()
            self._open_session()
            with self._topics.follow(registry.REGISTRY) as consumer:
                self._serve(consumer, election, stopped)
        except Exception as error:
            self._tell_owners(error)
            raise
        finally:
            with self._lock:  # what still goes on in threads has nothing to say from here on
                self._registered.clear()
                self._book.close()

    def _serve(self, consumer: KafkaConsumer, election: Election, stopped: threading.Event) -> None:
        """Read the registry to its end, put everything in order, then follow what changes, for as long as elected."""
        end = self._topics.end(registry.REGISTRY)[0]
        (place,) = consumer.assignment()
        while consumer.position(place) < end and not stopped.is_set():
            self._take(consumer, 1000)
        touched = {q for r in self._registered.values() for q in r.queries}
        touched |= {s.query for s in self._book.filters.values()}
        if not touched:
            warm_aside(self._driver.session, self._topics)
        beat = 0.0
        while election.is_won() and not stopped.is_set():
            for query in sorted(touched | self._banks.fallen()):
                if election.is_won():
                    self._banks.put_in_order(query)
            found: set[str] = set()
            if time.monotonic() - beat > self._heartbeat and election.is_won():
                self._beat()
                found = self._banks.look()
                self._archives.look(self._registered)
                beat = time.monotonic()
            touched = self._take(consumer, 300) | found

    def _take(self, consumer: KafkaConsumer, patience_ms: int) -> set[str]:
        """Note what the registry says next; gives the queries that this touches."""
        batches = consumer.poll(timeout_ms=patience_ms).values()
        return {
            s for batch in batches for record in batch for s in self._note(record.key or b"", record.value)
        }

    def _note(self, key: bytes, value: bytes | None) -> set[str]:
        name = key.decode(errors="replace")
        if name.startswith(registry.STREAM):
            stream = name.removeprefix(registry.STREAM)
            return {stream, *(r.query for r in self._registered.values() if r.stream == stream)}
        if name.startswith("/"):
            return set()
        before = self._registered.pop(name, None)
        touched = {q for known in (before, self._book.filters.get(name)) if known for q in known.queries}
        if value is None:
            return touched
        try:
            record = registry.read(name, value)
        except DeploymentError as error:
            log.error("%s", error)
            return touched
        self._registered[name] = record
        return touched | record.queries

    def _tell_owners(self, error: Exception) -> None:
        """Let it be read that nothing is known to run, where Kafka still takes it."""
        with suppress(SkysieveError, KafkaError, OSError), self._lock:
            self._book.doubt(self._registered.values(), error)

    def _open_session(self) -> None:
        """Have a session of Spark; while there is none, that is told as a sign of life.

        Which one it is stands in the status before anything runs in it: who does not find it there starts a twin of
        each bank in another.
        """
        try:
            self._driver.open()
        except (SkysieveError, PySparkException) as error:
            self._beat(waiting=str(error)[:300])
            raise
        self._beat()

    def _beat(self, waiting: str = "") -> None:
        self._book.beat(os.getpid(), self._metrics, waiting)
