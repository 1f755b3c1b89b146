"""Replay: every framing that is understood arrives as packets, and everything else is refused by name."""

import gzip
import io
from pathlib import Path

import fastavro
import pytest
from skysieve.errors import StreamError
from skysieve.packets.lsst_schemas import load
from skysieve.sources import read_packets, simulate

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def alerts():
    return list(simulate(4, seed=1, pool=8))


@pytest.fixture
def data():
    if not DATA.is_dir():
        pytest.skip(f"the real packets are not at {DATA}")
    return DATA


def container(schema, records):
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records)
    return out.getvalue()


def decode(value):
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(load(int.from_bytes(value[1:5], "big"))))
    assert not body.read()
    return record


def namespaced(version, name="alert"):
    return {**load(version), "name": f"lsst.v{version // 100}_{version % 100}.{name}"}


def test_framed_packets_travel_as_they_are_with_their_id_as_key(tmp_path, alerts):
    for n, alert in enumerate(alerts):
        (tmp_path / f"{n}.avro").write_bytes(alert.packet.value)
    packets = list(read_packets([tmp_path]))
    assert [p.value for p in packets] == [a.packet.value for a in alerts]
    assert [p.key for p in packets] == [a.packet.key for a in alerts]


def test_gzip_is_known_by_its_first_bytes(tmp_path, alerts):
    value = alerts[0].packet.value
    (tmp_path / "packed_without_saying_so").write_bytes(gzip.compress(value))
    (tmp_path / "plain.gz").write_bytes(value)
    assert [p.value for p in read_packets([tmp_path])] == [value, value]


def test_folders_are_read_in_order_with_their_subfolders_and_without_hidden_files(tmp_path, alerts):
    (tmp_path / "b").mkdir()
    (tmp_path / ".cache").mkdir()
    for name, alert in zip(["b/1", "a", "c", ".cache/x"], alerts, strict=True):
        (tmp_path / name).write_bytes(alert.packet.value)
    (tmp_path / ".hidden").write_bytes(b"not a packet")
    found = [p.key for p in read_packets([tmp_path, tmp_path / "c"])]
    assert found == [alerts[n].packet.key for n in (1, 0, 2, 2)]


def test_a_container_of_lsst_alerts_becomes_one_framed_packet_per_record(tmp_path, alerts):
    records = [decode(a.packet.value) for a in alerts]
    (tmp_path / "all.avro").write_bytes(container(namespaced(1000), records))
    packets = list(read_packets([tmp_path / "all.avro"]))
    assert [p.value for p in packets] == [a.packet.value for a in alerts]
    assert [p.key for p in packets] == [a.packet.key for a in alerts]


def test_fields_that_a_broker_added_stay_behind(tmp_path, alerts):
    schema = load(1000)
    added = [{"name": "lsst_schema_version", "type": "string"}, {"name": "brokerIngestMjd", "type": "double"}]
    schema = {**schema, "name": "topLevelRecord", "fields": [*schema["fields"], *added]}
    record = {
        **decode(alerts[0].packet.value),
        "lsst_schema_version": "lsst.v10_0",
        "brokerIngestMjd": 61000.0,
    }
    (tmp_path / "spark.avro").write_bytes(container(schema, [record]))
    (packet,) = read_packets([tmp_path / "spark.avro"])
    assert packet.value == alerts[0].packet.value


def test_other_containers_travel_whole(tmp_path):
    schema = {"type": "record", "name": "ztf.alert", "fields": [{"name": "candid", "type": "long"}]}
    one, two = container(schema, [{"candid": 2**60}]), container(schema, [{"candid": 1}, {"candid": 2}])
    (tmp_path / "1").write_bytes(one)
    (tmp_path / "2").write_bytes(two)
    packets = list(read_packets([tmp_path]))
    assert [(p.value, p.key) for p in packets] == [(one, str(2**60).encode()), (two, None)]


def test_a_broken_framed_packet_still_travels(tmp_path, alerts):
    value = alerts[0].packet.value
    (tmp_path / "cut").write_bytes(value[:400])
    (tmp_path / "more cut").write_bytes(value[:8])
    packets = list(read_packets([tmp_path]))
    assert [len(p.value) for p in packets] == [400, 8]
    assert [p.key for p in packets] == [alerts[0].packet.key, None]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b'{"alert": 1}', r"starts with 7B 22 61 6C 65 72 74 22.*Kafka framing.*object container.*gzipped"),
        (b"\0\0\0\x30\x39 rest", r"schema id 12345 is not known here \(known: .*1000"),
        (b"\0\0", "starts with 00 00"),
        (b"Obj\x01 and then nothing that is Avro", "an Avro object container, broken after 0 records"),
        (b"\x1f\x8b\x08 not really gzip", "cannot be read"),
    ],
)
def test_anything_else_is_refused_with_the_name_of_the_file(tmp_path, content, message):
    file = tmp_path / "strange"
    file.write_bytes(content)
    with pytest.raises(StreamError, match=message) as raised:
        list(read_packets([file]))
    assert str(file) in str(raised.value)


def test_a_container_that_breaks_off_is_refused_after_what_came_before(tmp_path, alerts):
    whole = container(namespaced(1000), [decode(a.packet.value) for a in alerts])
    (tmp_path / "cut").write_bytes(whole[:-2000])
    with pytest.raises(StreamError, match="broken after"):
        list(read_packets([tmp_path / "cut"]))


def test_an_lsst_container_that_fits_no_known_schema_is_refused(tmp_path):
    schema = {"type": "record", "name": "lsst.v99_0.alert", "fields": [{"name": "diaSource", "type": "null"}]}
    (tmp_path / "future").write_bytes(container(schema, [{"diaSource": None}]))
    with pytest.raises(StreamError, match=r"future: LSST alerts of schema v99\.0, which is not known here"):
        list(read_packets([tmp_path]))
    (tmp_path / "future").write_bytes(
        container({**schema, "name": "lsst.v10_0.alert"}, [{"diaSource": None}])
    )
    with pytest.raises(StreamError, match="record 0 does not fit LSST schema 1000: diaSourceId is missing"):
        list(read_packets([tmp_path]))
    (tmp_path / "future").write_bytes(container({**schema, "name": "topLevelRecord"}, [{"diaSource": None}]))
    with pytest.raises(StreamError, match="fit no known schema version"):
        list(read_packets([tmp_path]))


def test_a_container_without_records_is_refused(tmp_path):
    (tmp_path / "none").write_bytes(container(namespaced(1000), []))
    with pytest.raises(StreamError, match="without a record"):
        list(read_packets([tmp_path / "none"]))


def test_missing_paths_and_empty_folders_are_named_before_anything_is_read(tmp_path):
    with pytest.raises(StreamError, match=r"There is no file or folder .*nowhere"):
        read_packets([tmp_path / "nowhere"])
    with pytest.raises(StreamError, match="There is no file in"):
        read_packets([tmp_path])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("folder", "versions"),
    [
        ("lsst_derived_wire", {1000: 27}),
        ("lsst/astrolabsoftware+fink-broker", {900: 40}),
        ("lsst/astrolabsoftware+fink-client", {1000: 7}),
        ("lsst/mwvgroup+pittgoogle-client", {700: 1, 704: 1, 800: 1, 900: 1, 1000: 1, 1100: 1, 1101: 1}),
        ("lsst/lsst+alert_packet", {704: 1, 800: 1, 900: 1, 1000: 1, 1100: 1}),
        ("lsst/AmpelAstro+Ampel-LSST", {701: 10}),
    ],
)
def test_real_lsst_files_become_packets_of_their_version(data, folder, versions):
    found = {}
    for packet in read_packets([data / folder]):
        version = int.from_bytes(packet.value[1:5], "big")
        found[version] = found.get(version, 0) + 1
        assert packet.key == str(decode(packet.value)["diaSource"]["diaSourceId"]).encode()
    assert found == versions


@pytest.mark.real_data
def test_spark_containers_become_the_bytes_that_travelled_on_kafka(data):
    wire = {
        p.key: p.value for p in read_packets([data / "lsst_derived_wire" / "astrolabsoftware+fink-client"])
    }
    spark = {p.key: p.value for p in read_packets([data / "lsst" / "astrolabsoftware+fink-client"])}
    assert spark == wire
    assert len(wire) == 7


@pytest.mark.real_data
@pytest.mark.parametrize(("survey", "keyed", "unkeyed"), [("ztf", 134, 3), ("pgir", 6, 0), ("winter", 5, 0)])
def test_other_surveys_travel_as_whole_files(data, survey, keyed, unkeyed):
    packets = list(read_packets([data / survey]))
    assert all(p.value.startswith(b"Obj\x01") for p in packets)
    assert sum(p.key is not None for p in packets) == keyed
    assert sum(p.key is None for p in packets) == unkeyed
