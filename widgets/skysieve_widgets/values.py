"""All values of an alert packet, one row each, to be read and searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skysieve_widgets.markup import cell
from skysieve_widgets.surveys import Alert

_LONGEST = 500


class Value(NamedTuple):
    """One value of a packet, as it is shown.

    Attributes
    ----------
    name
        Where it is in the packet (``diaSource.psfFlux``).
    text
        The value: numbers exact, histories by their count, bytes by their size, a dash where there is none.
    unit, description
        What the survey says of the column; empty where that is not known.
    """

    name: str
    text: str
    unit: str = ""
    description: str = ""


def values_of(alert: Alert, columns: pd.DataFrame | None = None) -> list[Value]:
    """List all values of a packet, nested ones under dotted names.

    Parameters
    ----------
    alert
        A decoded alert packet.
    columns
        Units and descriptions: a table with ``name``, ``unit`` and ``description``, as ``stream.columns()`` gives it.

    Returns
    -------
    list of Value
        In the packet's order.

    Examples
    --------
    >>> for value in values_of({"diaSource": {"diaSourceId": 170094456248729605, "ra": 54.15}, "prvDiaSources": [{}]}):
    ...     print(value.name, value.text)
    diaSource.diaSourceId 170094456248729605
    diaSource.ra 54.15
    prvDiaSources 1 record
    """
    said = _said(columns)
    return [Value(name, exact(value), *said.get(name, ("", ""))) for name, value in _flat(alert)]


def matching(values: list[Value], search: str) -> list[Value]:
    """Keep the values in whose name, text, unit and description every word of a search occurs, in any case.

    Examples
    --------
    >>> values = [Value("diaSource.ra", "54.15", "deg"), Value("diaSource.band", "i")]
    >>> [value.name for value in matching(values, "DEG source")]
    ['diaSource.ra']
    """
    words = search.lower().split()
    return [value for value in values if all(word in " ".join(value).lower() for word in words)]


def exact(value: Any) -> str:
    """Write one value so that nothing of it is lost, and what is too large by its size.

    Examples
    --------
    >>> exact(61041.250123456), exact(0.30000001192092896), exact([{"mjd": 1}, {"mjd": 2}]), exact(b"1234"), exact("")
    ('61041.250123456', '0.3', '2 records', '4 bytes', '“”')
    """
    if isinstance(value, (list, tuple, np.ndarray)):
        what = "record" if any(isinstance(one, Mapping) for one in value) else "item"
        return f"{len(value):,} {what}{'' if len(value) == 1 else 's'}"
    if isinstance(value, (float, np.floating)):
        return "—" if np.isnan(value) else _shortest(float(value))
    if isinstance(value, str):
        return value[:_LONGEST] or "“”"
    return cell(value)


def _shortest(value: float) -> str:
    """Fewest figures that give the number back; of one that was sent as float32, that give this back."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    return str(single) if float(single) == value else repr(value)


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def _said(columns: pd.DataFrame | None) -> dict[str, tuple[str, str]]:
    if columns is None:
        return {}
    texts = columns.reindex(columns=["name", "unit", "description"]).fillna("").astype(str)
    return {name: (unit, text) for name, unit, text in texts.itertuples(index=False)}
