"""Every LSST and ZTF packet there is, each survey in a stream, for all tests of languages."""

import pytest
from skysieve.packets import formats

from languages import filters_lsst, plain
from languages.selecting import survey


@pytest.fixture(scope="session")
def lsst(sky):
    """As they travel on Kafka, those from containers in the framing of their version."""
    packets = plain.files(*plain.LSST_WIRE)
    packets += [packet for value in plain.files(*plain.LSST_CONTAINERS) for packet in plain.framed(value)]
    return survey(sky, "lsst", packets, filters_lsst.ID)


@pytest.fixture(scope="session")
def containers(sky):
    """LSST's alerts in Avro containers, as other brokers keep them."""
    return survey(sky, "containers", plain.files(*plain.LSST_CONTAINERS), filters_lsst.ID)


@pytest.fixture(scope="session")
def ztf(sky):
    return survey(sky, "ztf", plain.files("ztf"), "candid")


@pytest.fixture
def ztf_known(sky):
    """What tells a format something new stands where a bank looks before it starts: at the beginning and at the end."""
    telling, rest, known = [], [], formats.get("ztf")
    for packet in plain.files("ztf"):
        wiser = known.fitted([packet])
        (rest if wiser.knows == known.knows else telling).append(packet)
        known = wiser
    return survey(sky, "ztf-known", [*telling[:8], *rest, *telling[8:]], "candid")
