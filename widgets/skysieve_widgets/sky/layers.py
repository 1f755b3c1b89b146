"""Layers of a sky map: alerts one by one, their density, regions and probabilities.

All tell the same of themselves, so that neither the figure nor the browser asks which one it draws: a whole number for
each place (0 where nothing is), lines, and points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from skysieve_widgets.markup import count
from skysieve_widgets.sky.positions import Positions
from skysieve_widgets.sky.projection import Floats
from skysieve_widgets.sky.skymaps import SkyProbability

if TYPE_CHECKING:
    from mocpy import MOC

Values = NDArray[np.uint16]

DENSITY_ORDER = 5
"""HEALPix order in which alerts are counted: cells of 3.4 square degrees."""
REGION_ORDER = 7
"""Order to which regions are coarsened, any overlap counting: half a degree, the width of a line on the map."""
LEVELS = (0.5, 0.9)
"""Levels of the contours of a probability map."""

_STEP = 0.25
_SMALLEST_RING = 0.8  # degrees


@dataclass(frozen=True, eq=False)
class Layer:
    """What a layer tells of itself.

    Attributes
    ----------
    name
        Unique on its map.
    colour
        ``#rrggbb``; empty until the map gives it one.
    """

    name: str
    colour: str = field(default="", kw_only=True)

    kind: ClassVar[str] = ""

    @property
    def label(self) -> str:
        """Name and extent, for a legend."""
        return self.name

    @property
    def positions(self) -> Positions | None:
        """What is drawn point by point; None without points."""
        return None

    def values(self, ra: Floats, dec: Floats) -> Values | None:
        """A number for each place, 0 where nothing is; None where there is no area to fill."""
        return None

    def strength(self, values: Values) -> Floats:
        """How strongly values are painted, from 0 to 1."""
        return (values > 0).astype(float)

    @property
    def lines(self) -> list[Floats]:
        """Lines of right ascension and declination in degrees, each of shape (n, 2)."""
        return []


@dataclass(frozen=True, eq=False)
class Points(Layer):
    """Alerts, one by one."""

    at: Positions

    kind: ClassVar[str] = "points"

    @property
    def label(self) -> str:
        """Name, number, and how many have no position."""
        return _extent(self.name, self.at)

    @property
    def positions(self) -> Positions:
        """The alerts."""
        return self.at


@dataclass(frozen=True, eq=False)
class Density(Layer):
    """How many alerts there are in each cell of HEALPix."""

    at: Positions

    kind: ClassVar[str] = "density"

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Alerts per cell of order 5, nested."""
        counts = np.zeros(12 * 4**DENSITY_ORDER, dtype=np.int64)
        np.add.at(counts, _cells(self.at.ra, self.at.dec, DENSITY_ORDER), 1)
        return counts

    @property
    def label(self) -> str:
        """Name, number and the scale of its colour."""
        area = 4 * np.pi * np.degrees(1) ** 2 / len(self.counts)
        scale = f"; 1 to {count(self.counts.max())} in {area:.1f} deg²" if len(self.at) else ""
        return f"{_extent(self.name, self.at)}{scale}"

    def values(self, ra: Floats, dec: Floats) -> Values:
        """Alerts in the cell of each place."""
        known = np.isfinite(ra) & np.isfinite(dec)
        found = np.zeros(np.shape(ra), dtype=np.uint16)
        found[known] = np.clip(self.counts, 0, 65535)[_cells(ra[known], dec[known], DENSITY_ORDER)]
        return found

    def strength(self, values: Values) -> Floats:
        """Logarithmic, a single alert still to be seen."""
        most = np.log1p(max(int(self.counts.max()), 2))
        return np.where(values > 0, 0.2 + 0.8 * np.log1p(values.astype(float)) / most, 0.0)


@dataclass(frozen=True, eq=False)
class Region(Layer):
    """A region, a survey's footprint for instance."""

    moc: MOC

    kind: ClassVar[str] = "region"

    @property
    def label(self) -> str:
        """Name and area."""
        return f"{self.name}: {square_degrees(self.moc)}"

    @cached_property
    def _coarse(self) -> MOC:
        return self.moc.degrade_to_order(REGION_ORDER) if self.moc.max_order > REGION_ORDER else self.moc

    def values(self, ra: Floats, dec: Floats) -> Values:
        """1 inside; what is narrower than half a degree is widened to it."""
        known = np.isfinite(ra) & np.isfinite(dec)
        inside = np.zeros(np.shape(ra), dtype=np.uint16)
        if not self.moc.empty():
            inside[known] = self._coarse.contains_lonlat(_degrees(ra[known]), _degrees(dec[known]))
        return inside

    def strength(self, values: Values) -> Floats:
        """Faint: its edge is a line."""
        return np.where(values > 0, 0.3, 0.0)

    @cached_property
    def lines(self) -> list[Floats]:
        """Its edge."""
        ra, dec = _grid()
        return contours(self.values(ra, dec).astype(float), (0.5,))


@dataclass(frozen=True, eq=False)
class Probability(Layer):
    """Where an event may have been: the smallest regions that hold it with 50 and with 90 %."""

    skymap: SkyProbability

    kind: ClassVar[str] = "probability"

    @cached_property
    def label(self) -> str:
        """Name and the areas of both regions."""
        areas = (f"{100 * level:.0f} % in {square_degrees(self.skymap.region(level))}" for level in LEVELS)
        return f"{self.name}: {', '.join(areas)}"

    def values(self, ra: Floats, dec: Floats) -> Values:
        """Level of the smallest region that holds a place, in percent rounded up; 0 beyond 90 %."""
        known = np.isfinite(ra) & np.isfinite(dec)
        found = np.zeros(np.shape(ra), dtype=np.uint16)
        level = self.skymap.credible(ra[known], dec[known])
        percent = np.ceil(np.nan_to_num(100 * level, nan=100.0))
        found[known] = np.where(percent <= 100 * LEVELS[-1], np.clip(percent, 1, None), 0)
        return found

    def strength(self, values: Values) -> Floats:
        """Two steps, one for each level."""
        return np.where(values > 100 * LEVELS[0], 0.25, np.where(values > 0, 0.6, 0.0))

    @cached_property
    def lines(self) -> list[Floats]:
        """The contours; a ring about the most likely place where that region is too small for the map."""
        ra, dec = _grid()
        outside = np.nan_to_num(self.skymap.credible(ra, dec), nan=1.0)
        found: list[Floats] = []
        for level in LEVELS:
            found += contours(-outside, (-level,)) or [ring(*self.skymap.peak, _SMALLEST_RING)]
        return found


def contours(grid: Floats, levels: tuple[float, ...]) -> list[Floats]:
    """Lines of equal value on the sky.

    Parameters
    ----------
    grid
        One value per quarter of a degree, as :func:`_grid` has its places.
    levels
        Values of the lines.
    """
    import contourpy

    ra, dec = _grid()
    # the first column once more behind the last: the sky is round
    wide = np.concatenate([grid, grid[:, :1]], axis=1)
    around = np.append(ra[0], ra[0, 0] + 360)
    drawn = contourpy.contour_generator(around, dec[:, 0], wide, line_type="Separate")
    return [np.asarray(line) for level in levels for line in drawn.lines(level)]


def ring(ra: float, dec: float, radius: float) -> Floats:
    """A circle on the sky, all in degrees; of shape (73, 2).

    Examples
    --------
    >>> ring(10.0, 90.0, 1.0)[:, 1].round(6).max().item()
    89.0
    """
    from astropy.coordinates import SkyCoord

    centre = SkyCoord(ra, dec, unit="deg")
    around = centre.directional_offset_by(_degrees(np.linspace(0, 360, 73)), _degrees(np.array(radius)))
    return np.stack([around.ra.deg, around.dec.deg], axis=-1)


def square_degrees(moc: MOC) -> str:
    """Write the area of a region.

    Examples
    --------
    >>> from mocpy import MOC
    >>> square_degrees(MOC.from_str("0/0-11"))
    '41,253 deg²'
    """
    area = moc.sky_fraction * 4 * np.pi * np.degrees(1) ** 2
    return f"{area:,.0f} deg²" if area >= 100 else f"{area:.3g} deg²"


def _extent(name: str, at: Positions) -> str:
    without = f", {count(at.without)} without a position" if at.without else ""
    return f"{name}: {count(len(at))}{without}"


def _grid() -> tuple[Floats, Floats]:
    ra = (np.arange(round(360 / _STEP)) + 0.5) * _STEP
    dec = 90 - (np.arange(round(180 / _STEP)) + 0.5) * _STEP
    ra, dec = np.meshgrid(ra, dec)
    return ra, dec


def _cells(ra: Floats, dec: Floats, order: int) -> NDArray[np.int64]:
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix import lonlat_to_healpix

    if not len(ra):
        return np.empty(0, dtype=np.int64)
    return np.asarray(lonlat_to_healpix(Longitude(ra, "deg"), Latitude(dec, "deg"), order), dtype=np.int64)


def _degrees(values: Floats) -> object:
    from astropy import units

    return values * units.deg
