"""Directions on the sky: where the Sun stands, and from one system of coordinates to another."""

from __future__ import annotations

import math

Vector = tuple[float, float, float]

_OBLIQUITY = math.radians(23.4392911)


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
    return angles(from_ecliptic(unit(lon, lat)))


def unit(lon: float, lat: float) -> Vector:
    """Unit vector towards a place given in degrees."""
    a, b = math.radians(lon), math.radians(lat)
    return math.cos(b) * math.cos(a), math.cos(b) * math.sin(a), math.sin(b)


def angles(v: Vector) -> tuple[float, float]:
    """Longitude and latitude of a direction, degrees."""
    return math.degrees(math.atan2(v[1], v[0])) % 360, math.degrees(math.asin(max(-1.0, min(1.0, v[2]))))


def separation(ra: float, dec: float, other_ra: float, other_dec: float) -> float:
    """Angle between two places, all in degrees.

    Examples
    --------
    >>> round(separation(359.5, 0.0, 0.5, 0.0), 6)
    1.0
    """
    return math.degrees(math.acos(max(-1.0, min(1.0, dot(unit(ra, dec), unit(other_ra, other_dec))))))


def dot(a: Vector, b: Vector) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def from_ecliptic(v: Vector) -> Vector:
    """Turn ecliptic coordinates into equatorial ones."""
    c, s = math.cos(_OBLIQUITY), math.sin(_OBLIQUITY)
    return v[0], c * v[1] - s * v[2], s * v[1] + c * v[2]


def to_ecliptic(v: Vector) -> Vector:
    """Turn equatorial coordinates into ecliptic ones."""
    c, s = math.cos(_OBLIQUITY), math.sin(_OBLIQUITY)
    return v[0], c * v[1] + s * v[2], -s * v[1] + c * v[2]
