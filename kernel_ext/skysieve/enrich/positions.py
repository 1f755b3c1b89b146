"""Positions on the sphere, sorted so that those near a place are found at once; memory-mapped by each worker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_DEEPEST = 29
_WIDTH = 40.0
"""Degrees: less than the least width of a HEALPix cell of depth 0, which halves with each depth."""
ARCSEC = 1 / 3600
_SLOW = 0.99
"""Of a catalogue's stars: only for the others an alert's wide surroundings are searched, for they come from far."""


def write(
    folder: Path,
    ra: Floats,
    dec: Floats,
    radius: Floats | None = None,
    motion: tuple[Floats, Floats] | None = None,
) -> Integers:
    """Write positions (degrees, none missing); gives their new order.

    For circles of different sizes there are radii, for stars that move degrees per year (on the sky: along the right
    ascension with the cosine of the declination in it).
    """
    cells = cells_of(ra, dec, _DEEPEST)
    order = np.argsort(cells, kind="stable")
    found: dict[str, NDArray[Any]] = {"cell": cells[order], "ra": ra[order], "dec": dec[order]}
    if radius is not None:
        found["radius"] = radius[order]
    if motion is not None:
        east, north = motion[0][order], motion[1][order]
        speed = np.hypot(east, north)
        slow = float(np.quantile(speed, _SLOW)) if len(speed) else 0.0
        found |= {"east": east, "north": north, "fast": np.flatnonzero(speed > slow)}
        found["speeds"] = np.array([slow, speed.max(initial=0.0)])
    for name, values in found.items():
        np.save(folder / f"{name}.npy", values)
    return order


def of_batch(*arrays: pa.Array) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Right ascension (0 to 360) and declination of a batch, NaN where missing; and which are places on the sky."""
    found = [
        np.array(a.cast(pa.float64()).fill_null(math.nan).to_numpy(zero_copy_only=False)) for a in arrays
    ]
    ra, dec = np.mod(found[0], 360.0), found[1]
    return ra, dec, np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)


def cells_of(ra: Floats, dec: Floats, depth: int) -> Integers:
    """HEALPix cells (nested) of positions in degrees."""
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    lon, lat = Longitude(ra, u.deg, copy=False), Latitude(dec, u.deg, copy=False)
    return np.asarray(lonlat_to_healpix(lon, lat, depth)).astype(np.int64)


def separation(ra1: Floats, dec1: Floats, ra2: Floats, dec2: Floats) -> Floats:
    """Angle between positions, all in degrees; exact for the smallest, by the haversine.

    Examples
    --------
    >>> separation(np.array([359.9999]), np.array([0.0]), np.array([0.0001]), np.array([0.0])).round(7)
    array([0.0002])
    """
    a, b = np.radians(dec1), np.radians(dec2)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(ra2 - ra1) / 2) ** 2
    found: Floats = np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))))
    return found


def moved(ra: Floats, dec: Floats, east: Floats, north: Floats, years: Floats) -> tuple[Floats, Floats]:
    """Where stars are after some years, which go straight on in space; angles in degrees, motions in degrees per year.

    Examples
    --------
    >>> ra, dec = moved(*(np.array([x]) for x in (359.9, 60.0, 0.1, 0.0, 1.0)))
    >>> ra.round(4), dec.round(4)
    (array([0.1]), array([59.9998]))
    """
    a, d = np.radians(ra), np.radians(dec)
    e, n = np.radians(east) * years, np.radians(north) * years
    x = np.cos(d) * np.cos(a) - e * np.sin(a) - n * np.sin(d) * np.cos(a)
    y = np.cos(d) * np.sin(a) + e * np.cos(a) - n * np.sin(d) * np.sin(a)
    z = np.sin(d) + n * np.cos(d)
    return np.mod(np.degrees(np.arctan2(y, x)), 360.0), np.degrees(np.arctan2(z, np.hypot(x, y)))


@dataclass(frozen=True)
class Positions:
    """What :func:`write` wrote, as arrays that are read from disk where they are looked at."""

    cell: Integers
    ra: Floats
    dec: Floats
    radius: Floats | None = None
    east: Floats | None = None
    north: Floats | None = None
    fast: Integers | None = None
    speeds: Floats | None = None

    def near(
        self, ra: Floats, dec: Floats, radius: float, years: Floats | None = None
    ) -> tuple[Integers, Integers, Floats]:
        """All pairs that are no farther apart than the radius, or than that of the position in here.

        Parameters
        ----------
        ra, dec
            Degrees; where they are NaN, nothing is near.
        radius
            Degrees: of all, or the largest of those in here.
        years
            Of each, since the time at which those in here were where it says; those that move are looked for where they
            are then. Where it is NaN, nothing is near.

        Returns
        -------
        tuple
            Numbers of the given position and of that in here, and their separation in degrees; of each given position,
            the nearest first.
        """
        is_known = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
        if years is not None:
            is_known &= np.isfinite(years)
        known = np.flatnonzero(is_known)
        if not len(known) or not len(self.cell):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        if years is None or self.east is None or self.north is None:
            one, other = _around(self.cell, ra, dec, known, radius)
            apart = separation(ra[one], dec[one], self.ra[other], self.dec[other])
        else:
            one, other = self._moving(ra, dec, known, radius, float(np.abs(years[known]).max()))
            motion = self.east[other], self.north[other]
            apart = separation(
                ra[one], dec[one], *moved(self.ra[other], self.dec[other], *motion, years[one])
            )
        limit = radius if self.radius is None else self.radius[other]
        kept = np.flatnonzero(apart <= limit)
        order = kept[np.lexsort((other[kept], apart[kept], one[kept]))]
        return one[order], other[order], apart[order]

    def _moving(
        self, ra: Floats, dec: Floats, known: Integers, radius: float, years: float
    ) -> tuple[Integers, Integers]:
        """Pairs that may be near after so many years: none is missed that was elsewhere before."""
        assert self.fast is not None
        assert self.speeds is not None
        slow, fastest = self.speeds
        one, other = _around(self.cell, ra, dec, known, radius + slow * years)
        is_slow = ~np.isin(other, self.fast)
        late, number = _around(self.cell[self.fast], ra, dec, known, radius + fastest * years)
        return np.concatenate([one[is_slow], late]), np.concatenate([other[is_slow], self.fast[number]])


def _around(
    cells: Integers, ra: Floats, dec: Floats, known: Integers, reach: float
) -> tuple[Integers, Integers]:
    """Pairs of the known positions with all in the cells around each; all that are no farther away are among them."""
    from cdshealpix.nested import neighbours

    depth = min(_DEEPEST, max(0, math.floor(math.log2(_WIDTH / max(reach, 1e-9)))))
    own = cells_of(np.mod(ra[known], 360.0), dec[known], depth)
    around = np.asarray(neighbours(own, depth)).astype(np.int64)  # -1 where a cell has but seven
    around = np.sort(around, axis=1)
    repeated = np.zeros_like(around, dtype=bool)
    repeated[:, 1:] = around[:, 1:] == around[:, :-1]
    low, high = around << 2 * (_DEEPEST - depth), (around + 1) << 2 * (_DEEPEST - depth)
    first = np.searchsorted(cells, low.ravel())
    count = np.searchsorted(cells, high.ravel()) - first
    count[(around < 0).ravel() | repeated.ravel()] = 0
    one = np.repeat(np.repeat(known, around.shape[1]), count)
    before = np.cumsum(count) - count
    other = np.arange(len(one)) - np.repeat(before - first, count)
    return one, other


@lru_cache(maxsize=32)
def opened(folder: str) -> Positions:
    """Open what was written; kept for as long as the worker lives, for such folders never change."""
    return Positions(**{path.stem: np.load(path, mmap_mode="r") for path in Path(folder).glob("*.npy")})
