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
from functools import lru_cache
from typing import Any

import fastavro

from skysieve.errors import PacketError
from skysieve.packets import avro, codecs
from skysieve.packets.formats import LARGEST

MAGIC = b"Obj\x01"
SYNC = 16
BLOCK = {
    "type": "record",
    "name": "block",
    "fields": [{"name": "count", "type": "long"}, {"name": "size", "type": "long"}],
}
"""What stands before a block's records."""
BLOCK_BYTES = 20
"""At most, of these two numbers."""
BROKEN = "an Avro container that cannot be read: it is truncated or broken"
_MOST = 8 * LARGEST
"""Bytes of all that one message is split into: each alert then brings the header along."""
_SCHEMAS = 64
"""Schemas that are remembered as they were read: parsing one takes longer than reading its packet."""
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


def records(value: bytes) -> Iterator[tuple[Any, bytes]]:
    """Each record of a container: what it holds, and the bytes that it is written as.

    Text that is no UTF-8 is read as Spark shows it, with U+FFFD for what is none.

    Raises
    ------
    PacketError
        If it is no container, or broken, or unpacks to more than is decoded; perhaps behind some records.
    """
    meta, at = header(value)
    marker, room = value[at : at + SYNC], LARGEST
    codec = meta.get("avro.codec", b"null").decode(errors="replace")
    at += SYNC
    try:
        if len(marker) < SYNC:
            raise EOFError
        schema = _parsed(meta["avro.schema"])
        while at < len(value):
            count, size, begin = _block(value, at)
            at = begin + size + SYNC
            if size < 0 or value[at - SYNC : at] != marker:
                raise ValueError
            unpacked = codecs.unpacked(codec, value[begin : begin + size], room)
            room -= len(unpacked) if codec != "null" else 0
            if not 0 <= count <= max(len(unpacked), 1):
                raise ValueError
            body = io.BytesIO(unpacked)
            for _ in range(count):
                begin = body.tell()
                record = fastavro.schemaless_reader(body, schema, None, handle_unicode_errors="replace")
                yield record, unpacked[begin : body.tell()]
            if body.tell() < len(unpacked):
                raise ValueError
    except PacketError:
        raise
    except Exception as error:  # fastavro and the codecs raise whatever the broken bytes lead them to
        raise PacketError("decode", BROKEN) from error


def split(value: bytes) -> Iterator[bytes]:
    """Split a container into containers of one record in one plain block.

    Raises
    ------
    PacketError
        If it is no container, or broken, or its alerts are too large or too many; perhaps behind some of them.
    """
    if is_simple(value):
        yield value
        return
    schema = header(value)[0]["avro.schema"]
    start, sync, room = head(schema), hashlib.md5(schema, usedforsecurity=False).digest(), _MOST
    for _, body in records(value):
        piece = b"".join((start, sync, _long(1), _long(len(body)), body, sync))
        room -= len(piece)
        if len(piece) > LARGEST:
            raise PacketError(
                "frame", f"an alert in the message has more than the {LARGEST} bytes that are decoded"
            )
        if room < 0:
            raise PacketError(
                "frame", f"the message's alerts, each with the header, are more than {_MOST} bytes"
            )
        yield piece


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
    try:
        count, length, begin = _block(value, size + SYNC)
    except (EOFError, ValueError, IndexError, struct.error):
        return False
    return count == 1 and begin + length + SYNC == len(value)


def header(value: bytes) -> tuple[dict[str, bytes], int]:
    """The metadata of a container, and their size: where its first sync marker stands."""
    if not value:
        raise PacketError("frame", "the message is empty")
    if not value.startswith(MAGIC):
        raise PacketError("frame", "the message is no Avro container")
    body = io.BytesIO(value)
    try:
        header: Any = fastavro.schemaless_reader(body, _HEADER)
        _loaded(header["meta"]["avro.schema"])
    except Exception as error:  # fastavro raises whatever the broken bytes lead it to
        kind = type(error).__name__
        raise PacketError("frame", f"the header of the container cannot be read ({kind})") from error
    return header["meta"], body.tell()


def header_schema(value: bytes) -> Any:
    """The schema that a container brings along; raises PacketError."""
    return _loaded(header(value)[0]["avro.schema"])


@lru_cache(maxsize=_SCHEMAS)
def _loaded(schema: bytes) -> Any:
    return json.loads(schema)


@lru_cache(maxsize=_SCHEMAS)
def _parsed(schema: bytes) -> Any:
    found = json.loads(schema)
    if not is_legal(avro.expand(found)):  # fastavro does not come back from what is endless
        raise PacketError("schema", "the schema in the message is none that can be decoded here")
    return fastavro.parse_schema(found)


def is_legal(schema: Any) -> bool:
    """Whether Java's Avro, which is stricter than fastavro, takes a schema that is written out.

    Neither one that holds itself is taken nor an array of what takes no byte: either could be endless in a few bytes.

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
    if schema["type"] == "array" and _is_empty(schema["items"]):
        return False
    return is_legal(schema.get("items") or schema.get("values") or schema["type"])


def _is_empty(schema: Any) -> bool:
    """Whether a value of this type takes no byte."""
    if isinstance(schema, str | list):
        return schema == "null"
    if schema["type"] == "record":
        return all(_is_empty(field["type"]) for field in schema["fields"])
    return bool(schema["type"] == "null" or (schema["type"] == "fixed" and schema["size"] == 0))


def _block(value: bytes, at: int) -> tuple[int, int, int]:
    """Of the block that stands there: how many records it has, in how many bytes, and where these begin."""
    body = io.BytesIO(memoryview(value)[at : at + BLOCK_BYTES])
    block: Any = fastavro.schemaless_reader(body, _PARSED_BLOCK, None)
    return block["count"], block["size"], at + body.tell()


def _long(value: int) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    return out.getvalue()
