from itertools import pairwise

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from matplotlib.figure import Figure
from skysieve_widgets.cutouts import NAMES, draw_cutouts, read_cutouts
from skysieve_widgets.fits_cutout import Cutout, NoCutout, pixels_to_sky

from . import packets


def draw(alert):
    figure = Figure(figsize=(9, 3))
    axes = list(figure.subplots(1, 3))
    draw_cutouts(axes, alert)
    figure.draw_without_rendering()  # places the axes; a canvas without a backend draws nothing
    return axes


def texts(ax):
    return " ".join(text.get_text() for text in ax.texts)


@pytest.mark.real_data
@pytest.mark.parametrize("path", packets.LSST_FILES, ids=lambda path: path.name[:18])
def test_lsst_cutouts_are_placed_north_up_at_a_fifth_of_an_arcsec(path):
    alert = packets.lsst_file(path)
    source = alert["diaSource"]
    place = SkyCoord(source["ra"], source["dec"], unit="deg")
    for cutout in read_cutouts(alert).values():
        assert isinstance(cutout, Cutout)
        assert cutout.data.shape == (30, 30)
        matrix = pixels_to_sky(cutout, source["ra"], source["dec"])
        assert matrix is not None
        for x, y in [(0, 0), (29, 0), (0, 29), (14.5, 14.5)]:
            ra, dec = cutout.wcs.pixel_to_world_values(x, y)
            offsets = place.spherical_offsets_to(SkyCoord(ra, dec, unit="deg"))
            expected = [offset.to_value(u.arcsec) for offset in offsets]
            assert matrix @ [x, y, 1] == pytest.approx(np.array(expected), abs=1e-4)
        scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        assert scale == pytest.approx(0.2, abs=0.003)


@pytest.mark.real_data
@pytest.mark.parametrize("diasource_id", ["169813007065939974", "169813007065940063", "169813006395375696"])
def test_a_bright_lsst_source_lies_where_its_cutout_is_marked(diasource_id):
    alert = packets.lsst(diasource_id)
    cutout = read_cutouts(alert)["Difference"]
    assert isinstance(cutout, Cutout)
    y, x = np.mgrid[10:20, 10:20]
    core = cutout.data[10:20, 10:20]
    weight = np.where(core > core.max() / 2, core, 0)
    matrix = pixels_to_sky(cutout, alert["diaSource"]["ra"], alert["diaSource"]["dec"])
    assert matrix is not None
    centroid = matrix @ [(x * weight).sum() / weight.sum(), (y * weight).sum() / weight.sum(), 1]
    assert np.abs(centroid).max() < 0.06  # a third of a pixel


@pytest.mark.real_data
def test_drawn_axes_have_north_up_and_east_to_the_left():
    alert = packets.lsst(packets.LSST_WITH_HISTORY)
    source = alert["diaSource"]
    ax = draw(alert)[0]
    (image,) = ax.images
    cutout = read_cutouts(alert)["Science"]
    north = SkyCoord(source["ra"], source["dec"], unit="deg").directional_offset_by(0 * u.deg, 1 * u.arcsec)
    east = SkyCoord(source["ra"], source["dec"], unit="deg").directional_offset_by(90 * u.deg, 1 * u.arcsec)
    places = [(source["ra"], source["dec"]), (north.ra.deg, north.dec.deg), (east.ra.deg, east.dec.deg)]
    pixels = [cutout.wcs.world_to_pixel_values(*place) for place in places]
    centre, up, left = image.get_transform().transform(pixels)
    assert up[0] - centre[0] == pytest.approx(0, abs=0.2)
    assert up[1] > centre[1]
    assert left[1] - centre[1] == pytest.approx(0, abs=0.2)
    assert left[0] < centre[0]
    arcsec = ax.transData.transform([(0, 0), (0, 1)])
    assert up[1] - centre[1] == pytest.approx(arcsec[1, 1] - arcsec[0, 1], rel=0.005)


@pytest.mark.real_data
def test_every_ztf_cutout_is_read_and_placed():
    for alert in packets.ztf_alerts():
        for cutout in read_cutouts(alert).values():
            assert isinstance(cutout, Cutout)
            assert cutout.wcs is not None
            assert cutout.wcs_from != "packet"


@pytest.mark.real_data
def test_the_ztf_orientation_agrees_with_places_of_alerts_on_one_image():
    by_image: dict[int, list[dict]] = {}
    for alert in packets.ztf_alerts():
        by_image.setdefault(alert["candidate"]["pid"], []).append(alert)
    compared = 0
    for alerts in by_image.values():
        for one, other in pairwise(alerts):
            a, b = one["candidate"], other["candidate"]
            away = np.array([b["xpos"] - a["xpos"], b["ypos"] - a["ypos"]])
            matrix = pixels_to_sky(read_cutouts(one)["Science"], a["ra"], a["dec"])
            places = [SkyCoord(c["ra"], c["dec"], unit="deg") for c in (a, b)]
            measured = [o.to_value(u.arcsec) for o in places[0].spherical_offsets_to(places[1])]
            supposed = matrix[:, :2] @ away
            assert np.linalg.norm(supposed - measured) < 0.03 * np.linalg.norm(measured) + 1.5
            compared += 1
    assert compared > 20


@pytest.mark.real_data
def test_a_ztf_stamp_cut_off_at_the_edge_of_the_image_is_still_centred_on_its_alert():
    cut_off = {
        alert["objectId"]: read_cutouts(alert)["Difference"]
        for alert in packets.ztf_alerts()
        if alert["objectId"] in ("ZTF18acsbjox", "ZTF26aaoqcvo")
    }
    rows = {name: (c.data.shape[0], round(float(c.wcs.wcs.crpix[1]) - 1)) for name, c in cut_off.items()}
    assert rows == {"ZTF18acsbjox": (53, 31), "ZTF26aaoqcvo": (58, 26)}


@pytest.mark.real_data
def test_only_the_first_cutout_carries_the_compass_and_the_scale_bar():
    first, second, third = draw(packets.lsst(packets.LSST_WITH_HISTORY))
    assert "N" in texts(first)
    assert "2″" in texts(first)
    assert "N" not in texts(second)
    assert texts(third).startswith("±")


@pytest.mark.real_data
def test_the_difference_is_coloured_symmetrically():
    norm = draw(packets.lsst(packets.LSST_BRIGHT))[2].images[0].norm
    assert norm.vmin == -norm.vmax


@pytest.mark.real_data
def test_a_missing_cutout_leaves_the_others():
    alert = packets.lsst(packets.LSST_BRIGHT) | {"cutoutScience": None, "cutoutTemplate": b"garbage"}
    science, template, difference = draw(alert)
    assert "not in the packet" in texts(science)
    assert "no cutout" in texts(template)
    assert len(difference.images) == 1
    assert "N" in texts(difference)


def test_an_alert_without_cutouts_says_so_three_times():
    alert = packets.hand_made()
    assert {type(c) for c in read_cutouts(alert).values()} == {NoCutout}
    assert all("no cutout" in texts(ax) for ax in draw(alert))


def test_a_cutout_without_wcs_is_drawn_as_stored():
    alert = packets.hand_made(cutoutScience=packets.fits_bytes(np.eye(5, dtype="float32")))
    science = draw(alert)[0]
    assert len(science.images) == 1
    assert "no WCS" in science.get_xlabel()


@pytest.mark.parametrize(
    "pixels", [np.zeros((5, 5)), np.full((1, 1), 3.0), np.array([[np.nan, 1.0], [np.inf, 2.0]])]
)
def test_degenerate_pixels_are_drawn(pixels):
    stamp = packets.fits_bytes(pixels.astype("float32"))
    draw(packets.hand_made(**{f"cutout{name}": stamp for name in NAMES}))


def drawn_offsets(ax, pixels):
    """Where pixels are drawn, in arcsec to the east and to the north of the middle, by the scale of the screen."""
    (image,) = ax.images
    on_screen = image.get_transform().transform(pixels) - ax.transData.transform((0, 0))
    (left, bottom), (right, top) = ax.transData.transform([(0, 0), (1, 1)])
    per_arcsec = np.array([right - left, top - bottom])
    assert per_arcsec[0] == pytest.approx(-per_arcsec[1])  # east to the left, north up, square
    return on_screen / per_arcsec


def wcs_offsets(cutout, place, pixels):
    sky = SkyCoord(*cutout.wcs.celestial.pixel_to_world_values(*np.transpose(pixels)), unit="deg")
    return np.stack([offset.arcsec for offset in place.spherical_offsets_to(sky)], axis=-1)


def assert_drawn_as_the_wcs_says(alert, place, scale):
    turns = []
    for ax, cutout in zip(draw(alert), read_cutouts(alert).values(), strict=True):
        ny, nx = cutout.data.shape
        pixels = [(0, 0), (nx - 1, 0), (0, ny - 1), (nx - 1, ny - 1), (nx / 2, ny / 3)]
        drawn = drawn_offsets(ax, pixels)
        assert drawn == pytest.approx(wcs_offsets(cutout, place, pixels), abs=0.01 * scale)
        along_x, along_y = (drawn[1] - drawn[0]) / (nx - 1), (drawn[2] - drawn[0]) / (ny - 1)
        assert [np.hypot(*along_x), np.hypot(*along_y)] == pytest.approx([scale, scale], rel=0.015)
        turns.append(np.degrees(np.arctan2(*along_y)))
    return turns


@pytest.mark.real_data
@pytest.mark.parametrize("path", packets.LSST_FILES, ids=lambda path: path.name[:18])
def test_lsst_pixels_are_drawn_where_the_wcs_of_the_packet_has_them(path):
    alert = packets.lsst_file(path)
    place = SkyCoord(alert["diaSource"]["ra"], alert["diaSource"]["dec"], unit="deg")
    assert {c.wcs_from for c in read_cutouts(alert).values()} == {"packet"}
    assert_drawn_as_the_wcs_says(alert, place, 0.2)


@pytest.mark.real_data
def test_lsst_exposures_are_turned_each_by_its_own_angle():
    turns = set()
    for path in packets.LSST_FILES[::3]:
        alert = packets.lsst_file(path)
        place = SkyCoord(alert["diaSource"]["ra"], alert["diaSource"]["dec"], unit="deg")
        turns |= {round(turn / 10) for turn in assert_drawn_as_the_wcs_says(alert, place, 0.2)}
    assert len(turns) > 2


@pytest.mark.real_data
def test_ztf_pixels_are_drawn_with_x_to_the_west_and_y_to_the_south_at_one_arcsec():
    for alert in packets.ztf_alerts()[::20]:
        place = SkyCoord(alert["candidate"]["ra"], alert["candidate"]["dec"], unit="deg")
        turns = assert_drawn_as_the_wcs_says(alert, place, 1.012)
        assert np.abs(turns) == pytest.approx([180, 180, 180], abs=0.5)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turn", [0, 30, 135, 270])
def test_any_rotation_and_parity_of_a_wcs_is_heeded(turn, mirrored):
    cosine, sine = 0.4 * np.cos(np.radians(turn)) / 3600, 0.4 * np.sin(np.radians(turn)) / 3600
    sign = 1 if mirrored else -1
    cards = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 54.15,
        "CRVAL2": -27.46,
        "CRPIX1": 5,
        "CRPIX2": 6,
    }
    cards |= {"CD1_1": sign * cosine, "CD1_2": sine, "CD2_1": -sign * sine, "CD2_2": cosine}
    stamp = packets.fits_bytes(np.eye(11, 9, dtype="float32"), **cards)
    alert = packets.hand_made(**{f"cutout{name}": stamp for name in NAMES})
    turns = assert_drawn_as_the_wcs_says(alert, SkyCoord(54.15, -27.46, unit="deg"), 0.4)
    assert (turns[0] - turn + 180) % 360 == pytest.approx(180, abs=0.01)


@pytest.mark.real_data
@pytest.mark.parametrize("survey", ["lsst", "ztf"])
def test_the_scale_bar_is_as_long_as_it_says_and_the_compass_points_north_and_east(survey):
    alert = packets.lsst(packets.LSST_WITH_HISTORY) if survey == "lsst" else packets.ztf_alerts()[0]
    ax = draw(alert)[0]
    (length,) = (float(t.get_text().rstrip("″")) for t in ax.texts if t.get_text().endswith("″"))
    bar = max(
        (line for line in ax.lines if line.get_linewidth() == 2), key=lambda line: np.ptp(line.get_xdata())
    )
    assert np.ptp(bar.get_xdata()) == pytest.approx(length)
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    tips = [np.sign(np.round(ax.transData.transform(a.xy) - ax.transData.transform(a.xyann))) for a in arrows]
    assert [tip.tolist() for tip in tips] == [[0, 1], [-1, 0]]  # north up, east to the left
