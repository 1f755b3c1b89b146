"""Catalogues: tables of objects with positions, from whatever file an astronomer has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
from numpy.typing import NDArray

from skysieve.errors import EnrichmentError, nearest

_RA = ("ra", "raj2000", "ra_j2000", "ra_icrs", "ra(j2000)", "radeg", "ra_deg", "meanra", "_raj2000", "ra2000")
_DEC = (
    *("dec", "dej2000", "decj2000", "dec_j2000", "de_icrs", "dec_icrs", "dec(j2000)", "decdeg", "dec_deg"),
    *("meandec", "decl", "_dej2000", "dec2000"),
)
_DEGREES = re.compile(r"\s*[+-]?\d+(\.\d*)?([eE][+-]?\d+)?\s*")

Floats = NDArray[np.float64]


def load(catalog: Any) -> pa.Table:
    """Read a catalogue.

    Parameters
    ----------
    catalog
        A path (Parquet: a file, a folder, or a HATS catalogue; CSV; FITS, VOTable, ECSV and what else astropy reads), a
        pandas DataFrame, an astropy Table or an Arrow table.

    Raises
    ------
    EnrichmentError
        If it cannot be read.
    """
    if isinstance(catalog, pa.Table):
        return catalog
    if isinstance(catalog, pd.DataFrame):
        return pa.Table.from_pandas(catalog, preserve_index=False)
    if hasattr(catalog, "to_pandas"):
        return _of_astropy(catalog)
    path = Path(str(catalog)).expanduser()
    if not path.exists():
        raise EnrichmentError(f"There is no catalogue {path}.")
    try:
        if path.is_dir() or path.suffix in (".parquet", ".pq"):
            return _parquet(path)
        if path.suffix.lower() in (".csv", ".txt", ".tsv"):
            # pandas alone finds out what separates the values, and where a number is a text
            return pa.Table.from_pandas(pd.read_csv(path, sep=None, engine="python"), preserve_index=False)
        from astropy.table import Table

        return _of_astropy(Table.read(path))
    except EnrichmentError:
        raise
    except Exception as error:  # a dozen formats' readers, each with errors of its own
        reason = str(error).split("\n", 1)[0] or type(error).__name__
        raise EnrichmentError(f"The catalogue {path} cannot be read: {reason}") from None


def _parquet(path: Path) -> pa.Table:
    """A Parquet file, or the leaves of a folder: of a HATS catalogue without what its metadata files repeat."""
    if path.is_file():
        return pa.dataset.dataset(path, format="parquet").to_table()
    leaves = sorted(str(p) for p in path.rglob("*.parquet") if not p.name.startswith(("_", ".", "point_map")))
    if not leaves:
        raise EnrichmentError(f"The folder {path} holds no Parquet files.")
    return pa.dataset.dataset(leaves, format="parquet").to_table()


def _of_astropy(table: Any) -> pa.Table:
    flat = [name for name in table.colnames if len(table[name].shape) == 1]
    units = {name: str(table[name].unit) for name in flat if getattr(table[name], "unit", None) is not None}
    frame = table[flat].to_pandas()
    for name in flat:
        if frame[name].dtype == object:
            frame[name] = frame[name].map(lambda v: v.decode(errors="replace") if isinstance(v, bytes) else v)
    found = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [
        field.with_metadata({"unit": units[field.name]}) if field.name in units else field
        for field in found.schema
    ]
    return found.cast(pa.schema(fields))


def positions(table: pa.Table, ra: str | None = None, dec: str | None = None) -> tuple[Floats, Floats]:
    """Right ascension and declination of each row, in degrees; NaN where there is none.

    Parameters
    ----------
    table
        The catalogue.
    ra, dec
        Names of the columns; found by the usual names unless given.

    Raises
    ------
    EnrichmentError
        If there are none, or they hold what is no position.
    """
    name_ra, name_dec = _named(table, ra, _RA, "ra"), _named(table, dec, _DEC, "dec")
    found_ra = _degrees(table, name_ra, hours=True)
    found_dec = _degrees(table, name_dec, hours=False)
    good = np.isfinite(found_ra) & np.isfinite(found_dec)
    if not good.any():
        raise EnrichmentError(f"The columns {name_ra} and {name_dec} of the catalogue hold no position.")
    if np.abs(found_dec[good]).max() > 90 or found_ra[good].min() < -180 or found_ra[good].max() > 360:
        raise EnrichmentError(
            f"The columns {name_ra} and {name_dec} of the catalogue are not in degrees: they reach from "
            f"{found_ra[good].min():g} to {found_ra[good].max():g} and from {found_dec[good].min():g} to "
            f"{found_dec[good].max():g}. Convert them, or give others with ra= and dec=."
        )
    found_ra[~good] = found_dec[~good] = np.nan
    return np.mod(found_ra, 360.0), found_dec


def _named(table: pa.Table, given: str | None, usual: tuple[str, ...], what: str) -> str:
    if given is not None:
        if given in table.column_names:
            return given
        raise EnrichmentError(
            f"The catalogue has no column {given!r} ({what}=).{nearest(given, table.column_names)}"
        )
    by_lower = {name.lower().replace(" ", ""): name for name in table.column_names}
    for name in usual:
        if name in by_lower:
            return str(by_lower[name])
    columns = ", ".join(table.column_names[:20])
    raise EnrichmentError(
        f"Which column of the catalogue is {what}? Name it with {what}=; there are {columns}."
    )


def _degrees(table: pa.Table, name: str, *, hours: bool) -> Floats:
    column, field = table[name], table.schema.field(name)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        values = column.cast(pa.float64()).to_numpy()
        unit = (field.metadata or {}).get(b"unit", b"").decode()
        factor = {"rad": np.degrees(1.0), "hourangle": 15.0, "h": 15.0, "arcsec": 1 / 3600, "arcmin": 1 / 60}
        return np.array(values * factor.get(unit, 1.0), dtype=float)
    texts = pd.Series(column.to_pandas()).astype("string").str.strip()
    if texts.dropna().map(lambda text: _DEGREES.fullmatch(text) is not None).all():
        return np.asarray(texts.astype(float).to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)
    from astropy.coordinates import Angle

    found = np.full(len(texts), np.nan)
    known = texts.notna() & (texts != "")
    try:
        found[known] = Angle(list(texts[known]), unit="hourangle" if hours else "deg").to_value("deg")
    except Exception as error:  # astropy's parser raises what it likes
        raise EnrichmentError(
            f"The column {name} of the catalogue holds what is no angle: {str(error)[:120]}"
        ) from None
    return found
