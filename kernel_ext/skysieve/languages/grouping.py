"""How an aggregate groups: keys, what is told of each group, and when a group is over. Values; no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from skysieve.errors import ColumnError, FilterError
from skysieve.languages import Cut, expansion, sql
from skysieve.languages.parsing import is_aggregated, parsed, place_of, tokens_of
from skysieve.packets.columns import Column, Columns

TIMES = {"night": ("night",), "window": ("begin", "end"), "field": ("field",)}
"""What a record calls the keys that are no columns."""


@dataclass(frozen=True)
class Key:
    """What alerts of one group have in common.

    Attributes
    ----------
    kind
        ``"column"`` (or any value that SELECT names), ``"night"``, ``"window"`` or ``"field"``.
    cut
        Of a column, its name as it was written.
    length, slide
        Of a night or window, seconds.
    order
        Of a field, the order of its HEALPix cells.
    """

    kind: Literal["column", "night", "window", "field"]
    cut: Cut | None = None
    length: float = 0.0
    slide: float = 0.0
    order: int = 0


@dataclass(frozen=True)
class Grouping:
    """How an aggregate groups.

    Attributes
    ----------
    select
        What is told of a group: names, and SQL.
    keys
        What it groups by.
    having
        Which groups are told of.
    lateness
        Seconds that an alert may come late.
    once
        Whether a group is told of once, when it first meets ``having``, instead of whenever it changes.
    """

    select: tuple[tuple[str, Cut], ...]
    keys: tuple[Key, ...]
    having: Cut | None
    lateness: float
    once: bool

    @property
    def timed(self) -> Key:
        """The key that is a time."""
        return next(key for key in self.keys if key.kind in ("night", "window"))

    def bind(self, columns: Columns) -> BoundGrouping:
        """Find its columns.

        Raises
        ------
        ColumnError
            If a name is unknown.
        FilterError
            If a value is neither a key nor an aggregate.
        """
        return _Binding(self, columns).bound


@dataclass(frozen=True)
class BoundKey:
    """A key, the names that records have for it, and its SQL (of a column)."""

    key: Key
    names: tuple[str, ...]
    sql: str = ""


@dataclass(frozen=True)
class BoundGrouping:
    """A grouping whose names have found their columns.

    Attributes
    ----------
    grouping
        What was bound.
    keys
        The keys.
    values
        What is told besides, in SQL.
    having
        SQL, empty for all groups.
    columns
        The columns in use.
    """

    grouping: Grouping
    keys: tuple[BoundKey, ...]
    values: tuple[tuple[str, str], ...]
    having: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in a record: the keys, then the values."""
        return (*(name for key in self.keys for name in key.names), *(name for name, _ in self.values))


class _Binding:
    """Finds the columns of a grouping."""

    def __init__(self, grouping: Grouping, columns: Columns) -> None:
        self._columns, self._used = columns, dict[str, Column]()
        self._aliases: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        select = dict(grouping.select)
        keys = [self._key(key, select) for key in grouping.keys]
        own = {name for key in keys for name in key.names if not key.sql}
        for name, cut in grouping.select:
            if name in self._aliases or cut.text.lower() in own:
                continue
            self._aliases[name] = self._sql(cut, {})
        names = [name for key in keys for name in key.names]
        values = [(n, s) for n, s in self._aliases.items() if n not in names]
        if len(set(names)) < len(names) or set(names) & {n for n, _ in values}:
            raise FilterError(f"Two values have one name: {', '.join(names)}. Give them others with AS.")
        having = self._sql(grouping.having, self._aliases) if grouping.having else ""
        self.bound = BoundGrouping(grouping, tuple(keys), tuple(values), having, tuple(self._used.values()))

    def _key(self, key: Key, select: Mapping[str, Cut]) -> BoundKey:
        if key.cut is None:
            return BoundKey(key, TIMES[key.kind])
        text = key.cut.text
        alias = select.get(text)
        if alias is not None and alias.text != text:
            found = self._sql(alias, {}, is_key=True)
            self._aliases[text] = found
        else:
            found = self._sql(key.cut, {}, is_key=True)
        self._keys[found] = text
        renamed = next((n for n, cut in select.items() if self._is(cut, found)), None)
        if renamed:
            self._aliases[renamed] = found
        return BoundKey(key, (renamed or text.rpartition(".")[2].strip("`"),), found)

    def _is(self, cut: Cut, found: str) -> bool:
        """Whether a value of SELECT is this key."""
        try:
            return sql.bind(cut, self._columns).sql == found
        except FilterError:
            return False

    def _sql(self, cut: Cut, aliases: Mapping[str, str], *, is_key: bool = False) -> str:
        """The SQL of a value, every column as one quoted name."""
        expanded = expansion.expand(cut, self._columns)
        text, columns = expanded.text, expanded.columns
        tree = parsed(text, tokens_of(text), of_groups=True)
        pieces, at = [], 0
        for start, end, name, node in sql.named_columns(tree):
            pieces.append(text[at:start])
            at = end + 1
            inside = is_aggregated(node)
            if not inside and name in aliases:
                pieces.append(f"({aliases[name]})")
                continue
            place = place_of(cut.text, expanded.origin(start), cut.line, cut.column)
            try:
                column, rest = sql.find(name, columns)
            except ColumnError as error:
                raise ColumnError(
                    f"{error} (in {cut.text!r}, line {place[0]})", *place, length=end + 1 - start
                ) from None
            found = sql.quoted(column.name, *rest)
            if is_key and inside:
                raise ColumnError(
                    f"It cannot group by an aggregate: {cut.text}.", *place, length=end + 1 - start
                )
            if not is_key and not inside and found not in self._keys:
                raise ColumnError(
                    f"{name} is neither in GROUP BY nor in an aggregate, such as max({name}) (line {place[0]}).",
                    *place,
                    length=end + 1 - start,
                )
            self._used[column.name] = column
            pieces.append(found)
        return "".join([*pieces, text[at:]])
