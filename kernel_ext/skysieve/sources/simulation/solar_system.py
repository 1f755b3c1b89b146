"""How a simulated asteroid is seen.

Positions agree with one another (heliocentric = topocentric + Earth, in ICRS) and with the orbit's distance
and brightness; motions are those of circular orbits, and the orbit is not propagated. Distances are au,
velocities au/day.
"""

from __future__ import annotations

import math

from skysieve.sources.simulation.sky import (
    Vector,
    angles,
    cross,
    dot,
    from_ecliptic,
    sun_longitude,
    to_ecliptic,
    unit,
)

GAUSS = 0.01720209895  # Gaussian gravitational constant, au^1.5 / day
# Rows of the rotation from ICRS to galactic coordinates: ESA SP-1200 (Hipparcos), vol. 1, eq. 1.5.11.
_GALACTIC = (
    (-0.0548755604162154, -0.8734370902348850, -0.4838350155487132),
    (0.4941094278755837, -0.4448296299600112, 0.7469822444972189),
    (-0.8676661490190047, -0.1980763734312015, 0.4559837761750669),
)
SLOPE = 0.15
V_MINUS_R = 0.2  # of sunlight


def seen(ra: float, dec: float, mjd: float, distance: float, absolute: float) -> dict[str, float]:
    """How an asteroid is seen at a place of the sky.

    Parameters
    ----------
    ra, dec
        Observed position, degrees.
    mjd
        Time of the observation.
    distance
        From the Sun, au; above 1.1.
    absolute
        Absolute magnitude H in the (H, G) system (Bowell et al. 1989, in Asteroids II).

    Returns
    -------
    dict
        Place, distance, motion and brightness, under the names that LSST's ssSource has for them.

    Examples
    --------
    >>> view = seen(150.0, 10.0, 61_105.0, 2.5, 17.0)
    >>> view["elongation"] > 150, round(view["topoRange"], 1), round(view["ephVmag"])
    (True, 1.5, 20)
    """
    direction = unit(ra, dec)
    sun = from_ecliptic(unit(sun_longitude(mjd), 0.0))
    cos_elongation = max(-1.0, min(1.0, dot(direction, sun)))
    delta = cos_elongation + math.sqrt(distance**2 - 1 + cos_elongation**2)
    cos_phase = (distance**2 + delta**2 - 1) / (2 * distance * delta)
    phase = math.acos(max(-1.0, min(1.0, cos_phase)))
    topo: Vector = (delta * direction[0], delta * direction[1], delta * direction[2])
    helio: Vector = (topo[0] - sun[0], topo[1] - sun[1], topo[2] - sun[2])
    velocity = _circular(helio, GAUSS / math.sqrt(distance) / distance)
    earth = _circular((-sun[0], -sun[1], -sun[2]), GAUSS)
    relative: Vector = (velocity[0] - earth[0], velocity[1] - earth[1], velocity[2] - earth[2])
    ecliptic = angles(to_ecliptic(direction))
    galactic = angles(tuple(dot(row, direction) for row in _GALACTIC))  # type: ignore[arg-type]
    east: Vector = (-math.sin(math.radians(ra)), math.cos(math.radians(ra)), 0.0)
    north = cross(direction, east)
    rate_ra, rate_dec = (math.degrees(dot(relative, axis) / delta) for axis in (east, north))
    return {
        "eclLambda": ecliptic[0],
        "eclBeta": ecliptic[1],
        "galLon": galactic[0],
        "galLat": galactic[1],
        "elongation": math.degrees(math.acos(cos_elongation)),
        "phaseAngle": math.degrees(phase),
        "topoRange": delta,
        "topoRangeRate": dot(relative, direction),
        "helioRange": distance,
        "helioRangeRate": 0.0,
        "ephVmag": absolute + 5 * math.log10(distance * delta) - 2.5 * math.log10(_phase_function(phase)),
        "ephRate": math.hypot(rate_ra, rate_dec),
        "ephRateRa": rate_ra,
        "ephRateDec": rate_dec,
        **_components("helio_", helio),
        **_components("helio_v", velocity),
        "helio_vtot": math.sqrt(dot(velocity, velocity)),
        **_components("topo_", topo),
        **_components("topo_v", relative),
        "topo_vtot": math.sqrt(dot(relative, relative)),
    }


def absolute_magnitude(ra: float, dec: float, mjd: float, distance: float, magnitude: float) -> float:
    """Absolute magnitude H of an asteroid that has an apparent magnitude there and then.

    Examples
    --------
    >>> h = absolute_magnitude(150.0, 10.0, 61_105.0, 2.5, 21.0)
    >>> round(seen(150.0, 10.0, 61_105.0, 2.5, h)["ephVmag"], 6)
    21.0
    """
    return magnitude - seen(ra, dec, mjd, distance, 0.0)["ephVmag"]


def _phase_function(phase: float) -> float:
    half = math.tan(phase / 2)
    return (1 - SLOPE) * math.exp(-3.33 * half**0.63) + SLOPE * math.exp(-1.87 * half**1.22)


def _circular(position: Vector, rate: float) -> Vector:
    """Velocity along the ecliptic; rate in radians per day."""
    x, y, _ = to_ecliptic(position)
    return from_ecliptic((-y * rate, x * rate, 0.0))


def _components(prefix: str, vector: Vector) -> dict[str, float]:
    return dict(zip((f"{prefix}x", f"{prefix}y", f"{prefix}z"), vector, strict=True))
