"""JSON messages, one object each, such as the notices of NASA's General Coordinates Network (https://gcn.nasa.gov).

They bring no schema along: their columns are what was found in those seen so far.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

from skysieve.errors import PacketError
from skysieve.packets import apart, avro
from skysieve.packets.columns import Columns, Version
from skysieve.packets.formats import PACKET, RECORD, RESULT, Decoded, Places, register

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

_NOTHING: dict[str, Any] = {"type": "record", "name": "alert", "fields": []}
_DEEPEST = 32
"""Levels of objects and lists that become columns; Spark takes what is in them as text."""
_CORRUPT = "skysieve_corrupt"
_PRIMITIVE: dict[type, str] = {str: "string", bool: "boolean", int: "long", float: "double"}
_BROKEN = "the message is no JSON object, or a value in it is of another type than in those seen before"


@dataclass(frozen=True)
class JsonFormat:
    """Messages of one JSON object each.

    Parameters
    ----------
    schema
        What was found in the messages seen so far, as an Avro schema.

    Examples
    --------
    >>> notices = JsonFormat().fitted([b'{"id": ["S1"], "ra": 1}', b'{"ra": 1.5, "dec": -2.5}'])
    >>> {column.name: avro.spark_type(column.schema) for column in notices.columns()}
    {'id': 'array<string>', 'ra': 'double', 'dec': 'double'}
    """

    schema: Any = field(default_factory=lambda: _NOTHING, repr=False)

    name = "json"
    in_python = False

    @property
    def knows(self) -> str:
        """A mark of what was found so far."""
        return hashlib.sha256(json.dumps(self.schema).encode()).hexdigest()[:12]

    @cached_property
    def places(self) -> Places:
        """Where id, position and time are, where they are called so."""
        columns = self._columns
        usual = (
            ("id", "event_id", "superevent_id", "event_name"),
            ("ra",),
            ("dec",),
            ("trigger_time", "alert_datetime", "time_created"),
        )
        return Places(
            *(next((n for n in names if n in columns and columns[n].is_scalar), None) for names in usual)
        )

    def claims(self, value: bytes) -> bool:
        """Whether it is a JSON object."""
        try:
            return bool(_load(value))
        except PacketError:
            return False

    def fitted(self, packets: Iterable[bytes]) -> JsonFormat:
        """The same format, with what is found in these messages."""
        schema = self.schema
        for value in packets:
            with suppress(PacketError):
                schema = _both(schema, _found(_load(value), ()))
        return self if schema == self.schema else JsonFormat(schema)

    def only(self, packets: Iterable[bytes]) -> JsonFormat:
        """The same: it knows no others than those it has seen."""
        return self

    def columns(self, packets: Sequence[bytes] = ()) -> Columns:
        """What was found so far."""
        return self._columns

    @cached_property
    def _columns(self) -> Columns:
        return Columns({"": apart.told_apart(self.schema)})

    def version(self, value: bytes) -> Version:
        """What a message calls its schema (``$schema``), if it does."""
        return str(_load(value).get("$schema", ""))

    def read(self, value: bytes) -> list[dict[str, Any]]:
        """The object; raises PacketError."""
        return [_load(value)]

    def spread(self, packets: DataFrame) -> DataFrame:
        """Each message holds one object."""
        from pyspark.sql import functions as F  # noqa: N812

        return packets.withColumns({RECORD: F.lit(0), PACKET: F.col("value")})

    def decoded(self, packet: SparkColumn, paths: Sequence[Sequence[str]]) -> Decoded:
        """What is at these paths."""
        from pyspark.sql import functions as F  # noqa: N812

        from skysieve.packets.decode import problem

        wanted = avro.narrow(self._columns.schema, paths)
        wanted["fields"].append({"name": _CORRUPT, "type": "string"})
        options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
        text = F.try_validate_utf8(packet.cast("string"))
        written = _ddl(apart.keyed(wanted, self._columns.schema))
        alert = F.from_json(text, written, options)
        if written != _ddl(wanted):
            alert = alert.cast(_ddl(wanted))  # field by field, in their order
        # Spark reads the first object and passes over what follows it. In an array all of it is parsed, unless that
        # begins with what ends an array, and in an object, unless it begins with what ends that.
        objects = F.size(F.from_json(F.concat(F.lit("["), text, F.lit("]")), "array<struct<any: string>>"))
        within = F.from_json(
            F.concat(F.lit('{"it": '), text, F.lit("}")),
            f"it struct<any: string>, {_CORRUPT} string",
            options,
        )
        fits = (
            (F.col(f"{RESULT}.objects") == 1)
            & F.col(f"{RESULT}.alert.{_CORRUPT}").isNull()
            & F.col(f"{RESULT}.within.{_CORRUPT}").isNull()
        )
        empty = F.coalesce(F.length(packet), F.lit(0)) == 0
        return Decoded(
            frame=F.when(empty, problem("frame", "the message is empty")),
            read=F.struct(alert.alias("alert"), objects.alias("objects"), within.alias("within")),
            alert=f"{RESULT}.alert",
            broken=F.when(~F.coalesce(fits, F.lit(False)), problem("decode", _BROKEN)),
        )


def _load(value: bytes) -> dict[str, Any]:
    if not value:
        raise PacketError("frame", "the message is empty")
    try:
        found = json.loads(value)
    except ValueError as error:
        raise PacketError("decode", f"the message is no JSON: {error}") from error
    except RecursionError:
        raise PacketError("decode", "the message is nested too deeply") from None
    if not isinstance(found, dict):
        raise PacketError("decode", "the message is no JSON object")
    return found


def _found(value: Any, path: tuple[str, ...], depth: int = 0) -> Any:
    """The type of a value, text where it is nested deeply; None where nothing can be told from it."""
    if isinstance(value, dict | list) and depth >= _DEEPEST:
        return "string"
    if isinstance(value, dict) and value:
        kinds = {name: _found(v, (*path, name), depth + 1) for name, v in value.items()}
        fields = [{"name": n, "type": ["null", k], "doc": ""} for n, k in kinds.items() if k is not None]
        return {"type": "record", "name": "_".join(("alert", *path)), "fields": fields} if fields else None
    if isinstance(value, list):
        items = [kind for item in value if (kind := _found(item, path, depth + 1)) is not None]
        return {"type": "array", "items": ["null", reduce(_both, items)]} if items else None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "string"
    return _PRIMITIVE.get(type(value))


def _both(old: Any, new: Any) -> Any:
    """A type that holds both; text, which holds anything that JSON can say, where no other does."""
    if old is None or new is None:
        return old or new
    if avro.is_record(old) and avro.is_record(new):
        before, after = (
            {f["name"]: avro.split_null(f["type"])[0] for f in one["fields"]} for one in (old, new)
        )
        kinds = {n: _both(before.get(n), after.get(n)) for n in {**before, **after}}
        return {**old, "fields": [{"name": n, "type": ["null", k], "doc": ""} for n, k in kinds.items()]}
    if avro.is_array(old) and avro.is_array(new):
        return {"type": "array", "items": ["null", _both(old["items"][1], new["items"][1])]}
    return (
        old
        if old == new
        else "double"
        if [old, new] in (["long", "double"], ["double", "long"])
        else "string"
    )


def _ddl(schema: Any) -> str:
    """A type in Spark's words, every name quoted: in JSON they can be anything."""
    kind, _ = avro.split_null(schema)
    if avro.is_record(kind):
        return f"struct<{', '.join(_quoted(f['name']) + ': ' + _ddl(f['type']) for f in kind['fields'])}>"
    if avro.is_array(kind):
        return f"array<{_ddl(kind['items'])}>"
    return avro.spark_type(kind)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


register(JsonFormat())
