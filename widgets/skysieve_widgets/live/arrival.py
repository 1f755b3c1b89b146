"""A row of the newest matches, from a decoded alert: its values, a thumbnail, and a few points of its light curve."""

from __future__ import annotations

import io
import math
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from skysieve_widgets.fits_cutout import Cutout, pixels_to_sky
from skysieve_widgets.light_curve import light_curve, magnitudes
from skysieve_widgets.live.snapshot import Arrival
from skysieve_widgets.surveys import Alert, Summary, as_alert, survey_of

_POINTS = 40
_SIDE = 41
"""Pixels of a thumbnail, from the middle of the cutout."""
_STRETCH = (2.0, 99.7)
"""Percentiles that become black and white."""


def arrival(key: str, alert: Alert, time: datetime | None = None) -> Arrival:
    """Make a row of an alert of any registered survey.

    Parameters
    ----------
    key
        What tells this match from all others.
    alert
        A decoded alert packet.
    time
        When the match was written.

    Raises
    ------
    ValueError
        If no registered survey knows the alert's shape.

    Examples
    --------
    >>> source = {"diaSourceId": 170094456248729605, "midpointMjdTai": 61041.2, "band": "i", "psfFlux": 2080.3}
    >>> row = arrival("a", {"diaSource": {**source, "ra": 54.15, "dec": -27.46, "psfFluxErr": 208.5}})
    >>> row.alert_id, row.band, round(row.magnitude, 2), row.thumbnail
    ('170094456248729605', 'i', 23.1, b'')
    """
    alert = as_alert(alert)
    summary = survey_of(alert).summary(alert)
    points = light_curve(alert)
    own = points[(points["mjd"] == summary.mjd) & (points["kind"] == "detection")]
    magnitude = magnitudes(own.assign(flux=own["flux"].abs()))["mag"].dropna()
    seen = points.dropna(subset=["flux"]).tail(_POINTS)
    return Arrival(
        key,
        time,
        summary.alert_id,
        summary.ra if summary.has_position else None,
        summary.dec if summary.has_position else None,
        summary.band,
        float(magnitude.iloc[0]) if len(magnitude) else None,
        not bool((own["flux"] < 0).any()),
        thumbnail(alert, summary),
        tuple(zip(seen["mjd"].tolist(), seen["flux"].tolist(), seen["band"].tolist(), strict=True)),
    )


def thumbnail(alert: Alert, summary: Summary) -> bytes:
    """Draw the middle of the difference cutout as a small PNG, a pixel for each of its own; empty where there is none.

    Turned by quarters and mirrored, so that north is rather up than down and east rather left than right.
    """
    from matplotlib.image import imsave

    cutout = survey_of(alert).cutout(alert, "Difference")
    if not isinstance(cutout, Cutout):
        return b""
    pixels = _north_up(cutout, summary)
    rows, columns = (_middle(size) for size in pixels.shape)
    pixels = pixels[rows, columns]
    known = pixels[np.isfinite(pixels)]
    if not known.size:
        return b""
    low, high = np.percentile(known, _STRETCH)
    written = io.BytesIO()
    filled = np.nan_to_num(pixels, nan=float(low), posinf=float(high), neginf=float(low))
    imsave(written, filled, vmin=low, vmax=max(high, low + 1e-9), cmap="gray", origin="lower", format="png")
    return written.getvalue()


def _north_up(cutout: Cutout, summary: Summary) -> NDArray[np.float32]:
    data = cutout.data
    matrix = pixels_to_sky(cutout, summary.ra, summary.dec) if summary.has_position else None
    if matrix is None:
        return data
    east, north = matrix[0, :2], matrix[1, :2]
    if abs(north[0]) > abs(north[1]):
        data, east, north = data.T, east[::-1], north[::-1]
    if north[1] < 0:
        data = data[::-1]
    return data[:, ::-1] if east[0] > 0 else data


def _middle(size: int) -> slice:
    begin = max(0, math.ceil((size - _SIDE) / 2))
    return slice(begin, begin + _SIDE)
