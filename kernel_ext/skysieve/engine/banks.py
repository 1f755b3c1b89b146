"""Keeping the banks in order: what runs is made equal to what the registry says, and started again when it falls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kafka.errors import KafkaError
from pyspark.errors import PySparkException

from skysieve.brokers import check_twin
from skysieve.engine.backfill import Backfills, beginning
from skysieve.engine.bank import running
from skysieve.engine.book import StatusBook
from skysieve.engine.launch import Launcher
from skysieve.engine.pauses import Pause
from skysieve.engine.pieces import rebuilt
from skysieve.engine.registry import Registered
from skysieve.engine.rejections import Rejections
from skysieve.engine.status import State, status_of
from skysieve.engine.watch import Watch
from skysieve.errors import SessionError, SkysieveError
from skysieve.filter import BoundFilter
from skysieve.languages import faults
from skysieve.stream import Stream, open_stream
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

log = logging.getLogger("skysieve.supervisor")


class Banks:
    """The streaming queries of all streams, each by its name.

    Parameters
    ----------
    topics, book
        Kafka, and what is known of the banks.
    registered
        What should run.
    session
        Gives the supervisor's Spark session.
    checkpoints
        Folder for checkpoints, one sub-folder per query.
    exact
        Whether banks wait until their progress is on disk (see :meth:`skysieve.engine.bank.Bank.start`).
    lock
        Held while the book is changed.
    """

    def __init__(
        self,
        topics: Topics,
        book: StatusBook,
        registered: Mapping[str, Registered],
        session: Callable[[], SparkSession],
        checkpoints: str,
        *,
        exact: bool,
        lock: threading.RLock,
    ) -> None:
        self._topics, self._book, self._registered, self._session = topics, book, registered, session
        self._lock = lock
        self._launcher = Launcher(topics, book, registered, session, checkpoints, exact)
        self._backfills = Backfills(book, lock)
        self._watch = Watch(topics, book, registered, session)
        self._rejections = Rejections(topics)
        self._queries: dict[str, StreamingQuery | None] = {}
        self._sources: dict[str, Stream] = {}
        self._suspected: set[str] = set()
        self._held: set[str] = set()
        self._pauses: dict[str, Pause] = {}

    def put_in_order(self, query: str) -> None:
        """Reconcile a query. What only this one lacks, its owners read; it is tried again and holds up no other."""
        try:
            self._reconcile(query)
        except Exception as error:
            running(self._session())  # raises where Spark is what is lost
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

    def fallen(self) -> set[str]:
        """Queries that should run and do not, and those with a backfill to begin again; each after a pause."""
        wanted = {
            query
            for r in self._registered.values()
            if r.wanted == "running" and not self._book.is_out(r)
            for query in r.queries
        }
        down = wanted - running(self._session()).keys()
        for query in down:
            self._explain(query)
        waiting = down | self._held | self._backfills.unfinished()
        return {query for query in waiting if self._pauses.setdefault(query, Pause()).is_over()}

    def look(self) -> set[str]:
        """Look at how they do.

        Returns
        -------
        set of str
            Those to put in order: with a filter that was paused, or with schemas or notices that have news.
        """
        # the look first: what is learned holds for a bank only once that is started anew
        found = self._looked(lambda: self._watch.look(self._sources)) | self._looked(self._taught)
        return found | self._launcher.taken_back(self._sources)

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
