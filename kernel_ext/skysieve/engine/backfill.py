"""Backfills: filters that also judge the past, in a thread beside the banks."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from skysieve.engine.bank import Bank
from skysieve.engine.book import StatusBook
from skysieve.engine.registry import Registered
from skysieve.engine.status import OUT, Backfill
from skysieve.filter import BoundFilter
from skysieve.languages import faults
from skysieve.packets.formats import Format
from skysieve.topics import Offsets

log = logging.getLogger("skysieve.supervisor")

_PART = 10_000
"""Packets, about a second of work: what the banks have to wait at most, since both share Spark's cores."""

_LEFT = (
    "The version before had not judged all of the past that it was to, and this one runs in another query: stop it and "
    "`.start(start=TIME)` it for what is missing."
)


def beginning(record: Registered, start: Offsets, begin: Offsets, left: Backfill | None) -> dict[str, Any]:
    """What the status says of a filter that joins its bank, and of the past that it has to judge.

    Parameters
    ----------
    record
        The filter.
    start, begin
        From where on it is to judge, and from where on the bank does.
    left
        The backfill of the version whose place it takes, if that was not at its end.
    """
    has_state, left = record.filter.has_state, left if record.start == "latest" else None
    past, error = None, None
    if not has_state and any(start.get(p, 0) < o for p, o in begin.items()):
        past = Backfill(start=start, stop=begin, run=record.run)
    if left and (past or has_state):
        error = _LEFT
    else:
        past = past or left
    return {"state": "backfilling" if past else "running", "backfill": past, "error": error}


@dataclass(frozen=True)
class _Job:
    """The backfill of one filter."""

    bank: Bank
    format: Format
    bound: BoundFilter
    run: str
    past: Backfill

    @property
    def name(self) -> str:
        """Name of the filter."""
        return self.bound.filter.name

    def joins(self, other: _Job) -> bool:
        """Whether both can be done in one pass over the same packets."""
        past, same_plan = other.past, self.format.knows == other.format.knows
        same_range = self.past.model_copy(update={"run": past.run}) == past
        return self.bank.name == other.bank.name and same_range and same_plan

    def is_wanted(self, book: StatusBook) -> bool:
        """Whether the filter, as it is here, still has this to do."""
        now = book.filters.get(self.name)
        return now is not None and now.run == self.run and now.state not in OUT and self.is_known(book)

    def is_known(self, book: StatusBook) -> bool:
        """Whether the filter has this range to do, in whatever version."""
        now = book.filters.get(self.name)
        past = now.backfill if now else None
        return past is not None and past.model_copy(update={"reached": self.past.reached}) == self.past


class Backfills:
    """Runs what the status book says is yet to be judged, and notes there what is done.

    One at a time: many at once would fill Spark's memory. Filters of a stream that wait for the same range are judged
    together, part after part; after each, as long as it took is left to the banks. One that is broken off goes on with
    the part that it was in: matches of that may be delivered twice, and are known by their source offsets.
    """

    def __init__(self, book: StatusBook, lock: threading.RLock) -> None:
        self._book, self._lock = book, lock
        self._jobs: dict[str, _Job] = {}
        self._worker: threading.Thread | None = None

    def is_running(self, name: str) -> bool:
        """Whether the backfill of a filter is under way, or waits for its turn."""
        return name in self._jobs and self._works

    @property
    def _works(self) -> bool:
        return self._worker is not None and self._worker.is_alive()

    def unfinished(self) -> set[str]:
        """Queries with a backfill to do that is not under way."""
        waiting = {n: s for n, s in self._book.filters.items() if s.backfill and s.state not in OUT}
        return {s.query for n, s in waiting.items() if not self.is_running(n)}

    def begin(self, bank: Bank, packet_format: Format, bound: BoundFilter) -> None:
        """Begin, or begin again after a crash, the backfill of a filter that has one to do."""
        status = self._book.filters[bound.filter.name]
        if status.backfill is None or self.is_running(status.name):
            return
        with self._lock:
            self._jobs[status.name] = _Job(bank, packet_format, bound, status.run, status.backfill)
            if not self._works:
                self._worker = threading.Thread(target=self._work, name="backfills", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        while jobs := self._next():
            outcome = self._judge(jobs)
            with self._lock:
                for job in jobs:
                    self._jobs.pop(job.name, None)
                    if job.is_wanted(self._book):
                        self._book.change(job.name, **outcome)
                        if outcome.get("state") == "running":
                            self._book.cover(job.bank.stream, job.past.start)

    def _next(self) -> list[_Job]:
        """The oldest job, and those that can be done with it; what was stopped or removed waits no longer."""
        with self._lock:
            self._jobs = {name: job for name, job in self._jobs.items() if job.is_wanted(self._book)}
            waiting = list(self._jobs.values())
            if not waiting:
                self._worker = None
            return [job for job in waiting if job.joins(waiting[0])]

    def _judge(self, jobs: list[_Job]) -> dict[str, Any]:
        """What becomes of the filters' status."""
        first, lost = jobs[0], 0
        covered = self._book.streams[first.bank.stream].covered_from
        try:
            for start, stop in first.past.parts(_PART):
                judging = [job for job in jobs if job.is_wanted(self._book)]
                if not judging:
                    break
                begun, filters = time.monotonic(), [job.bound for job in judging]
                lost += first.bank.lost(start, stop)
                first.bank.backfill(filters, first.format, start, stop, reject_before=covered)
                self._note(judging, stop)
                if stop != first.past.stop:
                    time.sleep(time.monotonic() - begun)
        except Exception as error:  # whatever it is, the person who deployed must read it
            log.exception("backfill of %s failed", ", ".join(job.name for job in jobs))
            if fault := faults.found(str(error)):
                told = str(fault.named(first.format, first.bank.packet))
                return {"state": "failed", "backfill": None, "error": told}
            return {"error": f"The backfill failed and will be tried again: {error}"}
        note = f"Kafka deleted {lost:,} packets of the past before they were judged." if lost else None
        return {"state": "running", "backfill": None, "error": note}

    def _note(self, jobs: list[_Job], reached: Offsets) -> None:
        """Note how far they came; a version that took over meanwhile goes on from there."""
        with self._lock:
            for job in jobs:
                if job.is_known(self._book):
                    past = job.past.model_copy(update={"reached": reached})
                    self._book.change(job.name, backfill=past)
