"""Filters in SQL: a WHERE clause in Spark's dialect becomes cuts over columns.

sqlglot parses and finds the columns; the text itself goes to Spark as it was written, with only the names of columns
put in full, so that nothing is lost in translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import ColumnError, FilterError, FilterSyntaxError, nearest
from skysieve.packets.columns import Column, Columns

_DIALECT = sqlglot.Dialect.get_or_raise("spark")
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END}
_UNFIT: dict[type[exp.Expr], str] = {
    exp.Query: "a sub-query",
    exp.AggFunc: "an aggregate such as count() or max(): for histories use aggregate(), exists(), filter() or size()",
    exp.Window: "a window function",
    exp.UDTF: "a function that makes several rows",
    exp.Alias: "an alias",
}
_FORBIDDEN = {"reflect", "java_method", "try_reflect", "raise_error", "assert_true", "input_file_name"}


@dataclass(frozen=True)
class Cut:
    """One condition, as it was written.

    Attributes
    ----------
    text
        The condition.
    line, column
        Its place in the filter's text, counted from 1.
    """

    text: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class BoundCut:
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


def cuts(text: str) -> tuple[Cut, ...]:
    """Split a WHERE clause at its top-level ANDs.

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
    text = re.sub(r"^\s*where\b", lambda m: " " * len(m[0]), text, flags=re.IGNORECASE)
    tokens = _tokens(text)
    if not tokens:
        raise FilterError("The filter is empty: write a condition, for example diaSource.snr > 20.")
    _parse(text)
    return tuple(
        Cut(text[a.start : b.end + 1], a.line, _column(text, a.start)) for a, b in _conjuncts(tokens)
    )


def bind(cut: Cut, columns: Columns) -> BoundCut:
    """Find the columns of a cut.

    Raises
    ------
    ColumnError
        If a name is unknown or could be several columns.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> bind(Cut("snr > 20"), formats.get("lsst").columns()).sql
    '`diaSource.snr` > 20'
    """
    used: dict[str, Column] = {}
    pieces, at = [], 0
    for start, end, parts in sorted(_names(_parse(cut.text))):
        column, rest = _find(parts, columns, cut)
        used[column.name] = column
        quoted = "".join(f".`{p}`" for p in rest)
        pieces += [cut.text[at:start], f"`{column.name}`{quoted}"]
        at = end + 1
    return BoundCut(cut.text, "".join([*pieces, cut.text[at:]]), tuple(used.values()))


def _find(parts: tuple[str, ...], columns: Columns, cut: Cut) -> tuple[Column, tuple[str, ...]]:
    """The column that a dotted name begins with, and the field of its array's items that follows, if any."""
    for size in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:size])
        if head in columns and columns[head].is_array:
            fields = columns[head].fields()
            if parts[size] in fields:
                return columns[head], parts[size:]
            hint = nearest(parts[size], fields)
            raise ColumnError(
                f"The records of {head} have no field {parts[size]!r} (cut {cut.text!r}).{hint}"
            )
    try:
        return columns.resolve(".".join(parts)), ()
    except ColumnError as error:
        raise ColumnError(f"{error} (cut {cut.text!r}, line {cut.line})") from None


def _names(tree: exp.Expr) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Start, end and parts of every column name in a cut."""
    for column in tree.find_all(exp.Column):
        parts = list(column.parts)
        node: exp.Expr = column
        while isinstance(node.parent, exp.Dot) and node.arg_key == "this":
            node = node.parent
            if not isinstance(node.expression, exp.Identifier):
                break
            parts.append(node.expression)
        yield parts[0].meta["start"], parts[-1].meta["end"], tuple(p.name for p in parts)


def _tokens(text: str) -> list[Token]:
    try:
        return list(_DIALECT.tokenize(text))
    except TokenError as error:
        _refuse("This text has an open quote or comment", text, len(text.rstrip()) - 1, error)


def _parse(text: str) -> exp.Expr:
    """Parse one condition, and refuse what cannot judge a single alert."""
    try:
        trees = sqlglot.parse(text, dialect=_DIALECT)
    except ParseError as error:
        first = error.errors[0]
        place = _offset(text, int(first["line"] or 1), int(first["col"] or 1)) - len(
            first["highlight"] or " "
        )
        _refuse(f"This is not a condition in SQL: {_reason(str(first['description']))}", text, place, error)
    except TokenError as error:
        _refuse("This text has an open quote or comment", text, len(text.rstrip()) - 1, error)
    tree = trees[0] if trees else None
    if len(trees) != 1 or tree is None:
        raise FilterError("A filter is one condition: join conditions with AND or OR, not with ';'.")
    for kind, what in _UNFIT.items():
        if tree.find(kind):
            raise FilterError(f"A filter judges one alert at a time, so it cannot have {what}.")
    for function in tree.find_all(exp.Func):
        name = (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()
        if name in _FORBIDDEN:
            raise FilterError(f"A filter cannot call {name}(): it would act on the cluster, not on an alert.")
    return tree


def _reason(description: str) -> str:
    if description.startswith("Required keyword"):
        return "something is missing after this"
    return description[:1].lower() + description[1:]


def _refuse(message: str, text: str, offset: int, cause: Exception) -> NoReturn:
    offset = max(offset, 0)
    line = text.count("\n", 0, offset) + 1
    raise FilterSyntaxError(message, text, line, _column(text, offset)) from cause


def _offset(text: str, line: int, column: int) -> int:
    return sum(len(t) + 1 for t in text.split("\n")[: line - 1]) + column


def _column(text: str, offset: int) -> int:
    return offset - (text.rfind("\n", 0, offset) + 1) + 1


def _conjuncts(tokens: list[Token]) -> list[tuple[Token, Token]]:
    """First and last token of each condition that top-level ANDs join."""
    depth = between = 0
    parts: list[list[Token]] = [[]]
    for token in tokens:
        kind = token.token_type
        depth += (kind in _OPEN) - (kind in _CLOSE)
        if depth == 0 and kind == TokenType.OR:
            return [(tokens[0], tokens[-1])]
        if depth == 0 and kind == TokenType.BETWEEN:
            between += 1
        if depth == 0 and kind == TokenType.AND:
            if between:
                between -= 1
            else:
                parts.append([])
                continue
        parts[-1].append(token)
    return [(p[0], p[-1]) for p in parts]
