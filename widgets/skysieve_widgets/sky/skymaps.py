"""Probability maps of gravitational waves and gamma-ray bursts: HEALPix, in many orders or in one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skysieve_widgets.sky.projection import Floats

if TYPE_CHECKING:
    from mocpy import MOC

Cells = NDArray[np.uint64]

DEEPEST = 29
"""The finest order of HEALPix in 64 bits."""

_SPHERE = 4 * np.pi
_UNIQ_COLUMNS = ("UNIQ",)
_DENSITY_COLUMNS = ("PROBDENSITY",)
_PROBABILITY_COLUMNS = ("PROB", "PROBABILITY")


@dataclass(frozen=True, eq=False)
class SkyProbability:
    """Where an event may have been.

    Attributes
    ----------
    uniq
        Cells in HEALPix's UNIQ numbering (``4 · 4^order + index``, nested), uint64.
    probability
        Of each cell, in all 1.
    name
        Of the event, or empty.
    """

    uniq: Cells
    probability: Floats
    name: str = ""

    def region(self, level: float = 0.9) -> MOC:
        """The smallest region that holds the event with this probability.

        Parameters
        ----------
        level
            From 0 to 1.

        Returns
        -------
        mocpy.MOC
            The cells in order of falling density, until their sum reaches ``level``; the one that crosses it is in.
        """
        from mocpy import MOC

        chosen = self._credible <= self._reached(level)
        order = int(self._order.max())
        return MOC.from_healpix_cells(self._index[chosen], self._order[chosen].astype(np.uint8), order)

    def credible(self, ra: Floats, dec: Floats) -> Floats:
        """The level of the smallest region that holds a position: 0.9 lies on the edge of the 90 % region.

        Parameters
        ----------
        ra, dec
            Degrees (ICRS).

        Returns
        -------
        ndarray
            From 0 to 1; NaN where the map has no cell.
        """
        from astropy.coordinates import Latitude, Longitude
        from cdshealpix import lonlat_to_healpix

        ra, dec = np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
        place = lonlat_to_healpix(Longitude(ra.ravel(), "deg"), Latitude(dec.ravel(), "deg"), DEEPEST)
        row = np.searchsorted(self._first, place, side="right") - 1
        found = (row >= 0) & (place < self._stop[np.clip(row, 0, None)])
        levels = self._credible[self._sorted[np.clip(row, 0, None)]]
        return np.where(found, levels, np.nan).reshape(ra.shape)

    @cached_property
    def peak(self) -> tuple[float, float]:
        """The most likely place: right ascension and declination in degrees."""
        from cdshealpix import healpix_to_lonlat

        best = int(np.argmax(self._density))
        lon, lat = healpix_to_lonlat(self._index[best : best + 1], int(self._order[best]))
        return float(lon.deg[0]), float(lat.deg[0])

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return orders(self.uniq)

    @cached_property
    def _index(self) -> Cells:
        return self.uniq - (np.uint64(4) << (2 * self._order).astype(np.uint64))

    @cached_property
    def _density(self) -> Floats:
        return self.probability * 4.0**self._order

    @cached_property
    def _credible(self) -> Floats:
        """Per cell: the probability of all that is denser, and its own."""
        falling = np.argsort(-self._density, kind="stable")
        levels = np.empty(len(falling))
        levels[falling] = np.cumsum(self.probability[falling])
        return levels

    def _reached(self, level: float) -> float:
        beyond = self._credible[self._credible >= level - 1e-12]
        return float(beyond.min()) if len(beyond) else float("inf")

    @cached_property
    def _sorted(self) -> NDArray[np.int64]:
        return np.argsort(self._index << self._shift)

    @cached_property
    def _shift(self) -> Cells:
        return (2 * (DEEPEST - self._order)).astype(np.uint64)

    @cached_property
    def _first(self) -> Cells:
        return (self._index << self._shift)[self._sorted]

    @cached_property
    def _stop(self) -> Cells:
        return ((self._index + np.uint64(1)) << self._shift)[self._sorted]


def read_skymap(source: Any) -> SkyProbability:
    """Read a probability map.

    Parameters
    ----------
    source
        A FITS file, gzipped or not, or an astropy Table: multi-order (``UNIQ`` with ``PROBDENSITY`` or ``PROB``), or
        one value per cell of one order (``PROB``, header ``ORDERING`` NESTED or RING).

    Raises
    ------
    ValueError
        If the order of its cells is not told or cannot be true, if it is not in ICRS, or if it holds no probabilities.

    Examples
    --------
    >>> from astropy.table import Table
    >>> flat = Table({"PROB": [1.0 / 12] * 12}, meta={"ORDERING": "NESTED"})
    >>> round(read_skymap(flat).region(0.5).sky_fraction, 3)
    0.5
    """
    table = _table(source)
    columns = {name.upper(): name for name in table.colnames}
    uniq_name = next((columns[n] for n in _UNIQ_COLUMNS if n in columns), None)
    density_name = next((columns[n] for n in _DENSITY_COLUMNS if n in columns), None)
    name = density_name or next((columns[n] for n in _PROBABILITY_COLUMNS if n in columns), None)
    if name is None:
        raise ValueError(f"no probabilities (PROBDENSITY or PROB) among the columns {', '.join(columns)}")
    _check_frame(table.meta)
    uniq = _told_uniq(table, uniq_name) if uniq_name else _flat(table, name)
    values = np.asarray(np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan), dtype=float).ravel()
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(f"column {name} has values that are no probabilities: negative, or not finite")
    order = orders(uniq)
    probability = values * (_SPHERE / 12 / 4.0**order) if density_name else values
    total = float(probability.sum())
    if not 0.95 < total < 1.05:
        raise ValueError(
            f"the probabilities add up to {total:.4g}, not to 1: the map is cut, in other units than "
            f"{'per steradian' if density_name else 'per cell'}, or its cells are in another ordering than it says"
        )
    return SkyProbability(uniq, probability / total, str(table.meta.get("OBJECT", "")))


def orders(uniq: Cells) -> NDArray[np.int64]:
    """The HEALPix orders of cells in UNIQ numbering.

    Examples
    --------
    >>> orders(np.array([4, 15, 16, 4 * 4**29], dtype=np.uint64)).tolist()
    [0, 0, 1, 29]
    """
    starts = np.uint64(4) << (2 * np.arange(DEEPEST + 1)).astype(np.uint64)
    return np.searchsorted(starts, uniq, side="right").astype(np.int64) - 1


def _table(source: Any) -> Any:
    if hasattr(source, "colnames"):
        return source
    from astropy.table import Table
    from astropy.units import UnitsWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnitsWarning)  # the units are known, however they are written
        return Table.read(Path(source), format="fits")


def _check_frame(meta: Any) -> None:
    frame = str(meta.get("COORDSYS", "C")).strip().upper()
    if frame not in ("C", "ICRS", "EQUATORIAL", "CEL", ""):
        raise ValueError(f"the map is in the frame COORDSYS = {frame!r}: rotate it to ICRS ('C') first")


def _told_uniq(table: Any, name: str) -> Cells:
    said = str(table.meta.get("ORDERING", "NUNIQ")).strip().upper()
    if said not in ("NUNIQ", "UNIQ"):
        raise ValueError(f"the map has a column {name}, but its header says ORDERING = {said!r}, not 'NUNIQ'")
    told = np.asarray(table[name])
    if told.dtype.kind not in "iu" or (len(told) and int(told.min()) < 4):
        raise ValueError(f"column {name} does not hold cells in UNIQ numbering, which are integers from 4 on")
    uniq = told.astype(np.uint64)
    if len(uniq) and int(uniq.max()) >= 16 * 4**DEEPEST:
        raise ValueError(f"column {name} has cells beyond order {DEEPEST}, where HEALPix ends")
    order = orders(uniq)
    shift = (2 * (DEEPEST - order)).astype(np.uint64)
    first = (uniq - (np.uint64(4) << (2 * order).astype(np.uint64))) << shift
    by_place = np.argsort(first)
    stop = (first + (np.uint64(1) << shift))[by_place]
    if (first[by_place][1:] < stop[:-1]).any():
        raise ValueError(
            f"cells of column {name} overlap: they are not in UNIQ numbering (ORDERING = NUNIQ), "
            "or the map holds some of them twice"
        )
    return uniq


def _flat(table: Any, name: str) -> Cells:
    said = str(table.meta.get("ORDERING", "")).strip().upper()
    if said in ("NUNIQ", "UNIQ"):
        raise ValueError("the header says ORDERING = 'NUNIQ', but there is no column UNIQ")
    if said not in ("NESTED", "RING"):
        raise ValueError(
            f"the header says ORDERING = {said!r}: without a column UNIQ it must be 'NESTED' or 'RING', "
            "or the same map means another place"
        )
    count = int(np.size(table[name]))  # older maps have a thousand cells in a row
    order = round(np.log(max(count, 1) / 12) / np.log(4))
    if order < 0 or 12 * 4**order != count:
        raise ValueError(f"{count:,} values are not the cells of one HEALPix order (12, 48, 192 …)")
    nside = table.meta.get("NSIDE")
    if nside is not None and int(nside) != 2**order:
        raise ValueError(
            f"{count:,} values are those of NSIDE {2**order}, but the header says NSIDE = {nside}"
        )
    index = np.arange(count, dtype=np.uint64)
    if said == "RING":
        from cdshealpix import from_ring

        index = np.asarray(from_ring(index, order), dtype=np.uint64)
    return np.uint64(4 * 4**order) + index
