"""The orbit of a simulated asteroid, and how it was seen.

Positions agree with one another (heliocentric = topocentric + Earth, in ICRS) and with the orbit's distance
and brightness; motions are those of circular orbits, and the orbit is not propagated. Distances are au,
velocities au/day.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from skysieve.sources.lsst_simulation.records import field_types

Vector = tuple[float, float, float]

_OBLIQUITY = math.radians(23.4392911)
_GAUSS = 0.01720209895  # Gaussian gravitational constant, au^1.5 / day
# Rows of the rotation from ICRS to galactic coordinates: ESA SP-1200 (Hipparcos), vol. 1, eq. 1.5.11.
_GALACTIC = (
    (-0.0548755604162154, -0.8734370902348850, -0.4838350155487132),
    (0.4941094278755837, -0.4448296299600112, 0.7469822444972189),
    (-0.8676661490190047, -0.1980763734312015, 0.4559837761750669),
)
SLOPE = 0.15


def mpc_orbit(rng: np.random.Generator, designation: str) -> dict[str, Any]:
    """Draw an orbit in the main belt; its absolute magnitude is set when the asteroid is placed."""
    a, e = rng.uniform(2.2, 3.2), rng.rayleigh(0.1) % 0.3
    motion = math.degrees(_GAUSS) * a**-1.5
    arc = float(rng.uniform(500, 12_000))
    number = int(rng.integers(30, 500))
    uncertain = {name: 0.0 for name in field_types("mpc_orbits") if name.endswith("_unc")}
    none = dict.fromkeys(("yarkovsky", "srp", "a1", "a2", "a3", "dt", "not_normalized_rms"), 0.0)
    return {
        **uncertain,
        **none,
        "id": 0,
        "designation": designation,
        "packed_primary_provisional_designation": designation,
        "unpacked_primary_provisional_designation": designation,
        "orbit_type_int": 11,
        "u_param": 0,
        "nopp": int(rng.integers(3, 20)),
        "arc_length_total": arc,
        "arc_length_sel": arc,
        "nobs_total": number,
        "nobs_total_sel": number,
        "a": a,
        "q": a * (1 - e),
        "e": e,
        "i": rng.rayleigh(6.0),
        "node": rng.uniform(0, 360),
        "argperi": rng.uniform(0, 360),
        "peri_time": rng.uniform(61_000, 62_500),
        "mean_anomaly": rng.uniform(0, 360),
        "period": 360 / motion,
        "mean_motion": motion,
        "a_unc": 5e-8,
        "q_unc": 3e-7,
        "e_unc": 1e-7,
        "i_unc": 5e-6,
        "epoch_mjd": 61_000.0,
        "h": 17.0,
        "g": SLOPE,
        "normalized_rms": rng.uniform(0.3, 0.9),
        "earth_moid": max(a * (1 - e) - 1.01, 0.01),
    }


def sun_longitude(mjd: float) -> float:
    """Ecliptic longitude of the Sun, degrees, to about a hundredth (Meeus, Astronomical Algorithms, ch. 25).

    Examples
    --------
    >>> round(sun_longitude(61_119.61), 1) % 360  # the equinox of March 2026
    0.0
    """
    centuries = (mjd - 51_544.5) / 36_525
    mean = 280.46646 + 36_000.76983 * centuries
    anomaly = math.radians(357.52911 + 35_999.05029 * centuries)
    return (mean + 1.9146 * math.sin(anomaly) + 0.02 * math.sin(2 * anomaly)) % 360


def ecliptic_to_equatorial(lon: float, lat: float) -> tuple[float, float]:
    """Right ascension and declination of an ecliptic place, degrees.

    Examples
    --------
    >>> tuple(round(x, 3) for x in ecliptic_to_equatorial(90.0, 0.0))
    (90.0, 23.439)
    """
    return _angles(_from_ecliptic(_unit(lon, lat)))


def seen(
    ra: float, dec: float, mjd: float, distance: float, magnitude: float
) -> tuple[dict[str, float], float]:
    """How an asteroid is seen at a place of the sky.

    Parameters
    ----------
    ra, dec
        Observed position, degrees.
    mjd
        Time of the observation.
    distance
        From the Sun, au; above 1.1.
    magnitude
        Apparent magnitude in V.

    Returns
    -------
    tuple
        Fields of the ssSource, and the absolute magnitude H in the (H, G) system (Bowell et al. 1989, in
        Asteroids II).

    Examples
    --------
    >>> fields, h = seen(150.0, 10.0, 61_105.0, 2.5, 21.0)
    >>> fields["elongation"] > 150, round(fields["topoRange"], 1), 16 < h < 19
    (True, 1.5, True)
    """
    direction = _unit(ra, dec)
    sun = _from_ecliptic(_unit(sun_longitude(mjd), 0.0))
    cos_elongation = max(-1.0, min(1.0, _dot(direction, sun)))
    delta = cos_elongation + math.sqrt(distance**2 - 1 + cos_elongation**2)
    cos_phase = (distance**2 + delta**2 - 1) / (2 * distance * delta)
    phase = math.acos(max(-1.0, min(1.0, cos_phase)))
    topo: Vector = (delta * direction[0], delta * direction[1], delta * direction[2])
    helio: Vector = (topo[0] - sun[0], topo[1] - sun[1], topo[2] - sun[2])
    velocity = _circular(helio, _GAUSS / math.sqrt(distance) / distance)
    earth = _circular((-sun[0], -sun[1], -sun[2]), _GAUSS)
    relative: Vector = (velocity[0] - earth[0], velocity[1] - earth[1], velocity[2] - earth[2])
    ecliptic = _angles(_to_ecliptic(direction))
    galactic = _angles(tuple(_dot(row, direction) for row in _GALACTIC))  # type: ignore[arg-type]
    east: Vector = (-math.sin(math.radians(ra)), math.cos(math.radians(ra)), 0.0)
    north = _cross(direction, east)
    rate_ra, rate_dec = (math.degrees(_dot(relative, axis) / delta) for axis in (east, north))
    fields = {
        "eclLambda": ecliptic[0],
        "eclBeta": ecliptic[1],
        "galLon": galactic[0],
        "galLat": galactic[1],
        "elongation": math.degrees(math.acos(cos_elongation)),
        "phaseAngle": math.degrees(phase),
        "topoRange": delta,
        "topoRangeRate": _dot(relative, direction),
        "helioRange": distance,
        "helioRangeRate": 0.0,
        "ephVmag": magnitude,
        "ephRate": math.hypot(rate_ra, rate_dec),
        "ephRateRa": rate_ra,
        "ephRateDec": rate_dec,
        **_components("helio_", helio),
        **_components("helio_v", velocity),
        "helio_vtot": math.sqrt(_dot(velocity, velocity)),
        **_components("topo_", topo),
        **_components("topo_v", relative),
        "topo_vtot": math.sqrt(_dot(relative, relative)),
    }
    return fields, magnitude - 5 * math.log10(distance * delta) + 2.5 * math.log10(_phase_function(phase))


def _phase_function(phase: float) -> float:
    half = math.tan(phase / 2)
    return (1 - SLOPE) * math.exp(-3.33 * half**0.63) + SLOPE * math.exp(-1.87 * half**1.22)


def _circular(position: Vector, rate: float) -> Vector:
    """Velocity along the ecliptic; rate in radians per day."""
    x, y, _ = _to_ecliptic(position)
    return _from_ecliptic((-y * rate, x * rate, 0.0))


def _components(prefix: str, vector: Vector) -> dict[str, float]:
    return dict(zip((f"{prefix}x", f"{prefix}y", f"{prefix}z"), vector, strict=True))


def _unit(lon: float, lat: float) -> Vector:
    a, b = math.radians(lon), math.radians(lat)
    return math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b)


def _angles(v: Vector) -> tuple[float, float]:
    return math.degrees(math.atan2(v[1], v[0])) % 360, math.degrees(math.asin(max(-1.0, min(1.0, v[2]))))


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _from_ecliptic(v: Vector) -> Vector:
    c, s = math.cos(_OBLIQUITY), math.sin(_OBLIQUITY)
    return v[0], c * v[1] - s * v[2], s * v[1] + c * v[2]


def _to_ecliptic(v: Vector) -> Vector:
    c, s = math.cos(_OBLIQUITY), math.sin(_OBLIQUITY)
    return v[0], c * v[1] + s * v[2], -s * v[1] + c * v[2]
