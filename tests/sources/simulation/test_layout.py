"""Places of values in encoded Avro: what is written there is what fastavro reads back."""

import io
import struct

import fastavro
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve.sources.simulation.layout import offsets, varints

SCHEMA = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "band", "type": ["null", "string"]},
        {
            "name": "past",
            "type": ["null", {"type": "array", "items": {
                "type": "record",
                "name": "source",
                "fields": [
                    {"name": "flag", "type": ["null", "boolean"]},
                    {"name": "ra", "type": "double"},
                    {"name": "snr", "type": ["null", "float"]},
                ],
            }}],
        },
        {"name": "now", "type": "source"},
        {"name": "when", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "image", "type": "bytes"},
    ],
}  # fmt: skip
SOURCES = st.fixed_dictionaries(
    {
        "flag": st.none() | st.booleans(),
        "ra": st.floats(0, 360),
        "snr": st.none() | st.floats(0, 1e6, width=32),
    }
)
ALERTS = st.fixed_dictionaries(
    {
        "id": st.integers(-(2**63), 2**63 - 1),
        "band": st.none() | st.text(max_size=4),
        "past": st.none() | st.lists(SOURCES, max_size=4),
        "now": SOURCES,
        "when": st.none() | st.integers(0, 2**60),
        "image": st.binary(max_size=200),
    }
)


def encode(record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), record)
    return out.getvalue()


@given(ALERTS)
def test_finds_every_float_and_text(record):
    encoded = encode(record)
    places = offsets(SCHEMA, encoded)
    assert struct.unpack_from("<d", encoded, places["now", "ra"])[0] == record["now"]["ra"]
    assert (("now", "snr") in places) == (record["now"]["snr"] is not None)
    for n, source in enumerate(record["past"] or []):
        assert struct.unpack_from("<d", encoded, places["past", n, "ra"])[0] == source["ra"]
    assert encoded[places["image",] :] == record["image"]


@given(ALERTS, st.floats(0, 360))
def test_a_value_written_over_is_read_back_and_nothing_else_changes(record, ra):
    encoded = bytearray(encode(record))
    struct.pack_into("<d", encoded, offsets(SCHEMA, bytes(encoded))["now", "ra"], ra)
    assert bytes(encoded) == encode({**record, "now": {**record["now"], "ra": ra}})


@given(st.integers(2**55, 2**61))
def test_ids_encode_as_avro_does(number):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema("long"), number)
    assert varints(np.array([number]), 9).tobytes() == out.getvalue()


def test_refuses_bytes_that_go_on_after_the_record():
    with pytest.raises(ValueError, match="the record ends at byte"):
        offsets(SCHEMA, encode({"id": 1, "now": {"ra": 1.0}, "image": b""}) + b"x")
