"""Sky maps: how probable it is that an event (a gravitational wave, a gamma-ray burst) came from where an alert is."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from skysieve.enrich.base import Enrichment, Given, position, register
from skysieve.enrich.positions import of_batch
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places

if TYPE_CHECKING:
    from skysieve_widgets.sky.skymaps import SkyProbability


@register
class Skymap(Enrichment):
    """Where an alert lies in the probability map of an event: gives the column ``level``.

    That is the credible level of the smallest region that holds it: ``gw.level <= 0.9`` is inside the 90 % region.

    Parameters
    ----------
    skymap
        A file as LIGO-Virgo-KAGRA, Fermi or IceCube publish it, in many orders or in one
        (https://emfollow.docs.ligo.org/userguide/tutorial/multiorder_skymaps.html).

    Examples
    --------
    >>> Skymap("S250101a.multiorder.fits").gives()[0].name
    'level'
    """

    kind: ClassVar[str] = "skymap"

    source: str
    event: str = ""
    cells: int = 0

    def __init__(self, skymap: Any = None, **more: Any) -> None:
        if skymap is not None:
            more.setdefault("source", str(skymap))
        super().__init__(**more)

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, with the map's cells in the store."""
        from skysieve_widgets.sky.skymaps import read_skymap

        try:
            found = read_skymap(Path(self.source).expanduser())
        except (OSError, TypeError, ValueError, KeyError) as error:
            raise EnrichmentError(f"The sky map {self.source} cannot be read: {str(error)[:300]}") from None

        def write(folder: Path) -> None:
            np.save(folder / "uniq.npy", found.uniq)
            np.save(folder / "probability.npy", found.probability)

        said = {"index": str(store.put(write)), "event": found.name, "cells": len(found.uniq)}
        return self.model_copy(update={**said, "reads": position(places)})

    def gives(self) -> tuple[Given, ...]:
        """The credible level."""
        return (
            Given(
                name="level", type="double", description="Least credible level of the region that holds it"
            ),
        )

    def made_of(self) -> str:
        """The event and its file."""
        return f"{self.event or Path(self.source).name}, {self.cells:,} cells"

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Look up each position of a batch."""
        ra, dec, known = of_batch(*arrays)
        level = np.full(len(ra), np.nan)
        level[known] = _opened(self.index).credible(ra[known], dec[known])
        return pa.StructArray.from_arrays([pa.array(level, mask=~np.isfinite(level))], ["level"])


@lru_cache(maxsize=16)
def _opened(index: str) -> SkyProbability:
    from skysieve_widgets.sky.skymaps import SkyProbability

    return SkyProbability(np.load(f"{index}/uniq.npy"), np.load(f"{index}/probability.npy"))
