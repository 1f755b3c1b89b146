"""The projection equals matplotlib's, and the browser's equals ours."""

import json
import shutil
import subprocess

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from matplotlib.projections.geo import MollweideAxes
from skysieve_widgets.drawn import source
from skysieve_widgets.sky.projection import ecliptic, galactic_plane, project, split_at_seam, unproject


@pytest.fixture
def places():
    rng = np.random.default_rng(7)
    ra = np.append(rng.uniform(0, 360, 500), [0, 360, 180, 179.999, 180.001, 0, 0, 77, 12])
    dec = np.append(
        np.degrees(np.arcsin(rng.uniform(-1, 1, 500))), [0, 0, 0, 10, 10, 90, -90, 89.9999, -89.99]
    )
    return ra, dec


def test_it_is_matplotlibs_mollweide_mirrored(places):
    ra, dec = places
    east = np.radians((ra + 180) % 360 - 180)
    transform = MollweideAxes.MollweideTransform(resolution=1)
    theirs = transform.transform_non_affine(np.stack([-east, np.radians(dec)], axis=-1)) / np.sqrt(2)
    ours = project(ra, dec)
    on_the_seam = ra == 180  # which edge it is drawn on is a choice
    assert ours[~on_the_seam] == pytest.approx(
        theirs[~on_the_seam], abs=2e-3
    )  # as near as matplotlib's steps go


@pytest.mark.parametrize("centre", [0.0, 47.0])
def test_it_is_wcslibs_mollweide(places, centre):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---MOL", "DEC--MOL"], [centre, 0], [-1, 1]
    theirs = np.stack(wcs.wcs_world2pix(*places, 0), axis=-1) + 1
    on_the_seam = (places[0] - centre) % 360 == 180
    ours = project(*places, centre) * np.degrees(np.sqrt(2))
    assert ours[~on_the_seam] == pytest.approx(theirs[~on_the_seam], abs=1e-4)


def test_right_ascension_increases_to_the_left_and_declination_upwards():
    x, y = project(np.array([10.0, 20.0, 10.0]), np.array([0.0, 0.0, 30.0])).T
    assert x[1] < x[0] < 0
    assert y[2] > y[0] == 0


def test_the_centre_is_in_the_middle_on_either_side_of_zero():
    assert project(np.array([350.0, 10.0]), np.zeros(2), centre=0)[:, 0] == pytest.approx([1 / 9, -1 / 9])
    assert project(np.array([350.0, 10.0]), np.zeros(2), centre=350)[:, 0] == pytest.approx([0, -2 / 9])


def test_what_is_opposite_to_the_centre_is_on_the_left_edge():
    assert project(np.array([180.0, 270.0]), np.zeros(2), centre=0)[0, 0] == -2
    assert project(np.array([270.0]), np.zeros(1), centre=90)[0, 0] == -2


@pytest.mark.parametrize("dec", [90.0, -90.0])
def test_a_pole_is_one_point_whatever_its_right_ascension(dec):
    ra = np.arange(0.0, 360, 7)
    places = project(ra, np.full(len(ra), dec), centre=33)
    assert places == pytest.approx(np.tile([0, np.sign(dec)], (len(ra), 1)), abs=1e-6)


def test_nan_remains_nan():
    assert np.isnan(project(np.array([np.nan, 1.0]), np.array([1.0, np.nan]))).any(axis=1).all()


@pytest.mark.parametrize("centre", [0.0, 123.4, 359.0])
def test_unprojecting_gives_the_position_back(places, centre):
    ra, dec = places
    back = unproject(*project(ra, dec, centre).T, centre)
    apart = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(*back, unit="deg"))
    assert apart.to_value(u.arcsec).max() < 0.01


def test_outside_the_ellipse_is_no_sky():
    assert np.isnan(unproject(np.array([1.9, 0.0]), np.array([0.9, 1.01]))).all()


def test_areas_are_kept():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-2, 2, 200_000), rng.uniform(-1, 1, 200_000)
    ra, dec = unproject(x, y)
    inside = np.isfinite(dec)
    assert np.mean(np.sin(np.radians(dec[inside])) > 0.5) == pytest.approx(0.25, abs=0.005)
    assert np.mean(ra[inside] < 90) == pytest.approx(0.25, abs=0.005)


def test_a_line_is_cut_where_it_leaves_the_map():
    around = np.arange(0.0, 361, 5)
    line = project(around, np.full(len(around), 20.0), centre=100)
    parts = split_at_seam(line)
    assert len(parts) == 2
    assert all(np.abs(np.diff(part[:, 0])).max() < 0.2 for part in parts)
    assert sum(map(len, parts)) == len(line)


def test_a_line_around_the_pole_is_cut_at_the_seam_too():
    around = np.arange(0.0, 361, 1)
    parts = split_at_seam(project(around, np.full(len(around), 89.0)))
    assert len(parts) == 2


def test_galactic_plane_and_ecliptic_are_where_astropy_has_them():
    plane = SkyCoord(*galactic_plane().T, unit="deg")
    assert np.abs(plane.galactic.b.arcsec).max() < 1e-6
    assert plane[0].separation(SkyCoord("17h45m37.2s -28d56m10s")).arcmin < 1
    assert np.abs(SkyCoord(*ecliptic().T, unit="deg").barycentricmeanecliptic.lat.arcsec).max() < 1e-6


NODE = shutil.which("node")


def in_node(program):
    script = source("mollweide.js") + program
    done = subprocess.run([NODE, "-e", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="no node to run JavaScript with")
def test_the_browser_projects_as_the_kernel_does(places):
    ra, dec = places
    given = json.dumps(np.stack(places, axis=-1).tolist())
    program = f"""
const places = {given}.map(([ra, dec]) => project(ra, dec, 47));
const back = places.map(([x, y]) => unproject(x, y, 47));
const line = Array.from({{ length: 73 }}, (_, i) => project(5 * i, 20, 47));
console.log(JSON.stringify({{ places, back, parts: splitAtSeam(line).map((part) => part.length) }}))"""
    told = in_node(program)
    ours = project(ra, dec, 47)
    assert np.array(told["places"]) == pytest.approx(ours, abs=1e-12)
    assert np.array(told["back"]) == pytest.approx(np.stack(unproject(*ours.T, 47), axis=-1), abs=1e-7)
    line = project(np.arange(0.0, 361, 5), np.full(73, 20.0), 47)
    assert told["parts"] == [len(part) for part in split_at_seam(line)]


@pytest.mark.skipif(NODE is None, reason="no node to run JavaScript with")
def test_the_browser_writes_coordinates_and_separations_as_astropy_does(places):
    given = json.dumps(np.stack(places, axis=-1)[:40].tolist())
    program = f"""
const all = {given};
console.log(JSON.stringify({{ apart: all.map((place) => separation(...place, 359.5, -30)),
  texts: all.map(([ra, dec]) => [sexagesimal(ra), sexagesimal(dec, true)]),
  edges: [sexagesimal(359.9999), sexagesimal(-0.00001, true), ...[2, 0.5, 0.001].map(distanceText)] }}))"""
    told = in_node(program)
    where = SkyCoord(places[0][:40], places[1][:40], unit="deg")
    assert told["apart"] == pytest.approx(where.separation(SkyCoord(359.5, -30, unit="deg")).deg)
    ra = where.ra.to_string(unit="hourangle", sep=":", precision=0, pad=True)
    dec = where.dec.to_string(unit="deg", sep=":", precision=0, pad=True, alwayssign=True)
    assert told["texts"] == [[a, d.replace("-", "−")] for a, d in zip(ra, dec, strict=True)]
    assert told["edges"] == ["00:00:00", "+00:00:00", "2.0°", "30.0′", "3.6″"]
