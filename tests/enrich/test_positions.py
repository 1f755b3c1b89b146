"""Pairs within a radius are those that astropy finds, wherever on the sphere."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, search_around_sky
from hypothesis import given
from hypothesis import strategies as st
from skysieve.enrich import positions


def index(folder, ra, dec, radius=None):
    positions.opened.cache_clear()
    order = positions.write(folder, np.asarray(ra, float), np.asarray(dec, float), radius)
    return positions.opened(str(folder)), order


def astropys(ra, dec, other_ra, other_dec, radius):
    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    one, other, apart, _ = search_around_sky(here, there, radius * u.deg)
    return {(int(i), int(j)): float(a) for i, j, a in zip(one, other, apart.arcsec, strict=True)}


def ours(found, order, ra, dec, radius):
    one, other, apart = found.near(np.asarray(ra, float), np.asarray(dec, float), radius)
    return {(int(i), int(order[j])): float(a) * 3600 for i, j, a in zip(one, other, apart, strict=True)}


def scattered(rng, count, around, width):
    """Positions about some places, closely enough that many are pairs."""
    centres = np.array(around)[rng.integers(len(around), size=count)]
    dec = np.clip(centres[:, 1] + rng.normal(0, width, count), -90, 90)
    return np.mod(centres[:, 0] + rng.normal(0, width, count) / np.cos(np.radians(dec)).clip(0.01), 360), dec


HARD = [
    (0, 0),
    (359.999, 0.001),
    (45, 41.81),
    (90, 0),
    (10, 90),
    (200, -90),
    (180, -41.8),
    (0, 89.99),
    (315, 60),
]


@pytest.mark.parametrize("radius", [0.5 / 3600, 1.5 / 3600, 30 / 3600, 0.2, 2.0])
def test_pairs_and_separations_are_those_of_astropy(tmp_path, radius):
    rng = np.random.default_rng(1)
    ra, dec = scattered(rng, 600, HARD, 2 * radius)
    other_ra, other_dec = scattered(rng, 600, HARD, 2 * radius)
    found = ours(*index(tmp_path, other_ra, other_dec), ra, dec, radius)
    expected = astropys(ra, dec, other_ra, other_dec, radius)
    assert len(expected) > 100
    assert found.keys() == expected.keys()
    assert max(abs(found[pair] - expected[pair]) for pair in expected) < 1e-6


def test_the_same_place_twice_is_found_twice_and_the_nearest_comes_first(tmp_path):
    ra, dec = [10.0, 10.0, 10.0, 50.0], [20.0, 20.0, 20.0001, 20.0]
    found, order = index(tmp_path, ra, dec)
    _, other, apart = found.near(np.array([10.0]), np.array([20.00001]), 1 / 3600)
    assert [int(order[j]) for j in other] == [0, 1, 2]
    assert (np.diff(apart) >= 0).all()


def test_nothing_is_near_a_position_that_is_none(tmp_path):
    found, _ = index(tmp_path, [10.0], [20.0])
    one, other, apart = found.near(np.array([np.nan, 10.0, 10.0]), np.array([20.0, np.nan, 95.0]), 1.0)
    assert (len(one), len(other), len(apart)) == (0, 0, 0)


def test_each_position_can_have_a_radius_of_its_own(tmp_path):
    found, order = index(tmp_path, [10.0, 11.0], [0.0, 0.0], np.array([1.0, 10.0]) / 3600)
    one, other, _ = found.near(np.array([10.0, 11.0]), np.array([5.0, 5.0]) / 3600, 10 / 3600)
    assert [(int(i), int(order[j])) for i, j in zip(one, other, strict=True)] == [(1, 1)]


@given(
    st.lists(st.tuples(st.floats(0, 360), st.floats(-90, 90)), min_size=1, max_size=20),
    st.floats(0.001, 5),
    st.integers(0, 2**32 - 1),
)
def test_any_positions_and_any_radius(tmp_path_factory, places, radius, seed):
    rng = np.random.default_rng(seed)
    ra, dec = scattered(rng, 30, places, radius / 2)
    other_ra, other_dec = scattered(rng, 30, places, radius / 2)
    found = ours(*index(tmp_path_factory.mktemp("index"), other_ra, other_dec), ra, dec, radius)
    expected = astropys(ra, dec, other_ra, other_dec, radius)
    at_the_edge = {
        pair
        for pair in found.keys() ^ expected.keys()
        if abs((found | expected)[pair] - radius * 3600) < 1e-6
    }
    assert found.keys() ^ expected.keys() == at_the_edge
