"""Light curves, cutouts and sky maps of real packets look as they did when a person last looked at them."""

import io

import numpy as np
import pytest
from astropy.io import fits
from matplotlib.figure import Figure
from skysieve_widgets import SkyMap
from skysieve_widgets.cutouts import draw_cutouts
from skysieve_widgets.light_curve import draw_light_curve

from . import packets
from .pictures import BASELINE, TOLERANCE, difference
from .sky.test_skymaps import BAYESTAR

pytestmark = pytest.mark.real_data

ZTF_WITH_FORCED = 2475433850015010009
FOOTPRINT = packets.DATA / "catalogs" / "lsst-uk+lasair-lsst" / "ar_1.fits"


@pytest.fixture
def lsst():
    return packets.lsst(packets.LSST_WITH_HISTORY)


@pytest.fixture
def ztf():
    return next(alert for alert in packets.ztf_alerts() if alert["candid"] == ZTF_WITH_FORCED)


def light_curve(alert, in_magnitudes):
    figure = Figure(figsize=(5, 3))
    draw_light_curve(figure.subplots(), alert, in_magnitudes)
    return figure


def cutouts(alert):
    figure = Figure(figsize=(6, 2.2))
    draw_cutouts(list(figure.subplots(1, 3)), alert)
    return figure


def sky(**how):
    lsst = [packets.lsst_file(path) for path in packets.LSST_FILES]
    return SkyMap(BAYESTAR, FOOTPRINT, lsst, packets.ztf_alerts(), **how)


@pytest.mark.parametrize("in_magnitudes", [False, True], ids=["flux", "magnitude"])
@pytest.mark.parametrize("survey", ["lsst", "ztf"])
def test_light_curves(survey, in_magnitudes, request, tmp_path):
    name = f"light_curve_{survey}_{'magnitude' if in_magnitudes else 'flux'}"
    figure = light_curve(request.getfixturevalue(survey), in_magnitudes)
    assert difference(figure, name, tmp_path) < TOLERANCE


@pytest.mark.parametrize("survey", ["lsst", "ztf"])
def test_cutouts(survey, request, tmp_path):
    assert difference(cutouts(request.getfixturevalue(survey)), f"cutouts_{survey}", tmp_path) < TOLERANCE


@pytest.mark.parametrize("centre", [0, 180])
def test_sky_maps(centre, tmp_path):
    assert difference(sky(centre=centre).figure(), f"sky_map_{centre}", tmp_path) < TOLERANCE


def test_what_is_drawn_otherwise_is_noticed(lsst, ztf, tmp_path):
    turned = {"diaSource": lsst["diaSource"]}
    for name in ("cutoutScience", "cutoutTemplate", "cutoutDifference"):
        turned[name] = flipped(lsst[name])
    changed = {
        "cutouts_lsst": cutouts(lsst | turned),
        "cutouts_ztf": cutouts(lsst),
        "sky_map_0": sky(centre=20).figure(),
        "light_curve_ztf_flux": light_curve(ztf, in_magnitudes=True),
        "light_curve_lsst_flux": light_curve(lsst | {"prvDiaSources": None}, in_magnitudes=False),
    }
    for name, figure in changed.items():
        assert difference(figure, name, tmp_path) > TOLERANCE, name


def test_another_way_of_rasterising_is_not_noticed(lsst, ztf, tmp_path):
    same = {
        "cutouts_lsst": cutouts(lsst),
        "cutouts_ztf": cutouts(ztf),
        "sky_map_0": sky(centre=0).figure(),
        "light_curve_lsst_flux": light_curve(lsst, in_magnitudes=False),
        "light_curve_ztf_magnitude": light_curve(ztf, in_magnitudes=True),
    }
    for name, figure in same.items():
        assert difference(figure, name, tmp_path, finer=2) < TOLERANCE, name


def flipped(stamp):
    """The pixels upside down under the same header."""
    with fits.open(io.BytesIO(stamp)) as hdus:
        return packets.fits_bytes(np.ascontiguousarray(hdus[0].data[::-1]), **wcs_cards(hdus[0].header))


def wcs_cards(header):
    return {key: value for key, value in header.items() if key.startswith(("CRVAL", "CRPIX", "CD", "CTYPE"))}


def test_the_pictures_kept_are_small_and_each_is_compared():
    kept = {path.stem: path.stat().st_size for path in BASELINE.glob("*.png")}
    expected = {f"light_curve_{s}_{kind}" for s in ("lsst", "ztf") for kind in ("flux", "magnitude")}
    assert set(kept) == expected | {"cutouts_lsst", "cutouts_ztf", "sky_map_0", "sky_map_180"}
    assert max(kept.values()) < 30_000
