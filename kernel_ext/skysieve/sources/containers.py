"""LSST alerts in Avro object containers, turned into packets in Kafka framing."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

import fastavro

from skysieve.packets import lsst_schemas

_NAMESPACE = re.compile(r"lsst\.v(\d+)_(\d+)")
_VERSION_FIELD = "lsst_schema_version"  # that brokers add to what Spark writes
_FRAME = struct.Struct(">bi")


def lsst_version(writer_schema: Any, record: Mapping[str, Any]) -> int | None:
    """Find the schema id of the LSST alerts in a container; None if they are no LSST alerts.

    The version is taken from the namespace of the container's records, from what a broker noted in its
    record, or, without both, is the newest one whose fields are all there.

    Parameters
    ----------
    writer_schema
        Schema of the container.
    record
        Its first record.

    Raises
    ------
    ValueError
        If they are LSST alerts of a version that is not known here.

    Examples
    --------
    >>> lsst_version({"name": "lsst.v9_0.alert"}, {"diaSource": {}})
    900
    >>> lsst_version({"name": "ztf.alert"}, {"candid": 1}) is None
    True
    """
    if "diaSource" not in record:
        return None
    schema = writer_schema if isinstance(writer_schema, dict) else {}
    named = f"{schema.get('namespace', '')}.{schema.get('name', '')} {record.get(_VERSION_FIELD, '')}"
    known = lsst_schemas.schema_files()
    if match := _NAMESPACE.search(named):
        major, minor = map(int, match.groups())
        if (version := 100 * major + minor) not in known:
            raise ValueError(
                f"LSST alerts of schema v{major}.{minor}, which is not known here (known: "
                f"{', '.join(map(str, known))}). A newer lsst-alert-packet may have it."
            )
        return version
    fitting = [v for v in known if {f["name"] for f in lsst_schemas.load(v)["fields"]} <= set(record)]
    if not fitting:
        raise ValueError("alerts that look like LSST's but fit no known schema version")
    return max(fitting)


def reframed(record: Mapping[str, Any], version: int) -> bytes:
    """Encode an alert in Kafka framing.

    Parameters
    ----------
    record
        The alert; top-level fields that the schema does not have are left out.
    version
        Schema id.

    Raises
    ------
    ValueError
        If the record does not fit; says which field.

    Examples
    --------
    >>> reframed({"diaSource": None}, 1000)
    Traceback (most recent call last):
    ValueError: diaSourceId is missing
    """
    schema = lsst_schemas.load(version)
    fitted = _fit(record, schema, "", {}, top=True)
    out = io.BytesIO()
    out.write(_FRAME.pack(0, version))
    try:
        fastavro.schemaless_writer(out, _parsed(version), fitted)
    except Exception as error:  # fastavro raises whatever the wrong type leads it to
        raise ValueError(str(error)) from error
    return out.getvalue()


@cache
def _parsed(version: int) -> Any:
    return fastavro.parse_schema(lsst_schemas.load(version))


def _fit(value: Any, schema: Any, path: str, named: dict[str, Any], *, top: bool = False) -> Any:
    """Give a value the form its schema wants: a struct of nulls becomes null where null is allowed."""
    if isinstance(schema, list):
        kind = next(s for s in schema if s != "null")
        if value is None or (_is_record(kind, named) and _empty(value)):
            return None
        return _fit(value, kind, path, named)
    if isinstance(schema, str):
        schema = named.get(schema, schema)
    if isinstance(schema, str):
        return value
    if schema["type"] == "record":
        named[schema["name"]] = schema
        return _fit_record(value, schema, path, named, top)
    if schema["type"] == "array":
        return [_fit(v, schema["items"], path, named) for v in value]
    return value


def _fit_record(value: Any, schema: Any, path: str, named: dict[str, Any], top: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{path} is {value!r:.40}, not a record")
    names = {f["name"] for f in schema["fields"]}
    if not top and (strange := set(value) - names):
        raise ValueError(f"{path} has fields that the schema does not have: {', '.join(sorted(strange))}")
    fitted = {}
    for field in schema["fields"]:
        name = field["name"]
        here = f"{path}.{name}".lstrip(".")
        if name not in value:
            raise ValueError(f"{here} is missing")
        fitted[name] = _fit(value[name], field["type"], here, named)
    return fitted


def _is_record(kind: Any, named: Mapping[str, Any]) -> bool:
    return kind in named if isinstance(kind, str) else bool(kind["type"] == "record")


def _empty(value: Any) -> bool:
    return isinstance(value, Mapping) and all(v is None or _empty(v) for v in value.values())
