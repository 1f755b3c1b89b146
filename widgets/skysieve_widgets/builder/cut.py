"""A cut as a row of a form: a column, an operator and values; or a text in SQL that is none of these."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from skysieve_widgets.builder.columns import INTEGER, OPERATORS, REAL, BuilderColumn, BuilderColumns

Value = int | float | str

_EXACT = 1 << 24
"""Up to here a FLOAT holds every integer. Spark makes a FLOAT of a larger one before it compares; a decimal stays."""
_DIGITS = 38
"""Digits that a number in Spark's SQL can have."""
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class CutRow:
    """One cut.

    Attributes
    ----------
    column
        Name of its column; empty for a cut that is only known as SQL.
    op
        Operator, one of those that :data:`~skysieve_widgets.builder.columns.OPERATORS` lists for the column's kind.
    values
        What it is compared with: one value, two for ``between``, any number for ``in``, none for the others.
    text
        A condition in SQL, where the row has no column.
    """

    column: str = ""
    op: str = ""
    values: tuple[Value, ...] = ()
    text: str = ""

    @property
    def sql(self) -> str:
        r"""The cut in Spark's SQL.

        Examples
        --------
        >>> CutRow("diaSource.band", "in", ("g", "it's")).sql, CutRow("end", "between", (1, 2.5)).sql
        ("diaSource.band IN ('g', 'it\\'s')", 'end BETWEEN 1 AND 2.5')
        """
        if not self.column:
            return self.text
        name, values = quoted(self.column), [literal(value) for value in self.values]
        match self.op:
            case "between":
                return f"{name} BETWEEN {values[0]} AND {values[1]}"
            case "in":
                return f"{name} IN ({', '.join(values)})"
            case "is null" | "is not null" | "is true" | "is false":
                return f"{name} {self.op.upper()}"
        return f"{name} {self.op} {values[0]}"

    def as_dict(self) -> dict[str, Any]:
        """The cut as a plain mapping, as :attr:`FilterBuilder.cuts` has it."""
        if not self.column:
            return {"sql": self.text}
        said: dict[str, Any] = {"column": self.column, "op": self.op}
        if self.op in ("between", "in"):
            said["value"] = list(self.values)
        elif self.values:
            said["value"] = self.values[0]
        return said


def row_of(cut: Mapping[str, Any], columns: BuilderColumns) -> CutRow:
    """The row that a mapping describes: ``column``, ``op`` and ``value``, or ``sql``.

    Values may be texts, as the browser sends them, so that no digit of an id is lost.

    Raises
    ------
    ValueError
        If there is no such column, the operator does not fit it, or a value is none of its kind.

    Examples
    --------
    >>> columns = BuilderColumns([BuilderColumn("diaSource.snr", "float")])
    >>> row_of({"column": "snr", "op": ">", "value": "20"}, columns)
    CutRow(column='diaSource.snr', op='>', values=(20,), text='')
    """
    if "sql" in cut:
        return CutRow(text=str(cut["sql"]).strip())
    column = columns.find(str(cut.get("column", "")))
    if column is None:
        raise ValueError(f"There is no column {cut.get('column')!r} that a cut can be made on.")
    given = cut.get("value", ())
    values = given if isinstance(given, Sequence) and not isinstance(given, str) else (given,)
    return made(column, str(cut.get("op", "")), values)


def made(column: BuilderColumn, op: str, values: Sequence[Any]) -> CutRow:
    """A row whose operator and values fit its column; raises ValueError where they do not."""
    if op not in OPERATORS[column.kind]:
        fit = ", ".join(OPERATORS[column.kind])
        raise ValueError(f"{column.name} ({column.type}) has no operator {op!r}, only {fit}.")
    wanted = {"between": 2, "in": max(1, len(values))}.get(op, 0 if op.startswith("is ") else 1)
    if len(values) != wanted:
        raise ValueError(f"{column.name} {op} takes {wanted} value{'s' * (wanted != 1)}, not {len(values)}.")
    return CutRow(column.name, op, tuple(_value(one, column) for one in values))


def _value(given: Any, column: BuilderColumn) -> Value:
    if column.kind not in (INTEGER, REAL):
        if not isinstance(given, str):
            raise ValueError(f"{column.name} holds texts: {given!r} is none.")
        if "${" in given:
            raise ValueError(f"{given!r} cannot be a value: Spark would put a setting in place of its '${{'.")
        return given
    number = _number(given)
    if number is None or (column.kind == INTEGER and abs(number) >= 10**_DIGITS):
        raise ValueError(f"{column.name} holds numbers: {given!r} is none that SQL can write.")
    if column.kind == INTEGER:
        return int(number) if number == int(number) else number
    if abs(number) > _EXACT:
        return float(number)
    return int(number) if number == int(number) else number


def _number(given: Any) -> int | float | None:
    if isinstance(given, str):
        text = given.strip().replace("−", "-")
        try:
            given = int(text)
        except ValueError:
            try:
                given = float(text)
            except ValueError:
                return None
    if isinstance(given, bool) or not isinstance(given, Real):
        return None
    if isinstance(given, Integral):
        return int(given) if abs(int(given)) < 10**_DIGITS else None
    return float(given) if math.isfinite(given) else None


def literal(value: Value) -> str:
    """Write a value in Spark's SQL."""
    return f"'{value.translate(_ESCAPES)}'" if isinstance(value, str) else repr(value)


def quoted(name: str) -> str:
    """Write a column's dotted name in SQL, with quotes around the parts that need them.

    Examples
    --------
    >>> quoted("diaSource.snr"), quoted("notice.error-radius")
    ('diaSource.snr', 'notice.`error-radius`')
    """
    return ".".join(part if _is_plain(part) else f"`{part.replace('`', '``')}`" for part in name.split("."))


@lru_cache(maxsize=4096)
def _is_plain(part: str) -> bool:
    if not _PLAIN.fullmatch(part):
        return False
    try:
        return isinstance(sqlglot.parse_one(part, dialect="spark"), exp.Column)
    except SqlglotError:
        return False
