"""LSST alerts as they travel on Kafka: a zero byte, a 4-byte schema id (big endian), an Avro record.

The frame is that of Confluent's schema registry; Rubin's ids are ``100 × major + minor`` (DMTN-093).
"""

from __future__ import annotations

import hashlib
import io
import secrets
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import fastavro

from skysieve.errors import PacketError
from skysieve.packets import avro, derived, histories, lsst_schemas
from skysieve.packets.columns import Columns
from skysieve.packets.formats import PACKET, RECORD, RESULT, Decoded, Places, register

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_FRAME = struct.Struct(">BI")
_MAG, _MAG_ERR = derived.nanojansky("{diaSource.psfFlux}", "{diaSource.psfFluxErr}")
_PAST = "{prvDiaSources[].midpointMjdTai}"
DERIVED = derived.columns(
    derived.Measures(
        ra="{diaSource.ra}",
        dec="{diaSource.dec}",
        mag=_MAG,
        mag_err=_MAG_ERR,
        is_positive="{diaSource.psfFlux} > 0",
        days="{diaSource.midpointMjdTai}",
        # the object's own time of the first is null in most of the packets of 2026
        first="coalesce({diaObject.firstDiaSourceMjdTai}, "
        f"least(array_min({_PAST}), {{diaSource.midpointMjdTai}}))",
        last=f"array_max({_PAST})",
        detections="CASE WHEN coalesce({diaSource.ssObjectId}, 0) = 0 THEN "
        f"coalesce({{diaObject.nDiaSources}}, array_size({_PAST}) + 1, 1) END",
        solar_system="coalesce({diaSource.ssObjectId}, 0) <> 0",
    )
)
histories.register(
    histories.History(
        survey="LSST",
        array="prvDiaSources",
        own="diaSource",
        time="{midpointMjdTai}",
        clock="MJD (TAI)",
        band="{band}",
        bands={band: f"'{band}'" for band in "ugrizy"},
        mag=derived.nanojansky("{psfFlux}", "{psfFluxErr}")[0],
        measured="{psfFlux} IS NOT NULL",
        detected="",
    )
)
_BEGIN = "skysieve_frame"
"""The frame of a packet, cut off once for all versions that it may be of."""
_END = secrets.token_bytes(8)
"""Put behind each packet: Avro does not notice bytes that follow a record, unless something known should follow.

No packet can know it: one that ended so would be taken for a whole one with nothing behind it.
"""


@dataclass(frozen=True)
class LsstFormat:
    """Packets of the Vera C. Rubin Observatory's alert stream.

    Parameters
    ----------
    learned
        Schemas beside those that are at hand, by their id.
    among
        The ids that it decodes, of those that it knows; None for all. Spark plans a few in a tenth of the time.

    Examples
    --------
    >>> LsstFormat().version(bytes.fromhex("00000003e8") + b"...")
    1000
    """

    learned: Mapping[int, Any] = field(default_factory=dict, repr=False)
    among: frozenset[int] | None = None

    name = "lsst"
    in_python = False
    places = Places(
        "diaSource.diaSourceId",
        "diaSource.ra",
        "diaSource.dec",
        "diaSource.midpointMjdTai",
        "diaSource.diaObjectId",
        ahead=37.0,  # TAI, since 2017
    )

    @cached_property
    def raw(self) -> dict[int, Any]:
        """Every schema that is known, as its survey wrote it, by id, oldest first."""
        return dict(sorted({**lsst_schemas.packaged(), **self.learned}.items()))

    @cached_property
    def schemas(self) -> dict[int, Any]:
        """The same, written out."""
        return {v: _expanded(v) if v not in self.learned else avro.expand(s) for v, s in self.raw.items()}

    @cached_property
    def knows(self) -> str:
        """A mark of the schemas that it knows."""
        known = self.raw if self.among is None else (self.raw, sorted(self.among))
        return hashlib.sha256(repr(known).encode()).hexdigest()[:12]

    def claims(self, value: bytes) -> bool:
        """Whether the frame is right and the id one that LSST could have."""
        return len(value) > _FRAME.size and value[0] == 0 and 100 <= _FRAME.unpack_from(value)[1] < 10_000

    def fitted(self, packets: Iterable[bytes]) -> LsstFormat:
        """The same format, with the schemas of these packets from the registry and all that the user's folder has."""
        named = self._versions(packets)
        new = {i: s for i, s in lsst_schemas.found_for(named).items() if self.raw.get(i) != s}
        among = None if self.among is None else self.among | (named & (self.raw.keys() | new.keys()))
        return (
            self
            if not new and among == self.among
            else replace(self, learned={**self.learned, **new}, among=among)
        )

    def only(self, packets: Iterable[bytes]) -> LsstFormat:
        """The same format for the versions of these packets; :meth:`fitted` adds those that it rejects."""
        return replace(self, among=frozenset(self._versions(packets) & self.raw.keys()))

    def columns(self, packets: Sequence[bytes] = ()) -> Columns:
        """Columns, united over all known versions or those of these packets."""
        versions = self._versions(packets) & self.schemas.keys()
        if not self.learned:
            return _packaged(frozenset(versions or self.schemas))
        if not versions:
            return self._all
        return Columns({v: s for v, s in self.schemas.items() if v in versions}, derived=DERIVED)

    @cached_property
    def _all(self) -> Columns:
        return Columns(dict(self.schemas.items()), derived=DERIVED)

    def _versions(self, packets: Iterable[bytes]) -> set[int]:
        found = set()
        for value in packets:
            with suppress(PacketError):
                found.add(self.version(value))
        return found

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

    def read(self, value: bytes) -> list[dict[str, Any]]:
        """Decode a whole packet with fastavro; in text U+FFFD stands for what is no UTF-8.

        Raises
        ------
        PacketError
            If it is no LSST packet, of an unknown version, or broken.
        """
        version = self.version(value)
        if version not in self.raw:
            raise PacketError("schema", self._unknown(str(version)))
        body = io.BytesIO(memoryview(value)[_FRAME.size :])
        try:
            record = fastavro.schemaless_reader(
                body, self._parsed(version), None, handle_unicode_errors="replace"
            )
        except Exception as error:  # fastavro raises whatever the broken bytes lead it to
            raise PacketError("decode", f"the packet does not fit schema {version}: {error!r}") from error
        if rest := len(value) - _FRAME.size - body.tell():
            raise PacketError(
                "decode", f"the packet does not fit schema {version}: {rest} bytes are left over"
            )
        assert isinstance(record, dict)
        return [record]

    def _parsed(self, version: int) -> Any:
        return (
            _parse(version) if version not in self.learned else fastavro.parse_schema(self.learned[version])
        )

    def spread(self, packets: DataFrame) -> DataFrame:
        """Each packet holds one alert; to show where that ends something is put behind it."""
        from pyspark.sql import functions as F  # noqa: N812

        return packets.withColumns(
            {
                RECORD: F.lit(0),
                PACKET: F.concat("value", F.lit(_END)),
                _BEGIN: F.substring("value", 1, _FRAME.size),
            }
        )

    def decoded(self, packet: SparkColumn, paths: Sequence[Sequence[str]]) -> Decoded:
        """What is at these paths; the same checks as those of :meth:`read`, in Spark."""
        from pyspark.sql import functions as F  # noqa: N812

        from skysieve.packets.decode import by_schema, problem, wrapped

        size = F.coalesce(F.length(packet) - len(_END), F.lit(0))
        frame = F.col(_BEGIN)
        version = F.conv(F.hex(F.substring(frame, 2, 4)), 16, 10).cast("bigint")
        decoded = {v: s for v, s in self.schemas.items() if self.among is None or v in self.among}
        known = {v: F.lit(_FRAME.pack(0, v)) for v in decoded}
        cause = (
            F.when(frame.isin(list(known.values())), F.lit(None))
            .when(size == 0, problem("frame", "the message is empty"))
            .when(
                size < _FRAME.size,
                problem("frame", "the message has %d bytes, fewer than the 5 of its frame", size),
            )
            .when(
                F.substring(packet, 1, 1) != F.lit(b"\0"),
                problem("frame", "the first byte is 0x%s, not 0x00", F.hex(F.substring(packet, 1, 1))),
            )
            .otherwise(problem("schema", self._unknown("%d"), version))
        )
        reader = wrapped(("alert", avro.narrow(self.columns().schema, paths)), ("end", len(_END)))
        writers = [
            (frame == known[v], wrapped(("frame", _FRAME.size), ("alert", schema), ("end", len(_END))))
            for v, schema in reversed(decoded.items())
        ]
        misfit = problem(
            "decode", "the packet does not fit schema %d: it is truncated, broken or too long", version
        )
        return Decoded(
            frame=cause,
            read=by_schema(packet, reader, writers),
            alert=f"{RESULT}.alert",
            broken=F.when(~F.col(f"{RESULT}.end").eqNullSafe(F.lit(_END)), misfit),
        )

    def _unknown(self, version: str) -> str:
        return (
            f"schema id {version} is not known here (known: {', '.join(map(str, self.raw))}); "
            "update lsst-alert-packet, or name a folder or a registry that has it"
        )


@cache
def _expanded(version: int) -> Any:
    return avro.expand(lsst_schemas.packaged()[version])


@cache
def _packaged(versions: frozenset[int]) -> Columns:
    return Columns({v: _expanded(v) for v in sorted(versions)}, derived=DERIVED)


@cache
def _parse(version: int) -> Any:
    return fastavro.parse_schema(lsst_schemas.packaged()[version])


register(LsstFormat())
