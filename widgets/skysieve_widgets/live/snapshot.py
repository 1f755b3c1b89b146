"""What a live view is told at each look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Arrival:
    """A match that has arrived.

    Attributes
    ----------
    key
        What tells it from all others; a match that comes twice is shown once.
    time
        When it was written.
    alert_id
        The alert's id, exact.
    ra, dec
        Position (ICRS) in degrees.
    band, magnitude
        Band, and AB magnitude of the size of the difference flux.
    is_positive
        Whether that flux is: the source is brighter than in the template.
    thumbnail
        The difference cutout as PNG.
    light
        Light curve: MJD, flux in nJy and band of each point, oldest first.
    problem
        Why it could not be decoded, if it could not.
    """

    key: str
    time: datetime | None = None
    alert_id: str = ""
    ra: float | None = None
    dec: float | None = None
    band: str = ""
    magnitude: float | None = None
    is_positive: bool = True
    thumbnail: bytes = b""
    light: tuple[tuple[float, float, str], ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A deployment at one moment; a number that is not known is None.

    Attributes
    ----------
    state
        Such as ``"running"``.
    judged_per_second, matched_per_second
        Alerts per second in, and matches out.
    pass_rate
        Share that passes.
    latency_median, latency_p99
        Seconds from a packet to its matches, and the same for the slowest hundredth.
    matches
        Number of matches in all.
    note
        What should be known beside, such as why it does not run.
    arrivals
        The newest matches, oldest first; those that were given before may be among them.
    """

    state: str
    judged_per_second: float | None = None
    matched_per_second: float | None = None
    pass_rate: float | None = None
    latency_median: float | None = None
    latency_p99: float | None = None
    matches: int | None = None
    note: str = ""
    arrivals: tuple[Arrival, ...] = ()


class LiveSource(Protocol):
    """What a live view asks every few seconds, from a thread of its own."""

    def poll(self) -> Snapshot:
        """How things are now; raises whatever keeps it from telling."""
