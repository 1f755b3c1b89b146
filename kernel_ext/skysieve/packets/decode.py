"""From Kafka records to columns, in Spark: read the frame, decode only what is used, say what cannot be decoded.

Nothing here runs anything: the functions take a DataFrame of Kafka records and return another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.avro.functions import from_avro

from skysieve.packets import avro
from skysieve.packets.columns import Column, united
from skysieve.packets.formats import LARGEST, PACKET, RESULT, Format

PROBLEM = "kafka.problem"
"""Name of the column that says why a packet was rejected; NULL where it was decoded."""


_FLOATS = ("float", "double")


def decode(
    packets: DataFrame, packet_format: Format, columns: Iterable[Column], carried: Sequence[str] = ()
) -> DataFrame:
    """Add one flat column per wanted column, named by its dotted path, and the reason where a packet is rejected.

    Each packet is decoded once, by the schema of its own version, and resolved by field name to the wanted columns: one
    that its version lacks is NULL. NaN becomes NULL (in Spark NaN is greater than any number, so that a cut such as
    ``reliability > 0.9`` would let it through). In text U+FFFD takes the place of what is no UTF-8: Python would refuse
    the whole result.

    Parameters
    ----------
    packets
        Kafka records with their columns as Spark's Kafka source names them; ``value`` is read.
    packet_format
        How the packets are framed.
    columns
        What to decode; records and arrays come whole.
    carried
        Which columns of ``packets`` to keep; all of them, for which Spark must be asked, if none is named.

    Returns
    -------
    DataFrame
        Those columns of ``packets`` as ``kafka.value``, ``kafka.offset`` … (an alert can have a ``timestamp``, too),
        ``kafka.record`` (number of the alert in its packet), ``kafka.problem`` (a struct of stage and message) and the
        wanted ones, all flat. A packet of several alerts has a row for each; a rejected one has one row.
    """
    wanted = united(columns)
    raw = packet_format.columns().of_packet(wanted)
    how = packet_format.decoded(F.col(PACKET), [path for c in raw for path in c.paths])
    size = F.length(
        PACKET if packet_format.in_python else "value"
    )  # what was split off may have been compressed
    large = F.when(
        size > LARGEST,
        problem("frame", f"the message has %d bytes, more than the {LARGEST} that are decoded", size),
    )
    framed = packet_format.spread(packets).withColumns({PROBLEM: F.coalesce(large, how.frame)})
    read = framed.withColumns({RESULT: once(F.when(kafka("problem").isNull(), how.read))})
    carried = carried or packets.columns
    flat = read.select(
        *(F.col(name).alias(f"kafka.{name}") for name in carried),
        kafka("record"),
        F.coalesce(kafka("problem"), how.broken).alias(PROBLEM),
        *(_clean(F.col(how.alert + "".join(map(_part, c.path))), c.schema).alias(c.name) for c in raw),
    )
    derived = {c.name: F.expr(c.sql) for c in wanted if c.sql}
    kept = [f"`kafka.{name}`" for name in (*carried, "record", "problem")]
    return flat.withColumns(derived).select(*kept, *(f"`{c.name}`" for c in wanted)) if derived else flat


def kafka(name: str) -> SparkColumn:
    """The column ``kafka.NAME`` of what :func:`decode` gives."""
    return F.col(f"`kafka.{name}`")


def once(value: SparkColumn) -> SparkColumn:
    """The same value, computed where it stands.

    Spark's optimiser would copy the expression into every predicate that uses it and push those below, and so decode a
    packet once per cut. An expression that depends on the partition it runs in is left in its place.
    """
    return F.when(F.spark_partition_id() >= 0, value)


def problem(stage: str, message: str, *values: SparkColumn) -> SparkColumn:
    """Why a packet is rejected: the step at which, and a text with a place for each value."""
    text = F.format_string(message, *values) if values else F.lit(message)
    return F.struct(F.lit(stage).alias("stage"), text.alias("message"))


def by_schema(packet: SparkColumn, reader: Any, writers: Sequence[tuple[SparkColumn, Any]]) -> SparkColumn:
    """Decode Avro by the schema of the first condition that holds; null where it does not fit.

    Parameters
    ----------
    packet
        What to decode, from its first byte.
    reader
        Schema of what is wanted.
    writers
        Conditions, and the schema of the packets that meet each.
        Without any, every result is a null of the reader's type.
    """
    options = {"mode": "PERMISSIVE", "avroSchema": json.dumps(reader)}
    result = F.lit(None)
    for condition, writer in reversed(writers or [(F.lit(False), reader)]):
        text = json.dumps(avro.readable(writer, reader), separators=(",", ":"))
        result = F.when(condition, from_avro(packet, text, options)).otherwise(result)
    return result


def wrapped(*fields: tuple[str, Any]) -> dict[str, Any]:
    """The schema of an alert together with what stands before and after it in a packet; a number is so many bytes."""
    kinds = [
        (n, {"type": "fixed", "name": f"packet_{n}", "size": k} if isinstance(k, int) else k)
        for n, k in fields
    ]
    return {"type": "record", "name": "packet", "fields": [{"name": n, "type": k} for n, k in kinds]}


def _part(name: str) -> str:
    return f".`{name.replace('`', '``')}`"


def _clean(value: SparkColumn, schema: Any) -> SparkColumn:
    """The same value with NULL for every NaN and U+FFFD for what is no UTF-8; without any it is not built anew."""
    kind, _ = avro.split_null(schema)
    if not _can_be_odd(kind):
        return value
    if _is_scalar(kind):
        return _rebuilt(value, kind)
    # Spark does not compile `zip_with`. It would put all that it compiles here into one method, which runs at half the
    # speed with an array, and with a record of hundreds of numbers is too large for Java: compiled in vain, each time
    rebuilt = F.zip_with(F.array(value), F.array(), lambda one, _: _rebuilt(one, kind))
    return F.when(_is_odd(value, kind), rebuilt[0]).otherwise(value)


def _rebuilt(value: SparkColumn, schema: Any) -> SparkColumn:
    kind, _ = avro.split_null(schema)
    if not _can_be_odd(kind):
        return value
    if avro.is_array(kind):
        return F.transform(value, lambda item: _rebuilt(item, kind["items"]))
    if _is_map(kind):
        return F.transform_values(value, lambda _, item: _rebuilt(item, kind["values"]))
    if not _is_scalar(kind):
        fields = [_rebuilt(value.getField(name), inner).alias(name) for name, inner in _members(kind)]
        return F.when(value.isNotNull(), F.struct(*fields))
    return F.make_valid_utf8(value) if _is_text(kind) else F.nanvl(value, F.lit(None).cast(kind))


def _is_odd(value: SparkColumn, schema: Any) -> SparkColumn:
    """Whether there is a NaN in it, or text that is no UTF-8; by functions that Spark compiles."""
    kind, _ = avro.split_null(schema)
    if avro.is_array(kind):
        items, _ = avro.split_null(kind["items"])
        if avro.is_record(items):
            return _any(_one_is_odd(value.getField(name), inner) for name, inner in _odd_members(items))
        return _one_is_odd(value, items)
    if _is_map(kind):
        return _one_is_odd(F.map_values(value), kind["values"])
    if not _is_scalar(kind):
        return _any(_is_odd(value.getField(name), inner) for name, inner in _odd_members(kind))
    return ~F.is_valid_utf8(value) if _is_text(kind) else F.isnan(value)


def _one_is_odd(values: SparkColumn, schema: Any) -> SparkColumn:
    """Whether one of an array's values is; NaN equals NaN in Spark."""
    kind, _ = avro.split_null(schema)
    if _is_text(kind):
        return ~F.is_valid_utf8(F.array_join(values, " "))
    if kind in _FLOATS:
        return F.array_contains(values, F.lit(float("nan")).cast(kind))
    return F.exists(values, lambda item: _is_odd(item, kind))


def _any(conditions: Iterable[SparkColumn]) -> SparkColumn:
    return F.coalesce(F.greatest(*conditions, F.lit(False)), F.lit(False))


def _is_map(schema: Any) -> bool:
    return isinstance(schema, dict) and schema["type"] == "map"


def _is_text(schema: Any) -> bool:
    return avro.spark_type(schema) == "string"


def _is_scalar(schema: Any) -> bool:
    return schema in _FLOATS or _is_text(schema)


def _members(schema: Any) -> list[tuple[str, Any]]:
    """Name and type of each field of what is a struct in Spark: a record, or a union of several types."""
    if isinstance(schema, list):
        return [(f"member{i}", kind) for i, kind in enumerate(schema)]
    return [(f["name"], f["type"]) for f in schema["fields"]]


def _odd_members(schema: Any) -> list[tuple[str, Any]]:
    return [(name, kind) for name, kind in _members(schema) if _can_be_odd(kind)]


def _can_be_odd(schema: Any) -> bool:
    kind, _ = avro.split_null(schema)
    if avro.is_array(kind) or _is_map(kind):
        return _can_be_odd(kind.get("items") or kind["values"])
    if avro.is_record(kind) or isinstance(kind, list):
        return bool(_odd_members(kind))
    return _is_scalar(kind)
