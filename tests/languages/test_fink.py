"""Filters of the Fink broker, as its package has them: what is selected is what they give on the same rows."""

import importlib
import io

import numpy as np
import offline
import pandas as pd
import pytest
from astropy.io import fits
from skysieve import Filter
from skysieve.engine import plan
from skysieve.errors import ColumnError
from skysieve.packets.decode import kafka
from skysieve.sources import Packet, send
from skysieve.stream_topics import make_stream

from languages import plain
from languages.plain import Alert

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::SyntaxWarning"),
]
RUBIN, LIVE, ZTF = "fink_filters.rubin.", "fink_filters.rubin.livestream.filter_", "fink_filters.ztf."
LSST_PACKETS = ("lsst_derived_wire", "lsst/astrolabsoftware+fink-broker")
PAST = "prvDiaSources"


def series(path):
    return lambda alerts: pd.Series([alert(path) for alert in alerts])


def frame(path):
    return lambda alerts: pd.DataFrame([alert(path) or {} for alert in alerts])


def first_by_fink(alert):
    times = alert.all(PAST, "midpointMjdTai")
    return alert("diaSource.midpointMjdTai") if times is None else min(times, default=None)


AS_FINK = {
    "diaSource": frame("diaSource"),
    "diaObject": frame("diaObject"),
    "diaSourceId": series("diaSourceId"),
    "midpointMjdTai": series("diaSource.midpointMjdTai"),
    "nDiaSources": series("diaObject.nDiaSources"),
    "cutoutScience": series("cutoutScience"),
    # fink_broker/rubin/science.py
    "is_sso": lambda alerts: pd.Series([isinstance(alert("ssSource"), dict) for alert in alerts]),
    "firstDiaSourceMjdTaiFink": lambda alerts: pd.Series([first_by_fink(alert) for alert in alerts]),
}
"""Rows as Fink's functions get them, by the name of their arguments."""

ON_LSST = {
    LIVE + "uniform_sample.filter.uniform_sample": ["diaSourceId"],
    LIVE + "is_solar_system.filter.is_solar_system": ["is_sso"],
    LIVE + "remove_unlikely_transients.filter.remove_unlikely_transients": [
        "diaSource",
        "nDiaSources",
        "is_sso",
    ],
    LIVE + "faint_trails.filter.faint_trails": ["diaSource", "cutoutScience"],
    RUBIN + "blocks.b_is_solar_system": ["is_sso"],
    RUBIN + "blocks.b_outside_galactic_plane_20_deg": ["diaSource"],
    RUBIN + "blocks.b_outside_galactic_plane_5_deg": ["diaSource"],
    RUBIN + "blocks.b_is_rising": ["diaSource", "diaObject"],
    RUBIN + "blocks.b_is_fading": ["diaSource", "diaObject"],
    RUBIN + "blocks.b_is_new": ["midpointMjdTai", "firstDiaSourceMjdTaiFink"],
    RUBIN + "blocks.b_good_quality": ["diaSource"],
    LIVE + "extragalactic_new_candidate.filter.has_two_points_same_band": ["diaSource", "diaObject"],
}
ON_ZTF = {
    ZTF + "filter_quality_cuts.filter.ztf_quality_cuts": ["candidate.rb", "candidate.nbad"],
    ZTF + "filter_quality_cuts.filter.ztf_quality_cuts_": ["candidate.rb", "candidate.nbad"],
}
ON_FINK_S_ZTF = {
    ZTF + "filter_example.filter.example_filter": ["cdsxmatch", "candidate.magpsf"],
    ZTF + "filter_gaia_candidates.filter.gaia_dr3_candidates": ["DR3Name"],
    ZTF + "filter_rrlyr.filter.rrlyr": ["cdsxmatch"],
    ZTF + "filter_simbad_candidates.filter.simbad_candidates": ["cdsxmatch"],
    ZTF + "filter_snlike.filter.snialike": ["rfscore", "cdsxmatch", "candidate.neargaia", "candidate.distpsnr1"],
    ZTF + "filter_tracklet_candidates.filter.tracklet_candidates": ["tracklet"],
    ZTF + "livestream.filter_blazar.filter.blazar": ["cdsxmatch"],
    ZTF + "livestream.filter_first_pass_candidates.filter.first_pass_candidates": ["roid"],
    ZTF + "livestream.filter_microlensing_candidates.filter.microlensing_candidates": ["mulens"],
    ZTF + "livestream.filter_simbad_grav_candidates.filter.simbad_grav_candidates": ["cdsxmatch"],
    ZTF + "livestream.filter_sso_fink_candidates.filter.sso_fink_candidates": ["roid"],
    ZTF + "livestream.filter_sso_ztf_candidates.filter.sso_ztf_candidates": ["roid"],
    ZTF + "livestream.filter_yso_candidates.filter.yso_candidates": ["cdsxmatch"],
    ZTF + "livestream.filter_vra.filter.vra": ["candidate.magpsf", "candidate.drb", "cdsxmatch", "roid"],
}  # fmt: skip


def function(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def directly(path, rows):
    """The function called on the rows, as Fink calls it."""
    called = function(path)
    return [flag is True or flag is np.True_ or bool(flag) for flag in getattr(called, "func", called)(*rows)]


def compare(sky, name, packets, functions, row_makers, id_of):
    """Which functions select other alerts than called directly; every alert is judged once."""
    stream = make_stream(sky.topics, name, partitions=2)
    send([Packet(p, str(i).encode()) for i, p in enumerate(packets)], stream, sky.topics.bootstrap)
    alerts = [Alert(alert) for packet in packets for alert in plain.alerts(packet)]
    source = sky.stream(stream).learned(packets)
    bound = [Filter.from_function(function(path), stream).bind(source.filterable) for path in functions]
    read = plan.read_range(sky.spark, sky.topics, stream, sky.topics.begin(stream), sky.topics.end(stream))
    judged = plan.judge(read, source.format, bound, [source.filterable[id_of]])
    says = [plan.passes(one).alias(f"f{i}") for i, one in enumerate(bound)]
    rows = judged.where(kafka("problem").isNull()).select(f"`{id_of}`", *says).collect()
    assert sorted(row[id_of] for row in rows) == sorted(alert(id_of) for alert in alerts)
    selected = {}
    for i, (path, arguments) in enumerate(functions.items()):
        flags = directly(path, [row_makers(argument)(alerts) for argument in arguments])
        there = sorted(alert(id_of) for alert, flag in zip(alerts, flags, strict=True) if flag)
        assert sorted(row[id_of] for row in rows if row[f"f{i}"]) == there, path
        selected[path.rpartition(".")[2]] = len(there)
    return selected, len(alerts)


def told(capsys, what, selected, count):
    with capsys.disabled():
        print(f" {what}: {len(selected)} functions over {count} alerts select {selected}", end="")


def altered(packets):
    """Alerts like these elsewhere on the sky, of other fluxes, trails and flags: the real ones are much alike."""
    version, random = int.from_bytes(packets[0][1:5], "big"), np.random.default_rng(5)
    for number, packet in enumerate(packets):
        (alert,) = plain.alerts(packet)
        source, magnitude = alert["diaSource"], random.uniform(17.5, 21.5)
        flags = {name: False for name, value in source.items() if isinstance(value, bool)}
        source |= flags if random.random() < 0.8 else {}
        source["diaSourceId"] = alert["diaSourceId"] = 113 * (10**15 + number) + number % 3
        source["ra"], source["dec"] = random.uniform(0, 360), np.degrees(np.arcsin(random.uniform(-1, 1)))
        source["psfFlux"] = 10 ** ((31.4 - magnitude) / 2.5) * random.choice([1, 1, 1, -1])
        source["psfFluxErr"], source["snr"] = abs(source["psfFlux"]) / 20, 20.0
        source["trailLength"], source["trailFlux"] = random.uniform(1, 12), abs(source["psfFlux"])
        alert["cutoutScience"] = trail(random.uniform(1, 3), random)
        yield offline.packet(alert, version)


def trail(width, random):
    """An image with a trail of that width, as a FITS file."""
    y, x = np.mgrid[-15:16, -15:16]
    image = 50 * np.exp(-((x / 5) ** 2 + (y / width) ** 2) / 2) + random.normal(size=x.shape)
    file = io.BytesIO()
    fits.PrimaryHDU(image.astype("float32")).writeto(file)
    return file.getvalue()


def test_those_on_lsst_s_packets(sky, capsys):
    wire, containers = (plain.files(folder) for folder in LSST_PACKETS)
    packets = wire + [packet for value in containers for packet in plain.framed(value)]
    packets += altered(wire)
    selected, count = compare(sky, "fink-lsst", packets, ON_LSST, AS_FINK.get, "diaSource.diaSourceId")
    told(capsys, "LSST", selected, count)
    assert all(0 < some < count for some in selected.values()), selected


def test_those_on_ztf_s_packets(sky, capsys):
    selected, count = compare(sky, "fink-ztf", plain.files("ztf"), ON_ZTF, series, "candid")
    told(capsys, "ZTF", selected, count)
    assert 0 < selected["ztf_quality_cuts"] < count


@pytest.mark.parametrize("added", ["roid", "rfscore"])
def test_those_on_what_fink_adds_to_ztf_s_packets(sky, added, capsys):
    packets = [p for p in plain.files("ztf") if all(added in alert for alert in plain.alerts(p))]
    functions = {
        path: names for path, names in ON_FINK_S_ZTF.items() if ("rfscore" in names) == (added == "rfscore")
    }
    selected, count = compare(sky, f"fink-{added}-ztf", packets, functions, series, "candid")
    told(capsys, "Fink's ZTF", selected, count)
    assert count == {"roid": 31, "rfscore": 11}[added]
    assert added == "rfscore" or 0 < selected["vra"] < count


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (LIVE + "in_tns.filter.in_tns", "tns_fullname"),
        (LIVE + "hostless_candidate.filter.hostless_candidate", "elephant_kstest_template"),
        (LIVE + "mdwarf_flare.filter.mdwarf_flare", "gaiadr3_DR3Name, gaiadr3_Plx, gaiadr3_e_Plx"),
        (LIVE + "most_likely_sn.filter.most_likely_sn", "cats_class, cats_score, snnSnVsOthers_score"),
    ],
)
def test_one_that_needs_what_fink_s_science_modules_add_is_refused_with_all_of_it(sky, name, path, missing):
    stream = make_stream(sky.topics, f"{name}-alerts")
    with pytest.raises(ColumnError, match=f"columns that the stream does not have: {missing}\\."):
        sky.preview(Filter.from_function(function(path), stream))


def test_a_preview_of_one_as_users_write_it(sky):
    from fink_filters.rubin.livestream.filter_uniform_sample.filter import uniform_sample

    packets = plain.files(LSST_PACKETS[0])
    stream = make_stream(sky.topics, "fink-preview")
    send([Packet(packet, None) for packet in packets], stream, sky.topics.bootstrap)
    seen = sky.preview(Filter.from_function(uniform_sample, stream))
    (ids,) = {tuple(alert["diaSourceId"] for packet in packets for alert in plain.alerts(packet))}
    assert (seen.read, seen.passed) == (27, sum(number % 113 == 0 for number in ids))
    assert seen.name == "uniform_sample"
    assert seen.filter.made_with["fink_filters"]
