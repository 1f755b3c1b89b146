"""The simulated ZTF: packets as the survey sends them, consistent within themselves and with each other."""

import gzip
import io
import json
import math
import re
from collections import Counter
from functools import cache

import fastavro
import fastavro.validation
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from conftest import DATA
from skysieve.packets import ztf_schema
from skysieve.sources import simulate
from skysieve.sources.simulation import PROPORTIONS
from skysieve.sources.simulation.ztf.names import object_name
from skysieve.sources.simulation.ztf.survey import SimulatedZtf

COUNT, NIGHTS = 1200, 5
BANDS = {1: "g", 2: "r", 3: "i"}
CUTOUTS = ("cutoutScience", "cutoutTemplate", "cutoutDifference")
SHARED = [
    name for record, name in ztf_schema.fields() if record == "prv_candidate" and name != "pdiffimfilename"
]


def ztf(count, **options):
    return simulate(count, survey=SimulatedZtf(), **options)


def decode(value):
    (record,) = fastavro.reader(io.BytesIO(value))
    return record


@cache
def sample():
    alerts = ztf(COUNT, seed=3, pool=64, nights=NIGHTS)
    return [(alert, decode(alert.packet.value)) for alert in alerts]


def of(*labels):
    return [record for alert, record in sample() if alert.truth in labels]


def detections(record):
    return [row for row in record["prv_candidates"] or [] if row["candid"] is not None] + [
        record["candidate"]
    ]


def followed():
    found = {}
    for alert, record in sample():
        found.setdefault((alert.truth, record["objectId"]), []).append(record)
    return found


def test_the_same_seed_gives_the_same_packets_whatever_the_count():
    assert list(ztf(20, seed=5, pool=8)) == list(ztf(60, seed=5, pool=8))[:20]


def test_seeds_have_no_id_in_common():
    seen = Counter()
    for seed in (0, 1, 20, 23):
        alerts = list(ztf(100, seed=seed, pool=8))
        seen.update({alert.alert_id for alert in alerts})
        seen.update({decode(alert.packet.value)["objectId"] for alert in alerts})
    assert max(seen.values()) == 1


def test_a_packet_is_a_container_of_one_record_with_its_schema():
    for alert, _ in sample()[::50]:
        value = alert.packet.value
        assert value[:4] == b"Obj\x01"
        reader = fastavro.reader(io.BytesIO(value))
        assert reader.metadata["avro.codec"] == "null"
        assert json.loads(reader.metadata["avro.schema"]) == ztf_schema.schema()
        assert len(list(reader)) == 1
        assert value.count(value[-16:]) == 2
        assert 60_000 < len(value) < 100_000


def test_what_comes_before_the_record_differs_only_in_its_size():
    begins = {
        alert.packet.value[: alert.packet.value.index(alert.packet.value[-16:]) + 17] for alert, _ in sample()
    }
    assert len(begins) == 1


def test_records_are_valid_in_every_field():
    schema = fastavro.parse_schema(ztf_schema.schema())
    for _, record in sample()[::10]:
        fastavro.validation.validate(record, schema, strict=True)


@pytest.mark.real_data
def test_records_are_valid_by_the_schema_in_a_real_packet():
    file = DATA / "ztf" / "boom-astro+boom" / "2695378462115010012.avro"
    schema = fastavro.reader(io.BytesIO(file.read_bytes())).writer_schema
    for _, record in sample()[::10]:
        fastavro.validation.validate(record, fastavro.parse_schema(schema), strict=True)


@pytest.mark.real_data
def test_a_simulated_packet_has_a_value_wherever_a_real_one_has():
    real = decode((DATA / "ztf" / "boom-astro+boom" / "3005140370015010009.avro").read_bytes())["candidate"]
    for record in of("RR Lyrae")[:5]:
        assert {k for k, v in record["candidate"].items() if v is not None} >= {
            k for k, v in real.items() if v is not None
        }


def test_key_and_truth_travel_outside_the_body():
    for alert, record in sample():
        assert alert.packet.key == str(record["candid"]).encode()
        assert alert.packet.headers == (("truth", alert.truth.encode()),)
        assert alert.alert_id == record["candid"] == record["candidate"]["candid"]
        assert alert.truth.encode() not in alert.packet.value


def test_kinds_come_in_their_proportions_and_nights_as_asked_for():
    seen = Counter(alert.truth for alert, _ in sample())
    for label, share in PROPORTIONS.items():
        assert seen[label] == pytest.approx(COUNT * share, abs=0.03 * COUNT)
    nights = Counter(record["candidate"]["nid"] for _, record in sample())
    assert list(nights.values()) == [COUNT // NIGHTS] * NIGHTS
    assert sorted(nights) == list(range(min(nights), min(nights) + NIGHTS))


def test_candids_are_unique_and_say_when_where_and_which_sign():
    assert len({alert.alert_id for alert, _ in sample()}) == COUNT
    for _, record in sample():
        for row in [*detections(record)]:
            part = row["jd"] - 2457754.5 - row["nid"]
            assert row["pid"] == row["nid"] * 10**9 + int(part * 1e5) * 10**4 + row["rcid"] * 100 + 15
            sign = 15 if row["isdiffpos"] == "t" else 10
            assert row["candid"] == row["pid"] * 10**6 + sign * 1000 + row["tblid"]
            assert 0 <= row["tblid"] < 1000


def test_names_of_images_say_when_and_where_they_were_taken():
    for _, record in sample()[::7]:
        for row in [*(record["prv_candidates"] or []), record["candidate"]]:
            name = row["pdiffimfilename"].rsplit("/", 1)[-1]
            found = re.fullmatch(
                r"ztf_(\d{8})(\d{6})_(\d{6})_z(.)_c(\d\d)_o_q(\d)_scimrefdiffimg.fits(\.fz)?", name
            )
            time = Time(row["jd"], format="jd")
            assert found[1] == time.strftime("%Y%m%d")
            assert int(found[2]) == pytest.approx((row["jd"] - 0.5) % 1 * 1e6, abs=1.1)
            assert int(found[3]) == row["field"]
            assert found[4] == BANDS[row["fid"]]
            assert 4 * (int(found[5]) - 1) + int(found[6]) - 1 == row["rcid"]


def test_magnitudes_agree_with_one_another():
    for _, record in sample():
        for row in detections(record):
            assert row["magdiff"] == pytest.approx(row["magap"] - row["magpsf"], abs=1e-4)
            assert row["magfromlim"] == pytest.approx(row["diffmaglim"] - row["magap"], abs=1e-4)
            assert row["sigmapsf"] == pytest.approx(1.0857 * 0.95 / row["scorr"], rel=1e-4)
            assert row["sigmapsf"] <= 1.0857 / 5
            assert row["magpsf"] < row["diffmaglim"] + 0.01
        candidate = record["candidate"]
        assert candidate["dsdiff"] == pytest.approx(candidate["dsnrms"] - candidate["ssnrms"], rel=1e-4)


def test_upper_limits_hold_no_measurement_and_are_as_deep_as_the_telescope_sees():
    limits = [row for _, r in sample() for row in r["prv_candidates"] or [] if row["candid"] is None]
    assert limits
    for row in limits:
        assert row["ra"] is row["magpsf"] is row["isdiffpos"] is row["rb"] is None
    depth = {band: np.median([r["diffmaglim"] for r in limits if BANDS[r["fid"]] == band]) for band in "gri"}
    assert depth == pytest.approx({"g": 20.8, "r": 20.6, "i": 19.9}, abs=0.25)


def test_history_is_that_of_the_30_days_before_in_the_order_of_time():
    for _, record in sample():
        for rows in (record["prv_candidates"] or [], record["fp_hists"] or []):
            times = [row["jd"] for row in rows]
            assert times == sorted(times)
            assert all(0 < record["candidate"]["jd"] - jd <= 30 for jd in times)
        here = SkyCoord(record["candidate"]["ra"], record["candidate"]["dec"], unit="deg")
        rows = detections(record)
        there = SkyCoord([r["ra"] for r in rows], [r["dec"] for r in rows], unit="deg")
        assert here.separation(there).arcsec.max() < 1.5
        assert (
            record["candidate"]["jdendhist"]
            == record["candidate"]["jd"]
            >= record["candidate"]["jdstarthist"]
        )
        assert record["candidate"]["ndethist"] >= len(rows)


def test_forced_photometry_shows_the_flux_of_detections():
    compared = 0
    for record in of("RR Lyrae", "AGN", "SN Ia"):
        forced = {row["jd"]: row for row in record["fp_hists"] or []}
        seen_here = {row["jd"] for row in detections(record)[:-1]}
        for row in detections(record)[:-1]:
            point = forced[row["jd"]]
            flux = 10 ** (-0.4 * (row["magpsf"] - row["magzpsci"])) * (1 if row["isdiffpos"] == "t" else -1)
            assert point["forcediffimflux"] == pytest.approx(flux, abs=6 * point["forcediffimfluxunc"])
            compared += 1
        assert seen_here <= set(forced)
    assert compared > 100


def test_what_an_alert_said_stands_in_the_history_of_every_later_one():
    again = 0
    for (truth, _), records in followed().items():
        assert truth != "asteroid" or len(records) == 1
        for number, record in enumerate(records):
            history = {row["candid"]: row for row in record["prv_candidates"] or []}
            for earlier in records[:number]:
                said = earlier["candidate"]
                assert [history[said["candid"]][name] for name in SHARED] == [said[name] for name in SHARED]
                again += 1
    assert again > 200


def test_an_asteroid_has_a_name_and_its_history_is_empty_sky():
    for record in of("asteroid"):
        candidate = record["candidate"]
        assert 0 <= candidate["ssdistnr"] < 5
        assert candidate["ssnamenr"].isdigit()
        assert candidate["ndethist"] == 1
        assert len(detections(record)) == 1
        assert all(abs(r["forcediffimflux"]) < 6 * r["forcediffimfluxunc"] for r in record["fp_hists"])
    others = [r for a, r in sample() if a.truth != "asteroid"]
    assert {r["candidate"]["ssdistnr"] for r in others} == {-999.0}
    assert {r["candidate"]["ssnamenr"] for r in others} == {"null"}


def test_asteroids_come_back_elsewhere_under_their_name():
    seen = {}
    for record in of("asteroid"):
        seen.setdefault(record["candidate"]["ssnamenr"], []).append(record)
    again = [records for records in seen.values() if len(records) > 1]
    assert again
    for records in again:
        places = {(r["candidate"]["ra"], r["candidate"]["dec"]) for r in records}
        assert len(places) == len(records) == len({r["objectId"] for r in records})


def test_neighbours_lie_where_their_ids_say():
    for _, record in sample()[::5]:
        candidate = record["candidate"]
        here = SkyCoord(candidate["ra"], candidate["dec"], unit="deg")
        near = SkyCoord(candidate["ranr"], candidate["decnr"], unit="deg")
        assert here.separation(near).arcsec / 1.01 == pytest.approx(candidate["distnr"], abs=0.6)
        distances = [candidate[f"distpsnr{n}"] for n in (1, 2, 3)]
        assert distances[1] < distances[2]
        for n in (1, 2, 3):
            zone, rest = divmod(candidate[f"objectidps{n}"], 10**13)
            assert zone == pytest.approx((candidate["dec"] + 90) * 120, abs=2)
            east = (rest / 1e10 - candidate["ra"] + 180) % 360 - 180
            assert abs(east * math.cos(math.radians(candidate["dec"]))) * 3600 < candidate[f"distpsnr{n}"] + 1


def test_false_detections_look_unreliable_and_real_ones_reliable():
    def median(name, *labels):
        return np.median([record["candidate"][name] for record in of(*labels)])

    for score in ("rb", "drb"):
        assert median(score, "artefact") < 0.5 < median(score, "RR Lyrae", "SN Ia", "AGN")
    assert median("nneg", "dipole") > 4 > median("nneg", "SN Ia")
    assert median("sgscore1", "SN Ia", "SN II") < 0.3
    assert median("sgscore1", "RR Lyrae", "eclipsing binary") > 0.9


def test_stars_and_supernovae_are_as_bright_as_ztf_sees_them():
    magnitudes = [record["candidate"]["magpsf"] for record in of("RR Lyrae", "SN Ia", "AGN")]
    assert 14 < np.percentile(magnitudes, 5) < np.percentile(magnitudes, 95) < 20.5


@pytest.mark.parametrize("name", CUTOUTS)
def test_cutouts_are_gzipped_fits_named_after_their_candidate(name):
    for _, record in sample()[::40]:
        cutout = record[name]
        assert cutout["fileName"].startswith(f"candid{record['candid']}_")
        assert cutout["fileName"].endswith(".fits.gz")
        with fits.open(io.BytesIO(gzip.decompress(cutout["stampData"]))) as hdus:
            hdus.verify("exception")
            assert [hdu.data.shape for hdu in hdus] == [(63, 63)]
            assert hdus[0].header["BUNIT"] == "DN"
            assert np.isfinite(hdus[0].data).all()


def test_the_difference_image_shows_the_flux_at_its_middle_whatever_the_sign():
    for record in of("RR Lyrae", "SN Ia")[:40]:
        row = record["candidate"]
        image = fits.getdata(io.BytesIO(gzip.decompress(record["cutoutDifference"]["stampData"]))).astype(
            float
        )
        rows, columns = np.mgrid[:63, :63]
        near = np.hypot(columns - 31, rows - 31) < 8
        flux = 10 ** (-0.4 * (row["magpsf"] - row["magzpsci"]))
        error = flux * row["sigmapsf"] / 1.0857
        assert image[near].sum() == pytest.approx(flux, abs=12 * error + 0.05 * flux)
        way = "scimref" if row["isdiffpos"] == "t" else "refmsci"
        assert record["cutoutDifference"]["fileName"].endswith(f"_{way}.fits.gz")


def test_names_of_objects_are_unique():
    assert len({object_name(2026, number) for number in range(1000)}) == 1000
    assert all(re.fullmatch(r"ZTF26[a-z]{7}", record["objectId"]) for _, record in sample())
