"""Watches the session while somebody looks at the panel, and tells what has changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from skysieve.errors import SkysieveError
from skysieve.server.follower import Follower
from skysieve.server.models import Changes, Filter, Session, Stream, Work
from skysieve.server.place import Place
from skysieve.topics import Topics

if TYPE_CHECKING:
    from skysieve.server.streams import Streams

log = logging.getLogger("skysieve.server")

_NEWS = 0.7
"""Seconds that news may wait."""
_STREAMS = 3.0
_AGAIN = 2.0
"""Seconds after which a Kafka that did not answer is asked again."""

Row = TypeVar("Row", Stream, Filter)


@dataclass
class Seen:
    """What was seen at the last look."""

    session: Session | None = None
    streams: dict[str, Stream] = field(default_factory=dict)
    filters: dict[str, Filter] = field(default_factory=dict)

    def everything(self) -> Changes:
        """All of it, for who knows nothing yet."""
        return Changes(
            anew=True,
            session=self.session,
            streams=list(self.streams.values()),
            filters=list(self.filters.values()),
        )

    def news(self, later: Seen) -> Changes | None:
        """What is otherwise at a later look; None where nothing is."""
        found = Changes(
            session=later.session if later.session != self.session else None,
            streams=_changed(self.streams, later.streams),
            filters=_changed(self.filters, later.filters),
            streams_gone=sorted(self.streams.keys() - later.streams.keys()),
            filters_gone=sorted(self.filters.keys() - later.filters.keys()),
        )
        return found if found != Changes() else None


class Watch:
    """A thread that looks at the session as long as it has listeners.

    Parameters
    ----------
    place
        Which session.
    work
        Gives the start or stop of the local session that is under way.
    tell
        Called, in the thread, with what has changed.
    """

    def __init__(
        self, place: Place, work: Callable[[], Work | None], tell: Callable[[Changes], None]
    ) -> None:
        self._place, self._work, self._tell = place, work, tell
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._topics: Topics | None = None
        self._follower: Follower | None = None
        self._streams: Streams | None = None
        self._looked_at_streams = 0.0
        self.seen = Seen()

    @property
    def is_looking(self) -> bool:
        """Whether what was seen is of just now."""
        return self._thread is not None and self._thread.is_alive() and not self._stopped.is_set()

    def start(self) -> None:
        """Look from now on; what was seen when it was stopped is old, so that all is news again."""
        with self._lock:
            if not self.is_looking:
                self._stopped, self.seen = threading.Event(), Seen()
                arguments = (self._stopped, self._thread)
                self._thread = threading.Thread(
                    target=self._run, args=arguments, name="skysieve: watch", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._wake.set()

    def look_now(self) -> None:
        """Look at once: something was changed here."""
        self._wake.set()

    def _run(self, stopped: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # it lets go of what it followed first
            self.seen = Seen()
        while not stopped.is_set():
            begun = time.monotonic()
            try:
                problem = self._look()
            except Exception as error:  # a watch that ends would leave every panel as it was, for good
                problem = type(error).__name__
                log.error("the session could not be looked at: %s", problem)
            pause = _AGAIN if problem else max(0.1, _NEWS - (time.monotonic() - begun))
            self._wake.wait(pause)
            self._wake.clear()
        self._let_go()

    def _look(self) -> str:
        """Look once; gives why Kafka could not be asked."""
        problem, later = "", Seen()
        try:
            self._ask(later)
        except SkysieveError as error:
            problem = str(error)
        except Exception as error:  # of Kafka's client, whose ways of failing are many
            problem = f"Kafka could not be asked: {type(error).__name__}."
        if problem:
            # what was known stays in sight, and the reason above it
            self._let_go()
            later.streams, later.filters = self.seen.streams, self.seen.filters
        told = self._follower.status if self._follower else {}
        later.session = self._place.session(told, self._work(), problem)
        news, self.seen = self.seen.news(later), later
        if news:
            self._tell(news)
        return problem

    def _ask(self, later: Seen) -> None:
        from skysieve.server.filters import filters
        from skysieve.server.streams import Streams

        topics = self._place.topics()
        if topics is None or topics != self._topics:
            self._let_go()
            self._topics = topics
        if topics is None:
            return
        if self._follower is None:
            self._follower, self._streams = Follower(topics), Streams(topics)
            self._looked_at_streams = 0.0
            self._follower.catch_up()
        self._follower.poll(0.1)
        later.filters = _by_name(filters(self._follower.registry, self._follower.status))
        later.streams = self.seen.streams
        if self._streams and time.monotonic() - self._looked_at_streams > _STREAMS:
            # which also finds out that Kafka is gone: a consumer waits for it in silence
            later.streams = _by_name(self._streams.look())
            self._looked_at_streams = time.monotonic()

    def _let_go(self) -> None:
        follower, self._follower, self._streams, self._topics = self._follower, None, None, None
        if follower:
            follower.close()


def _by_name(found: Sequence[Row]) -> dict[str, Row]:
    return {row.name: row for row in found}


def _changed(before: dict[str, Row], after: dict[str, Row]) -> list[Row]:
    return [row for name, row in after.items() if before.get(name) != row]
