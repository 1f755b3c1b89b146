"""What identifies and qualifies an alert, as texts, and where its position can be looked up."""

from __future__ import annotations

import math
from urllib.parse import urlencode

from skysieve_widgets.surveys import Summary


def title(summary: Summary) -> str:
    """Name the alert: survey, and its id by the survey's own word.

    Examples
    --------
    >>> nan = math.nan
    >>> title(Summary("ZTF", "candid", "3412", nan, nan, nan, "g", nan, nan, "drb"))
    'ZTF candid 3412'
    """
    return f"{summary.survey} {summary.label} {summary.alert_id}"


def position(summary: Summary) -> str:
    """Write the position in degrees and in hours, minutes and seconds; empty where there is none."""
    if not summary.has_position:
        return ""
    return f"RA {summary.ra:.5f}°  Dec {_signed(summary.dec, 5)}°  ({_sexagesimal(summary)})"


def qualities(summary: Summary) -> list[str]:
    """Write time, band, signal-to-noise ratio and score, as far as they are known."""
    texts = [
        (summary.mjd, f"MJD {summary.mjd:.5f} (TAI)"),
        (0.0 if summary.band else math.nan, f"{summary.band} band"),
        (summary.snr, f"S/N {summary.snr:.1f}"),
        (summary.score, f"{summary.score_name} {summary.score:.3f}"),
    ]
    return [text for value, text in texts if math.isfinite(value)]


def rows(summary: Summary) -> list[tuple[str, str]]:
    """List names and values of all that identifies and qualifies the alert."""
    listed = [(summary.label, summary.alert_id)]
    if summary.has_position:
        listed += [
            ("RA, Dec (deg)", f"{summary.ra:.6f} {_signed(summary.dec, 6)}"),
            ("RA, Dec", _sexagesimal(summary)),
        ]
    numbers = (
        ("MJD (TAI)", summary.mjd, ".5f"),
        ("S/N", summary.snr, ".2f"),
        (summary.score_name, summary.score, ".3f"),
    )
    listed += [(name, format(value, form)) for name, value, form in numbers if math.isfinite(value)]
    if summary.band:
        listed.append(("band", summary.band))
    return [*listed, *summary.further]


def links(summary: Summary) -> list[tuple[str, str]]:
    """Give the pages that tell what is known at the position: name and address; none without a position."""
    if not summary.has_position:
        return []
    place = f"{summary.ra:.6f} {summary.dec:+.6f}"
    ra, dec = place.split()
    queries = {
        "SIMBAD": (
            "https://simbad.cds.unistra.fr/simbad/sim-coo",
            {"Coord": place, "CooFrame": "ICRS", "Radius": "10", "Radius.unit": "arcsec"},
        ),
        "Aladin": ("https://aladin.cds.unistra.fr/AladinLite/", {"target": place, "fov": "0.05"}),
        "TNS": (
            "https://www.wis-tns.org/search",
            {"ra": ra, "decl": dec, "radius": "10", "coords_unit": "arcsec"},
        ),
    }
    return [(name, f"{page}?{urlencode(query)}") for name, (page, query) in queries.items()]


def _sexagesimal(summary: Summary) -> str:
    from astropy.coordinates import Angle

    ra = Angle(summary.ra, "deg").to_string(unit="hourangle", sep=":", precision=2, pad=True)
    dec = Angle(summary.dec, "deg").to_string(unit="deg", sep=":", precision=1, pad=True, alwayssign=True)
    return f"{ra} {dec.replace('-', '−')}"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
