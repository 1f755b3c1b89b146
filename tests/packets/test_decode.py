"""Decoding in Spark equals fastavro, and every packet is decoded or rejected with its reason."""

import gzip
import io
import re

import fastavro
import offline
import pytest
from conftest import DATA
from fastavro.schema import load_schema
from pyspark.sql import functions as F  # noqa: N812
from skysieve.engine import plan
from skysieve.packets import avro, formats
from skysieve.packets.decode import PROBLEM, decode, kafka
from skysieve.sources import Packet, read_packets, send, simulate

FORMAT = formats.get("lsst")
GOOD = next(simulate(1, seed=5, pool=8)).packet.value
WIRE = DATA / "lsst_derived_wire"
VERSIONS = DATA / "lsst" / "mwvgroup+pittgoogle-client"


def decoded(sky, stream, packets, columns):
    """Rows of the packets as sent: the problem's stage and message, and the columns asked for."""
    send([Packet(p, str(i).encode()) for i, p in enumerate(packets)], stream, sky.topics.bootstrap)
    begin, end = sky.topics.begin(stream), sky.topics.end(stream)
    records = plan.read_range(sky.spark, sky.topics, stream, begin, end)
    wanted = [FORMAT.columns()[name] for name in columns]
    rows = decode(records, FORMAT, wanted).select(
        kafka("key").cast("string").cast("int").alias("at"),
        kafka("problem"),
        *(F.col(f"`{name}`").alias(name) for name in columns),
    )
    return sorted(rows.collect(), key=lambda row: row["at"])


@pytest.mark.real_data
def test_every_scalar_column_of_real_packets_of_all_versions_equals_fastavros(sky, stream):
    packets = offline.real_packets(WIRE) + [p.value for p in read_packets([VERSIONS])]
    assert len({p[1:5] for p in packets}) > 5
    names = [c.name for c in FORMAT.columns() if c.is_scalar and not c.sql]
    rows = decoded(sky, stream, packets, names)
    compared = 0
    for packet, row in zip(packets, rows, strict=True):
        assert row[PROBLEM] is None
        alert = offline.alert(packet)
        for name in names:
            expected = offline.at(alert, name)
            found = row[name]
            if hasattr(expected, "tzinfo"):  # Avro's timestamps are instants; Spark gives them without a zone
                expected = expected.replace(tzinfo=None)
            assert found == expected, name
            compared += 1
    assert compared == len(packets) * len(names)


@pytest.mark.real_data
def test_lengths_of_histories_and_bytes_of_cutouts_equal_fastavros(sky, stream):
    packets = offline.real_packets(WIRE)
    names = [c.name for c in FORMAT.columns() if len(c.path) == 1 and not c.is_scalar and not c.fields()]
    arrays = [c.name for c in FORMAT.columns() if c.is_array]
    assert "cutoutDifference" in names
    assert {"prvDiaSources", "prvDiaForcedSources"} <= set(arrays)
    for packet, row in zip(packets, decoded(sky, stream, packets, [*names, *arrays]), strict=True):
        alert = offline.alert(packet)
        for name in names:
            cutout = row[name]
            assert (None if cutout is None else bytes(cutout)) == offline.at(alert, name)
        for name in arrays:
            expected = offline.at(alert, name)
            assert (None if row[name] is None else len(row[name])) == (
                None if expected is None else len(expected)
            )


BROKEN = {
    "empty": (b"", "frame", "the message is empty"),
    "short": (b"\0\0\0", "frame", "the message has 3 bytes, fewer than the 5 of its frame"),
    "magic": (b"\x01" + GOOD[1:], "frame", "the first byte is 0x01, not 0x00"),
    "schema": (b"\0\0\0\x27\x0f" + GOOD[5:], "schema", "schema id 9999 is not known here"),
    "negative": (b"\0\xff\xff\xff\xff" + GOOD[5:], "schema", "schema id 4294967295 is not known here"),
    "truncated": (GOOD[: len(GOOD) // 2], "decode", "the packet does not fit schema 1000"),
    "bare": (GOOD[:5], "decode", "the packet does not fit schema 1000"),
    "gzipped": (gzip.compress(GOOD), "frame", "the first byte is 0x1F, not 0x00"),
}


def test_a_packet_that_cannot_be_decoded_says_why_and_the_good_ones_beside_it_are_decoded(sky, stream):
    packets = [GOOD, *(packet for packet, _, _ in BROKEN.values()), GOOD]
    first, *broken, last = decoded(sky, stream, packets, ["diaSource.diaSourceId"])
    expected = offline.alert(GOOD)["diaSource"]["diaSourceId"]
    for row in (first, last):
        assert (row[PROBLEM], row["diaSource.diaSourceId"]) == (None, expected)
    for row, (_, stage, message) in zip(broken, BROKEN.values(), strict=True):
        assert row["diaSource.diaSourceId"] is None
        assert row[PROBLEM]["stage"] == stage
        assert row[PROBLEM]["message"].startswith(message)


def test_a_packet_without_a_value_is_rejected_as_empty(sky, stream):
    sky.topics.write(stream, [("0", None)])
    (row,) = decoded(sky, stream, [], ["diaSource.ra"])
    assert row[PROBLEM]["message"] == "the message is empty"


def test_a_truncated_packet_is_never_a_row_of_nulls(sky, stream):
    kept = [6, 40, 200, 5000, 60_000]
    whole = offline.alert(GOOD)
    for row in decoded(sky, stream, [GOOD[:size] for size in kept], ["diaSource.snr"]):
        if row[PROBLEM] is None:  # what is asked for lay before the cut
            assert row["diaSource.snr"] == offline.at(whole, "diaSource.snr")
        else:
            assert row[PROBLEM]["stage"] == "decode"


ODD = {
    "type": "record",
    "name": "odd",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "by_band", "type": {"type": "map", "values": ["null", "double"]}},
        {"name": "either", "type": ["null", "double", "string"]},
        {
            "name": "one",
            "type": [
                {"type": "record", "name": "near", "fields": [{"name": "x", "type": "float"}]},
                {"type": "record", "name": "far", "fields": [{"name": "x", "type": "float"}]},
            ],
        },
    ],
}


def test_nan_is_null_in_maps_and_unions_too_and_a_union_can_have_two_records(sky, stream):
    nan = float("nan")
    alerts = [
        {"id": 1, "by_band": {"g": nan, "r": 2.0, "i": None}, "either": nan, "one": ("near", {"x": nan})},
        {"id": 2, "by_band": {}, "either": "text", "one": ("far", {"x": 1.5})},
    ]
    for alert in alerts:
        packet = io.BytesIO()
        fastavro.writer(packet, ODD, [alert])
        send([Packet(packet.getvalue(), None)], stream, sky.topics.bootstrap)
    one, two = sorted(sky.stream(stream).recent(10).collect(), key=lambda row: row["id"])
    assert one["by_band"] == {"g": None, "r": 2.0, "i": None}
    assert one["either"].asDict() == {"member0": None, "member1": None}
    assert one["one"]["member0"]["x"] is None
    assert two["by_band"] == {}
    assert two["either"].asDict() == {"member0": None, "member1": "text"}
    assert (two["one"]["member0"], two["one"]["member1"]["x"]) == (None, 1.5)


def test_nan_is_null_at_every_depth(sky, stream):
    alert = offline.alert(GOOD)
    alert["diaSource"]["snr"] = float("nan")
    for source in alert["prvDiaSources"] or []:
        source["psfFlux"] = float("nan")
    packets = [offline.packet(alert, 1000)]
    (row,) = decoded(sky, stream, packets, ["diaSource.snr", "diaSource.ra", "diaSource", "prvDiaSources"])
    assert row["diaSource.snr"] is None
    assert row["diaSource"]["snr"] is None
    assert row["diaSource.ra"] == alert["diaSource"]["ra"]
    assert row["diaSource"]["ra"] == alert["diaSource"]["ra"]
    assert [s["psfFlux"] for s in row["prvDiaSources"] or []] == [None] * len(alert["prvDiaSources"] or [])


NO_UTF8 = [b"\xff\xfe ok", b"\xe2\x82(ab", b"\xed\xa0\x80ab", b"\xf0\x9f\x94-a", b"plain"]


@pytest.mark.parametrize("framing", ["lsst", "lsst-containers"])
def test_text_that_is_no_utf8_is_shown_as_python_replaces_it_at_every_depth(sky, framing):
    alert = offline.alert(GOOD)
    alert["observation_reason"] = alert["diaSource"]["band"] = "=text"
    alert["prvDiaSources"] = [alert["diaSource"], {**alert["diaSource"], "band": "r"}]
    good = offline.packet(alert, 1000)
    if framing != "lsst":
        out = io.BytesIO()
        fastavro.writer(out, load_schema(offline.schemas()[1000]), [alert])
        good = out.getvalue()
    packets = [good.replace(b"=text", text) for text in NO_UTF8]
    known = formats.get(framing).fitted([good])
    source = sky.spark.createDataFrame(
        [(i, bytearray(p)) for i, p in enumerate(packets)], "offset int, value binary"
    )
    names = ["observation_reason", "diaSource.band", "diaSource", "prvDiaSources"]
    rows = decode(source, known, [known.columns()[name] for name in names]).orderBy(kafka("offset")).collect()
    for row, packet, raw in zip(rows, packets, NO_UTF8, strict=True):
        text = raw.decode(errors="replace")
        assert row[PROBLEM] is None
        assert row["observation_reason"] == row["diaSource.band"] == row["diaSource"]["band"] == text
        assert [past["band"] for past in row["prvDiaSources"]] == [text, "r"]
        (read,) = known.read(packet)
        assert (read["observation_reason"], read["diaSource"]["band"]) == (text, text)


FLAGS = {
    "type": "record",
    "name": "survey.flags",
    "fields": [
        {"name": "id", "type": "long"},
        *({"name": f"flag{i}", "type": ["null", "boolean"]} for i in range(2)),
        {"name": "band", "type": "string"},
    ],
}


def test_a_broken_flag_is_noticed_where_it_is_read_and_harms_nothing_else_where_it_is_not(sky):
    out = io.BytesIO()
    fastavro.writer(out, FLAGS, [{"id": 7, "flag0": True, "flag1": False, "band": "r"}])
    good, flags = out.getvalue(), b"\x0e\x02\x01\x02\x00\x02r"
    known = formats.get("avro").fitted([good])
    at = good.index(flags) + 1
    packets = [good[:i] + bytes([byte]) + good[i + 1 :] for i in range(at, at + 4) for byte in range(256)]
    rows = [(number, bytearray(packet)) for number, packet in enumerate(packets)]
    source = sky.spark.createDataFrame(rows, "offset int, value binary")
    passed = {}
    for names in (("id", "band"), ("id", "band", "flag0", "flag1")):
        found = decode(source, known, [known.columns()[name] for name in names]).where(
            kafka("problem").isNull()
        )
        passed[names] = found.collect()
        assert {(row["id"], row["band"]) for row in passed[names]} == {(7, "r")}
    unread, read = passed.values()
    assert len(read) > 2 * 256  # either value can be any byte, and is then true to Python, false to Java
    assert len(unread) > len(read)  # no number of a type that there is, but as many bytes long
    for row in read:
        known.read(packets[row["kafka.offset"]])


@pytest.mark.parametrize("part", ["whole alerts", "records"])
@pytest.mark.parametrize("framing", ["lsst", "lsst-containers", "ztf"])
def test_java_compiles_all_that_decodes(sky, stream, capsys, framing, part):
    # by all schemas; a method of more than 8,000 bytes would be interpreted, at a fifth of the speed, and one of more
    # than 64 kB is compiled in vain in each micro-batch
    packet_format = formats.get(framing)
    wanted = [c for c in packet_format.columns() if len(c.path) == 1 and not c.sql]
    if part == "records":
        wanted = [c for c in wanted if avro.is_record(avro.split_null(c.schema)[0])]
    packets = plan.read_range(sky.spark, sky.topics, stream, *[sky.topics.end(stream)] * 2)
    decode(packets, packet_format, wanted).explain("codegen")
    sizes = [int(size) for size in re.findall(r"maxMethodCodeSize:(\d+)", capsys.readouterr().out)]
    assert sizes
    assert 500 < max(sizes) < 8000
