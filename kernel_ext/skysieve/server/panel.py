"""What the handlers share: the session shown, the work under way, and those who listen to what changes."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from skysieve.server.models import Changes
from skysieve.server.place import Place
from skysieve.server.watch import Watch
from skysieve.server.work import Works

if TYPE_CHECKING:
    from tornado.ioloop import IOLoop

    from skysieve.server.drafts import Drafts
    from skysieve.server.samples import Samples

_LINGER = 30.0
"""Seconds for which the session is watched on when nobody listens any more."""

Listener = Callable[[Changes], None]


class Panel:
    """One for each Jupyter server."""

    def warm_up(self, loop: IOLoop) -> None:
        """Look at the session in a thread while a browser still loads JupyterLab: then the panel has it at once."""
        threading.Thread(target=self._warm_up, name="skysieve: warm up", daemon=True).start()
        loop.call_later(2 * _LINGER, self._stop_unless_heard)

    def __init__(self, place: Place | None = None) -> None:
        self.place = place or Place()
        self.works = Works(self.place.home, self.look_now)
        self._samples: Samples | None = None
        self._drafts: Drafts | None = None
        self._watch = Watch(self.place, lambda: self.works.last, self._tell)
        self._listeners: list[Listener] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def samples(self) -> Samples:
        """Alerts whose values are looked at."""
        # which needs pandas: not for Jupyter to wait for as it starts
        from skysieve.server.samples import Samples

        self._samples = self._samples or Samples()
        return self._samples

    @property
    def drafts(self) -> Drafts:
        """Filters that are being typed."""
        from skysieve.server.drafts import Drafts

        self._drafts = self._drafts or Drafts()
        return self._drafts

    def look_now(self) -> None:
        """Let listeners know soon what was changed just now."""
        self._watch.look_now()

    def listen(self, listener: Listener) -> None:
        """Tell a listener what is known, and from then on what changes; called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._listeners.append(listener)
        if self._watch.is_looking and self._watch.seen.session is not None:
            listener(self._watch.seen.everything())
        self._watch.start()

    def leave(self, listener: Listener) -> None:
        """Tell it nothing more."""
        with suppress(ValueError):
            self._listeners.remove(listener)
        if not self._listeners and self._loop is not None:
            # a page that is loaded anew is back in a moment
            self._loop.call_later(_LINGER, self._stop_unless_heard)

    def _warm_up(self) -> None:
        importlib.import_module("skysieve.server.filters")
        importlib.import_module("skysieve.server.streams")
        self._watch.start()

    def _stop_unless_heard(self) -> None:
        if not self._listeners:
            self._watch.stop()

    def _tell(self, changes: Changes) -> None:
        """Hand what changed over from the watching thread to the event loop."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the server ends
                self._loop.call_soon_threadsafe(self._spread, changes)

    def _spread(self, changes: Changes) -> None:
        for listener in list(self._listeners):
            listener(changes)
