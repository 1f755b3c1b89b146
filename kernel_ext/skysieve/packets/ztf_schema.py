"""The Avro schema of ZTF alerts, and what every one of their fields means.

The fields stand in ``ztf_schema.tsv``, in the order in which a v4.02 packet has them: since v1.8 fields have only
been added (https://zwickytransientfacility.github.io/ztf-avro-alert), so its rows cover the older versions too, and
``since`` says which have a field (1.8 stands for all of them). A ``?`` after a type allows null, ``[]`` makes an
array, ``=`` repeats what the field of the same name of ``candidate`` says.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

VERSION = "4.02"
_TABLE = Path(__file__).with_suffix(".tsv")
_SCALARS = {"int", "long", "float", "double", "string", "bytes"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a ZTF packet: a row of the table."""

    record: str  # name of the record that has it; empty for the packet itself
    name: str
    type: str
    since: str
    unit: str
    description: str

    @property
    def kind(self) -> str:
        """The type without what says that it may be null or that there are many."""
        return self.type.removesuffix("?").removesuffix("[]")

    @property
    def is_array(self) -> bool:
        """Whether it holds a list."""
        return self.type.removesuffix("?").endswith("[]")

    @property
    def null(self) -> bool:
        """Whether it may be null."""
        return self.type.endswith("?")


@cache
def fields() -> dict[tuple[str, str], Field]:
    """Every field, by the record that has it and its name.

    Examples
    --------
    >>> fields()["prv_candidate", "magpsf"].type, fields()["candidate", "drb"].since
    ('float?', '3.3')
    """
    found: dict[tuple[str, str], Field] = {}
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["description"] == "=":
                same = found["candidate", row["field"]]
                row |= {"unit": same.unit, "description": same.description}
            field = Field(row.pop("record"), row.pop("field"), **row)
            found[field.record, field.name] = field
    return found


@cache
def schema() -> dict[str, Any]:
    """Avro schema of a v4.02 packet, with units and descriptions as its ``doc``.

    Examples
    --------
    >>> [field["name"] for field in schema()["fields"]][:4]
    ['schemavsn', 'publisher', 'objectId', 'candid']
    """
    return _record("", set())


def described(path: tuple[str, ...]) -> tuple[str, str] | None:
    """Unit and description of a field, of whichever version of the schema; None if ZTF has no such field.

    Parameters
    ----------
    path
        Names that lead to it, from the packet on.

    Examples
    --------
    >>> described(("prv_candidates", "magpsf"))
    ('mag', 'PSF-fit magnitude of the difference, whichever its sign')
    >>> described(("candidate", "psfFlux")) is None
    True
    """
    record, found = "", None
    for name in path:
        found = fields().get((record, name))
        if found is None:
            return None
        record = found.kind
    return (found.unit, found.description) if found else None


def _record(name: str, defined: set[str]) -> dict[str, Any]:
    """Define a record where it is first used, as the survey does, under the survey's name for it."""
    defined.add(name)
    own = [field for (record, _), field in fields().items() if record == name]
    return {
        "type": "record",
        "name": f"ztf.alert.{name}".removesuffix("."),
        "version": VERSION,
        "doc": "ZTF alert, www.ztf.caltech.edu" if not name else f"{name} of a ZTF alert",
        "fields": [_field(field, defined) for field in own],
    }


def _field(field: Field, defined: set[str]) -> dict[str, Any]:
    kind: Any = field.kind
    if kind not in _SCALARS:
        kind = f"ztf.alert.{kind}" if kind in defined else _record(kind, defined)
    if field.is_array:
        kind = {"type": "array", "items": kind}
    doc = f"{field.description} [{field.unit}]" if field.unit else field.description
    if field.null:
        return {"name": field.name, "type": ["null", kind], "default": None, "doc": doc}
    return {"name": field.name, "type": kind, "doc": doc}
