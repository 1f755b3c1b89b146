"""Large packets: half a megabyte is decoded, far more is rejected with that reason, and the session lives on."""

import io
import os

import fastavro
import offline
from conftest import delivered
from skysieve import Filter
from skysieve.packets.formats import LARGEST
from skysieve.sources import Packet, send, simulate

ALERT = offline.alert(next(simulate(1, seed=5, pool=8)).packet.value)
HALF_MB = 300
FAR_TOO_LARGE = 20 << 20


def grown(size):
    """The alert with a cutout of so many bytes that do not compress."""
    return offline.packet({**ALERT, "cutoutDifference": os.urandom(size)}, 1000)


def test_half_a_megabyte_is_decoded_and_twenty_are_rejected_with_that_reason(
    sky, stream, name, topics, deployed
):
    large = grown(450_000)
    assert 450_000 < len(large) < 600_000
    monster = grown(FAR_TOO_LARGE)
    packets = [Packet(large, str(i).encode()) for i in range(HALF_MB)]
    packets[HALF_MB // 2 : HALF_MB // 2] = [
        Packet(monster, b"monster"),
        Packet(grown(LARGEST - 200_000), b"limit"),
    ]
    deployed.append(sky.deploy(Filter(name, "diaSource.ra IS NOT NULL", stream)).wait("running"))
    send(packets, stream, topics.bootstrap)
    records = delivered(deployed[0], HALF_MB + 1, patience=120)
    assert {r.key for r in records} == {p.key for p in packets} - {b"monster"}
    (rejected,) = topics.last(f"{stream}.rejected", 5)
    assert rejected.value == monster
    reason = dict(rejected.headers)["__connect.errors.exception.message"].decode()
    assert reason == f"the message has {len(monster)} bytes, more than the {LARGEST} that are decoded"

    preview = sky.preview(Filter("big", "length(cutoutDifference) > 1000", stream))
    assert (preview.read, preview.rejected, preview.passed) == (HALF_MB + 2, 1, HALF_MB + 1)
    whole = sky.stream(stream).recent(10).collect()
    assert [row["cutoutDifference"] is not None for row in whole].count(True) >= 9


def container(count, size, codec):
    """So many records with so many bytes each, in one message."""
    fields = [{"name": "candid", "type": "long"}, {"name": "image", "type": "bytes"}]
    out, image = io.BytesIO(), bytes(size) if codec == "deflate" else os.urandom(size)
    records = [{"candid": n, "image": image} for n in range(count)]
    fastavro.writer(out, {"type": "record", "name": "alert", "fields": fields}, records, codec=codec)
    return out.getvalue()


def test_a_container_that_is_too_large_or_unpacks_to_that_is_rejected_once(
    sky, stream, name, topics, deployed
):
    small, many, packed = (
        container(3, 10, "null"),
        container(100, 100_000, "null"),
        container(1, 9 << 20, "deflate"),
    )
    assert len(packed) < 100_000
    send([Packet(small, b"small")], stream, topics.bootstrap)
    deployed.append(sky.deploy(Filter(name, "candid >= 0", stream)).wait("running"))
    send(
        [Packet(many, b"many"), Packet(packed, b"packed"), Packet(small, b"again")], stream, topics.bootstrap
    )
    assert {r.key for r in delivered(deployed[0], 3)} == {b"again"}
    rejected = topics.last(f"{stream}.rejected", 10)
    assert sorted(r.key for r in rejected) == [b"many", b"packed"]
    for record in rejected:
        assert "more than the" in dict(record.headers)["__connect.errors.exception.message"].decode()
