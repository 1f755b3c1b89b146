"""ZTF alerts, schema versions 3 and 4 (https://zwickytransientfacility.github.io/ztf-avro-alert)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from skysieve_widgets.fits_cutout import Cutout, NoCutout, gunzip, read_fits, tangent_wcs
from skysieve_widgets.surveys.base import (
    Alert,
    Point,
    Summary,
    Survey,
    integer,
    measured,
    number,
    record,
    records,
)

AB_ZERO_POINT = 31.4  # of fluxes in nJy
BANDS: dict[float, str] = {1: "g", 2: "r", 3: "i"}
POSITIVE = {"t": 1, "1": 1, "f": -1, "0": -1}  # isdiffpos; the letters are the older form

# No leap second since 2017, before the survey began.
TAI_MINUS_UTC_DAYS = 37 / 86400
MISSING_FORCED = -99999.0

# The stamps carry no WCS. Their pixels are those of the science image, whose x runs to the west and y to
# the south, within 1.1 degrees (fitted to x, y, ra, dec of alerts of the same exposure).
PIXEL_ARCSEC = 1.012
STAMP_CENTRE = 31


class ZTF(Survey):
    """Alerts around a ``candidate``; magnitudes of the difference image, times in JD (UTC)."""

    def matches(self, alert: Alert) -> bool:
        """Tell a ZTF alert by its ``candidate`` and ``candid``."""
        return "candidate" in alert and "candid" in alert

    def summary(self, alert: Alert) -> Summary:
        """Give the values of the ``candidate``; S/N follows from its magnitude error."""
        candidate = record(alert["candidate"])
        sigma = number(candidate.get("sigmapsf"))
        has_drb = math.isfinite(number(candidate.get("drb")))
        history = records(alert.get("prv_candidates"))
        detections = sum(c.get("magpsf") is not None for c in history)
        further = (
            ("objectId", str(alert.get("objectId") or "")),
            ("PSF magnitude (AB)", measured(number(candidate.get("magpsf")), sigma)),
            ("isdiffpos", str(candidate.get("isdiffpos") or "")),
            ("earlier detections", str(detections)),
            ("upper limits", str(len(history) - detections)),
        )
        return Summary(
            survey="ZTF",
            label="candid",
            alert_id=integer(alert.get("candid")),
            ra=number(candidate.get("ra")),
            dec=number(candidate.get("dec")),
            mjd=_mjd_tai(candidate.get("jd")),
            band=_band(candidate),
            snr=2.5 / math.log(10) / sigma if sigma > 0 else math.nan,
            score=number(candidate.get("drb" if has_drb else "rb")),
            score_name="drb" if has_drb else "rb",
            further=tuple((name, text) for name, text in further if text),
        )

    def points(self, alert: Alert) -> Iterator[Point]:
        """Give candidates as fluxes, non-detections as 5-sigma limits, and forced fluxes."""
        for candidate in (record(alert["candidate"]), *records(alert.get("prv_candidates"))):
            yield _point(candidate)
        for forced in records(alert.get("fp_hists")):
            yield _forced_point(forced)

    def cutout(self, alert: Alert, name: str) -> Cutout | NoCutout:
        """Read a cutout, which is a gzipped FITS file, and place it on the sky."""
        stamp = gunzip(record(alert.get(f"cutout{name}")).get("stampData"))
        cutout = stamp if isinstance(stamp, NoCutout) else read_fits(stamp)
        if isinstance(cutout, NoCutout) or cutout.wcs is not None:
            return cutout
        candidate = record(alert["candidate"])
        ra, dec = number(candidate.get("ra")), number(candidate.get("dec"))
        if not (math.isfinite(ra) and math.isfinite(dec)):
            return cutout
        pixel = (_stamp_pixel(candidate.get("xpos")), _stamp_pixel(candidate.get("ypos")))
        scale = PIXEL_ARCSEC / 3600
        wcs = tangent_wcs(ra, dec, pixel, ((-scale, 0.0), (0.0, -scale)))
        return Cutout(cutout.data, wcs, cutout.unit, wcs_from="ZTF's usual orientation, good to about 1°")


def _point(candidate: Alert) -> Point:
    mjd, band = _mjd_tai(candidate.get("jd")), _band(candidate)
    if candidate.get("magpsf") is None:
        return mjd, band, math.nan, _nanojanskys(candidate.get("diffmaglim")) / 5, "upper limit"
    sign = POSITIVE.get(str(candidate.get("isdiffpos")), math.nan)
    flux = _nanojanskys(candidate["magpsf"])
    error = flux * number(candidate.get("sigmapsf")) * math.log(10) / 2.5
    return mjd, band, sign * flux, error, "detection"


def _forced_point(forced: Alert) -> Point:
    per_count = _nanojanskys(forced.get("magzpsci"))
    flux, error = number(forced.get("forcediffimflux")), number(forced.get("forcediffimfluxunc"))
    if MISSING_FORCED in (flux, error):
        flux = error = math.nan
    return _mjd_tai(forced.get("jd")), _band(forced), flux * per_count, error * per_count, "forced"


def _nanojanskys(magnitude: Any) -> float:
    """Turn an AB magnitude into a flux; ZTF's -999 and the like, which stand for no value, into NaN."""
    value = number(magnitude)
    return 10 ** (0.4 * (AB_ZERO_POINT - value)) if -5 < value < 50 else math.nan


def _mjd_tai(jd: Any) -> float:
    return number(jd) - 2400000.5 + TAI_MINUS_UTC_DAYS


def _band(candidate: Alert) -> str:
    fid = candidate.get("fid")
    return "" if fid is None else BANDS.get(number(fid), str(fid))


def _stamp_pixel(position: Any) -> float:
    """Pixel of a stamp (from 0) at which the position (from 1) in the science image lies.

    The stamp is centred on the nearest pixel, and cut off where the image ends.
    """
    place = number(position)
    if not place > 0:
        return STAMP_CENTRE
    nearest = round(place)
    return min(STAMP_CENTRE, nearest - 1) + place - nearest
