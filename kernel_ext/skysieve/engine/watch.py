"""Watching the banks: the supervisor's look at how they do, every few seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from skysieve.engine.bank import running
from skysieve.engine.book import StatusBook
from skysieve.engine.health import PAST, Expected, Pulse
from skysieve.engine.registry import Registered
from skysieve.engine.status import FilterStatus
from skysieve.stream import Stream
from skysieve.topics import Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_RESUME = (
    "`.start()` lets it run on from now, `.start(start=TIME)` from a time on; sky.deploy(…, guard=Guard(…)) "
    "allows more."
)


class Watch:
    """Notes in the status book how each bank and each filter does, and pauses filters that send too much.

    Parameters
    ----------
    topics, book
        Kafka, and what is known of the banks.
    registered
        What should run.
    session
        Gives the supervisor's Spark session.
    """

    def __init__(
        self,
        topics: Topics,
        book: StatusBook,
        registered: Mapping[str, Registered],
        session: Callable[[], SparkSession],
    ) -> None:
        self._topics, self._book, self._registered, self._session = topics, book, registered, session
        self._pulses: dict[str, Pulse] = {}

    def _begun(self, query: str) -> Pulse:
        """What is remembered of a bank at first: what another supervisor counted before."""
        before, known = self._book.health.get(query), self._book.filters
        if before is None:
            return Pulse()
        last = {known[n].run: one.last_match for n, one in before.filters.items() if n in known}
        last_match = {run: at for run, at in last.items() if at is not None}
        return Pulse(late=before.late, restarts=before.restarts, last_match=last_match)

    def fell(self, query: str) -> None:
        """Note that a bank had to be started again."""
        self._pulses.setdefault(query, self._begun(query)).restarts += 1

    def look(self, sources: Mapping[str, Stream]) -> set[str]:
        """Look at every bank that runs; gives those with a filter that was paused.

        Parameters
        ----------
        sources
            The stream of each that should run; of one that does not just now, nothing is forgotten.
        """
        active = {name: query for name, query in running(self._session()).items() if name in sources}
        known = {n: s for n, s in self._book.filters.items() if n in self._registered}
        judging = {n: s for n, s in known.items() if s.state in ("running", "backfilling")}
        ends = self._topics.totals(
            [*(sources[name].name for name in active), *(s.output_topic for s in judging.values())]
        )
        begins = {stream: self._topics.begin(stream) for stream in {sources[name].name for name in active}}
        for name in self._pulses.keys() - sources.keys():
            self._book.forget_health(name)
            del self._pulses[name]
        paused = set()
        for name, query in active.items():
            here = {n: s for n, s in judging.items() if s.query == name}
            pulse = self._pulses.setdefault(name, self._begun(name))
            matched = {_counted(s): ends.get(s.output_topic, 0) for s in here.values()}
            past = {_counted(s): s.backfill.done for s in here.values() if s.backfill}
            news = pulse.news(str(query.runId), query.recentProgress)
            pulse.begun = self._book.streams[name].position
            pulse.lost = self._book.lose(name, pulse.reached, begins[sources[name].name])
            pulse.look(news, matched, past)
            health = pulse.health(
                name,
                ends.get(sources[name].name, 0),
                {n: Expected(_counted(s), self._registered[n].expected) for n, s in here.items()},
                in_python=sources[name].format.in_python,
            )
            self._book.tell(health)
            for filter_name, one in health.filters.items():
                record = self._registered[filter_name]
                has_groups = record.filter.grouping is not None
                objection = record.guard.objection(one, None if has_groups else health.packet_bytes)
                if objection:
                    self._book.change(filter_name, state="paused", error=f"{objection} {_RESUME}")
                    paused.add(name)
        return paused


def _counted(status: FilterStatus) -> str:
    """Under what a filter's alerts are counted: while it judges the past as well, by themselves."""
    return f"{status.run}{PAST if status.state == 'backfilling' else ''}"
