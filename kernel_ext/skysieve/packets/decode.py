"""From Kafka records to columns, in Spark: read the frame, decode only what is used, say what cannot be decoded.

Nothing here runs anything: the functions take a DataFrame of Kafka records and return another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.avro.functions import from_avro

from skysieve.packets import avro
from skysieve.packets.columns import Column
from skysieve.packets.formats import Format

PROBLEM = "problem"
"""Name of the column that says why a packet was rejected; NULL where it was decoded."""

_DECODED = "skysieve_decoded"
_RECORD = "skysieve_record"


def decode(packets: DataFrame, packet_format: Format, columns: Iterable[Column]) -> DataFrame:
    """Add one flat column per wanted column, named by its dotted path, and the reason where a packet is rejected.

    Each packet is decoded once, by the schema of its own version, and resolved by field name to the wanted columns: one
    that its version lacks is NULL. NaN becomes NULL (in Spark NaN is greater than any number, so that a cut such as
    ``reliability > 0.9`` would let it through).

    Parameters
    ----------
    packets
        Kafka records with their columns as Spark's Kafka source names them; ``value`` is read.
    packet_format
        How the packets are framed.
    columns
        What to decode; records and arrays come whole.

    Returns
    -------
    DataFrame
        The columns of ``packets``, then ``problem`` (a struct of stage and message) and the wanted ones.
    """
    wanted = list(columns)
    schemas = packet_format.schemas()
    value = F.col("value")
    reader = _with_mark(avro.narrow(packet_format.columns().schema, [c.path for c in wanted]))
    body = packet_format.spark_body(value)
    version = packet_format.spark_version(value)
    options = {"mode": "PERMISSIVE", "avroSchema": json.dumps(reader)}

    record: SparkColumn | None = None
    for schema_id in sorted(schemas, reverse=True):
        here = from_avro(body, _writer(schemas[schema_id]), options)
        condition = version == schema_id
        record = F.when(condition, here) if record is None else record.when(condition, here)
    assert record is not None

    framed = packets.withColumns({PROBLEM: packet_format.spark_problem(value)})
    read = framed.withColumns({_RECORD: once(F.when(F.col(PROBLEM).isNull(), record))})
    broken = F.struct(
        F.lit("decode").alias("stage"),
        F.format_string("the packet does not fit schema %d: it is truncated or broken", version).alias(
            "message"
        ),
    )
    fits = F.col(f"{_RECORD}.{_DECODED}").isNotNull()
    flat = {
        f"{c.name}": _clean(F.col(_RECORD + "".join(f".`{p}`" for p in c.path)), c.schema) for c in wanted
    }
    return read.select(
        *packets.columns,
        F.coalesce(F.col(PROBLEM), F.when(~fits, broken)).alias(PROBLEM),
        *(expression.alias(name) for name, expression in flat.items()),
    )


def once(value: SparkColumn) -> SparkColumn:
    """The same value, computed where it stands.

    Spark's optimiser would copy the expression into every predicate that uses it and push those below, and so decode a
    packet once per cut. An expression that depends on the partition it runs in is left in its place.
    """
    return F.when(F.spark_partition_id() >= 0, value)


def _with_mark(reader: dict[str, Any]) -> dict[str, Any]:
    """Add a field that no writer has and whose default is true.

    In permissive mode Spark turns a packet that does not fit into a row of nulls, with no error; then, and only then,
    this field is null.
    """
    mark = {"name": _DECODED, "type": "boolean", "default": True}
    return {**reader, "fields": [mark, *reader["fields"]]}


def _writer(schema: Any) -> str:
    """A schema as the decoder needs it, without what only people read."""

    def strip(part: Any) -> Any:
        if isinstance(part, list):
            return [strip(p) for p in part]
        if isinstance(part, dict):
            return {k: strip(v) for k, v in part.items() if k != "doc"}
        return part

    return json.dumps(strip(schema), separators=(",", ":"))


def _clean(value: SparkColumn, schema: Any) -> SparkColumn:
    """The same value with NULL for every NaN in it."""
    kind, _ = avro.split_null(schema)
    if not _has_floats(kind):
        return value
    if avro.is_record(kind):
        fields = [_clean(value.getField(f["name"]), f["type"]).alias(f["name"]) for f in kind["fields"]]
        return F.when(value.isNotNull(), F.struct(*fields))
    if avro.is_array(kind):
        return F.transform(value, lambda item: _clean(item, kind["items"]))
    return F.nanvl(value, F.lit(None).cast(kind))


def _has_floats(schema: Any) -> bool:
    kind, _ = avro.split_null(schema)
    if avro.is_record(kind):
        return any(_has_floats(f["type"]) for f in kind["fields"])
    if avro.is_array(kind):
        return _has_floats(kind["items"])
    return kind in ("float", "double")
