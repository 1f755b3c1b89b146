"""Mollweide's projection: the whole sky in an ellipse of equal areas, right ascension increasing to the left.

``mollweide.js`` does the same in the browser; the tests compare the two.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 30
"""Newton steps at most; five are enough but near the poles."""


def project(ra: Floats, dec: Floats, centre: float = 0.0) -> Floats:
    """Put positions onto the map.

    Parameters
    ----------
    ra, dec
        Degrees (ICRS).
    centre
        Right ascension in the middle of the map, in degrees.

    Returns
    -------
    ndarray of shape (n, 2)
        x from -2 to 2, the larger right ascension to the left, and y from -1 to 1, north up. What is opposite to the
        centre is put on the left edge; NaN remains NaN.

    Examples
    --------
    >>> project(np.array([0.0, 90.0, 0.0]), np.array([0.0, 0.0, 90.0])).round(6).tolist()
    [[0.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]
    """
    east = np.radians(180 - (180 - (np.asarray(ra, dtype=float) - centre)) % 360)
    latitude = np.radians(np.asarray(dec, dtype=float))
    angle = _auxiliary(latitude)
    return np.stack([-2 / np.pi * east * np.cos(angle), np.sin(angle)], axis=-1) + 0.0  # no minus zeros


def unproject(x: Floats, y: Floats, centre: float = 0.0) -> tuple[Floats, Floats]:
    """Find what lies at places of the map.

    Parameters
    ----------
    x, y
        As :func:`project` gives them.
    centre
        Right ascension in the middle of the map, in degrees.

    Returns
    -------
    ra, dec
        Degrees; NaN outside the ellipse.

    Examples
    --------
    >>> [a.round(6).tolist() for a in unproject(np.array([-1.0, 2.5]), np.array([0.0, 0.0]), centre=300.0)]
    [[30.0, nan], [0.0, nan]]
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    inside = x**2 / 4 + y**2 <= 1 + 1e-12
    angle = np.arcsin(np.clip(y, -1, 1))
    dec = np.degrees(np.arcsin(np.clip((2 * angle + np.sin(2 * angle)) / np.pi, -1, 1)))
    width = np.cos(angle)
    east = np.divide(-x * np.pi / 2, width, out=np.zeros_like(x), where=width > 1e-9)
    ra = (centre + np.degrees(np.clip(east, -np.pi, np.pi))) % 360
    return np.where(inside, ra, np.nan), np.where(inside, dec, np.nan)


def split_at_seam(points: Floats) -> list[Floats]:
    """Cut a projected line where it leaves the map on one side to come back on the other.

    Parameters
    ----------
    points
        As :func:`project` gives them, neighbours near one another on the sky.

    Examples
    --------
    >>> line = project(np.array([170.0, 179.0, 181.0, 190.0]), np.zeros(4))
    >>> [len(part) for part in split_at_seam(line)]
    [2, 2]
    """
    jumps = np.flatnonzero(np.abs(np.diff(points[:, 0])) > 1.0) + 1
    # near a pole the map is narrow, and a jump is as wide as the map is there
    narrow = np.sqrt(np.clip(1 - np.maximum(np.abs(points[1:, 1]), np.abs(points[:-1, 1])) ** 2, 0, None))
    sides = (points[1:, 0] * points[:-1, 0] < 0) & (np.abs(np.diff(points[:, 0])) > 2 * narrow)
    cuts = np.union1d(jumps, np.flatnonzero(sides) + 1)
    return [part for part in np.split(points, cuts) if len(part)]


@cache
def galactic_plane() -> Floats:
    """The galactic equator, right ascension and declination in degrees, of shape (361, 2)."""
    from astropy.coordinates import SkyCoord

    around = np.arange(361.0)
    return _icrs(SkyCoord(around, np.zeros(361), frame="galactic", unit="deg"))


@cache
def ecliptic() -> Floats:
    """The mean ecliptic of J2000, as :func:`galactic_plane`."""
    from astropy.coordinates import SkyCoord

    around = np.arange(361.0)
    return _icrs(SkyCoord(around, np.zeros(361), frame="barycentricmeanecliptic", unit="deg"))


def _icrs(places: object) -> Floats:
    icrs = places.icrs  # type: ignore[attr-defined]
    return np.stack([icrs.ra.deg, icrs.dec.deg], axis=-1)


def _auxiliary(latitude: Floats) -> Floats:
    """Solve ``2 t + sin 2 t = pi sin(latitude)`` for ``t``; at a pole the slope vanishes, and the answer is known."""
    wanted = np.pi * np.sin(latitude)
    # near the poles 2 t + sin 2 t falls short of pi by (pi - 2 t)³ / 6, from which Newton's steps begin well
    short = np.cbrt(6 * np.clip(np.pi - np.abs(wanted), 0, None))
    guess = np.sign(wanted) * (np.pi - np.minimum(short, np.pi)) / 2
    angle = np.where(np.abs(latitude) > 1.0, guess, latitude)
    for _ in range(_STEPS):
        slope = 2 + 2 * np.cos(2 * angle)
        step = np.divide(
            2 * angle + np.sin(2 * angle) - wanted, slope, out=np.zeros_like(angle), where=slope > 1e-12
        )
        angle = angle - step
        if not np.nanmax(np.abs(step), initial=0.0) > 1e-12:
            break
    return np.clip(angle, -np.pi / 2, np.pi / 2)
