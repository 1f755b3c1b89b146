"""What lies where on a layer equals mocpy's answer, and its lines are where that changes."""

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import Latitude, Longitude, SkyCoord
from mocpy import MOC
from skysieve_widgets.sky.layers import Density, Points, Probability, Region, ring, square_degrees
from skysieve_widgets.sky.positions import positions
from skysieve_widgets.sky.skymaps import read_skymap

from widgets import packets

from .test_skymaps import blob, flat

FOOTPRINT = packets.DATA / "catalogs" / "lsst-uk+lasair-lsst" / "ar_1.fits"


def cone(ra, dec, radius, order=7):
    return MOC.from_cone(Longitude(ra, "deg"), Latitude(dec, "deg"), radius=radius * u.deg, max_depth=order)


def anywhere(count=20_000, seed=5):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))


CONES = [(10, 20, 5), (0, 0, 8), (359.9, -60, 3), (120, 90, 10), (77, -89, 4)]


@pytest.mark.parametrize("where", CONES)
def test_a_region_is_where_mocpy_has_it(where):
    moc = cone(*where)
    ra, dec = anywhere()
    inside = moc.contains_lonlat(Longitude(ra, "deg"), Latitude(dec, "deg"))
    assert inside.any()
    assert (Region("r", moc).values(ra, dec) == inside).all()


@pytest.mark.parametrize("where", CONES)
def test_its_edge_is_where_it_ends(where):
    ra, dec, radius = where
    lines = np.concatenate(Region("r", cone(*where)).lines)
    away = SkyCoord(ra, dec, unit="deg").separation(
        SkyCoord(lines[:, 0], np.clip(lines[:, 1], -90, 90), unit="deg")
    )
    assert np.abs(away.deg - radius).max() < 1.0  # cells of half a degree, drawn on a grid of a quarter
    angles = SkyCoord(ra, dec, unit="deg").position_angle(SkyCoord(lines[:, 0], lines[:, 1], unit="deg"))
    assert np.diff(np.sort(angles.deg)).max() < 30  # all around, also across right ascension 0


@pytest.mark.real_data
def test_a_real_footprint_is_shown_whole_and_widened_by_a_cell_at_most():
    moc = MOC.from_fits(FOOTPRINT)
    layer = Region("ar_1", moc)
    cells = moc.degrade_to_order(9).flatten()
    from cdshealpix import healpix_to_lonlat

    lon, lat = healpix_to_lonlat(cells, 9)
    assert layer.values(lon.deg, lat.deg).all()
    ra, dec = anywhere(200_000)
    shown = layer.values(ra, dec) > 0
    wider = moc.degrade_to_order(7).add_neighbours()
    assert not (shown & ~wider.contains_lonlat(Longitude(ra, "deg"), Latitude(dec, "deg"))).any()
    assert layer.label == f"ar_1: {moc.sky_fraction * 41252.96:.3g} deg²"


def test_a_region_smaller_than_a_pixel_is_still_seen():
    tiny = cone(200.123, 33.3, 0.01, order=13)
    layer = Region("tiny", tiny)
    assert layer.values(np.array([200.123]), np.array([33.3]))[0] == 1
    assert layer.lines


def test_an_empty_region_is_nowhere():
    layer = Region("empty", MOC.new_empty(5))
    assert not layer.values(*anywhere(50)).any()
    assert layer.lines == []
    assert layer.label == "empty: 0 deg²"


def test_the_whole_sky_has_no_edge():
    assert Region("all", MOC.from_str("0/0-11")).lines == []


def test_beyond_the_map_nothing_is_anywhere():
    nowhere = np.array([np.nan]), np.array([np.nan])
    skymap = Probability("p", read_skymap(flat(blob())))
    at = positions(pd.DataFrame({"ra": [1.0], "dec": [1.0]}))
    for layer in (Region("r", cone(0, 0, 5)), skymap, Density("d", at)):
        assert layer.values(*nowhere).tolist() == [0]


def test_probabilities_are_shown_in_the_regions_of_50_and_90_percent():
    skymap = read_skymap(flat(blob()))
    layer = Probability("S1", skymap)
    ra, dec = anywhere()
    values = layer.values(ra, dec)
    for level in (0.5, 0.9):
        inside = skymap.region(level).contains_lonlat(Longitude(ra, "deg"), Latitude(dec, "deg"))
        shown = (values > 0) & (values <= 100 * level)
        # the cell that crosses the level belongs to mocpy's region and not to the map's
        assert np.mean(shown != inside) < 1 / 12 / 4**3
        assert not (shown & ~inside).any()
    assert set(layer.strength(np.array([0, 1, 50, 51, 90], dtype=np.uint16)).tolist()) == {0.0, 0.6, 0.25}
    areas = [square_degrees(skymap.region(level)) for level in (0.5, 0.9)]
    assert layer.label == f"S1: 50 % in {areas[0]}, 90 % in {areas[1]}"


def test_contours_of_probability_run_where_the_level_is_crossed():
    skymap = read_skymap(flat(blob(order=6)))
    lines = Probability("S1", skymap).lines
    for level in (0.5, 0.9):
        own = [line for line in lines if np.abs(np.median(skymap.credible(*line.T)) - level) < 0.1]
        assert own
        away = SkyCoord(10, 30, unit="deg").separation(SkyCoord(*np.concatenate(own).T, unit="deg"))
        assert away.deg.std() < 0.6  # round, as the blob is
        assert away.deg.mean() == pytest.approx(8 * np.sqrt(-2 * np.log(1 - level)), rel=0.05)


def test_an_event_that_is_smaller_than_a_pixel_gets_a_ring():
    values = np.zeros(12 * 4**9)
    values[12345] = 1.0
    skymap = read_skymap(flat(values))
    for line in Probability("S1", skymap).lines:
        away = SkyCoord(*skymap.peak, unit="deg").separation(SkyCoord(*line.T, unit="deg"))
        assert (away.deg < 1).all()


@pytest.mark.parametrize("where", [(0.0, 0.0), (359.9, 45.0), (10.0, 90.0), (10.0, -89.9)])
def test_a_ring_is_a_circle_on_the_sky(where):
    line = SkyCoord(*ring(*where, 2.0).T, unit="deg")
    assert SkyCoord(*where, unit="deg").separation(line).deg == pytest.approx(np.full(73, 2.0))


def test_alerts_are_counted_in_cells_of_healpix():
    ra, dec = anywhere(30_000)
    ra[:500], dec[:500] = 0.01, 89.99
    at = positions(pd.DataFrame({"ra": ra, "dec": dec}))
    layer = Density("read", at)
    assert layer.counts.sum() == 30_000
    assert layer.values(np.array([180.0]), np.array([89.99])).sum() <= 500
    assert layer.values(np.array([0.01]), np.array([89.99]))[0] == layer.counts.max() >= 500
    shown = layer.strength(np.array([0, 1, layer.counts.max()], dtype=np.uint16))
    assert shown[0] == 0
    assert 0.2 < shown[1] < shown[2] <= 1
    assert layer.label == f"read: 30,000; 1 to {layer.counts.max()} in 3.4 deg²"


def test_no_alerts_are_no_density():
    layer = Density("read", positions(pd.DataFrame({"ra": [], "dec": []})))
    assert not layer.values(*anywhere(10)).any()
    assert layer.label == "read: 0"


def test_points_tell_how_many_have_no_position():
    at = positions(pd.DataFrame({"ra": [1.0, np.nan], "dec": [1.0, 1.0]}))
    assert Points("alerts", at).label == "alerts: 1, 1 without a position"
