"""The Avro schemas of LSST alerts, by the id that their packets carry.

The schema files are those of the ``lsst-alert-packet`` distribution, found without importing any of
its code. The id of version ``major.minor`` is ``100 × major + minor`` (DMTN-093, https://dmtn-093.lsst.io).
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from skysieve.errors import StreamError

Schema = dict[str, Any]

_ROOT_FILE = re.compile(r"schema/(\d+)/(\d+)/lsst\.v\d+_\d+\.alert\.avsc$")


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
    found = {}
    for file in files:
        if match := _ROOT_FILE.search(file.as_posix()):
            major, minor = map(int, match.groups())
            found[100 * major + minor] = Path(str(file.locate()))
    return dict(sorted(found.items()))


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
    folder = schema_files()[schema_id].parent
    named = {}
    for path in folder.glob("*.avsc"):
        record = json.loads(path.read_text())
        named[_short(record["name"])] = record
    schema = _inline(named["alert"], named, set())
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
