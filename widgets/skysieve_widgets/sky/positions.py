"""Where alerts are: positions and ids, whatever the table calls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skysieve_widgets.sky.projection import Floats
from skysieve_widgets.surveys import as_alert, survey_of

_PAIRS = (
    ("ra", "dec"),
    ("raj2000", "dej2000"),
    ("_raj2000", "_dej2000"),
    ("ra_icrs", "de_icrs"),
    ("radeg", "decdeg"),
    ("ra", "decl"),
    ("ra", "de"),
    ("ramean", "decmean"),
)
_RECORDS = ("diasource", "candidate", "")
"""Of several positions, the alert's own comes first: a packet has those of its object and its history, too."""

_IDS = ("diasourceid", "candid", "alertid", "source_id", "objectid", "diaobjectid", "id", "name")


@dataclass(frozen=True, eq=False)
class Positions:
    """Places on the sky, in degrees (ICRS), with ids as exact text.

    Attributes
    ----------
    without
        Number of those that were left out, because their position is missing or no place on the sky.
    """

    ra: Floats
    dec: Floats
    ids: tuple[str, ...]
    without: int = 0

    def __len__(self) -> int:
        return len(self.ids)


def positions(source: Any, columns: tuple[str, str] | None = None) -> Positions:
    """Find positions and ids.

    Parameters
    ----------
    source
        A DataFrame or an astropy Table with a right ascension and a declination under any survey's names
        (``diaSource.ra``, ``candidate.ra``, ``ra`` …); a SkyCoord in any frame; one decoded alert, or several. Columns
        of a Table may have units; without, degrees are meant.
    columns
        The two columns, where their names do not tell.

    Raises
    ------
    ValueError
        If a table has no position; names its columns.

    Examples
    --------
    >>> table = pd.DataFrame({"candid": [170094456248729605], "candidate.ra": [-1.0], "candidate.dec": [2.0]})
    >>> positions(table)
    Positions(ra=array([359.]), dec=array([2.]), ids=('170094456248729605',), without=0)
    """
    if isinstance(source, Mapping) or hasattr(source, "asDict"):
        return of_alerts([source])
    if isinstance(source, pd.DataFrame):
        names = _structs(source) if columns is None else []
        if names:
            return of_alerts(_rows(source))
        return _of_table(source, [str(name) for name in source], columns, _degrees)
    if hasattr(source, "icrs"):
        icrs = source.icrs
        return _kept(np.atleast_1d(icrs.ra.deg), np.atleast_1d(icrs.dec.deg), None)
    if hasattr(source, "colnames"):
        return _of_table(source, list(source.colnames), columns, _degrees)
    if isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
        return of_alerts(source)
    raise TypeError(f"positions cannot be read from {type(source).__name__}")


def of_alerts(alerts: Iterable[Any]) -> Positions:
    """Find positions and ids of decoded alerts of any registered survey."""
    told = [survey_of(alert).summary(alert) for alert in map(as_alert, alerts)]
    return _kept(
        np.array([one.ra for one in told]), np.array([one.dec for one in told]), [s.alert_id for s in told]
    )


def position_columns(names: Sequence[str]) -> tuple[str, str]:
    """Find the columns of right ascension and declination.

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> position_columns(["diaObject.ra", "diaObject.dec", "diaSource.ra", "diaSource.dec"])
    ('diaSource.ra', 'diaSource.dec')
    """
    known = {name.lower(): name for name in reversed(list(names))}
    records = [name.rpartition(".")[0] for name in known]
    for record in dict.fromkeys([*_RECORDS, *reversed(records)]):
        for ra, dec in _PAIRS:
            pair = (f"{record}.{ra}".lstrip("."), f"{record}.{dec}".lstrip("."))
            if all(name in known for name in pair):
                return known[pair[0]], known[pair[1]]
    listed = ", ".join(list(names)[:12]) or "none"
    raise ValueError(
        f"no right ascension and declination among the columns ({listed}{' …' if len(names) > 12 else ''}): "
        "name them, as in columns=('my_ra', 'my_dec')"
    )


def id_column(names: Sequence[str]) -> str | None:
    """Find the column of the alert's id; None without one.

    Examples
    --------
    >>> id_column(["objectId", "candid", "candidate.ra"])
    'candid'
    """
    for wanted in _IDS:
        for name in names:
            if name.lower().rpartition(".")[2] == wanted:
                return name
    return None


def texts(values: Any) -> list[str]:
    """Write ids exactly; a missing one is empty."""
    return ["" if v is None or v is pd.NA or v is np.ma.masked or v != v else str(v) for v in values]


def _of_table(table: Any, names: list[str], columns: tuple[str, str] | None, degrees: Any) -> Positions:
    ra, dec = columns or position_columns(names)
    for name in (ra, dec):
        if name not in names:
            raise ValueError(f"no column {name!r}, only {', '.join(names[:12])}")
    ids = id_column(names)
    exact = None if ids is None or pd.api.types.is_float_dtype(table[ids].dtype) else texts(table[ids])
    return _kept(degrees(table[ra]), degrees(table[dec]), exact)


def _degrees(column: Any) -> Floats:
    if isinstance(column, pd.Series):
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
    if getattr(column, "unit", None) is not None:
        column = column.to("deg") if hasattr(column, "to") else column.quantity.to("deg")
        column = column.value if hasattr(column, "value") else column
    return np.asarray(np.ma.filled(np.ma.asarray(column, dtype=float), np.nan), dtype=float)


def _kept(ra: Any, dec: Any, ids: Sequence[str] | None) -> Positions:
    """Leave out what is no place on the sky; without ids, the number of the row stands for one."""
    ra, dec = np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(ra) & (np.abs(dec) <= 90)
    named = [str(row) for row in range(len(ra))] if ids is None else list(ids)
    kept = tuple(one for one, keep in zip(named, good, strict=True) if keep)
    return Positions(ra[good] % 360, dec[good], kept, int((~good).sum()))


def _structs(frame: pd.DataFrame) -> list[str]:
    """The columns that hold whole records, as a table of decoded alerts has them."""
    return [
        str(name)
        for name in frame
        if str(name) in ("diaSource", "candidate")
        and any(isinstance(v, Mapping) or hasattr(v, "asDict") for v in frame[name].head(1))
    ]


def _rows(frame: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Row by row without a Series, in which ids would become floats."""
    names = [str(name) for name in frame]
    columns = [[v.asDict(recursive=True) if hasattr(v, "asDict") else v for v in frame[n]] for n in frame]
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
