"""Cutouts: gzipped FITS images, 63 × 63 pixels of 1.01 arcsec, in counts (DN), centred on the source.

Like ZTF's they have no world coordinates. The difference image shows the source as a positive one, whichever way
it was subtracted.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from skysieve.sources.simulation.images import Scene, axes, card, data, draw, header
from skysieve.sources.simulation.telescope import Floats, Rng

STAMP_PIXELS = 63
TRAIL_PIXELS = 0.25  # a quarter of an arcsecond in 30 s
_TEMPLATE_VISITS = 15
_SKY = 150.0


@dataclass(frozen=True, slots=True)
class Cutouts:
    """Three gzipped FITS files."""

    science: bytes
    template: bytes
    difference: bytes


def render(rng: Rng, scene: Scene) -> Cutouts:
    """Draw the cutouts of a scene (DN).

    Examples
    --------
    >>> import numpy as np
    >>> scene = Scene("point", -5e3, 9e3, False, 40.0, 31.2, 30.9, 30.0, 2.0, 0.0)
    >>> len(gzip.decompress(render(np.random.default_rng(1), scene).difference))
    20160
    """
    drawn = draw(rng, scene, STAMP_PIXELS, _TEMPLATE_VISITS)
    difference = (drawn.science - drawn.template) * (1 if scene.change > 0 else -1)
    return Cutouts(_fits(drawn.science + _SKY), _fits(drawn.template + _SKY), _fits(difference))


def _fits(image: Floats) -> bytes:
    cards = [
        card("SIMPLE", "T", "conforms to FITS standard"),
        card("BITPIX", "-32", "array data type"),
        *axes(STAMP_PIXELS),
        card("BUNIT", "'DN      '"),
    ]
    return gzip.compress(header(cards) + data(image, ">f4"), compresslevel=6, mtime=0)
