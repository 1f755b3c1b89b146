"""Why one alert passes a filter, or does not: what each cut saw of it, and what it said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from skysieve.engine.plan import KEY
from skysieve.errors import PacketError, StreamError, nearest
from skysieve.filter import BoundFilter
from skysieve.packets.decode import PROBLEM


def row_of(alert_id: int | str, table: pd.DataFrame, id_column: str) -> int:
    """The row of an alert in the table of a preview; of several, the last.

    Raises
    ------
    PacketError
        If its packet was rejected.
    StreamError
        If it is not there.
    """
    wanted = str(alert_id)  # as texts, ids of any kind are exact
    ids = table[id_column].astype("string")
    if (found := table.index[(ids == wanted).fillna(value=False)]).size:
        return int(found[-1])
    broken = table[(table[KEY] == wanted).fillna(value=False)]
    if len(broken):
        partition, offset = broken["kafka.partition"].iloc[-1], broken["kafka.offset"].iloc[-1]
        raise PacketError(
            "rejected",
            f"Alert {wanted} was rejected (partition {partition}, offset {offset}): {broken[PROBLEM].iloc[-1]}",
        )
    raise StreamError(
        f"Alert {wanted} is not among the {int(table[PROBLEM].isna().sum()):,} alerts read (by {id_column})."
        f"{nearest(wanted, ids.dropna())} To look for it in all of the stream, preview with ids=[{alert_id!r}]."
    )


def why(
    bound: BoundFilter, table: pd.DataFrame, row: int, whole: Callable[[], dict[str, Any]]
) -> pd.DataFrame:
    """What each cut saw of the alert in one row, and what it said.

    Parameters
    ----------
    bound
        The filter.
    table
        One row per alert: scalar columns by name, and ``cut0`` ….
    row
        Which.
    whole
        Gives the whole alert, where a cut uses what is not in the table.

    Examples
    --------
    >>> from skysieve import Filter
    >>> from skysieve.packets import formats
    >>> bound = Filter("f", "snr > 5", "lsst-alerts").bind(formats.get("lsst").columns())
    >>> why(bound, pd.DataFrame({"diaSource.snr": [4.5], "cut0": [False]}), 0, dict).to_dict("records")
    [{'cut': 'snr > 5', 'verdict': False, 'values': {'diaSource.snr': 4.5}}]
    """
    names = [column for cut in bound.cuts for column in cut.columns]
    alert = whole() if any(column.name not in table for column in names) else {}
    seen = [
        {
            "cut": cut.text,
            "verdict": _plain(table[f"cut{i}"][row]),
            "values": {
                column.name: _plain(table[column.name][row])
                if column.name in table
                else _at(alert, column.path)
                for column in cut.columns
            },
        }
        for i, cut in enumerate(bound.cuts)
    ]
    return pd.DataFrame(seen, columns=["cut", "verdict", "values"], dtype=object)


def _plain(value: Any) -> Any:
    """A value as Python has it; None for what is missing."""
    if value is None or pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


def _at(found: Any, path: Sequence[str]) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
