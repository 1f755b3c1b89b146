"""Backfills: filters that also judge the past, one thread each, beside the banks."""

from __future__ import annotations

import logging
import threading
from typing import Any

from skysieve.engine.bank import Bank
from skysieve.engine.status import StatusBook
from skysieve.filter import BoundFilter
from skysieve.packets.formats import Format

log = logging.getLogger("skysieve.supervisor")


class Backfills:
    """Runs what the status book says is yet to be judged, and notes there what is done.

    A backfill that is broken off is done again from its beginning: its matches may then be delivered twice, and are
    known by their source offsets.
    """

    def __init__(self, book: StatusBook, lock: threading.RLock) -> None:
        self._book, self._lock = book, lock
        self._threads: dict[str, threading.Thread] = {}

    def is_running(self, name: str) -> bool:
        """Whether the backfill of a filter is under way."""
        thread = self._threads.get(name)
        return thread is not None and thread.is_alive()

    def unfinished(self) -> set[str]:
        """Queries with a backfill to do that is not under way."""
        return {s.query for n, s in self._book.filters.items() if s.backfill and not self.is_running(n)}

    def begin(self, bank: Bank, packet_format: Format, bound: BoundFilter) -> None:
        """Begin, or begin again after a crash, the backfill of a filter that has one to do."""
        name = bound.filter.name
        if self._book.filters[name].backfill is None or self.is_running(name):
            return
        thread = threading.Thread(
            target=self._work, args=(bank, packet_format, bound), name=f"backfill {name}", daemon=True
        )
        self._threads[name] = thread
        thread.start()

    def _work(self, bank: Bank, packet_format: Format, bound: BoundFilter) -> None:
        name = bound.filter.name
        status = self._book.filters[name]
        past, covered = status.backfill, self._book.streams[bank.stream].covered_from
        assert past is not None
        outcome: dict[str, Any] = {"state": "running", "backfill": None, "error": None}
        try:
            bank.backfill(bound, packet_format, past.start, past.stop, reject_before=covered)
        except Exception as error:  # whatever it is, the person who deployed must read it
            log.exception("backfill of %s failed", name)
            outcome = {"error": f"The backfill failed and will be tried again: {error}"}
        with self._lock:
            now = self._book.filters.get(name)
            if now and now.run == status.run and now.backfill:
                self._book.change(name, **outcome)
                if outcome["error"] is None:
                    self._book.cover(bank.stream, past.start)
