"""Times of catalogues and of alerts, and what moves in between."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from skysieve.errors import EnrichmentError, nearest

Floats = NDArray[np.float64]

_MAS = 1 / 3_600_000
_FASTEST = 20_000 * _MAS
"""Degrees per year: twice what Barnard's star does."""
_YEAR = 365.25
_JD = 2_400_000.5
_UNIX = 40_587.0
"""1970 January 1, in MJD."""


def mjd(epoch: str) -> float:
    """An epoch as MJD.

    Raises
    ------
    EnrichmentError
        If it is none.

    Examples
    --------
    >>> mjd("J2016.0")
    57388.5
    """
    from astropy.time import Time

    try:
        return float(Time(epoch).mjd)
    except ValueError:
        raise EnrichmentError(
            f"epoch={epoch!r} is no time; with motion= say of when the positions are: epoch='J2016.0'."
        ) from None


def years(times: pa.Array, since: float) -> Floats:
    """Julian years from an epoch (MJD) to times in MJD, JD or as timestamps; NaN where they are none of these.

    The minute between the usual time scales does not count: in it the fastest star moves 20 microarcseconds.
    """
    if pa.types.is_timestamp(times.type):
        seconds = times.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64(), safe=False)
        days = np.array(seconds.fill_null(np.nan).to_numpy(zero_copy_only=False)) / 86_400e6 + _UNIX
    else:
        days = np.array(times.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False))
    days = np.where(days > _JD, days - _JD, days)
    days[~((days > 0) & (days < 100_000))] = np.nan
    found: Floats = (days - since) / _YEAR
    return found


def per_year(table: pa.Table, name: str) -> Floats:
    """The proper motions in a column of a catalogue, in degrees per year; 0 where there is none.

    Raises
    ------
    EnrichmentError
        If there is no such column, or it holds something else.
    """
    from astropy import units as u

    if name not in table.column_names:
        raise EnrichmentError(
            f"The catalogue has no column {name!r} (motion=).{nearest(name, table.column_names)}"
        )
    unit = (table.schema.field(name).metadata or {}).get(b"unit", b"").decode() or "mas/yr"
    try:
        factor = u.Unit(unit).to(u.deg / u.yr)
        values = np.array(table[name].cast(pa.float64()).to_numpy(), dtype=float)
    except (ValueError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise EnrichmentError(f"The catalogue's column {name!r} ({unit}) holds no proper motions.") from None
    found: Floats = np.nan_to_num(values * factor, nan=0.0)
    if len(found) and np.abs(found).max() > _FASTEST:
        raise EnrichmentError(
            f"The catalogue's column {name!r} has a motion of {np.abs(found).max() / _MAS:,.0f} mas/yr, which no star "
            "has: is it in other units?"
        )
    return found
