"""The output guard: a filter that sends more than its readers can want is paused, with a reason."""

from __future__ import annotations

from pydantic import Field

from skysieve.engine.health import FilterHealth
from skysieve.engine.values import Value
from skysieve.intervals import percent

_RECORD = 1000.0
"""Bytes of what an aggregate tells of a group, with its headers."""


class Guard(Value):
    """How much a deployed filter may send before it is paused.

    Attributes
    ----------
    share
        Of the alerts judged within the last hour, from 0 to 1; 1 lets all pass, whatever is counted: matches are known
        a micro-batch before the alerts are. Where an hour has fewer than ``after``, of those since it began to run.
    after
        Alerts that are judged before the share counts.
    megabytes_per_hour
        Size of its matches within the last hour.

    Examples
    --------
    >>> Guard(share=0.1, after=1000).objection(FilterHealth(judged=2000, matched=400), 80_000.0)
    'It passed 20 % of the last 2,000 alerts; its guard allows 10 %.'
    >>> Guard().objection(FilterHealth(judged=2000, matched=400), 80_000.0) is None
    True
    """

    share: float = Field(default=0.25, gt=0, le=1)
    after: int = Field(default=20_000, ge=1)
    megabytes_per_hour: float = Field(default=20_000, gt=0)

    def objection(self, health: FilterHealth, packet_bytes: float | None) -> str | None:
        """Why a filter that does so is to be paused; None if it is not.

        ``packet_bytes`` is None for an aggregate: its records are small, and an alert can change several groups.
        """
        of_hour = health.judged, health.matched
        judged, matched = of_hour if health.judged >= self.after else max(of_hour, health.in_all)
        if packet_bytes is None:
            packet_bytes = _RECORD
        elif judged >= self.after and self.share < 1 and matched > self.share * judged:
            passed, allowed = percent(matched / judged), percent(self.share)
            return f"It passed {passed} of the last {judged:,} alerts; its guard allows {allowed}."
        megabytes = health.matched * packet_bytes / 1e6
        if megabytes > self.megabytes_per_hour:
            return f"It sent {megabytes:,.0f} MB within an hour; its guard allows {self.megabytes_per_hour:,.0f} MB."
        return None
