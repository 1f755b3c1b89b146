"""What a simulated telescope is: bands, depth, noise, and when it looks where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BandNames = NDArray[np.str_]
Rng = np.random.Generator

AB_ZERO_POINT = 31.4  # of fluxes in nJy
GENERATIONS = 3  # how many times a field is visited while one of its objects is followed
_GENERATIONS_OF_FIELD = 10  # then the Sun has come near it, and it is given up for another


@dataclass(frozen=True, slots=True)
class Band:
    """One filter of a camera: depth (AB, 5 sigma), gamma (see ``flux_error``), seeing (FWHM, arcsec)."""

    name: str
    depth: float
    gamma: float
    seeing: float
    wavelength_nm: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One exposure of one field."""

    mjd: float  # its middle, TAI
    field: tuple[int, int, int]  # a name of the field that no other has
    start: int  # which of the starts a new object has here
    size: int  # how many alerts it gives


@dataclass(frozen=True)
class Telescope:
    """How a survey observes.

    A field is visited twice in a night, in the two bands of one of ``pairs``, and again some nights later in
    those of the next pair.

    Attributes
    ----------
    bands
        By name.
    pixel_arcsec
        Size of a pixel.
    floor
        Error of the calibration, magnitudes.
    visit_seconds, night_hours
        From one visit to the next, and how long a night lasts.
    shutter_seconds
        How much earlier or later than its middle the shutter opens at the edges of the field.
    first_mjd
        Middle of the first visit, TAI.
    pairs
        Bands of the two visits.
    pair_visits
        How many visits later the second one of a pair comes.
    revisit_nights
        How many nights later a field is visited again.
    field_radius
        Of the field of view, degrees.
    latitudes
        From where to where fields lie, ecliptic, degrees.
    look_back_days
        How far back there are visits even where nothing had been seen.
    brighter
        How much brighter its objects are than LSST's, magnitudes.
    """

    bands: Mapping[str, Band]
    pixel_arcsec: float
    floor: float
    visit_seconds: float
    night_hours: float
    shutter_seconds: float
    first_mjd: float
    pairs: tuple[tuple[str, str], ...]
    pair_visits: int
    revisit_nights: int
    field_radius: float
    latitudes: tuple[float, float]
    look_back_days: float
    brighter: float

    def flux_error(self, science_flux: Floats | float, band: str) -> Floats:
        """Error of a point source's flux in one visit, in nJy.

        Equations 4 and 5 of Ivezić et al. (2019, ApJ 873, 111), ``σ² = σ_floor² + (0.04 − γ) x + γ x²`` in
        magnitudes with ``x = 10^(0.4 (m − m5))``, written for fluxes so that they also hold at zero and below.
        """
        known = self.bands[band]
        faintest = flux_of(known.depth)
        bright = np.maximum(science_flux, 0.0)
        random = (0.04 - known.gamma) * bright * faintest + known.gamma * faintest**2
        return np.asarray(np.sqrt(random + (self.floor * bright) ** 2) / 1.0857, dtype=np.float64)

    def draw_seeing(self, rng: Rng, band: str) -> float:
        """Seeing (FWHM, arcsec) of a visit: the band's median, with the spread of a good site."""
        return float(self.bands[band].seeing * np.exp(rng.normal(0, 0.18)))

    @property
    def visits_per_block(self) -> int:
        """Visits until a pair is complete: first all the first ones, then all the second ones."""
        return 2 * self.pair_visits

    @property
    def fields_per_night(self) -> int:
        """How many fields fit into a night."""
        seconds = self.visits_per_block * self.visit_seconds
        return int(self.night_hours * 3600 / seconds) * self.pair_visits

    def starts(self) -> Iterator[tuple[int, int]]:
        """Where a new object can be seen for the first time: in which pair, and in which of its two visits."""
        return ((pair, second) for pair in range(len(self.pairs)) for second in (0, 1))

    def visits_to_come(self, pair: int, second: int) -> tuple[Floats, BandNames]:
        """When and in which bands an object's field is visited while the object is followed.

        Days from the first of these visits, which is the given one of the two of a pair.
        """
        gap = self.pair_visits * self.visit_seconds / 86400
        times, bands = [], []
        for generation in range(GENERATIONS):
            for member in (0, 1):
                times.append(generation * self.revisit_nights + (member - second) * gap)
                bands.append(self.pairs[(pair + generation) % len(self.pairs)][member])
        return np.array(times[second:]), np.array(bands[second:])

    def past_visits(self, rng: Rng, days: float) -> tuple[Floats, BandNames]:
        """Visits to one field before now: days relative to now (below zero, rising), and bands.

        Pairs of visits half an hour apart in two bands, every few nights, clouds and Moon permitting.
        """
        if not days:
            return np.empty(0), np.empty(0, dtype="U1")
        nights = np.cumsum(self.revisit_nights + rng.poisson(0.3, size=int(days / self.revisit_nights) + 1))
        nights = nights[nights < days]
        gap = self.pair_visits * self.visit_seconds / 86400
        first = -(nights + rng.uniform(0.04, 0.06, nights.size))
        times = np.stack([first, first + gap + rng.normal(0, 0.001, nights.size)], axis=1)
        pairs = np.array(self.pairs)[rng.integers(0, len(self.pairs), nights.size)]
        return times[::-1].ravel(), pairs[::-1].ravel()

    def visits(self, sizes: Mapping[int, int] | None, alerts_per_visit: int, pairs: int) -> Iterator[Visit]:
        """Every visit, night after night.

        Parameters
        ----------
        sizes
            Alerts of each night, by its number; endless and full nights if None.
        alerts_per_visit
            About how many alerts a visit gives.
        pairs
            How many of the pairs of bands are used.
        """
        night = 0
        while sizes is None or night in sizes:
            cycle, generation = night % self.revisit_nights, night // self.revisit_nights
            wanted = 2 * self.fields_per_night * alerts_per_visit if sizes is None else sizes[night]
            for number, second, size in self._night(wanted, alerts_per_visit):
                block, within = divmod(number, self.pair_visits)
                seconds = (
                    block * self.visits_per_block + second * self.pair_visits + within
                ) * self.visit_seconds
                yield Visit(
                    mjd=self.first_mjd + night + seconds / 86400,
                    field=(cycle, number, generation // _GENERATIONS_OF_FIELD),
                    start=2 * ((number + generation) % pairs) + second,
                    size=size,
                )
            night += 1

    def _night(self, wanted: int, alerts_per_visit: int) -> Iterator[tuple[int, int, int]]:
        """Fields of a night in their order, each twice, and the alerts of each visit."""
        fields = min(max(round(wanted / 2 / alerts_per_visit), 1), self.fields_per_night)
        order = [
            (number, second)
            for first in range(0, fields, self.pair_visits)
            for second in (0, 1)
            for number in range(first, min(first + self.pair_visits, fields))
        ]
        for n, (number, second) in enumerate(order):
            yield number, second, wanted * (n + 1) // len(order) - wanted * n // len(order)


def flux_of(magnitude: Floats | float) -> Floats:
    """Flux in nJy of an AB magnitude.

    Examples
    --------
    >>> round(float(flux_of(31.4)), 6)
    1.0
    """
    return np.asarray(10 ** (-0.4 * (np.asarray(magnitude) - AB_ZERO_POINT)), dtype=np.float64)


def magnitude_of(flux: Floats | float) -> Floats:
    """AB magnitude of a flux in nJy, which is above zero.

    Examples
    --------
    >>> float(magnitude_of(1.0))
    31.4
    """
    return np.asarray(AB_ZERO_POINT - 2.5 * np.log10(flux), dtype=np.float64)
