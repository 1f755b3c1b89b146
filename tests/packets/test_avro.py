"""Avro schemas as trees: written out, united over versions, narrowed to what is used."""

import io
import json

import fastavro
import fastavro.utils
import pytest
from skysieve.packets import lsst_schemas
from skysieve.packets.avro import (
    avro_name,
    expand,
    leaves,
    narrow,
    nullable,
    readable,
    resolves,
    spark_type,
    split_null,
    unite,
)

TIME = {"type": "long", "logicalType": "timestamp-micros"}


def record(*fields, name="alert"):
    return {"type": "record", "name": name, "fields": [field(*f) for f in fields]}


def field(name, kind, doc=""):
    return {"name": name, "type": kind, "doc": doc}


def array(items):
    return {"type": "array", "items": items}


def encoded(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(json.dumps(schema))), value)
    return out.getvalue()


def resolved(writer, value, reader):
    """What a reader's schema makes of a value in the writer's."""
    parsed = [fastavro.parse_schema(json.loads(json.dumps(schema))) for schema in (writer, reader)]
    return fastavro.schemaless_reader(io.BytesIO(encoded(writer, value)), *parsed)


SOURCE = record(("ra", "double"), ("snr", ["null", "float"]), name="source")
ALERT = record(
    ("id", "long"),
    ("now", SOURCE),
    ("past", ["null", array("source")]),
    ("when", {"type": "long", "logicalType": "timestamp-micros"}),
    ("image", {"type": "bytes"}),
)
FULL = expand(ALERT)


def test_expanded_records_are_named_after_their_place_wherever_they_were_defined():
    id_, now, past, when, image = FULL["fields"]
    assert FULL["name"] == "alert"
    assert now["type"]["name"] == "alert_now"
    assert past["type"][1]["items"] == {**now["type"], "name": "alert_past"}
    assert (id_["type"], when["type"], image["type"]) == ("long", TIME, "bytes")


def test_what_is_written_by_the_survey_s_schema_is_read_by_the_expanded_one():
    value = {
        "id": 7,
        "now": {"ra": 1.5, "snr": None},
        "past": [{"ra": 2.5, "snr": 3.0}],
        "when": 5,
        "image": b"x",
    }
    assert encoded(ALERT, value) == encoded(FULL, value)


def test_expanding_twice_changes_nothing_and_the_argument_is_left_as_it_was():
    before = json.dumps(ALERT)
    assert expand(FULL) == FULL
    assert json.dumps(ALERT) == before


@pytest.mark.parametrize("doc", [{}, {"doc": None}, {"doc": ""}])
def test_a_missing_description_is_empty(doc):
    schema = {"type": "record", "name": "alert", "fields": [{"name": "id", "type": "long", **doc}]}
    assert expand(schema)["fields"] == [field("id", "long")]


@pytest.mark.parametrize(
    ("schema", "kind", "null"),
    [
        ("long", "long", False),
        (["null", "long"], "long", True),
        (["long", "null"], "long", True),
        (["null", "long", "string"], ["long", "string"], True),
        (["long", "string"], ["long", "string"], False),
    ],
)
def test_null_is_split_off_and_put_first(schema, kind, null):
    assert split_null(schema) == (kind, null)
    assert nullable(schema) == ["null", *(kind if isinstance(kind, list) else [kind])]


@pytest.mark.parametrize(
    ("old", "new", "both"),
    [
        ("int", "int", "int"),
        ("int", "long", "long"),
        ("long", "int", "long"),
        ("float", "double", "double"),
        ("double", "float", "double"),
        ("int", "float", "double"),
        ("long", "float", "double"),
        ("int", "double", "double"),
        ("long", "double", "double"),
        (["null", "int"], "long", ["null", "long"]),
        ("int", ["null", "long"], ["null", "long"]),
        (["int", "null"], ["int", "null"], ["null", "int"]),
        (array("int"), array("long"), array("long")),
        (array("int"), ["null", array(["null", "int"])], ["null", array(["null", "int"])]),
        (TIME, TIME, TIME),
        (["null", "long", "string"], ["null", "long", "string"], ["null", "long", "string"]),
    ],
)
def test_two_types_unite_to_the_one_that_holds_both(old, new, both):
    assert unite([record(("x", old)), record(("x", new))]) == record(("x", both))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("string", "long"),
        ("string", "bytes"),
        ("boolean", "int"),
        ("long", TIME),
        ("long", array("long")),
        (array("string"), array("long")),
        ("long", record(("y", "long"), name="alert_x")),
        (["null", "string"], ["null", "long"]),
    ],
)
def test_of_types_that_no_reader_holds_together_the_newer_counts_and_the_older_reads_as_null(old, new):
    def version(kind):
        return record(("id", "long"), ("s", record(("x", kind), name="alert_s")))

    both = unite([version(old), version(new)])
    merged = leaves(both)[("s", "x")]["type"]
    assert split_null(merged)[1]
    assert not resolves(old, merged)
    assert resolves(new, merged)
    reader = narrow(both, [()])
    for kind, read in ((old, False), (new, True)):
        (value,) = fastavro.utils.generate_many(fastavro.parse_schema(version(kind)), 1)
        packet = encoded(version(kind), value)
        parsed = [fastavro.parse_schema(s) for s in (readable(version(kind), reader), reader)]
        found = fastavro.schemaless_reader(io.BytesIO(packet), *parsed)
        assert found["id"] == value["id"]
        assert (found["s"]["x"] is not None) == read or value["s"]["x"] is None


@pytest.mark.parametrize("path", ["diaSource.snr", "diaObject", "prvDiaSources.midpointMjdTai"])
@pytest.mark.parametrize("version", lsst_schemas.packaged())
def test_what_is_passed_over_takes_as_many_bytes_as_before(version, path):
    writer = expand(lsst_schemas.packaged()[version])
    reader = narrow(writer, [path.split(".")])
    quick = readable(writer, reader)
    assert quick != readable(writer, writer)
    full, short, wanted = (fastavro.parse_schema(json.loads(json.dumps(s))) for s in (writer, quick, reader))
    for value in fastavro.utils.generate_many(full, 20):
        body = io.BytesIO(encoded(writer, value))
        found = fastavro.schemaless_reader(body, short, wanted)
        assert body.read() == b""
        body.seek(0)
        assert found == fastavro.schemaless_reader(body, full, wanted)


def test_what_is_passed_over_takes_no_name_that_is_read():
    writer = record(("a", "int"), ("_0", "int"), ("b", "int"), ("_1", ["null", "boolean"]))
    reader = record(("_0", "int"), ("_1", ["null", "boolean"]))
    value = {"a": 1, "_0": 2, "b": 3, "_1": True}
    short, wanted = (fastavro.parse_schema(s) for s in (readable(writer, reader), reader))
    found = fastavro.schemaless_reader(io.BytesIO(encoded(writer, value)), short, wanted)
    assert found == {"_0": 2, "_1": True}


def test_of_two_fields_with_one_name_the_last_keeps_it():
    twice = {
        "type": "record",
        "name": "alert",
        "fields": [{"name": n, "type": "int"} for n in ("a", "b", "a")],
    }
    assert [f["name"] for f in expand(twice)["fields"]] == ["a_0", "b", "a"]
    assert encoded(expand(twice), {"a_0": 1, "b": 2, "a": 3}) == bytes([2, 4, 6])


def test_named_types_keep_their_size_and_symbols_and_are_named_after_their_place():
    fixed, enum = (
        {"type": "fixed", "name": "m", "size": 4},
        {"type": "enum", "name": "e", "symbols": ["A", "B"]},
    )
    full = expand(record(("f", fixed), ("e", ["null", enum]), ("m", {"type": "map", "values": "m"})))
    f, e, m = (field["type"] for field in full["fields"])
    assert f == {**fixed, "name": "alert_f"}
    assert e[1] == {**enum, "name": "alert_e"}
    assert m == {"type": "map", "values": {**fixed, "name": "alert_m"}}
    assert [spark_type(t) for t in (f, e, m)] == ["binary", "string", "map<string, binary>"]


def test_a_field_that_a_version_lacks_can_be_null_and_the_newest_s_come_first():
    old = record(("a", "int"), ("gone", "long"), ("text", ["string", "null"]))
    new = record(("came", "string"), ("a", "int"))
    assert unite([old, new]) == record(
        ("came", ["null", "string"]), ("a", "int"), ("gone", ["null", "long"]), ("text", ["null", "string"])
    )


def test_a_field_missing_in_the_middle_stays_nullable():
    versions = [record(("a", "int")), record(("b", "int")), record(("a", "int"), ("b", "int"))]
    assert unite(versions) == record(("a", ["null", "int"]), ("b", ["null", "int"]))


def test_the_newest_description_that_says_something_is_kept():
    versions = [record(("a", "int", "first")), record(("a", "int", "second")), record(("a", "int"))]
    assert unite(versions)["fields"][0]["doc"] == "second"


def test_one_version_is_itself():
    assert unite([FULL]) == FULL


@pytest.mark.parametrize(
    ("paths", "kept"),
    [
        ([], []),
        ([["id"]], ["id"]),
        ([["now", "ra"]], ["now", "now.ra"]),
        ([["now", "snr"], ["id"]], ["id", "now", "now.snr"]),
        ([["now"]], ["now", "now.ra", "now.snr"]),
        ([["now", "ra"], ["now"]], ["now", "now.ra", "now.snr"]),
        ([["past"]], ["past", "past[].ra", "past[].snr"]),
        ([["past", "ra"]], ["past", "past[].ra"]),
        ([["unknown"], ["now", "unknown"], ["when"]], ["now", "when"]),
    ],
)
def test_narrowing_keeps_what_lies_on_the_paths(paths, kept):
    def places(schema, path=""):
        kind, _ = split_null(schema)
        if isinstance(kind, dict) and kind["type"] == "array":
            return places(kind["items"], f"{path}[]")
        if not isinstance(kind, dict) or kind["type"] != "record":
            return []
        found = []
        for one in kind["fields"]:
            place = f"{path}.{one['name']}".lstrip(".")
            found += [place, *places(one["type"], place)]
        return found

    assert places(narrow(FULL, paths)) == kept


def test_a_narrowed_schema_reads_what_the_full_one_wrote():
    value = {
        "id": 7,
        "now": {"ra": 1.5, "snr": 2.0},
        "past": [{"ra": 2.5, "snr": 3.0}, {"ra": 4.5, "snr": None}],
        "when": 5,
        "image": b"x",
    }
    reader = narrow(FULL, [("past", "snr"), ("now", "ra")])
    assert resolved(FULL, value, reader) == {"now": {"ra": 1.5}, "past": [{"snr": 3.0}, {"snr": None}]}


def test_a_writer_without_a_field_that_can_be_null_reads_as_null():
    writer = record(("id", "long"), ("past", array(record(("ra", "double"), name="alert_past"))))
    newer = record(
        ("id", "long"),
        ("snr", ["float", "null"]),
        ("past", array(record(("ra", "double"), ("band", "string"), name="alert_past"))),
    )
    reader = narrow(unite([writer, newer]), [("snr",), ("past", "band")])
    value = {"id": 1, "past": [{"ra": 2.0}]}
    assert resolved(writer, value, reader) == {"snr": None, "past": [{"band": None}]}


def test_only_fields_that_can_be_null_have_a_default():
    schema = record(
        ("a", "long"), ("b", ["null", "long"]), ("c", ["long", "string"]), ("d", ["long", "null"])
    )
    fields = narrow(schema, [()])["fields"]
    assert {one["name"]: one["default"] for one in fields if "default" in one} == {"b": None, "d": None}
    assert fields[3]["type"] == ["null", "long"]  # a default is of the first branch's type


def test_leaves_are_all_fields_in_order_and_arrays_are_not_entered():
    found = leaves(FULL)
    assert [".".join(path) for path in found] == ["id", "now", "now.ra", "now.snr", "past", "when", "image"]
    assert found["now", "snr"] == field("snr", ["null", "float"])
    assert leaves("long") == {}


@pytest.mark.parametrize(
    ("schema", "spark", "avro"),
    [
        ("int", "int", "int"),
        ("long", "bigint", "long"),
        (["null", "long"], "bigint", "long"),
        ("float", "float", "float"),
        ("double", "double", "double"),
        ("string", "string", "string"),
        ("boolean", "boolean", "boolean"),
        ("bytes", "binary", "bytes"),
        (TIME, "timestamp", "timestamp-micros"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp", "timestamp-millis"),
        ({"type": "int", "logicalType": "date"}, "date", "date"),
        ({"type": "long", "logicalType": "unheard-of"}, "bigint", "unheard-of"),
        (array(["null", "double"]), "array<double>", "array<double>"),
        (SOURCE, "struct<ra: double, snr: float>", "record"),
        (["null", array(SOURCE)], "array<struct<ra: double, snr: float>>", "array<record>"),
    ],
)
def test_types_have_spark_s_name_and_a_person_s(schema, spark, avro):
    assert (spark_type(schema), avro_name(schema)) == (spark, avro)
