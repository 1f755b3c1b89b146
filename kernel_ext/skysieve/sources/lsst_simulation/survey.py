"""How the simulated telescope observes: bands, depth, noise, visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AB_ZERO_POINT = 31.4  # of fluxes in nJy
PIXEL_ARCSEC = 0.2
VISIT_SECONDS = 34.0  # 30 s open, then the shutter and the readout
NIGHT_HOURS = 8.5
FIRST_NIGHT_MJD = 61_345.04  # about two hours after sunset at Cerro Pachón
FIELD_RADIUS_DEG = 1.7
_ARCHIVE_DAYS = 4000


@dataclass(frozen=True, slots=True)
class Band:
    """One filter of the camera.

    Depth, gamma and seeing are ``m5``, ``γ`` and ``θ_eff`` of Table 2 of Ivezić et al. (2019, ApJ 873, 111);
    share is the band's part of the ten-year visits in Table 1 there.
    """

    name: str
    depth: float
    gamma: float
    seeing: float
    share: float
    wavelength_nm: float


BANDS = {
    b.name: b
    for b in (
        Band("u", 23.78, 0.038, 0.92, 56 / 824, 367.0),
        Band("g", 24.81, 0.039, 0.87, 80 / 824, 482.5),
        Band("r", 24.35, 0.039, 0.83, 184 / 824, 622.2),
        Band("i", 23.92, 0.039, 0.80, 184 / 824, 754.5),
        Band("z", 23.34, 0.039, 0.78, 160 / 824, 869.1),
        Band("y", 22.45, 0.039, 0.76, 160 / 824, 971.0),
    )
}
NAMES = np.array(list(BANDS))
_SHARES = np.array([b.share for b in BANDS.values()])


def flux_of(magnitude: Floats | float) -> Floats:
    """Flux in nJy of an AB magnitude.

    Examples
    --------
    >>> round(float(flux_of(31.4)), 6)
    1.0
    """
    return np.asarray(10 ** (-0.4 * (np.asarray(magnitude) - AB_ZERO_POINT)), dtype=np.float64)


def flux_error(science_flux: Floats | float, band: str) -> Floats:
    """Random error of a point source's flux in one visit, in nJy.

    Equation 5 of Ivezić et al. (2019), ``σ² = (0.04 − γ) x + γ x²`` in magnitudes with ``x = 10^(0.4 (m −
    m5))``, written for fluxes so that it also holds at zero and below.

    Examples
    --------
    >>> at_depth = flux_of(BANDS["r"].depth)
    >>> round(float(at_depth / flux_error(at_depth, "r")), 1)
    5.4
    """
    known = BANDS[band]
    faintest = flux_of(known.depth)
    bright = np.maximum(science_flux, 0.0)
    variance = ((0.04 - known.gamma) * bright * faintest + known.gamma * faintest**2) / 1.0857**2
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def draw_bands(rng: np.random.Generator, count: int) -> NDArray[np.str_]:
    """Bands in the survey's shares."""
    return np.asarray(rng.choice(NAMES, size=count, p=_SHARES))


def past_visits(rng: np.random.Generator, days: float) -> tuple[Floats, NDArray[np.str_]]:
    """Visits to one field before now: days relative to now (below zero, rising), and bands.

    Pairs of visits half an hour apart in two bands, about every third night, which is the cadence that Ivezić
    et al. (2019, §2.2) describe.
    """
    nights = np.cumsum(1 + rng.poisson(2.2, size=int(days / 2) + 1))
    nights = nights[nights < days]
    first = -(nights + rng.uniform(-0.1, 0.1, nights.size))
    times = np.concatenate([first, first + rng.normal(33, 3, nights.size) / 1440])
    order = np.argsort(times)
    return times[order], draw_bands(rng, times.size)[order]


_days = np.datetime64("2020-01-01") + np.arange(_ARCHIVE_DAYS + 365 * 6)
_FIRST_DAY = int((_days[0] - np.datetime64("1858-11-17")).astype(int))
_text = np.datetime_as_string(_days)
_DAY_OBS: Ints = np.array([int(d.replace("-", "")) for d in _text], dtype=np.int64)


def visit_of(mjd: Floats) -> Ints:
    """Id of the visit at these times: the observing day as YYYYMMDD, then five digits of a number within it.

    The observing day changes at noon UTC−12 h, as in Rubin's own ids.

    Examples
    --------
    >>> visit_of(np.array([61345.04])).tolist()
    [2026103101372]
    """
    shifted = np.asarray(mjd) - 0.5
    day = np.floor(shifted)
    number = ((shifted - day) * 86400 / VISIT_SECONDS).astype(np.int64)
    return np.asarray(_DAY_OBS[day.astype(np.int64) - _FIRST_DAY] * 100_000 + number)


def visit_time(number: int) -> float:
    """Mid-time (MJD, TAI) of the simulation's visit of that number.

    Examples
    --------
    >>> visit_time(0), round(visit_time(900) - visit_time(899), 3)  # the 901st belongs to the second night
    (61345.04, 0.646)
    """
    per_night = int(NIGHT_HOURS * 3600 / VISIT_SECONDS)
    night, within = divmod(number, per_night)
    return FIRST_NIGHT_MJD + night + within * VISIT_SECONDS / 86400
