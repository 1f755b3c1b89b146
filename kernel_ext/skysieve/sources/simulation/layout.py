"""Where each value of an encoded Avro record lies.

Avro writes the fields of a record one after the other with nothing between them, floats and doubles in 4 and
8 bytes, integers in as many as they need. A float can therefore be changed in place in the encoded bytes, and
an integer by one of the same width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Path = tuple[str | int, ...]
_FIXED = {"float": 4, "double": 8, "boolean": 1, "null": 0}
_ONE_BYTE = 0x80  # what is below ends an integer
_VARINT = ("int", "long", "enum")


def offsets(schema: Any, encoded: bytes, start: int = 0) -> dict[Path, int]:
    """Find the first byte of every value that is not null, by the value's path; of text, of its content.

    Parameters
    ----------
    schema
        Avro schema, as JSON.
    encoded
        What ``fastavro.schemaless_writer`` wrote.
    start
        Where in it the record begins.

    Raises
    ------
    ValueError
        If the record does not end where the bytes do.

    Examples
    --------
    >>> schema = {"type": "record", "name": "source", "fields": [
    ...     {"name": "id", "type": "long"}, {"name": "snr", "type": ["null", "float"]}]}
    >>> offsets(schema, bytes([0x80, 0x01, 0x02, 0, 0, 0, 0]))
    {('id',): 0, ('snr',): 3}
    """
    walker = _Walker(schema, encoded, start)
    walker.walk(schema, ())
    if walker.position != len(encoded):
        raise ValueError(f"the record ends at byte {walker.position}, the bytes at {len(encoded)}")
    return walker.found


class _Walker:
    def __init__(self, schema: Any, encoded: bytes, start: int) -> None:
        self.encoded, self.position = encoded, start
        self.found: dict[Path, int] = {}
        self._named = dict(_records(schema))

    def walk(self, schema: Any, path: Path) -> None:
        if isinstance(schema, list):
            schema = schema[self._varint()]
        if isinstance(schema, str) and schema in self._named:
            schema = self._named[schema]
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in _FIXED:
            if kind != "null":
                self.found[path] = self.position
            self.position += _FIXED[kind]
        elif kind in _VARINT:
            self.found[path] = self.position
            while self.encoded[self.position] & 0x80:
                self.position += 1
            self.position += 1
        elif kind == "record":
            self._walk_record(schema, path)
        elif kind == "array":
            for number in self._items():
                self.walk(schema["items"], (*path, number))
        elif kind in ("string", "bytes"):
            size = self._varint()
            self.found[path] = self.position
            self.position += size
        else:
            self.walk(kind, path)

    def _walk_record(self, schema: Any, path: Path) -> None:
        for field in schema["fields"]:
            kind = field["type"]
            if isinstance(kind, list) and self.encoded[self.position] < _ONE_BYTE:
                kind = kind[self.encoded[self.position] >> 1]
                self.position += 1
            # Nearly all fields are such numbers, and a packet has thousands of them.
            width = _FIXED.get(kind) if isinstance(kind, str) else None
            if width is None:
                self.walk(kind, (*path, field["name"]))
            elif width:
                self.found[*path, field["name"]] = self.position
                self.position += width

    def _items(self) -> Iterator[int]:
        number = 0
        while count := self._varint():
            for _ in range(count):
                yield number
                number += 1

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.encoded[self.position]
            self.position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return (value >> 1) ^ -(value & 1)


def _records(schema: Any) -> Iterator[tuple[str, Any]]:
    """Find every record that a schema defines; one may be used after a null stood at its definition."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _records(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            yield schema["name"], schema
            for field in schema["fields"]:
                yield from _records(field["type"])
        else:
            yield from _records(schema["items"] if schema["type"] == "array" else schema["type"])


def varints(values: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """Encode positive integers as Avro does, all of them in so many bytes.

    Examples
    --------
    >>> varints(np.array([64, 150]), 2).tolist()
    [[128, 1], [172, 2]]
    >>> varints(np.array([1]), 2)
    Traceback (most recent call last):
    ValueError: not every value takes 2 bytes
    """
    doubled = np.asarray(values, dtype=np.uint64) << np.uint64(1)
    if ((doubled >> np.uint64(7 * (width - 1))) == 0).any() or (doubled >> np.uint64(7 * width) != 0).any():
        raise ValueError(f"not every value takes {width} bytes")
    shifts = np.arange(0, 7 * width, 7, dtype=np.uint64)
    septets = ((doubled[:, None] >> shifts) & np.uint64(0x7F)).astype(np.uint8)
    septets[:, :-1] |= 0x80
    return np.asarray(septets)
