"""Watchmaps: regions of the sky, as MOCs (https://ivoa.net/documents/MOC/)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import PrivateAttr

from skysieve.enrich.base import Enrichment, Given, position, register
from skysieve.enrich.positions import cells_of, of_batch
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places


@register
class Watchmap(Enrichment):
    """Whether an alert is inside a region: gives the column ``inside``.

    Parameters
    ----------
    region
        A MOC file (FITS, JSON or text), or a ``mocpy.MOC``: ``MOC.from_cone``, ``MOC.from_polygon_skycoord`` and so on
        make one of a circle or of what was drawn.

    Examples
    --------
    >>> Watchmap("footprint.moc.fits").gives()[0].name
    'inside'
    """

    kind: ClassVar[str] = "watchmap"

    source: str
    share: float = 0.0
    _moc: Any = PrivateAttr(default=None)

    def __init__(self, region: Any = None, **more: Any) -> None:
        is_path = isinstance(region, str | Path)
        if region is not None:
            more.setdefault("source", str(region) if is_path else "a region made in Python")
        super().__init__(**more)
        self._moc = None if is_path else region

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, with the region's cells in the store."""
        moc = self._moc if self._moc is not None else _read(self.source)
        ranges = np.asarray(moc.to_depth29_ranges).astype(np.int64).reshape(-1, 2)
        if not len(ranges):
            raise EnrichmentError(f"The region {self.source} is empty: nothing could ever be inside.")
        where = store.put(lambda folder: np.save(folder / "ranges.npy", ranges))
        found = {"index": str(where), "share": float(moc.sky_fraction), "reads": position(places)}
        return self.model_copy(update=found)

    def gives(self) -> tuple[Given, ...]:
        """Whether it is inside."""
        return (Given(name="inside", type="boolean", description="Whether the alert is inside the region"),)

    def made_of(self) -> str:
        """The region and its share of the sky."""
        return f"{Path(self.source).name}, {100 * self.share:.3g} % of the sky"

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Look up each position of a batch."""
        ra, dec, known = of_batch(*arrays)
        inside = np.zeros(len(ra), dtype=bool)
        ranges = _opened(self.index)
        cells = cells_of(ra[known], dec[known], 29)
        at = np.searchsorted(ranges[:, 0], cells, side="right") - 1
        inside[known] = (at >= 0) & (cells < ranges[np.maximum(at, 0), 1])
        return pa.StructArray.from_arrays([pa.array(inside, mask=~known)], ["inside"])


def _read(path: str) -> Any:
    from mocpy import MOC

    if not Path(path).expanduser().exists():
        raise EnrichmentError(f"There is no region {path}.")
    for form in ("fits", "json", "ascii"):
        try:
            return MOC.load(str(Path(path).expanduser()), format=form)
        except Exception as error:  # of each format, an error of its own
            reason = str(error)
    raise EnrichmentError(f"The region {path} cannot be read as a MOC: {reason[:200]}")


@lru_cache(maxsize=32)
def _opened(index: str) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.load(Path(index) / "ranges.npy", mmap_mode="r")
    return found
