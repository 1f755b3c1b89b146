"""Cutouts: small FITS files of the science, template and difference image around a source.

They have the structure of those in Rubin's v10 alerts: the image (30 × 30 pixels of 0.2 arcsec, nJy), its
variance (``UNCERT``) and the point-spread function (``PSFIMAGE``, 41 × 41). Unlike Rubin's, their world
coordinates name the projection (TAN), so that astropy gives right ascensions that are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skysieve.sources.lsst_simulation.survey import BANDS, PIXEL_ARCSEC, Floats

STAMP_PIXELS = 30
PSF_PIXELS = 41
_MOFFAT_BETA = 4.765  # of turbulence: Trujillo et al. 2001, MNRAS 328, 977
_TEMPLATE_VISITS = 20  # visits in a template, which set its noise
_BLOCK = 2880

Grid = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a stamp shows: fluxes in nJy, angles in degrees, positions in pixels of the stamp, from 0."""

    band: str
    shape: str
    change: float
    static: float
    host: bool
    error: float
    x: float
    y: float
    angle: float
    seeing: float


@dataclass(frozen=True, slots=True)
class Cutouts:
    """Three FITS files, and where in each of them the cards CRVAL1 and CRVAL2 begin."""

    difference: bytes
    science: bytes
    template: bytes
    crval: tuple[int, int]


def render(rng: np.random.Generator, scene: Scene, sky: tuple[float, float]) -> Cutouts:
    """Draw the cutouts of a scene that is centred on a place of the sky.

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
    >>> scene = Scene("r", "point", 5e3, 1e3, False, 200.0, 14.6, 14.3, 30.0, 0.8)
    >>> len(render(np.random.default_rng(1), scene, (150.0, -30.0)).science)
    34560
    """
    grid: Grid = tuple(np.mgrid[:STAMP_PIXELS, :STAMP_PIXELS].astype(float))[::-1]
    per_pixel = scene.error / np.sqrt(2.266 * (scene.seeing / PIXEL_ARCSEC) ** 2)
    template_pixel = per_pixel / np.sqrt(_TEMPLATE_VISITS)
    point = _moffat(grid, scene.x, scene.y, scene.seeing)
    static = scene.static * (_host(grid, scene, point) if scene.host else point)
    template = static + rng.normal(0, template_pixel, static.shape)
    science = static + _SHAPES[scene.shape](grid, scene) + rng.normal(0, per_pixel, static.shape)
    variance = per_pixel**2 * (1 + np.clip(science, 0, None) / (50 * per_pixel))
    middle = (PSF_PIXELS - 1) / 2
    psf_grid: Grid = tuple(np.mgrid[:PSF_PIXELS, :PSF_PIXELS].astype(float))[::-1]
    psf = _moffat(psf_grid, middle, middle, scene.seeing)
    header = _image_header(scene, sky)
    difference_file, science_file, template_file = (
        _fits(header, image, noise, psf / psf.sum())
        for image, noise in (
            (science - template, variance + template_pixel**2),
            (science, variance),
            (template, np.full_like(template, template_pixel**2)),
        )
    )
    cards = (80 * _card_number(header, "CRVAL1"), 80 * _card_number(header, "CRVAL2"))
    return Cutouts(difference_file, science_file, template_file, cards)


def crval_card(axis: int, degrees: float) -> bytes:
    """Give the 80 bytes of a header card with the reference value of an axis.

    Examples
    --------
    >>> crval_card(1, 150.25)[:30]
    b'CRVAL1  =    150.2500000000000'
    """
    return _card(f"CRVAL{axis}", f"{degrees:.13f}", "[deg] Position of the diaSource")


def _moffat(grid: Grid, x: float, y: float, seeing: float) -> Floats:
    """Draw a point source of unit flux."""
    width = seeing / PIXEL_ARCSEC / (2 * np.sqrt(2 ** (1 / _MOFFAT_BETA) - 1))
    r2 = (grid[0] - x) ** 2 + (grid[1] - y) ** 2
    return np.asarray((_MOFFAT_BETA - 1) / (np.pi * width**2) * (1 + r2 / width**2) ** -_MOFFAT_BETA)


def _host(grid: Grid, scene: Scene, point: Floats) -> Floats:
    """Draw a disc beside the source, scaled so that the PSF flux at the source is 1."""
    turn = np.radians(scene.angle)
    dx, dy = grid[0] - scene.x - 3 * np.cos(turn), grid[1] - scene.y - 3 * np.sin(turn)
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    disc = np.exp(-np.hypot(along, across / 0.6) / 3.5)
    return np.asarray(disc * (point**2).sum() / (disc * point).sum())


def _point(grid: Grid, scene: Scene) -> Floats:
    return scene.change * _moffat(grid, scene.x, scene.y, scene.seeing)


def _trail(grid: Grid, scene: Scene) -> Floats:
    """Draw an asteroid that moved by half an arcsecond."""
    turn = np.radians(scene.angle)
    steps = np.linspace(-1.25, 1.25, 5)
    drawn = [
        _moffat(grid, scene.x + s * np.cos(turn), scene.y + s * np.sin(turn), scene.seeing) for s in steps
    ]
    return np.asarray(scene.change * np.mean(drawn, axis=0))


def _dipole(grid: Grid, scene: Scene) -> Floats:
    """Draw a star that has moved a little against its template."""
    turn = np.radians(scene.angle)
    moved = _moffat(grid, scene.x + 0.25 * np.cos(turn), scene.y + 0.25 * np.sin(turn), scene.seeing)
    return np.asarray(
        (scene.static + scene.change) * moved - scene.static * _moffat(grid, scene.x, scene.y, scene.seeing)
    )


def _spike(grid: Grid, scene: Scene) -> Floats:
    """Draw a cosmic ray: sharper than the seeing, and long."""
    turn = np.radians(scene.angle)
    dx, dy = grid[0] - scene.x, grid[1] - scene.y
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    ray = np.exp(-0.5 * ((along / 4) ** 2 + (across / 0.5) ** 2))
    return np.asarray(scene.change * ray / ray.sum())


_SHAPES = {"point": _point, "trail": _trail, "dipole": _dipole, "spike": _spike}


def _card(key: str, value: str, comment: str = "") -> bytes:
    text = f"{key:<8}= {value:>20}" + (f" / {comment}" if comment else "")
    return f"{text:<80}".encode("ascii")


def _image_header(scene: Scene, sky: tuple[float, float]) -> list[bytes]:
    turn = np.radians(scene.angle)
    scale = PIXEL_ARCSEC / 3600
    matrix = {
        "PC1_1": -scale * np.cos(turn),
        "PC1_2": scale * np.sin(turn),
        "PC2_1": scale * np.sin(turn),
        "PC2_2": scale * np.cos(turn),
    }
    return [
        _card("SIMPLE", "T", "conforms to FITS standard"),
        _card("BITPIX", "-32", "array data type"),
        *_axes(STAMP_PIXELS),
        _card("EXTEND", "T"),
        _card("ROTPA", f"{scene.angle:.10f}", "Pos angle in deg of focal plane +Y wrt North"),
        _card("BUNIT", "'nJy     '          "),
        _card("WCSAXES", "2", "Number of coordinate axes"),
        _card("CTYPE1", "'RA---TAN'          "),
        _card("CTYPE2", "'DEC--TAN'          "),
        _card("CUNIT1", "'deg     '          "),
        _card("CUNIT2", "'deg     '          "),
        _card("CRPIX1", f"{scene.x + 1:.10f}", "Pixel coordinate of reference point"),
        _card("CRPIX2", f"{scene.y + 1:.10f}", "Pixel coordinate of reference point"),
        *(
            _card(key, f"{value:.13E}", "Coordinate transformation matrix element")
            for key, value in matrix.items()
        ),
        _card("CDELT1", "1.0", "Coordinate increment at reference point"),
        _card("CDELT2", "1.0", "Coordinate increment at reference point"),
        crval_card(1, sky[0]),
        crval_card(2, sky[1]),
        _card("RADESYS", "'ICRS    '          "),
    ]


def _card_number(header: list[bytes], key: str) -> int:
    return next(n for n, card in enumerate(header) if card.startswith(key.encode()))


def _axes(pixels: int) -> list[bytes]:
    return [_card("NAXIS", "2"), _card("NAXIS1", str(pixels)), _card("NAXIS2", str(pixels))]


def _extension(name: str, bits: int, pixels: int) -> list[bytes]:
    kind = [_card("UTYPE", "'VarianceUncertainty'")] if name == "UNCERT" else []
    return [
        _card("XTENSION", "'IMAGE   '          ", "Image extension"),
        _card("BITPIX", str(bits), "array data type"),
        *_axes(pixels),
        _card("PCOUNT", "0", "number of parameters"),
        _card("GCOUNT", "1", "number of groups"),
        *kind,
        _card("EXTNAME", f"'{name:<8}'          ", "extension name"),
    ]


def _fits(header: list[bytes], image: Floats, variance: Floats, psf: Floats) -> bytes:
    return b"".join(
        [
            _padded(b"".join([*header, f"{'END':<80}".encode()]), b" "),
            _padded(image.astype(">f4").tobytes(), b"\0"),
            _padded(b"".join([*_extension("UNCERT", -32, STAMP_PIXELS), f"{'END':<80}".encode()]), b" "),
            _padded(variance.astype(">f4").tobytes(), b"\0"),
            _padded(b"".join([*_extension("PSFIMAGE", -64, PSF_PIXELS), f"{'END':<80}".encode()]), b" "),
            _padded(psf.astype(">f8").tobytes(), b"\0"),
        ]
    )


def _padded(block: bytes, fill: bytes) -> bytes:
    return block + fill * (-len(block) % _BLOCK)


def draw_seeing(rng: np.random.Generator, band: str) -> float:
    """Seeing (FWHM, arcsec) of a visit: the band's median, with the spread of a good site.

    Examples
    --------
    >>> 0.4 < draw_seeing(np.random.default_rng(1), "r") < 2
    True
    """
    return float(BANDS[band].seeing * np.exp(rng.normal(0, 0.18)))
