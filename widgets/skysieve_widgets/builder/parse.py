"""From a filter's SQL to the rows of a form, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from skysieve_widgets.builder.columns import FLAG, INTEGER, TEXT, BuilderColumn, BuilderColumns
from skysieve_widgets.builder.cut import CutRow, Value, made

Split = Callable[[str], Sequence[str]]
"""Splits a WHERE clause into the texts of its cuts."""

_COMPARED: dict[type[exp.Expr], str] = {
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.EQ: "=",
    exp.NEQ: "!=",
}
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_DOUBLE = 1 << 53
"""Up to here a DOUBLE holds every integer."""


def conjuncts(sql: str) -> list[str]:
    """Split a WHERE clause at its top-level ANDs; each part is written anew.

    Raises
    ------
    ValueError
        If it does not parse.

    Examples
    --------
    >>> conjuncts("snr > 20 AND (band = 'g' OR band = 'r') AND ra BETWEEN 10 AND 20")
    ['snr > 20', "(band = 'g' OR band = 'r')", 'ra BETWEEN 10 AND 20']
    """
    tree = _tree(sql)
    parts = tree.flatten(unnest=False) if isinstance(tree, exp.And) else [tree]
    return [part.sql("spark") for part in parts]


def rows_of(sql: str, columns: BuilderColumns, split: Split = conjuncts) -> list[CutRow]:
    """The rows of a filter in SQL; a cut that the form does not know stays as its text.

    Parameters
    ----------
    sql
        A WHERE clause in Spark's dialect; empty for no cut.
    columns
        What its names can mean.
    split
        How it becomes cuts.

    Raises
    ------
    ValueError
        If it does not parse.
    """
    return [_row(text, columns) for text in split(sql)] if sql.strip() else []


def where(rows: Iterable[CutRow]) -> str:
    """The filter that rows stand for, a line for each; empty where there is none.

    Examples
    --------
    >>> print(where([CutRow("snr", ">", (20,)), CutRow(text="band = 'g' OR band = 'r'")]))
    snr > 20
    AND (band = 'g' OR band = 'r')
    """
    rows = list(rows)
    return "\nAND ".join(row.sql if row.column or len(rows) == 1 else whole(row.text) for row in rows)


def whole(text: str) -> str:
    """A condition that can stand beside an AND."""
    try:
        tree = _tree(text)
    except ValueError:
        return text
    return f"({text})" if isinstance(tree, exp.Connector) else text


def _tree(sql: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(sql, dialect="spark", into=exp.Condition)
    except SqlglotError as error:
        raise ValueError(f"This is not a condition in SQL: {str(error).splitlines()[0]}") from error


def _row(text: str, columns: BuilderColumns) -> CutRow:
    try:
        tree = _tree(text)
        found = _of_tree(tree.unnest(), columns)
    except ValueError:
        found = None
    return found or CutRow(text=text)


def _of_tree(tree: exp.Expr, columns: BuilderColumns) -> CutRow | None:
    """The row that says the same; None where there is none."""
    negated = isinstance(tree, exp.Not)
    inner = tree.this.unnest() if negated else tree
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return _made(inner.this, "is not null" if negated else "is null", (), columns)
    if isinstance(inner, exp.Column):
        return _made(inner, "is false" if negated else "is true", (), columns)
    if negated:
        return None
    if isinstance(inner, exp.Is | exp.EQ) and isinstance(inner.expression, exp.Boolean):
        return _made(inner.this, "is true" if inner.expression.this else "is false", (), columns)
    if type(inner) in _COMPARED:
        op, left, right = _COMPARED[type(inner)], inner.this, inner.expression
        if isinstance(right, exp.Column):
            op, left, right = _TURNED.get(op, op), right, left
        return _made(left, op, (right,), columns)
    if isinstance(inner, exp.Between) and not inner.args.get("symmetric"):
        return _made(inner.this, "between", (inner.args["low"], inner.args["high"]), columns)
    if isinstance(inner, exp.In) and inner.expressions and not inner.args.get("query"):
        return _made(inner.this, "in", inner.expressions, columns)
    return None


def _made(name: Any, op: str, values: Sequence[Any], columns: BuilderColumns) -> CutRow | None:
    if not isinstance(name, exp.Column):
        return None
    column = columns.find(".".join(part.name for part in name.parts))
    if column is None:
        return None
    found = [_literal(value, column) for value in values]
    if any(value is None for value in found):
        return None
    if column.kind == FLAG and op == "=":
        return None
    return made(column, op, found)


def _literal(value: exp.Expr, column: BuilderColumn) -> Value | None:
    """A value as it stands in SQL; None where it is none of the column's kind, or would not stay the same."""
    sign = -1 if isinstance(value, exp.Neg) else 1
    value = value.this if isinstance(value, exp.Neg) else value
    if not isinstance(value, exp.Literal) or value.is_string != (column.kind == TEXT):
        return None
    text = str(value.this)
    if value.is_string:
        return text if sign > 0 else None
    try:
        return sign * int(text)
    except ValueError:
        number = float(text)
    is_safe = column.kind != INTEGER or _same_place(Fraction(text), number)
    return sign * number if math.isfinite(number) and is_safe else None


def _same_place(exact: Fraction, number: float) -> bool:
    """Whether no integer lies between a number and the float that is nearest to it."""
    if not abs(number) < _DOUBLE:
        return False
    near = Fraction(number)
    return math.floor(exact) == math.floor(near) and math.ceil(exact) == math.ceil(near)
