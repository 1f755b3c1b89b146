"""JSON streams: their columns are what their messages hold, and a type that does not fit is no silent NULL."""

import json

import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st
from skysieve import ColumnError, Filter, PacketError
from skysieve.packets import avro, formats
from skysieve.packets.decode import decode

JSON = formats.get("json")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def types(*messages):
    fitted = JSON.fitted(json.dumps(m).encode() for m in messages)
    return {column.name: avro.spark_type(column.schema) for column in fitted.columns()}


def rows(sky, fitted, messages, *names):
    source = sky.spark.createDataFrame(
        [(bytearray(m), i) for i, m in enumerate(messages)], "value binary, offset bigint"
    )
    found = decode(source, fitted, [fitted.columns()[name] for name in names])
    return sorted(found.collect(), key=lambda row: row["kafka.offset"])


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"a": 1}, {"a": 2.5}], {"a": "double"}),
        ([{"a": 1}, {"a": "x"}], {"a": "string"}),
        ([{"a": None}, {"a": True}], {"a": "boolean"}),
        ([{"a": None}], {}),
        ([{"a": 2**63}], {"a": "string"}),
        ([{"a": []}, {"a": [1, None, 2.5]}], {"a": "array<double>"}),
        (
            [{"a": {"b": 1}}, {"a": {"c": "x"}}],
            {"a": "struct<b: bigint, c: string>", "a.b": "bigint", "a.c": "string"},
        ),
        ([{"a": {"b": 1}}, {"a": 3}], {"a": "string"}),
        ([{"a": [{"b": 1}]}], {"a": "array<struct<b: bigint>>"}),
    ],
)
def test_columns_unite_over_the_messages(messages, expected):
    assert types(*messages) == expected
    assert types(*reversed(messages)).keys() == expected.keys()


@given(st.lists(OBJECTS, max_size=4))
def test_whatever_json_holds_has_columns_and_learning_it_again_changes_nothing(messages):
    packets = [json.dumps(m).encode() for m in messages]
    fitted = JSON.fitted(packets)
    held = {name for m in messages for name, value in m.items() if value not in (None, [], {})}
    assert {c.path[0] for c in fitted.columns()} <= held
    assert fitted.fitted(packets) is fitted


@pytest.mark.parametrize(
    "packet", [b"[1]", b"3", b"{", b"\xff", b"Obj\x01", b"", b"null", b'{"a": 1}{"a": 2}']
)
def test_what_is_no_object_is_not_claimed(packet):
    assert not JSON.claims(packet)
    with pytest.raises(PacketError):
        JSON.read(packet)


@pytest.mark.real_data
def test_every_notice_of_gcn_is_decoded_and_values_equal_those_of_python(sky):
    notices = [file.read_bytes() for file in sorted((DATA / "gcn").rglob("*.json"))]
    assert len(notices) == 52
    fitted = JSON.fitted(notices)
    names = [c.name for c in fitted.columns() if c.is_scalar and c.path == (c.name,)]
    compared = 0
    for row, notice in zip(rows(sky, fitted, notices, *names), map(json.loads, notices), strict=True):
        assert row["kafka.problem"] is None
        for name in names:
            expected = notice.get(name)
            if avro.spark_type(fitted.columns()[name].schema) == "string" and not isinstance(
                expected, str | None
            ):
                continue
            assert row[name] == expected
            compared += 1
    assert compared > 3000


def test_a_value_of_an_unforeseen_type_rejects_the_message_until_it_is_learned(sky):
    seen, late = b'{"id": "S1", "far": 3}', b'{"id": "S2", "far": "no idea"}'
    fitted = JSON.fitted([seen])
    good, bad = rows(sky, fitted, [seen, late], "id", "far")
    assert (good["far"], good["kafka.problem"]) == (3, None)
    assert bad["kafka.problem"]["stage"] == "decode"
    assert "another type" in bad["kafka.problem"]["message"]
    wiser = fitted.fitted([late])
    assert wiser.knows != fitted.knows
    assert [row["far"] for row in rows(sky, wiser, [seen, late], "id", "far")] == ["3", "no idea"]


def test_names_can_be_anything(sky):
    message = json.dumps({"a b": 1, "c`d": {"e.f": 2}, "ß": 3}).encode()
    fitted = JSON.fitted([message])
    names = [c.name for c in fitted.columns() if c.is_scalar]
    (row,) = rows(sky, fitted, [message], *[n for n in names if "`" not in n])
    assert row["a b"] == 1
    assert row["ß"] == 3


APART = {
    "RA": 1,
    "ra": 2,
    "a": {"b": 3, "B": 4, "c.d": 5, "c": {"d": 6}},
    "a.b": 7,
    "all": [{"x": 8, "X": 9}, {"X": 10}],
    "x": {"Alone": 11},
}
"""Names that are one to Spark; and what a filter means by them."""
MEANT = {
    "RA": 1,
    "ra": 2,
    "a.b": 3,
    "a.B": 4,
    "a.c.d": 6,
    "a.c.d_2": 5,
    "a.b_3": 7,
    "alone": 11,
}


def test_keys_that_are_one_name_to_spark_are_columns_of_their_own_and_told_of(sky):
    message = json.dumps(APART).encode()
    fitted = JSON.fitted([message])
    columns = fitted.columns()
    (row,) = rows(sky, fitted, [message], *(columns.resolve(name).name for name in MEANT), "all")
    assert row["kafka.problem"] is None
    assert {name: row[columns.resolve(name).name] for name in MEANT} == MEANT
    assert [item.asDict() for item in row["all"]] == [{"x": 8, "X_2": 9}, {"x": None, "X_2": 10}]
    assert (columns.resolve("RA").name, columns.resolve("ra").name) == ("RA_2", "ra")
    assert columns["RA_2"].description == "Called 'RA' in the messages, which is the name of another column."
    assert columns["ra"].description == ""
    with pytest.raises(ColumnError, match="could be RA_2 or ra"):
        columns.resolve("Ra")
    with pytest.raises(ColumnError, match=r"could be a\.b or a\.B_2"):
        columns.resolve("b")


ALIKE = st.dictionaries(
    st.sampled_from(["a", "A", "b", "a.b", "A.B", "a_2", "A_2", "a.b_2"]),
    st.integers(0, 9)
    | st.dictionaries(st.sampled_from(["b", "B", "b.c", "b_2"]), st.integers(0, 9), min_size=1),
    min_size=1,
)


@given(st.lists(ALIKE, min_size=1, max_size=3))
def test_no_two_columns_have_one_name_and_every_key_has_one(messages):
    columns = JSON.fitted(json.dumps(m).encode() for m in messages).columns()
    names = [column.name.lower() for column in columns]
    assert len(set(names)) == len(names)
    both = {}
    for message in messages:
        for key, value in message.items():
            kinds = both.setdefault(key, set())
            kinds.update(value if isinstance(value, dict) else [None])
    expected = sum(1 if None in inner else 1 + len(inner) for inner in both.values())
    assert len(names) == expected
    for key in both:
        assert ".".join(columns.written(columns.resolve(key))) == key


def test_a_filter_means_the_same_key_whichever_was_seen_first(sky, stream):
    messages = [{"id": "S1", "RA": 1}, {"id": "S2", "ra": 2}, {"id": "S3", "RA": 3, "ra": 4}]
    sky.topics.write(stream, [(m["id"], json.dumps(m).encode()) for m in messages])
    preview = sky.preview(Filter("exact", "RA >= 1 AND coalesce(ra, 0) < 4", stream=stream))
    assert (preview.rejected, preview.passed) == (0, 1)
    assert list(preview.alerts["id"]) == ["S1"]
    one, other = (JSON.fitted(json.dumps(m).encode() for m in some) for some in (messages, messages[::-1]))
    assert {c.name for c in one.columns()} == {c.name for c in other.columns()} == {"id", "ra", "RA_2"}


def test_a_filter_on_notices_is_a_filter(sky, stream):
    notices = [json.dumps({"id": f"S{i}", "far": i, "place": {"ra": 1.5 * i}}) for i in range(8)]
    sky.topics.write(stream, [(str(i), n.encode()) for i, n in enumerate(notices)])
    preview = sky.preview(Filter("near", "far < 5 AND place.ra > 2", stream=stream))
    assert (preview.read, preview.rejected, preview.passed) == (8, 0, 3)
    assert sorted(preview.alerts["id"]) == ["S2", "S3", "S4"]


def test_what_is_nested_deeply_is_text_there_and_too_deeply_is_refused():
    deep, too_deep = (b'{"id": "S1", "a": ' + b'{"a":' * n + b"1" + b"}" * n + b"}" for n in (400, 100_000))
    known = formats.get("json").fitted([deep, too_deep])
    assert known.knows == known.fitted([deep]).knows
    assert [len(c.path) for c in known.columns() if c.is_scalar and "string" in c.schema] == [1, 32]
    with pytest.raises(PacketError, match="nested too deeply"):
        known.read(too_deep)
