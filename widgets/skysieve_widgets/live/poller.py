"""A thread that looks again and again, and does not give up."""

from __future__ import annotations

import threading
from collections.abc import Callable

_LONGEST = 30.0
"""Seconds between two looks, where they go on failing."""


class Poller:
    """Calls a function every few seconds, in a thread that ends with the process.

    Parameters
    ----------
    look
        What is called. Where it raises, the next look comes twice as late as the one before, up to half a minute.
    failed
        Called with the error and the seconds until the next look.
    every
        Seconds from the end of a look to the next.
    """

    def __init__(
        self, look: Callable[[], None], failed: Callable[[Exception, float], None], every: float
    ) -> None:
        self._look, self._failed, self._every = look, failed, every
        self._delay = every
        self._wakes, self._stopped, self._runs = threading.Event(), threading.Event(), threading.Event()
        self._runs.set()
        self._thread = threading.Thread(target=self._run, name="skysieve-live", daemon=True)

    def start(self) -> None:
        """Begin, with a pause before the first look."""
        self._thread.start()

    def pause(self) -> None:
        """Do not look until :meth:`resume`."""
        self._runs.clear()

    def resume(self) -> None:
        """Look now, and on."""
        self._delay = self._every
        self._runs.set()
        self._wakes.set()

    def stop(self) -> None:
        """End; a look that is under way is the last one."""
        self._stopped.set()
        self.resume()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._thread.is_alive()

    def look(self) -> None:
        """Look once, now."""
        try:
            self._look()
            self._delay = self._every
        except Exception as error:
            self._failed(error, self._delay)
            self._delay = min(2 * self._delay, max(_LONGEST, self._every))

    def _run(self) -> None:
        while True:
            self._wakes.wait(self._delay)
            self._wakes.clear()
            self._runs.wait()
            if self._stopped.is_set():
                return
            self.look()
