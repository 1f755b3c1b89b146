"""Features of the light curve that an alert brings along, by the ``light-curve`` package (Malanchev et al. 2021)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from skysieve.enrich.base import Enrichment, Given, register
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError, nearest
from skysieve.packets import histories
from skysieve.packets.columns import Column, Columns
from skysieve.packets.formats import Places

_USUAL = ("Amplitude", "LinearTrend", "StandardDeviation", "MaximumSlope")
_POINTS = {
    "type": "array",
    "items": {
        "type": "record",
        "name": "point",
        "fields": [{"name": "t", "type": ["null", "double"]}, {"name": "m", "type": ["null", "double"]}],
    },
}
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@register
class Features(Enrichment):
    """Numbers that describe the detections of an object in each band, magnitudes over days.

    It gives one column per band and number, such as ``features.g_amplitude`` and ``features.r_linear_trend``; NULL
    where there are fewer detections than a feature needs.

    Parameters
    ----------
    features
        Names of classes of the ``light-curve`` package that need no errors: ``"Amplitude"``, ``"Periodogram"`` …
    bands
        Bands, each by its letter.
    least
        Detections below which all of a band's are NULL.

    Raises
    ------
    EnrichmentError
        If there is no such feature.

    Examples
    --------
    >>> [one.name for one in Features(["Amplitude"], bands="gr").gives()]
    ['g_amplitude', 'r_amplitude']
    """

    kind: ClassVar[str] = "features"

    features: tuple[str, ...]
    bands: tuple[str, ...]
    least: int = 4
    survey: str = ""

    def __init__(self, features: Any = _USUAL, bands: Any = "gr", least: int = 4, **more: Any) -> None:
        super().__init__(**{"features": tuple(features), "bands": tuple(bands), "least": least, **more})
        _ = _extractor(self.features)

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, for the history that this stream's alerts bring along."""
        history = histories.find(columns)
        if history is None:
            raise EnrichmentError("The alerts of this stream bring no history that is known here.")
        if unknown := [band for band in self.bands if band not in history.bands]:
            raise EnrichmentError(f"There is no band {unknown[0]!r}, only {', '.join(history.bands)}.")
        reads = tuple(f"history.{band}" for band in self.bands)
        return self.model_copy(update={"survey": history.survey, "reads": reads})

    def inputs(self, columns: Columns) -> tuple[Column, ...]:
        """The detections of each band, as times and magnitudes."""
        history = histories.find(columns)
        assert history is not None
        found = []
        for name, band in zip(self.reads, self.bands, strict=True):
            sql = history.all(band, mags=True)
            column = history.column(name, "mag", "", sql, mags=True, banded=True)
            found.append(replace(column, schema=["null", _POINTS], sql=sql))
        return tuple(found)

    def gives(self) -> tuple[Given, ...]:
        """One column per band and number."""
        extractor = _extractor(self.features)
        told = list(zip(extractor.names, extractor.descriptions, strict=True))
        return tuple(
            Given(name=f"{band}_{_snake(name)}", type="double", description=f"{text}, {band} band")
            for band in self.bands
            for name, text in told
        )

    def made_of(self) -> str:
        """The package."""
        return "light-curve, of magnitudes over days"

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Describe the light curves of a batch."""
        found: list[pa.Array] = []
        for curves in arrays:
            values = self._of_band(curves)
            found += [pa.array(column, mask=~np.isfinite(column)) for column in values.T]
        return pa.StructArray.from_arrays(found, [one.name for one in self.gives()])

    def _of_band(self, curves: pa.Array) -> Any:
        extractor = _extractor(self.features)
        values = np.full((len(curves), len(extractor.names)), np.nan)
        rows, points = [], []
        for row, curve in enumerate(curves):
            if not curve.is_valid:
                continue
            t = np.asarray(curve.values.field("t").to_numpy(zero_copy_only=False), dtype=float)
            m = np.asarray(curve.values.field("m").to_numpy(zero_copy_only=False), dtype=float)
            good = np.isfinite(t) & np.isfinite(m)
            t, first = np.unique(t[good], return_index=True)
            if len(t) >= self.least:
                rows.append(row)
                points.append((t, m[good][first], None))
        if points:
            values[rows] = extractor.many(points, sorted=True, check=False, fill_value=np.nan, n_jobs=1)
        return values


@cache
def _extractor(names: tuple[str, ...]) -> Any:
    import light_curve

    known = [name for name in dir(light_curve) if name[0].isupper()]
    for name in names:
        if name not in known:
            raise EnrichmentError(f"The light-curve package has no feature {name!r}.{nearest(name, known)}")
    return light_curve.Extractor(*(getattr(light_curve, name)() for name in names))


def _snake(name: str) -> str:
    return _WORDS.sub("_", name).lower()
