"""How many alerts a stream has in a night, and so how many a filter will pass.

What counts is the night in which the survey looked at the sky. Where packets arrive as they are made, Kafka's own index
of arrival times tells how many there were. Where they were replayed or simulated, written in one burst, only their own
times do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skysieve.errors import PacketError
from skysieve.packets.decode import PROBLEM
from skysieve.slices import Files, Slice

Days = npt.NDArray[np.float64]

_UNIX = 40587.0
"""MJD of 1970-01-01."""
_JD = 2400000.5
_LATE = 1.0
"""Days after which an alert has arrived, unless it is replayed: surveys send within minutes to hours."""
_LOOKED = 7
"""Nights of arrival that are looked at."""


@dataclass(frozen=True)
class Nights:
    """The number of alerts in a night of a stream.

    Attributes
    ----------
    low, mean, high
        Mean of several nights, and the range of the middle 95 % of them; of one number, that with the 95 % range of a
        Poisson process (``± 1.96 √n``).
    source
        What it was derived from.
    """

    low: float
    mean: float
    high: float
    source: str

    def passing(self, rate: float, interval: tuple[float, float]) -> PerNight:
        """What passes of a night, by the pass rate and its interval.

        Examples
        --------
        >>> per_night = counted([800, 1000, 1200], "three nights").passing(0.1, (0.05, 0.2))
        >>> per_night.expected, per_night.low < 50, per_night.high > 200
        (100.0, True, True)
        """
        return PerNight(self.low * interval[0], self.mean * rate, self.high * interval[1], self.source)


@dataclass(frozen=True)
class PerNight:
    """How many alerts a filter passes in a night.

    Both the pass rate (its 95 % binomial interval) and the stream (the spread of its nights) are uncertain; the range
    takes both at their ends, so it errs on the wide side.

    Attributes
    ----------
    low, expected, high
        Alerts per night.
    source
        What the stream's rate was derived from.
    """

    low: float
    expected: float
    high: float
    source: str


def counted(counts: Sequence[float] | Days, source: str) -> Nights:
    """The nights of which these are the numbers of alerts.

    Examples
    --------
    >>> nights = counted([100], "one night")
    >>> round(nights.low, 1), nights.mean, round(nights.high, 1)
    (80.4, 100.0, 119.6)
    """
    each = np.asarray(counts, dtype=float)
    mean, noise = float(each.mean()), 1.96 * math.sqrt(each.mean())
    low, high = np.quantile(each, [0.025, 0.975]) if len(each) > 1 else (mean - noise, mean + noise)
    return Nights(max(0.0, float(low)), mean, float(high), source)


def nightly(days: Days) -> Days:
    """Number of alerts in each night that has any, by their times in days (UTC or TAI).

    A night lasts from noon to noon. Where the telescope stands is not known, so noon is taken as the middle of the
    longest time of day without an alert.

    Examples
    --------
    >>> nightly(np.array([61000.1, 61000.3, 61001.2]))
    array([2., 1.])
    """
    _, counts = np.unique(np.floor(days - _noon(days)), return_counts=True)
    return counts.astype(float)


def _noon(days: Days) -> float:
    """The middle of the longest time of day without an alert, as a part of a day."""
    of_day = np.unique(days % 1)
    gaps = np.diff(of_day, append=of_day[0] + 1)
    longest = int(gaps.argmax())
    return float(of_day[longest] + gaps[longest] / 2) % 1


def measure(which: Slice, table: pd.DataFrame, time: str | None) -> tuple[Nights | None, str]:
    """How many alerts a night of a stream has; None with the reason where that cannot be told.

    Parameters
    ----------
    which
        What was read.
    table
        Its rows, as in a preview: the packets that were rejected are no alerts, but Kafka counts them.
    time
        Name of that column.

    Notes
    -----
    1. Alerts that arrived within a day of their observation: number of packets that arrived from noon to noon, of the
       last seven nights, by Kafka's index of arrival times. The first night, which may have been deleted in part, and
       the present one count only where there is no other.
    2. Otherwise the stream was replayed or simulated. Where the slice is all of it: its alerts in each night of
       observation. Else all packets that Kafka holds, over the nights from that of the oldest to that of the newest.

    Nights without an alert are left out of 1. and of the first half of 2.
    """
    if which.ids is not None:
        return None, "its alerts were chosen by id, which is no sample of the stream"
    packets = len(table[["kafka.partition", "kafka.offset"]].drop_duplicates())
    table = table[table[PROBLEM].isna()]
    seen = _observed(table[time]) if time is not None and time in table else None
    if seen is not None and not len(seen):
        seen = None
    if isinstance(which, Files):
        if seen is None:
            return None, "the files do not say when their alerts were observed"
        return _by_observation(seen, "in the files"), ""
    arrived = _arrived(table)
    if not len(arrived):
        return None, "no alert was read"
    each = len(table) / packets
    if seen is None or abs(float(np.median(arrived) - np.median(seen))) < _LATE:
        if seen is None and np.ptp(arrived) < _LATE / 24:
            return None, "its packets do not say when they were observed, and all arrived within an hour"
        return _by_arrival(which, arrived, each), ""
    topics, name = which.stream.topics, which.stream.name
    begin, end = topics.bounds(name)
    if all(which.start[p] <= begin[p] and which.stop[p] >= end[p] for p in end):
        return _by_observation(seen, "in the stream"), ""
    kept = sum(end[p] - begin[p] for p in end)
    last = {p: max(begin[p], end[p] - 1) for p in end}
    first = {p: min(begin[p] + 1, end[p]) for p in end}
    ends = [record.value for a, b in ((begin, first), (last, end)) for record in topics.read(name, a, b)]
    known = _observed(pd.Series([_time(which, value or b"", str(time)) for value in ends], dtype=float))
    noon = _noon(seen)
    spanned = np.floor(np.concatenate([known, seen]) - noon)
    nights = int(np.ptp(spanned)) + 1
    source = f"{kept:,} packets kept, whose own times span {_plural(nights)}"
    return counted([kept * each / nights], source), ""


def _by_observation(seen: Days, where: str) -> Nights:
    counts = nightly(seen)
    return counted(counts, f"{len(seen):,} alerts {where}, whose own times are of {_plural(len(counts))}")


def _by_arrival(which: Slice, arrived: Days, each: float) -> Nights:
    topics, name = which.stream.topics, which.stream.name
    begin, end = topics.bounds(name)
    noon = _noon(arrived)
    next_noon = math.floor(arrived.max() - noon) + noon + 1
    behind, counts, reached = sum(end.values()), [], False
    for back in range(1, _LOOKED + 2):
        at = datetime.fromtimestamp((next_noon - back - _UNIX) * 86400, UTC)
        offsets = topics.at(name, at)
        before = sum(offsets.values())
        counts.append(behind - before)
        behind = before
        if reached := all(offsets[p] <= begin[p] for p in begin):
            break
    whole = counts[1:-1] if reached else counts[1:]
    some = [n for n in whole if n] or [n for n in counts if n]
    return counted([n * each for n in some], f"arrival of its packets in {_plural(len(some))}")


def _observed(times: pd.Series[Any]) -> Days:
    """Times as MJD, from MJD or JD; empty where they are neither."""
    if not pd.api.types.is_numeric_dtype(times):
        return np.empty(0)
    days = times.dropna().to_numpy(dtype=float)
    days = np.where(days > _JD, days - _JD, days)
    return days[(days > 15000) & (days < 100000)]


def _arrived(table: pd.DataFrame) -> Days:
    stamps = pd.to_datetime(table["kafka.timestamp"], utc=True).dropna()
    since: pd.Series[Any] = (stamps - pd.Timestamp(0, tz="UTC")) / timedelta(days=1)
    return since.to_numpy(dtype=float) + _UNIX


def _time(which: Slice, packet: bytes, column: str) -> float:
    try:
        found: Any = which.stream.format.read(packet)[0]
    except (PacketError, IndexError):
        return math.nan
    for name in column.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return float(found) if isinstance(found, int | float) else math.nan


def _plural(nights: int) -> str:
    return f"{nights} night{'s' * (nights != 1)}"
