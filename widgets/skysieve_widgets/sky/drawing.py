"""A sky map on paper, with matplotlib."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skysieve_widgets.sky.layers import Layer
from skysieve_widgets.sky.projection import (
    Floats,
    ecliptic,
    galactic_plane,
    project,
    split_at_seam,
    unproject,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito's palette, safe for the common kinds of colour blindness; their yellow is too faint on white. Layers
# differ by marker as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#777777"
MARKERS = ("o", "s", "^", "D")
GALACTIC, ECLIPTIC = "#333333", "#8A6A00"

_GRID = "#c8c8c8"
_INK = "#333333"
_PIXELS = 900
_DECLINATIONS = (-60, -30, 0, 30, 60)
_RING: dict[str, Any] = {"marker": "o", "ms": 11, "mfc": "none", "mec": "black", "mew": 1.3, "ls": "none"}


def draw_sky(
    ax: Axes,
    layers: Sequence[Layer],
    centre: float = 0.0,
    galactic: bool = True,
    with_ecliptic: bool = True,
    selected: Collection[str] = (),
    legend: bool = True,
) -> None:
    """Draw layers on the whole sky.

    Parameters
    ----------
    ax
        Where to draw; its axes are taken away.
    layers
        From the lowest to the uppermost.
    centre
        Right ascension in the middle, in degrees.
    galactic, with_ecliptic
        Whether to draw the galactic plane and the ecliptic.
    selected
        Ids of alerts to ring.
    legend
        Whether to write what is what below the map.
    """
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.set_xlim(-2.03, 2.03)
    ax.set_ylim(-1.02, 1.02)
    edge = _edge(ax)
    for layer in layers:
        _fill(ax, layer, centre, edge)
    _graticule(ax, centre)
    circles = ((galactic, galactic_plane, GALACTIC, "-"), (with_ecliptic, ecliptic, ECLIPTIC, (0, (5, 3))))
    for shown, line, colour, dashes in circles:
        if shown:
            _lines(ax, [line()], centre, color=colour, lw=1.1, ls=dashes, zorder=2.5)
    for number, layer in enumerate(layers):
        _lines(ax, layer.lines, centre, color=layer.colour, lw=1.0, zorder=2.7)
        _points(ax, layer, MARKERS[number % len(MARKERS)], centre, selected)
    if legend:
        _legend(ax, layers, galactic, with_ecliptic)


def _edge(ax: Axes) -> Any:
    from matplotlib.patches import Ellipse

    edge = Ellipse((0, 0), 4, 2, fc="white", ec=_INK, lw=1.0, zorder=0)
    ax.add_patch(edge)
    rim = Ellipse((0, 0), 4, 2, fc="none", ec=_INK, lw=1.0, zorder=5)
    ax.add_patch(rim)
    return rim


def _fill(ax: Axes, layer: Layer, centre: float, edge: Any) -> None:
    from matplotlib.colors import to_rgb

    x, y = np.meshgrid(_middles(-2, 2, _PIXELS), _middles(1, -1, _PIXELS // 2))
    values = layer.values(*unproject(x, y, centre))
    if values is None:
        return
    image = np.empty((*values.shape, 4))
    image[..., :3] = to_rgb(layer.colour)
    image[..., 3] = layer.strength(values) * (0.85 if layer.kind == "density" else 1.0)
    shown = ax.imshow(image, extent=(-2, 2, -1, 1), interpolation="nearest", zorder=1)
    shown.set_clip_path(edge)
    ax.set_xlim(-2.03, 2.03)
    ax.set_ylim(-1.02, 1.02)


def _middles(start: float, stop: float, count: int) -> Floats:
    steps = (np.arange(count) + 0.5) / count
    return start + (stop - start) * steps


def _graticule(ax: Axes, centre: float) -> None:
    across = np.linspace(-179.999, 179.999, 181) + centre
    for dec in _DECLINATIONS:
        _lines(
            ax,
            [np.stack([across, np.full(181, float(dec))], axis=-1)],
            centre,
            color=_GRID,
            lw=0.5,
            zorder=1.5,
        )
    down = np.linspace(-90, 90, 91)
    for ra in range(0, 360, 60):
        if abs((ra - centre + 180) % 360) > 1e-6:
            _lines(
                ax,
                [np.stack([np.full(91, float(ra)), down], axis=-1)],
                centre,
                color=_GRID,
                lw=0.5,
                zorder=1.5,
            )
    for ra in range(0, 360, 60):
        if 10 < (ra - centre + 180) % 360 < 350:
            _label(ax, project(np.array([ra]), np.array([0.0]), centre)[0], f"{ra}°", "center", "bottom")
    for dec in (-60, -30, 30, 60):
        x, y = project(np.array([centre + 180.0]), np.array([float(dec)]), centre)[0]
        text = f"{dec:+d}°".replace("-", "−")
        ax.annotate(
            text,
            (x, y),
            xytext=(-3, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize="x-small",
            color=_INK,
        )


def _label(ax: Axes, at: Iterable[float], text: str, ha: str, va: str) -> None:
    from matplotlib.patheffects import withStroke

    x, y = at
    halo = [withStroke(linewidth=2, foreground="white")]
    ax.text(x, y, text, ha=ha, va=va, fontsize="x-small", color=_INK, zorder=4, path_effects=halo)


def _lines(ax: Axes, lines: Iterable[Floats], centre: float, **how: Any) -> None:
    from matplotlib.collections import LineCollection

    parts = [
        part
        for line in lines
        for part in split_at_seam(project(line[:, 0], line[:, 1], centre))
        if len(part) > 1
    ]
    if parts:
        colour, width, style = how.pop("color"), how.pop("lw"), how.pop("ls", "-")
        ax.add_collection(
            LineCollection(parts, colors=colour, linewidths=width, linestyles=[style], **how), autolim=False
        )


def _points(ax: Axes, layer: Layer, marker: str, centre: float, selected: Collection[str]) -> None:
    at = layer.positions
    if at is None:
        return
    places = project(at.ra, at.dec, centre)
    many = len(at) > 500
    ax.plot(
        places[:, 0],
        places[:, 1],
        marker=marker,
        ls="none",
        color=layer.colour,
        ms=2.5 if many else 5,
        mec="white",
        mew=0.0 if many else 0.5,
        zorder=3,
    )
    ringed = np.array([one in selected for one in at.ids], dtype=bool)
    if ringed.any():
        ax.plot(places[ringed, 0], places[ringed, 1], zorder=4, **_RING)


def _legend(ax: Axes, layers: Sequence[Layer], galactic: bool, with_ecliptic: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    for number, layer in enumerate(layers):
        label = _plain(layer.label)
        if layer.positions is not None:
            marker = MARKERS[number % len(MARKERS)]
            handles.append(Line2D([], [], color=layer.colour, marker=marker, ms=5, ls="none", label=label))
        else:
            handles.append(Patch(fc=layer.colour, ec=layer.colour, alpha=0.6, label=label))
    if galactic:
        handles.append(Line2D([], [], color=GALACTIC, lw=1.1, label="galactic plane"))
    if with_ecliptic:
        handles.append(Line2D([], [], color=ECLIPTIC, lw=1.1, ls=(0, (5, 3)), label="ecliptic"))
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=2 if len(handles) > 1 else 1,
            frameon=False,
            fontsize="small",
        )


def _plain(text: str) -> str:
    """Keep a name from being read as mathematics, or as hidden from the legend."""
    return text.replace("$", r"\$").lstrip("_")
