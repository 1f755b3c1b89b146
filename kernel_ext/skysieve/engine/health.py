"""How banks and filters do: rates, lag, latency. Worked out from Spark's progress and the ends of Kafka's topics.

No packet is read for it: a bank's own micro-batches tell how old the packets were, and how many matches a filter has is
how far its output topic reaches.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from skysieve.engine.batches import UNDATED, Batch, batches
from skysieve.engine.values import Value, now
from skysieve.intervals import percent, wilson
from skysieve.topics import Offsets

_RATES = 60.0
"""Seconds over which rates are taken."""
_WINDOW = 3600.0
"""Seconds over which pass rates are taken."""
_BATCHES = 1000
"""Newest micro-batches from which latencies are taken."""
_DRIFT_LEVEL = 0.999
"""A drift is called so where the interval of this level and the preview's do not touch."""
PAST = "/past"
"""After the run under which the alerts of a filter are counted that judges the past as well."""


class FilterHealth(Value):
    """How a filter did in the last hour.

    ``judged`` and ``matched`` are numbers of alerts in that hour, the rates those of the last minute, per second;
    ``in_all`` are the same two numbers since the supervisor first looked at this run.
    ``drift`` says so where the share that passes is not that of its preview.
    """

    judged: int = 0
    matched: int = 0
    judged_per_second: float = 0.0
    matched_per_second: float = 0.0
    in_all: tuple[int, int] = (0, 0)
    last_match: datetime | None = None
    drift: str | None = None

    @property
    def pass_rate(self) -> float | None:
        """Share of the alerts that passed."""
        return self.matched / self.judged if self.judged else None


class QueryHealth(Value):
    """How a bank does.

    ``lag`` is the number of alerts that wait, ``lag_seconds`` for how long the oldest of them may have. A latency is
    the time from a packet's arrival in Kafka to the end of the micro-batch that judged it, in seconds, when its matches
    are in their topics; in real time, to when it is read. ``in_python`` tells that packets are split in Python, which
    Spark alone cannot decode. ``lost`` is the number of packets that Kafka deleted, being older than it keeps those of
    the stream, before the bank came to them. Of an aggregate, ``groups`` is the number of groups in its state, and
    ``late`` how often alerts had to be left out, which came after their group was over or have no time.
    """

    query: str
    packets_per_second: float = 0.0
    packet_bytes: float = 0.0
    lag: int = 0
    lag_seconds: float = 0.0
    latency_median: float | None = None
    latency_p99: float | None = None
    restarts: int = 0
    lost: int = 0
    groups: int | None = None
    late: int = 0
    in_python: bool = False
    filters: dict[str, FilterHealth] = Field(default_factory=dict)
    updated: datetime

    def is_news(self, before: QueryHealth | None) -> bool:
        """Whether it says more than that time went by."""
        return before is None or before.model_copy(update={"updated": self.updated}) != self


@dataclass(frozen=True)
class Expected:
    """A filter that a bank runs: its run, and the interval of the pass rate that its preview gave."""

    run: str
    pass_rate: tuple[float, float] | None = None


class Look(NamedTuple):
    """What a bank was at: by run, where the matches of a filter end, and how many alerts of the past it has judged."""

    at: float
    position: int
    matched: Mapping[str, int]
    past: Mapping[str, int]

    def of(self, run: str) -> tuple[float, int, int]:
        """Its time, how many alerts a filter has judged but for a constant, and where its matches end."""
        return self.at, self.position + self.past.get(run, 0), self.matched[run]


@dataclass
class Pulse:
    """What is remembered of a bank, to tell how it does: micro-batches, looks, and of each run the first of these."""

    looks: deque[Look] = field(default_factory=deque)
    first: dict[str, Look] = field(default_factory=dict)
    recent: deque[Batch] = field(default_factory=lambda: deque(maxlen=_BATCHES))
    seen: tuple[str, int] = ("", -1)
    last_match: dict[str, datetime] = field(default_factory=dict)
    restarts: int = 0
    groups: int | None = None
    late: int = 0
    lost: int = 0
    begun: Offsets = field(default_factory=dict)

    @property
    def reached(self) -> Offsets:
        """How far it came: Spark tells nothing of the last batch before it was started anew, where it was begun."""
        newest = self.recent[-1].reached if self.recent else {}
        return {p: max(newest.get(p, 0), self.begun.get(p, 0)) for p in {*newest, *self.begun}}

    def news(self, run: str, progress: Iterable[Any]) -> list[Batch]:
        """The micro-batches that were not given before; each run of a query counts them from 0."""
        after = self.seen[1] if self.seen[0] == run else -1
        known = list(progress)
        new = batches(known, after)
        # of progress without a batch, which Spark tells of while it waits, the number is that of the next one
        done = [one for one in known if "addBatch" in one.durationMs and one.batchId > after]
        self._note_states(done, is_told=not self.seen[0] and self.late > 0)
        self.seen = run, max([after, *(one.number for one in new), *(one.batchId for one in done)])
        return new

    def _note_states(self, done: Sequence[Any], *, is_told: bool) -> None:
        """Note what states hold, and what came too late for them, unless another supervisor told of that."""
        for states, observed in ((one.stateOperators, one.observedMetrics) for one in done):
            if states:
                self.groups = max(one.numRowsTotal for one in states)
                undated = (observed or {}).get(UNDATED)
                late = sum(one.numRowsDroppedByWatermark for one in states)
                self.late += 0 if is_told else late + (undated["values"][0] if undated else 0)

    def look(
        self,
        new: Sequence[Batch],
        matched: Mapping[str, int],
        past: Mapping[str, int] | None = None,
        *,
        at: float | None = None,
    ) -> None:
        """Note what has happened since the last look.

        Parameters
        ----------
        new
            Its micro-batches since then.
        matched
            Where the output topic of a filter ends, by its run.
        past
            Number of alerts of the past that it has judged, likewise.
        at
            The time, in seconds; now unless given.
        """
        self.recent.extend(new)
        at = time.monotonic() if at is None else at
        if self.looks:
            before = self.looks[-1].matched
            more = {r for r, count in matched.items() if count > before.get(r, count)}
            self.last_match |= {run.removesuffix(PAST): now() for run in more}
        position = sum(self.reached.values()) - self.lost if self.recent else 0
        self.looks.append(Look(at, position, dict(matched), dict(past or {})))
        first = {run: self.first.get(run, self.looks[-1]) for run in matched}
        self.first = {run: look if look.position else self.looks[-1] for run, look in first.items()}
        while len(self.looks) > 1 and at - self.looks[1].at > _WINDOW:
            self.looks.popleft()

    def health(
        self,
        query: str,
        end: int,
        filters: Mapping[str, Expected],
        *,
        in_python: bool = False,
    ) -> QueryHealth:
        """How it does.

        Parameters
        ----------
        query
            Its name.
        end
            Where its stream ends: the sum over the partitions.
        filters
            Its filters.
        in_python
            Whether its packets are split in Python.
        """
        at, position = self.looks[-1].at, self.looks[-1].position
        newest = self.recent[-1] if self.recent else None
        lag = max(0, end - sum(self.reached.values())) if newest else 0
        late = sorted((b.ended - b.median, b.count) for b in self.recent)
        latest = sorted((b.ended - b.oldest, b.count) for b in self.recent)
        first = next(look for look in self.looks if at - look[0] <= _RATES)
        return QueryHealth(
            query=query,
            packets_per_second=_rate(position - first[1], at - first[0]) if first[1] else 0.0,
            packet_bytes=next((b.bytes for b in reversed(self.recent) if b.bytes is not None), 0.0),
            lag=lag,
            lag_seconds=max(0.0, time.time() - newest.newest) if newest and lag else 0.0,
            latency_median=_weighted(late, 0.5),
            latency_p99=_weighted(latest, 0.99),
            restarts=self.restarts,
            lost=self.lost,
            groups=self.groups,
            late=self.late,
            in_python=in_python,
            filters={name: self._filter(one) for name, one in filters.items()},
            updated=now(),
        )

    def _filter(self, one: Expected) -> FilterHealth:
        # before its first micro-batch it is not known where a bank is
        looks = (look for look in self.looks if look.position or not self.recent)
        known = [look.of(one.run) for look in looks if one.run in look.matched]
        if not known:
            return FilterHealth()
        first, oldest, (at, position, matched) = self.first[one.run].of(one.run), known[0], known[-1]
        minute = next(look for look in known if at - look[0] <= _RATES)
        judged, passed = position - oldest[1], matched - oldest[2]
        return FilterHealth(
            judged=judged,
            matched=passed,
            in_all=(position - first[1], matched - first[2]),
            judged_per_second=_rate(position - minute[1], at - minute[0]),
            matched_per_second=_rate(matched - minute[2], at - minute[0]),
            last_match=self.last_match.get(one.run.removesuffix(PAST)),
            drift=drift(judged, passed, one.pass_rate),
        )


def drift(judged: int, matched: int, expected: tuple[float, float] | None) -> str | None:
    """What to say where a filter passes another share of the alerts than its preview did.

    Examples
    --------
    >>> drift(20_000, 1_100, (0.04, 0.06)) is None
    True
    >>> drift(20_000, 4_000, (0.04, 0.06))
    '20 % of 20,000 alerts pass, where the preview said 4 % to 6 %'
    """
    if expected is None or not judged or matched > judged:
        return None
    low, high = wilson(matched, judged, _DRIFT_LEVEL)
    if low <= expected[1] and high >= expected[0]:
        return None
    share, least, most = map(percent, (matched / judged, *expected))
    return f"{share} of {judged:,} alerts pass, where the preview said {least} to {most}"


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 3) if seconds > 0 else 0.0


def _weighted(values: Sequence[tuple[float, int]], share: float) -> float | None:
    """The quantile of sorted values, each of which counts so many times."""
    wanted, seen = share * sum(count for _, count in values), 0
    for value, count in values:
        seen += count
        if seen >= wanted:
            return round(value, 3)
    return None
