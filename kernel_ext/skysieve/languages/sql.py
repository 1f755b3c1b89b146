"""Filters in SQL: a WHERE clause in Spark's dialect becomes cuts over columns.

sqlglot parses and finds the columns; the text itself goes to Spark as it was written, with only the names of columns
put in full, so that nothing is lost in translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from skysieve.errors import ColumnError, FilterError, nearest
from skysieve.languages import Cut, expansion
from skysieve.languages.items import fields_read
from skysieve.languages.parsing import conjuncts, parsed, place_of, tokens_of
from skysieve.packets.columns import Column, Columns, united

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

is_isolated = False
_NAMED = re.compile(r"(\w+)\s*:\s*(.+)", re.DOTALL)


@dataclass(frozen=True)
class BoundSql:
    """A cut whose names have found their columns.

    Attributes
    ----------
    text
        As it was written.
    sql
        The same with every column as one quoted name, ready for Spark.
    columns
        The columns that it reads.
    """

    text: str
    sql: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> str:
        """Its SQL; empty where it goes through an array, which is best left to alerts that meet the cuts before it."""
        return "" if "->" in self.sql else self.sql

    def condition(self) -> SparkColumn:
        """The cut in Spark."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.expr(self.sql)


def content(text: str) -> list[str]:
    """The text of each cut: what stands between them decides nothing."""
    return [cut.text for cut in cuts(text)]


def grouping(text: str) -> None:
    """None: each alert is judged by itself."""


def joining(text: str) -> None:
    """None: it reads one stream."""


@lru_cache(1000)
def cuts(text: str) -> tuple[Cut, ...]:
    """Split a WHERE clause at its top-level ANDs; kept, since a filter's version asks for them, too.

    Raises
    ------
    FilterError
        If there is nothing in it, or something that cannot judge one alert.
    FilterSyntaxError
        If it does not parse; the message points at the place.

    Examples
    --------
    >>> [c.text for c in cuts("snr > 20 AND (band = 'g' OR band = 'r') AND ra BETWEEN 10 AND 20")]
    ['snr > 20', "(band = 'g' OR band = 'r')", 'ra BETWEEN 10 AND 20']
    """
    text = re.sub(r"\r\n?", "\n", text)
    tokens = tokens_of(text)
    if tokens and tokens[0].token_type == TokenType.WHERE:
        tokens = tokens[1:]
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if not tokens:
        raise FilterError("The filter is empty: write a condition, for example diaSource.snr > 20.")
    found = []
    for part in conjuncts(text, tokens):
        parsed(text, part)
        start, end = part[0].start, part[-1].end
        found.append(Cut(text[start : end + 1], *place_of(text, start)))
    return tuple(found)


def named(text: str) -> dict[str, str]:
    """Read ``name: SQL`` pairs, separated by semicolons or lines.

    Raises
    ------
    FilterError
        If a pair has no name, or a name comes twice.

    Examples
    --------
    >>> named("mag: derived.mag; colour: derived.mag - 2")
    {'mag': 'derived.mag', 'colour': 'derived.mag - 2'}
    """
    tokens, found, begin = tokens_of(text), {}, 0
    ends = [t.start for t in tokens if t.token_type == TokenType.SEMICOLON]
    ends += [m.start() for m in re.finditer(r"\n(?=\s*\w+\s*:)", text)]
    for end in [*sorted(ends), len(text)]:
        pair = text[begin:end].strip().strip(";").strip()
        begin = end
        if not pair:
            continue
        match = _NAMED.fullmatch(pair)
        if not match or match[1] in found or re.fullmatch(r"cut\d+", match[1]):
            what = f"gives {match[1]!r}" if match else "has no name"
            what += (
                " twice" if match and match[1] in found else ", as a preview calls its cuts" if match else ""
            )
            raise FilterError(f"emit={pair!r} {what}: write name: expression, for example mag: derived.mag")
        parsed(match[2], tokens_of(match[2]))
        found[match[1]] = match[2]
    return found


def bind(cut: Cut, columns: Columns) -> BoundSql:
    """Find the columns of a cut.

    Raises
    ------
    ColumnError
        If a name is unknown or could be several columns.
    FilterError
        If one of the functions in :data:`skysieve.languages.helpers.HELPERS` is not called as it must be.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> bind(Cut("snr > 20"), formats.get("lsst").columns()).sql
    '`diaSource.snr` > 20'
    """
    expanded = expansion.expand(cut, columns)
    text, columns = expanded.text, expanded.columns
    used: list[Column] = []
    pieces, at = [], 0
    for start, end, name, node in named_columns(parsed(text, tokens_of(text))):
        try:
            column, rest = find(name, columns)
        except ColumnError as error:
            place = place_of(cut.text, expanded.origin(start), cut.line, cut.column)
            message = f"{error} (cut {cut.text!r}, line {place[0]})"
            raise ColumnError(message, *place, length=end + 1 - start) from None
        used.append(_as_read(column, {rest[0]} if rest else fields_read(node)))
        pieces += [text[at:start], quoted(column.name, *rest)]
        at = end + 1
    return BoundSql(cut.text, "".join([*pieces, text[at:]]), tuple(united(used)))


def _as_read(column: Column, fields: set[str] | None) -> Column:
    """The same column; an array of records with only the fields that are read of them, where that is known."""
    given = column.fields() if column.is_array and not column.sql and column.by is None else ()
    if fields is None or not given:
        return column
    read = {column.field(name) for name in fields} or {given[0]}  # one at least, for their number
    if None in read:
        return column  # Spark says what is wrong
    return replace(column, uses=tuple(f"{column.name}[].{name}" for name in sorted(map(str, read))))


def quoted(*names: str) -> str:
    """A dotted name of Spark's, each part in backquotes."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def find(name: str, columns: Columns) -> tuple[Column, list[str]]:
    """The column that a dotted name begins with, and the field of its array's items that follows, if any."""
    parts = name.split(".")
    for size in range(len(parts) - 1, 0, -1):
        match columns.named(".".join(parts[:size])):
            case [column] if column.is_array:
                wanted, *rest = parts[size:]
                if field := column.field(wanted):
                    return column, [field, *rest]
                hint = nearest(wanted, column.fields())
                raise ColumnError(f"The records of {column.name} have no field {wanted!r}.{hint}")
    return columns.resolve(name), []


def named_columns(tree: exp.Expr) -> list[tuple[int, int, str, exp.Expr]]:
    """Start, end, dotted text and node of every column name, in order."""
    return sorted(_names(tree), key=lambda found: found[:2])


def _names(tree: exp.Expr) -> Iterator[tuple[int, int, str, exp.Expr]]:
    for column in tree.find_all(exp.Column):
        if _is_variable(column):
            continue
        parts = list(column.parts)
        node: exp.Expr = column
        while isinstance(node.parent, exp.Dot) and node.arg_key == "this":
            node = node.parent
            if not isinstance(node.expression, exp.Identifier):
                break
            parts.append(node.expression)
        yield parts[0].meta["start"], parts[-1].meta["end"], ".".join(p.name for p in parts), column


def _is_variable(column: exp.Column) -> bool:
    """Whether this is the variable of a lambda around it, in whatever case (sqlglot knows it in the same case only)."""
    around = column.find_ancestor(exp.Lambda)
    while around:
        if column.parts[0].name.lower() in {variable.name.lower() for variable in around.expressions}:
            return True
        around = around.find_ancestor(exp.Lambda)
    return False
