import gzip

import numpy as np
import pytest
from skysieve_widgets.fits_cutout import Cutout, NoCutout, gunzip, pixels_to_sky, read_fits, tangent_wcs

from .packets import fits_bytes

PIXELS = np.arange(12, dtype="float32").reshape(3, 4)


def test_pixels_are_read_as_float32_with_their_unit():
    cutout = read_fits(fits_bytes(PIXELS.astype("int16"), BUNIT="nJy"))
    assert isinstance(cutout, Cutout)
    assert cutout.data.dtype == np.float32
    assert (cutout.data == PIXELS).all()
    assert cutout.unit == "nJy"
    assert cutout.wcs is None


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_read(kind):
    assert isinstance(read_fits(kind(fits_bytes(PIXELS))), Cutout)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "not in the packet"),
        (b"", "empty"),
        (b"\x89PNG....", "not FITS"),
        ("text", "not bytes but str"),
        (3.5, "not bytes but float"),
        (b"SIMPLE but no header", "unreadable FITS"),
        (fits_bytes(PIXELS)[:2900], "unreadable FITS"),
        (fits_bytes(PIXELS[0]), "no two-dimensional image"),
        (fits_bytes(None), "no two-dimensional image"),
        (fits_bytes(np.full((3, 3), np.nan, "float32")), "blank"),
    ],
)
def test_what_cannot_be_read_gives_its_reason(data, reason):
    cutout = read_fits(data)
    assert isinstance(cutout, NoCutout)
    assert reason in cutout.reason


@pytest.mark.parametrize("data", [None, b"", b"not gzip", gzip.compress(b"x" * 999, mtime=0)[:-12], 1.0])
def test_what_cannot_be_decompressed_gives_its_reason(data):
    assert isinstance(gunzip(data), NoCutout)


def test_a_wcs_without_ctype_is_a_tangent_plane():
    matrix = {"PC1_1": -1e-4, "PC1_2": 0.0, "PC2_1": 0.0, "PC2_2": 1e-4}
    cards = {"CRPIX1": 2.0, "CRPIX2": 2.0, "CRVAL1": 10.0, "CRVAL2": 60.0, **matrix}
    cutout = read_fits(fits_bytes(PIXELS, **cards))
    assert isinstance(cutout, Cutout)
    assert cutout.wcs is not None
    ra, dec = cutout.wcs.pixel_to_world_values(0, 1)
    assert dec == pytest.approx(60, abs=1e-6)
    assert ra == pytest.approx(10 + 1e-4 / np.cos(np.radians(60)), abs=1e-9)


def test_a_wcs_that_is_nonsense_leaves_the_pixels():
    cutout = read_fits(fits_bytes(PIXELS, CRVAL1=10.0, CRVAL2=60.0, CTYPE1="RA---XYZ", CTYPE2="DEC--XYZ"))
    assert isinstance(cutout, Cutout)
    assert cutout.wcs is None


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.9999, 30.0), (120.0, 89.999), (75.0, -70.0)])
def test_the_map_to_the_sky_holds_at_ra_zero_and_near_the_pole(ra, dec):
    scale = 0.2 / 3600
    wcs = tangent_wcs(ra, dec, (15.3, 14.6), ((-scale, 0.0), (0.0, scale)))
    matrix = pixels_to_sky(Cutout(np.zeros((30, 30), "float32"), wcs), ra, dec)
    assert matrix is not None
    assert matrix[:, :2] == pytest.approx(np.array([[-0.2, 0.0], [0.0, 0.2]]), abs=1e-6)
    assert matrix @ [15.3, 14.6, 1.0] == pytest.approx(np.zeros(2), abs=1e-5)
