"""The supervisor: the one process that makes what runs equal to what the registry says."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from pyspark.errors import PySparkException
from pyspark.sql.streaming.query import StreamingQuery

from skysieve.brokers import check_twin
from skysieve.engine import metrics, registry
from skysieve.engine.archive import Archives
from skysieve.engine.backfill import Backfills, beginning
from skysieve.engine.bank import running
from skysieve.engine.driver import Connect, Driver
from skysieve.engine.election import Election
from skysieve.engine.launch import Launcher
from skysieve.engine.pauses import LONGEST, Pause
from skysieve.engine.pieces import rebuilt
from skysieve.engine.registry import Registered
from skysieve.engine.rejections import Rejections
from skysieve.engine.status import State, StatusBook, status_of
from skysieve.engine.warming import warm_aside
from skysieve.engine.watch import Watch
from skysieve.errors import DeploymentError, SessionError, SkysieveError
from skysieve.filter import BoundFilter
from skysieve.languages import faults
from skysieve.stream import Stream, open_stream
from skysieve.topics import Offsets, Topics

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
        self._backfills = Backfills(self._book, self._lock)
        self._launcher = Launcher(
            topics, self._book, self._registered, lambda: self._driver.session, checkpoints, exact
        )
        self._queries: dict[str, StreamingQuery | None] = {}
        self._suspected: set[str] = set()
        self._held: set[str] = set()
        self._pauses: dict[str, Pause] = {}
        self._sources: dict[str, Stream] = {}
        self._rejections = Rejections(topics)
        self._archives = Archives(topics, self._book, lambda: self._driver.session, every=12 * heartbeat)
        self._watch = Watch(topics, self._book, self._registered, lambda: self._driver.session)
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
            for query in sorted(touched | self._fallen()):
                if election.is_won():
                    self._put_in_order(query)
            found: set[str] = set()
            if time.monotonic() - beat > self._heartbeat and election.is_won():
                self._beat()
                # the look first: what is learned holds for a bank only once that is started anew
                found = self._looked(lambda: self._watch.look(self._sources)) | self._looked(self._taught)
                found |= self._launcher.taken_back(self._sources)
                self._archives.look(self._registered)
                beat = time.monotonic()
            touched = self._take(consumer, 300) | found

    def _take(self, consumer: KafkaConsumer, patience_ms: int) -> set[str]:
        """Note what the registry says next; gives the queries that this touches."""
        batches = consumer.poll(timeout_ms=patience_ms).values()
        return {
            s for batch in batches for record in batch for s in self._note(record.key or b"", record.value)
        }

    def _taught(self) -> set[str]:
        """Queries whose stream has learned of schemas: they are started anew."""
        wiser = self._rejections.taught(self._sources)
        self._sources |= wiser
        return set(wiser)

    def _looked(self, look: Callable[[], set[str]]) -> set[str]:
        """The queries that a look finds; a fault of our own in looking must not touch them."""
        try:
            with self._lock:
                return look()
        except (SkysieveError, PySparkException, KafkaError, OSError):
            raise
        except Exception:
            log.exception("how the banks do cannot be told")
            return set()

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

    def _put_in_order(self, query: str) -> None:
        """Reconcile a query. What only this one lacks, its owners read; it is tried again and holds up no other."""
        try:
            self._reconcile(query)
        except Exception as error:
            running(self._driver.session)  # raises where Spark is what is lost
            self._topics.names()  # likewise, with Kafka
            self._held.add(query)
            log.error(
                "%s cannot be put in order: %s", query, error, exc_info=not isinstance(error, SkysieveError)
            )
            with self._lock:
                self._book.doubt([r for r in self._registered.values() if r.query == query], error)
        else:
            self._held.discard(query)

    def _reconcile(self, query: str) -> None:
        """Make a query run just the filters that should be running in it."""
        with self._lock:
            here = {n: r for n, r in self._registered.items() if r.query == query}
            bank = self._launcher.bank(query)
            try:
                source = open_stream(self._topics, bank.stream).refreshed(self._sources.get(query))
                _ = source.format  # the registry may state one that is none
                bound = self._bind(source, here)
            except SessionError:  # which is no fault of theirs, and passes
                raise
            except SkysieveError as error:
                bank.stop()
                self._forget_removed(query)
                with self._book.together():
                    for record in here.values():
                        if record.wanted == "running":
                            self._book.publish(status_of(record, "failed", error=str(error)))
                return
            self._sources[query] = source
            moved: dict[str, Offsets] = {}
            if not bound and not self._launcher.is_needed(query):
                bank.stop()
                del self._sources[query]
                if bank.is_alone and query.partition("/")[2] not in self._registered:
                    bank.discard()
            elif not bank.runs(self._launcher.mark(query, source, here, bound)):
                bank.stop()
                suspected = query in self._suspected
                self._suspected.discard(query)
                moved = self._launcher.moved(query, source, bound)
                self._queries[query] = self._launcher.launch(
                    query, source, here, bound, moved, suspected=suspected
                )
            self._forget_removed(query)
            with self._book.together():
                for name, record in here.items():
                    if record.wanted == "stopped":
                        self._book.publish(status_of(record, "stopped"))
                    elif name in bound:
                        self._announce(source, record, moved.get(name))
                        self._backfills.begin(bank, source.format, bound[name])

    def _forget_removed(self, query: str) -> None:
        """Only now that nothing writes there any more: who removed a filter may be waiting to delete its topic."""
        for name in [n for n, status in self._book.filters.items() if status.query == query]:
            if name not in self._registered:
                self._book.forget(name)

    def _bind(self, source: Stream, here: Mapping[str, Registered]) -> dict[str, BoundFilter]:
        """The filters that should be running; one that cannot is marked and left out."""
        found, topics = {}, self._topics.names()
        for name, record in sorted(here.items()):
            if record.wanted == "running" and not self._book.is_out(record):
                try:
                    check_twin(record.filter.output_topic, topics)
                    found[name] = rebuilt(record, source)
                except SkysieveError as error:
                    self._book.publish(status_of(record, "failed", error=str(error)))
        return found

    def _announce(self, source: Stream, record: Registered, moved: Offsets | None) -> None:
        """Say that a filter runs; one that begins anew has joined the bank where that was started last.

        One that comes from another query has the alerts between there and here to judge yet; one that takes the place
        of another version, what that has left of its backfill.
        """
        status = self._book.filters.get(record.name)
        if status and status.run == record.run and status.has_begun:
            if status.state == "starting":
                state: State = "backfilling" if status.backfill else "running"
                self._book.change(record.name, state=state, error=None)
            return
        begin = self._book.streams[record.query].position
        start = (moved or begin) if record.start == "latest" else source.offsets(record.start)
        left = status.backfill if status and self._book.is_live(record.name) else None
        self._book.publish(status_of(record, since=begin, **beginning(record, start, begin, left)))

    def _fallen(self) -> set[str]:
        """Queries that should run and do not, and those with a backfill to begin again; each after a pause."""
        wanted = {
            query
            for r in self._registered.values()
            if r.wanted == "running" and not self._book.is_out(r)
            for query in r.queries
        }
        down = wanted - running(self._driver.session).keys()
        for query in down:
            self._explain(query)
        waiting = down | self._held | self._backfills.unfinished()
        return {query for query in waiting if self._pauses.setdefault(query, Pause()).is_over()}

    def _explain(self, query: str) -> None:
        """Let the owners read why their bank fell; it is started again, unless a filter's own code is the reason."""
        fallen = self._queries.pop(query, None)
        try:
            error = fallen.exception() if fallen else None
        except PySparkException as lost:  # a server that has gone took the query and its reason with it
            log.warning("why %s fell cannot be told: %s", query, str(lost)[:200])
            self._watch.fell(query)
            return
        if error is None:
            return
        log.error("the bank of %s fell: %s", query, error)
        self._watch.fell(query)
        reason = f"The streaming query fell and is being started again: {str(error)[:500]}"
        if fault := faults.found(str(error)):
            source = self._sources.get(query)
            reason = str(fault.named(source.format, self._launcher.bank(query).packet) if source else fault)
        else:
            self._suspected.add(query)
        with self._book.together():
            for name, status in list(self._book.filters.items()):
                if status.query == query and status.state in ("running", "backfilling"):
                    self._book.change(name, state="failed" if fault else "starting", error=reason)

    def _tell_owners(self, error: Exception) -> None:
        """Let it be read that nothing is known to run, where Kafka still takes it."""
        with suppress(SkysieveError, KafkaError, OSError), self._lock:
            self._book.doubt(self._registered.values(), error)

    def _open_session(self) -> None:
        """Have a session of Spark; while there is none, that is told as a sign of life."""
        try:
            self._driver.open()
        except (SkysieveError, PySparkException) as error:
            self._beat(waiting=str(error)[:300])
            raise

    def _beat(self, waiting: str = "") -> None:
        self._book.beat(os.getpid(), self._metrics, waiting)
