"""Whatever becomes of packets on their way: each ends as its alerts or as one rejected packet, and none is lost."""

import io
from contextlib import suppress

import fastavro
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from skysieve import PacketError
from skysieve.packets import formats
from skysieve.packets.decode import decode, kafka
from skysieve.sources import simulate

LSST = next(simulate(1, seed=5, pool=8)).packet.value
ALERT = {
    "type": "record",
    "name": "alert",
    "namespace": "survey",
    "fields": [
        {"name": "candid", "type": "long"},
        {"name": "ra", "type": "double"},
        {"name": "band", "type": ["null", "string"]},
        {"name": "image", "type": "bytes"},
    ],
}


def container(count, codec="null", sync_interval=16000):
    out = io.BytesIO()
    records = [{"candid": 2**60 + i, "ra": 1.5, "band": "r", "image": bytes(300)} for i in range(count)]
    fastavro.writer(out, ALERT, records, codec=codec, sync_interval=sync_interval, sync_marker=b"s" * 16)
    return out.getvalue()


GOOD = {
    "lsst": [LSST],
    "avro": [
        container(1),
        container(3),
        container(3, sync_interval=1),
        container(2, codec="deflate"),
        container(4, codec="snappy"),
        container(0),
    ],
    "json": [b'{"id": "S1", "ra": 1.5, "where": {"dec": -3}}', b'{"id": "S2", "ra": 2}'],
}
ALERTS = {"lsst": [1], "avro": [1, 3, 3, 2, 4, 0], "json": [1, 1]}


class Mutated(bytes):
    """A packet that something happened to; shown by what that was, as its bytes are too many."""

    how = ""

    def __repr__(self):
        return self.how


def mutated(packet, how, *what):
    if how == "begin":
        changed = packet[: int(what[0] * len(packet))]
    elif how == "end":
        changed = packet[int(what[0] * len(packet)) :]
    elif how == "flip":
        at, bit = int(what[0] * len(packet)), what[1]
        changed = packet[:at] + bytes([packet[at] ^ 1 << bit]) + packet[at + 1 :]
    else:
        changed = packet + what[0]
    found = Mutated(changed)
    found.how = f"mutated(GOOD[{len(packet)} bytes], {how!r}, {str(what)[:100]})"
    return found


@st.composite
def mutations(draw, good):
    """A packet that was cut, changed or followed by something; or bytes that are none."""
    packet = draw(st.sampled_from(good))
    how = draw(st.sampled_from(["begin", "end", "flip", "early flip", "rest", "packet", "bytes"]))
    if how == "bytes":
        return draw(st.binary(max_size=50))
    if how in ("begin", "end"):
        return mutated(packet, how, draw(st.floats(0, 1, exclude_max=True)))
    if how in ("flip", "early flip"):
        at = draw(st.floats(0, 1 if how == "flip" else 0.1, exclude_max=True))
        return mutated(packet, "flip", at, draw(st.integers(0, 7)))
    rest = st.sampled_from(good) if how == "packet" else st.binary(min_size=1, max_size=40)
    return mutated(packet, "rest", draw(rest))


def rows(sky, packet_format, packets):
    """Per packet: the numbers of its alerts, and the problems."""
    schema = "key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp"
    records = [(None, bytearray(p), "t", 0, i, None) for i, p in enumerate(packets)]
    whole = [c for c in packet_format.columns() if len(c.path) == 1]
    decoded = decode(sky.spark.createDataFrame(records, schema), packet_format, whole)
    found = {i: ([], []) for i in range(len(packets))}
    for row in decoded.select(kafka("offset"), kafka("record"), kafka("problem")).collect():
        offset, record, problem = row
        found[offset][problem is not None].append(record if problem is None else problem["message"])
    return [found[i] for i in range(len(packets))]


@pytest.mark.parametrize("name", GOOD)
def test_each_packet_ends_as_its_alerts_or_as_one_rejected_packet(sky, name):
    good, counts = GOOD[name], ALERTS[name]
    packet_format = formats.get(name).fitted(good)
    seen = {"alerts": 0, "rejected": 0}

    @settings(max_examples=4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(mutations(good), min_size=80, max_size=80))
    def every_message_is_accounted_for(broken):
        packets = [*good, *broken]
        wiser = packet_format.fitted(broken) if name == "avro" else packet_format
        for i, (packet, (numbers, problems)) in enumerate(
            zip(packets, rows(sky, wiser, packets), strict=True)
        ):
            if i < len(good):
                assert numbers == list(range(counts[i]))
                assert len(problems) == (counts[i] == 0)
            if problems:
                assert (numbers, len(problems)) == ([], 1)
                assert problems[0]
                seen["rejected"] += 1
            else:
                assert numbers == list(range(len(packet_format.read(packet)))), repr(packet)
                seen["alerts"] += 1

    every_message_is_accounted_for()
    assert min(seen.values()) > 10


@pytest.mark.parametrize(
    "rest", [b"]", b"}", b",", b"]]", b"}]", b"]}", b'{"a": 1}', b',{"a": 1}', b"x", b"\0"]
)
def test_nothing_may_follow_the_object_of_a_message(sky, rest):
    good = GOOD["json"]
    ((numbers, problems),) = rows(sky, formats.get("json").fitted(good), [good[0] + rest])
    assert (numbers, len(problems)) == ([], 1)


@pytest.mark.parametrize("name", GOOD)
@given(data=st.data())
def test_python_reads_whatever_arrives_or_refuses_it_with_a_packet_error(name, data):
    packet_format = formats.get(name).fitted(GOOD[name])
    packet = data.draw(mutations(GOOD[name]))
    with suppress(PacketError):
        assert all(isinstance(alert, dict) for alert in packet_format.read(packet))
    wiser = packet_format.fitted([packet])
    assert (wiser.name, wiser.places.id) == (name, packet_format.places.id)
    assert {c.name for c in packet_format.columns()} <= {c.name for c in wiser.columns()}
    assert [repr(wiser.read(one)) for one in GOOD[name]] == [
        repr(packet_format.read(one)) for one in GOOD[name]
    ]
    with suppress(PacketError):
        wiser.version(packet)
    formats.detect(packet)
