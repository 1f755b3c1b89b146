"""Many alerts as a table: sort, search, page, select; light curve and difference cutout in each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from numpy.typing import NDArray

from skysieve_widgets.alert import AlertView
from skysieve_widgets.drawn import Drawn, source
from skysieve_widgets.markup import card, count, data_table, escape
from skysieve_widgets.preview import shown_of
from skysieve_widgets.surveys import Alert
from skysieve_widgets.table_rows import Pictures, Rows, sparkline_svg

PAGE_SIZES = (5, 10, 25, 50)

_VIEWS_AT_MOST = 20


class AlertTable(Drawn):
    """A table of alerts in a notebook.

    Only the page that is shown is sent to the browser, as text, so that ids of 18 digits stay exact and many rows stay
    smooth. What is chosen there can be read and set in Python.

    Parameters
    ----------
    frame
        The alerts, one row each.
    view
        Makes of a decoded alert what is shown below the table when a row is opened; :class:`AlertView` unless given.
    alert_of
        Gives the decoded alert of a row, by the row's number from 0 (``preview.alert``); called for the rows of the
        page that is shown. Without it there are no light curves, no cutouts and no views.
    columns
        Names of the columns to show; unless given, at most 14, those that identify an alert first.
    **state
        ``page``, ``page_size``, ``sort_by``, ``descending``, ``search``, ``selected_rows``, as below.

    Attributes
    ----------
    page, page_size
        Which page, from 1, of how many rows.
    sort_by, descending
        Name of the column to sort by (empty: as the frame is sorted), and which way.
    search
        Words that a row must have, in the columns shown.
    selected_rows
        Numbers of the selected rows, from 0, in order of selection.
    detail
        The view of the row that was opened last.

    Examples
    --------
    >>> frame = pd.DataFrame({"diaSourceId": [170094456248729605, 170094456248729606], "snr": [8.5, 12.5]})
    >>> table = AlertTable(frame, sort_by="snr", descending=True)
    >>> table.shown["snr"].tolist()
    [12.5, 8.5]
    >>> table.selected_rows = [1]
    >>> table.selected["diaSourceId"].tolist()
    [170094456248729606]
    """

    _esm = source("elements.js", "alert_table.js")
    _css = source("alerts.css")

    page = traitlets.Int(1).tag(sync=True)
    page_size = traitlets.Int(PAGE_SIZES[1], min=1, max=200).tag(sync=True)
    sort_by = traitlets.Unicode("").tag(sync=True)
    descending = traitlets.Bool(False).tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)
    selected_rows = traitlets.List(traitlets.Int()).tag(sync=True)
    detail = traitlets.Instance(ipywidgets.DOMWidget, allow_none=True).tag(
        sync=True, **ipywidgets.widget_serialization
    )

    _head = traitlets.Dict().tag(sync=True)
    _shown = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        frame: pd.DataFrame,
        view: Callable[[Alert], ipywidgets.DOMWidget] | None = None,
        alert_of: Callable[[int], Alert] | None = None,
        columns: Sequence[str] | None = None,
        **state: Any,
    ) -> None:
        self.frame = frame
        self._view = view or AlertView
        self._pictures = Pictures(alert_of)
        names = [str(name) for name in frame.columns]
        chosen = shown_of(frame, "") if columns is None else [str(name) for name in columns]
        if unknown := [name for name in chosen if name not in names]:
            raise ValueError(f"the frame has no column {unknown[0]!r}; it has {', '.join(names)}")
        shown = frame.iloc[:, [names.index(name) for name in chosen]]
        self._rows = Rows(shown)
        numeric = [pd.api.types.is_numeric_dtype(kind) for kind in shown.dtypes]
        head = {"names": chosen, "numeric": numeric, "hidden": len(names) - len(chosen), "sizes": PAGE_SIZES}
        super().__init__(_head={**head, "pictures": self._pictures.known}, **state)
        self._show()
        self.on_msg(self._answer)
        self.observe(self._from_the_start, ["search", "sort_by", "descending", "page_size"])
        self.observe(self._show, "page")

    def __repr__(self) -> str:
        return f"<AlertTable {len(self.frame):,} alerts, {len(self.selected_rows):,} selected>"

    @property
    def selected(self) -> pd.DataFrame:
        """The selected rows of the frame, all its columns, every value as it is there."""
        return self.frame.iloc[self.selected_rows]

    @property
    def found(self) -> pd.DataFrame:
        """All rows that match :attr:`search`, sorted as the table is."""
        return self.frame.iloc[self._found()]

    @property
    def shown(self) -> pd.DataFrame:
        """The rows of the page that is shown."""
        return self.frame.iloc[self._on_page()]

    def views(self) -> list[ipywidgets.DOMWidget]:
        """Make a view of each selected row, of the first 20 where there are more: ``display(*table.views())``."""
        return [self._view(self._pictures.alert(row)) for row in self.selected_rows[:_VIEWS_AT_MOST]]

    def look(self, row: int) -> None:
        """Show a row's alert below the table.

        Parameters
        ----------
        row
            Number of the row in the frame, from 0.
        """
        before, self.detail = self.detail, self._view(self._pictures.alert(row))
        if before is not None:
            before.close()

    def static_html(self) -> str:
        """Write the page that is shown as HTML without scripts."""
        rows = self._on_page()
        pictures = {}
        if self._pictures.known:
            drawn = [self._pictures.of(int(row)) for row in rows]
            pictures = {
                "light curve": [sparkline_svg(one["spark"]) for one in drawn],
                "difference": [_image(one["thumbnail"]) for one in drawn],
            }
        first = self._shown["first"]
        text = f"Alerts {count(first)} to {count(first + len(rows) - 1)} of {count(self._shown['found'])}"
        note = f'<p class="sky-note">{escape(text if len(rows) else "No alerts")}</p>'
        return card(note + data_table(self._rows.frame.iloc[rows], pictures))

    @traitlets.validate("selected_rows")
    def _existing(self, proposal: Any) -> list[int]:
        rows = list(dict.fromkeys(proposal["value"]))
        if wrong := [row for row in rows if not 0 <= row < len(self.frame)]:
            raise traitlets.TraitError(f"there is no row {wrong[0]}: the table has {len(self.frame):,}")
        return rows

    @traitlets.validate("sort_by")
    def _column(self, proposal: Any) -> str:
        name = str(proposal["value"])
        if name and name not in self._rows.names:
            raise traitlets.TraitError(
                f"there is no column {name!r}; shown are {', '.join(self._rows.names)}"
            )
        return name

    def _found(self) -> NDArray[np.intp]:
        return self._rows.found(self.search, self.sort_by, self.descending)

    def _on_page(self) -> NDArray[np.intp]:
        begin = self._shown["first"] - 1
        return self._found()[begin : begin + self.page_size]

    def _from_the_start(self, change: Any) -> None:
        if self.page == 1:
            self._show(change)
        else:
            self.page = 1

    def _show(self, _change: Any = None) -> None:
        found = self._found()
        pages = max(1, -(-len(found) // self.page_size))
        page = min(max(self.page, 1), pages)
        if page != self.page:
            self.page = page
        first = (page - 1) * self.page_size
        rows = found[first : first + self.page_size]
        cells = self._rows.texts(rows)
        self._shown = {
            "rows": [{"row": int(row), "cells": texts} for row, texts in zip(rows, cells, strict=True)],
            "first": first + 1,
            "found": len(found),
            "total": len(self.frame),
            "pages": pages,
        }

    def _answer(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Do what a browser asks for: pictures of a row, a view of it, or the selection of all rows found."""
        if "ask" in content:
            row = int(content["ask"])
            self.send({"row": row, **self._pictures.of(row)})
        elif "open" in content:
            try:
                self.look(int(content["open"]))
            except Exception as error:  # the packet may be gone, and a cell's output is not where to say it
                self.send({"said": f"This alert cannot be shown: {error}"})
        elif content.get("select") == "found":
            self.selected_rows = self._found().tolist()


def _image(address: str) -> str:
    return f'<img alt="difference cutout" width="48" height="48" src="{escape(address)}">' if address else ""
