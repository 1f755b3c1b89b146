"""One object of the stream, as far as it has been seen: what makes a drawn object one of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from skysieve.sources.simulation.measured import DETECTION, Measured
from skysieve.sources.simulation.telescope import Floats

OBJECTS_PER_SEED = 2**30


@dataclass(slots=True)
class Sighting:
    """An object of the stream, with one value in each list for every alert that it has given so far.

    Attributes
    ----------
    number
        Number of the object, which no other object has, of whatever seed: seed S's are from S × 2^30 on.
    ra, dec
        Where it is in its newest alert, degrees; only an asteroid moves.
    first
        Where it was in its first one.
    mjd
        Middles of the exposures, TAI.
    noise
        Of the difference flux, in errors.
    slot
        Its number among the alerts of the visit.
    """

    number: int
    ra: float
    dec: float
    first: tuple[float, float]
    mjd: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)


class Stamper(Protocol):
    """Makes the packets of one alert of a drawn object."""

    def stamp(self, sighting: Sighting) -> tuple[bytes, int]:
        """Return the packet of the newest alert, and its id."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """An object drawn in full: what was measured, and what makes the packet of each of its alerts."""

    measured: Measured
    stampers: tuple[Stamper, ...]


def flux_shift(measured: Measured, alerts: int, sighting: Sighting) -> Floats:
    """How much brighter the noise of a sighting makes each of its alerts than it was drawn, nJy.

    Never so much that the alert would not have been one.
    """
    which = list(measured.alerts[:alerts])
    drawn, error = measured.flux[which], measured.error[which].astype(np.float32).astype(np.float64)
    sign = np.sign(drawn)
    least = (DETECTION + 0.001) * error
    return np.asarray(sign * np.maximum(sign * (drawn + error * sighting.noise[:alerts]), least) - drawn)
