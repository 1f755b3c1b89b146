"""Layers of a sky map in Aladin Lite, where ipyaladin is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from skysieve_widgets.sky.layers import LEVELS, Density, Layer, Probability, Region

_SHAPES = ("circle", "square", "triangle", "rhomb")


def aladin(layers: Iterable[Layer], centre: float = 0.0, **how: Any) -> Any:
    """Put layers over images of the sky.

    Parameters
    ----------
    layers
        From the lowest to the uppermost.
    centre
        Right ascension in the middle, in degrees.
    **how
        What ``ipyaladin.Aladin`` takes.

    Raises
    ------
    ImportError
        If ipyaladin is not installed; says how to install it.
    """
    try:
        from ipyaladin import Aladin
    except ImportError as error:
        raise ImportError(
            "aladin() needs ipyaladin, which is not installed: pip install 'skysieve[aladin]', or "
            "conda install -c conda-forge ipyaladin; then restart the kernel"
        ) from error
    from astropy.table import Table

    shown = Aladin(**{"target": f"{centre} 0", "fov": 300, "projection": "MOL", **how})
    for number, layer in enumerate(layers):
        if isinstance(layer, Region):
            shown.add_moc(layer.moc, name=layer.name, color=layer.colour, opacity=0.3)
        elif isinstance(layer, Probability):
            for level in reversed(LEVELS):
                region = layer.skymap.region(level)
                shown.add_moc(
                    region, name=f"{layer.name} {100 * level:.0f} %", color=layer.colour, opacity=0.3
                )
        else:
            at = layer.at if isinstance(layer, Density) else layer.positions
            if at is not None and len(at):
                table = Table({"id": list(at.ids), "ra": at.ra, "dec": at.dec})
                shape = _SHAPES[number % len(_SHAPES)]
                shown.add_table(table, name=layer.name, color=layer.colour, shape=shape)
    return shown
