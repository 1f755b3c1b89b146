"""LSST packets of newer schemas, alone or mixed, hold the same sky."""

import io
from collections import Counter

import fastavro
import fastavro.validation
import pytest
from skysieve.packets.lsst_schemas import load, schema_files
from skysieve.sources import simulate
from skysieve.sources.simulation.lsst.survey import SimulatedLsst

VERSIONS = [version for version in schema_files() if version >= 1000]


def version_of(alert):
    return int.from_bytes(alert.packet.value[1:5], "big")


def decode(alert):
    schema = fastavro.parse_schema(load(version_of(alert)))
    body = io.BytesIO(alert.packet.value[5:])
    record = fastavro.schemaless_reader(body, schema)
    assert not body.read()
    fastavro.validation.validate(record, schema, strict=True)
    return record


@pytest.mark.parametrize("version", VERSIONS)
def test_packets_fit_their_schema(version):
    alerts = list(simulate(60, survey=SimulatedLsst((version,)), seed=2, pool=8, nights=4))
    assert {version_of(alert) for alert in alerts} == {version}
    for alert in alerts:
        assert decode(alert)["diaSourceId"] == alert.alert_id


def test_newer_fields_have_values():
    newest = [decode(a)["diaSource"] for a in simulate(20, survey=SimulatedLsst((1101,)), pool=8)]
    assert {source["exposureTime"] for source in newest} == {30.0}
    assert {source["reliabilityVersion"] for source in newest} == {"simulated"}
    assert {source["trail_flag"] for source in newest} == {False}


def test_one_stream_may_hold_several_versions():
    alerts = list(simulate(300, survey=SimulatedLsst((1000, 1100)), seed=3, pool=40))
    found = Counter(version_of(alert) for alert in alerts)
    assert set(found) == {1000, 1100}
    assert min(found.values()) > 60
    for alert in alerts[::10]:
        decode(alert)


@pytest.mark.parametrize("version", [900, 1234])
def test_a_version_that_cannot_be_simulated_is_refused_with_those_that_can(version):
    with pytest.raises(ValueError, match=r"v10\.0, v11\.0, v11\.1, not v"):
        SimulatedLsst((version,))
