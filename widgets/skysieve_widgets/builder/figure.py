"""The form as a figure: what a saved or exported notebook shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from skysieve_widgets.builder.cut import CutRow
from skysieve_widgets.builder.histogram import Histogram
from skysieve_widgets.builder.judge import Effect, Flags, Waterfall
from skysieve_widgets.markup import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, safe for the common kinds of colour blindness
_PASSED, _ALONE, _THRESHOLD = "#0072B2", "#E69F00", "#D55E00"
_ALL = "#BBBBBB"


def builder_figure(
    title: str, rows: Sequence[CutRow], histograms: Sequence[Histogram | None], found: Waterfall
) -> Figure:
    """Draw a row for each cut: how its column's values are spread, and how many alerts it leaves.

    Parameters
    ----------
    title
        What stands above.
    rows, histograms
        The cuts, and the bins of the column of each, where they are known.
    found
        What the cuts do.
    """
    from skysieve_widgets.figures import Picture

    figure = Picture(figsize=(9, 0.7 + 0.95 * max(len(rows), 1)), layout="constrained")
    figure.suptitle(_plain(title), fontsize="medium", x=0.01, ha="left")
    axes = figure.subplots(max(len(rows), 1), 2, width_ratios=[1.4, 1], squeeze=False)
    if not rows:
        for ax in axes[0]:
            ax.set_axis_off()
        axes[0][0].text(0, 0.5, "No cut yet")
    for (left, right), row, bins, effect in zip(axes, rows, histograms, found.effects, strict=False):
        _draw_histogram(left, row, bins, effect.others)
        _draw_bar(right, effect, found.read)
    return figure


def _draw_histogram(ax: Axes, row: CutRow, bins: Histogram | None, others: Flags) -> None:
    ax.set_title(_plain(" ".join(row.sql.split())[:70]), fontsize="small", loc="left", family="monospace")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.set_yticks([])
    ax.tick_params(labelsize="x-small")
    if bins is None:
        ax.set_axis_off()
        return
    edges = (np.geomspace if bins.is_log else np.linspace)(bins.low, bins.high, bins.count + 1)
    for counts, colour in ((bins.counts(), _ALL), (bins.counts(others), _PASSED)):
        ax.stairs(np.sqrt(counts[1:-1]), edges, fill=True, color=colour)
    if bins.labels:
        ax.set_xticks(range(1, bins.count + 1), [_plain(label[:12]) for label in bins.labels])
        return
    if bins.is_log:
        ax.set_xscale("log")
    ax.set_xlim(bins.low, bins.high)
    for value in row.values:
        ax.axvline(float(np.clip(float(value), bins.low, bins.high)), color=_THRESHOLD, lw=1.5)


def _draw_bar(ax: Axes, effect: Effect, read: int) -> None:
    ax.set_axis_off()
    ax.set_xlim(0, max(read, 1))
    ax.set_ylim(-1.3, 1)
    left, only = effect.left or 0, effect.only_this or 0
    ax.barh(0, read, color=_ALL, alpha=0.35, height=0.7)
    ax.barh(0, left, color=_PASSED, height=0.7)
    ax.barh(0, only, left=left, color=_ALONE, height=0.7)
    said = f"{count(effect.left)} left; alone {count(effect.alone)}; only this {count(effect.only_this)}; "
    text = "judged at preview" if effect.left is None else f"{said}null {count(effect.null)}"
    ax.text(0, -0.95, text, fontsize="x-small", va="center")


def _plain(text: str) -> str:
    """Keep a name from being read as mathematics."""
    return text.replace("$", r"\$")
