"""LSST schemas from a registry, a folder and the package, in this order; what is found late is still found."""

import json
import shutil
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fastavro
import offline
import pytest
from conftest import delivered
from skysieve import Filter, PacketError, StreamError
from skysieve.packets import formats, lsst_schemas
from skysieve.packets.alerts import Alerts
from skysieve.sources import Packet, send, simulate

GOOD = next(simulate(1, seed=5, pool=8)).packet.value
ALERT = offline.alert(GOOD)


def extended(schema):
    """A next version of LSST's schema: with a field more, and names that carry the version."""
    text = json.dumps(
        {**schema, "fields": [*schema["fields"], {"name": "sparkle", "type": "double", "doc": "Glow. [Jy]"}]}
    )
    later = json.loads(text)
    return {**later, "namespace": "lsst.v99_0"}


NEW = extended(lsst_schemas.load(1000))
FLAT = (704, 1000, 1101)


def packet(schema_id, schema=NEW, **more):
    import io

    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {**ALERT, **more})
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


@pytest.fixture
def registry(monkeypatch):
    """A registry that speaks the part of Confluent's protocol that readers use, and is empty at first."""
    known, asked = {}, Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            schema_id = self.path.split("?")[0].rsplit("/", 1)[-1]
            asked[schema_id] += 1
            found = known.get(schema_id)
            body = {"error_code": 40403, "message": "Schema not found"}
            if found:
                is_answer = isinstance(found, dict) and "schema" in found
                body = found if is_answer else {"schema": json.dumps(found)}
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("SKYSIEVE_SCHEMA_REGISTRY", f"http://127.0.0.1:{server.server_port}")
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_registry_is_asked_for_the_ids_that_are_seen(registry):
    late = packet(9900, sparkle=2.5)
    assert formats.get("lsst").fitted([late]) is formats.get("lsst")
    with pytest.raises(PacketError, match="schema id 9900 is not known here"):
        formats.get("lsst").read(late)
    registry["9900"] = NEW
    wiser = formats.get("lsst").fitted([late])
    assert wiser.read(late)[0]["sparkle"] == 2.5
    column = wiser.columns()["sparkle"]
    assert (column.unit, column.since, column.null) == ("Jy", 9900, True)
    assert repr(wiser.read(GOOD)) == repr([ALERT])  # NaN is unequal to itself


def test_the_registry_comes_before_the_folder_and_that_before_the_package(registry, tmp_path, monkeypatch):
    folder = extended(lsst_schemas.load(1000))
    folder["fields"][-1]["name"] = "from_folder"
    for schema_id in (1000, 1200):
        (tmp_path / f"{schema_id}.avsc").write_text(json.dumps(folder))
    monkeypatch.setenv("SKYSIEVE_SCHEMAS", str(tmp_path))
    fitted = formats.get("lsst").fitted([])
    assert {"from_folder"} <= {f["name"] for f in fitted.raw[1000]["fields"]}
    assert 1200 in fitted.raw
    registry["1000"] = NEW
    names = [f["name"] for f in formats.get("lsst").fitted([GOOD]).raw[1000]["fields"]]
    assert "sparkle" in names
    assert "from_folder" not in names


def test_a_folder_like_the_package_s_is_read_with_the_files_that_a_root_names(tmp_path, monkeypatch):
    source = lsst_schemas.schema_files()[1000].parent
    place = tmp_path / "schema" / "99" / "0"
    place.mkdir(parents=True)
    for file in source.glob("*.avsc"):
        shutil.copy(file, place / file.name.replace("v10_0", "v99_0"))
    monkeypatch.setenv("SKYSIEVE_SCHEMAS", str(tmp_path))
    fitted = formats.get("lsst").fitted([])
    assert repr(fitted.read(packet(9900, lsst_schemas.load(1000)))) == repr(
        [ALERT]
    )  # NaN is unequal to itself


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's folder, with the files of three versions side by side, as the survey names them."""
    for schema_id in FLAT:
        for file in lsst_schemas.schema_files()[schema_id].parent.glob("*.avsc"):
            shutil.copy(file, tmp_path)
    monkeypatch.setenv("SKYSIEVE_SCHEMAS", str(tmp_path))
    return tmp_path


def test_the_versions_in_one_flat_folder_are_kept_apart(folder):
    assert lsst_schemas.found_for([]) == {i: lsst_schemas.load(i) for i in FLAT}


def test_a_file_named_by_its_id_has_its_own_version_s_records_from_a_flat_folder(folder):
    shutil.copy(folder / "lsst.v10_0.alert.avsc", folder / "1200.avsc")
    assert lsst_schemas.found_for([])[1200] == lsst_schemas.load(1000)


def test_records_are_found_by_their_full_names_whatever_their_files_are_called(folder):
    (folder / "lsst.v7_4.alert.avsc").rename(folder / "lsst.v99_0.alert.avsc")
    (folder / "lsst.v7_4.diaSource.avsc").rename(folder / "source.avsc")
    found = lsst_schemas.found_for([])
    assert found.keys() == {1000, 1101, 9900}
    assert found[9900] == lsst_schemas.load(704)


def test_what_a_schema_names_may_be_an_enum_or_stand_in_a_map(folder):
    root = json.loads((folder / "lsst.v10_0.alert.avsc").read_text())
    for name, kind in [
        ("tags", {"type": "map", "values": "lsst.v10_0.diaForcedSource"}),
        ("why", {"type": "enum", "name": "reason", "symbols": ["NEW", "OLD"]}),
        ("also", ["null", "reason"]),
    ]:
        root["fields"].append({"name": name, "type": kind})
    (folder / "lsst.v10_0.alert.avsc").write_text(json.dumps(root))
    fields = {f["name"]: f["type"] for f in fastavro.parse_schema(lsst_schemas.found_for([])[1000])["fields"]}
    assert fields["tags"]["values"] == "diaForcedSource"
    assert fields["also"] == ["null", "reason"]


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("1200.avsc", "{", "no schema of alerts.*line 1 column 2"),
        ("1200.avsc", '"string"', "describes no alert"),
        ("1200.avsc", '{"type": "string"}', "describes no alert"),
        ("1200.avsc", '["null", "long"]', "describes no alert"),
        ("1200.avsc", '{"type": "record", "name": "key", "fields": []}', "describes no alert"),
        ("1200.avsc", '{"type": "record", "name": "alert"}', "no Avro schema"),
        ("1200.avsc", '{"name": "alert", "fields": []}', "no Avro schema"),
        ("1200.avsc", "[" * 100_000, "no schema of alerts"),
        ("lsst.v10_0.diaSource.avsc", "{'a': 1}", "no schema of alerts"),
        ("lsst.v10_0.diaSource.avsc", b"\xff", "no schema of alerts"),
    ],
)
def test_a_broken_file_in_the_folder_is_named_with_what_to_do(folder, file, text, problem):
    (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StreamError, match=rf"{folder}, in which {file} is .*{problem}.*take it away"):
        formats.get("lsst").fitted([])


def test_a_missing_file_is_told_by_the_record_that_it_should_define(folder):
    (folder / "lsst.v10_0.diaSource.avsc").unlink()
    said = r"in which lsst.v10_0.alert.avsc is .* names lsst.v10_0.diaSource, .*add what is missing"
    with pytest.raises(StreamError, match=said):
        formats.get("lsst").fitted([])


@pytest.mark.parametrize("place", ["nowhere", "1000.avsc", "~nobody-of-this-name/schemas"])
def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch, place):
    (tmp_path / "1000.avsc").write_text(json.dumps(lsst_schemas.load(1000)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKYSIEVE_SCHEMAS", place)
    with pytest.raises(StreamError, match=rf"SKYSIEVE_SCHEMAS names {place}, which is no folder"):
        formats.get("lsst").fitted([])


@pytest.mark.parametrize(
    "odd",
    [
        "string",
        {"type": "string"},
        {"$schema": "https://json-schema.org"},
        7,
        [{"type": "record", "name": "alert", "fields": []}],
        {"type": "record", "name": "key", "fields": [{"name": "id", "type": "long"}]},
        {"type": "record", "name": "alert", "fields": [{"name": "diaSource", "type": "lsst.v9_0.diaSource"}]},
    ],
    ids=str,
)
def test_what_else_a_registry_holds_is_no_schema_of_alerts(registry, odd, caplog):
    late = packet(9900, sparkle=2.5)
    registry["9900"] = odd
    assert formats.get("lsst").fitted([late]) is formats.get("lsst")
    assert "not to be had from the registry" in caplog.text
    with pytest.raises(PacketError, match="schema id 9900 is not known here"):
        Alerts().read(late)


@pytest.mark.parametrize(
    ("kind", "text"), [("PROTOBUF", 'syntax = "proto3"; message Alert {}'), ("JSON", '{"type": "object"}')]
)
def test_a_registry_s_schemas_of_other_kinds_are_none_of_alerts(registry, kind, text, caplog):
    registry["9900"] = {"schema": text, "schemaType": kind}
    assert formats.get("lsst").fitted([packet(9900, sparkle=2.5)]) is formats.get("lsst")
    assert "not to be had from the registry" in caplog.text


def test_a_registry_s_schema_may_refer_to_others_there(registry):
    files = lsst_schemas.schema_files()[1000].parent.glob("*.avsc")
    texts = {file.name.split(".")[2]: file.read_text() for file in files}
    root = texts.pop("alert")
    refers = [{"name": f"lsst.v10_0.{n}", "subject": n, "version": i} for i, n in enumerate(texts, 1)]
    registry["9900"] = {"schema": root, "references": refers}
    for i, (name, text) in enumerate(texts.items(), 1):
        registry[str(i)] = {"schema": text, "subject": name, "version": i, "id": i}
    assert lsst_schemas.found_for([9900]) == {9900: lsst_schemas.load(1000)}


def test_a_registry_that_does_not_answer_is_no_obstacle(monkeypatch, caplog):
    monkeypatch.setenv("SKYSIEVE_SCHEMA_REGISTRY", "http://127.0.0.1:9")
    assert repr(formats.get("lsst").fitted([GOOD]).read(GOOD)) == repr([ALERT])  # NaN is unequal to itself
    assert "not to be had from the registry" in caplog.text


def test_spark_decodes_by_a_schema_of_the_registry_beside_those_of_the_package(sky, stream, registry, topics):
    registry["9900"] = NEW
    send([Packet(GOOD, b"0"), Packet(packet(9900, sparkle=2.5), b"1")], stream, topics.bootstrap)
    preview = sky.preview(Filter("glowing", "sparkle > 1", stream))
    assert (preview.read, preview.rejected, preview.passed) == (2, 0, 1)
    assert preview.alerts["sparkle"].tolist() == [2.5]


def test_what_a_bank_rejected_is_re_driven_when_the_registry_has_the_schema(
    sky, stream, name, topics, deployed, registry
):
    deployed.append(sky.deploy(Filter(name, "diaSource.ra IS NOT NULL", stream)).wait("running"))
    send([Packet(GOOD, b"0"), Packet(packet(9900, sparkle=2.5), b"1")], stream, topics.bootstrap)
    delivered(deployed[0], 1)
    assert sky.redrive(stream).rejected == 1
    registry["9900"] = NEW
    done = sky.redrive(stream)
    assert (done.read, done.rejected, done.delivered) == (1, 0, {name: 1})
    assert {r.key for r in delivered(deployed[0], 2)} == {b"0", b"1"}
