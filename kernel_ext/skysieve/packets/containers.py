"""Alerts in Avro object containers, as most surveys send them: each message brings its schema along.

The header of a container is the same in all packets of a version. A packet with a known header and one record in one
plain block is decoded by Spark itself; any other (several records, several blocks, compressed) is first split in Python
into such packets.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import fastavro
import pyarrow as pa

from skysieve.errors import PacketError
from skysieve.packets import avro
from skysieve.packets.columns import Column, Columns, Version, age
from skysieve.packets.formats import LARGEST, PACKET, RECORD, RESULT, Decoded, Places, register
from skysieve.packets.object_containers import (
    BLOCK,
    BROKEN,
    MAGIC,
    SYNC,
    check_end,
    header,
    is_legal,
    is_simple,
    split,
)

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_BLOCK_BYTES = 20
"""At most, of the two numbers before a block's records."""
_IN_NAME = re.compile(r"\bv(\d+)_(\d+)\b")
_UNKNOWN = "the schema in the message is not known here yet"
_SPLIT_UNKNOWN = f"{_UNKNOWN}, or it is truncated, or compressed otherwise than by deflate or snappy"
_SPLIT, _NUMBER = "skysieve_split", "skysieve_number"
_ID = ("candid", "diaSource.diaSourceId", "alertId", "objectId", "id")
_TIME = ("candidate.jd", "diaSource.midpointMjdTai", "jd", "mjd", "time")


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
            ("candidate.ra", "diaSource.ra", "ra"),
            ("candidate.dec", "diaSource.dec", "dec"),
            _TIME,
            ("objectId", "diaSource.diaObjectId", "diaObjectId"),
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
            with suppress(PacketError):
                if len(value) > LARGEST:
                    continue
                splits = splits or not is_simple(value)
                for piece in split(value):
                    found = found._knowing(piece[: header(piece)[1]])
        return found if splits == found.splits else replace(found, splits=splits)

    def _knowing(self, head: bytes) -> ContainerFormat:
        """The same with a further header, unless it holds no schema of alerts: a packet may have been corrupted."""
        if any(writer.header == head for writer in self.writers):
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
        for writer in self.writers:
            before = by_label.get(writer.label)
            by_label[writer.label] = avro.unite([before, writer.expanded]) if before else writer.expanded
        return Columns(by_label or self.assumed(), self.describe, self.derived())

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
        meta, size = header(value)
        return self.label(json.loads(meta["avro.schema"]), value[:size])

    def read(self, value: bytes) -> list[dict[str, Any]]:
        """Decode the alerts of a packet, whole, with fastavro.

        Raises
        ------
        PacketError
            If it is no container, or broken.
        """
        check_end(value)
        try:
            alerts = list(fastavro.reader(io.BytesIO(value)))
        except Exception as error:  # fastavro raises whatever the broken bytes lead it to
            raise PacketError("decode", f"{BROKEN}: {error!r}") from error
        return [alert for alert in alerts if isinstance(alert, dict)]

    def spread(self, packets: DataFrame) -> DataFrame:
        """One row per alert, where there are packets of several; only those go through Python."""
        from pyspark.sql import functions as F  # noqa: N812
        from pyspark.sql.pandas.functions import arrow_udf

        value = F.col("value")
        if not self.splits:
            return packets.withColumns({RECORD: F.lit(0), PACKET: value})
        in_python = arrow_udf(_split_all, "array<binary>")  # type: ignore[call-overload]
        # one that is too large is rejected once, as it came
        is_apart = ~self._simple(value) & (F.length(value) <= LARGEST)
        split_ = packets.withColumn(_SPLIT, in_python(F.when(is_apart, value)))
        # of a packet whose schema is not known yet nothing is split off: it is rejected once, as it came
        apart = split_.withColumn(_SPLIT, F.when(self._known(F.get(_SPLIT, F.lit(0))), F.col(_SPLIT)))
        each = apart.select(*packets.columns, F.posexplode_outer(_SPLIT).alias(_NUMBER, _SPLIT))
        return each.select(
            *packets.columns,
            F.coalesce(_NUMBER, F.lit(0)).alias(RECORD),
            F.coalesce(_SPLIT, value).alias(PACKET),
        )

    def decoded(self, packet: SparkColumn, paths: Sequence[Sequence[str]]) -> Decoded:
        """What is at these paths."""
        from pyspark.sql import functions as F  # noqa: N812

        from skysieve.packets.decode import by_schema, problem, wrapped

        cause = (
            F.when(self._simple(packet), F.lit(None))
            .when(F.coalesce(F.length(packet), F.lit(0)) == 0, problem("frame", "the message is empty"))
            .when(~packet.startswith(F.lit(MAGIC)), problem("frame", "the message is no Avro container"))
            .when(~self._known(packet), problem("schema", _SPLIT_UNKNOWN if self.splits else _UNKNOWN))
            .otherwise(
                problem("frame", BROKEN if self.splits else "the message is not one record in one block")
            )
        )
        around: tuple[tuple[str, Any], ...] = (("count", "long"), ("size", "long"))
        reader = wrapped(("sync", SYNC), ("alert", avro.narrow(self.columns().schema, paths)), ("end", SYNC))
        writers = [
            (
                packet.startswith(F.lit(w.header)),
                wrapped(
                    ("header", len(w.header)), ("sync", SYNC), *around, ("alert", w.expanded), ("end", SYNC)
                ),
            )
            for w in self.writers
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
                F.substring(packet, at + 1, _BLOCK_BYTES), json.dumps(BLOCK), {"mode": "PERMISSIVE"}
            )
            size = block.getField("size")
            digits = F.when(size < 1 << 6, 1).when(size < 1 << 13, 2).when(size < 1 << 20, 3).otherwise(4)
            one = (block.getField("count") == 1) & (F.length(packet) == at + 1 + digits + size + SYNC)
            is_so = F.when(packet.startswith(F.lit(writer.header)), one).otherwise(is_so)
        return F.coalesce(is_so, F.lit(False))


def _split_all(values: pa.Array) -> pa.Array:
    return pa.array([_pieces(value.as_py()) for value in values], pa.list_(pa.binary()))


def _pieces(value: bytes | None) -> list[bytes] | None:
    try:
        return None if value is None else list(split(value))
    except PacketError:
        return None


register(ContainerFormat())
