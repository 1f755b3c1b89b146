"""What a user gives a sky map, as layers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from skysieve_widgets.sky.layers import Density, Layer, Points, Probability, Region
from skysieve_widgets.sky.positions import positions
from skysieve_widgets.sky.skymaps import SkyProbability, read_skymap

ONE_BY_ONE = 5000
"""Alerts above which their density is drawn."""

READ = "read"
"""Name of the layer of all alerts that were read."""

GROUP_COLOURS = {"kept": "#009E73", "lost": "#D55E00", "gained": "#0072B2"}
"""What two filters do to alerts, from the lowest layer to the uppermost; of Okabe & Ito's palette."""

_MOC_SUFFIXES = {".json": "json", ".txt": "ascii"}


def layers_of(
    source: Any, name: str = "", columns: tuple[str, str] | None = None, density: bool | None = None
) -> list[Layer]:
    """Make layers of what there is to show.

    Parameters
    ----------
    source
        As :class:`~skysieve_widgets.SkyMap` takes it.
    name
        What to call it; otherwise it is called after what it is.
    columns
        Right ascension and declination, where their names do not tell.
    density
        Whether alerts are counted in cells instead of drawn one by one; None: above 5,000.

    Returns
    -------
    list of Layer
        A preview gives two, what was read and what passes; a difference four, what was read, kept, lost and gained;
        everything else one.
    """
    if isinstance(source, Layer):
        return [source]
    if isinstance(source, (str, Path)):
        return [_of_file(Path(source), name)]
    if hasattr(source, "toPandas"):
        raise TypeError(
            "a Spark DataFrame is not here yet: select id, ra and dec of it, and give what .toPandas() gives"
        )
    if isinstance(source, SkyProbability):
        return [Probability(name or source.name or "probability", source)]
    if hasattr(source, "sky_fraction"):
        return [Region(name or "region", source)]
    if all(hasattr(source, group) for group in GROUP_COLOURS):
        drawn = (_alerts(getattr(source, group), group, columns, density) for group in GROUP_COLOURS)
        return [
            *_footprint(source, columns),
            *(replace(one, colour=GROUP_COLOURS[one.name]) for one in drawn),
        ]
    if isinstance(getattr(source, "alerts", None), pd.DataFrame) and not isinstance(source, pd.DataFrame):
        passes = _alerts(source.alerts, name or f"passes {_name_of(source)}".strip(), columns, density)
        return [*_footprint(source, columns), passes]
    if {str(n).upper() for n in getattr(source, "colnames", ())} & {"PROB", "PROBDENSITY", "PROBABILITY"}:
        skymap = read_skymap(source)
        return [Probability(name or skymap.name or "probability", skymap)]
    if type(source).__name__ == "Filter":
        raise TypeError(
            "a filter has no places on the sky until it is applied: give SkyMap(sky.preview(filter))"
        )
    return [_alerts(source, name or "alerts", columns, density)]


def _alerts(source: Any, name: str, columns: tuple[str, str] | None, density: bool | None) -> Layer:
    found = positions(source, columns)
    dense = len(found) > ONE_BY_ONE if density is None else density
    return Density(name, found) if dense else Points(name, found)


def _footprint(source: Any, columns: tuple[str, str] | None) -> list[Layer]:
    """Density of all that was read, where the preview or the difference still has it."""
    table = getattr(source, "table", None)
    return [Density(READ, positions(table, columns))] if isinstance(table, pd.DataFrame) else []


def _name_of(source: Any) -> str:
    name = getattr(source, "name", "")
    return name if isinstance(name, str) else ""


def _of_file(path: Path, name: str) -> Layer:
    """A region or a probability map; which, its columns say."""
    from mocpy import MOC

    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    stem = name or path.name.split(".")[0]
    if path.suffix in _MOC_SUFFIXES:
        return Region(stem, MOC.load(path, format=_MOC_SUFFIXES[path.suffix]))
    kind = _fits_kind(path)
    if kind == "moc":
        return Region(stem, MOC.from_fits(path))
    skymap = read_skymap(path)
    return Probability(name or skymap.name or stem, skymap)


def _fits_kind(path: Path) -> str:
    from astropy.io import fits

    try:
        with fits.open(path) as hdus:
            header = next((hdu.header for hdu in hdus if hdu.header.get("TFIELDS")), None)
    except OSError as error:
        raise ValueError(
            f"{path.name} is neither a FITS file nor a MOC in JSON (.json) or text (.txt): {error}"
        ) from error
    if header is None:
        raise ValueError(f"{path.name} has no table: neither a MOC nor a probability map")
    one_column = header["TFIELDS"] == 1 and not str(header.get("TTYPE1", "")).upper().startswith("PROB")
    return "moc" if "MOCVERS" in header or "MOCORDER" in header or one_column else "skymap"
