"""The columns of a stream: names, types, units and descriptions, and how a name in a filter finds its column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from skysieve.errors import ColumnError, nearest
from skysieve.packets import avro

_UNIT = re.compile(r"\s*\[([^\[\]]+)\](\s*\.?\s*$)?")


@dataclass(frozen=True)
class Column:
    """One column of a stream.

    Attributes
    ----------
    path
        Its place in the packet, such as ``("diaSource", "snr")``.
    schema
        Its Avro type.
    unit
        As the survey writes it, or empty.
    description
        From the survey's schema.
    since, until
        First and last schema version that has it.
    null
        Whether it can be NULL.
    """

    path: tuple[str, ...]
    schema: Any
    unit: str = ""
    description: str = ""
    since: int | None = None
    until: int | None = None
    null: bool = True

    @property
    def name(self) -> str:
        """The dotted name that filters use."""
        return ".".join(self.path)

    @property
    def is_scalar(self) -> bool:
        """Whether it holds one number, text or flag, and no record, array or bytes."""
        kind, _ = avro.split_null(self.schema)
        return not (avro.is_record(kind) or avro.is_array(kind) or kind == "bytes")

    @property
    def is_array(self) -> bool:
        """Whether it holds a list."""
        return avro.is_array(avro.split_null(self.schema)[0])

    def fields(self) -> tuple[str, ...]:
        """Names of the fields of its record, or of its array's records; empty for anything else."""
        kind, _ = avro.split_null(self.schema)
        if avro.is_array(kind):
            kind, _ = avro.split_null(kind["items"])
        return tuple(f["name"] for f in kind["fields"]) if avro.is_record(kind) else ()


class Columns:
    """The columns of one stream, united over the schema versions it may carry.

    Parameters
    ----------
    schemas
        The Avro schema of each version, by version, oldest first, as :func:`skysieve.packets.avro.expand` gives them.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> columns = formats.get("lsst").columns()
    >>> columns["diaSource.psfFlux"].unit
    'nJy'
    >>> columns.resolve("reliability").name
    'diaSource.reliability'
    """

    def __init__(self, schemas: Mapping[int, Any]) -> None:
        self.schema = avro.unite(schemas.values())
        versions: dict[tuple[str, ...], list[int]] = {}
        units: dict[tuple[str, ...], str] = {}
        for version, schema in schemas.items():
            for path, field in avro.leaves(schema).items():
                versions.setdefault(path, []).append(version)
                if match := _UNIT.search(field["doc"]):
                    units[path] = match[1]
        self._by_name: dict[str, Column] = {}
        for path, field in avro.leaves(self.schema).items():
            column = Column(
                path,
                field["type"],
                units.get(path, ""),
                _UNIT.sub("", field["doc"]),
                versions[path][0],
                versions[path][-1],
                self._can_be_null(path),
            )
            self._by_name[column.name] = column

    def _can_be_null(self, path: tuple[str, ...]) -> bool:
        schema, null = self.schema, False
        for name in path:
            record, _ = avro.split_null(schema)
            schema = next(f["type"] for f in record["fields"] if f["name"] == name)
            null = null or avro.split_null(schema)[1]
        return null

    def __iter__(self) -> Iterator[Column]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Column:
        return self._by_name[name]

    @cached_property
    def _by_lower(self) -> dict[str, list[str]]:
        """Every way to write a name, in lower case: in full, and by its last part where it is a scalar."""
        found: dict[str, list[str]] = {}
        for name, column in self._by_name.items():
            found.setdefault(name.lower(), []).append(name)
            if len(column.path) > 1 and column.is_scalar:
                found.setdefault(column.path[-1].lower(), []).append(name)
        return found

    def named(self, name: str) -> list[Column]:
        """The columns that a name could mean: one where it leaves no doubt, none where it is unknown."""
        if name in self._by_name:
            return [self._by_name[name]]
        return [self._by_name[found] for found in self._by_lower.get(name.lower(), [])]

    def resolve(self, name: str) -> Column:
        """Find the column that a filter means by a name.

        A full name is taken as it is (Spark's way, upper and lower case are one where that leaves no doubt); a last
        part alone is enough where only one column ends so.

        Raises
        ------
        ColumnError
            If there is none, or more than one.
        """
        found = self.named(name)
        if len(found) == 1:
            return found[0]
        if found:
            choice = " or ".join(column.name for column in found)
            raise ColumnError(f"Column {name!r} could be {choice}: write one of them in full.")
        raise ColumnError(f"There is no column {name!r}.{nearest(name, self._by_name)}")
