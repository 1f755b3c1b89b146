"""Objects that the simulated LSST sees again: the same ids and places, a history that grows and never changes."""

import io
import itertools
from collections import Counter
from functools import cache

import fastavro
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from skysieve.packets.lsst_schemas import load
from skysieve.sources import simulate
from skysieve.sources.simulation import PROPORTIONS

NIGHTS, COUNT = 7, 1400
SCHEMA = fastavro.parse_schema(load(1000))


@cache
def sample():
    alerts = simulate(COUNT, seed=4, pool=60, nights=NIGHTS)
    return [(a.truth, fastavro.schemaless_reader(io.BytesIO(a.packet.value[5:]), SCHEMA)) for a in alerts]


def followed():
    """The alerts of every object, oldest first; of asteroids by the id of the asteroid."""
    found = {}
    for truth, record in sample():
        name = (truth, record["diaSource"]["ssObjectId"] or record["diaSource"]["diaObjectId"])
        found.setdefault(name, []).append(record)
    return found


def night(record):
    return int(record["diaSource"]["midpointMjdTai"] - 61_345.0)


def test_alerts_are_spread_over_the_nights():
    assert Counter(night(record) for _, record in sample()) == dict.fromkeys(range(NIGHTS), COUNT // NIGHTS)
    times = [record["diaSource"]["midpointMjdTai"] for _, record in sample()]
    assert (np.diff(times) > -1 / 86400).all()


def test_the_same_nights_give_the_same_packets():
    one, two = (list(simulate(120, seed=9, pool=8, nights=4)) for _ in range(2))
    assert one == two


def test_kinds_keep_their_proportions_when_objects_come_back():
    seen = Counter(truth for truth, _ in sample())
    for label, share in PROPORTIONS.items():
        assert seen[label] == pytest.approx(COUNT * share, abs=0.03 * COUNT)


def test_many_objects_come_back_in_the_same_night_and_in_later_ones():
    again = [records for records in followed().values() if len(records) > 1]
    assert len(again) > 100
    nights = [{night(record) for record in records} for records in again]
    assert sum(len(n) > 1 for n in nights) > 50
    assert any(len(n) == 3 for n in nights)
    assert any(len(n) < len(records) for n, records in zip(nights, again, strict=True))


def test_what_an_alert_said_stands_in_the_history_of_every_later_one():
    for (truth, _), records in followed().items():
        if truth == "asteroid":
            continue
        for number, record in enumerate(records):
            history = {s["diaSourceId"]: s for s in record["prvDiaSources"] or []}
            for earlier in records[:number]:
                source = earlier["diaSource"]
                assert repr(history[source["diaSourceId"]]) == repr(source)  # NaN is unequal to itself


def test_a_history_grows_by_what_was_seen_since():
    for (truth, _), records in followed().items():
        for before, after in itertools.pairwise(records):
            assert before["diaSource"]["midpointMjdTai"] < after["diaSource"]["midpointMjdTai"]
            if truth == "asteroid":
                continue
            assert after["diaObject"]["nDiaSources"] == before["diaObject"]["nDiaSources"] + 1
            known = {f["diaForcedSourceId"] for f in before["prvDiaForcedSources"]}
            assert len(known) < 2 or known & {f["diaForcedSourceId"] for f in after["prvDiaForcedSources"]}


def test_an_artefact_does_not_come_back():
    assert not [
        records for (truth, _), records in followed().items() if truth == "artefact" and len(records) > 1
    ]


def test_objects_stay_and_asteroids_move_as_their_ephemeris_says():
    moved = 0
    for (truth, _), records in followed().items():
        first, last = records[0]["diaSource"], records[-1]["diaSource"]
        here, there = (SkyCoord(s["ra"], s["dec"], unit="deg") for s in (first, last))
        days = last["midpointMjdTai"] - first["midpointMjdTai"]
        if truth != "asteroid":
            assert here.separation(there).arcsec < 1
        elif days:
            moved += 1
            rate = records[0]["ssSource"]["ephRate"]
            assert here.separation(there).deg == pytest.approx(rate * days, rel=0.02)
    assert moved > 10


def test_an_asteroid_keeps_its_orbit_and_its_name():
    for (truth, _), records in followed().items():
        if truth == "asteroid":
            assert len({str(record["mpc_orbits"]) for record in records}) == 1
            assert len({record["ssSource"]["designation"] for record in records}) == 1


def test_a_supernova_fades_or_rises_as_its_light_curve_does():
    changes = []
    for (truth, _), records in followed().items():
        if truth in ("SN Ia", "SN II"):
            by_band = {}
            for record in records:
                source = record["diaSource"]
                by_band.setdefault(source["band"], []).append(source["psfFlux"])
            changes += [seen[-1] / seen[0] for seen in by_band.values() if len(seen) > 1]
    assert len(changes) > 5
    assert all(0.3 < change < 5 for change in changes)


def test_one_alert_a_night_is_enough():
    alerts = list(simulate(5, seed=1, pool=8, nights=5))
    assert len(alerts) == 5
