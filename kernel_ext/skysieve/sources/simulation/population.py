"""What the simulated sky holds.

A kind of object is one entry of ``KINDS``: its label, its share of the alerts and how to draw one. The shares
are round numbers for practice, not a forecast: variables outnumber AGN and these supernovae, as in the
predictions of Ridgway et al. (2014, ApJ 796, 53), asteroids and false detections are common, and what is rare
has been raised so that a thousand alerts hold some of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from skysieve.sources.simulation.light_curves import (
    band_scatter,
    damped_random_walk,
    eclipsing_binary,
    rr_lyrae,
    supernova,
)
from skysieve.sources.simulation.telescope import BandNames, Floats, Rng, Telescope, flux_of

_ORDER = "ugrizy"  # of the bands in every tuple here

# Rough colours (magnitude minus that in r) of what is drawn; they only have to look right.
_COLOURS = {
    "blue star": (1.3, 0.25, 0.0, -0.08, -0.10, -0.10),
    "yellow star": (2.0, 0.6, 0.0, -0.22, -0.33, -0.38),
    "quasar": (0.5, 0.2, 0.0, -0.10, -0.15, -0.20),
    "galaxy": (2.2, 0.9, 0.0, -0.40, -0.65, -0.75),
    "sunlight": (1.9, 0.5, 0.0, -0.15, -0.15, -0.12),
}
_IA_PEAK = (0.35, 0.9, 1.0, 0.8, 0.75, 0.7)
_IA_FALL = (0.7, 0.85, 1.0, 1.25, 1.3, 1.4)
_II_PEAK = (0.5, 0.9, 1.0, 0.95, 0.9, 0.85)
_II_FALL = (0.4, 0.75, 1.0, 1.1, 1.15, 1.2)


@dataclass(frozen=True, slots=True)
class Subject:
    """One object, as it would be seen in each of some visits without noise; its first alert is at 0 days."""

    static: Mapping[str, float]  # nJy in the template, by band
    change: Floats  # nJy, science minus template, per visit
    host: bool = False  # whether the static light is a galaxy's
    distance: float = 0.0  # of an asteroid, from the Sun, au


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object.

    ``reliability`` and ``extendedness`` are the parameters of Beta distributions, ``history_days`` says how
    far back it is followed, ``shape`` what it looks like in a difference image.
    """

    label: str
    share: float
    draw: Callable[[Rng, Telescope, Floats, BandNames], Subject]
    reliability: tuple[float, float]
    extendedness: tuple[float, float] = (1.2, 4.0)
    history_days: float = 0.0
    shape: str = "point"
    solar_system: bool = False


def _per_band(values: tuple[float, ...], bands: BandNames) -> Floats:
    table = dict(zip(_ORDER, values, strict=True))
    return np.array([table[str(b)] for b in bands])


def _static(r_magnitude: float, colour: str) -> dict[str, float]:
    return {b: float(flux_of(r_magnitude + c)) for b, c in zip(_ORDER, _COLOURS[colour], strict=True)}


def _variable(r_mean: float, colour: str, t_magnitude: Floats, bands: BandNames) -> Subject:
    """Make a star of a magnitude given as deviations from its mean in r."""
    static = _static(r_mean, colour)
    constant = np.array([static[str(b)] for b in bands])
    return Subject(static, constant * (10 ** (-0.4 * t_magnitude) - 1))


def _supernova(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames, ia: bool) -> Subject:
    peak = flux_of(rng.uniform(19.5, 23.0) - telescope.brighter)
    rise, fall = (rng.normal(4, 0.5), rng.normal(22, 3)) if ia else (rng.normal(3, 0.5), rng.uniform(40, 90))
    since = rng.uniform(-8, 35 if ia else 70)
    shape_peak, shape_fall = (_IA_PEAK, _IA_FALL) if ia else (_II_PEAK, _II_FALL)
    flux = np.array(
        [
            supernova(np.array([when]), peak * p, since, rise, fall * f)[0]
            for when, p, f in zip(t, _per_band(shape_peak, bands), _per_band(shape_fall, bands), strict=True)
        ]
    )
    return Subject(_static(rng.uniform(20, 24) - telescope.brighter, "galaxy"), flux, host=True)


def _sn_ia(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    return _supernova(rng, telescope, t, bands, ia=True)


def _sn_ii(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    return _supernova(rng, telescope, t, bands, ia=False)


def _rr_lyrae(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    shape = rr_lyrae(t, 0.0, rng.uniform(0.5, 1.1), rng.uniform(0.45, 0.75), rng.uniform())
    # Amplitudes relative to g are near those of Sesar et al. (2010, ApJ 708, 717).
    return _variable(
        rng.uniform(17.5, 22) - telescope.brighter,
        "blue star",
        shape * _per_band((0.95, 1.0, 0.72, 0.57, 0.53, 0.5), bands),
        bands,
    )


def _eclipsing_binary(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    primary = rng.uniform(0.15, 1.0)
    width = rng.uniform(0.015, 0.06)
    eclipse = rng.choice((0.0, 0.5)) + rng.normal(0, width)  # alerts come from the eclipses
    period = float(np.exp(rng.normal(0.0, 0.8)))
    shape = eclipsing_binary(t, 0.0, (primary, primary * rng.uniform(0.1, 0.9)), width, period, eclipse)
    return _variable(rng.uniform(17.5, 21.5) - telescope.brighter, "yellow star", shape, bands)


def _agn(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    walk = damped_random_walk(rng, t, 10 ** rng.normal(2.2, 0.3), 1.0)
    sigma = rng.uniform(0.1, 0.3)
    scatter = np.array([band_scatter(sigma, telescope.bands[str(b)].wavelength_nm) for b in bands])
    return _variable(rng.uniform(18, 22) - telescope.brighter, "quasar", walk * scatter, bands)


def _asteroid(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    light = _static(rng.uniform(18.5, 23) - telescope.brighter, "sunlight")
    turning = 1 + rng.uniform(0.0, 0.2) * np.sin(2 * np.pi * (t / rng.uniform(0.15, 0.8) + rng.uniform()))
    flux = np.array([light[str(b)] for b in bands]) * turning
    # Before its first alert it was elsewhere.
    return Subject(dict.fromkeys(_ORDER, 0.0), np.where(t < 0, 0.0, flux), distance=rng.uniform(2.0, 3.5))


def _false(
    rng: Rng, telescope: Telescope, t: Floats, bands: BandNames, static: dict[str, float], *, again: bool
) -> Subject:
    error = np.array([telescope.flux_error(static[str(b)], str(b)) for b in bands])
    sign = rng.choice((1, 1, 1, -1))
    strength = sign * (5.3 + rng.exponential(5, size=t.size))
    seen = (t == 0) | ((t > 0) & again)
    return Subject(static, error * np.where(seen, strength, rng.normal(0, 3.0 if again else 0.0, t.size)))


def _dipole(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    static = _static(rng.uniform(16.5, 19) - telescope.brighter, "yellow star")
    return _false(rng, telescope, t, bands, static, again=True)


def _artefact(rng: Rng, telescope: Telescope, t: Floats, bands: BandNames) -> Subject:
    return _false(rng, telescope, t, bands, dict.fromkeys(_ORDER, 0.0), again=False)


KINDS = (
    Kind("SN Ia", 0.06, _sn_ia, (9, 1.2), (3, 4), history_days=60),
    Kind("SN II", 0.04, _sn_ii, (9, 1.2), (3, 4), history_days=100),
    Kind("RR Lyrae", 0.15, _rr_lyrae, (10, 1.5), history_days=150),
    Kind("eclipsing binary", 0.15, _eclipsing_binary, (9, 1.5), history_days=150),
    Kind("AGN", 0.12, _agn, (7, 1.5), (1.5, 3), history_days=180),
    Kind("asteroid", 0.18, _asteroid, (25, 0.8), shape="trail", solar_system=True),
    Kind("dipole", 0.12, _dipole, (3, 5), (2, 2), history_days=60, shape="dipole"),
    Kind("artefact", 0.18, _artefact, (1.6, 6), (2, 2), shape="spike"),
)
