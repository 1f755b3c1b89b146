"""Alerts in Avro object containers, as most surveys send them: each message brings its schema along.

The header of a container is the same in all packets of a version. A packet with a known header and one record in one
plain block is decoded by Spark itself; any other (several records, several blocks, compressed) is first split in Python
into such packets.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from skysieve.errors import PacketError
from skysieve.packets import apart, avro
from skysieve.packets.columns import Column, Columns, Version, age
from skysieve.packets.formats import LARGEST, PACKET, RECORD, RESULT, Decoded, Places, register
from skysieve.packets.object_containers import (
    BLOCK,
    BLOCK_BYTES,
    BROKEN,
    MAGIC,
    SYNC,
    head,
    header,
    header_schema,
    is_legal,
    is_simple,
    records,
    split,
)

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_IN_NAME = re.compile(r"\bv(\d+)_(\d+)\b")
_UNKNOWN = "the schema in the message is not known here yet"
_NO_ALERT = "the container holds no alert"
_SPLIT, _NUMBER, _WHOLE = "skysieve_split", "skysieve_number", "skysieve_whole"
_PARTS = pa.struct(
    {"alerts": pa.list_(pa.binary()), "problem": pa.struct({"stage": pa.string(), "message": pa.string()})}
)
"""What a message is split into, or why it cannot be."""
_ID = ("candid", "alertId", "objectId", "id")
_TIME = ("candidate.jd", "jd", "mjd", "time")


@dataclass(frozen=True)
class Writer:
    """One header that packets of a stream begin with.

    Attributes
    ----------
    header
        All bytes before the sync marker.
    schema
        The Avro schema in it, as JSON.
    label
        The version that it stands for.
    """

    header: bytes
    schema: str
    label: Version

    @cached_property
    def expanded(self) -> Any:
        """Its schema, written out."""
        return avro.expand(json.loads(self.schema))


@dataclass(frozen=True)
class ContainerFormat:
    """Packets in Avro object containers, of any survey.

    Parameters
    ----------
    writers
        The headers seen so far.
    splits
        Whether a packet was seen that must be split in Python.
    """

    writers: tuple[Writer, ...] = ()
    splits: bool = False

    name = "avro"

    @property
    def knows(self) -> str:
        """A mark of the schemas that it knows."""
        known = [self.splits, *sorted(hashlib.sha256(w.header).hexdigest() for w in self.writers)]
        return hashlib.sha256(repr(known).encode()).hexdigest()[:12]

    @cached_property
    def places(self) -> Places:
        """Where id, position and time are: the first of the usual names that there is."""
        columns = self.columns()
        usual = (
            _ID,
            ("candidate.ra", "ra"),
            ("candidate.dec", "dec"),
            _TIME,
            ("objectId", "diaObjectId"),
        )
        return Places(*(next((n for n in names if n in columns), None) for names in usual))

    @property
    def in_python(self) -> bool:
        """Whether a packet was seen that must be split in Python."""
        return self.splits

    def claims(self, value: bytes) -> bool:
        """Whether it begins as containers do."""
        return value.startswith(MAGIC)

    def fitted(self, packets: Iterable[bytes]) -> ContainerFormat:
        """The same format, with the headers of these packets."""
        found, splits = self, self.splits
        for value in packets:
            if len(value) > LARGEST:
                continue
            with suppress(PacketError):
                meta, size = header(value)
                simple = is_simple(value)
                begin = value[:size] if simple else head(meta["avro.schema"])
                is_news = not found._has(begin) or not (simple or splits)
                if is_news and list(split(value)):  # one that cannot be split needs no Python
                    splits = splits or not simple
                    found = found._knowing(begin)
        return found if splits == found.splits else replace(found, splits=splits)

    def _has(self, head: bytes) -> bool:
        return any(writer.header == head for writer in self.writers)

    def _knowing(self, head: bytes) -> ContainerFormat:
        """The same with a further header, unless it holds no schema of alerts: a packet may have been corrupted."""
        if self._has(head):
            return self
        try:
            schema = header(head)[0]["avro.schema"].decode()
            new = Writer(head, schema, self.label(json.loads(schema), head))
            if not (avro.is_record(new.expanded) and is_legal(new.expanded)):
                return self
            writers = sorted((*self.writers, new), key=lambda w: (age(w.label), w.header))
            found = replace(self, writers=tuple(writers))
            _ = found.columns()
        except Exception:  # whatever the broken schema leads to
            return self
        return found

    def label(self, schema: Any, head: bytes) -> Version:
        """What the version of a schema is called: what it says itself, else a few digits of its hash."""
        if not isinstance(schema, dict):
            return hashlib.sha256(head).hexdigest()[:6]
        if said := schema.get("version"):
            return str(said)
        if match := _IN_NAME.search(f"{schema.get('namespace')}.{schema.get('name')}"):
            return ".".join(match.groups())
        return hashlib.sha256(head).hexdigest()[:6]

    def only(self, packets: Iterable[bytes]) -> ContainerFormat:
        """The same: it knows no others than those it has seen."""
        return self

    def columns(self, packets: Sequence[bytes] = ()) -> Columns:
        """Columns, united over the headers seen so far."""
        return self._columns

    @cached_property
    def _columns(self) -> Columns:
        by_label: dict[Version, Any] = {}
        for writer, schema in zip(self.writers, self._schemas, strict=True):
            before = by_label.get(writer.label)
            by_label[writer.label] = avro.unite([before, schema]) if before else schema
        return Columns(by_label or self.assumed(), self.describe, self.derived())

    @cached_property
    def _schemas(self) -> list[Any]:
        """The schema of each header, its fields under the names of the columns."""
        written = [writer.expanded for writer in self.writers]
        if not written:
            return []
        columns = apart.told_apart(avro.unite(written))
        return [apart.named(schema, columns) for schema in written]

    def assumed(self) -> dict[Version, Any]:
        """The schema of a stream without a packet."""
        return {"": {"type": "record", "name": "alert", "fields": []}}

    def describe(self, path: tuple[str, ...]) -> tuple[str, str] | None:
        """Unit and description of a column, where the schemas have none."""
        return None

    def derived(self) -> Sequence[Column]:
        """Further columns."""
        return ()

    def version(self, value: bytes) -> Version:
        """Schema version of a packet."""
        _, size = header(value)
        return self.label(header_schema(value), value[:size])

    def read(self, value: bytes) -> list[dict[str, Any]]:
        """Decode the alerts of a packet, whole, with fastavro; in text U+FFFD stands for what is no UTF-8.

        Raises
        ------
        PacketError
            If it is no container, or broken.
        """
        return [alert for alert, _ in records(value) if isinstance(alert, dict)]

    def spread(self, packets: DataFrame) -> DataFrame:
        """One row per alert, where there are packets of several; only those go through Python."""
        from pyspark.sql import functions as F  # noqa: N812
        from pyspark.sql.pandas.functions import arrow_udf

        value = F.col("value")
        if not self.splits:
            return packets.withColumns({RECORD: F.lit(0), PACKET: value})
        parts = "struct<alerts: array<binary>, problem: struct<stage: string, message: string>>"
        in_python = arrow_udf(_all_parts, parts)  # type: ignore[call-overload]
        # one that is too large is rejected once, as it came
        is_apart = ~self._simple(value) & (F.length(value) <= LARGEST)
        split_ = packets.withColumn(_SPLIT, in_python(F.when(is_apart, value)))
        alerts, why = F.col(f"{_SPLIT}.alerts"), F.col(f"{_SPLIT}.problem")
        # of a packet whose schema is not known yet nothing is split off: it is rejected once, as it came
        known = F.when(self._known(F.get(alerts, F.lit(0))), alerts)
        each = split_.select(
            *packets.columns, why.alias(_WHOLE), F.posexplode_outer(known).alias(_NUMBER, _SPLIT)
        )
        return each.select(
            *packets.columns,
            F.coalesce(_NUMBER, F.lit(0)).alias(RECORD),
            F.coalesce(_SPLIT, value).alias(PACKET),
            _WHOLE,
        )

    def decoded(self, packet: SparkColumn, paths: Sequence[Sequence[str]]) -> Decoded:
        """What is at these paths."""
        from pyspark.sql import functions as F  # noqa: N812

        from skysieve.packets.decode import by_schema, problem, wrapped

        simple = F.when(self._simple(packet), F.lit(None))
        cause = (
            (simple.when(F.col(_WHOLE).isNotNull(), F.col(_WHOLE)) if self.splits else simple)
            .when(F.coalesce(F.length(packet), F.lit(0)) == 0, problem("frame", "the message is empty"))
            .when(~packet.startswith(F.lit(MAGIC)), problem("frame", "the message is no Avro container"))
            .when(~self._known(packet), problem("schema", _UNKNOWN))
            .otherwise(problem("frame", "the message is not one record in one block"))
        )
        around: tuple[tuple[str, Any], ...] = (("count", "long"), ("size", "long"))
        reader = wrapped(("sync", SYNC), ("alert", avro.narrow(self.columns().schema, paths)), ("end", SYNC))
        writers = [
            (
                packet.startswith(F.lit(w.header)),
                wrapped(("header", len(w.header)), ("sync", SYNC), *around, ("alert", schema), ("end", SYNC)),
            )
            for w, schema in zip(self.writers, self._schemas, strict=True)
        ]
        same = F.col(f"{RESULT}.sync") == F.col(f"{RESULT}.end")
        return Decoded(
            frame=cause,
            read=by_schema(packet, reader, writers),
            alert=f"{RESULT}.alert",
            broken=F.when(~F.coalesce(same, F.lit(False)), problem("decode", BROKEN)),
        )

    def _known(self, packet: SparkColumn) -> SparkColumn:
        from pyspark.sql import functions as F  # noqa: N812

        known = F.lit(False)
        for writer in self.writers:
            known = known | packet.startswith(F.lit(writer.header))
        return F.coalesce(known, F.lit(False))

    def _simple(self, packet: SparkColumn) -> SparkColumn:
        """Whether it has a known header and one record in one plain block; the same as `is_simple`, in Spark."""
        from pyspark.sql import functions as F  # noqa: N812
        from pyspark.sql.avro.functions import from_avro

        is_so = F.lit(False)
        for writer in self.writers:
            at = len(writer.header) + SYNC
            block = from_avro(
                F.substring(packet, at + 1, BLOCK_BYTES), json.dumps(BLOCK), {"mode": "PERMISSIVE"}
            )
            size = block.getField("size")
            digits = F.when(size < 1 << 6, 1).when(size < 1 << 13, 2).when(size < 1 << 20, 3).otherwise(4)
            one = (block.getField("count") == 1) & (F.length(packet) == at + 1 + digits + size + SYNC)
            is_so = F.when(packet.startswith(F.lit(writer.header)), one).otherwise(is_so)
        return F.coalesce(is_so, F.lit(False))


def _all_parts(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
    """Splits messages; gives what they are split into as soon as it is much."""
    for values in batches:
        found, size = [], 0
        for value in values:
            found.append(_parts(value.as_py()))
            size += sum(map(len, (found[-1] or {}).get("alerts") or ()))
            if size > LARGEST:
                yield pa.array(found, _PARTS)
                found, size = [], 0
        yield pa.array(found, _PARTS)


def _parts(value: bytes | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        alerts = list(split(value))
        if not alerts:
            raise PacketError("frame", _NO_ALERT)
    except PacketError as error:
        return {"alerts": None, "problem": {"stage": error.stage, "message": str(error)}}
    return {"alerts": alerts, "problem": None}


register(ContainerFormat())
