"""Starting a bank: where its predecessor stopped, without the filters that made that fall."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from pyspark.errors import AnalysisException, PySparkException

from skysieve.engine import plan
from skysieve.engine.bank import Bank
from skysieve.engine.book import StatusBook
from skysieve.engine.registry import Registered
from skysieve.engine.retractions import Retractions
from skysieve.engine.status import StreamStatus, status_of
from skysieve.engine.suspects import convicted
from skysieve.enrich.base import providers, written
from skysieve.errors import SessionError, SkysieveError
from skysieve.filter import BoundFilter, Filter
from skysieve.languages import faults
from skysieve.stream import Stream
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

log = logging.getLogger("skysieve.supervisor")

_TRIED = 1000
"""Packets of each partition on which suspected filters are tried, where a bank fell before it began a batch."""
_AHEAD = 50_000
"""Packets of each partition that a bank can have judged at most since it noted its progress, where it does that now
and then."""
_ATTEMPTS = 4
"""At the last batch of a bank: Spark fails a task for each idle worker whose maker was killed (PythonWorkerFactory)."""


@dataclass
class Launcher:
    """Starts banks, and notes where.

    Attributes
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
    """

    topics: Topics
    book: StatusBook
    registered: Mapping[str, Registered]
    session: Callable[[], SparkSession]
    checkpoints: str
    exact: bool = True
    retractions: Retractions = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.retractions = Retractions(self.topics)

    def bank(self, query: str) -> Bank:
        """The bank of a query, with the checkpoint of its last start."""
        known = self.book.streams.get(query)
        checkpoint = known.checkpoint if known else "none"
        folder = f"{self.checkpoints}/{query}/{checkpoint}"
        return Bank(self.session(), self.topics, query, folder, self._retracted(query))

    def _retracted(self, query: str) -> frozenset[str]:
        """The events that were taken back of the other stream that a query joins."""
        found = self.registered.get(query.partition("/")[2])
        joining = found.filter.joining if found else None
        return self.retractions.of(joining.stream) if joining else frozenset()

    def taken_back(self, queries: Container[str]) -> set[str]:
        """Those queries near whose events one was taken back: they are started anew, and go on without it."""
        running = [record for record in self.registered.values() if record.query in queries]
        return self.retractions.news(
            {one.query: one.filter.joining.stream for one in running if one.filter.joining}
        )

    def mark(
        self, query: str, source: Stream, here: Mapping[str, Registered], bound: Mapping[str, BoundFilter]
    ) -> str:
        """What tells one set of running filters, and of what they know, from another."""
        retracted = sorted(self._retracted(query))
        found = mark(source, here, bound)
        return (
            hashlib.sha256(json.dumps([found, retracted]).encode()).hexdigest()[:16] if retracted else found
        )

    def launch(
        self,
        query: str,
        source: Stream,
        here: Mapping[str, Registered],
        bound: dict[str, BoundFilter],
        moved: Mapping[str, Offsets],
        *,
        suspected: bool,
    ) -> StreamingQuery | None:
        """Start a bank where it stopped; from now on, if none of its filters was running.

        Each start gets a checkpoint of its own, at the offsets to which the last one was committed: all that a bank
        has to remember is how far it came, and Spark 4.1 cannot go on from a checkpoint with a batch that was begun
        and not committed (SPARK-55271). Such a batch is first done again by the filters that ran then, so that each
        packet is judged by one version of a filter, and by one only.

        Parameters
        ----------
        query, source
            Name of the query, and its stream.
        here, bound
            The deployments that belong to it, and their filters that should run; those that cannot are marked as
            failed and taken out.
        moved
            How far the filters that come from another query were judged there (:meth:`moved`). A bank that is not as
            far first goes on there without them; a query of one's own begins just there.
        suspected
            Whether it fell, so that one of its filters may be the reason.

        Returns
        -------
        StreamingQuery
            The query; None if no filter is left for it.
        """
        known, end = self.book.streams.get(query), self.topics.end(source.name)
        begin = covered = end
        last, checkpoint = self.bank(query), uuid4().hex[:12]
        stateful = next((name for name, one in bound.items() if one.filter.has_state), None)
        if stateful:
            checkpoint = here[stateful].run
            begin = covered = self._remembering(last, source, here[stateful], moved)
            if suspected and known and known.checkpoint == checkpoint:
                self._convict(last, source, here, bound, begin, last.begun() or begin)
        elif last.is_alone and moved:
            (begin,) = moved.values()
            covered = begin
        elif known and self._ran_last(query):
            reached = last.position() or known.position
            begun = self._begun(last, source, reached)
            if suspected:
                self._convict(last, source, here, bound, reached, begun)
            begun = {p: max(o, *(there.get(p, 0) for there in moved.values()), 0) for p, o in begun.items()}
            reached = self._finished(last, source, reached, begun)
            begin, covered = {p: reached.get(p, 0) for p in end}, known.covered_from
        kept = self.topics.begin(source.name)
        status = StreamStatus(
            covered_from=covered,
            position={p: max(o, kept.get(p, 0)) for p, o in begin.items()},
            lost=known.lost if known else 0,
            counted=known.counted if known else {},
            checkpoint=checkpoint,
        )
        self.book.note(query, status.having_lost(begin, kept))
        while bound or self.is_needed(query):
            try:
                started = self.bank(query).start(
                    self.mark(query, source, here, bound),
                    list(bound.values()),
                    source.format,
                    status.position,
                    exact=self.exact,
                )
            except SessionError:
                raise
            except (AnalysisException, SkysieveError) as error:
                if not bound or (isinstance(error, SkysieveError) and not stateful):
                    raise
                for name, reason in (self._refused(bound) or dict.fromkeys(bound, str(error))).items():
                    self.book.publish(status_of(here[name], "failed", error=reason))
                    del bound[name]
            else:
                if known and known.checkpoint != checkpoint:
                    last.discard()
                return started
        return None

    def _remembering(
        self, last: Bank, source: Stream, record: Registered, moved: Mapping[str, Offsets]
    ) -> Offsets:
        """Where a query with a state begins.

        In the same run it goes on in its checkpoint, which has the state; another run begins with none, and with
        ``start`` in the past makes it of what Kafka still holds.
        """
        known = self.book.streams.get(last.name)
        if known and known.checkpoint == record.run:
            last.forget_begun()
            return last.position() or known.position
        if record.start != "latest":
            return source.offsets(record.start)
        if moved:
            return moved[record.name]
        if known and self._ran_last(last.name):
            reached = last.position() or known.position
            return self._finished(last, source, reached, self._begun(last, source, reached))
        return self.topics.end(source.name)

    def _begun(self, last: Bank, source: Stream, reached: Offsets) -> Offsets:
        """Up to where a bank may have judged packets when it was stopped."""
        begun = last.begun() or reached
        if self.exact:
            return begun
        end = self.topics.end(source.name)
        return {p: max(begun.get(p, 0), min(o, reached.get(p, 0) + _AHEAD)) for p, o in end.items()}

    def moved(self, query: str, source: Stream, bound: Mapping[str, BoundFilter]) -> dict[str, Offsets]:
        """How far each filter was judged that ran in another query until now, as one in another language does.

        A query of a filter's own is stopped for that; the stream's bank was started without it just before.
        """
        found = {}
        for name in bound:
            status = self.book.filters.get(name)
            if status is None or not self.book.is_live(name) or status.query == query:
                continue
            left, known = self.bank(status.query), self.book.streams[status.query]
            if not left.is_alone:
                found[name] = known.position
                continue
            left.stop()
            reached = left.position() or known.position
            found[name] = self._finished(left, source, reached, self._begun(left, source, reached))
            self.book.note(status.query, known.model_copy(update={"position": found[name]}))
        return found

    def _ran_last(self, query: str) -> bool:
        """Whether a query was running when that was last noted: a stream's bank does as long as any filter of it."""
        return any(
            query in status.queries and self.book.is_live(name) for name, status in self.book.filters.items()
        )

    def is_needed(self, query: str) -> bool:
        """Whether a stream's bank is to reject what cannot be decoded, for filters that have queries of their own."""
        others = [r for r in self.registered.values() if r.stream == query and r.query != query]
        return any(r.wanted == "running" and not self.book.is_out(r) for r in others)

    def _finished(self, last: Bank, source: Stream, reached: Offsets, begun: Offsets) -> Offsets:
        """How far a bank has come, once the batch in which it was stopped is done."""
        if all(begun[p] <= reached.get(p, 0) for p in begun):
            return reached
        start = {p: reached.get(p, 0) for p in begun}
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                ran = self._ran(last.name, source)
                if any(one.filter.has_state for one in ran):  # which only its own query has
                    return reached
                last.backfill(ran, source.format, start, begun, reject_before={} if last.is_alone else begun)
            except (SkysieveError, PySparkException) as error:
                if attempt == _ATTEMPTS or faults.found(str(error)):  # in a user's function
                    log.warning("the last batch of %s is left to its successor: %s", last.name, error)
                    return reached
            else:
                break
        return begun

    def _ran(self, query: str, source: Stream) -> list[BoundFilter]:
        """The filters that a query ran, in the versions that it ran; one that was removed is not among them."""
        live = [s for n, s in self.book.filters.items() if s.query == query and self.book.is_live(n)]
        known = [(self.registered[s.name], s.version) for s in live if s.name in self.registered]
        specs: list[Filter] = [
            r.in_version(v) for r, v in known if any(one.version == v for one in r.versions)
        ]
        return [spec.bind(source.filterable) for spec in specs]

    def _convict(
        self,
        last: Bank,
        source: Stream,
        here: Mapping[str, Registered],
        bound: dict[str, BoundFilter],
        reached: Offsets,
        begun: Offsets,
    ) -> None:
        """Take out the filters that make the batch fail in which the bank fell."""
        if begun == reached:
            end = self.topics.end(source.name)
            begun = {p: min(end[p], reached.get(p, 0) + _TRIED) for p in end}
        start = {p: reached.get(p, 0) for p in begun}
        for name, reason in convicted(last, list(bound.values()), source.format, start, begun).items():
            self.book.publish(status_of(here[name], "failed", error=reason))
            del bound[name]

    def _refused(self, bound: Mapping[str, BoundFilter]) -> dict[str, str]:
        """Those filters that Spark refuses, each tried by itself."""
        found = {}
        for name, one in bound.items():
            try:
                plan.check(self.session(), one)
            except SkysieveError as error:
                found[name] = str(error)
        return found


def mark(source: Stream, here: Mapping[str, Registered], bound: Mapping[str, BoundFilter]) -> str:
    """What tells one set of running filters, and of the schemas they can read, from another."""
    filters = sorted((name, here[name].current, here[name].run) for name in bound)
    used = providers(column for one in bound.values() for column in one.columns)
    enrichments = {one.name: written(one.enrichment) for one in sorted(used, key=lambda one: one.name)}
    content = json.dumps([source.format.name, source.format.knows, filters, enrichments])
    return hashlib.sha256(content.encode()).hexdigest()[:16]
