"""Avro schemas as trees: compare, unite and narrow them.

A schema here is plain JSON with every record written out in full. Records are named after their *path* in the packet
(``diaSource``, ``prvDiaSources``): two places that share a record type can then be narrowed differently, and a
writer's and a reader's schema always agree in names, which is what Avro resolves by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from fastavro.schema import expand_schema

Schema = dict[str, Any]

_WIDER = {
    ("int", "long"): "long",
    ("int", "float"): "double",  # a float holds no integer beyond 2^24
    ("int", "double"): "double",
    ("long", "float"): "double",
    ("long", "double"): "double",
    ("float", "double"): "double",
}


PRIMITIVE = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BYTES = {"boolean": 1, "float": 4, "double": 8}
_FLAG = ["null", "boolean"]
"""Written as no byte after a zero, or one after a two, which are also the bytes of this length."""


def expand(schema: Any) -> Any:
    """Write every record out in full and name it after its path.

    Examples
    --------
    >>> source = {"type": "record", "name": "source", "fields": [{"name": "ra", "type": "double"}]}
    >>> alert = {"type": "record", "name": "alert", "fields": [
    ...     {"name": "now", "type": source}, {"name": "past", "type": ["null", "source"]}]}
    >>> past = expand(alert)["fields"][1]["type"]
    >>> past[1]["name"], [f["name"] for f in past[1]["fields"]]
    ('alert_past', ['ra'])
    """
    return _named(expand_schema(schema), ())


def _named(schema: Any, path: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        several = sum(isinstance(s, dict) and "name" in s for s in schema) > 1
        return [_named(s, (*path, str(i)) if several else path) for i, s in enumerate(schema)]
    if isinstance(schema, str):
        return schema
    kind, name = schema["type"], "_".join(("alert", *path))
    if kind == "record":
        last = {f["name"]: i for i, f in enumerate(schema["fields"])}
        fields = [
            {
                "name": f["name"]
                if last[f["name"]] == i
                else f"{f['name']}_{i}",  # Java's Avro refuses two of a name
                "type": _named(f["type"], (*path, f["name"])),
                "doc": f.get("doc") or "",
            }
            for i, f in enumerate(schema["fields"])
        ]
        return {"type": "record", "name": name, "fields": fields}
    if kind == "array":
        return {"type": "array", "items": _named(schema["items"], path)}
    if kind == "map":
        return {"type": "map", "values": _named(schema["values"], path)}
    if kind in ("enum", "fixed"):
        return {key: value for key, value in schema.items() if key != "aliases"} | {"name": name}
    if not isinstance(kind, str):
        return _named(kind, path)
    return schema if "logicalType" in schema else kind


def split_null(schema: Any) -> tuple[Any, bool]:
    """The type without null, and whether null was one of its branches."""
    if not isinstance(schema, list):
        return schema, False
    kinds = [s for s in schema if s != "null"]
    return (kinds[0] if len(kinds) == 1 else kinds), "null" in schema


def is_record(schema: Any) -> bool:
    """Whether this is a record."""
    return isinstance(schema, dict) and schema["type"] == "record"


def is_array(schema: Any) -> bool:
    """Whether this is an array."""
    return isinstance(schema, dict) and schema["type"] == "array"


def unite(schemas: Iterable[Any]) -> Any:
    """The schema that holds whatever any of the given ones holds, oldest first.

    Fields are matched by name; one that a version lacks can be null, and one whose type was widened takes the wider
    type. Where two versions give a field types that no reader holds together, the newer one's counts, and the field is
    null in the older (:func:`resolves` tells which those are). Descriptions are those of the newest version.
    """
    it = iter(schemas)
    merged = next(it)
    for schema in it:
        merged = _unite(merged, schema)
    return merged


def _unite(old: Any, new: Any) -> Any:
    (a, a_null), (b, b_null) = split_null(old), split_null(new)
    if is_record(a) and is_record(b):
        both: Any = {"type": "record", "name": b["name"], "fields": _unite_fields(a["fields"], b["fields"])}
    elif is_array(a) and is_array(b):
        both = {"type": "array", "items": _unite(a["items"], b["items"])}
    elif a == b:
        both = b
    elif isinstance(a, str) and isinstance(b, str) and (wide := _WIDER.get((a, b)) or _WIDER.get((b, a))):
        both = wide
    else:
        return nullable(new)
    return nullable(both) if a_null or b_null else both


def _unite_fields(old: Sequence[Schema], new: Sequence[Schema]) -> list[Schema]:
    before, after = {f["name"]: f for f in old}, {f["name"]: f for f in new}
    fields = []
    for name in [*after, *(n for n in before if n not in after)]:
        a, b = before.get(name), after.get(name)
        if a and b:
            kind = _unite(a["type"], b["type"])
            kind = kind if resolves(a["type"], kind) else nullable(kind)
            fields.append({**b, "type": kind, "doc": b["doc"] or a["doc"]})
        else:
            only = a or b
            assert only is not None
            fields.append({**only, "type": nullable(only["type"])})
    return fields


def resolves(writer: Any, reader: Any) -> bool:
    """Whether what was written as one type can be read as the other; of records and their fields, each by itself.

    Examples
    --------
    >>> resolves("int", ["null", "double"]), resolves("string", "long")
    (True, False)
    """
    (a, _), (b, _) = split_null(writer), split_null(reader)
    if is_array(a) and is_array(b):
        return resolves(a["items"], b["items"])
    if is_record(a) and is_record(b):
        return True
    return bool(a == b or (isinstance(a, str) and isinstance(b, str) and _promotes(a, b)))


def _promotes(writer: str, reader: str) -> bool:
    return reader in {
        "int": ("long", "float", "double"),
        "long": ("float", "double"),
        "float": ("double",),
    }.get(writer, ())


def readable(writer: Any, reader: Any) -> Any:
    """A writer's schema as its reader needs it: without descriptions, and with other names for what is not read.

    That is what the reader lacks, and what does not resolve: the reader's default takes its place. It is put so that as
    little as possible is looked at: Avro skips number by number, and histories have thousands.

    Examples
    --------
    >>> old = {"type": "record", "name": "alert", "fields": [
    ...     {"name": "id", "type": "string", "doc": "Id."}, {"name": "ra", "type": "double", "doc": "Place."},
    ...     {"name": "dec", "type": "double", "doc": "Place."}]}
    >>> new = {"type": "record", "name": "alert", "fields": [{"name": "id", "type": ["null", "long"]}]}
    >>> [(field["name"], field["type"]) for field in readable(old, new)["fields"]]
    [('_0', 'string'), ('_1', {'type': 'fixed', 'name': 'alert_1', 'size': 16})]
    """
    wanted, _ = split_null(reader)
    if isinstance(writer, list):
        return [kind if kind == "null" else readable(kind, _partner(kind, wanted)) for kind in writer]
    if is_array(writer):
        return {
            "type": "array",
            "items": readable(writer["items"], wanted["items"] if is_array(wanted) else None),
        }
    if not is_record(writer):
        return writer
    known = {f["name"]: f["type"] for f in wanted["fields"]} if is_record(wanted) else {}
    others = (name for name in map("_{}".format, count()) if name not in known)
    fields: list[Schema] = []
    run: Schema | None = None
    for field in writer["fields"]:
        name, kind = field["name"], field["type"]
        if name in known and resolves(kind, known[name]):
            run = None
            fields.append({"name": name, "type": readable(kind, known[name])})
            continue
        size = _BYTES.get(kind) if isinstance(kind, str) else None
        if run and size:
            run["size"] += size
            continue
        name = next(others)
        run = {"type": "fixed", "name": f"{writer['name']}{name}", "size": size} if size else None
        fields.append({"name": name, "type": run or ("bytes" if kind == _FLAG else readable(kind, None))})
    return {"type": "record", "name": writer["name"], "fields": fields}


def _partner(kind: Any, wanted: Any) -> Any:
    """What of the reader's is meant by one type of a union: of several, that of the same name."""
    if not isinstance(wanted, list):
        return wanted
    name = kind.get("name") if isinstance(kind, dict) else None
    return next((one for one in wanted if one == kind or (name and one.get("name") == name)), None)


def nullable(schema: Any) -> Any:
    """The same type with null as its first branch."""
    kind, _ = split_null(schema)
    return ["null", *kind] if isinstance(kind, list) else ["null", kind]


def narrow(schema: Any, paths: Iterable[Sequence[str]]) -> Any:
    """Keep only what lies on the given paths; a path that ends at a record or an array keeps all of it.

    Every kept field that can be null gets null as its default, so that a writer without the field resolves.

    Examples
    --------
    >>> record = {"type": "record", "name": "alert", "fields": [
    ...     {"name": "id", "type": "long"}, {"name": "snr", "type": ["null", "float"]}]}
    >>> narrow(record, [("snr",)])["fields"]
    [{'name': 'snr', 'type': ['null', 'float'], 'default': None}]
    """
    wanted = [tuple(p) for p in paths]
    kind, null = split_null(schema)
    if is_record(kind):
        whole = () in wanted
        tails: dict[str, list[tuple[str, ...]]] = {}
        for path in wanted:
            if path:
                tails.setdefault(path[0], []).append(path[1:])
        kept = []
        for field in kind["fields"]:
            if whole or field["name"] in tails:
                inner = narrow(field["type"], [()] if whole else tails[field["name"]])
                default = {"default": None} if split_null(inner)[1] else {}
                kept.append({"name": field["name"], "type": inner, **default})
        kind = {"type": "record", "name": kind["name"], "fields": kept}
    elif is_array(kind):
        kind = {"type": "array", "items": narrow(kind["items"], wanted)}
    return nullable(kind) if null else kind


def leaves(schema: Any, path: tuple[str, ...] = ()) -> Mapping[tuple[str, ...], Any]:
    """Every field of a record, records and arrays themselves included, by path; arrays are not entered.

    Examples
    --------
    >>> source = {"type": "record", "name": "alert_s", "fields": [{"name": "ra", "type": "double", "doc": ""}]}
    >>> alert = {"type": "record", "name": "alert", "fields": [{"name": "s", "type": source, "doc": ""}]}
    >>> [".".join(p) for p in leaves(alert)]
    ['s', 's.ra']
    """
    found: dict[tuple[str, ...], Any] = {}
    kind, _ = split_null(schema)
    if is_record(kind):
        for field in kind["fields"]:
            here = (*path, field["name"])
            found[here] = field
            found.update(leaves(field["type"], here))
    return found


def ends(schema: Any) -> list[tuple[str, ...]]:
    """Paths of what is no record, those within the records of arrays included.

    Examples
    --------
    >>> source = {"type": "record", "name": "alert_s", "fields": [{"name": "ra", "type": "double", "doc": ""}]}
    >>> ends(["null", {"type": "array", "items": source}])
    [('ra',)]
    """
    kind, _ = split_null(schema)
    if is_array(kind):
        return ends(kind["items"])
    if is_record(kind):
        return [(f["name"], *path) for f in kind["fields"] for path in ends(f["type"])] or [()]
    return [()]


def spark_type(schema: Any) -> str:
    """The Spark SQL type that ``from_avro`` gives a type.

    Examples
    --------
    >>> spark_type(["null", {"type": "array", "items": "long"}])
    'array<bigint>'
    """
    kind, _ = split_null(schema)
    if is_record(kind):
        inner = ", ".join(f"{_quoted(f['name'])}: {spark_type(f['type'])}" for f in kind["fields"])
        return f"struct<{inner}>"
    if is_array(kind):
        return f"array<{spark_type(kind['items'])}>"
    if isinstance(kind, list):  # Spark's way with a union of several types
        return f"struct<{', '.join(f'member{i}: {spark_type(k)}' for i, k in enumerate(kind))}>"
    if isinstance(kind, dict):
        if kind["type"] == "map":
            return f"map<string, {spark_type(kind['values'])}>"
        return _LOGICAL.get(kind.get("logicalType", "")) or spark_type(kind["type"])
    return {"long": "bigint", "bytes": "binary", "fixed": "binary", "enum": "string"}.get(kind, str(kind))


def _quoted(name: str) -> str:
    return name if NAME.fullmatch(name) else "`" + name.replace("`", "``") + "`"


_LOGICAL = {"timestamp-micros": "timestamp", "timestamp-millis": "timestamp", "date": "date"}


def avro_name(schema: Any) -> str:
    """How a person writes the type: ``long``, ``array<record>``, ``timestamp-micros``."""
    kind, _ = split_null(schema)
    if is_array(kind):
        return f"array<{avro_name(kind['items'])}>"
    if isinstance(kind, list):
        return " or ".join(map(avro_name, kind))
    if isinstance(kind, dict):
        return str(kind.get("logicalType") or kind["type"])
    return str(kind)
