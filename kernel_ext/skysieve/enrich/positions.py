"""Positions on the sphere, sorted so that those near a place are found at once; memory-mapped by each worker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_DEEPEST = 29
_WIDTH = 40.0
"""Degrees: less than the least width of a HEALPix cell of depth 0, which halves with each depth."""
ARCSEC = 1 / 3600


def write(folder: Path, ra: Floats, dec: Floats, radius: Floats | None = None) -> Integers:
    """Write positions (degrees, none missing) and, for circles of different sizes, radii; gives their new order."""
    cells = cells_of(ra, dec, _DEEPEST)
    order = np.argsort(cells, kind="stable")
    found = {"cell": cells[order], "ra": ra[order], "dec": dec[order]}
    if radius is not None:
        found["radius"] = radius[order]
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


@dataclass(frozen=True)
class Positions:
    """What :func:`write` wrote, as arrays that are read from disk where they are looked at."""

    cell: Integers
    ra: Floats
    dec: Floats
    radius: Floats | None

    def near(self, ra: Floats, dec: Floats, radius: float) -> tuple[Integers, Integers, Floats]:
        """All pairs that are no farther apart than the radius, or than that of the position in here.

        Parameters
        ----------
        ra, dec
            Degrees; where they are NaN, nothing is near.
        radius
            Degrees: of all, or the largest of those in here.

        Returns
        -------
        tuple
            Numbers of the given position and of that in here, and their separation in degrees; of each given position,
            the nearest first.
        """
        from cdshealpix.nested import neighbours

        known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90))
        if not len(known) or not len(self.cell):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        depth = min(_DEEPEST, max(0, math.floor(math.log2(_WIDTH / max(radius, 1e-9)))))
        own = cells_of(np.mod(ra[known], 360.0), dec[known], depth)
        around = np.asarray(neighbours(own, depth)).astype(np.int64)  # -1 where a cell has but seven
        around = np.sort(around, axis=1)
        repeated = np.zeros_like(around, dtype=bool)
        repeated[:, 1:] = around[:, 1:] == around[:, :-1]
        low, high = around << 2 * (_DEEPEST - depth), (around + 1) << 2 * (_DEEPEST - depth)
        first = np.searchsorted(self.cell, low.ravel())
        count = np.searchsorted(self.cell, high.ravel()) - first
        count[(around < 0).ravel() | repeated.ravel()] = 0
        one = np.repeat(np.repeat(known, around.shape[1]), count)
        before = np.cumsum(count) - count
        other = np.arange(len(one)) - np.repeat(before - first, count)
        apart = separation(ra[one], dec[one], self.ra[other], self.dec[other])
        limit = radius if self.radius is None else self.radius[other]
        kept = np.flatnonzero(apart <= limit)
        order = kept[np.lexsort((other[kept], apart[kept], one[kept]))]
        return one[order], other[order], apart[order]


@lru_cache(maxsize=32)
def opened(folder: str) -> Positions:
    """Open what was written; kept for as long as the worker lives, for such folders never change."""
    files = {path.stem: np.load(path, mmap_mode="r") for path in Path(folder).glob("*.npy")}
    return Positions(files["cell"], files["ra"], files["dec"], files.get("radius"))
