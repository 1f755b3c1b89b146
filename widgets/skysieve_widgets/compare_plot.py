"""Two filters compared as a figure: sky, magnitudes and scores of what is gained, lost and kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skysieve_widgets.markup import count
from skysieve_widgets.sky.drawing import draw_sky
from skysieve_widgets.sky.projection import Floats
from skysieve_widgets.sky.sources import GROUP_COLOURS, layers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAGNITUDE = re.compile(r"(^|\.)(mag|magpsf)$")
_SCORE = re.compile(r"(^|\.)(reliability|drb|rb)$")
_BINS = 24
_DASHES: dict[str, Any] = {"kept": ":", "lost": (0, (4, 2)), "gained": "-"}


def compare_figure(diff: Any) -> Figure:
    """Draw the groups of a difference.

    Parameters
    ----------
    diff
        The result of ``sky.diff``.

    Returns
    -------
    matplotlib.figure.Figure
        Positions on the sky, and histograms of the magnitude and of the real/bogus score where the alerts have them.
    """
    from skysieve_widgets.figures import Picture

    groups = {name: getattr(diff, name) for name in GROUP_COLOURS}
    try:
        layers = [layer for layer in layers_of(diff) if layer.name in groups]
    except ValueError:  # no position among the columns; the rest is still worth a look
        layers = []
    histograms = [one for one in (_histogram(groups, _MAGNITUDE), _histogram(groups, _SCORE)) if one]
    figure = Picture(figsize=(10, 3.6), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=[1.9, 1])
    sky = parts[0].subplots()
    if layers:
        draw_sky(sky, layers)
    else:
        sky.set_axis_off()
        sky.text(0.5, 0.5, "no positions among the columns", ha="center", transform=sky.transAxes)
    axes = parts[1].subplots(max(len(histograms), 1), 1, squeeze=False)[:, 0]
    for ax, (name, values) in zip(axes, histograms, strict=False):
        _draw(ax, name, values)
    if not histograms:
        axes[0].set_axis_off()
        axes[0].text(0.5, 0.5, "neither magnitude nor score\namong the columns", ha="center", va="center")
    return figure


def _histogram(
    groups: dict[str, pd.DataFrame], wanted: re.Pattern[str]
) -> tuple[str, dict[str, Floats]] | None:
    """Values by group of the first column of that name; None where there is none."""
    name = next((n for alerts in groups.values() for n in map(str, alerts) if wanted.search(n)), None)
    if name is None:
        return None
    values = {
        group: pd.to_numeric(alerts[name], errors="coerce").dropna().to_numpy(dtype=float)
        for group, alerts in groups.items()
        if name in alerts
    }
    return name, {group: some[np.isfinite(some)] for group, some in values.items()}


def _draw(ax: Axes, name: str, values: dict[str, Floats]) -> None:
    together = np.concatenate(list(values.values()))
    edges = np.histogram_bin_edges(together, _BINS) if len(together) else np.array([0.0, 1.0])
    for group, some in values.items():
        drawn, _ = np.histogram(some, edges)
        ax.stairs(
            drawn,
            edges,
            color=GROUP_COLOURS[group],
            ls=_DASHES[group],
            lw=1.5,
            fill=False,
            label=f"{group}: {count(len(some))}",
        )
    ax.set_xlabel(name.replace("$", r"\$"), fontsize="small")
    ax.set_ylabel("alerts", fontsize="small")
    ax.tick_params(labelsize="small", direction="in")
    ax.spines[["top", "right"]].set_visible(False)
    ax.locator_params(axis="y", integer=True, nbins=4)
    ax.legend(fontsize="x-small", frameon=False)
