"""Columns that everyone works out by hand from others, under the same names for every survey.

Each is a formula in SQL over the columns of a packet. They are worked out only where a filter uses them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from skysieve.packets.columns import Column

_NAMES = re.compile(r"\{([^{}]+)\}")
_POLE_RA, _POLE_DEC, _NODE = 192.8594812065348, 27.12825118085622, 122.9319185680026
_OBLIQUITY = 84381.406 / 3600
_AB = "Oke & Gunn 1983, ApJ 266, 713"
_HIPPARCOS = "ESA 1997, The Hipparcos Catalogue, vol. 1, §1.5.3"
_IAU = "IAU 2006; Capitaine et al. 2003, A&A 412, 567"


@dataclass(frozen=True)
class Measures:
    """Where a survey's packets have what the formulas need: SQL, names of columns in braces.

    Attributes
    ----------
    ra, dec
        Degrees, ICRS.
    mag, mag_err
        AB magnitude of the difference flux, and its error.
    is_positive
        Whether the source is brighter than in the template.
    days
        Time of the alert, in days.
    first, last
        Time of the first detection, and of the last one before the alert, in the same.
    detections
        Number of detections, the alert's own among them.
    solar_system
        Whether it was matched to a known object of the solar system.
    source
        What says that these are the columns to take: LSST's by default.
    association
        The same, of the match to a known object; :attr:`source` where that says it too.
    """

    ra: str
    dec: str
    mag: str
    mag_err: str
    is_positive: str
    days: str
    first: str
    last: str
    detections: str
    solar_system: str
    source: str = "LSST sdm_schemas, apdb.yaml"
    association: str = ""


def columns(of: Measures) -> tuple[Column, ...]:
    """The derived columns of a survey, such as ``derived.mag`` and ``derived.gal_b``.

    The description of each gives its formula and where that is from. Formulas over the survey's own columns are told as
    they are worked out, in SQL.

    Magnitudes
        ``m = 31.4 − 2.5 log10(F / nJy)``, the zero point of 3631 Jy (Oke & Gunn 1983, ApJ 266, 713), and
        ``σ_m = 2.5 / ln 10 · σ_F / F``, its propagated error; or what the survey measured. NULL where the flux of the
        difference is not above zero.
    Galactic coordinates
        Rotation to the pole at RA 192.859°, Dec 27.128°, the north celestial pole at longitude 122.932° (J2000;
        ESA 1997, The Hipparcos Catalogue, vol. 1, §1.5.3).
    Ecliptic coordinates
        Rotation by the mean obliquity of J2000, ε = 84381.406″ (IAU 2006; Capitaine et al. 2003, A&A 412, 567).
    Days, detections, solar system
        Differences of the survey's own times, its own count, and its own match to a known object.
    """
    d, a = f"radians({of.dec})", f"radians({of.ra} - {_POLE_RA})"
    sp, cp = f"sin(radians({_POLE_DEC}))", f"cos(radians({_POLE_DEC}))"
    east, north = f"cos({d}) * sin({a})", f"(sin({d}) * {cp} - cos({d}) * {sp} * cos({a}))"
    r, se, ce = f"radians({of.ra})", f"sin(radians({_OBLIQUITY}))", f"cos(radians({_OBLIQUITY}))"
    since_first, since_last = f"{of.days} - {of.first}", f"{of.days} - {of.last}"

    def told(what: str, formula: str, source: str = of.source) -> str:
        return f"{what}: {_NAMES.sub(lambda match: match[1].replace('[]', ''), formula)} ({source})"

    return (
        _column(
            "mag",
            "double",
            "mag",
            told(
                "AB magnitude of the difference flux; NULL unless that is above zero",
                of.mag,
                f"{_AB}; {of.source}",
            ),
            of.mag,
        ),
        _column(
            "mag_err",
            "double",
            "mag",
            told("Error of the AB magnitude; NULL where that is", of.mag_err),
            of.mag_err,
        ),
        _column(
            "is_positive",
            "boolean",
            "",
            told("Whether it is brighter than in the template", of.is_positive),
            of.is_positive,
        ),
        _column(
            "gal_l",
            "double",
            "deg",
            "Galactic longitude, 0 to 360: 122.932° − atan2(cos δ sin(α − 192.859°), sin δ cos 27.128° − "
            f"cos δ sin 27.128° cos(α − 192.859°)) ({_HIPPARCOS})",
            f"pmod({_NODE} - degrees(atan2({east}, {north})), 360D)",
        ),
        _column(
            "gal_b",
            "double",
            "deg",
            f"Galactic latitude: asin(sin δ sin 27.128° + cos δ cos 27.128° cos(α − 192.859°)) ({_HIPPARCOS})",
            f"degrees(asin(sin({d}) * {sp} + cos({d}) * {cp} * cos({a})))",
        ),
        _column(
            "ecl_lon",
            "double",
            "deg",
            "Ecliptic longitude (J2000), 0 to 360: atan2(sin α cos δ cos ε + sin δ sin ε, cos α cos δ), "
            f"ε = 84381.406″ ({_IAU})",
            f"pmod(degrees(atan2(sin({r}) * cos({d}) * {ce} + sin({d}) * {se}, cos({r}) * cos({d}))), 360D)",
        ),
        _column(
            "ecl_lat",
            "double",
            "deg",
            f"Ecliptic latitude (J2000): asin(sin δ cos ε − cos δ sin ε sin α), ε = 84381.406″ ({_IAU})",
            f"degrees(asin(sin({d}) * {ce} - cos({d}) * {se} * sin({r})))",
        ),
        _column(
            "days_since_first",
            "double",
            "d",
            told("Days since the first detection; 0 if this is it", since_first),
            since_first,
        ),
        _column(
            "days_since_last",
            "double",
            "d",
            told("Days since the detection before; NULL if there is none", since_last),
            since_last,
        ),
        _column(
            "n_detections",
            "int",
            "",
            told("Number of detections, this one among them", of.detections),
            of.detections,
        ),
        _column(
            "is_solar_system",
            "boolean",
            "",
            told(
                "Whether it was matched to a known object of the solar system",
                of.solar_system,
                of.association or of.source,
            ),
            of.solar_system,
        ),
    )


def _column(name: str, kind: str, unit: str, description: str, formula: str) -> Column:
    uses = tuple(dict.fromkeys(_NAMES.findall(formula)))
    sql = _NAMES.sub(lambda match: _quoted(match[1]), formula)
    cast = f"CAST({sql} AS {kind})"
    return Column(("derived", name), ["null", kind], unit, f"{description}. Derived.", sql=cast, uses=uses)


def _quoted(name: str) -> str:
    """A column's name as one; after ``[]`` follow the field of its array's records."""
    column, _, field = name.partition("[]")
    return f"`{column}`{field}"


def nanojansky(flux: str, error: str) -> tuple[str, str]:
    """AB magnitude and error of a flux in nJy, as formulas.

    Examples
    --------
    >>> nanojansky("{psfFlux}", "{psfFluxErr}")[0]
    'CASE WHEN {psfFlux} > 0 THEN 31.4 - 2.5 * log10({psfFlux}) END'
    """
    return (
        f"CASE WHEN {flux} > 0 THEN 31.4 - 2.5 * log10({flux}) END",
        f"CASE WHEN {flux} > 0 THEN 2.5 / ln(10D) * {error} / {flux} END",
    )
