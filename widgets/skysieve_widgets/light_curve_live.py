"""A light curve as plain numbers, for what draws it in the browser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skysieve_widgets.light_curve import band_look, band_order, frame_of, light_curve, shown_points
from skysieve_widgets.surveys import Alert, as_alert, survey_of

_MARKERS = {
    "p": "pentagon",
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle",
    "X": "cross",
    "h": "hexagon",
}
_BLACK = "#000000"
_INK = "var(--jp-content-font-color0, #000000)"
_SPARK_POINTS = 60


def live_light_curve(alert: Alert) -> dict[str, Any]:
    """Prepare a light curve for the browser, in fluxes and in magnitudes, so that changing over needs no kernel.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.

    Returns
    -------
    dict
        ``mjd`` (of the alert itself), ``bands`` (name, colour, marker), ``points`` (mjd, band, kind, own), and
        ``flux`` and ``magnitude``: label, frame and note of the axis, and ``y``, ``error`` and ``limit`` of each point.
        What is not known is None, since JSON has no NaN.

    Examples
    --------
    >>> source = {"midpointMjdTai": 61041.2, "band": "i", "psfFlux": 2080.3, "psfFluxErr": 408.5}
    >>> curve = live_light_curve({"diaSource": source})
    >>> curve["points"], round(curve["magnitude"]["y"][0], 3)
    ([[61041.2, 'i', 'detection', True]], 23.105)
    """
    alert = as_alert(alert)
    points = light_curve(alert)
    own_mjd = survey_of(alert).summary(alert).mjd
    own = (points["kind"] == "detection") & (points["mjd"] == own_mjd)
    identity = [points["mjd"], points["band"], points["kind"], own]
    return {
        "mjd": _known(own_mjd),
        "bands": [_band(band) for band in sorted(points["band"].unique(), key=band_order)],
        "points": [list(point) for point in zip(*(column.tolist() for column in identity), strict=True)],
        "flux": _axis(points, in_magnitudes=False),
        "magnitude": _axis(points, in_magnitudes=True),
    }


def sparkline(alert: Alert) -> list[tuple[float, float, str, bool]]:
    """Draw a light curve in so few points that it fits into a row of a table.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.

    Returns
    -------
    list of tuple
        At most 60 points that have a flux, in order of time: place in time (0 to 1), flux (0 to 1, from zero or the
        faintest detection to the brightest), colour of the band, and whether it is a detection.

    Examples
    --------
    >>> source = {"midpointMjdTai": 61041.2, "band": "i", "psfFlux": 2080.3, "psfFluxErr": 408.5}
    >>> sparkline({"diaSource": source})
    [(1.0, 1.0, '#CC79A7', True)]
    """
    points = light_curve(alert)
    points = points[points["flux"].notna()]
    if points.empty:
        return []
    detected = points["kind"] == "detection"
    basis = points.loc[detected if detected.any() else slice(None), "flux"]
    low, high = min(float(basis.min()), 0.0), max(float(basis.max()), 0.0)
    first, last = float(points["mjd"].iloc[0]), float(points["mjd"].iloc[-1])
    x = (points["mjd"] - first) / (last - first) if last > first else points["mjd"] * 0 + 1.0
    y = ((points["flux"] - low) / ((high - low) or 1.0)).clip(0, 1)
    kept = _thinned(detected.to_numpy(dtype=bool))
    colours = [_band(band)["colour"] for band in points["band"].iloc[kept]]
    columns = [column.iloc[kept].tolist() for column in (x.round(4), y.round(4), detected)]
    return list(zip(*columns[:2], colours, columns[2], strict=True))


def _thinned(detected: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Choose the points of a sparkline, in order: detections first, evenly spread where there are too many."""
    found = _spread(np.flatnonzero(detected), _SPARK_POINTS)
    others = _spread(np.flatnonzero(~detected), _SPARK_POINTS - len(found))
    return np.sort(np.concatenate([found, others]))


def _spread(places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    if len(places) <= count:
        return places
    return np.take(places, np.linspace(0, len(places) - 1, count).round().astype(np.intp))


def _axis(points: pd.DataFrame, in_magnitudes: bool) -> dict[str, Any]:
    shown, label = shown_points(points, in_magnitudes)
    frame, note = frame_of(shown, in_magnitudes)
    values = {name: [_known(value) for value in shown[name]] for name in ("y", "error", "limit")}
    return {"label": label, "frame": frame and list(frame), "note": note, **values}


def _band(band: str) -> dict[str, str]:
    colour, marker = band_look(band)
    return {"name": band, "colour": _INK if colour == _BLACK else colour, "marker": _MARKERS[marker]}


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
