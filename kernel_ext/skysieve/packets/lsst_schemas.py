"""The Avro schemas of LSST alerts, by the id that their packets carry.

They come from a schema registry (``$SKYSIEVE_SCHEMA_REGISTRY``, a URL) where one is configured, from a folder that the
user names (``$SKYSIEVE_SCHEMAS``), and from the ``lsst-alert-packet`` distribution, whose files are found without
importing any of its code. The id of version ``major.minor`` is ``100 × major + minor`` (DMTN-093,
https://dmtn-093.lsst.io).
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import fastavro

from skysieve.errors import StreamError

Schema = dict[str, Any]

_ROOT_FILE = re.compile(r"(?:^|/)lsst\.v(\d+)_(\d+)\.alert\.avsc$")
_BY_ID = re.compile(r"(?:^|/)(\d+)\.avsc$")
_REGISTRY, _FOLDER = "SKYSIEVE_SCHEMA_REGISTRY", "SKYSIEVE_SCHEMAS"
_PATIENCE_SECONDS = 5
log = logging.getLogger("skysieve.schemas")


@cache
def schema_files() -> dict[int, Path]:
    """Path of the root schema file of every known version, by schema id, oldest first.

    Examples
    --------
    >>> max(schema_files()) >= 1101
    True
    """
    try:
        files = metadata.files("lsst-alert-packet") or []
    except metadata.PackageNotFoundError:
        raise StreamError(
            "LSST's alert schemas are missing; install them: pip install lsst-alert-packet"
        ) from None
    found = {i: Path(str(f.locate())) for f in files if (i := _id(f.as_posix())) is not None}
    return dict(sorted(found.items()))


def _id(path: str) -> int | None:
    if match := _ROOT_FILE.search(path):
        major, minor = map(int, match.groups())
        return 100 * major + minor
    return int(match[1]) if (match := _BY_ID.search(path)) else None


@cache
def packaged() -> dict[int, Schema]:
    """Every version of the distribution, by id, oldest first."""
    return {version: load(version) for version in schema_files()}


def found_for(ids: Iterable[int]) -> dict[int, Schema]:
    """The schemas that come from elsewhere: all in the user's folder, and of these ids those of the registry.

    Raises
    ------
    StreamError
        If the folder is not there, or a file in it holds no schema.
    """
    folder = os.environ.get(_FOLDER)
    found = _in_folder(Path(folder).expanduser()) if folder else {}
    if registry := os.environ.get(_REGISTRY):
        found |= {i: schema for i in sorted(set(ids)) if (schema := _registered(registry, i)) is not None}
    return found


def _in_folder(folder: Path) -> dict[int, Schema]:
    if not folder.is_dir():
        raise StreamError(
            f"${_FOLDER} names {folder}, which is no folder: make it, or take the variable back."
        )
    found = {}
    for file in sorted(folder.rglob("*.avsc")):
        if (version := _id(file.as_posix())) is not None:
            try:
                found[version] = _read(file)
                fastavro.parse_schema(found[version])
            except Exception as error:  # whatever a broken file leads to
                raise StreamError(
                    f"${_FOLDER} names {folder}, in which {file.name} is no schema of alerts with all that it refers "
                    f"to beside it: {error!r}. Mend it, or take it away."
                ) from None
    return found


def _registered(url: str, schema_id: int) -> Schema | None:
    try:
        schema = _client(url).get_schema(schema_id)
        parts = [_client(url).get_version(r.subject, r.version).schema for r in schema.references or []]
        found = _whole([json.loads(text) for part in (schema, *parts) if (text := part.schema_str)])
        fastavro.parse_schema(found)
    except Exception as error:  # whatever its HTTP library raises; the packets are rejected, and say why
        log.warning("schema %d is not to be had from the registry: %s", schema_id, error)
        return None
    return found


@cache
def _client(url: str) -> Any:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    conf = {"url": urlunsplit(parts._replace(netloc=host)), "timeout": _PATIENCE_SECONDS, "max.retries": 1}
    return SchemaRegistryClient(conf | ({"basic.auth.user.info": user} if user else {}))


@cache
def load(schema_id: int) -> Schema:
    """Read one version as a single self-contained Avro schema.

    Records are defined where they are first used and named without their namespace (``diaSource``, not
    ``lsst.v10_0.diaSource``): Avro resolves a writer's schema to a reader's by full name, so that names which carry the
    version would make every resolution across versions end in nulls.

    Raises
    ------
    KeyError
        If the version is not known.
    """
    return _read(schema_files()[schema_id])


def _read(root: Path) -> Schema:
    """The schema of a file, with what it names from the files beside it: those of the same version."""
    version = root.name.removesuffix("alert.avsc") if _ROOT_FILE.search(root.as_posix()) else ""
    others = (path for path in root.parent.glob(f"{version}*.avsc") if path != root)
    beside = [path for path in others if not _BY_ID.search(path.as_posix())]
    return _whole([json.loads(path.read_text()) for path in (root, *beside)])


def _whole(records: list[Schema]) -> Schema:
    """The first of these records, with the others put in where it names them."""
    named = {_short(record["name"]): record for record in records}
    schema = _inline(records[0], named, set())
    assert isinstance(schema, dict)
    return schema


def _inline(part: Any, named: dict[str, Schema], seen: set[str]) -> Any:
    """Put the definition of each record in the place of its first use."""
    if isinstance(part, list):
        return [_inline(p, named, seen) for p in part]
    if isinstance(part, str):
        name = _short(part)
        if name not in named or name in seen:
            return name
        part = named[name]
    kind = part["type"]
    if kind == "record":
        name = _short(part["name"])
        seen.add(name)
        fields = [{**f, "type": _inline(f["type"], named, seen)} for f in part["fields"]]
        return {"type": "record", "name": name, "doc": part.get("doc", ""), "fields": fields}
    if kind == "array":
        return {"type": "array", "items": _inline(part["items"], named, seen)}
    return part if isinstance(kind, str) else _inline(kind, named, seen)


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
