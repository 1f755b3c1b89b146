"""One alert: its cutouts, its light curve and the values that matter."""

from __future__ import annotations

import base64
import io
import math
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from skysieve_widgets.cutouts import draw_cutouts
from skysieve_widgets.light_curve import draw_light_curve
from skysieve_widgets.markup import card, escape, key_values
from skysieve_widgets.surveys import Alert, Summary, as_alert, survey_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def alert_figure(alert: Alert, in_magnitudes: bool = False) -> Figure:
    """Draw one alert: three cutouts above its light curve.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.
    in_magnitudes
        Draw the light curve in AB magnitudes instead of fluxes.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot, so that it needs no closing.
    """
    from matplotlib.figure import Figure

    alert = as_alert(alert)
    summary = survey_of(alert).summary(alert)
    figure = Figure(figsize=(7.5, 6.2))
    panels = figure.add_gridspec(1, 3, left=0.03, right=0.97, bottom=0.5, top=0.85, wspace=0.06)
    draw_cutouts([figure.add_subplot(panels[0, column]) for column in range(3)], alert)
    below = figure.add_gridspec(1, 1, left=0.1, right=0.83, bottom=0.085, top=0.43)
    draw_light_curve(figure.add_subplot(below[0, 0]), alert, in_magnitudes)
    first = f"{summary.survey} {summary.label} {summary.alert_id}"
    figure.text(0.5, 0.975, first, ha="center", va="top", weight="bold", parse_math=False)
    second = "\n".join(filter(None, (_position(summary), " · ".join(_qualities(summary)))))
    figure.text(0.5, 0.94, second, ha="center", va="top", fontsize="small", parse_math=False)
    return figure


class AlertView:
    """Shows one alert in a notebook.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey: a mapping, or a Spark ``Row``.

    Raises
    ------
    ValueError
        If no registered survey knows the alert's shape.
    """

    def __init__(self, alert: Alert) -> None:
        self.alert = as_alert(alert)
        self.summary: Summary = survey_of(self.alert).summary(self.alert)

    def __repr__(self) -> str:
        return f"<AlertView {self.summary.survey} {self.summary.label} {self.summary.alert_id}>"

    def figure(self, in_magnitudes: bool = False) -> Figure:
        """Draw the alert; see :func:`alert_figure`."""
        return alert_figure(self.alert, in_magnitudes)

    @cached_property
    def _png(self) -> bytes:
        buffer = io.BytesIO()
        self.figure().savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self._png

    def _repr_html_(self) -> str:
        image = base64.b64encode(self._png).decode("ascii")
        title = f"{self.summary.survey} {self.summary.label} {self.summary.alert_id}"
        source = f"data:image/png;base64,{image}"
        picture = f'<img class="sky-figure" alt="{escape(title)}: cutouts and light curve" src="{source}">'
        table = key_values(_rows(self.summary))
        return card(f'<div class="sky-row">{picture}<div>{table}{_links(self.summary)}</div></div>')


def _position(summary: Summary) -> str:
    if not summary.has_position:
        return ""
    return f"RA {summary.ra:.5f}°  Dec {_signed(summary.dec, 5)}°  ({_sexagesimal(summary)})"


def _sexagesimal(summary: Summary) -> str:
    from astropy.coordinates import Angle

    ra = Angle(summary.ra, "deg").to_string(unit="hourangle", sep=":", precision=2, pad=True)
    dec = Angle(summary.dec, "deg").to_string(unit="deg", sep=":", precision=1, pad=True, alwayssign=True)
    return f"{ra} {dec.replace('-', '−')}"


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def _qualities(summary: Summary) -> list[str]:
    texts = [
        (summary.mjd, f"MJD {summary.mjd:.5f} (TAI)"),
        (0.0 if summary.band else math.nan, f"{summary.band} band"),
        (summary.snr, f"S/N {summary.snr:.1f}"),
        (summary.score, f"{summary.score_name} {summary.score:.3f}"),
    ]
    return [text for value, text in texts if math.isfinite(value)]


def _rows(summary: Summary) -> list[tuple[str, str]]:
    rows = [(summary.label, summary.alert_id)]
    if summary.has_position:
        rows += [
            ("RA, Dec (deg)", f"{summary.ra:.6f} {_signed(summary.dec, 6)}"),
            ("RA, Dec", _sexagesimal(summary)),
        ]
    numbers = (
        ("MJD (TAI)", summary.mjd, ".5f"),
        ("S/N", summary.snr, ".2f"),
        (summary.score_name, summary.score, ".3f"),
    )
    rows += [(name, format(value, form)) for name, value, form in numbers if math.isfinite(value)]
    if summary.band:
        rows.append(("band", summary.band))
    return [*rows, *summary.further]


def _links(summary: Summary) -> str:
    if not summary.has_position:
        return ""
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
    links = [
        f'<a href="{escape(page + "?" + urlencode(query))}" target="_blank" rel="noopener">{name}</a>'
        for name, (page, query) in queries.items()
    ]
    return f'<p class="sky-note">Look up the position: {" · ".join(links)}</p>'
