"""Derived columns: what the formulas give is what astropy and numpy give."""

import io
import re
import sqlite3
from contextlib import closing

import astropy.units as u
import fastavro
import numpy as np
import offline
import pytest
from astropy.coordinates import BarycentricMeanEcliptic, SkyCoord
from conftest import DATA
from skysieve.packets import formats
from skysieve.packets.decode import decode
from skysieve.sources import simulate

NAMES = ("mag", "mag_err", "is_positive", "gal_l", "gal_b", "ecl_lon", "ecl_lat")
NAMES += ("days_since_first", "days_since_last", "n_detections", "is_solar_system")
GOOD = offline.alert(next(simulate(1, seed=5, pool=8)).packet.value)
POLES = [(0.0, 0.0), (0.0, 90.0), (123.0, -90.0), (359.999999, 12.0), (192.859, 27.128), (266.405, -28.936)]


def derived(sky, packet_format, packets):
    """One dict of all derived columns per packet."""
    records = [(bytearray(p), i) for i, p in enumerate(packets)]
    source = sky.spark.createDataFrame(records, "value binary, offset bigint")
    columns = packet_format.columns()
    rows = decode(source, packet_format, [columns[f"derived.{name}"] for name in NAMES]).collect()
    assert not [row["kafka.problem"] for row in rows if row["kafka.problem"]]
    rows.sort(key=lambda row: row["kafka.offset"])
    return [{name: row[f"derived.{name}"] for name in NAMES} for row in rows]


def lsst(**changes):
    return offline.packet({**GOOD, "diaSource": {**GOOD["diaSource"], **changes}}, 1000)


def test_coordinates_are_astropys_all_over_the_sky(sky):
    rng = np.random.default_rng(1)
    places = POLES + [(rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1)))) for _ in range(200)]
    rows = derived(sky, formats.get("lsst"), [lsst(ra=ra, dec=dec) for ra, dec in places])
    there = SkyCoord(*np.transpose(places), unit="deg")
    for frame, lon, lat in ((there.galactic, "gal_l", "gal_b"), (None, "ecl_lon", "ecl_lat")):
        expected = (frame or there.transform_to(BarycentricMeanEcliptic(equinox="J2000"))).spherical
        found = SkyCoord([r[lon] for r in rows], [r[lat] for r in rows], unit="deg")
        apart = found.separation(SkyCoord(expected.lon, expected.lat))
        assert apart.max() < 0.1 * u.arcsec
        assert all(0 <= row[lon] < 360 for row in rows)


@pytest.mark.parametrize(
    ("flux", "error", "mag", "mag_err"),
    [
        (10**12.56, 10**10.56, 0.0, 0.010857),
        (1000.0, 100.0, 23.9, 0.108574),
        (-5.0, 1.0, None, None),
        (0.0, 1.0, None, None),
    ],
)
def test_magnitudes_are_ab_and_those_of_no_positive_flux_are_null(sky, flux, error, mag, mag_err):
    (row,) = derived(sky, formats.get("lsst"), [lsst(psfFlux=flux, psfFluxErr=error)])
    assert row["mag"] == (None if mag is None else pytest.approx(mag, abs=2e-5))
    assert row["mag_err"] == (None if mag is None else pytest.approx(mag_err, abs=1e-5))
    assert row["is_positive"] == (flux > 0)


@pytest.mark.real_data
def test_histories_of_real_alerts_give_their_days_and_numbers(sky):
    packets = offline.real_packets(DATA / "lsst_derived_wire")
    for row, packet in zip(derived(sky, formats.get("lsst"), packets), packets, strict=True):
        alert = offline.alert(packet)
        now, past = alert["diaSource"]["midpointMjdTai"], alert["prvDiaSources"] or []
        times = [source["midpointMjdTai"] for source in past]
        moving = alert["diaObject"] is None
        assert row["is_solar_system"] == moving
        assert row["n_detections"] == (None if moving else len(past) + 1)
        assert row["days_since_last"] == (now - max(times) if times else None)
        assert row["days_since_first"] == now - min([*times, now])


@pytest.mark.real_data
def test_ztf_has_the_same_names_and_upper_limits_are_no_detections(sky):
    files = sorted((DATA / "ztf" / "skyportal+kowalski").glob("*.avro"))
    packets = [file.read_bytes() for file in files]
    rows = derived(sky, formats.get("ztf").fitted(packets), packets)
    for row, packet in zip(rows, packets, strict=True):
        (alert,) = fastavro.reader(io.BytesIO(packet))
        candidate = alert["candidate"]
        seen = [p["jd"] for p in alert["prv_candidates"] or [] if p["magpsf"] is not None]
        positive = candidate["isdiffpos"] in ("t", "1")
        assert row["mag"] == (candidate["magpsf"] if positive else None)
        assert row["mag_err"] == (candidate["sigmapsf"] if positive else None)
        assert row["is_positive"] == positive
        assert row["n_detections"] == candidate["ndethist"]
        assert row["days_since_last"] == (candidate["jd"] - max(seen) if seen else None)
        assert row["days_since_first"] == candidate["jd"] - min(candidate["jdstarthist"], candidate["jd"])
        assert row["is_solar_system"] == (
            candidate["ssdistnr"] is not None and 0 <= candidate["ssdistnr"] <= 5
        )


@pytest.mark.parametrize("name", ["lsst", "ztf"])
def test_a_derived_column_is_found_by_its_short_name(name):
    columns = formats.get(name).columns()
    for short in NAMES:
        assert columns[f"derived.{short}"] in columns.named(short)
    assert columns.resolve("gal_b").unit == "deg"


SOURCES = {
    "lsst": dict.fromkeys(NAMES, "LSST sdm_schemas"),
    "ztf": dict.fromkeys(NAMES, "Masci et al. 2019") | {"is_solar_system": "ZTF alert schema"},
}
ANYWHERE = dict.fromkeys(("gal_l", "gal_b"), "Hipparcos Catalogue") | dict.fromkeys(
    ("ecl_lon", "ecl_lat"), "Capitaine et al. 2003"
)


@pytest.mark.parametrize("name", ["lsst", "ztf"])
def test_a_derived_column_s_description_is_one_line_with_its_formula_and_source(name):
    columns = formats.get(name).columns()
    for short, source in (SOURCES[name] | ANYWHERE).items():
        column = columns[f"derived.{short}"]
        said = re.fullmatch(
            r"[A-Z][^:\n]+: (?P<formula>.+) \((?P<source>[^()]+)\)\. Derived\.", column.description
        )
        assert said, column.description
        assert source in said["source"]
        if short not in ANYWHERE:
            assert all(used.replace("[]", "") in said["formula"] for used in column.uses)
    assert "Oke & Gunn 1983" in columns["derived.mag"].description


@pytest.mark.parametrize(
    ("isdiffpos", "known"), [("t", True), ("1", True), ("f", False), ("0", False), (None, False)]
)
def test_ztf_s_magnitude_is_null_where_the_difference_is_negative(isdiffpos, known):
    columns = formats.get("ztf").columns()
    row = {"candidate.isdiffpos": isdiffpos, "candidate.magpsf": 18.5, "candidate.sigmapsf": 0.125}
    given = ", ".join(f"? AS `{name}`" for name in row)
    with closing(sqlite3.connect(":memory:")) as database:
        asked = f"SELECT {columns['derived.mag'].sql}, {columns['derived.mag_err'].sql} FROM (SELECT {given})"
        assert database.execute(asked, list(row.values())).fetchone() == (
            (18.5, 0.125) if known else (None, None)
        )


def test_ztf_s_schema_is_known_before_the_first_packet():
    column = formats.get("ztf").columns()["candidate.magpsf"]
    assert (column.unit, column.since) == ("mag", "4.02")
