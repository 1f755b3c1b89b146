"""A preview as a figure: waterfall, sky and magnitudes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skysieve_widgets.markup import count
from skysieve_widgets.preview import PreviewLike, headline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, safe for the common kinds of colour blindness
_PASSED, _ALONE = "#0072B2", "#E69F00"
_READ = "#BBBBBB"
_JD = 2400000.5
_CUT_LENGTH = 34


def preview_figure(preview: PreviewLike, points: pd.DataFrame) -> Figure:
    """Draw what a filter does.

    Parameters
    ----------
    preview
        The preview.
    points
        One row per decoded alert: ``passes``, and where they are known ``ra`` and ``dec`` (degrees, ICRS), ``time``
        (MJD or JD) and ``magnitude`` (AB).

    Returns
    -------
    matplotlib.figure.Figure
        The waterfall of the cuts; the sky in Mollweide's projection (equal areas), right ascension increasing to the
        left; magnitude against time. What is not known is left out.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> cuts = pd.DataFrame({"cut": ["snr > 5"], "alone": [1], "left": [1], "only_this": [1], "null": [0]})
    >>> some = SimpleNamespace(
    ...     name="bright", read=2, rejected=0, passed=1, pass_rate=0.5, interval=(0.1, 0.9), cuts=cuts
    ... )
    >>> figure = preview_figure(some, pd.DataFrame({"passes": [True, False], "ra": [1.0, 2.0], "dec": [3.0, 4.0]}))
    >>> [ax.name for ax in figure.axes]
    ['rectilinear', 'mollweide']
    """
    from skysieve_widgets.figures import Picture

    has_sky = bool({"ra", "dec"} <= set(points) and points[["ra", "dec"]].notna().all(axis=1).any())
    has_light = bool(
        {"time", "magnitude"} <= set(points) and points[["time", "magnitude"]].notna().all(axis=1).any()
    )
    bars = 0.9 + 0.32 * (len(preview.cuts) + 1)
    below = 3.4 if has_sky or has_light else 0.0
    figure = Picture(figsize=(10, bars + below + 0.4), layout="constrained")
    figure.suptitle(_plain(f"{preview.name}: {headline(preview)}"), fontsize="medium", x=0.01, ha="left")
    # each part with a layout of its own: the long names of cuts shall not narrow what is below them
    heights = [bars, below] if below else [bars]
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _waterfall(parts[0].subplots(), preview)
    if below:
        grid = parts[1].add_gridspec(1, 2, width_ratios=[1.25, 1])
        if has_sky:
            _sky(parts[1].add_subplot(grid[0, 0] if has_light else grid[:], projection="mollweide"), points)
        if has_light:
            _light(parts[1].add_subplot(grid[0, 1] if has_sky else grid[:]), points)
    return figure


def _waterfall(ax: Axes, preview: PreviewLike) -> None:
    decoded = preview.read - preview.rejected
    left = [decoded, *(int(n) for n in preview.cuts["left"])]
    alone = [0, *(int(n) for n in preview.cuts["only_this"])]
    names = ["alerts read", *(_short(text) for text in preview.cuts["cut"])]
    rows = np.arange(len(names))
    ax.barh(rows, left, color=[_READ] + [_PASSED] * (len(names) - 1), height=0.62)
    ax.barh(rows, alone, left=left, color=_ALONE, height=0.62, label="removed by this cut alone")
    for row, (n, only) in enumerate(zip(left, alone, strict=True)):
        text = f"{count(n)} left" + (f", {count(only)} by it alone" if only else "") if row else count(n)
        ax.annotate(
            text, (n + only, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize="small"
        )
    ax.set_yticks(rows, names, fontsize="small", family="monospace")
    ax.invert_yaxis()
    ax.set_xlim(0, max(decoded, 1) * 1.25)
    ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= max(decoded, 1)])
    ax.tick_params(axis="x", labelsize="small")
    ax.set_xlabel("Alerts left after the cut and all above it", fontsize="small")
    ax.spines[["top", "right"]].set_visible(False)
    if any(alone):
        ax.legend(fontsize="small", frameon=False, loc="lower right", bbox_to_anchor=(1.0, 0.97))


def _sky(ax: Any, points: pd.DataFrame) -> None:
    from matplotlib.patheffects import withStroke

    ax.grid(True, lw=0.4, color="#cccccc", alpha=0.7)
    ax.set_axisbelow(False)  # the degrees are written inside the map, where alerts would hide them
    for look, some in _layers(points.dropna(subset=["ra", "dec"])):
        east = np.radians((some["ra"].to_numpy() + 180) % 360 - 180)
        ax.scatter(-east, np.radians(some["dec"].to_numpy()), **look)
    at = np.arange(-120, 121, 60)
    ax.set_xticks(np.radians(at), [f"{-a % 360}°" for a in at], fontsize="x-small")
    ax.set_yticks(np.radians([-60, -30, 0, 30, 60]), ["−60°", "−30°", "0°", "30°", "60°"], fontsize="x-small")
    for label in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])
    ax.set_title("Right ascension (to the left), declination", fontsize="small")


def _light(ax: Axes, points: pd.DataFrame) -> None:
    known = points.dropna(subset=["time", "magnitude"])
    known = known.assign(time=known["time"].where(known["time"] < _JD, known["time"] - _JD))
    for look, some in _layers(known):
        ax.scatter(some["time"], some["magnitude"], **look)
    ax.invert_yaxis()
    ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    ax.locator_params(axis="x", nbins=5)
    ax.tick_params(labelsize="small", direction="in", top=True, right=True)
    ax.set_xlabel("MJD", fontsize="small")
    ax.set_ylabel("Difference magnitude (AB)", fontsize="small")
    if without := len(points) - len(known):
        ax.set_title(f"{count(without)} without a magnitude", fontsize="small", loc="left")
    ax.legend(
        fontsize="small",
        frameon=False,
        markerscale=1.6,
        ncols=2,
        loc="lower right",
        bbox_to_anchor=(1.02, 0.98),
        columnspacing=0.8,
        handletextpad=0.1,
    )


def _layers(points: pd.DataFrame) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """What was read below, what passed above and smaller: a field holds many alerts in one place."""
    passes = points["passes"].astype(bool)
    common: dict[str, Any] = {"linewidths": 0, "rasterized": True}
    return [
        ({"color": _READ, "s": 16, "label": "does not pass", **common}, points[~passes]),
        ({"color": _PASSED, "s": 5, "label": "passes", **common}, points[passes]),
    ]


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return _plain(one_line if len(one_line) <= _CUT_LENGTH else one_line[: _CUT_LENGTH - 1] + "…")


def _plain(text: str) -> str:
    """Keep a name from being read as mathematics."""
    return text.replace("$", r"\$")
