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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from skysieve.errors import StreamError
from skysieve.packets import avro

Schema = dict[str, Any]

_ROOT_FILE = re.compile(r"(?:^|/)lsst\.v(\d+)_(\d+)\.alert\.avsc$")
_BY_ID = re.compile(r"(?:^|/)(\d+)\.avsc$")
_REGISTRY, _FOLDER = "SKYSIEVE_SCHEMA_REGISTRY", "SKYSIEVE_SCHEMAS"
_PATIENCE_SECONDS = 5
_HOLDS = {"array": "items", "map": "values"}
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
    found = _in_folder(Path(folder)) if folder else {}
    if registry := os.environ.get(_REGISTRY):
        found |= {i: schema for i in sorted(set(ids)) if (schema := _registered(registry, i)) is not None}
    return found


def _in_folder(folder: Path) -> dict[int, Schema]:
    with suppress(RuntimeError):  # a user who has no home
        folder = folder.expanduser()
    if not (os.access(folder, os.R_OK | os.X_OK) and folder.is_dir()):
        raise StreamError(
            f"${_FOLDER} names {folder}, which is no folder that can be read: make it, or take the variable back."
        )
    files, found = {}, {}
    for file in sorted(folder.rglob("*.avsc")):
        with _named(file, folder):
            files[file] = json.loads(file.read_text())
    for file, root in files.items():
        if (version := _id(file.as_posix())) is not None:
            with _named(file, folder):
                found[version] = _whole(
                    root, [it for path, it in files.items() if path.parent == file.parent]
                )
    return found


@contextmanager
def _named(file: Path, folder: Path) -> Iterator[None]:
    """Say in which file it is that something is wrong."""
    try:
        yield
    except (OSError, ValueError, RecursionError) as error:
        raise StreamError(
            f"${_FOLDER} names {folder}, in which {file.relative_to(folder)} is no schema of alerts, or a part of one: "
            f"{error}. Mend it, add what is missing, or take it away."
        ) from None


def _registered(url: str, schema_id: int) -> Schema | None:
    try:
        schema = _client(url).get_schema(schema_id)
        parts = [_client(url).get_version(r.subject, r.version).schema for r in schema.references or []]
        return _whole(json.loads(schema.schema_str), [json.loads(part.schema_str) for part in parts])
    except Exception as error:  # whatever its HTTP library raises; the packets are rejected, and say why
        log.warning("schema %d is not to be had from the registry: %s", schema_id, error)
        return None


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
    root = schema_files()[schema_id]
    beside = [json.loads(path.read_text()) for path in root.parent.glob("*.avsc")]
    return _whole(json.loads(root.read_text()), beside)


def _whole(root: Any, others: Iterable[Any]) -> Schema:
    """A record that describes alerts, with others put in where it names them.

    Raises
    ------
    ValueError
        If it describes none, is broken, or names a record that is not among the others.
    """
    try:
        known = {
            _full(it["name"], it.get("namespace")): it
            for it in others
            if isinstance(it, dict) and "name" in it
        }
        schema = _inline(root, known, set(), "")
        avro.expand(schema)  # which is what is done with it next
    except ValueError:
        raise
    except Exception as error:  # whatever a broken schema leads to
        raise ValueError(f"it is no Avro schema ({error!r})") from error
    fields = {field["name"]: field["type"] for field in schema["fields"]} if avro.is_record(schema) else {}
    if not avro.is_record(fields.get("diaSource")):
        raise ValueError("it describes no alert: it has no record diaSource")
    assert isinstance(schema, dict)
    return schema


def _inline(part: Any, known: Mapping[str, Schema], seen: set[str], space: str) -> Any:
    """Put the definition of each record in the place of its first use; ``space`` is the namespace around it."""
    if isinstance(part, list):
        return [_inline(p, known, seen, space) for p in part]
    if isinstance(part, str):
        name = _full(part, space)
        if part in avro.PRIMITIVE or name in seen:
            return _short(part)
        if name not in known:
            raise ValueError(f"it names {name}, which neither it nor a file beside it defines")
        return _inline(known[name], known, seen, "")
    kind = part["type"]
    if not isinstance(kind, str):
        return _inline(kind, known, seen, space)
    if kind in avro.PRIMITIVE:
        return part
    if inner := _HOLDS.get(kind):
        return {"type": kind, inner: _inline(part[inner], known, seen, space)}
    if "name" not in part:
        return _inline(kind, known, seen, space)
    name = _full(part["name"], part.get("namespace", space))
    seen.add(name)
    short = {key: value for key, value in part.items() if key != "namespace"} | {"name": _short(name)}
    if kind != "record":
        return short
    space = name.rpartition(".")[0]
    fields = [{**f, "type": _inline(f["type"], known, seen, space)} for f in part["fields"]]
    return {"type": kind, "name": short["name"], "doc": part.get("doc", ""), "fields": fields}


def _full(name: str, space: str | None) -> str:
    """A record's name with its namespace, which keeps the versions apart."""
    return name if "." in name or not space else f"{space}.{name}"


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
