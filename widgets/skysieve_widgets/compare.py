"""Two filters side by side: the alerts that a change gains, loses and keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd
import traitlets

from skysieve_widgets.diff import DiffLike, circumstances, counts_text, names_text
from skysieve_widgets.drawn import Drawn, source
from skysieve_widgets.markup import card, cell, count, data_table, escape
from skysieve_widgets.preview import ROWS_SHOWN, shown_of
from skysieve_widgets.sky.positions import id_column, texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from skysieve_widgets.sky_map import SkyMap

GROUPS = ("gained", "lost", "kept")
ROWS = 1000
"""Rows of a group that the browser gets, so that its memory stays bounded; all are in the difference."""

_SIDES = {"old": "before", "new": "after", "both": "both"}


class Comparable(DiffLike, Protocol):
    """What is shown of a difference side by side."""

    @property
    def kept(self) -> pd.DataFrame:
        """The alerts that both filters pass."""


class Compare(Drawn):
    """What a change of a filter gains, loses and keeps, side by side.

    Both filters' cuts, where the alerts of each group are on the sky, their magnitudes and scores, and a table of each
    group in which rows can be selected.

    Parameters
    ----------
    diff
        The result of ``sky.diff(f_old, f_new)``.

    Attributes
    ----------
    shown : str
        The group in the table: ``"gained"``, ``"lost"`` or ``"kept"``; can be set.
    selected : list of str
        Ids of the selected alerts, as exact text; can be set.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rows = pd.DataFrame({"candid": [170094456248729605], "candidate.ra": [1.0], "candidate.dec": [2.0]})
    >>> old, new = (SimpleNamespace(name="bright", where=f"snr > {limit}") for limit in (20, 10))
    >>> counts = {"gained": 1, "lost": 0, "kept": 0, "neither": 4}
    >>> diff = SimpleNamespace(old=old, new=new, stream="lsst-alerts", read=5, rejected=0, counts=counts,
    ...                        gained=rows, lost=rows.head(0), kept=rows.head(0))
    >>> Compare(diff)
    <Compare bright: 1 gained, 0 lost, 0 kept>
    """

    _esm = source("elements.js", "compare.js")
    _css = source("compare.css")

    shown = traitlets.Enum(GROUPS, "gained").tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)
    _note = traitlets.Unicode().tag(sync=True)
    _cuts = traitlets.List(traitlets.Dict()).tag(sync=True)
    _groups = traitlets.Dict().tag(sync=True)
    _picture = traitlets.Bytes().tag(sync=True)

    def __init__(self, diff: Comparable, **how: Any) -> None:
        if not all(hasattr(diff, group) for group in GROUPS):
            raise TypeError(
                f"Compare takes the result of sky.diff(f_old, f_new), not {type(diff).__name__}: "
                "which alerts two filters pass is known only once they were applied"
            )
        self.diff = diff
        super().__init__(
            _title=f"{names_text(diff)}: {counts_text(diff)}",
            _note=circumstances(diff),
            _cuts=compared_cuts(diff),
            _groups={group: _told(diff, group) for group in GROUPS},
            **how,
        )
        self._picture = self._png()

    def __repr__(self) -> str:
        return f"<Compare {self._title}>"

    def __str__(self) -> str:
        return f"Comparison of two filters, {self._title}: sky, magnitudes and scores"

    def sky(self) -> SkyMap:
        """The three groups on a live map of the sky."""
        from skysieve_widgets.sky_map import SkyMap

        return SkyMap(self.diff)

    def figure(self) -> Figure:
        """Draw where the groups are on the sky, their magnitudes and scores."""
        from skysieve_widgets.compare_plot import compare_figure

        return compare_figure(self.diff)

    def static_html(self) -> str:
        """Write everything as HTML without scripts: all three groups, the first rows of each."""
        rows = "".join(
            f'<tr><td class="sky-l">{_SIDES[cut["in"]]}</td><td class="sky-code sky-l">{escape(cut["text"])}</td></tr>'
            for cut in self._cuts
        )
        parts = [
            f'<p class="sky-head"><b>{escape(self._title)}</b></p>',
            f'<p class="sky-note">{escape(self._note)}</p>',
            f'<table class="sky-table"><thead><tr><th class="sky-l">cut</th><th></th></tr></thead>'
            f"<tbody>{rows}</tbody></table>",
            super().static_html().replace("<img ", '<img class="sky-figure" ', 1),
        ]
        for group in GROUPS:
            alerts = getattr(self.diff, group)
            if len(alerts):
                some = f", the first {ROWS_SHOWN}" if len(alerts) > ROWS_SHOWN else ""
                parts.append(f'<p class="sky-note">{group.capitalize()}: {count(len(alerts))}{some}</p>')
                parts.append(data_table(alerts.head(ROWS_SHOWN)[_columns(self.diff, alerts)]))
        return card("".join(parts))

    @traitlets.validate("selected")
    def _valid_selected(self, proposal: Any) -> list[str]:
        known = {one for group in GROUPS for one in _ids(getattr(self.diff, group))}
        for one in proposal["value"]:
            if one not in known:
                raise traitlets.TraitError(f"neither filter passes an alert {one!r}")
        return list(proposal["value"])


def compared_cuts(diff: DiffLike) -> list[dict[str, str]]:
    """The cuts of both filters, and in which of them each is.

    Parameters
    ----------
    diff
        The result of ``sky.diff``.

    Returns
    -------
    list of dict
        ``text`` and ``in``: ``"both"``, then ``"old"``, then ``"new"``. A filter that does not tell its cuts is one.
    """
    old, new = _cuts_of(diff.old), _cuts_of(diff.new)
    sides = (
        ("both", [text for text in old if text in new]),
        ("old", [text for text in old if text not in new]),
        ("new", [text for text in new if text not in old]),
    )
    return [{"text": text, "in": side} for side, found in sides for text in found]


def _cuts_of(spec: Any) -> list[str]:
    cuts: Sequence[Any] = getattr(spec, "cuts", ())
    return [str(cut.text) for cut in cuts] or [str(spec.where)]


def _columns(diff: DiffLike, alerts: pd.DataFrame) -> list[str]:
    return list(shown_of(alerts, f"{diff.old.where} {diff.new.where}"))


def _ids(alerts: pd.DataFrame) -> list[str]:
    name = id_column([str(one) for one in alerts])
    return [str(row) for row in range(len(alerts))] if name is None else texts(alerts[name])


def _told(diff: DiffLike, group: str) -> dict[str, Any]:
    """A group as text, column by column, so that no id becomes a number on its way."""
    alerts = getattr(diff, group)
    some = alerts.head(ROWS)
    names = _columns(diff, alerts)
    columns = [[cell(value) for value in some[name]] for name in names]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return {"count": len(alerts), "columns": names, "rows": rows, "ids": _ids(some)}
