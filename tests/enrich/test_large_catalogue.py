"""Ten thousand simulated alerts and all real ones, matched with real catalogues and with one of ten million rows.

``pytest -m slow tests/enrich/test_large_catalogue.py -s`` takes some minutes: astropy needs them.
"""

import astropy.units as u
import fastavro
import numpy as np
import offline
import pandas as pd
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord, search_around_sky
from conftest import DATA
from skysieve.enrich import Crossmatch
from skysieve.enrich.base import read, written
from skysieve.enrich.catalogs import load, positions
from skysieve.enrich.store import Store
from skysieve.packets import formats
from skysieve.sources.surveys import simulated

pytestmark = [pytest.mark.slow, pytest.mark.real_data, pytest.mark.timeout(1800)]
ROWS, SIMULATED = 10_000_000, 10_000
CATALOGS = DATA / "catalogs" / "astrolabsoftware+fink-science"


@pytest.fixture(scope="module")
def places():
    """Right ascension and declination of every alert."""
    found = [
        offline.alert(packet.value)["diaSource"] for packet in simulated("lsst", count=SIMULATED, seed=4)
    ]
    found += [offline.alert(packet)["diaSource"] for packet in offline.real_packets(DATA / "lsst")]
    for path in sorted((DATA / "ztf").rglob("*.avro")):
        with path.open("rb") as file:
            found += [alert["candidate"] for alert in fastavro.reader(file) if "candidate" in alert]
    return np.array([[one["ra"], one["dec"]] for one in found]).T


@pytest.fixture(scope="module")
def crowd(places):
    """Ten million places: of alerts or near them, some of them twice, of the poles and where RA is 0; else anywhere."""
    rng = np.random.default_rng(11)
    ra, dec = rng.uniform(0, 360, ROWS), np.degrees(np.arcsin(rng.uniform(-1, 1, ROWS)))
    count = places.shape[1]
    for start, width in ((0, 0.0), (count, 0.0), (2 * count, 1.0 / 3600), (3 * count, 3.0 / 3600)):
        some = slice(start, start + count)
        dec[some] = np.clip(places[1] + rng.normal(0, 1, count) * width, -90, 90)
        ra[some] = places[0] + rng.normal(0, 1, count) * width / np.cos(np.radians(dec[some])).clip(1e-6)
    hard = slice(4 * count, 4 * count + 4000)
    dec[hard] = np.concatenate(
        [rng.uniform(89.9995, 90, 1000), rng.uniform(-90, -89.9995, 1000), np.zeros(2000)]
    )
    ra[hard][2000:] = rng.normal(0, 5 / 3600, 2000)
    return np.mod(ra, 360), dec


@pytest.mark.parametrize("radius", [1.5, 30.0])
@pytest.mark.parametrize("name", ["gcvs.parquet", "table-4LAC-DR3-h.fits", "ten million"])
def test_pairs_and_separations_are_those_of_astropy(name, radius, places, crowd, tmp_path, capsys):
    rng = np.random.default_rng(12)
    pole, wrap = rng.uniform(0, 360, 500), np.mod(rng.normal(0, 5 / 3600, 500), 360)
    ra = np.concatenate([places[0], pole, pole, wrap])
    dec = np.concatenate(
        [places[1], rng.uniform(89.9995, 90, 500), rng.uniform(-90, -89.9995, 500), np.zeros(500)]
    )
    if name == "ten million":
        catalog, (other_ra, other_dec) = pd.DataFrame({"ra": crowd[0], "dec": crowd[1]}), crowd
    else:
        catalog = CATALOGS / name
        other_ra, other_dec = positions(load(catalog))
    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    one, _, apart, _ = search_around_sky(here, there, radius * u.arcsec)
    columns, where = formats.get("lsst").columns(), formats.get("lsst").places
    every = Crossmatch(catalog, f"{radius} arcsec", nearest=False).prepared(Store(tmp_path), columns, where)
    found = read(written(every)).on_arrow(pa.array(ra), pa.array(dec)).to_pylist()
    expected = [[] for _ in ra]
    for i, a in zip(one, apart.arcsec, strict=True):
        expected[i].append(a)
    with capsys.disabled():
        print(f" {len(ra):,} places, {len(other_ra):,} rows, {len(one):,} pairs", end="")
    assert [len(row["sep"]) for row in found] == [len(these) for these in expected]
    ours = np.concatenate([np.sort(row["sep"]) for row in found])
    assert np.abs(ours - np.concatenate([np.sort(these) for these in expected])).max(initial=0) < 1e-6
