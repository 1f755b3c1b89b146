"""How the pixels of a cutout become shades and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skysieve_widgets.fits_cutout import Cutout, pixels_to_sky
from skysieve_widgets.surveys import Alert, as_alert, survey_of

STRETCHES = ("asinh", "linear", "log", "zscale")
"""How brightness becomes shade; ``zscale`` is linear between the limits that IRAF's ZScale finds."""

COLOUR_MAPS = ("gray", "gray_r", "cividis", "viridis", "magma")
"""Of science and template: even in lightness, so that they are read with any colour vision."""

_BLANK = "#b7a57a"
_BRIGHTEST_PERCENTILE = 99.9
_SOFTENING = 0.03  # of the range: where asinh turns from linear to logarithmic
_LOG_SCALE = 300
_OFF_THE_IMAGE = (0, 0, 0, 0)


def shades(name: str, cutout: Cutout, stretch: str = "asinh", colour_map: str = "gray") -> tuple[Any, Any]:
    """Choose how a cutout is shown.

    Parameters
    ----------
    name
        ``"Science"``, ``"Template"`` or ``"Difference"``; the last is symmetric about zero, from blue to red.
    cutout
        The cutout; its brightest thousandth of the pixels is saturated.
    stretch, colour_map
        One of :data:`STRETCHES`, one of :data:`COLOUR_MAPS`.

    Returns
    -------
    tuple
        A norm and a colour map of matplotlib.

    Raises
    ------
    ValueError
        If there is no such stretch or colour map.

    Examples
    --------
    >>> norm, colours = shades("Difference", Cutout(np.array([[-2.0, 2.0]], dtype="float32")), "linear")
    >>> (norm.vmin, norm.vmax), colours.name
    ((-2.0, 2.0), 'RdBu_r')
    """
    import matplotlib

    for value, known in ((stretch, STRETCHES), (colour_map, COLOUR_MAPS)):
        if value not in known:
            raise ValueError(f"{value!r} is none of {', '.join(known)}")
    finite = cutout.data[np.isfinite(cutout.data)]
    if name == "Difference":
        norm, colours = _about_zero(finite, stretch), matplotlib.colormaps["RdBu_r"]
    else:
        norm, colours = _above_the_sky(finite, stretch), matplotlib.colormaps[colour_map]
    return norm, colours.with_extremes(bad=_BLANK)


def thumbnail(alert: Alert, name: str = "Difference", side: int = 48) -> bytes | None:
    """Make a small picture of a cutout, north up and east to the left.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.
    name
        Which of its cutouts.
    side
        Width and height in pixels.

    Returns
    -------
    bytes or None
        A PNG; None where the packet has no such cutout, or one without a number in it.

    Examples
    --------
    >>> thumbnail({"diaSource": {"ra": 54.15, "dec": -27.46}, "cutoutDifference": None}) is None
    True
    """
    import io

    from matplotlib.image import imsave

    alert = as_alert(alert)
    survey = survey_of(alert)
    cutout, summary = survey.cutout(alert, name), survey.summary(alert)
    if not isinstance(cutout, Cutout) or not np.isfinite(cutout.data).any():
        return None
    matrix = pixels_to_sky(cutout, summary.ra, summary.dec) if summary.has_position else None
    rows, columns = _places(cutout.data.shape, matrix, side)
    ny, nx = cutout.data.shape
    inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    pixels = cutout.data[rows.clip(0, ny - 1), columns.clip(0, nx - 1)]
    norm, colours = shades(name, cutout)
    image = colours(norm(np.ma.masked_invalid(pixels)), bytes=True)
    image[~inside] = _OFF_THE_IMAGE
    written = io.BytesIO()
    imsave(written, image, format="png")
    return written.getvalue()


def _places(
    shape: tuple[int, ...], matrix: NDArray[np.float64] | None, side: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the pixel (row, column) that each point of a square picture shows; its first row is the northernmost."""
    ny, nx = shape
    across = (np.arange(side) + 0.5) / side - 0.5
    right, up = np.meshgrid(across, -across)
    if matrix is None:
        x, y = right * nx + (nx - 1) / 2, up * ny + (ny - 1) / 2
    else:
        size = np.sqrt(abs(np.linalg.det(matrix[:, :2]))) * max(nx, ny)
        sky = np.stack([-right * size, up * size]) - matrix[:, 2, None, None]
        x, y = np.tensordot(np.linalg.inv(matrix[:, :2]), sky, axes=1)
    return np.rint(y).astype(np.intp), np.rint(x).astype(np.intp)


def _about_zero(finite: NDArray[np.float32], stretch: str) -> Any:
    from matplotlib.colors import AsinhNorm, Normalize, SymLogNorm

    limit = float(np.percentile(np.abs(finite), _BRIGHTEST_PERCENTILE)) or 1.0
    if stretch == "asinh":
        return AsinhNorm(linear_width=limit / 5, vmin=-limit, vmax=limit)
    if stretch == "log":
        return SymLogNorm(linthresh=limit / 100, vmin=-limit, vmax=limit)
    if stretch == "zscale":
        limit = max(abs(end) for end in _zscale(finite)) or limit
    return Normalize(-limit, limit)


def _above_the_sky(finite: NDArray[np.float32], stretch: str) -> Any:
    """Stretch from the sky, as ZScale finds it, to nearly the brightest pixel."""
    from astropy.visualization import AsinhStretch, ImageNormalize, LinearStretch, LogStretch

    low, high = _zscale(finite)
    if stretch != "zscale":
        high = max(high, float(np.percentile(finite, _BRIGHTEST_PERCENTILE)))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    how = {"asinh": AsinhStretch(_SOFTENING), "log": LogStretch(_LOG_SCALE)}.get(stretch, LinearStretch())
    return ImageNormalize(vmin=low, vmax=high, stretch=how, clip=False)


def _zscale(finite: NDArray[np.float32]) -> tuple[float, float]:
    from astropy.visualization import ZScaleInterval

    low, high = ZScaleInterval().get_limits(finite)
    return float(low), float(high)
