"""The cutouts of an alert, side by side, north up and east to the left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from skysieve_widgets.fits_cutout import Cutout, NoCutout, pixels_to_sky
from skysieve_widgets.shades import shades
from skysieve_widgets.surveys import Alert, as_alert, survey_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("Science", "Template", "Difference")

_BACKGROUND = "#e8e8e8"
_INK = "#111111"
_SCALE_BARS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)


def read_cutouts(alert: Alert) -> dict[str, Cutout | NoCutout]:
    """Read the three cutouts of an alert.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.

    Returns
    -------
    dict
        ``Science``, ``Template`` and ``Difference``: a cutout, or the reason why there is none.
    """
    alert = as_alert(alert)
    survey = survey_of(alert)
    return {name: survey.cutout(alert, name) for name in NAMES}


def draw_cutouts(
    axes: Sequence[Axes], alert: Alert, stretch: str = "asinh", colour_map: str = "gray"
) -> None:
    """Draw science, template and difference cutouts.

    The pixels are drawn turned, not resampled onto another grid: each axes is the plane tangent to the
    sky at the alert, in arcsec, north up and east to the left. A cutout without a WCS is drawn as it is
    stored, and says so.

    Parameters
    ----------
    axes
        Three axes.
    alert
        A decoded alert packet of any registered survey.
    stretch
        One of :data:`~skysieve_widgets.shades.STRETCHES`; that of the difference is symmetric about zero.
    colour_map
        One of :data:`~skysieve_widgets.shades.COLOUR_MAPS`; the difference is always blue below zero and red above.
    """
    alert = as_alert(alert)
    summary = survey_of(alert).summary(alert)
    cutouts = read_cutouts(alert)
    maps = {
        name: pixels_to_sky(cutout, summary.ra, summary.dec)
        for name, cutout in cutouts.items()
        if isinstance(cutout, Cutout) and summary.has_position
    }
    half = max((_reach(cutouts[name], m) for name, m in maps.items() if m is not None), default=0.0)
    legend_due = True
    for ax, (name, cutout) in zip(axes, cutouts.items(), strict=True):
        _prepare(ax, name)
        matrix = maps.get(name)
        if isinstance(cutout, NoCutout):
            _say_no_cutout(ax, cutout.reason)
        elif matrix is None:
            _draw_pixels(ax, name, cutout, stretch, colour_map)
            ax.set_xlabel("as stored: no WCS", fontsize="x-small", color=_INK)
        else:
            image = _draw_pixels(ax, name, cutout, stretch, colour_map)
            _turn(ax, image, matrix, half)
            if legend_due:
                _draw_compass(ax, half)
                _draw_scale_bar(ax, half)
                legend_due = False
            if cutout.wcs_from != "packet":
                ax.set_xlabel("WCS assumed: the packet has none", fontsize="x-small", color=_INK)


def _prepare(ax: Axes, name: str) -> None:
    ax.set_title(name, fontsize="medium")
    ax.set_facecolor(_BACKGROUND)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="box")


def _say_no_cutout(ax: Axes, reason: str) -> None:
    import textwrap

    text = "no cutout\n" + textwrap.fill(reason, 28, max_lines=4)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize="small", color=_INK, parse_math=False)


def _draw_pixels(ax: Axes, name: str, cutout: Cutout, stretch: str, colour_map: str) -> Any:
    norm, colours = shades(name, cutout, stretch, colour_map)
    if name == "Difference":
        amount = f"{norm.vmax:,.0f}" if norm.vmax >= 100 else f"{norm.vmax:.3g}"
        _label(ax, 0.97, 0.97, f"±{amount} {cutout.unit}", ha="right", va="top", transform=ax.transAxes)
    return ax.imshow(
        np.ma.masked_invalid(cutout.data), norm=norm, cmap=colours, origin="lower", interpolation="nearest"
    )


def _reach(cutout: Cutout | NoCutout, matrix: NDArray[np.float64]) -> float:
    """Half the side, in arcsec, of the smallest square about the alert that holds the whole cutout."""
    assert isinstance(cutout, Cutout)
    ny, nx = cutout.data.shape
    corners = np.array([[x, y] for x in (-0.5, nx - 0.5) for y in (-0.5, ny - 0.5)])
    return float(np.abs(corners @ matrix[:, :2].T + matrix[:, 2]).max())


def _turn(ax: Axes, image: Any, matrix: NDArray[np.float64], half: float) -> None:
    from matplotlib.transforms import Affine2D

    image.set_transform(Affine2D(np.vstack([matrix, [0.0, 0.0, 1.0]])) + ax.transData)
    ax.set_xlim(half, -half)  # east to the left
    ax.set_ylim(-half, half)
    inner, outer = 0.14 * half, 0.3 * half
    _line(ax, [-inner, -outer], [0, 0], 1.2)
    _line(ax, [0, 0], [inner, outer], 1.2)


def _draw_compass(ax: Axes, half: float) -> None:
    east, north, length = -0.66 * half, -0.88 * half, 0.28 * half
    for d_east, d_north, letter in ((0.0, length, "N"), (length, 0.0, "E")):
        arrow = ax.annotate(
            "",
            xy=(east + d_east, north + d_north),
            xytext=(east, north),
            arrowprops={"arrowstyle": "-|>", "color": _INK, "lw": 1.2, "shrinkA": 0, "shrinkB": 0},
        )
        if arrow.arrow_patch is not None:
            arrow.arrow_patch.set_path_effects(_halo())
        _label(ax, east + 1.35 * d_east, north + 1.35 * d_north, letter, ha="center", va="center")


def _draw_scale_bar(ax: Axes, half: float) -> None:
    length = max((b for b in _SCALE_BARS if b <= 0.6 * half), default=_SCALE_BARS[0])
    left, north = 0.9 * half, -0.88 * half
    _line(ax, [left, left - length], [north, north], 2)
    minutes = length >= 60 and math.isclose(length % 60, 0)
    text = f"{length / 60:g}′" if minutes else f"{length:g}″"
    _label(ax, left - length / 2, north + 0.05 * half, text, ha="center", va="bottom")


def _line(ax: Axes, x: list[float], y: list[float], width: float) -> None:
    ax.plot(x, y, color=_INK, lw=width, solid_capstyle="butt", path_effects=_halo())


def _label(ax: Axes, x: float, y: float, text: str, **how: Any) -> None:
    ax.text(x, y, text, fontsize="small", color=_INK, parse_math=False, path_effects=_halo(), **how)


def _halo() -> list[Any]:
    """Outline in white, so that dark ink is read on any pixels."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=3, foreground="white")]
