"""Fields whose names are one to Spark, under names that are not: none is lost, and none makes the others ambiguous."""

from __future__ import annotations

from itertools import chain, count
from typing import Any

from skysieve.packets import avro


def told_apart(schema: Any, path: tuple[str, ...] = (), taken: set[str] | None = None) -> Any:
    """The same fields under names that Spark can tell apart; ``key`` is what messages call one that has another.

    To Spark upper and lower case are one, and ``a.b`` is the field of a record as well as a key with a dot in it.

    Examples
    --------
    >>> fields = [{"name": name, "type": "long", "doc": ""} for name in ("RA", "ra")]
    >>> [field["name"] for field in told_apart({"type": "record", "name": "alert", "fields": fields})["fields"]]
    ['RA_2', 'ra']
    """
    taken = set() if taken is None else taken
    kind, null = avro.split_null(schema)
    if avro.is_array(kind):
        kind = {**kind, "items": told_apart(kind["items"], path)}
    elif avro.is_record(kind):
        fields = {}
        keys = {field["name"].lower() for field in kind["fields"]}
        for field in sorted(kind["fields"], key=lambda f: ("." in f["name"], f["name"].swapcase())):
            key = field["name"]
            others = (name for i in count(2) if (name := f"{key}_{i}").lower() not in keys)
            name = next(n for n in chain([key], others) if ".".join((*path, n)).lower() not in taken)
            taken.add(".".join((*path, name)).lower())
            fields[key] = {**field, "name": name, "type": told_apart(field["type"], (*path, name), taken)}
            if name != key:
                said = f"{field['doc']} Called {key!r} in the messages, which is the name of another column."
                fields[key] |= {"key": key, "doc": said.strip()}
        kind = {**kind, "fields": [fields[f["name"]] for f in kind["fields"]]}
    return avro.nullable(kind) if null else kind


def keyed(schema: Any, apart: Any) -> Any:
    """A part of a schema whose fields were told apart, with the keys of the messages as their names."""
    (kind, _), (whole, _) = avro.split_null(schema), avro.split_null(apart)
    if avro.is_array(kind):
        return {**kind, "items": keyed(kind["items"], whole["items"])}
    if not avro.is_record(kind):
        return kind
    known = {f["name"]: f for f in whole["fields"]}
    fields = [(f, known.get(f["name"], f)) for f in kind["fields"]]
    return {
        **kind,
        "fields": [{"name": o.get("key", o["name"]), "type": keyed(f["type"], o["type"])} for f, o in fields],
    }


def named(schema: Any, apart: Any) -> Any:
    """A schema as it was written, its fields under the names that they have among those of all versions."""
    if isinstance(schema, list):  # in its order, by which what is written is numbered
        return [one if one == "null" else named(one, apart) for one in schema]
    whole, _ = avro.split_null(apart)
    if avro.is_array(schema) and avro.is_array(whole):
        return {**schema, "items": named(schema["items"], whole["items"])}
    if avro.is_record(schema) and avro.is_record(whole):
        known = {f.get("key", f["name"]): f for f in whole["fields"]}
        return {
            **schema,
            "fields": [_as(field, known.get(field["name"], field)) for field in schema["fields"]],
        }
    return schema


def _as(field: Any, other: Any) -> Any:
    named_ = {**field, "name": other["name"], "type": named(field["type"], other["type"])}
    return named_ | {"key": other["key"], "doc": other["doc"]} if "key" in other else named_
