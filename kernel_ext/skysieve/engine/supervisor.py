"""The supervisor: the one process that makes what runs equal to what the registry says."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from skysieve.engine import records
from skysieve.engine.bank import Bank
from skysieve.engine.records import (
    STREAM,
    SUPERVISOR,
    Backfill,
    FilterStatus,
    Registered,
    StreamStatus,
    SupervisorStatus,
)
from skysieve.errors import SkysieveError
from skysieve.filter import BoundFilter
from skysieve.stream import Stream, open_stream
from skysieve.topics import Offsets, Topics

if TYPE_CHECKING:
    from pyspark.sql.connect.streaming.query import StreamingQuery

log = logging.getLogger("skysieve.supervisor")

_HEARTBEAT = 5.0
_LONGEST_PAUSE = 30.0

Connect = Callable[[str], SparkSession]
"""Opens the Spark session of an id."""


class Supervisor:
    """Reads the registry, runs the banks, writes the status.

    Parameters
    ----------
    topics
        The Kafka cluster with registry and status.
    connect
        Opens the Spark session of an id. The supervisor keeps one id for as long as the server knows it, so that after a
        crash it finds the queries of its predecessor and starts no twin.
    checkpoints
        Folder for checkpoints, one sub-folder per stream, on a file system that Spark's driver sees.
    """

    def __init__(self, topics: Topics, connect: Connect, checkpoints: str) -> None:
        self._topics, self._connect, self._checkpoints = topics, connect, checkpoints
        self._registered: dict[str, Registered] = {}
        self._statuses: dict[str, FilterStatus] = {}
        self._streams: dict[str, StreamStatus] = {}
        self._session_id = ""
        self._spark: SparkSession | None = None
        self._lock = threading.RLock()
        self._backfills: dict[str, threading.Thread] = {}
        self._queries: dict[str, StreamingQuery] = {}
        self._pauses: dict[str, _Pause] = {}

    def run(self, stopped: threading.Event) -> None:
        """Work until told to stop; what is lost on the way (Spark, Kafka) is found again, with growing pauses."""
        pause = 0.5
        while not stopped.is_set():
            begun = time.monotonic()
            try:
                records.prepare(self._topics)
                self._recall()
                self._open_session()
                with self._topics.follow(records.REGISTRY) as registry:
                    self._serve(registry, stopped)
            except (SkysieveError, PySparkException, KafkaError, OSError) as error:
                log.warning("starting over in %.1f s: %s", pause, error)
            except Exception:  # a fault of our own must not end what a hundred filters hang on
                log.exception("starting over in %.1f s", pause)
            stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE) if time.monotonic() - begun < _LONGEST_PAUSE else 0.5

    def _serve(self, registry: KafkaConsumer, stopped: threading.Event) -> None:
        end = self._topics.end(records.REGISTRY)[0]
        self._registered = {}
        beat, first = 0.0, True
        while not stopped.is_set():
            changed = set()
            for batch in registry.poll(timeout_ms=0 if first else 300).values():
                changed |= {stream for record in batch for stream in self._take(record.key, record.value)}
            if first:
                if registry.position(next(iter(registry.assignment()))) < end:
                    continue
                changed = {r.stream for r in self._registered.values()} | {
                    s.stream for s in self._statuses.values()
                }
                first = False
            for stream in sorted(changed | self._fallen()):
                self._reconcile(stream)
            if time.monotonic() - beat > _HEARTBEAT:
                self._beat()
                beat = time.monotonic()

    def _take(self, key: bytes, value: bytes | None) -> set[str]:
        """Note what the registry says of one deployment; gives the streams that this touches."""
        name = key.decode()
        before = self._registered.pop(name, None)
        touched = {before.stream} if before else set()
        if value is None:
            if status := self._statuses.get(name):
                touched.add(status.stream)
            return touched
        try:
            record = Registered.model_validate_json(value)
            _ = record.filter
        except (ValueError, SkysieveError, StopIteration) as error:
            log.error("the registry's record of %r cannot be read: %s", name, error)
            return touched
        self._registered[name] = record
        return touched | {record.stream}

    def _reconcile(self, stream: str) -> None:
        """Make the bank of a stream run just the filters that should be running."""
        with self._lock:
            here = {n: r for n, r in self._registered.items() if r.stream == stream}
            for name in [
                n for n, s in self._statuses.items() if s.stream == stream and n not in self._registered
            ]:
                self._forget(name)
            for name, record in here.items():
                if record.wanted == "stopped":
                    self._publish(self._status(record, "stopped"))
            bank = Bank(self._session(), self._topics, stream, f"{self._checkpoints}/{stream}")
            try:
                source = open_stream(self._topics, stream)
                bound = self._bind(source, here)
            except SkysieveError as error:
                bank.stop()
                self._fail(here, str(error))
                return
            if not bound:
                bank.stop()
            elif not bank.runs(_mark(here, bound)):
                bank.stop()
                self._launch(bank, source, here, bound)
            for name in bound:
                self._fill(bank, source, here[name], bound[name])

    def _bind(self, source: Stream, here: Mapping[str, Registered]) -> dict[str, BoundFilter]:
        """The filters that should be running; one that cannot is marked and left out."""
        found = {}
        for name, record in sorted(here.items()):
            if record.wanted != "running" or self._has_failed(record):
                continue
            try:
                found[name] = record.filter.bind(source.format.columns())
            except SkysieveError as error:
                self._publish(self._status(record, "failed", str(error)))
        return found

    def _launch(
        self, bank: Bank, source: Stream, here: Mapping[str, Registered], bound: dict[str, BoundFilter]
    ) -> None:
        """Start the bank where it stopped. What joins it now begins at just that offset."""
        known = self._streams.get(bank.stream)
        position = bank.position() or (known.position if known else None) or self._topics.end(bank.stream)
        begin = {p: position.get(p, 0) for p in self._topics.end(bank.stream)}
        while bound:
            try:
                mark = _mark(here, bound)
                self._queries[bank.stream] = bank.start(mark, list(bound.values()), source.format, begin)
                break
            except AnalysisException as error:
                culprits = self._culprits(bank, source, bound) or dict.fromkeys(bound, str(error))
                for name, reason in culprits.items():
                    self._publish(self._status(here[name], "failed", reason))
                    del bound[name]
        if not known:
            known = StreamStatus(covered_from=begin, position=begin)
        self._note(bank.stream, known.model_copy(update={"position": begin}))
        for name in bound:
            record, status = here[name], self._statuses.get(name)
            if status and status.run == record.run and status.state == "starting":
                self._publish(status.model_copy(update={"state": "running", "error": None}))
            elif status is None or status.run != record.run or status.state in ("stopped", "failed"):
                start = begin if record.start == "latest" else source.offsets(record.start)
                past = (
                    Backfill(start=start, stop=begin) if any(start[p] < o for p, o in begin.items()) else None
                )
                fresh = self._status(record, "backfilling" if past else "running")
                self._publish(fresh.model_copy(update={"since": begin, "backfill": past}))

    def _culprits(self, bank: Bank, source: Stream, bound: Mapping[str, BoundFilter]) -> dict[str, str]:
        """Those filters that Spark refuses, each tried by itself."""
        empty = self._session().createDataFrame([], _KAFKA_SCHEMA)
        found = {}
        for name, one in bound.items():
            try:
                _ = bank.output(empty, [one], source.format).schema
            except AnalysisException as error:
                found[name] = str(error)
        return found

    def _fill(self, bank: Bank, source: Stream, record: Registered, bound: BoundFilter) -> None:
        """Begin, or begin again after a crash, the backfill of a filter that has one to do."""
        status = self._statuses[record.name]
        if status.backfill is None or self._is_filling(record.name):
            return
        past = status.backfill
        covered = self._streams[bank.stream].covered_from

        def work() -> None:
            try:
                bank.backfill(bound, source.format, past.start, past.stop, reject_before=covered)
            except Exception as error:  # whatever it is, the person who deployed must read it
                log.exception("backfill of %s failed", record.name)
                outcome = {"error": f"The backfill failed and will be tried again: {error}"}
            else:
                outcome = {"state": "running", "backfill": None, "error": None}
            with self._lock:
                now = self._statuses.get(record.name)
                if now and now.run == record.run and now.state == "backfilling":
                    self._publish(now.model_copy(update=outcome))
                    if outcome["error"] is None:
                        self._cover(bank.stream, past.start)

        self._backfills[record.name] = threading.Thread(
            target=work, name=f"backfill {record.name}", daemon=True
        )
        self._backfills[record.name].start()

    def _fallen(self) -> set[str]:
        """Streams that want a bank and have none, and those with a backfill to begin again; each after a pause."""
        wanted = {
            r.stream for r in self._registered.values() if r.wanted == "running" and not self._has_failed(r)
        }
        names = [q.name or "" for q in self._session().streams.active]
        down = {stream for stream in wanted if not any(n.startswith(f"bank:{stream}:") for n in names)}
        for stream in down:
            self._explain(stream)
        unfilled = {s.stream for n, s in self._statuses.items() if s.backfill and not self._is_filling(n)}
        return {s for s in down | unfilled if self._pauses.setdefault(s, _Pause()).is_over()}

    def _explain(self, stream: str) -> None:
        """Let the owners read why their bank fell; it is started again all the same."""
        query = self._queries.pop(stream, None)
        error = query.exception() if query else None
        if error is None:
            return
        log.error("the bank of %s fell: %s", stream, error)
        for status in [s for s in self._statuses.values() if s.stream == stream and s.state == "running"]:
            reason = f"The streaming query fell and is being started again: {str(error)[:500]}"
            self._publish(status.model_copy(update={"state": "starting", "error": reason}))

    def _is_filling(self, name: str) -> bool:
        thread = self._backfills.get(name)
        return thread is not None and thread.is_alive()

    def _has_failed(self, record: Registered) -> bool:
        status = self._statuses.get(record.name)
        return status is not None and status.state == "failed" and status.run == record.run

    def _status(self, record: Registered, state: records.State, error: str | None = None) -> FilterStatus:
        before = self._statuses.get(record.name)
        kept = {"since": before.since} if before and before.run == record.run else {}
        return FilterStatus(
            name=record.name,
            stream=record.stream,
            version=record.current,
            run=record.run,
            state=state,
            output_topic=record.filter.output_topic,
            error=error,
            updated=records.now(),
            **kept,
        )

    def _publish(self, status: FilterStatus) -> None:
        before = self._statuses.get(status.name)
        if before and before.model_copy(update={"updated": status.updated}) == status:
            return
        self._statuses[status.name] = status
        self._topics.write(records.STATUS, [(status.name, status.model_dump_json().encode())])
        log.info(
            "%s %s is %s%s",
            status.name,
            status.version,
            status.state,
            f": {status.error}" if status.error else "",
        )

    def _fail(self, here: Mapping[str, Registered], reason: str) -> None:
        for record in here.values():
            if record.wanted == "running":
                self._publish(self._status(record, "failed", reason))

    def _forget(self, name: str) -> None:
        self._statuses.pop(name, None)
        self._topics.write(records.STATUS, [(name, None)])

    def _note(self, stream: str, status: StreamStatus) -> None:
        self._streams[stream] = status
        self._topics.write(records.STATUS, [(STREAM + stream, status.model_dump_json().encode())])

    def _cover(self, stream: str, start: Offsets) -> None:
        known = self._streams[stream]
        covered = {p: min(o, start.get(p, o)) for p, o in known.covered_from.items()}
        self._note(stream, known.model_copy(update={"covered_from": covered}))

    def _beat(self) -> None:
        beat = SupervisorStatus(session=self._session_id, pid=os.getpid(), heartbeat=records.now())
        self._topics.write(records.STATUS, [(SUPERVISOR, beat.model_dump_json().encode())])

    def _recall(self) -> None:
        """Read what an earlier supervisor left in the status topic."""
        self._statuses, self._streams = {}, {}
        for key, value in self._topics.newest_by_key(records.STATUS).items():
            if key == SUPERVISOR:
                self._session_id = self._session_id or SupervisorStatus.model_validate_json(value).session
            elif key.startswith(STREAM):
                self._streams[key.removeprefix(STREAM)] = StreamStatus.model_validate_json(value)
            else:
                self._statuses[key] = FilterStatus.model_validate_json(value)

    def _open_session(self) -> None:
        """Go on in the session of the last supervisor; a new one where the server has closed that."""
        for session_id in (self._session_id, str(uuid4())):
            if not session_id:
                continue
            try:
                self._spark = self._connect(session_id)
                self._session_id = session_id
                break
            except PySparkException as error:
                if "INVALID_HANDLE" not in str(error):
                    raise
        self._beat()

    def _session(self) -> SparkSession:
        assert self._spark is not None
        return self._spark


@dataclass
class _Pause:
    """A growing time between attempts."""

    seconds: float = 0.5
    until: float = 0.0

    def is_over(self) -> bool:
        """Whether to try now; if so, the next pause begins, longer where the last attempt was not long ago."""
        now = time.monotonic()
        if now < self.until:
            return False
        self.seconds = 0.5 if now > self.until + 2 * _LONGEST_PAUSE else min(2 * self.seconds, _LONGEST_PAUSE)
        self.until = now + self.seconds
        return True


def _mark(here: Mapping[str, Registered], bound: Mapping[str, BoundFilter]) -> str:
    """What tells one set of running filters from another."""
    content = json.dumps(sorted((name, here[name].current, here[name].run) for name in bound))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


_KAFKA_SCHEMA = (
    "key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp, timestampType int, "
    "headers array<struct<key: string, value: binary>>"
)
