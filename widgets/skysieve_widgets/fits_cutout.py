"""One cutout: FITS bytes in, pixels and their place on the sky out."""

from __future__ import annotations

import gzip
import io
import math
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.wcs import WCS


@dataclass(frozen=True, eq=False)
class Cutout:
    """A small image around an alert.

    Attributes
    ----------
    data
        Pixels, float32 of shape (ny, nx); row 0 is the first row of the FITS image.
    wcs
        Celestial WCS of the pixels, or None where nothing tells it.
    unit
        Unit of the pixels as the packet writes it, or empty.
    wcs_from
        Where the WCS is from: ``"packet"``, or a remark on what was supposed.
    """

    data: NDArray[np.float32]
    wcs: WCS | None = None
    unit: str = ""
    wcs_from: str = "packet"


@dataclass(frozen=True)
class NoCutout:
    """Why there is no cutout to show."""

    reason: str


def gunzip(data: Any) -> bytes | NoCutout:
    """Decompress the bytes of a cutout, or say why they cannot be.

    Examples
    --------
    >>> gunzip(None)
    NoCutout(reason='not in the packet')
    """
    if isinstance(data, NoCutout) or not _is_bytes(data) or not data:
        return _missing(data)
    try:
        return gzip.decompress(bytes(data))
    except (OSError, EOFError, zlib.error) as error:
        return NoCutout(f"not gzip: {error}")


def read_fits(data: Any) -> Cutout | NoCutout:
    """Read the first image of a FITS file, never raising: display must go on without it.

    LSST writes the linear terms of the WCS without CTYPE, so that standard readers see no celestial WCS;
    the terms are those of a tangent plane at CRVAL (``makeLocalTransformMatrix`` in ap_association),
    and are read as such.

    Parameters
    ----------
    data
        Bytes of an uncompressed FITS file; None and anything else give the reason back.

    Examples
    --------
    >>> read_fits(b"")
    NoCutout(reason='empty in the packet')
    """
    if not _is_bytes(data) or not data:
        return _missing(data)
    from astropy.io import fits
    from astropy.io.fits.verify import VerifyWarning

    raw = bytes(data)
    if not raw.startswith(b"SIMPLE"):
        return NoCutout(f"not FITS: starts with {raw[:6]!r}")
    try:
        with warnings.catch_warnings():
            # ZTF writes "SIMPLE  =  T", not in the standard's column.
            warnings.filterwarnings("ignore", "Found a SIMPLE card but its format", VerifyWarning)
            warnings.filterwarnings("error", "File may have been truncated")
            with fits.open(io.BytesIO(raw), memmap=False, lazy_load_hdus=False) as hdus:
                header = hdus[0].header
                image = hdus[0].data
        if image is None or image.ndim != 2 or not np.issubdtype(image.dtype, np.number):
            return NoCutout("the FITS file has no two-dimensional image")
        pixels = np.asarray(image, dtype=np.float32)
    except Exception as error:  # any fault of the bytes is a reason, not a stop
        return NoCutout(f"unreadable FITS: {error}")
    if not np.isfinite(pixels).any():
        return NoCutout("all pixels are blank")
    return Cutout(pixels, _celestial_wcs(header), str(header.get("BUNIT", "")))


def tangent_wcs(
    ra: float, dec: float, pixel: tuple[float, float], matrix: tuple[tuple[float, float], tuple[float, float]]
) -> WCS:
    """Make a tangent-plane WCS.

    Parameters
    ----------
    ra, dec
        Reference position in degrees (ICRS).
    pixel
        Where it is, x and y counted from 0.
    matrix
        Degrees on the tangent plane (east, north) per pixel (x, y).
    """
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [pixel[0] + 1, pixel[1] + 1]
    wcs.wcs.cd = matrix
    return wcs


def tangent_offsets(
    ra: NDArray[np.float64], dec: NDArray[np.float64], ra0: float, dec0: float
) -> NDArray[np.float64]:
    """Project positions on the plane tangent to the sky at (ra0, dec0).

    Returns
    -------
    ndarray of shape (n, 2)
        Offsets to the east and to the north in arcsec.

    Examples
    --------
    >>> tangent_offsets(np.array([10.0]), np.array([60.001]), 10.0, 60.0).round(3).tolist()
    [[0.0, 3.6]]
    """
    d_ra, dec, dec0 = np.radians(ra - ra0), np.radians(dec), math.radians(dec0)
    depth = np.sin(dec) * math.sin(dec0) + np.cos(dec) * math.cos(dec0) * np.cos(d_ra)
    east = np.cos(dec) * np.sin(d_ra) / depth
    north = (np.sin(dec) * math.cos(dec0) - np.cos(dec) * math.sin(dec0) * np.cos(d_ra)) / depth
    return np.degrees(np.stack([east, north], axis=-1)) * 3600


def pixels_to_sky(cutout: Cutout, ra0: float, dec0: float) -> NDArray[np.float64] | None:
    """Find the affine map from pixels to offsets on the sky, north up and east positive.

    Returns
    -------
    ndarray of shape (2, 3) or None
        ``[east, north] = m[:, :2] @ [x, y] + m[:, 2]`` in arcsec from (ra0, dec0), x and y counted from
        0; None without a WCS.
    """
    if cutout.wcs is None:
        return None
    ny, nx = cutout.data.shape
    x, y = np.array([0.0, nx - 1, 0.0]), np.array([0.0, 0.0, ny - 1])
    ra, dec = cutout.wcs.celestial.pixel_to_world_values(x, y)
    origin, right, top = tangent_offsets(np.asarray(ra), np.asarray(dec), ra0, dec0)
    matrix = np.stack([(right - origin) / max(nx - 1, 1), (top - origin) / max(ny - 1, 1), origin], axis=-1)
    usable = np.isfinite(matrix).all() and np.linalg.det(matrix[:, :2]) != 0
    return matrix if usable else None


def _celestial_wcs(header: Any) -> WCS | None:
    from astropy.wcs import WCS, FITSFixedWarning

    if "CRVAL1" not in header or "CRVAL2" not in header:
        return None
    header = header.copy()
    if "CTYPE1" not in header and "CTYPE2" not in header:
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FITSFixedWarning)  # dates that astropy reformats
            wcs = WCS(header, naxis=2)
            return wcs if wcs.has_celestial else None
    except Exception:  # a WCS that wcslib refuses is no WCS; the pixels are still worth a look
        return None


def _is_bytes(data: Any) -> bool:
    return isinstance(data, (bytes, bytearray, memoryview))


def _missing(data: Any) -> NoCutout:
    if data is None:
        return NoCutout("not in the packet")
    return NoCutout("empty in the packet" if _is_bytes(data) else f"not bytes but {type(data).__name__}")
