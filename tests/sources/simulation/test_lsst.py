"""The simulated LSST: every packet is valid, consistent within itself and the same for the same seed."""

import io
import itertools
import math
import warnings
from collections import Counter
from functools import cache

import fastavro
import fastavro.validation
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, get_sun
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS
from skysieve.packets.lsst_schemas import load
from skysieve.sources import simulate
from skysieve.sources.simulation import PROPORTIONS

COUNT = 600
SCHEMA = fastavro.parse_schema(load(1000))
CUTOUTS = ("cutoutDifference", "cutoutScience", "cutoutTemplate")


def decode(value):
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, SCHEMA)
    assert not body.read(), "bytes are left over"
    return record


@cache
def sample():
    return [(alert, decode(alert.packet.value)) for alert in simulate(COUNT, seed=3, pool=120)]


def of(*labels):
    return [record for alert, record in sample() if alert.truth in labels]


def history(record):
    return (record["prvDiaSources"] or []) + [record["diaSource"]]


def test_the_same_seed_gives_the_same_packets_whatever_the_count():
    few, many = list(simulate(30, seed=5, pool=20)), list(itertools.islice(simulate(seed=5, pool=20), 300))
    assert few == many[:30]


def test_another_seed_gives_other_packets_and_other_ids():
    one, two = list(simulate(50, seed=1, pool=20)), list(simulate(50, seed=2, pool=20))
    assert not {a.alert_id for a in one} & {a.alert_id for a in two}
    assert not {a.packet.value for a in one} & {a.packet.value for a in two}


@pytest.mark.parametrize("count", [0, 1, 241])
def test_gives_exactly_as_many_as_asked_for(count):
    assert sum(1 for _ in simulate(count, pool=8)) == count


def test_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="count must not be negative"):
        simulate(-1)
    with pytest.raises(ValueError, match="seed must not be negative"):
        simulate(1, seed=-1)
    with pytest.raises(ValueError, match="pool must be above 0"):
        simulate(1, pool=0)
    with pytest.raises(ValueError, match="nights must be above 0"):
        simulate(1, nights=0)
    with pytest.raises(ValueError, match="3 nights need at least as many alerts, not 2"):
        simulate(2, nights=3)


def test_packets_are_framed_and_between_80_and_120_kilobytes():
    for alert, _ in sample():
        assert alert.packet.value[:5] == b"\0" + (1000).to_bytes(4, "big")
        assert 80_000 <= len(alert.packet.value) <= 120_000


def test_records_are_valid_in_every_field_and_encode_to_the_same_bytes():
    for alert, record in sample()[::10]:
        fastavro.validation.validate(record, SCHEMA, strict=True)
        out = io.BytesIO()
        fastavro.schemaless_writer(out, SCHEMA, record)
        assert out.getvalue() == alert.packet.value[5:]


def test_key_and_truth_travel_outside_the_body():
    for alert, record in sample():
        assert alert.packet.key == str(record["diaSourceId"]).encode()
        assert alert.packet.headers == (("truth", alert.truth.encode()),)
        assert alert.alert_id == record["diaSourceId"] == record["diaSource"]["diaSourceId"]
        assert alert.truth.encode() not in alert.packet.value


def test_kinds_come_in_their_proportions():
    assert sum(PROPORTIONS.values()) == pytest.approx(1)
    seen = Counter(alert.truth for alert in simulate(4000, seed=11, pool=40))
    for label, share in PROPORTIONS.items():
        assert seen[label] == pytest.approx(4000 * share, abs=5 * math.sqrt(4000 * share))


def test_ids_are_unique_and_beyond_what_a_float_can_hold():
    sources = [s["diaSourceId"] for _, r in sample() for s in history(r)]
    forced = [f["diaForcedSourceId"] for _, r in sample() for f in r["prvDiaForcedSources"] or []]
    objects = [r["diaObject"]["diaObjectId"] for _, r in sample() if r["diaObject"]]
    for ids in (sources, forced, objects):
        assert len(set(ids)) == len(ids)
        assert 2**53 < min(ids) <= max(ids) < 2**63


def test_snr_is_flux_over_error_and_above_the_detection_limit():
    for _, record in sample():
        for source in history(record):
            assert source["snr"] == pytest.approx(abs(source["psfFlux"]) / source["psfFluxErr"], rel=1e-6)
            assert source["snr"] >= 5
            assert source["isNegative"] == (source["psfFlux"] < 0)


def test_science_flux_is_template_plus_difference():
    for _, record in sample():
        s = record["diaSource"]
        assert s["scienceFlux"] - s["templateFlux"] - s["psfFlux"] == pytest.approx(
            0, abs=6 * s["psfFluxErr"]
        )


def test_history_belongs_to_the_object_and_lies_before_the_alert():
    for record in of("SN Ia", "SN II", "RR Lyrae", "eclipsing binary", "AGN", "dipole"):
        now, here = (
            record["diaSource"],
            SkyCoord(record["diaObject"]["ra"], record["diaObject"]["dec"], unit="deg"),
        )
        earlier = (record["prvDiaSources"] or []) + record["prvDiaForcedSources"]
        assert {s["diaObjectId"] for s in earlier} <= {now["diaObjectId"]}
        assert now["diaObjectId"] == record["diaObject"]["diaObjectId"] == history(record)[0]["diaSourceId"]
        for rows in (record["prvDiaSources"] or [], record["prvDiaForcedSources"]):
            times = [s["midpointMjdTai"] for s in rows]
            assert times == sorted(times)
            assert all(t < now["midpointMjdTai"] for t in times)
        assert all(s["timeProcessedMjdTai"] > s["midpointMjdTai"] for s in [*earlier, now])
        places = SkyCoord([s["ra"] for s in [*earlier, now]], [s["dec"] for s in [*earlier, now]], unit="deg")
        assert here.separation(places).arcsec.max() < 0.5


def test_visits_are_of_one_band_and_named_after_their_observing_day():
    bands, times = {}, {}
    for _, record in sample():
        source = record["diaSource"]
        bands.setdefault(source["visit"], set()).add(source["band"])
        times.setdefault(source["visit"], []).append(source["midpointMjdTai"])
        day = Time(source["midpointMjdTai"] - 0.5, format="mjd").strftime("%Y%m%d")
        assert str(source["visit"]).startswith(day)
        for s in record["prvDiaSources"] or []:
            day = Time(s["midpointMjdTai"] - 0.5, format="mjd").strftime("%Y%m%d")
            assert str(s["visit"]).startswith(day)
    assert all(len(b) == 1 for b in bands.values())
    assert all(max(t) - min(t) < 1 / 86400 for t in times.values())
    every = [t for ts in times.values() for t in ts]
    assert len(set(every)) == len(every)


def test_aggregates_follow_from_the_sources():
    for record in (r for _, r in sample() if r["diaObject"]):
        found, sources = record["diaObject"], history(record)
        assert found["nDiaSources"] == len(sources)
        assert found["firstDiaSourceMjdTai"] == pytest.approx(sources[0]["midpointMjdTai"], abs=1e-9)
        assert found["lastDiaSourceMjdTai"] == sources[-1]["midpointMjdTai"]
        for band in "ugrizy":
            own = [s for s in sources if s["band"] == band]
            assert found[f"{band}_psfFluxNdata"] == len(own)
            if not own:
                assert found[f"{band}_psfFluxMean"] is None
                continue
            t, f, e, s = (
                np.array([row[k] for row in own])
                for k in ("midpointMjdTai", "psfFlux", "psfFluxErr", "scienceFlux")
            )
            expected = {
                "psfFluxMean": np.average(f, weights=e**-2),
                "psfFluxMeanErr": (e**-2).sum() ** -0.5,
                "psfFluxMin": f.min(),
                "psfFluxMax": f.max(),
                "psfFluxErrMean": e.mean(),
                "psfFluxSigma": f.std(ddof=1) if len(own) > 1 else None,
                "psfFluxMaxSlope": (np.diff(f) / np.diff(t)).max() if len(own) > 1 else None,
                "scienceFluxMean": np.average(s, weights=e**-2),
            }
            for name, value in expected.items():
                assert found[f"{band}_{name}"] == (
                    value if value is None else pytest.approx(value, rel=1e-4, abs=0.5)
                )


def test_solar_system_alerts_have_an_orbit_and_no_object():
    for record in of("asteroid"):
        assert record["diaObject"] is None
        assert record["prvDiaSources"] is None
        assert record["prvDiaForcedSources"] is None
        seen, orbit, source = record["ssSource"], record["mpc_orbits"], record["diaSource"]
        assert seen["diaSourceId"] == record["diaSourceId"]
        assert seen["ssObjectId"] == source["ssObjectId"] > 2**53
        assert seen["designation"] == orbit["designation"]
        assert orbit["q"] <= seen["helioRange"] * 1.0001
        assert source["diaObjectId"] == 0
    names = [record["ssSource"]["designation"] for record in of("asteroid")]
    assert len(set(names)) == len(names)


def test_all_other_alerts_have_an_object_and_no_orbit():
    for alert, record in sample():
        if alert.truth != "asteroid":
            assert record["diaObject"] is not None
            assert record["ssSource"] is None
            assert record["mpc_orbits"] is None
            assert record["diaSource"]["ssObjectId"] is None


def test_asteroids_are_where_astropy_says():
    for record in of("asteroid")[:20]:
        seen, source = record["ssSource"], record["diaSource"]
        place = SkyCoord(source["ra"], source["dec"], unit="deg")
        assert seen["galLon"] == pytest.approx(place.galactic.l.deg, abs=1e-4)
        assert seen["galLat"] == pytest.approx(place.galactic.b.deg, abs=1e-4)
        assert seen["eclLambda"] == pytest.approx(place.barycentricmeanecliptic.lon.deg, abs=1e-4)
        assert seen["eclBeta"] == pytest.approx(place.barycentricmeanecliptic.lat.deg, abs=1e-4)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # tables of the Earth's rotation need not be up to date for a degree
            sun = get_sun(Time(source["midpointMjdTai"], format="mjd", scale="tai"))
        assert seen["elongation"] == pytest.approx(place.separation(SkyCoord(sun.ra, sun.dec)).deg, abs=0.5)
        assert seen["topoRange"] == pytest.approx(
            math.hypot(seen["topo_x"], seen["topo_y"], seen["topo_z"]), rel=1e-5
        )
        assert seen["helioRange"] == pytest.approx(
            math.hypot(seen["helio_x"], seen["helio_y"], seen["helio_z"]), rel=1e-4
        )


def test_false_detections_look_unreliable_and_real_ones_reliable():
    def median(*labels):
        return np.median([r["diaSource"]["reliability"] for r in of(*labels)])

    assert median("artefact") < 0.5 < median("RR Lyrae", "SN Ia", "AGN")
    assert median("asteroid") > 0.9
    assert all(r["diaSource"]["isDipole"] and r["diaSource"]["dipoleLength"] for r in of("dipole"))
    assert not any(r["diaSource"]["isDipole"] for r in of("SN Ia", "artefact"))


def test_nulls_and_nans_occur_as_in_the_real_stream():
    sources = [s for _, r in sample() for s in history(r)]
    assert any(s["trailFlux"] is None for s in sources)
    assert any(s["ixx"] is not None and math.isnan(s["ixx"]) for s in sources)
    assert any(math.isnan(s["apFlux"]) and s["apFlux_flag"] for s in sources)
    assert all(s["psfLnL"] is None and s["trailRaErr"] is None for s in sources)
    assert any(r["prvDiaSources"] is None and r["prvDiaForcedSources"] == [] for _, r in sample())


def test_all_six_bands_occur():
    assert {r["diaSource"]["band"] for _, r in sample()} == set("ugrizy")


@pytest.mark.parametrize("name", CUTOUTS)
def test_cutouts_are_valid_fits_with_the_source_at_its_place(name):
    for _, record in sample()[::20]:
        with fits.open(io.BytesIO(record[name])) as hdus:
            hdus.verify("exception")
            assert [(h.name, h.data.shape) for h in hdus] == [
                ("PRIMARY", (30, 30)),
                ("UNCERT", (30, 30)),
                ("PSFIMAGE", (41, 41)),
            ]
            assert np.isfinite(hdus[0].data).all()
            assert (hdus["UNCERT"].data > 0).all()
            assert hdus["PSFIMAGE"].data.sum() == pytest.approx(1)
            wcs = WCS(hdus[0].header)
            place = SkyCoord(record["diaSource"]["ra"], record["diaSource"]["dec"], unit="deg")
            x, y = wcs.world_to_pixel(place)
            assert x == pytest.approx(hdus[0].header["CRPIX1"] - 1, abs=1e-4)
            assert abs(x - 14.5) <= 0.5
            assert abs(y - 14.5) <= 0.5
            beside = wcs.pixel_to_world(x + 1, y)
            assert beside.separation(place).arcsec == pytest.approx(0.2, rel=1e-3)


def test_a_point_source_shows_its_flux_in_the_difference_image():
    for record in of("RR Lyrae", "SN Ia")[:40]:
        with fits.open(io.BytesIO(record["cutoutDifference"])) as hdus:
            header, image, variance = hdus[0].header, hdus[0].data.astype(float), hdus["UNCERT"].data
            x, y = header["CRPIX1"] - 1, header["CRPIX2"] - 1
            rows, columns = np.mgrid[:30, :30]
            near = np.hypot(columns - x, rows - y) < 8
        error = math.sqrt(variance[near].sum())
        flux = record["diaSource"]["psfFlux"]
        tolerance = 5 * math.hypot(error, record["diaSource"]["psfFluxErr"]) + 0.05 * abs(flux)
        assert image[near].sum() == pytest.approx(flux, abs=tolerance)


def test_difference_is_science_minus_template():
    _, record = sample()[0]
    images = [fits.getdata(io.BytesIO(record[name])) for name in CUTOUTS]
    np.testing.assert_allclose(images[0], images[1] - images[2], rtol=1e-4, atol=0.1)
