"""One alert: its cutouts, its light curve and all its values, live or as a picture."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from skysieve_widgets import alert_facts
from skysieve_widgets.cutouts import NAMES, draw_cutouts
from skysieve_widgets.drawn import Drawn, source
from skysieve_widgets.light_curve import draw_light_curve
from skysieve_widgets.light_curve_live import live_light_curve
from skysieve_widgets.markup import card, escape, key_values
from skysieve_widgets.shades import COLOUR_MAPS, STRETCHES
from skysieve_widgets.surveys import Alert, Summary, as_alert, survey_of
from skysieve_widgets.values import matching, values_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ASK = "cutouts"
_INCHES, _DPI = 1.9, 150


def alert_figure(
    alert: Alert,
    in_magnitudes: bool = False,
    in_days_ago: bool = False,
    stretch: str = "asinh",
    colour_map: str = "gray",
) -> Figure:
    """Draw one alert: three cutouts above its light curve.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey.
    in_magnitudes
        Draw the light curve in AB magnitudes instead of fluxes.
    in_days_ago
        Days before this alert instead of MJD.
    stretch, colour_map
        Of the cutouts; see :func:`~skysieve_widgets.shades.shades`.

    Returns
    -------
    matplotlib.figure.Figure
        Not known to pyplot, so that it needs no closing.

    Examples
    --------
    >>> alert = {"diaSource": {"diaSourceId": 170094456248729605, "ra": 54.15, "dec": -27.46}}
    >>> len(alert_figure(alert, stretch="log").axes)
    4
    """
    from matplotlib.figure import Figure

    alert = as_alert(alert)
    summary = survey_of(alert).summary(alert)
    figure = Figure(figsize=(7.5, 6.2))
    panels = figure.add_gridspec(1, 3, left=0.03, right=0.97, bottom=0.5, top=0.85, wspace=0.06)
    axes = [figure.add_subplot(panels[0, column]) for column in range(3)]
    draw_cutouts(axes, alert, stretch, colour_map)
    below = figure.add_gridspec(1, 1, left=0.1, right=0.83, bottom=0.085, top=0.43)
    draw_light_curve(figure.add_subplot(below[0, 0]), alert, in_magnitudes, in_days_ago)
    figure.text(
        0.5, 0.975, alert_facts.title(summary), ha="center", va="top", weight="bold", parse_math=False
    )
    second = filter(None, (alert_facts.position(summary), " · ".join(alert_facts.qualities(summary))))
    figure.text(0.5, 0.94, "\n".join(second), ha="center", va="top", fontsize="small", parse_math=False)
    return figure


class AlertView(Drawn):
    """Shows one alert in a notebook: cutouts, light curve, all values, and links to what is known of the place.

    What is chosen in the browser can be read and set in Python, and is what :meth:`figure` draws.

    Parameters
    ----------
    alert
        A decoded alert packet of any registered survey: a mapping, or a Spark ``Row``.
    columns
        Units and descriptions of the columns, as ``stream.columns()`` gives them.
    **state
        ``stretch``, ``colour_map``, ``magnitudes``, ``days_ago``, ``search``, as below.

    Attributes
    ----------
    stretch
        How brightness becomes shade in the cutouts: ``"asinh"``, ``"linear"``, ``"log"`` or ``"zscale"``.
    colour_map
        Of science and template: ``"gray"``, ``"gray_r"``, ``"cividis"``, ``"viridis"`` or ``"magma"``.
    magnitudes
        Whether the light curve is in AB magnitudes instead of fluxes.
    days_ago
        Whether time is in days before this alert instead of MJD.
    search
        Words that the listed values must have.

    Raises
    ------
    ValueError
        If no registered survey knows the alert's shape.

    Examples
    --------
    >>> view = AlertView({"diaSource": {"diaSourceId": 170094456248729605, "band": "i", "snr": 12.5}})
    >>> view.stretch = "log"
    >>> view.search = "snr"
    >>> view.values.to_dict("records")
    [{'name': 'diaSource.snr', 'value': '12.5', 'unit': '', 'description': ''}]
    """

    _esm = source("elements.js", "light_curve.js", "alert_view.js")
    _css = source("alerts.css")

    stretch = traitlets.Enum(STRETCHES, default_value=STRETCHES[0]).tag(sync=True)
    colour_map = traitlets.Enum(COLOUR_MAPS, default_value=COLOUR_MAPS[0]).tag(sync=True)
    magnitudes = traitlets.Bool(False).tag(sync=True)
    days_ago = traitlets.Bool(False).tag(sync=True)
    search = traitlets.Unicode("").tag(sync=True)

    _facts = traitlets.Dict().tag(sync=True)
    _curve = traitlets.Dict().tag(sync=True)
    _values: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    _choices = traitlets.Dict(default_value={"stretch": STRETCHES, "colour_map": COLOUR_MAPS}).tag(sync=True)
    _cutouts: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)

    def __init__(self, alert: Alert, columns: pd.DataFrame | None = None, **state: Any) -> None:
        self.alert = as_alert(alert)
        self.summary: Summary = survey_of(self.alert).summary(self.alert)
        self._listed = values_of(self.alert, columns)
        self._pictures: dict[tuple[Any, ...], bytes] = {}
        super().__init__(
            _facts={
                "title": alert_facts.title(self.summary),
                "notes": [
                    alert_facts.position(self.summary),
                    " · ".join(alert_facts.qualities(self.summary)),
                ],
                "links": alert_facts.links(self.summary),
            },
            _curve=live_light_curve(self.alert),
            _values=[list(value) for value in self._listed],
            **state,
        )
        self.on_msg(self._answer)
        self.observe(self._redraw, ["stretch", "colour_map"])

    def __repr__(self) -> str:
        return f"<AlertView {alert_facts.title(self.summary)}>"

    @property
    def values(self) -> pd.DataFrame:
        """The values listed now, those that match :attr:`search`: name, value (as text), unit, description."""
        names = ["name", "value", "unit", "description"]
        return pd.DataFrame(matching(self._listed, self.search), columns=names, dtype=str)

    def figure(self, in_magnitudes: bool | None = None) -> Figure:
        """Draw the alert as it is shown now; see :func:`alert_figure`.

        Parameters
        ----------
        in_magnitudes
            Magnitudes or fluxes, whatever is shown.
        """
        chosen = self.magnitudes if in_magnitudes is None else in_magnitudes
        return alert_figure(self.alert, chosen, self.days_ago, self.stretch, self.colour_map)

    def static_html(self) -> str:
        """Write the alert as it is shown now as HTML without scripts: the figure, what identifies it, and links."""
        image = base64.b64encode(self._png()).decode("ascii")
        name = escape(alert_facts.title(self.summary))
        shown = f'<img class="sky-figure" alt="{name}: cutouts and light curve" src="data:image/png;base64,{image}">'
        table = key_values(alert_facts.rows(self.summary))
        return card(f'<div class="sky-row">{shown}<div>{table}{_links_html(self.summary)}</div></div>')

    def _repr_html_(self) -> str:
        return self.static_html()

    def _repr_png_(self) -> bytes:
        return self._png()

    def _png(self) -> bytes:
        state = (self.magnitudes, self.days_ago, self.stretch, self.colour_map)
        if state not in self._pictures:
            self._pictures = {state: super()._png()}
        return self._pictures[state]

    def _answer(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Draw the cutouts when a browser asks: an alert that nobody looks at costs nothing."""
        if content == {"ask": _ASK} and not self._cutouts:
            self._cutouts = _live_cutouts(self.alert, self.stretch, self.colour_map)

    def _redraw(self, _change: Any) -> None:
        if self._cutouts:
            self._cutouts = _live_cutouts(self.alert, self.stretch, self.colour_map)


def _live_cutouts(alert: Alert, stretch: str, colour_map: str) -> list[dict[str, str]]:
    """Draw each cutout as a picture of its own, the words about it apart."""
    from matplotlib.figure import Figure

    figures = [Figure(figsize=(_INCHES, _INCHES)) for _ in NAMES]
    axes = [figure.add_axes((0.0, 0.0, 1.0, 1.0)) for figure in figures]
    draw_cutouts(axes, alert, stretch, colour_map)
    drawn = []
    for name, figure, ax in zip(NAMES, figures, axes, strict=True):
        note = ax.get_xlabel()
        ax.set_title("")
        ax.set_xlabel("")
        missing = "" if ax.images else ", ".join(text.get_text() for text in ax.texts)
        written = io.BytesIO()
        figure.savefig(written, format="png", dpi=_DPI)
        image = base64.b64encode(written.getvalue()).decode("ascii")
        about = missing or note or "north up, east to the left"
        drawn.append(
            {"name": name, "note": note, "alt": f"{name}: {about}", "src": f"data:image/png;base64,{image}"}
        )
    return drawn


def _links_html(summary: Summary) -> str:
    anchors = [
        f'<a href="{escape(address)}" target="_blank" rel="noopener">{name}</a>'
        for name, address in alert_facts.links(summary)
    ]
    return f'<p class="sky-note">Look up the position: {" · ".join(anchors)}</p>' if anchors else ""
