"""LSST alerts, schema versions 7 and later (https://sdm-schemas.lsst.io, DMTN-093)."""

from __future__ import annotations

from collections.abc import Iterator

from skysieve_widgets.fits_cutout import Cutout, NoCutout, read_fits
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


class LSST(Survey):
    """Alerts around a ``diaSource``; fluxes are in nJy and times in MJD (TAI) already."""

    def matches(self, alert: Alert) -> bool:
        """Tell an LSST alert by its ``diaSource``."""
        return "diaSource" in alert

    def summary(self, alert: Alert) -> Summary:
        """Give the values of the ``diaSource``."""
        source = record(alert["diaSource"])
        further = (
            ("diaObjectId", integer(source.get("diaObjectId"))),
            ("ssObjectId", integer(source.get("ssObjectId"))),
            ("PSF flux (nJy)", measured(number(source.get("psfFlux")), number(source.get("psfFluxErr")))),
            ("earlier detections", str(len(records(alert.get("prvDiaSources"))))),
            ("forced measurements", str(len(records(alert.get("prvDiaForcedSources"))))),
        )
        return Summary(
            survey="LSST",
            label="diaSource",
            alert_id=integer(source.get("diaSourceId") or alert.get("diaSourceId") or alert.get("alertId")),
            ra=number(source.get("ra")),
            dec=number(source.get("dec")),
            mjd=number(source.get("midpointMjdTai")),
            band=str(source.get("band") or ""),
            snr=number(source.get("snr")),
            score=number(source.get("reliability")),
            score_name="reliability",
            further=tuple((name, text) for name, text in further if text),
        )

    def points(self, alert: Alert) -> Iterator[Point]:
        """Give PSF fluxes of the source, the sources before it and the forced photometry."""
        for source in (record(alert["diaSource"]), *records(alert.get("prvDiaSources"))):
            yield _point(source, "detection")
        for source in records(alert.get("prvDiaForcedSources")):
            yield _point(source, "forced")

    def cutout(self, alert: Alert, name: str) -> Cutout | NoCutout:
        """Read a cutout, which is the bytes of a FITS file."""
        return read_fits(alert.get(f"cutout{name}"))


def _point(source: Alert, kind: str) -> Point:
    return (
        number(source.get("midpointMjdTai")),
        str(source.get("band") or ""),
        number(source.get("psfFlux")),
        number(source.get("psfFluxErr")),
        kind,
    )
