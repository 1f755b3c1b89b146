"""Avro object containers, as bytes: their header, and how they are split into containers of one record.

A container (https://avro.apache.org/docs/1.12.0/specification/#object-container-files) is a header with the schema, a
sync marker of 16 bytes, and blocks: number of records, size in bytes, records, the marker again.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Iterator
from typing import Any

import fastavro

from skysieve.errors import PacketError
from skysieve.packets import avro

MAGIC = b"Obj\x01"
SYNC = 16
BLOCK = {
    "type": "record",
    "name": "block",
    "fields": [{"name": "count", "type": "long"}, {"name": "size", "type": "long"}],
}
"""What stands before a block's records."""
BROKEN = "an Avro container that cannot be read: it is truncated or broken"
_PARSED_BLOCK = fastavro.parse_schema(BLOCK)
_HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        ],
    }
)


def split(value: bytes) -> Iterator[bytes]:
    """Split a container into containers of one record in one plain block.

    Raises
    ------
    PacketError
        If it is no container, or broken.
    """
    if is_simple(value):
        yield value
        return
    meta, _ = header(value)
    check_end(value)
    schema = meta["avro.schema"]
    start, sync = head(schema), hashlib.md5(schema, usedforsecurity=False).digest()
    try:
        reader = fastavro.reader(io.BytesIO(value))
        parsed = fastavro.parse_schema(json.loads(schema))
        records = list(reader)
        for record in records:
            body = io.BytesIO()
            fastavro.schemaless_writer(body, parsed, record)
            yield start + sync + _long(1) + _long(body.tell()) + body.getvalue() + sync
    except Exception as error:  # fastavro raises whatever the broken bytes lead it to
        raise PacketError("decode", f"{BROKEN}: {error!r}") from error


def head(schema: bytes) -> bytes:
    """What an uncompressed container of this schema begins with, up to its sync marker; always the same bytes.

    fastavro's own writer puts the keys of a schema in an order that differs from process to process.
    """
    out = io.BytesIO()
    fastavro.schemaless_writer(
        out, _HEADER, {"magic": MAGIC, "meta": {"avro.codec": b"null", "avro.schema": schema}}
    )
    return out.getvalue()


def is_simple(value: bytes) -> bool:
    """Whether it has one record in one plain block."""
    meta, size = header(value)
    if meta.get("avro.codec", b"null") != b"null":
        return False
    body = io.BytesIO(memoryview(value)[size + SYNC :])
    try:
        block: Any = fastavro.schemaless_reader(body, _PARSED_BLOCK)
    except (EOFError, ValueError, IndexError, struct.error):
        return False
    return bool(block["count"] == 1 and size + SYNC + body.tell() + block["size"] + SYNC == len(value))


def header(value: bytes) -> tuple[dict[str, bytes], int]:
    """The metadata of a container, and their size: where its first sync marker stands."""
    if not value:
        raise PacketError("frame", "the message is empty")
    if not value.startswith(MAGIC):
        raise PacketError("frame", "the message is no Avro container")
    body = io.BytesIO(value)
    try:
        header: Any = fastavro.schemaless_reader(body, _HEADER)
        json.loads(header["meta"]["avro.schema"])
    except Exception as error:  # fastavro raises whatever the broken bytes lead it to
        raise PacketError("frame", f"the header of the container cannot be read: {error!r}") from error
    return header["meta"], body.tell()


def header_schema(value: bytes) -> Any:
    """The schema that a container brings along; raises PacketError."""
    return json.loads(header(value)[0]["avro.schema"])


def is_legal(schema: Any) -> bool:
    """Whether Java's Avro, which is stricter than fastavro, takes a schema that is written out.

    Examples
    --------
    >>> is_legal({"type": "array", "items": ["null", "long"]}), is_legal("text"), is_legal(["null", []])
    (True, False, False)
    """
    if isinstance(schema, str):
        return schema in avro.PRIMITIVE
    if isinstance(schema, list):
        if not all(not isinstance(one, list) and is_legal(one) for one in schema):
            return False
        kinds = {one if isinstance(one, str) else one.get("name", one["type"]) for one in schema}
        return 0 < len(kinds) == len(schema)
    if not isinstance(schema.get("logicalType", ""), str):
        return False
    if schema["type"] == "record":
        names = [field["name"] for field in schema["fields"]]
        return len(set(names)) == len(names) and all(
            avro.NAME.fullmatch(f["name"]) and is_legal(f["type"]) for f in schema["fields"]
        )
    if schema["type"] == "enum":
        symbols = schema["symbols"]
        return len(set(symbols)) == len(symbols) and all(map(avro.NAME.fullmatch, symbols))
    if schema["type"] == "fixed":
        return isinstance(schema["size"], int) and schema["size"] >= 0
    return is_legal(schema.get("items") or schema.get("values") or schema["type"])


def check_end(value: bytes) -> None:
    """Raise PacketError where a container does not end in its marker: to fastavro one cut off is a short one."""
    _, size = header(value)
    blocks = len(value) - size - SYNC
    if blocks < 0 or 0 < blocks <= SYNC or value[-SYNC:] != value[size : size + SYNC]:
        raise PacketError("decode", BROKEN)


def _long(value: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    return out.getvalue()
