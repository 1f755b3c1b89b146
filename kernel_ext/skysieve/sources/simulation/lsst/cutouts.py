"""Cutouts: small FITS files of the science, template and difference image around a source.

They have the structure of those in Rubin's v10 alerts: the image (30 × 30 pixels of 0.2 arcsec, nJy), its
variance (``UNCERT``) and the point-spread function (``PSFIMAGE``, 41 × 41). Unlike Rubin's, their world
coordinates name the projection (TAN), so that astropy gives right ascensions that are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skysieve.sources.simulation.images import Scene, axes, card, data, draw, grid, header, moffat
from skysieve.sources.simulation.lsst.telescope import LSST
from skysieve.sources.simulation.telescope import Floats

STAMP_PIXELS = 30
PSF_PIXELS = 41
TRAIL_PIXELS = 2.5  # half an arcsecond in 30 s
_TEMPLATE_VISITS = 20
_CRVAL_COMMENT = "[deg] Position of the diaSource"


@dataclass(frozen=True, slots=True)
class Cutouts:
    """Three FITS files."""

    difference: bytes
    science: bytes
    template: bytes


def render(rng: np.random.Generator, scene: Scene, sky: tuple[float, float]) -> Cutouts:
    """Draw the cutouts of a scene (nJy) that is centred on a place of the sky.

    Parameters
    ----------
    rng
        Where the noise comes from.
    scene
        What to draw.
    sky
        Right ascension and declination of the source, degrees.

    Examples
    --------
    >>> scene = Scene("point", 5e3, 1e3, False, 200.0, 14.6, 14.3, 30.0, 4.0, 0.0)
    >>> len(render(np.random.default_rng(1), scene, (150.0, -30.0)).science)
    34560
    """
    drawn = draw(rng, scene, STAMP_PIXELS, _TEMPLATE_VISITS)
    middle = (PSF_PIXELS - 1) / 2
    psf = moffat(grid(PSF_PIXELS), middle, middle, scene.fwhm)
    top = _image_header(scene, sky)
    difference, science, template = (
        _fits(top, image, variance, psf / psf.sum())
        for image, variance in (
            (drawn.science - drawn.template, drawn.science_variance + drawn.template_variance),
            (drawn.science, drawn.science_variance),
            (drawn.template, drawn.template_variance),
        )
    )
    return Cutouts(difference, science, template)


def crval_card(axis: int, degrees: float) -> bytes:
    """Give the 80 bytes of a header card with the reference value of an axis.

    Examples
    --------
    >>> crval_card(1, 150.25)[:30]
    b'CRVAL1  =    150.2500000000000'
    """
    return card(f"CRVAL{axis}", f"{degrees:.13f}", _CRVAL_COMMENT)


def _image_header(scene: Scene, sky: tuple[float, float]) -> list[bytes]:
    turn = np.radians(scene.angle)
    scale = LSST.pixel_arcsec / 3600
    matrix = {
        "PC1_1": -scale * np.cos(turn),
        "PC1_2": scale * np.sin(turn),
        "PC2_1": scale * np.sin(turn),
        "PC2_2": scale * np.cos(turn),
    }
    return [
        card("SIMPLE", "T", "conforms to FITS standard"),
        card("BITPIX", "-32", "array data type"),
        *axes(STAMP_PIXELS),
        card("EXTEND", "T"),
        card("ROTPA", f"{scene.angle:.10f}", "Pos angle in deg of focal plane +Y wrt North"),
        card("BUNIT", "'nJy     '          "),
        card("WCSAXES", "2", "Number of coordinate axes"),
        card("CTYPE1", "'RA---TAN'          "),
        card("CTYPE2", "'DEC--TAN'          "),
        card("CUNIT1", "'deg     '          "),
        card("CUNIT2", "'deg     '          "),
        card("CRPIX1", f"{scene.x + 1:.10f}", "Pixel coordinate of reference point"),
        card("CRPIX2", f"{scene.y + 1:.10f}", "Pixel coordinate of reference point"),
        *(
            card(key, f"{value:.13E}", "Coordinate transformation matrix element")
            for key, value in matrix.items()
        ),
        card("CDELT1", "1.0", "Coordinate increment at reference point"),
        card("CDELT2", "1.0", "Coordinate increment at reference point"),
        crval_card(1, sky[0]),
        crval_card(2, sky[1]),
        card("RADESYS", "'ICRS    '          "),
    ]


def _extension(name: str, bits: int, pixels: int) -> list[bytes]:
    kind = [card("UTYPE", "'VarianceUncertainty'")] if name == "UNCERT" else []
    return [
        card("XTENSION", "'IMAGE   '          ", "Image extension"),
        card("BITPIX", str(bits), "array data type"),
        *axes(pixels),
        card("PCOUNT", "0", "number of parameters"),
        card("GCOUNT", "1", "number of groups"),
        *kind,
        card("EXTNAME", f"'{name:<8}'          ", "extension name"),
    ]


def _fits(top: list[bytes], image: Floats, variance: Floats, psf: Floats) -> bytes:
    return b"".join(
        [
            header(top),
            data(image, ">f4"),
            header(_extension("UNCERT", -32, STAMP_PIXELS)),
            data(variance, ">f4"),
            header(_extension("PSFIMAGE", -64, PSF_PIXELS)),
            data(psf, ">f8"),
        ]
    )
