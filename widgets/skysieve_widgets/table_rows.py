"""Which rows of a table of alerts are shown, in what order, and the pictures beside them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skysieve_widgets.light_curve_live import sparkline
from skysieve_widgets.markup import cell
from skysieve_widgets.shades import thumbnail
from skysieve_widgets.surveys import Alert

_ALERTS_KEPT = 50  # decoded packets of some 100 kB
_PICTURES_KEPT = 2000


class Rows:
    """The rows of a table: found by words, sorted by a column. Rows are known by their number, from 0.

    Parameters
    ----------
    frame
        The alerts; columns whose values stay what they are, so that ids do.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.names = [str(name) for name in frame.columns]
        self._texts: list[str] | None = None
        self._order: tuple[tuple[str, bool], NDArray[np.intp]] = (("", False), np.arange(len(frame)))

    def found(self, search: str, sort_by: str, descending: bool) -> NDArray[np.intp]:
        """Give the numbers of the rows in which every word of a search occurs, sorted by a column.

        Rows without a value come last, whichever way; rows of equal value stay in their order.

        Examples
        --------
        >>> rows = Rows(pd.DataFrame({"id": [3, 1, 2], "band": ["r", "g", "r"]}))
        >>> rows.found("R", "id", descending=False).tolist()
        [2, 0]
        """
        order = self._sorted(sort_by, descending)
        words = search.lower().split()
        if not words:
            return order
        texts = self._searchable()
        return order[[all(word in texts[row] for word in words) for row in order]]

    def texts(self, rows: NDArray[np.intp]) -> list[list[str]]:
        """Write the cells of some rows; integers are exact."""
        some = self.frame.iloc[rows]
        columns = [[cell(value) for value in some.iloc[:, i]] for i in range(some.shape[1])]
        return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in rows]

    def _sorted(self, sort_by: str, descending: bool) -> NDArray[np.intp]:
        if self._order[0] != (sort_by, descending):
            order = np.arange(len(self.frame))
            if sort_by:
                column = self.frame.iloc[:, self.names.index(sort_by)].reset_index(drop=True)
                how: dict[str, Any] = {"ascending": not descending, "kind": "stable", "na_position": "last"}
                try:
                    order = column.sort_values(**how).index.to_numpy()
                except TypeError:  # values of several kinds, or records: by what is shown of them
                    order = column.map(cell).sort_values(**how).index.to_numpy()
            self._order = ((sort_by, descending), order)
        return self._order[1]

    def _searchable(self) -> list[str]:
        if self._texts is None:
            self._texts = ["\n".join(row).lower() for row in self.texts(np.arange(len(self.frame)))]
        return self._texts


class Pictures:
    """Sparklines and thumbnails of the rows that are looked at; packets are asked for one by one, and some kept.

    Parameters
    ----------
    alert_of
        Gives the decoded alert of a row; None where the packets are not at hand.
    """

    def __init__(self, alert_of: Callable[[int], Alert] | None) -> None:
        self.known = alert_of is not None
        self.alert: Callable[[int], Alert] = lru_cache(_ALERTS_KEPT)(alert_of or _no_alert)
        self._kept: dict[int, dict[str, Any]] = {}

    def of(self, row: int) -> dict[str, Any]:
        """Draw a row's ``spark`` (see :func:`sparkline`) and ``thumbnail`` (PNG as a data address, or empty).

        An alert that cannot be had or drawn leaves its row without pictures, and ``said`` is the reason.

        Examples
        --------
        >>> Pictures(lambda row: {"diaSource": {"midpointMjdTai": 61041.2, "band": "i", "psfFlux": 2080.3}}).of(0)
        {'spark': [(1.0, 1.0, '#CC79A7', True)], 'thumbnail': '', 'said': ''}
        """
        if row not in self._kept:
            try:
                alert = self.alert(row)
                image = thumbnail(alert) or b""
                address = f"data:image/png;base64,{base64.b64encode(image).decode('ascii')}" if image else ""
                drawn = {"spark": sparkline(alert), "thumbnail": address, "said": ""}
            except Exception as error:  # whatever a packet or its source does, the table goes on
                return {"spark": [], "thumbnail": "", "said": f"{type(error).__name__}: {error}"}
            if len(self._kept) >= _PICTURES_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[row] = drawn
        return self._kept[row]


def sparkline_svg(spark: list[tuple[float, float, str, bool]]) -> str:
    """Write a sparkline as SVG for a page without scripts.

    Examples
    --------
    >>> sparkline_svg([]), sparkline_svg([(1.0, 1.0, "#CC79A7", True)])[:29]
    ('', '<svg width="110" height="36" ')
    """
    if not spark:
        return ""
    dots = "".join(
        f'<circle cx="{4 + 102 * x:.1f}" cy="{32 - 28 * y:.1f}" r="{2.2 if detected else 1.2}" fill="{colour}"/>'
        for x, y, colour, detected in spark
    )
    return (
        f'<svg width="110" height="36" viewBox="0 0 110 36" role="img" aria-label="light curve">{dots}</svg>'
    )


def _no_alert(row: int) -> Alert:
    raise LookupError(f"the packet of row {row} is not at hand: AlertTable(frame, alert_of=…) gives it")
