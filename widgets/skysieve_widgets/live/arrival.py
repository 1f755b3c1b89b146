"""A row of the newest matches, from a decoded alert: its values, a thumbnail, and a few points of its light curve."""

from __future__ import annotations

from datetime import datetime

from skysieve_widgets.light_curve import light_curve, magnitudes
from skysieve_widgets.live.snapshot import Arrival
from skysieve_widgets.shades import thumbnail
from skysieve_widgets.surveys import Alert, as_alert, survey_of

_POINTS = 40


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
        thumbnail(alert) or b"",
        tuple(zip(seen["mjd"].tolist(), seen["flux"].tolist(), seen["band"].tolist(), strict=True)),
    )
