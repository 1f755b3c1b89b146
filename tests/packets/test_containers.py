"""Avro object containers: one plain record is left as it is, all else is split into such packets."""

import io
import json
import random
from contextlib import suppress

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve import PacketError
from skysieve.packets import formats
from skysieve.packets.containers import ContainerFormat
from skysieve.packets.decode import decode, kafka
from skysieve.packets.object_containers import head, header, split
from skysieve.packets.tables import scalars
from skysieve.sources.surveys import simulated

AVRO = formats.get("avro")


def schema(*fields, name="alert", **more):
    return {"type": "record", "name": name, "fields": [{"name": n, "type": k} for n, k in fields], **more}


SURVEY = schema(("candid", "long"), ("ra", "double"), ("dec", "double"), namespace="survey", version="1.2")


def alert(number):
    return {"candid": 2**60 + number, "ra": 10.5 + number, "dec": -3.0}


def container(alerts, of=SURVEY, **how):
    out = io.BytesIO()
    fastavro.writer(out, of, alerts, **{"sync_marker": b"the same again: "} | how)
    return out.getvalue()


def test_a_container_of_one_plain_record_is_its_own_only_piece():
    packet = container([alert(1)])
    assert list(split(packet)) == [packet]


@given(
    st.integers(0, 30),
    st.sampled_from(["null", "deflate"]),
    st.sampled_from([1, 40, 16000]),
    st.integers(0, 3),
)
def test_every_piece_is_a_container_of_one_record_with_the_same_header(count, codec, interval, extra):
    alerts = [alert(i) for i in range(count)]
    of = {
        **SURVEY,
        "fields": SURVEY["fields"] + [{"name": f"x{i}", "type": "int", "default": 0} for i in range(extra)],
    }
    pieces = list(split(container(alerts, of, codec=codec, sync_interval=interval)))
    read = [found for piece in pieces for found in fastavro.reader(io.BytesIO(piece))]
    assert [{name: one[name] for name in ("candid", "ra", "dec")} for one in read] == alerts
    assert len(pieces) == count
    known = AVRO.fitted(pieces)
    assert len(known.writers) == (1 if count else 0)


@pytest.mark.parametrize(
    ("packet", "stage", "message"),
    [
        (b"", "frame", "the message is empty"),
        (b"{}", "frame", "the message is no Avro container"),
        (b"Obj\x01\x04", "frame", "the header of the container cannot be read"),
        (container([alert(1)])[:-1], "decode", "an Avro container that cannot be read"),
        (container([alert(1), alert(2)])[:-16], "decode", "an Avro container that cannot be read"),
        (container([alert(1)]) + b"x", "decode", "an Avro container that cannot be read"),
    ],
)
def test_what_is_no_whole_container_says_so(packet, stage, message):
    with pytest.raises(PacketError, match=message) as raised:
        AVRO.read(packet)
    assert raised.value.stage == stage


def test_headers_are_learned_once_and_columns_unite_over_them():
    old = schema(("candid", "long"), ("mag", "float"), namespace="survey", version="1.1")
    known = AVRO.fitted(
        [container([alert(1)]), container([{"candid": 1, "mag": 2.0}], old), container([alert(2)])]
    )
    assert [w.label for w in known.writers] == ["1.1", "1.2"]
    assert known.fitted([container([alert(3)])]) is known
    mag = known.columns()["mag"]
    assert (mag.since, mag.until, mag.null) == ("1.1", "1.1", True)
    assert known.knows != AVRO.knows
    assert known.fitted([container([{"a": 1}], schema(("a", "int")))]).knows != known.knows


def test_the_order_in_which_packets_are_seen_makes_no_other_format():
    packets = [container([alert(1)]), container([{"a": 1}], schema(("a", "int")))]
    assert AVRO.fitted(packets).knows == AVRO.fitted(packets[::-1]).knows


def test_places_are_found_under_the_usual_names():
    assert AVRO.fitted([container([alert(1)])]).places.names == ("candid", "ra", "dec")
    assert AVRO.places.names == ()


@pytest.mark.parametrize(
    ("written", "label"),
    [
        (schema(("a", "int"), name="alert", namespace="lsst.v9_0"), "9.0"),
        (schema(("a", "int"), version="3.3"), "3.3"),
    ],
)
def test_a_version_is_called_what_the_schema_calls_it(written, label):
    assert AVRO.version(container([{"a": 1}], written)) == label


def test_a_version_that_no_one_named_is_called_by_its_hash():
    packet = container([{"a": 1}], schema(("a", "int")))
    assert len(AVRO.version(packet)) == 6


def test_versions_are_in_the_order_of_their_numbers():
    old = schema(("candid", "long"), ("ra", "float"), ("gone", "int"), name="v7_4")
    new = schema(("candid", "long"), ("ra", "double"), name="v10_0")
    packets = [
        container([{"candid": 1, "ra": 2.5, "gone": 3}], old),
        container([{"candid": 1, "ra": 2.5}], new),
    ]
    columns = AVRO.fitted(packets).columns()
    assert (columns["candid"].since, columns["candid"].until) == ("7.4", "10.0")
    assert (columns["ra"].schema, columns["gone"].until) == ("double", "7.4")


@pytest.mark.parametrize("name", ["avro", "ztf"])
@pytest.mark.parametrize(
    "odd",
    [
        [],
        3,
        "long",
        ["null", SURVEY],
        schema(("a b", "long")),
        schema(("candid", "lnng")),
        schema(("candid", {"type": "enum", "name": "e", "symbols": ["a-b"]})),
        schema(("candid", {"type": "fixed", "name": "f", "size": "4"})),
        schema(("candid", {"type": "long", "logicalType": 7})),
        schema(("candid", ["null", "long", "long"])),
        schema(("x_1", "int"), ("x", "int"), ("x_1", "long"), ("x", "long")),
        {"type": "record", "name": "alert", "fields": 7},
        {"type": "record", "name": "alert", "fields": [7]},
    ],
)
def test_a_header_that_is_no_schema_of_alerts_is_not_learned(name, odd):
    good = container([alert(1)])
    broken = head(json.dumps(odd).encode()) + good[len(head(fastavro_schema(good))) :]
    known = formats.get(name).fitted([good])
    assert known.fitted([broken]).knows == known.knows
    formats.detect(broken)
    with suppress(PacketError):
        known.version(broken)


def fastavro_schema(packet):
    return header(packet)[0]["avro.schema"]


def test_no_flipped_bit_in_a_header_spoils_a_stream():
    (good,) = (p.value for p in simulated("ztf", count=1, seed=3))
    ztf = formats.get("ztf").fitted([good])
    chance, size = random.Random(4), header(good)[1]
    for _ in range(300):
        at = chance.randrange(size)
        flipped = good[:at] + bytes([good[at] ^ 1 << chance.randrange(8)]) + good[at + 1 :]
        wiser = ztf.fitted([flipped])
        assert {"candid", "candidate.magpsf"} <= {column.name for column in wiser.columns()}
        assert wiser.read(good) == ztf.read(good)


def test_one_that_must_be_split_is_remembered():
    assert not AVRO.fitted([container([alert(1)])]).splits
    assert AVRO.fitted([container([alert(1), alert(2)])]).splits
    assert AVRO.fitted([container([alert(1)], codec="deflate")]).splits
    assert AVRO.fitted([container([alert(1)]), container([alert(1), alert(2)])]).splits


def test_a_broken_packet_does_not_send_a_stream_through_python():
    good, several = container([alert(1)]), container([alert(i) for i in range(5)], sync_interval=1)
    known = AVRO.fitted([good])
    for broken in (good[:-1], good + b"x", several[:-1], container([])):
        assert known.fitted([broken]) is known
    assert known.fitted([several]).splits


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (schema(("candid", "long"), name="alert", namespace="ztf"), "ztf"),
        (schema(("candid", "long"), name="alert", namespace="pgir"), "avro"),
        (
            schema(
                *(
                    (n, "string")
                    for n in ("schemavsn", "publisher", "objectId", "candid", "candidate", "prv_candidates")
                ),
                name="topLevelRecord",
            ),
            "ztf",
        ),
    ],
)
def test_ztf_is_told_from_other_surveys_by_its_schema(of, name):
    packet = container([{f["name"]: 1 if f["type"] == "long" else "x" for f in of["fields"]}], of)
    assert formats.detect(packet).name == name


def test_a_writer_knows_its_schema_as_it_was_written():
    known = AVRO.fitted([container([alert(1)])])
    assert isinstance(known, ContainerFormat)
    assert json.loads(known.writers[0].schema)["name"].endswith("alert")


def test_fields_that_are_one_name_to_spark_are_columns_of_their_own_whichever_version_has_them(sky):
    bit_flipped = schema(("candid", "long"), ("rA", "double"), ("dec", "double"), version="1.3")
    both = schema(("candid", "long"), ("RA", "double"), ("ra", ["double", "null"]), version="1.4")
    packets = [
        container([{"candid": 1, "rA": 1.5, "dec": 2.5}], bit_flipped),
        container([alert(1)]),
        container([{"candid": 2, "RA": 3.5, "ra": 4.5}], both),
    ]
    for order in (packets, packets[::-1]):
        known = AVRO.fitted(order)
        columns = known.columns()
        names = ["candid", "dec", *(columns.resolve(name).name for name in ("ra", "rA", "RA"))]
        assert names == ["candid", "dec", "ra", "rA_2", "RA_3"]
        assert "Called 'RA' in the messages" in columns["RA_3"].description
        assert known.places.ra == "ra"
        rows = [(i, bytearray(packet)) for i, packet in enumerate(packets)]
        source = sky.spark.createDataFrame(rows, "offset int, value binary")
        found = decode(source, known, [columns[name] for name in names]).orderBy(kafka("offset")).collect()
        assert [tuple(row)[3:] for row in found] == [
            (None, 1, 2.5, None, 1.5, None),
            (None, 2**60 + 1, -3.0, 11.5, None, None),
            (None, 2, None, 4.5, None, 3.5),
        ]
        table = scalars([(packet, 0) for packet in packets], known)
        assert table["RA_3"].dropna().tolist() == [3.5]
