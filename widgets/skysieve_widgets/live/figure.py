"""The live view as a figure: what a saved or exported notebook shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, safe for the common kinds of colour blindness; the second line is dashed
_LINES: tuple[tuple[str, tuple[tuple[int, str, float], ...]], ...] = (
    ("Alerts per second", ((1, "in", 1), (2, "out", 1))),
    ("Pass rate (%)", ((3, "pass rate", 100),)),
    ("Latency (s)", ((4, "median", 1), (5, "99 %", 1))),
)
_STYLES: tuple[tuple[str, Any], ...] = (("#0072B2", "-"), ("#D55E00", "--"))
_LISTED = 6


def live_figure(
    title: str,
    looks: Sequence[Sequence[float | None]],
    matches: Sequence[Mapping[str, Any]],
    problem: str = "",
) -> Figure:
    """Draw what a live view has seen.

    Parameters
    ----------
    title
        What stands above.
    looks, matches
        As the view keeps them.
    problem
        What keeps it from looking, if anything does.
    """
    from skysieve_widgets.figures import Picture

    listed = [_line(one) for one in matches[:_LISTED]]
    below = 0.35 + 0.2 * len(listed) if listed else 0.0
    figure = Picture(figsize=(9, 2.6 + below))
    figure.text(0.01, 0.985, _plain(title), va="top", weight="bold")
    if problem:
        figure.text(
            0.99, 0.985, _plain(problem[:90]), va="top", ha="right", color="#B00020", fontsize="small"
        )
    height = 2.6 + below
    grid = figure.add_gridspec(
        1, 3, left=0.06, right=0.99, wspace=0.28, bottom=(below + 0.5) / height, top=0.83
    )
    table = np.array([[np.nan if v is None else v for v in look] for look in looks], dtype=float)
    for place, (label, lines) in enumerate(_LINES):
        _draw(figure.add_subplot(grid[0, place]), table, label, lines)
    for i, text in enumerate(listed):
        at = (below - 0.2 - 0.2 * i) / height
        figure.text(0.01, at, _plain(text), fontsize="x-small", family="monospace")
    return figure


def _draw(ax: Axes, table: Any, label: str, lines: Sequence[tuple[int, str, float]]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    ax.set_title(label, fontsize="small", loc="left")
    ax.tick_params(labelsize="x-small", direction="in")
    ax.spines[["top", "right"]].set_visible(False)
    if not len(table):
        ax.text(0.5, 0.5, "nothing seen yet", transform=ax.transAxes, ha="center")
        return
    times = np.array([datetime.fromtimestamp(second, UTC) for second in table[:, 0]])
    for (column, name, scale), (colour, dashes) in zip(lines, _STYLES, strict=False):
        ax.plot(times, scale * table[:, column], dashes, color=colour, label=name, marker=".", ms=3, lw=1.2)
    ax.set_ylim(bottom=0)
    if len(table) > 1:
        locator: Any = AutoDateLocator(maxticks=4)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        ax.xaxis.get_offset_text().set_fontsize("x-small")
    else:
        ax.set_xticks([times[0]], [f"{times[0]:%H:%M:%S}"])
    if len(lines) > 1:
        ax.legend(fontsize="x-small", frameon=False, loc="best")


def _line(one: Mapping[str, Any]) -> str:
    if one["problem"]:
        return f"{one['time']}  {one['problem']}"
    place = "" if one["ra"] is None or one["dec"] is None else f"{one['ra']:10.5f} {one['dec']:+10.5f}"
    fainter = "" if one["positive"] else "  (fainter than in the template)"
    light = "" if one["magnitude"] is None else f"{one['band']} = {one['magnitude']:.2f}{fainter}"
    return f"{one['time']}  {one['id']}  {place}  {light}"


def _plain(text: str) -> str:
    """Keep a name from being read as mathematics."""
    return text.replace("$", r"\$")
