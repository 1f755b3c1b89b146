"""Catalogues of every kind are matched by place; what cannot be matched is refused with its reason."""

import pickle
from pathlib import Path

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy.coordinates import Latitude, Longitude, SkyCoord, search_around_sky
from astropy.table import Table
from astropy.time import Time
from conftest import DATA
from skysieve.enrich import Computed, Crossmatch, Watchlist, Watchmap
from skysieve.enrich.base import read, written
from skysieve.enrich.catalogs import load, positions
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.packets import formats

COLUMNS, PLACES = formats.get("lsst").columns(), formats.get("lsst").places
CATALOGS = DATA / "catalogs"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def rows(enrichment, ra, dec):
    """What it gives for some positions, as a worker has it: from what the registry keeps."""
    kept = read(written(enrichment))
    found = kept.on_arrow(pa.array(ra, pa.float64()), pa.array(dec, pa.float64()))
    assert [field.name for field in found.type] == [given.name for given in kept.gives()]
    return found.to_pylist()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "column", "radius"),
    [
        ("astrolabsoftware+fink-science/gcvs.parquet", None, 1.5),
        ("astrolabsoftware+fink-science/table-4LAC-DR3-h.fits", "Source_Name", 30.0),
        ("astrolabsoftware+fink-filters/symbiotic_and_cataclysmic.parquet", "Name", 5.0),
        ("skyportal+skyportal/gll_psc_v27.csv", "name", 60.0),
    ],
)
def test_real_catalogues_are_matched_as_astropy_does(store, path, column, radius):
    table = load(CATALOGS / path)
    column = column or next(name for name in table.column_names if pa.types.is_string(table[name].type))
    other_ra, other_dec = positions(table)
    rng = np.random.default_rng(3)
    pick = rng.integers(len(other_ra), size=2000)
    dec = np.clip(other_dec[pick] + rng.normal(0, radius / 3600, 2000), -90, 90)
    ra = np.mod(other_ra[pick] + rng.normal(0, radius / 3600, 2000) / np.cos(np.radians(dec)), 360)
    one, other, apart, _ = search_around_sky(
        SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg"), radius * u.arcsec
    )
    nearest: dict[int, tuple[float, int]] = {}
    for i, j, a in zip(one, other, apart.arcsec, strict=True):
        nearest[i] = min(nearest.get(i, (np.inf, 0)), (a, j))
    match = Crossmatch(CATALOGS / path, f"{radius} arcsec", [column]).prepared(store, COLUMNS, PLACES)
    found = rows(match, ra, dec)
    assert 200 < len(nearest) < 2000
    assert [i for i, row in enumerate(found) if row["sep"] is not None] == sorted(nearest)
    assert sum(row["n"] for row in found) == len(one)
    names = table[column].to_pylist()
    for i, (a, _) in nearest.items():
        assert found[i]["sep"] == pytest.approx(a, abs=1e-6)
        alike = {
            names[j] for k, j, b in zip(one, other, apart.arcsec, strict=True) if k == i and b < a + 1e-6
        }
        assert found[i][column] in {str(name) for name in alike}


TABLE = pd.DataFrame(
    {
        "ra": [10.0, 10.0002, 359.9999, np.nan],
        "dec": [0.0, 0.0, 0.0, 5.0],
        "name": ["a", "b", "c", "d"],
        "id": [2**60 + 1, 2, 3, 4],
        "mag": [1.5, np.nan, 3.5, 4.5],
    }
)


def test_the_nearest_or_all_with_their_values_exact(store):
    here = ([10.00009, 0.0, 50.0, None], [0.0, 0.0, 0.0, 1.0])
    near = Crossmatch(TABLE, "1.5 arcsec", ["name", "id", "mag"]).prepared(store, COLUMNS, PLACES)
    found = rows(near, *here)
    assert [row["n"] for row in found] == [2, 1, 0, 0]
    assert [row["name"] for row in found] == ["a", "c", None, None]
    assert found[0]["id"] == 2**60 + 1
    assert found[1]["sep"] == pytest.approx(0.36, abs=1e-9)
    every = Crossmatch(TABLE, "1.5 arcsec", ["name", "id"], nearest=False).prepared(store, COLUMNS, PLACES)
    found = rows(every, *here)
    assert sorted(found[0]["id"]) == [2, 2**60 + 1]
    assert [len(row["sep"]) for row in found] == [2, 1, 0, 0]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "fits", "vot", "ecsv"])
def test_a_catalogue_can_be_in_any_of_the_usual_forms(store, tmp_path, suffix):
    path = tmp_path / f"stars.{suffix}"
    table = TABLE.iloc[:3]
    if suffix == "parquet":
        table.to_parquet(path)
    elif suffix == "csv":
        table.to_csv(path, index=False)
    else:
        Table.from_pandas(table).write(path, format="votable" if suffix == "vot" else None)
    near = Crossmatch(path, "1.5 arcsec", ["name"]).prepared(store, COLUMNS, PLACES)
    assert [row["name"] for row in rows(near, [10.0, 359.9999], [0.0, 0.0])] == ["a", "c"]
    assert near.rows == 3


def test_a_hats_catalogue_is_read_without_its_metadata(store, tmp_path):
    leaf = tmp_path / "hats" / "dataset" / "Norder=0" / "Dir=0"
    leaf.mkdir(parents=True)
    TABLE.iloc[:2].to_parquet(leaf / "Npix=1.parquet")
    TABLE.iloc[2:3].to_parquet(leaf / "Npix=2.parquet")
    (tmp_path / "hats" / "dataset" / "_metadata.parquet").write_bytes(b"what it holds is repeated")
    near = Crossmatch(tmp_path / "hats", "1 arcsec", ["name"]).prepared(store, COLUMNS, PLACES)
    assert near.rows == 3


def test_units_and_sexagesimal_positions_are_understood(store):
    radians = Table({"ra": [1.0] * u.rad, "dec": [0.5] * u.rad, "name": ["x"]})
    texts = pd.DataFrame({"RA(J2000)": ["01 00 00.0"], "DEC(J2000)": ["-30 00 36"], "name": ["y"]})
    for table, ra, dec in ((radians, np.degrees(1.0), np.degrees(0.5)), (texts, 15.0, -30.01)):
        near = Crossmatch(table, "0.1 arcsec", ["name"]).prepared(store, COLUMNS, PLACES)
        assert rows(near, [ra], [dec])[0]["n"] == 1


def test_a_watchlist_has_radii_of_its_own(store):
    table = pd.DataFrame({"ra": [10.0, 20.0], "dec": [0.0, 0.0], "radius": [1.0, 100.0], "name": ["a", "b"]})
    mine = Watchlist(table, columns=["name"]).prepared(store, COLUMNS, PLACES)
    found = rows(mine, [10.0, 10.0, 20.0], [0.0002, 0.001, 0.02])
    assert [row["name"] for row in found] == ["a", None, "b"]
    assert mine.may_replace(mine)
    assert not Watchlist(table).prepared(store, COLUMNS, PLACES).may_replace(mine), "it has no names"
    assert not mine.may_replace(Crossmatch(table, "1 arcsec").prepared(store, COLUMNS, PLACES))


@pytest.mark.parametrize("unit", ["mas/yr", "arcsec/yr"])
@pytest.mark.parametrize("seed", [1, 2])
def test_objects_that_move_are_found_where_they_are_at_the_alerts_time_as_astropy_says(store, seed, unit):
    rng = np.random.default_rng(seed)
    stars, alerts = 3000, 400
    ra, dec = rng.uniform(0, 360, stars), np.degrees(np.arcsin(rng.uniform(-1, 1, stars)))
    dec[:10], dec[10:20] = rng.uniform(89.99, 90, 10), rng.uniform(-90, -89.99, 10)
    ra[20:40] = rng.uniform(359.999, 360.001, 20) % 360
    pmra, pmdec = rng.normal(0, 10, (2, stars)) * np.where(rng.uniform(size=stars) < 0.01, 300, 1)
    pmra[10:30] = rng.normal(0, 5000, 20)
    pmra[5] = pmdec[5] = np.nan
    pick, mjd = rng.integers(stars, size=alerts), rng.uniform(50_000, 60_500, alerts)
    pick[:40] = np.arange(40)
    # at one parsec a star of this motion is slow enough that light does not matter
    there = SkyCoord(
        ra[pick] * u.deg,
        dec[pick] * u.deg,
        distance=np.full(alerts, 1.0) * u.pc,
        pm_ra_cosdec=np.nan_to_num(pmra[pick]) * u.mas / u.yr,
        pm_dec=np.nan_to_num(pmdec[pick]) * u.mas / u.yr,
        obstime=Time("J2016.0"),
    ).apply_space_motion(Time(mjd, format="mjd", scale="tt"))
    offset = there.directional_offset_by(
        rng.uniform(0, 360, alerts) * u.deg, rng.uniform(0, 2, alerts) * u.arcsec
    )
    factor = u.mas.to(u.Unit(unit) * u.yr)
    table = Table(
        {"ra": ra, "dec": dec, "pmra": pmra * factor, "pmdec": pmdec * factor, "id": np.arange(stars)}
    )
    table["pmra"].unit = table["pmdec"].unit = unit
    match = Crossmatch(table, "1 arcsec", ["id"], epoch="J2016.0", motion=("pmra", "pmdec"))
    kept = read(written(match.prepared(store, COLUMNS, PLACES)))
    assert kept.reads == ("diaSource.ra", "diaSource.dec", "diaSource.midpointMjdTai")
    found = kept.on_arrow(*map(pa.array, (offset.ra.deg, offset.dec.deg, mjd))).to_pylist()
    expected = offset.separation(there).arcsec
    inside = expected <= 1
    assert 100 < inside.sum() < 300
    assert [row["n"] for row in found] == inside.astype(int).tolist()
    assert [row["id"] for row in found if row["n"]] == pick[inside].tolist()
    assert [row["sep"] for row in found if row["n"]] == pytest.approx(expected[inside], abs=1e-6)
    jd = kept.on_arrow(*map(pa.array, (offset.ra.deg, offset.dec.deg, mjd + 2_400_000.5))).to_pylist()
    assert [row["n"] for row in jd] == [row["n"] for row in found]
    never = kept.on_arrow(*map(pa.array, (offset.ra.deg, offset.dec.deg)), pa.nulls(alerts, pa.float64()))
    assert {row["n"] for row in never.to_pylist()} == {0}


def test_what_is_prepared_does_not_carry_its_table_along(store):
    table = pd.DataFrame({"ra": np.linspace(0, 300, 50_000), "dec": 0.0})
    match = Crossmatch(table, "1 arcsec").prepared(store, COLUMNS, PLACES)
    assert len(pickle.dumps(match)) < 5_000


def test_the_same_catalogue_is_kept_once(store):
    one = Crossmatch(TABLE, "1 arcsec", ["name"]).prepared(store, COLUMNS, PLACES)
    two = Crossmatch(TABLE, "2 arcsec", ["name"]).prepared(store, COLUMNS, PLACES)
    assert one.index == two.index
    assert len(list(store.folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: Crossmatch(TABLE, "1.5"), "is no angle"),
        (lambda: Crossmatch(TABLE, "-1 arcsec"), "not between 0 and 5 degrees"),
        (lambda: Crossmatch(TABLE, "20 deg"), "not between 0 and 5 degrees"),
        (lambda: Crossmatch(TABLE, "1 arcsec", ["nane"]), "no column 'nane'.*name"),
        (lambda: Crossmatch(TABLE, "1 arcsec", ra="RA"), r"no column 'RA' \(ra=\)"),
        (lambda: Crossmatch(TABLE.drop(columns="dec"), "1 arcsec"), "Which column of the catalogue is dec"),
        (lambda: Crossmatch(TABLE.assign(dec=300.0), "1 arcsec"), "not in degrees"),
        (lambda: Crossmatch(TABLE.assign(ra=np.nan), "1 arcsec"), "hold no position"),
        (lambda: Crossmatch(TABLE.assign(ra="here"), "1 arcsec"), "holds what is no angle"),
        (lambda: Crossmatch("/nowhere/x.parquet", "1 arcsec"), "There is no catalogue"),
        (
            lambda: Crossmatch(TABLE.assign(sep=1.0), "1 arcsec", ["sep"]),
            "a name that the match itself takes",
        ),
        (lambda: Watchlist(TABLE.assign(radius=-1.0)), "negative radius"),
        (
            lambda: Crossmatch(TABLE, "1 arcsec", motion=("mag", "pmdec"), epoch="J2016.0"),
            "no column 'pmdec'",
        ),
        (lambda: Crossmatch(TABLE, "1 arcsec", motion=("mag", "mag")), "is no time; with motion="),
        (lambda: Crossmatch(TABLE, "1 arcsec", motion=("name", "mag"), epoch="J2016.0"), "no proper motions"),
        (
            lambda: Crossmatch(TABLE.assign(mag=1e6), "1 arcsec", motion=("mag", "mag"), epoch="J2016.0"),
            "which no star has",
        ),
        (lambda: Watchmap("/nowhere/x.fits"), "There is no region"),
    ],
)
def test_what_cannot_be_matched_is_refused_with_its_reason(store, made, says):
    with pytest.raises(EnrichmentError, match=says):
        made().prepared(store, COLUMNS, PLACES)


@pytest.mark.parametrize("name", ["broken.parquet", "broken.csv", "broken.fits", "broken.vot"])
def test_an_unreadable_file_is_named(store, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\0\1\2 nothing that anybody reads")
    with pytest.raises(EnrichmentError, match=name):
        Crossmatch(path, "1 arcsec").prepared(store, COLUMNS, PLACES)


@pytest.mark.real_data
def test_a_watchmap_says_what_mocpy_says(store):
    from mocpy import MOC

    path = next(Path(CATALOGS).rglob("ar_1.fits"))
    moc = MOC.load(str(path), format="fits")
    rng = np.random.default_rng(4)
    ra = rng.uniform(0, 360, 20_000)
    dec = np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
    expected = moc.contains_lonlat(ra * u.deg, dec * u.deg)
    found = rows(Watchmap(path).prepared(store, COLUMNS, PLACES), ra, dec)
    assert 0 < expected.sum() < len(expected)
    assert [row["inside"] for row in found] == expected.tolist()


def test_a_drawn_region_is_a_watchmap_too_and_an_empty_one_is_none(store):
    from mocpy import MOC

    circle = MOC.from_cone(lon=Longitude(10 * u.deg), lat=Latitude(0 * u.deg), radius=1 * u.deg, max_depth=12)
    found = rows(Watchmap(circle).prepared(store, COLUMNS, PLACES), [10.0, 12.0, None], [0.5, 0.0, 0.0])
    assert [row["inside"] for row in found] == [True, False, None]
    with pytest.raises(EnrichmentError, match="is empty"):
        Watchmap(MOC.new_empty(10)).prepared(store, COLUMNS, PLACES)


def test_a_function_gives_columns_and_what_it_does_wrong_is_told(store):
    def colour(psfFlux, scienceFlux):  # noqa: N803
        return {"of_host": psfFlux / scienceFlux}

    made = Computed(colour, {"of_host": "double [1] Ratio"}).prepared(store, COLUMNS, PLACES)
    assert made.reads == ("diaSource.psfFlux", "diaSource.scienceFlux")
    found = read(written(made)).on_arrow(pa.array([1.0, 2.0]), pa.array([2.0, None]))
    assert found.to_pylist() == [{"of_host": 0.5}, {"of_host": None}]
    with pytest.raises(EnrichmentError, match="gave no column 'x'"):
        Computed(colour, {"x": "double"}).prepared(store, COLUMNS, PLACES).on_arrow(
            pa.array([1.0]), pa.array([2.0])
        )
    with pytest.raises(EnrichmentError, match="cannot be of type 'number'"):
        Computed(colour, {"of_host": "number"})
