"""Probability maps: regions equal mocpy's own, levels equal a direct sum, and every wrong ordering is told."""

import numpy as np
import pytest
from astropy.table import Table
from cdshealpix import healpix_to_lonlat, lonlat_to_healpix, to_ring
from mocpy import MOC
from skysieve_widgets.sky.skymaps import SkyProbability, orders, read_skymap

from widgets import packets

BAYESTAR = packets.DATA / "skymaps" / "skyportal+skyportal" / "bayestar.fits.gz"


def blob(order=4, ra=10.0, dec=30.0, width=8.0):
    """A Gaussian on a map of one order, nested: probabilities per cell."""
    lon, lat = healpix_to_lonlat(np.arange(12 * 4**order), order)
    cosine = np.sin(np.radians(dec)) * np.sin(lat.rad) + np.cos(np.radians(dec)) * np.cos(lat.rad) * np.cos(
        lon.rad - np.radians(ra)
    )
    values = np.exp((cosine - 1) / np.radians(width) ** 2)
    return values / values.sum()


def flat(values, ordering="NESTED", **meta):
    return Table({"PROB": values}, meta={"ORDERING": ordering, **meta})


def multi_order(**changes):
    """Cells of order 4 near the blob, of order 2 elsewhere."""
    values = blob()
    coarse = values.reshape(-1, 16)
    split = coarse.max(axis=1) > 1e-4
    fine = np.flatnonzero(np.repeat(split, 16)).astype(np.int64)
    rest = np.flatnonzero(~split).astype(np.int64)
    uniq = np.concatenate([4 * 4**4 + fine, 4 * 4**2 + rest])
    probability = np.concatenate([values[fine], coarse.sum(axis=1)[rest]])
    area = 4 * np.pi / 12 / 4.0 ** np.repeat([4, 2], [len(fine), len(rest)])
    given = {"UNIQ": uniq, "PROBDENSITY": probability / area}
    return Table({**given, **changes}, meta={"ORDERING": "NUNIQ", "COORDSYS": "C", "OBJECT": "S1"})


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.99])
def test_regions_equal_those_of_mocpy(level):
    table = multi_order()
    ours = read_skymap(table).region(level)
    theirs = MOC.from_valued_healpix_cells(
        np.asarray(table["UNIQ"], dtype=np.uint64),
        np.asarray(read_skymap(table).probability),
        max_depth=4,
        cumul_to=level,
        strict=False,
        no_split=True,
    )
    assert ours == theirs


@pytest.mark.real_data
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_regions_of_a_real_map_equal_those_of_mocpy(level):
    table = Table.read(BAYESTAR)
    values = np.asarray(table["PROB"], dtype=float)
    uniq = 4 * 4**8 + np.arange(len(values), dtype=np.uint64)
    theirs = MOC.from_valued_healpix_cells(uniq, values, max_depth=8, cumul_to=level, strict=False)
    ours = read_skymap(BAYESTAR).region(level)
    # cells of equal density, of which the map has many, may be taken in another order
    assert ours.sky_fraction == pytest.approx(theirs.sky_fraction, rel=1e-4)
    assert ours.symmetric_difference(theirs).sky_fraction < 1e-4 * ours.sky_fraction + 1.6 / len(values)
    skymap = read_skymap(BAYESTAR)
    assert theirs.probability_in_multiordermap(Table({"UNIQ": uniq, "PROBDENSITY": values * len(values)}))
    inside = ours.contains_lonlat(*healpix_to_lonlat(np.arange(len(values)), 8))
    assert values[inside].sum() == pytest.approx(level, abs=1e-4)
    assert (skymap.name, len(skymap.uniq)) == ("G330561", 786432)


def test_the_level_of_a_place_is_the_probability_of_all_that_is_as_dense():
    skymap = read_skymap(multi_order())
    values = blob()
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, 300), np.degrees(np.arcsin(rng.uniform(-1, 1, 300)))
    levels = skymap.credible(ra, dec)
    inside = skymap.region(0.9).contains_lonlat(*degrees(ra, dec))
    edge = levels[inside].max(initial=0.0)
    assert (levels[~inside] > edge).all()
    own = np.asarray(lonlat_to_healpix(*degrees(ra, dec), 4), dtype=int)
    fine = values[own] > 1e-3
    denser = np.array([values[values >= values[cell]].sum() for cell in own[fine]])
    assert levels[fine] == pytest.approx(denser, abs=1e-9)


def degrees(ra, dec):
    from astropy.coordinates import Latitude, Longitude

    return Longitude(ra, "deg"), Latitude(dec, "deg")


def test_a_ring_map_is_the_same_as_a_nested_one():
    values = blob()
    ring = np.empty_like(values)
    ring[np.asarray(to_ring(np.arange(len(values), dtype=np.uint64), 4), dtype=int)] = values
    places = np.array([10.0, 50.0, 359.9, 0.1]), np.array([30.0, -10.0, 89.99, -89.99])
    nested = read_skymap(flat(values, NSIDE=16))
    assert read_skymap(flat(ring, "RING")).credible(*places) == pytest.approx(nested.credible(*places))
    assert nested.peak == pytest.approx((10, 30), abs=3)


def test_a_map_in_rows_of_a_thousand_is_the_same():
    values = blob()
    assert read_skymap(flat(values.reshape(-1, 1024))).probability == pytest.approx(values)


def test_a_map_that_does_not_cover_the_sky_has_no_level_outside():
    skymap = SkyProbability(np.array([4, 6], dtype=np.uint64), np.array([0.4, 0.6]))
    found = skymap.credible(np.array([45.0, 135.0, 225.0, 315.0]), np.full(4, 41.0))
    assert np.isnan(found).tolist() == [False, True, False, True]
    assert found[[0, 2]].tolist() == [1.0, 0.6]


def test_orders_are_right_at_their_borders():
    for order in range(30):
        first = 4 * 4**order
        assert orders(np.array([first, 4 * first - 1], dtype=np.uint64)).tolist() == [order, order]


N = 12 * 4**4
WRONG = {
    "a flat map that does not say how": (Table({"PROB": np.full(N, 1 / N)}), "ORDERING = ''.*NESTED"),
    "one that says UNIQ": (flat(np.full(N, 1 / N), "NUNIQ"), "no column UNIQ"),
    "UNIQ that says NESTED": (
        Table(multi_order(), meta={"ORDERING": "NESTED"}),
        "says ORDERING = 'NESTED', not 'NUNIQ'",
    ),
    "nested indexes called UNIQ": (
        Table({"UNIQ": np.arange(4, N + 4), "PROBDENSITY": np.full(N, 1 / (4 * np.pi))}),
        "overlap: they are not in UNIQ numbering",
    ),
    "indexes from 0 called UNIQ": (
        Table({"UNIQ": np.arange(N), "PROB": np.full(N, 1 / N)}),
        "integers from 4 on",
    ),
    "UNIQ in floats": (Table({"UNIQ": [4.0, 5.0], "PROB": [0.5, 0.5]}), "integers from 4 on"),
    "an order beyond HEALPix": (Table({"UNIQ": [4 * 4**30], "PROB": [1.0]}), "beyond order 29"),
    "a number of rows that no order has": (flat(np.full(100, 0.01)), "not the cells of one HEALPix order"),
    "another NSIDE": (flat(np.full(N, 1 / N), NSIDE=32), "NSIDE 16, but the header says NSIDE = 32"),
    "galactic": (flat(np.full(N, 1 / N), COORDSYS="G"), "COORDSYS = 'G'.*rotate"),
    "no probabilities": (
        Table({"UNIQ": [4], "DISTMU": [1.0]}),
        "no probabilities .* among the columns UNIQ, DISTMU",
    ),
    "densities called probabilities": (flat(blob() * 5), "add up to 5, not to 1"),
    "negative": (flat(np.full(N, -1 / N)), "negative, or not finite"),
    "NaN": (flat(np.full(N, np.nan)), "negative, or not finite"),
    "no rows": (multi_order()[:0], "add up to 0, not to 1"),
    "no rows, flat": (flat(np.array([])), "not the cells of one HEALPix order"),
}


@pytest.mark.parametrize(("table", "says"), WRONG.values(), ids=WRONG)
def test_a_map_that_cannot_be_what_it_says_is_refused(table, says):
    with pytest.raises(ValueError, match=says):
        read_skymap(table)
