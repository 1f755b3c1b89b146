"""The columns of a stream: names, types, units and descriptions, and how a name in a filter finds its column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from skysieve.errors import ColumnError, nearest
from skysieve.packets import avro

_UNIT = re.compile(r"\s*\[([^\[\]]+)\](\s*\.?\s*$)?")

Version = int | str
"""What a survey calls a version of its schema: 1000 (LSST's v10.0), "4.02" (ZTF)."""

Describe = Callable[[tuple[str, ...]], tuple[str, str] | None]
"""Unit and description of the column at a path, where the survey's schema gives none."""


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
    sql
        How it is derived from others, their names in backquotes; empty where the packet holds it.
    uses
        Names of those others; ``prvDiaSources[].band`` is a field of an array's records. Of an array that the packet
        holds, the only fields that are read; empty for all of them.
    by
        The enrichment that computes it (:class:`skysieve.enrich.base.Provider`).
    """

    path: tuple[str, ...]
    schema: Any
    unit: str = ""
    description: str = ""
    since: Version | None = None
    until: Version | None = None
    null: bool = True
    sql: str = ""
    uses: tuple[str, ...] = ()
    by: Any = None

    @property
    def name(self) -> str:
        """The dotted name that filters use."""
        return ".".join(self.path)

    @property
    def is_scalar(self) -> bool:
        """Whether it holds one number, text or flag, and no record, array or bytes."""
        kind, _ = avro.split_null(self.schema)
        if isinstance(kind, dict):
            return kind["type"] == "enum" or "logicalType" in kind
        return isinstance(kind, str) and kind != "bytes"

    @property
    def is_array(self) -> bool:
        """Whether it holds a list."""
        return avro.is_array(avro.split_null(self.schema)[0])

    @property
    def whole(self) -> Column:
        """The same, with every field of its records where it is an array that the packet holds."""
        return replace(self, uses=()) if self.uses and not self.sql and self.by is None else self

    def narrowed(self, fields: Iterable[str] | None) -> Column:
        """The same array, with only these fields of its records; None leaves all of them."""
        if fields is None:
            return self
        return replace(self, schema=avro.narrow(self.schema, [(name,) for name in sorted(fields)]))

    @property
    def paths(self) -> list[tuple[str, ...]]:
        """Paths of what is decoded for it: of every field that its own type has, and so none of other versions."""
        return [(*self.path, *path) for path in avro.ends(self.schema)]

    def field(self, name: str) -> str | None:
        """The one of its :meth:`fields` that a filter means: Spark takes upper and lower case for the same."""
        return next((field for field in self.fields() if field.lower() == name.lower()), None)

    def fields(self) -> tuple[str, ...]:
        """Names of the fields of its record, or of its array's records; empty for anything else."""
        kind, _ = avro.split_null(self.schema)
        if avro.is_array(kind):
            kind, _ = avro.split_null(kind["items"])
        return tuple(f["name"] for f in kind["fields"]) if avro.is_record(kind) else ()


def age(version: Version) -> tuple[bool, tuple[int, ...], str]:
    """By which versions are put in order, the oldest first; those that are no numbers come last.

    >>> sorted(["10.0", "7.4", "4db269"], key=age)
    ['7.4', '10.0', '4db269']
    """
    parts = str(version).split(".")
    is_number = all(part.isdecimal() for part in parts)
    return not is_number, tuple(map(int, parts)) if is_number else (), str(version)


def united(columns: Iterable[Column]) -> list[Column]:
    """Each column once, in the order of first use; of an array, all that any of them reads."""
    found: dict[str, Column] = {}
    for column in columns:
        known = found.setdefault(column.name, column)
        if known.uses != column.uses:
            both = dict.fromkeys((*known.uses, *column.uses)) if known.uses and column.uses else ()
            found[column.name] = replace(known, uses=tuple(both))
    return list(found.values())


class Columns:
    """The columns of one stream, united over the schema versions it may carry.

    Parameters
    ----------
    schemas
        The Avro schema of each version, by version, oldest first, as :func:`skysieve.packets.avro.expand` gives them.
    describe
        Units and descriptions that the schemas lack.
    derived
        Further columns, each left out where one that it uses is not there.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> columns = formats.get("lsst").columns()
    >>> columns["diaSource.psfFlux"].unit
    'nJy'
    >>> columns.resolve("reliability").name
    'diaSource.reliability'
    """

    def __init__(
        self,
        schemas: Mapping[Version, Any],
        describe: Describe = lambda _: None,
        derived: Iterable[Column] = (),
    ) -> None:
        self.schema = avro.unite(schemas.values())
        found: dict[tuple[str, ...], dict[Version, Any]] = {}
        units: dict[tuple[str, ...], str] = {}
        for version, schema in schemas.items():
            for path, field in avro.leaves(schema).items():
                found.setdefault(path, {})[version] = field["type"]
                if match := _UNIT.search(field["doc"]):
                    units[path] = match[1]
        self._by_name: dict[str, Column] = {}
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
        for path, field in avro.leaves(self.schema).items():
            self._keys[path] = (*self._keys[path[:-1]], field.get("key", field["name"]))
            versions = list(found[path])
            unit, description = describe(path) or (units.get(path, ""), _UNIT.sub("", field["doc"]))
            lost = [
                f"{'.'.join(path) + place + ' is ' if place else ''}{kind} in {version}"
                for version, written in found[path].items()
                for place, kind in _unresolved(written, field["type"]).items()
                if not place.startswith(".")  # which has a column of its own
            ]
            if lost:
                description += f" (NULL where it is of another type: {', '.join(lost)})"
            column = Column(
                path,
                field["type"],
                unit,
                description.strip(),
                versions[0],
                versions[-1],
                self._can_be_null(path),
            )
            self._by_name[column.name] = column
        for column in derived:
            if all(name.partition("[]")[0] in self._by_name for name in column.uses):
                self._by_name[column.name] = column

    def preferring(self, seen: Columns) -> Columns:
        """The same columns, but records and arrays with the fields alone that others have: those in use."""
        other = copy(self)
        other._by_name = {
            name: seen[name] if name in seen and not column.is_scalar else column
            for name, column in self._by_name.items()
        }
        return other

    def adding(self, more: Iterable[Column]) -> Columns:
        """The same columns, and more that are derived from them."""
        other = copy(self)
        other._by_name = {**self._by_name, **{column.name: column for column in more}}
        other.__dict__.pop("_by_lower", None)  # the copy of what was worked out for fewer columns
        return other

    def of_packet(self, wanted: Iterable[Column]) -> list[Column]:
        """What a packet must give for these columns: themselves, and for a derived one those that it uses.

        Of an array, the records are narrowed to the fields in use.
        """
        given = {column.name: column for column in wanted if column.by is None}
        fields: dict[str, set[str] | None] = {}
        for name in [name for column in given.values() for name in (column.uses or (column.name,))]:
            whole, _, field = name.partition("[].")
            if field and fields.setdefault(whole, set()) is not None:
                fields[whole] |= {field}  # type: ignore[operator]
            elif not field:
                fields[whole] = None
        return [(given.get(name) or self._by_name[name]).narrowed(only) for name, only in fields.items()]

    def written(self, column: Column) -> tuple[str, ...]:
        """The path of a column as packets write it: names that are one to Spark are other ones here."""
        return self._keys.get(column.path, column.path)

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
            paths = {column.path, self.written(column)}
            spelt = {".".join(path) for path in paths}
            spelt |= {path[-1] for path in paths if len(path) > 1 and column.is_scalar}
            for lower in {one.lower() for one in spelt}:
                found.setdefault(lower, []).append(name)
        return found

    @cached_property
    def _by_key(self) -> dict[str, str]:
        """Names of those columns that messages call otherwise, by what they call them."""
        return {".".join(key): ".".join(path) for path, key in self._keys.items() if key != path}

    def named(self, name: str) -> list[Column]:
        """The columns that a name could mean: one where it leaves no doubt, none where it is unknown."""
        if exact := self._by_name.get(name) or self._by_name.get(self._by_key.get(name, "")):
            return [exact]
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


def _unresolved(writer: Any, reader: Any) -> dict[str, str]:
    """What is null for its reader because it was written as another type: how that is called, by its place."""
    (a, _), (b, _) = avro.split_null(writer), avro.split_null(reader)
    if avro.is_array(a) and avro.is_array(b):
        return {f"[]{path}": kind for path, kind in _unresolved(a["items"], b["items"]).items()}
    if avro.is_record(a) and avro.is_record(b):
        known = {f["name"]: f["type"] for f in b["fields"]}
        return {
            f".{f['name']}{path}": kind
            for f in a["fields"]
            for path, kind in _unresolved(f["type"], known.get(f["name"], f["type"])).items()
        }
    return {} if avro.resolves(a, b) else {"": avro.avro_name(a)}
