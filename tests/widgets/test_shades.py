import io

import numpy as np
import pytest
from matplotlib.image import imread
from skysieve_widgets.fits_cutout import Cutout, pixels_to_sky
from skysieve_widgets.shades import COLOUR_MAPS, STRETCHES, shades, thumbnail

from . import packets

PIXELS = np.random.default_rng(1).normal(100, 5, (30, 30)).astype("float32")
PIXELS[15, 15] = 5000
CUTOUT = Cutout(PIXELS)
DIFFERENCE = Cutout(PIXELS - 100)


@pytest.mark.parametrize("stretch", STRETCHES)
def test_a_stretch_rises_from_the_faintest_to_the_brightest(stretch):
    for name in ("Science", "Difference"):
        norm, _ = shades(name, CUTOUT, stretch)
        shade = norm(np.linspace(norm.vmin, norm.vmax, 50))
        assert shade[0] == pytest.approx(0, abs=1e-6)
        assert shade[-1] == pytest.approx(1)
        assert (np.diff(shade) > 0).all()


@pytest.mark.parametrize("stretch", STRETCHES)
def test_the_difference_is_symmetric_about_zero_in_every_stretch(stretch):
    norm, colours = shades("Difference", DIFFERENCE, stretch, "viridis")
    assert norm(0.0) == pytest.approx(0.5)
    assert norm.vmin == -norm.vmax
    assert colours.name == "RdBu_r"


def test_log_and_asinh_lift_what_is_faint_and_zscale_leaves_the_bright_out():
    faint = 150.0
    linear, asinh, log = (shades("Science", CUTOUT, name)[0](faint) for name in ("linear", "asinh", "log"))
    assert linear < asinh
    assert linear < log
    assert shades("Science", CUTOUT, "zscale")[0].vmax < 200


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_colour_maps_are_even_in_lightness(colour_map):
    _, colours = shades("Science", CUTOUT, "linear", colour_map)
    lightness = colours(np.linspace(0, 1, 64))[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all() or (np.diff(lightness) < 0).all()


@pytest.mark.parametrize("how", [{"stretch": "cubic"}, {"colour_map": "jet"}])
def test_a_stretch_or_colour_map_that_is_not_known_is_refused_with_those_that_are(how):
    with pytest.raises(ValueError, match="none of"):
        shades("Science", CUTOUT, **how)


def red_places(image, side):
    """Where the reddest part of a picture is, in pixels to the right and up from its middle."""
    redness = image[..., 0] - image[..., 2]
    y, x = np.nonzero(redness > 0.7 * redness.max())
    return x.mean() - (side - 1) / 2, (side - 1) / 2 - y.mean()


@pytest.mark.parametrize("turn", [0, 30, 137, 270])
@pytest.mark.parametrize("mirrored", [1, -1])
def test_a_thumbnail_has_north_up_and_east_to_the_left_by_the_wcs(turn, mirrored):
    angle, scale = np.radians(turn), 0.2 / 3600
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix[:, 0] *= mirrored
    cards = {f"CD{i + 1}_{j + 1}": matrix[i, j] for i in (0, 1) for j in (0, 1)}
    pixels = np.zeros((30, 30), "float32")
    pixels[18:21, 20:23] = 100
    stamp = packets.fits_bytes(pixels, CRVAL1=54.15, CRVAL2=-27.46, CRPIX1=15.5, CRPIX2=15.5, **cards)
    alert = packets.hand_made(cutoutDifference=stamp)
    picture = thumbnail(alert, side=60)
    assert picture is not None
    right, up = red_places(imread(io.BytesIO(picture), format="png"), 60)
    wcs_cutout = packets_cutout(alert)
    east, north = pixels_to_sky(wcs_cutout, 54.15, -27.46) @ [21, 19, 1]
    arcsec_per_pixel = 30 * 0.2 / 60
    assert (-right * arcsec_per_pixel, up * arcsec_per_pixel) == pytest.approx((east, north), abs=0.15)


def packets_cutout(alert):
    from skysieve_widgets.cutouts import read_cutouts

    return read_cutouts(alert)["Difference"]


BLANK = packets.fits_bytes(np.full((5, 5), np.nan, dtype="float32"))


@pytest.mark.parametrize("value", [None, b"", b"no FITS", 3, BLANK])
def test_there_is_no_thumbnail_of_a_cutout_that_cannot_be_read(value):
    assert thumbnail(packets.hand_made(cutoutDifference=value)) is None


def test_a_cutout_without_wcs_or_position_has_a_thumbnail_as_stored():
    pixels = np.zeros((20, 20), "float32")
    pixels[15:18, 2:5] = 9
    alert = packets.hand_made(cutoutDifference=packets.fits_bytes(pixels))
    alert["diaSource"]["ra"] = None
    right, up = red_places(imread(io.BytesIO(thumbnail(alert, side=40)), format="png"), 40)
    assert right < -10
    assert up > 10


@pytest.mark.real_data
def test_real_thumbnails_are_pictures():
    for alert in [packets.lsst(packets.LSST_BRIGHT), *packets.ztf_alerts()[:5]]:
        assert imread(io.BytesIO(thumbnail(alert)), format="png").shape == (48, 48, 4)
