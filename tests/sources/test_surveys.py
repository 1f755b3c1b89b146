"""Surveys by name: what can be simulated, and what is said of what cannot."""

import pytest
from skysieve import StreamError
from skysieve.sources.surveys import simulated


@pytest.mark.parametrize(("survey", "start"), [("lsst", "00000003e8"), ("ztf", b"Obj\x01".hex())])
def test_a_survey_is_simulated_by_its_name(survey, start):
    packets = list(simulated(survey, count=3, nights=3, seed=2))
    assert [packet.value.hex()[: len(start)] for packet in packets] == [start] * 3
    assert [name for packet in packets for name, _ in packet.headers] == ["truth"] * 3


@pytest.mark.parametrize(
    ("schema", "ids"), [("10.0", {1000}), ("11.0", {1100}), ("11.1", {1101}), ("10.0, 11.0", {1000, 1100})]
)
def test_a_schema_is_named_by_its_version(schema, ids):
    packets = list(simulated("lsst", count=40, schema=schema))
    assert {int.from_bytes(packet.value[1:5], "big") for packet in packets} == ids


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"survey": "lst"}, "Survey 'lst' cannot be simulated, only lsst, ztf"),
        ({"survey": "lsst", "schema": "ten"}, "LSST's schema versions are written like 10.0, not 'ten'"),
        ({"survey": "lsst", "schema": "9.0"}, "in schema v10.0, v11.0, v11.1, not v9.0"),
        ({"survey": "ztf", "schema": "3.3"}, "in schema v4.02, not v3.3"),
        ({"survey": "ztf", "schema": "4.02,3.3"}, "one schema at a time, not 4.02, 3.3"),
        ({"survey": "ztf", "count": 0}, "ask for one alert or more"),
        ({"survey": "ztf", "count": 2, "nights": 3}, "3 nights need at least as many alerts, not 2"),
        ({"survey": "ztf", "nights": 0}, "nights must be above 0"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_what_can(options, said):
    with pytest.raises(StreamError, match=said.replace(".", r"\.")):
        simulated(**options)


def test_the_default_of_ztf_is_its_newest_schema():
    (packet,) = simulated("ztf", count=1)
    assert b'"version":"4.02"' in packet.value
