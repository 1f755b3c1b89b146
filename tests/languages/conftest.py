"""Every LSST and ZTF packet there is, each survey in a stream, for all tests of languages."""

import pytest

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
