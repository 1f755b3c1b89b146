"""LSST packets in Python: what is read is what fastavro reads, and what is broken says at which step."""

import fastavro.utils
import offline
import pytest
from conftest import DATA
from fastavro.schema import load_schema
from hypothesis import given
from hypothesis import strategies as st
from skysieve import PacketError
from skysieve.packets import formats
from skysieve.sources import simulate

FORMAT = formats.get("lsst")
GOOD = next(simulate(1, seed=5, pool=8)).packet.value


def broken(packet):
    """The step at which a packet fails, and why."""
    with pytest.raises(PacketError) as raised:
        FORMAT.read(packet)
    return raised.value.stage, str(raised.value)


def test_a_packet_is_claimed_carries_its_version_and_is_read():
    assert FORMAT.claims(GOOD)
    assert formats.detect(GOOD) is FORMAT
    assert FORMAT.version(GOOD) == int.from_bytes(GOOD[1:5], "big")
    assert repr(FORMAT.read(GOOD)) == repr([offline.alert(GOOD)])  # NaN is unequal to itself


@pytest.mark.real_data
def test_every_real_packet_reads_as_the_survey_s_own_schema_says():
    packets = offline.real_packets(DATA / "lsst_derived_wire")
    assert len(packets) == 27
    for packet in packets:
        assert FORMAT.claims(packet)
        assert repr(FORMAT.read(packet)) == repr([offline.alert(packet)])  # in repr NaN equals NaN


@pytest.mark.parametrize(
    ("packet", "stage", "message"),
    [
        (b"", "frame", "the message is empty"),
        (b"\0", "frame", "the message has 1 bytes, fewer than the 5 of its frame"),
        (GOOD[:4], "frame", "the message has 4 bytes, fewer than the 5 of its frame"),
        (b"\x01" + GOOD[1:], "frame", "the first byte is 0x01, not 0x00"),
        (b"Obj\x01" + GOOD, "frame", "the first byte is 0x4F, not 0x00"),
        (b'{"diaSource": null}', "frame", "the first byte is 0x7B, not 0x00"),
    ],
)
def test_a_wrong_frame_has_neither_version_nor_alert(packet, stage, message):
    assert broken(packet) == (stage, message)
    with pytest.raises(PacketError, match=message):
        FORMAT.version(packet)
    assert not FORMAT.claims(packet)


@pytest.mark.parametrize("version", [0, 1, 299, 9999, 2**31, 2**32 - 1])
def test_an_unknown_schema_id_is_named_beside_the_known_ones(version):
    packet = b"\0" + version.to_bytes(4, "big") + GOOD[5:]
    stage, message = broken(packet)
    assert stage == "schema"
    assert message.startswith(f"schema id {version} is not known here (known: 300, ")
    assert "update lsst-alert-packet" in message
    assert FORMAT.version(packet) == version


@pytest.mark.parametrize(
    ("version", "claimed"), [(99, False), (100, True), (1101, True), (9999, True), (10_000, False)]
)
def test_versions_0_1_to_99_99_are_claimed_known_or_not(version, claimed):
    assert FORMAT.claims(b"\0" + version.to_bytes(4, "big") + b"\0") == claimed


@given(st.integers(5, len(GOOD) - 1))
def test_a_packet_cut_off_anywhere_does_not_decode(size):
    version = FORMAT.version(GOOD)
    stage, message = broken(GOOD[:size])
    assert stage == "decode"
    assert message.startswith(f"the packet does not fit schema {version}: ")


def test_a_frame_alone_is_no_packet():
    assert not FORMAT.claims(GOOD[:5])
    assert broken(GOOD[:5])[0] == "decode"


@given(st.binary(max_size=100))
def test_bytes_that_are_no_alert_fail_with_a_packet_error(body):
    assert broken(GOOD[:5] + body)[0] == "decode"


@pytest.mark.parametrize("version", offline.schemas())
def test_packets_of_every_version_read_as_the_survey_s_own_schema_says(version):
    for alert in fastavro.utils.generate_many(load_schema(offline.schemas()[version]), 4):
        packet = offline.packet(alert, version)
        assert FORMAT.version(packet) == version
        assert FORMAT.read(packet) == [offline.alert(packet)]
        assert broken(packet[:-1])[0] == "decode"


def test_columns_of_chosen_versions_are_theirs_alone():
    assert "diaSource.decl" in FORMAT.columns([b"\0" + (300).to_bytes(4, "big")])
    assert "diaSource.decl" not in FORMAT.columns([GOOD])
    assert {"diaSource.decl", "diaSource.dec"} <= {column.name for column in FORMAT.columns()}


def test_the_columns_that_every_alert_needs_are_there_under_their_names():
    assert len(FORMAT.places.names) == 4
    assert all(FORMAT.columns()[name].is_scalar for name in FORMAT.places.names)


@given(st.binary(min_size=1, max_size=100))
def test_bytes_that_follow_the_alert_are_noticed(rest):
    assert broken(GOOD + rest)[0] == "decode"
