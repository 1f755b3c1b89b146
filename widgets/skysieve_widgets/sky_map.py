"""The whole sky on one map: alerts, footprints, regions and probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from skysieve_widgets.drawn import Drawn, source
from skysieve_widgets.sky.layers import Layer, Values
from skysieve_widgets.sky.projection import ecliptic, galactic_plane
from skysieve_widgets.sky.sources import READ, layers_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STEP = 0.5
"""Degrees between the places at which the browser is told what a layer has there: two thirds of a pixel."""


class SkyMap(Drawn):
    """A map of the whole sky in Mollweide's projection, right ascension increasing to the left.

    With the mouse on it, or with the arrow keys, it tells coordinates, what lies there, and the nearest of the alerts
    that are drawn one by one; a click or Enter selects that alert. Where no kernel is behind it, it is a picture.

    Parameters
    ----------
    *sources
        What to show, from the lowest layer to the uppermost. Each is one of

        - a DataFrame or astropy Table with positions under any survey's names, a SkyCoord, or decoded alerts; above
          5,000 they are counted in cells of 3.4 square degrees;
        - a preview (what was read, and what passes) or the result of ``sky.diff`` (what is kept, lost and gained);
        - a ``mocpy.MOC``: a footprint, or any other region;
        - a probability map as an astropy Table: contours of 50 and 90 %;
        - a file: a MOC in FITS, JSON or text, or a probability map in FITS (multi-order or flat).
    centre
        Right ascension in the middle of the map, in degrees.

    Attributes
    ----------
    centre : float
        Right ascension in the middle, degrees from 0 to 360; can be set.
    galactic, ecliptic : bool
        Whether the galactic plane and the ecliptic are drawn; can be set.
    hidden : list of str
        Names of layers that are not drawn; can be set.
    selected : list of str
        Ids of alerts that are ringed, as exact text; can be set.
    pointed : list of float
        Right ascension and declination (degrees) last clicked or gone to with keys, or empty; can be set.

    Examples
    --------
    >>> import pandas as pd
    >>> alerts = pd.DataFrame({"diaSourceId": [170094456248729605], "ra": [62.5], "dec": [-47.8]})
    >>> sky = SkyMap(alerts, centre=60)
    >>> sky.selected = ["170094456248729605"]
    >>> sky
    <SkyMap of alerts: 1>
    """

    _esm = source("elements.js", "mollweide.js", "sky_paint.js", "sky_map.js")
    _css = source("sky_map.css")

    centre = traitlets.Float(0.0).tag(sync=True)
    galactic = traitlets.Bool(True).tag(sync=True)
    ecliptic = traitlets.Bool(True).tag(sync=True)
    hidden = traitlets.List(traitlets.Unicode()).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)
    pointed = traitlets.List(traitlets.Float()).tag(sync=True)
    _layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    _circles = traitlets.Dict().tag(sync=True)
    _label = traitlets.Unicode().tag(sync=True)

    def __init__(self, *sources: Any, centre: float = 0.0, **how: Any) -> None:
        self.layers: tuple[Layer, ...] = ()
        of_layers = {name: how.pop(name) for name in ("hidden", "selected") if name in how}
        super().__init__(centre=centre, **how)
        self._circles = {"galactic": _doubles(galactic_plane()), "ecliptic": _doubles(ecliptic())}
        self._label = str(self)
        for one in sources:
            self.add(one)
        for name, value in of_layers.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"<SkyMap of {'; '.join(layer.label for layer in self.layers) or 'nothing yet'}>"

    def __str__(self) -> str:
        return f"Map of the sky, {'; '.join(layer.label for layer in self.layers) or 'empty'}"

    def add(
        self,
        source: Any,
        name: str = "",
        *,
        columns: tuple[str, str] | None = None,
        density: bool | None = None,
        colour: str = "",
    ) -> SkyMap:
        """Put something above what there is.

        Parameters
        ----------
        source
            As :class:`SkyMap` takes it.
        name
            What to call it; otherwise it is called after what it is.
        columns
            Right ascension and declination of a table, where their names do not tell.
        density
            Whether alerts are counted in cells instead of drawn one by one; None: above 5,000.
        colour
            As matplotlib knows it; otherwise the next of a palette for all eyes.

        Returns
        -------
        SkyMap
            The same, so that calls can follow one another.

        Examples
        --------
        >>> from mocpy import MOC
        >>> [layer.name for layer in SkyMap().add(MOC.from_str("3/42"), "field").layers]
        ['field']
        """
        for layer in layers_of(source, name, columns, density):
            self.layers = (*self.layers, self._distinct(layer, colour))
        self._layers = [*self._layers, *map(_payload, self.layers[len(self._layers) :])]
        self._label = str(self)
        return self

    def figure(self) -> Figure:
        """Draw the map as it is now with matplotlib."""
        from skysieve_widgets.figures import Picture
        from skysieve_widgets.sky.drawing import draw_sky

        shown = [layer for layer in self.layers if layer.name not in self.hidden]
        entries = len(shown) + self.galactic + self.ecliptic
        figure = Picture(figsize=(7.5, 3.95 + 0.24 * math.ceil(entries / 2)), layout="constrained")
        draw_sky(figure.subplots(), shown, self.centre, self.galactic, self.ecliptic, set(self.selected))
        return figure

    def aladin(self, **how: Any) -> Any:
        """Show the layers over images of the sky, in Aladin Lite.

        Parameters
        ----------
        **how
            What ``ipyaladin.Aladin`` takes, as ``target`` and ``fov`` (degrees).

        Returns
        -------
        ipyaladin.Aladin
            A widget that fetches images from the network.

        Raises
        ------
        ImportError
            If ipyaladin is not installed; says how to install it.
        """
        from skysieve_widgets.sky.aladin import aladin

        return aladin([one for one in self.layers if one.name not in self.hidden], self.centre, **how)

    @traitlets.validate("centre")
    def _valid_centre(self, proposal: Any) -> float:
        if not math.isfinite(proposal["value"]):
            raise traitlets.TraitError("the centre is a right ascension in degrees, a finite number")
        return float(proposal["value"]) % 360

    @traitlets.validate("pointed")
    def _valid_pointed(self, proposal: Any) -> list[float]:
        given = list(proposal["value"])
        if given and not (len(given) == 2 and math.isfinite(given[0]) and abs(given[1]) <= 90):
            raise traitlets.TraitError("a place is a right ascension and a declination in degrees")
        return [given[0] % 360, given[1]] if given else []

    @traitlets.validate("hidden")
    def _valid_hidden(self, proposal: Any) -> list[str]:
        return _known(proposal["value"], [layer.name for layer in self.layers], "layer")

    @traitlets.validate("selected")
    def _valid_selected(self, proposal: Any) -> list[str]:
        at = (layer.positions for layer in self.layers)
        return _known(
            proposal["value"], {one for p in at if p is not None for one in p.ids}, "alert on the map"
        )

    def _distinct(self, layer: Layer, colour: str) -> Layer:
        """The layer with a name and a colour of its own."""
        from matplotlib.colors import to_hex

        from skysieve_widgets.sky.drawing import COLOURS, GREY

        names = {one.name for one in self.layers}
        numbered = (f"{layer.name} {number}" for number in range(2, len(names) + 3))
        name = next(one for one in (layer.name, *numbered) if one not in names)
        used = sum(one.colour != GREY for one in self.layers)
        given = to_hex(colour) if colour else layer.colour
        own = given or (GREY if layer.name == READ else COLOURS[used % len(COLOURS)])
        return replace(layer, name=name, colour=own)


def _known(given: Sequence[str], names: Any, what: str) -> list[str]:
    unknown = [one for one in given if one not in names]
    if unknown:
        raise traitlets.TraitError(f"no {what} is called {unknown[0]!r}")
    return list(given)


def _payload(layer: Layer) -> dict[str, Any]:
    """What the browser needs of a layer; numbers as bytes, ids as text."""
    told: dict[str, Any] = {
        "name": layer.name,
        "label": layer.label,
        "kind": layer.kind,
        "colour": layer.colour,
        "lines": [_doubles(line) for line in layer.lines],
    }
    if layer.positions is not None:
        told |= {
            "places": _doubles(np.stack([layer.positions.ra, layer.positions.dec], axis=-1)),
            "ids": list(layer.positions.ids),
        }
    values = _raster(layer)
    if values is not None:
        possible = np.arange(int(values.max()) + 1, dtype=np.uint16)
        strength = np.round(255 * layer.strength(possible)).astype(np.uint8)
        told |= {"values": values.astype("<u2").tobytes(), "strength": strength.tobytes()}
    return told


def _raster(layer: Layer) -> Values | None:
    """What lies at each step; of regions, what lies anywhere in it, or the smallest would fall between two steps."""
    finer = 2 if layer.kind == "region" else 1
    rows, columns = round(180 / _STEP), round(360 / _STEP)
    ra = (np.arange(columns * finer) + 0.5) * _STEP / finer
    dec = 90 - (np.arange(rows * finer) + 0.5) * _STEP / finer
    values = layer.values(*np.meshgrid(ra, dec))
    return None if values is None else values.reshape(rows, finer, columns, finer).max(axis=(1, 3))


def _doubles(numbers: Any) -> bytes:
    return np.ascontiguousarray(numbers, dtype="<f8").tobytes()
