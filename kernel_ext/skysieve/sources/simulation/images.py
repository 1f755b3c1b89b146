"""What a cutout shows: sources, hosts and false detections, in pixels; and the cards of its FITS header."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skysieve.sources.simulation.telescope import Floats

_MOFFAT_BETA = 4.765  # of turbulence: Trujillo et al. 2001, MNRAS 328, 977
_BLOCK = 2880
_SKY_ELECTRONS = 50.0  # light that doubles the variance of the sky, in sigmas of it

Grid = tuple[Floats, Floats]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a stamp shows: fluxes in one unit, lengths in pixels, positions from 0, angles in degrees.

    ``error`` is that of the flux of a point source too faint to add any noise.
    """

    shape: str
    change: float
    static: float
    host: bool
    error: float
    x: float
    y: float
    angle: float
    fwhm: float
    trail: float


@dataclass(frozen=True, slots=True)
class Images:
    """The pixels of science image and template, and their variances."""

    science: Floats
    template: Floats
    science_variance: Floats
    template_variance: Floats


def draw(rng: np.random.Generator, scene: Scene, pixels: int, template_visits: int) -> Images:
    """Draw a scene in a square of pixels, with a template made from so many visits.

    Examples
    --------
    >>> scene = Scene("point", 5e3, 1e3, False, 200.0, 14.6, 14.3, 30.0, 4.0, 0.0)
    >>> images = draw(np.random.default_rng(1), scene, 30, 20)
    >>> images.science.shape, bool(abs((images.science - images.template).sum() - 5e3) < 10 * 200)
    ((30, 30), True)
    """
    field = grid(pixels)
    per_pixel = scene.error / np.sqrt(2.266 * scene.fwhm**2)
    point = moffat(field, scene.x, scene.y, scene.fwhm)
    static = scene.static * (_host(field, scene, point) if scene.host else point)
    changed = static + _SHAPES[scene.shape](field, scene)
    template_variance = _variance(static, per_pixel / np.sqrt(template_visits))
    science_variance = _variance(changed, per_pixel)
    return Images(
        changed + rng.normal(size=changed.shape) * np.sqrt(science_variance),
        static + rng.normal(size=static.shape) * np.sqrt(template_variance),
        science_variance,
        template_variance,
    )


def _variance(light: Floats, sky_noise: float) -> Floats:
    """Variance of each pixel: that of the sky, and more where there is light."""
    return np.asarray(sky_noise**2 * (1 + np.clip(light, 0, None) / (_SKY_ELECTRONS * sky_noise)))


def grid(pixels: int) -> Grid:
    """Coordinates x and y of every pixel of a square."""
    y, x = np.mgrid[:pixels, :pixels].astype(float)
    return x, y


def moffat(grid: Grid, x: float, y: float, fwhm: float) -> Floats:
    """Draw a point source of unit flux."""
    width = fwhm / (2 * np.sqrt(2 ** (1 / _MOFFAT_BETA) - 1))
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
    return scene.change * moffat(grid, scene.x, scene.y, scene.fwhm)


def _trail(grid: Grid, scene: Scene) -> Floats:
    """Draw an asteroid that moved while the shutter was open."""
    turn = np.radians(scene.angle)
    steps = scene.trail * np.linspace(-0.5, 0.5, 5)
    drawn = [moffat(grid, scene.x + s * np.cos(turn), scene.y + s * np.sin(turn), scene.fwhm) for s in steps]
    return np.asarray(scene.change * np.mean(drawn, axis=0))


def _dipole(grid: Grid, scene: Scene) -> Floats:
    """Draw a star that has moved a little against its template."""
    turn = np.radians(scene.angle)
    moved = moffat(grid, scene.x + 0.25 * np.cos(turn), scene.y + 0.25 * np.sin(turn), scene.fwhm)
    return np.asarray(
        (scene.static + scene.change) * moved - scene.static * moffat(grid, scene.x, scene.y, scene.fwhm)
    )


def _spike(grid: Grid, scene: Scene) -> Floats:
    """Draw a cosmic ray: sharper than the seeing, and long."""
    turn = np.radians(scene.angle)
    dx, dy = grid[0] - scene.x, grid[1] - scene.y
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    ray = np.exp(-0.5 * ((along / 4) ** 2 + (across / 0.5) ** 2))
    return np.asarray(scene.change * ray / ray.sum())


_SHAPES = {"point": _point, "trail": _trail, "dipole": _dipole, "spike": _spike}


def card(key: str, value: str, comment: str = "") -> bytes:
    """Give the 80 bytes of a header card."""
    text = f"{key:<8}= {value:>20}" + (f" / {comment}" if comment else "")
    return f"{text:<80}".encode("ascii")


def axes(pixels: int) -> list[bytes]:
    """Cards that say the size of a square image."""
    return [card("NAXIS", "2"), card("NAXIS1", str(pixels)), card("NAXIS2", str(pixels))]


def header(cards: list[bytes]) -> bytes:
    """Fill the blocks of a FITS header."""
    return _padded(b"".join([*cards, f"{'END':<80}".encode()]), b" ")


def data(image: Floats, kind: str) -> bytes:
    """Fill the blocks of a FITS image, of a big-endian type such as ``">f4"``."""
    return _padded(image.astype(kind).tobytes(), b"\0")


def _padded(block: bytes, fill: bytes) -> bytes:
    return block + fill * (-len(block) % _BLOCK)
