"""What the drawings need to know of an alert, whichever survey sent it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from skysieve_widgets.fits_cutout import Cutout, NoCutout

Alert = Mapping[str, Any]

KINDS = ("detection", "forced", "upper limit")
"""Kinds of points in a light curve."""

Point = tuple[float, str, float, float, str]
"""MJD (TAI), band, flux (nJy), its error (nJy), kind."""


@dataclass(frozen=True)
class Summary:
    """The values that identify and qualify one alert; a number that is not known is NaN.

    Attributes
    ----------
    label, alert_id
        What the survey calls the alert's id, and the id as exact text.
    ra, dec
        ICRS position in degrees.
    mjd
        MJD (TAI) of the alert's own detection, as in its light curve.
    snr, score, score_name
        Signal-to-noise ratio; the survey's real/bogus score and what it calls it.
    further
        Other values worth a row in a table: name and text.
    """

    survey: str
    label: str
    alert_id: str
    ra: float
    dec: float
    mjd: float
    band: str
    snr: float
    score: float
    score_name: str
    further: tuple[tuple[str, str], ...] = ()

    @property
    def has_position(self) -> bool:
        """Whether the position is a place on the sky."""
        return math.isfinite(self.ra) and -90 <= self.dec <= 90


class Survey(ABC):
    """One survey's shape of alert."""

    @abstractmethod
    def matches(self, alert: Alert) -> bool:
        """Tell, from the names of its fields, whether an alert has this shape."""

    @abstractmethod
    def summary(self, alert: Alert) -> Summary:
        """Give the alert's identifying values."""

    @abstractmethod
    def points(self, alert: Alert) -> Iterable[Point]:
        """Give all points of the light curve, the alert's own included, in any order."""

    @abstractmethod
    def cutout(self, alert: Alert, name: str) -> Cutout | NoCutout:
        """Read the cutout ``"Science"``, ``"Template"`` or ``"Difference"``; never raises."""


_surveys: list[Survey] = []


def register(survey: Survey) -> None:
    """Add a shape of alert; those registered later are asked first."""
    _surveys.insert(0, survey)


def as_alert(alert: Any) -> Alert:
    """Take a decoded alert as a mapping; a Spark ``Row`` is turned into one.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(alert, Mapping):
        return alert
    if hasattr(alert, "asDict"):
        as_dict: dict[str, Any] = alert.asDict(recursive=True)
        return as_dict
    raise TypeError(f"an alert is a mapping of its fields (a decoded packet), not {type(alert).__name__}")


def survey_of(alert: Alert) -> Survey:
    """Find the survey whose shape an alert has.

    Raises
    ------
    ValueError
        If no registered survey knows the shape.
    """
    for survey in _surveys:
        if survey.matches(alert):
            return survey
    fields = ", ".join(map(str, list(alert)[:8])) or "none"
    raise ValueError(
        f"no survey is known whose alerts have these fields: {fields}; "
        "register one with skysieve_widgets.surveys.register"
    )


def number(value: Any) -> float:
    """Turn a field into a float; what is missing or no number becomes NaN.

    Examples
    --------
    >>> number(3), number(None), number("x")
    (3.0, nan, nan)
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def measured(value: float, error: float) -> str:
    """Write a value with its error, both to the error's second figure; empty where there is no value.

    Examples
    --------
    >>> measured(8130.52, 512.3), measured(-15.48731, 0.0312), measured(8130.52, math.nan)
    ('8131 ± 512', '−15.487 ± 0.031', '8130.5')
    """
    if not math.isfinite(value):
        return ""
    if math.isfinite(error) and error > 0:
        digits = min(max(1 - math.floor(math.log10(error)), 0), 9)
        text = f"{value:.{digits}f} ± {error:.{digits}f}"
    else:
        text = f"{value:.5g}"
    return text.replace("-", "−")


def integer(value: Any) -> str:
    """Write an id exactly; empty where there is none (null or 0).

    Examples
    --------
    >>> integer(170094456248729605), integer(None)
    ('170094456248729605', '')
    """
    return "" if pd.api.types.is_scalar(value) and (pd.isna(value) or value == 0) else str(value)


def record(value: Any) -> Alert:
    """Take a nested record; a missing one is empty.

    Examples
    --------
    >>> record(None), record({"ra": 1.0})
    ({}, {'ra': 1.0})
    """
    return value if isinstance(value, Mapping) else {}


def records(value: Any) -> list[Alert]:
    """Take an array of records, which may be null, a list or a NumPy array (from Arrow).

    Examples
    --------
    >>> records(None), records([{"ra": 1.0}, None])
    ([], [{'ra': 1.0}])
    """
    if not isinstance(value, Iterable):
        return []
    return [r for r in value if isinstance(r, Mapping)]
