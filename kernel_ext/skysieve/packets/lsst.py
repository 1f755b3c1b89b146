"""LSST alerts as they travel on Kafka: a zero byte, a 4-byte schema id (big endian), an Avro record.

The frame is that of Confluent's schema registry; Rubin's ids are ``100 × major + minor`` (DMTN-093).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import fastavro

from skysieve.errors import PacketError
from skysieve.packets import avro, lsst_schemas
from skysieve.packets.columns import Columns
from skysieve.packets.formats import register

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

_FRAME = struct.Struct(">BI")


class LsstFormat:
    """Packets of the Vera C. Rubin Observatory's alert stream.

    Examples
    --------
    >>> LsstFormat().version(bytes.fromhex("00000003e8") + b"...")
    1000
    """

    name = "lsst"
    id_column = "diaSource.diaSourceId"
    position = ("diaSource.ra", "diaSource.dec")
    time_column = "diaSource.midpointMjdTai"

    def schemas(self) -> Mapping[int, Any]:
        """Avro schema of every version of the ``lsst-alert-packet`` distribution."""
        return _schemas()

    def columns(self, versions: frozenset[int] | None = None) -> Columns:
        """Columns, united over all known versions or the given ones."""
        return _columns(versions)

    def claims(self, value: bytes) -> bool:
        """Whether the frame is right and the id one that LSST could have."""
        return len(value) > _FRAME.size and value[0] == 0 and 100 <= _FRAME.unpack_from(value)[1] < 10_000

    def version(self, value: bytes) -> int:
        """Schema id in the frame."""
        if not value:
            raise PacketError("frame", "the message is empty")
        if len(value) < _FRAME.size:
            raise PacketError("frame", f"the message has {len(value)} bytes, fewer than the 5 of its frame")
        magic, schema_id = _FRAME.unpack_from(value)
        if magic:
            raise PacketError("frame", f"the first byte is 0x{value[0]:02X}, not 0x00")
        return int(schema_id)

    def read(self, value: bytes) -> dict[str, Any]:
        """Decode a whole packet with fastavro.

        Raises
        ------
        PacketError
            If it is no LSST packet, of an unknown version, or broken.
        """
        version = self.version(value)
        parsed = _parsed().get(version)
        if parsed is None:
            raise PacketError("schema", _unknown(str(version)))
        try:
            record = fastavro.schemaless_reader(io.BytesIO(memoryview(value)[_FRAME.size :]), parsed)
        except Exception as error:  # fastavro raises whatever the broken bytes lead it to
            raise PacketError("decode", f"the packet does not fit schema {version}: {error!r}") from error
        assert isinstance(record, dict)
        return record

    def spark_problem(self, value: SparkColumn) -> SparkColumn:
        """Why a packet's frame cannot be read; the same checks as :meth:`version`, in Spark."""
        from pyspark.sql import functions as F  # noqa: N812

        size = F.coalesce(F.length(value), F.lit(0))
        version = self.spark_version(value)
        known = F.lit(list(self.schemas()))

        def problem(stage: str, *message: SparkColumn) -> SparkColumn:
            return F.struct(F.lit(stage).alias("stage"), F.concat(*message).alias("message"))

        return (
            F.when(size == 0, problem("frame", F.lit("the message is empty")))
            .when(
                size < _FRAME.size,
                problem(
                    "frame", F.format_string("the message has %d bytes, fewer than the 5 of its frame", size)
                ),
            )
            .when(
                F.substring(value, 1, 1) != F.lit(b"\0"),
                problem(
                    "frame",
                    F.format_string("the first byte is 0x%s, not 0x00", F.hex(F.substring(value, 1, 1))),
                ),
            )
            .when(
                ~F.array_contains(known, version),
                problem("schema", F.format_string(_unknown("%d"), version)),
            )
        )

    def spark_version(self, value: SparkColumn) -> SparkColumn:
        """Schema id in the frame."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.conv(F.hex(F.substring(value, 2, 4)), 16, 10).cast("bigint")

    def spark_body(self, value: SparkColumn) -> SparkColumn:
        """What follows the frame."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.substring(value, _FRAME.size + 1, 2**31 - 1)


@cache
def _schemas() -> Mapping[int, Any]:
    return {v: avro.expand(lsst_schemas.load(v)) for v in lsst_schemas.schema_files()}


@cache
def _columns(versions: frozenset[int] | None) -> Columns:
    known = _schemas()
    return Columns({v: s for v, s in known.items() if versions is None or v in versions} or known)


@cache
def _parsed() -> Mapping[int, Any]:
    return {v: fastavro.parse_schema(lsst_schemas.load(v)) for v in lsst_schemas.schema_files()}


def _unknown(version: str) -> str:
    known = ", ".join(map(str, lsst_schemas.schema_files()))
    return f"schema id {version} is not known here (known: {known}); update lsst-alert-packet"


register(LsstFormat())
