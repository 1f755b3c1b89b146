"""What lies beside an object: in the reference image, in Pan-STARRS 1 and in Gaia."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skysieve.sources.simulation.measured import Measured
from skysieve.sources.simulation.telescope import Rng, magnitude_of
from skysieve.sources.simulation.ztf.telescope import ZTF

NONE = -999.0
_PS1_DEPTH = 23.0
_GAIA_DEPTH = 20.7
_PS1_COUNT = 3

Offset = tuple[float, float]  # arcsec to the east and to the north


@dataclass(frozen=True, slots=True)
class Star:
    """A source of a catalogue."""

    offset: Offset
    magnitudes: dict[str, float]  # by band
    star: float  # near 1 for a star, near 0 for a galaxy

    @property
    def distance(self) -> float:
        """Arcsec."""
        return float(np.hypot(*self.offset))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest source of the reference image, and the three nearest ones of Pan-STARRS 1."""

    nearest: Star
    catalogued: tuple[Star, ...]


def draw_neighbours(rng: Rng, measured: Measured) -> Neighbours:
    """Draw the object itself, if it is in the template, and others further away."""
    static = measured.subject.static
    others = sorted((_other(rng) for _ in range(_PS1_COUNT)), key=lambda star: star.distance)
    if not static["r"]:
        return Neighbours(others[0], tuple(others))
    host = measured.subject.host
    score = rng.beta(1, 12) if host else rng.beta(40, 1)
    offset = rng.normal(0, 1.5 if host else 0.12, 2).tolist()
    itself = Star(
        (offset[0], offset[1]),
        {band: float(magnitude_of(flux)) for band, flux in static.items()},
        float(score),
    )
    return Neighbours(itself, (itself, *others[:-1]))


def _other(rng: Rng) -> Star:
    distance, angle, r = 4 + 20 * rng.uniform() ** 0.5, rng.uniform(0, 2 * np.pi), rng.uniform(17, 22.5)
    bands = {"g": r + 0.6, "r": r, "i": r - 0.2, "z": r - 0.3}
    return Star((distance * np.cos(angle), distance * np.sin(angle)), bands, float(rng.choice((0.02, 0.98))))


def reference_source(neighbours: Neighbours, band: str) -> dict[str, float]:
    """Fields about the nearest source of the reference image; its distance is in arcsec."""
    star = neighbours.nearest
    magnitude = star.magnitudes[band]
    return {
        "distnr": star.distance,
        "magnr": magnitude,
        "sigmagnr": float(min(0.02 + 0.1 * 10 ** (0.4 * (magnitude - ZTF.bands[band].depth - 1.5)), 0.3)),
        "chinr": 0.6,
        "sharpnr": -0.02 if star.star > 0.5 else 0.4,
    }


def catalogue_fields(neighbours: Neighbours) -> dict[str, float]:
    """Fields about Pan-STARRS 1 and Gaia."""
    fields: dict[str, float] = {"nmtchps": len(neighbours.catalogued)}
    for number, star in enumerate(neighbours.catalogued, 1):
        fields[f"sgscore{number}"] = star.star
        fields[f"distpsnr{number}"] = star.distance
        for band in "griz":
            magnitude = star.magnitudes[band]
            fields[f"s{band}mag{number}"] = magnitude if magnitude < _PS1_DEPTH else NONE
    stars = [s for s in neighbours.catalogued if s.star > 0.5 and s.magnitudes["r"] < _GAIA_DEPTH]
    bright = [s for s in stars if s.magnitudes["r"] < 14]
    for found, suffix in ((stars, ""), (bright, "bright")):
        fields[f"neargaia{suffix}"] = found[0].distance if found else NONE
        fields[f"maggaia{suffix}"] = found[0].magnitudes["r"] if found else NONE
    return fields


def ps1_id(ra: float, dec: float) -> int:
    """Id that Pan-STARRS 1 gives to a source: its zone of declination, then its right ascension.

    Examples
    --------
    >>> ps1_id(295.3032385, -10.3959)  # as in a real alert, but for the last three digits
    95522953032385000
    """
    return int((dec + 90) * 120) * 10**13 + round(ra * 1e7) * 1000
