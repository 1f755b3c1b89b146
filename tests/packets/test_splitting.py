"""Containers that Python splits: all their alerts, or the one reason why there are none; a bomb fills no memory."""

import bz2
import io
import json
import lzma
import struct
import sys
import tracemalloc
import zlib
from contextlib import suppress

import cramjam
import fastavro
import pyarrow as pa
import pytest
from skysieve import PacketError
from skysieve.packets import codecs, formats, object_containers
from skysieve.packets.decode import decode, kafka
from skysieve.packets.formats import LARGEST
from skysieve.packets.object_containers import SYNC, head, header, records, split

AVRO = formats.get("avro")
SURVEY = {
    "type": "record",
    "name": "survey.alert",
    "fields": [
        {"name": "candid", "type": "long"},
        {"name": "band", "type": ["null", "string"]},
        {"name": "image", "type": "bytes"},
    ],
}
MARKER = b"the same again: "


def alert(number, size=10):
    return {"candid": 2**60 + number, "band": "r" if number % 2 else None, "image": bytes(size)}


def encoded(value, of="long"):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, of, value)
    return out.getvalue()


def snappy(content):
    return bytes(cramjam.snappy.compress_raw(content)) + struct.pack(">I", zlib.crc32(content))


PACK = {
    "null": lambda content: content,
    "deflate": lambda content: zlib.compress(content, wbits=-15),
    "snappy": snappy,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstandard": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}
"""How a block is compressed, in the words of Avro's specification; not by what reads it here."""


def packed(blocks, codec, named=None, of=SURVEY):
    """A container of these blocks, each a number of records and their bytes."""
    schema = json.dumps(of).encode()
    start = encoded(
        {"magic": b"Obj\x01", "meta": {"avro.codec": (named or codec).encode(), "avro.schema": schema}},
        object_containers._HEADER,
    )
    out = start + MARKER
    for count, content in blocks:
        body = PACK[codec](content)
        out += encoded(count) + encoded(len(body)) + body + MARKER
    return out


def container(alerts, codec="null", per_block=2):
    blocks = [alerts[i : i + per_block] for i in range(0, len(alerts), per_block)]
    return packed([(len(b), b"".join(encoded(a, SURVEY) for a in b)) for b in blocks], codec)


ALERTS = [alert(i) for i in range(5)]
GOOD = container(ALERTS, "deflate")


@pytest.mark.parametrize("codec", PACK)
def test_the_alerts_of_every_codec_are_what_was_written_byte_by_byte(codec):
    packet = container(ALERTS, codec)
    assert AVRO.read(packet) == ALERTS
    assert [raw for _, raw in records(packet)] == [encoded(a, SURVEY) for a in ALERTS]
    for piece, one in zip(split(packet), ALERTS, strict=True):
        assert piece.startswith(head(header(packet)[0]["avro.schema"]))
        assert list(split(piece)) == [piece]
        assert list(fastavro.reader(io.BytesIO(piece))) == [one]


@pytest.mark.parametrize("codec", ["deflate", "snappy", "bzip2", "xz"])
def test_what_fastavro_compressed_is_read(codec):
    out = io.BytesIO()
    fastavro.writer(out, SURVEY, ALERTS, codec=codec, sync_interval=1)
    assert AVRO.read(out.getvalue()) == ALERTS


@pytest.mark.parametrize("codec", [c for c in PACK if c != "null"])
def test_a_bomb_is_refused_before_it_fills_memory(codec):
    bomb = packed([(1, bytes(10 * LARGEST))], codec)
    tracemalloc.start()
    try:
        with pytest.raises(PacketError, match="unpacks to more than the 8388608 bytes"):
            list(split(bomb))
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("codec", [c for c in PACK if c != "null"])
def test_what_blocks_unpack_to_is_counted_together(codec):
    block = encoded(alert(1, LARGEST // 2 - 100), SURVEY)
    assert len(AVRO.read(packed([(1, block)] * 2, codec))) == 2
    with pytest.raises(PacketError, match="unpacks to more"):
        AVRO.read(packed([(1, block)] * 3, codec))


def test_an_alert_that_is_too_large_with_its_header_is_refused_with_its_message():
    packet = packed([(1, encoded(alert(1, LARGEST - 50), SURVEY))], "deflate")
    with pytest.raises(PacketError, match="an alert in the message has more"):
        list(split(packet))


def test_alerts_so_many_that_their_headers_are_too_much_are_refused():
    count = 8 * LARGEST // len(head(header(GOOD)[0]["avro.schema"]))
    packet = packed([(count, encoded({**alert(1), "image": b""}, SURVEY) * count)], "deflate")
    assert len(packet) < LARGEST / 10
    with pytest.raises(PacketError, match="each with the header"):
        sum(1 for _ in split(packet))


def test_a_block_cannot_hold_more_records_than_bytes():
    with pytest.raises(PacketError, match="truncated or broken"):
        list(split(packed([(2**40, b"")], "null")))


@pytest.mark.parametrize(("codec", "module"), [("bzip2", "bz2"), ("xz", "lzma")])
def test_a_codec_that_is_not_installed_is_named(codec, module, monkeypatch):
    packet = container(ALERTS, codec)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PacketError, match=f"compressed by {codec}, for which the module {module} is missing"):
        list(split(packet))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("alert", b"x"),
        (["null", "alert"], b"\x02" * 5_000_000 + b"\0"),
        ({"type": "array", "items": "null"}, encoded(2**60) + b"\0"),
        (
            {"type": "array", "items": {"type": "record", "name": "none", "fields": []}},
            encoded(2**60) + b"\0",
        ),
    ],
)
def test_a_schema_that_is_endless_in_a_few_bytes_is_refused(kind, body):
    of = {"type": "record", "name": "alert", "fields": [{"name": "next", "type": kind}]}
    packet = packed([(1, body)], "deflate", of=of)
    assert AVRO.fitted([packet]).writers == ()
    for read in (AVRO.read, split):
        with pytest.raises(PacketError, match="none that can be decoded here") as raised:
            list(read(packet))
        assert raised.value.stage == "schema"


def test_a_codec_that_is_not_known_is_named():
    with pytest.raises(PacketError, match="compressed by 'lzo', which is none of null, deflate, snappy"):
        list(split(packed([(1, b"x")], "null", named="lzo")))


def flipped(packet, at):
    return packet[:at] + bytes([packet[at] ^ 0x10]) + packet[at + 1 :]


@pytest.mark.parametrize("codec", PACK)
def test_a_container_that_is_cut_or_changed_gives_all_its_alerts_or_none(codec):
    packet = container(ALERTS, codec, per_block=5)
    size = header(packet)[1]
    for at in range(size, len(packet), 3):
        for broken in (packet[:at], flipped(packet, at)):
            with suppress(PacketError):
                whole = at == size + SYNC and broken == packet[:at]  # a container without a block
                assert len(AVRO.read(broken)) == (0 if whole else 5)


def test_what_does_not_have_the_checksum_of_its_block_is_refused():
    packet = container(ALERTS, "snappy")
    with pytest.raises(PacketError, match="truncated or broken"):
        AVRO.read(flipped(packet, len(packet) - SYNC - 1))


def test_a_record_without_a_field_takes_no_byte_and_is_an_alert():
    out = io.BytesIO()
    fastavro.writer(out, {"type": "record", "name": "nothing", "fields": []}, [{}])
    assert AVRO.read(out.getvalue()) == [{}]


def test_fitting_looks_no_further_into_packets_whose_header_is_known(monkeypatch):
    known = AVRO.fitted([GOOD])
    loaded = []
    monkeypatch.setattr(object_containers, "records", loaded.append)
    monkeypatch.setattr(object_containers.json, "loads", loaded.append)
    assert known.fitted([GOOD, *[container([alert(i)]) for i in range(20)]]) is known
    assert loaded == []


def rejected_and_decoded(sky, known, packets):
    rows = [(i, bytearray(packet)) for i, packet in enumerate(packets)]
    found = {i: ([], []) for i in range(len(packets))}
    columns = [known.columns()["candid"]]
    source = sky.spark.createDataFrame(rows, "offset bigint, value binary")
    for offset, why, candid in (
        decode(source, known, columns).select(kafka("offset"), kafka("problem"), "candid").collect()
    ):
        found[offset][why is not None].append(candid if why is None else tuple(why))
    return list(found.values())


def test_each_message_that_cannot_be_split_says_why(sky):
    other = GOOD.replace(b"survey.alert", b"survey.later")
    packets = {
        "good": GOOD,
        "cut": GOOD[:-1],
        "bomb": packed([(1, bytes(3 * LARGEST))], "zstandard"),
        "strange": packed([(1, b"x")], "null", named="lzo"),
        "none": packed([], "null"),
        "no header": GOOD[:40],
        "empty": b"",
        "other": other,
        "other survey": b"{}",
        "large": container([alert(1, LARGEST)], "null"),
        **{codec: container(ALERTS, codec) for codec in PACK},
    }
    known = AVRO.fitted([GOOD])
    found = dict(zip(packets, rejected_and_decoded(sky, known, list(packets.values())), strict=True))
    everything = ([a["candid"] for a in ALERTS], [])
    for name in ("good", *PACK):
        assert found.pop(name) == everything, name
    size = len(packets["large"])
    assert found == {
        "cut": ([], [("decode", object_containers.BROKEN)]),
        "bomb": ([], [("frame", codecs.TOO_LARGE)]),
        "strange": (
            [],
            [
                (
                    "frame",
                    "the container is compressed by 'lzo', which is none of "
                    "null, deflate, snappy, bzip2, xz, zstandard",
                )
            ],
        ),
        "none": ([], [("frame", "the container holds no alert")]),
        "no header": ([], [("frame", "the header of the container cannot be read (EOFError)")]),
        "empty": ([], [("frame", "the message is empty")]),
        "other": ([], [("schema", "the schema in the message is not known here yet")]),
        "other survey": ([], [("frame", "the message is no Avro container")]),
        "large": ([], [("frame", f"the message has {size} bytes, more than the {LARGEST} that are decoded")]),
    }
    wiser = known.fitted([other])
    assert rejected_and_decoded(sky, wiser, [other]) == [everything]


def test_what_much_is_split_into_comes_in_parts_and_each_stays_with_its_message(sky):
    messages = [[alert(10 * m + i, 1_900_000) for i in range(4)] for m in range(5)]
    packets = [container(alerts, "deflate") for alerts in messages]
    assert sum(map(len, packets)) < LARGEST < 4 * 1_900_000 * 2
    found = rejected_and_decoded(sky, AVRO.fitted(packets), [b"", *packets, GOOD])
    ids = [[one["candid"] for one in alerts] for alerts in (*messages, ALERTS)]
    assert found == [([], [("frame", "the message is empty")]), *((one, []) for one in ids)]
