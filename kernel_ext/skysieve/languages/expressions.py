"""Column expressions of pyspark, written as the SQL that they stand for: a filter is a text, whoever wrote it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from skysieve.errors import FilterError

_INFIX = {
    "==": "=",
    "<=>": "<=>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "!=": "<>",
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "%": "%",
    "&": "&",
    "|": "|",
    "^": "^",
    "like": "LIKE",
    "ilike": "ILIKE",
    "rlike": "RLIKE",
    "and": "AND",
    "or": "OR",
}
_AFTER = {"isNull": "IS NULL", "isNotNull": "IS NOT NULL"}
_PREFIX = {"not": "NOT ", "negative": "-", "~": "~"}
_VARIABLE = re.compile("\0([^\0]+)\0")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def to_sql(column: Any) -> str:
    """The SQL of a column expression.

    Raises
    ------
    FilterError
        If it has a part that no condition in SQL says, such as a user-defined function.

    Examples
    --------
    >>> from pyspark.sql.connect import functions as F
    >>> to_sql((F.col("snr") > 20) & ~F.col("band").isin("u", "y"))
    "snr > 20 AND NOT (band IN ('u', 'y'))"
    """
    expression = getattr(column, "_expr", None)
    if expression is None:
        raise FilterError(
            f"{column!r} is no column expression of Spark Connect: write for example s.c.snr > 20, with s a stream."
        )
    names: dict[
        str, str
    ] = {}  # pyspark counts variables on and on, and the same filter must have the same text
    return _VARIABLE.sub(lambda m: names.setdefault(m[1], f"x{len(names) + 1}"), _sql(expression))


def is_column(value: Any) -> bool:
    """Whether a value is a column expression of pyspark, of whichever kind."""
    return any(
        kind.__name__ == "Column" and kind.__module__.startswith("pyspark.") for kind in type(value).__mro__
    )


def _sql(expression: Any) -> str:
    kind = type(expression).__name__
    if kind not in _WRITERS:
        raise FilterError(
            f"A filter cannot have {expression!r} ({kind}): it is kept as SQL, which does not say this."
            + (" Write a filter in Python instead." if "UserDefined" in kind else "")
        )
    return _WRITERS[kind](expression)


def _part(expression: Any) -> str:
    """The SQL of a part, in parentheses where it is not one word or call."""
    text = _sql(expression)
    kind = type(expression).__name__
    is_one = kind != "UnresolvedFunction" or (
        expression._name not in _INFIX.keys() | _PREFIX.keys() | _AFTER.keys() | {"in"}
    )
    # two minus signs would begin a comment
    is_one &= kind != "SQLExpression" and not text.startswith("-")
    return text if is_one else f"({text})"


def _function(expression: Any) -> str:
    name, arguments = expression._name, list(expression._args)
    if getattr(expression, "_is_distinct", False):
        raise FilterError(f"A filter judges one alert at a time, so it cannot have {expression!r}.")
    if name == "and":
        return " AND ".join(_conjunct(a) for a in arguments)
    if name in _INFIX and len(arguments) == 2:
        return f" {_INFIX[name]} ".join(map(_part, arguments))
    if name in _AFTER:
        return f"{_part(arguments[0])} {_AFTER[name]}"
    if name in _PREFIX and len(arguments) == 1:
        return f"{_PREFIX[name]}{_part(arguments[0])}"
    if name == "in":
        return f"{_part(arguments[0])} IN ({', '.join(map(_sql, arguments[1:]))})"
    return f"{name}({', '.join(map(_sql, arguments))})"


def _conjunct(expression: Any) -> str:
    """A side of an AND: comparisons stand as they are, so that each is a cut that people can read."""
    name = getattr(expression, "_name", "")
    return (
        _part(expression)
        if name == "or" or type(expression).__name__ == "SQLExpression"
        else _sql(expression)
    )


def _literal(expression: Any) -> str:
    value, kind = expression._value, expression._dataType.simpleString()
    if value is None:
        return "NULL"
    # pyspark keeps a date as its number of days, and that would be compared as a number
    if isinstance(value, datetime.date) or kind.startswith(("timestamp", "date", "decimal", "interval")):
        raise FilterError(f"Write the {kind} {expression!r} as a number or a text: a filter is kept as SQL.")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 31 else f"{value}L"
    if isinstance(value, float):
        return f"{value!r}D" if value == value and abs(value) != float("inf") else f"double('{value}')"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    raise FilterError(f"A filter cannot have the value {value!r} ({kind}).")


def _reference(expression: Any) -> str:
    return str(expression._unparsed_identifier)


def _case(expression: Any) -> str:
    branches = "".join(f" WHEN {_sql(c)} THEN {_sql(v)}" for c, v in expression._branches)
    otherwise = f" ELSE {_sql(expression._else_value)}" if expression._else_value is not None else ""
    return f"CASE{branches}{otherwise} END"


def _cast(expression: Any) -> str:
    kind = expression._data_type
    text = kind if isinstance(kind, str) else kind.simpleString()
    name = "TRY_CAST" if str(getattr(expression, "_eval_mode", None)).lower() == "try" else "CAST"
    return f"{name}({_sql(expression._expr)} AS {text})"


def _extract(expression: Any) -> str:
    inner = expression._extraction
    value = getattr(inner, "_value", None)
    if isinstance(value, str):
        field = value if _PLAIN.fullmatch(value) else "`" + value.replace("`", "``") + "`"
        return f"{_part(expression._child)}.{field}"
    return f"{_part(expression._child)}[{_sql(inner)}]"


def _lambda(expression: Any) -> str:
    names = [_variable(argument) for argument in expression._arguments]
    around = names[0] if len(names) == 1 else f"({', '.join(names)})"
    return f"{around} -> {_sql(expression._function)}"


def _variable(expression: Any) -> str:
    return f"\0{'.'.join(expression._name_parts)}\0"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "UnresolvedFunction": _function,
    "CallFunction": _function,
    "LiteralExpression": _literal,
    "ColumnReference": _reference,
    "ColumnAlias": lambda expression: _sql(expression._child),
    "CaseWhen": _case,
    "CastExpression": _cast,
    "SQLExpression": lambda expression: str(expression._expr),
    "UnresolvedExtractValue": _extract,
    "LambdaFunction": _lambda,
    "UnresolvedNamedLambdaVariable": _variable,
}
