"""The light curve that an alert carries with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skysieve_widgets.surveys import Alert, as_alert, survey_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AB_ZERO_POINT = 31.4
"""AB magnitude of 1 nJy."""

LIMIT_SIGMAS = 5

COLUMNS = ("mjd", "band", "flux", "flux_err", "kind")

# Okabe & Ito's palette, safe for the common kinds of colour blindness; downward triangles are for limits.
_STYLES = {
    "u": ("#56B4E9", "p"),
    "g": ("#009E73", "o"),
    "r": ("#D55E00", "s"),
    "i": ("#CC79A7", "D"),
    "z": ("#0072B2", "^"),
    "y": ("#000000", "X"),
}
_OTHER_STYLE = ("#777777", "h")
_HOLLOW: dict[str, Any] = {"mfc": "white", "mew": 0.8, "ms": 3, "elinewidth": 0.5, "alpha": 0.6, "zorder": 2}
_SOLID: dict[str, Any] = {"mec": "white", "mew": 0.5, "ms": 5.5, "elinewidth": 0.9, "zorder": 3}
_LIMIT: dict[str, Any] = {"marker": "v", "ms": 4, "mfc": "none", "mew": 0.7, "alpha": 0.6, "ls": "none"}
_RING: dict[str, Any] = {"marker": "o", "ms": 12, "mfc": "none", "mec": "black", "mew": 1.2, "ls": "none"}
_FAINT = "#bbbbbb"
_FLUX_UNITS = ((1e6, "mJy"), (1e3, "µJy"), (1.0, "nJy"))


def light_curve(alert: Alert) -> pd.DataFrame:
    """Gather the photometry in one alert packet.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.

    Returns
    -------
    pandas.DataFrame
        Sorted by time, one row a point, the alert's own included:

        ``mjd``
            MJD (TAI): LSST's midpoint of the visit, ZTF's start of the exposure.
        ``band``
            Name of the filter.
        ``flux``, ``flux_err``
            PSF flux on the difference image and its 1-sigma error in nJy.
        ``kind``
            ``"detection"``, ``"forced"`` (photometry at the object's place, detected or not) or
            ``"upper limit"``: a non-detection, whose flux is NaN and whose limit is 5 × ``flux_err``.

        Points without a time or without a flux are left out; a negative error becomes NaN.

    Examples
    --------
    >>> source = {"midpointMjdTai": 61041.2, "band": "i", "psfFlux": 2080.3, "psfFluxErr": 408.5}
    >>> light_curve({"diaSource": source})
           mjd band    flux  flux_err       kind
    0  61041.2    i  2080.3     408.5  detection
    """
    alert = as_alert(alert)
    points = pd.DataFrame(list(survey_of(alert).points(alert)), columns=list(COLUMNS))
    points = points.astype({"mjd": float, "flux": float, "flux_err": float})
    points["flux_err"] = points["flux_err"].where(points["flux_err"] >= 0)
    measured = points["flux"].where(points["kind"] != "upper limit", points["flux_err"])
    usable: pd.Series[bool] = np.isfinite(points["mjd"]) & np.isfinite(measured)
    return points.loc[usable].sort_values("mjd", kind="stable", ignore_index=True)


def draw_light_curve(ax: Axes, alert: Alert, in_magnitudes: bool = False, in_days_ago: bool = False) -> None:
    """Draw the photometry in one alert packet.

    Parameters
    ----------
    ax
        Where to draw.
    alert
        A decoded alert packet of any registered survey.
    in_magnitudes
        AB magnitudes instead of fluxes. Forced photometry below 5 sigma is then drawn as a limit, and
        detections without a magnitude (negative, or below 1 sigma) are counted in a note.
    in_days_ago
        Days before this alert instead of MJD; without effect where the alert has no time.
    """
    alert = as_alert(alert)
    own_mjd = survey_of(alert).summary(alert).mjd
    in_days_ago = in_days_ago and math.isfinite(own_mjd)
    shown, label = shown_points(light_curve(alert), in_magnitudes)
    shown["x"] = own_mjd - shown["mjd"] if in_days_ago else shown["mjd"]
    for band in sorted(shown["band"].unique(), key=band_order):
        _draw_band(ax, shown[shown["band"] == band], band)
    own = shown[(shown["kind"] == "detection") & (shown["mjd"] == own_mjd) & shown["y"].notna()]
    if len(own):
        ax.plot(own["x"], own["y"], **_RING)
    if math.isfinite(own_mjd):
        ax.axvline(0 if in_days_ago else own_mjd, color=_FAINT, lw=0.8, zorder=0)
    ax.set_ylabel(label)
    if not in_magnitudes:
        ax.axhline(0, color=_FAINT, lw=0.8, zorder=0)
    _set_limits(ax, shown, in_magnitudes, in_days_ago)
    _draw_legend(ax, shown, len(own) > 0)


def magnitudes(points: pd.DataFrame) -> pd.DataFrame:
    """Turn the fluxes of a light curve into AB magnitudes.

    Parameters
    ----------
    points
        As :func:`light_curve` gives them.

    Returns
    -------
    pandas.DataFrame
        The same rows with ``mag``, ``mag_err`` and ``limit`` (5-sigma, AB) in place of the fluxes. ``mag``
        is NaN for limits, for forced photometry below 5 sigma and where the flux is not above 1 sigma.
    """
    flux, error = points["flux"], points["flux_err"]
    hidden = (points["kind"] == "forced") & (flux < LIMIT_SIGMAS * error)
    flux = flux.where((flux > 0) & ~(flux <= error) & ~hidden)
    error = error.where(error > 0)
    limit = AB_ZERO_POINT - 2.5 * np.log10(LIMIT_SIGMAS * error)
    return points.drop(columns=["flux", "flux_err"]).assign(
        mag=AB_ZERO_POINT - 2.5 * np.log10(flux),
        mag_err=2.5 / math.log(10) * error / flux,
        limit=limit.where(hidden | (points["kind"] == "upper limit")),
    )


def shown_points(points: pd.DataFrame, in_magnitudes: bool) -> tuple[pd.DataFrame, str]:
    """Turn a light curve into what is drawn: ``y``, ``error`` and ``limit``, and the label of this axis."""
    if in_magnitudes:
        shown = magnitudes(points).rename(columns={"mag": "y", "mag_err": "error"})
        return shown, "Difference magnitude (AB)"
    size, unit = _flux_unit(points)
    error = points["flux_err"] / size
    limit = (LIMIT_SIGMAS * error).where(points["kind"] == "upper limit")
    return points.assign(y=points["flux"] / size, error=error, limit=limit), f"Difference flux ({unit})"


def frame_of(shown: pd.DataFrame, in_magnitudes: bool) -> tuple[tuple[float, float] | None, str]:
    """Find the range of the values to draw, None where there are none, and what is not seen in it."""
    values = pd.concat([shown["y"], shown["limit"]]).dropna().to_numpy(dtype=float)
    frame, notes = None, []
    if values.size:
        low, high = _range(shown)
        if not in_magnitudes:
            low, high = min(low, 0.0), max(high, 0.0)
        pad = 0.12 * (high - low) or 0.5
        frame = low, high = low - pad, high + pad
        outside = int(((values < low) | (values > high)).sum())
        notes += [f"{outside} outlying point{'s' * (outside > 1)} beyond the frame"] * (outside > 0)
    if in_magnitudes:
        without = int(((shown["kind"] == "detection") & shown["y"].isna()).sum())
        notes += [f"{without} detection{'s' * (without > 1)} without a magnitude"] * (without > 0)
    return frame, "; ".join(notes)


def band_look(band: str) -> tuple[str, str]:
    """Give the colour and the marker (matplotlib's letter) of a band."""
    return _STYLES.get(band, _OTHER_STYLE)


def band_order(band: str) -> tuple[int, str]:
    """Sort bands from blue to red, and those without a colour of their own behind them."""
    return (list(_STYLES).index(band) if band in _STYLES else len(_STYLES), band)


def _draw_band(ax: Axes, shown: pd.DataFrame, band: str) -> None:
    colour, marker = band_look(band)
    for kind, look in (("forced", _HOLLOW), ("detection", _SOLID)):
        some = shown[(shown["kind"] == kind) & shown["y"].notna()]
        if len(some):
            bars = some["error"].fillna(0.0)
            ax.errorbar(some["x"], some["y"], bars, color=colour, marker=marker, ls="none", **look)
    if shown["limit"].notna().any():
        ax.plot(shown["x"], shown["limit"], color=colour, **_LIMIT)


def _set_limits(ax: Axes, shown: pd.DataFrame, in_magnitudes: bool, in_days_ago: bool) -> None:
    ax.set_xlabel("Days before this alert" if in_days_ago else "MJD (TAI)")
    ax.ticklabel_format(axis="x", useOffset=False, style="plain")
    ax.tick_params(direction="in", top=True, right=True)
    frame, note = frame_of(shown, in_magnitudes)
    if frame is None:
        ax.text(0.5, 0.5, "no photometry", transform=ax.transAxes, ha="center", va="center")
    else:
        ax.set_ylim(*(frame[::-1] if in_magnitudes else frame))
        if np.ptp(shown["x"]) < 0.1:
            middle = float(shown["x"].mean())
            ax.set_xlim(middle - 0.5, middle + 0.5)
    if in_days_ago:
        ax.invert_xaxis()
    ax.text(0.01, 0.02, note, transform=ax.transAxes, fontsize="x-small")


def _range(shown: pd.DataFrame) -> tuple[float, float]:
    """Range of all detections and limits, and of the middle 96 % of the forced photometry.

    Real forced photometry has rare values hundreds of times off, which would flatten all else.
    """
    forced = shown["y"][shown["kind"] == "forced"].dropna()
    found = shown[shown["kind"] == "detection"]
    # Only errors that are small beside the value: a magnitude near the noise has an error without meaning.
    sure = found[found["error"] < 0.1 * found["y"].abs()]
    parts = [forced.quantile([0.02, 0.98]), found["y"], sure["y"] - sure["error"], sure["y"] + sure["error"]]
    values = pd.concat([*parts, shown["limit"]]).dropna()
    return float(values.min()), float(values.max())


def _draw_legend(ax: Axes, shown: pd.DataFrame, has_own: bool) -> None:
    from matplotlib.lines import Line2D

    handles = []
    for band in sorted(shown["band"].unique(), key=band_order):
        colour, marker = band_look(band)
        handles.append(
            Line2D([], [], color=colour, marker=marker, ms=6, ls="none", label=_plain(band or "?"))
        )
    if ((shown["kind"] == "forced") & shown["y"].notna()).any():
        hollow: dict[str, Any] = {"mfc": "white", "mew": 0.8, "ms": 4}
        handles.append(Line2D([], [], color="#444444", marker="o", ls="none", label="forced", **hollow))
    if shown["limit"].notna().any():
        handles.append(Line2D([], [], color="#444444", label=f"{LIMIT_SIGMAS}σ limit", **_LIMIT))
    if has_own:
        handles.append(Line2D([], [], label="this alert", **{**_RING, "ms": 9}))
    if handles:
        ax.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(1.005, 1.02),
            fontsize="small",
            frameon=False,
            handletextpad=0.3,
        )


def _flux_unit(points: pd.DataFrame) -> tuple[float, str]:
    largest = points["flux"].abs().fillna(LIMIT_SIGMAS * points["flux_err"]).max()
    return next(((size, name) for size, name in _FLUX_UNITS if largest >= size), _FLUX_UNITS[-1])


def _plain(text: str) -> str:
    """Keep a name from being read as mathematics, or as hidden from the legend."""
    return text.replace("$", r"\$").lstrip("_")
