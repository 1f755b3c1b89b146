"""Notices say of when and where an event was; what cannot be joined says why."""

import base64
import io
import json

import numpy as np
import pytest
from conftest import DATA
from skysieve.enrich import notices
from skysieve.enrich.positions import cells_of, separation
from skysieve_widgets.sky.skymaps import read_skymap

ORDER = 6


def said(**what):
    plain = {"id": "G1", "trigger_time": "2025-01-01T00:00:00Z"}
    return json.dumps({k: v for k, v in (plain | what).items() if v is not None}).encode()


def holds(ranges, ra, dec):
    """Whether each position is in one of the ranges of its own coarser cell."""
    finest = cells_of(ra, dec, notices.DEEPEST)
    own = finest >> 2 * (notices.DEEPEST - ORDER)
    inside = np.zeros(len(ra), dtype=bool)
    for cell, low, high in zip(ranges.cell, ranges.low, ranges.high, strict=True):
        inside |= (own == cell) & (low <= finest) & (finest < high)
    return inside


def places(count, seed=3):
    draw = np.random.default_rng(seed)
    return draw.uniform(0, 360, count), np.degrees(np.arcsin(draw.uniform(-1, 1, count)))


@pytest.mark.real_data
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_region_of_a_real_sky_map_is_that_of_the_file(level):
    value = (DATA / "gcn/mwvgroup+pittgoogle-client/MS181101ab-preliminary.json").read_bytes()
    one = notices.read(value, level, ORDER)
    assert (one.id, one.problem, one.is_retracted) == ("MS181101ab", "", False)
    assert one.time == pytest.approx(1541110966.654)
    from astropy.table import Table

    content = io.BytesIO(base64.b64decode(json.loads(value)["event"]["skymap"]))
    skymap = read_skymap(Table.read(content, format="fits"))
    ra, dec = places(3000)
    near = np.random.default_rng(5).normal(0, 3, (2, 3000))
    ra = np.concatenate([ra, np.mod(skymap.peak[0] + near[0], 360)])
    dec = np.concatenate([dec, np.clip(skymap.peak[1] + near[1], -90, 90)])
    wanted = skymap.region(level).contains_lonlat(*_lonlat(ra, dec))
    assert 20 < wanted.sum() < 5900
    assert (holds(one.region, ra, dec) == wanted).all()


def _lonlat(ra, dec):
    import astropy.units as u

    return ra * u.deg, dec * u.deg


@pytest.mark.real_data
def test_retractions_are_known():
    folder = DATA / "gcn"
    for path in folder.rglob("*.json"):
        one = notices.read(path.read_bytes(), 0.9, ORDER)
        assert one.is_retracted == ("retraction" in path.name.lower()), path.name
        assert one.is_retracted or one.problem or one.region is not None


@pytest.mark.parametrize(
    ("ra", "dec", "radius"), [(10, 20, 3), (0.001, -5, 0.02), (123, 89.9, 2), (45, -90, 1), (200, 41.8, 30)]
)
def test_all_of_a_circle_is_in_the_cells_that_it_touches(ra, dec, radius):
    from astropy.coordinates import SkyCoord

    one = notices.read(said(ra=ra, dec=dec, ra_dec_error=radius), 0.9, ORDER)
    middle = SkyCoord(ra, dec, unit="deg")
    draw = np.random.default_rng(7)
    around = middle.directional_offset_by(
        draw.uniform(0, 360, 2000) * _deg(), draw.uniform(0, radius, 2000) * _deg()
    )
    assert holds(one.region, around.ra.deg, around.dec.deg).all()
    assert (one.ra, one.dec, one.radius) == (ra, dec, radius)


def _deg():
    import astropy.units as u

    return u.deg


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"no json", "no JSON object"),
        (b"[1]", "no JSON object"),
        (said(id=None), "names no event"),
        (said(trigger_time="soon"), "when the event was"),
        (said(), "neither a sky map nor a position"),
        (said(ra=10, dec=100, ra_dec_error=1), "none on the sky"),
        (said(ra="east", dec=0, ra_dec_error=1), "place cannot be read"),
        (said(healpix_file="AAAA"), "place cannot be read"),
        (said(healpix_file="not base64!"), "place cannot be read"),
    ],
)
def test_what_cannot_be_joined_says_why(value, problem):
    one = notices.read(value, 0.9, ORDER)
    assert problem in one.problem
    assert one.region is None


@pytest.mark.parametrize("radius", [0.01, 5.0, 89.0, 91.0, 155.0, 179.0])
@pytest.mark.parametrize(("ra", "dec"), [(43.4, 89.0), (10.0, -20.0), (359.999, 0.0)])
def test_no_place_in_a_circle_is_left_out(ra, dec, radius):
    east, north = places(4000)
    inside = separation(east, north, np.array([ra]), np.array([dec])) <= radius
    assert holds(notices.of_circle(ra, dec, radius, ORDER), east[inside], north[inside]).all()
