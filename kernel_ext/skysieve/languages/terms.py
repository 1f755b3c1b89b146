"""Values in Spark's SQL whose arithmetic and comparisons are another system's to the last bit.

MariaDB (Lasair) and MongoDB (BOOM) reckon in double precision, and their integers do not overflow. Spark reckons in the
columns' own types, so that ``a - b`` of two floats is rounded to single precision, and compares a float with an integer
as floats. Terms know their type: on the way in, columns are widened where it matters; on the way out, whatever Spark
reckons otherwise is refused, and the message says what to write.

Types are those of Spark, but for ``whole`` (an integer that is no column: a number, or a column as BIGINT), ``decimal``
(a number with a point) and ``id`` (a 64-bit column: equal or not, but no number to reckon with).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import sqlglot
from sqlglot import exp

from skysieve.errors import FilterError, FilterSyntaxError
from skysieve.languages import places, sql
from skysieve.packets import avro
from skysieve.packets.columns import Column

NUMBERS = {"id", "int", "float", "whole", "decimal", "double"}
_WITH_BASE = re.compile(r"\blog\s*\(\s*10\s*,", re.IGNORECASE)
_TYPES = {
    "int": "int",
    "long": "id",
    "float": "float",
    "double": "double",
    "string": "string",
    "boolean": "boolean",
}
_WIDE = {"int": ("BIGINT", "whole"), "float": ("DOUBLE", "double")}
_FLOAT_IS_EXACT = 2**24
_INTEGER = 2**31 - 1


@dataclass(frozen=True)
class Term:
    """A value.

    Attributes
    ----------
    sql
        In Spark's dialect.
    type
        See the module.
    empty
        What MongoDB calls it where SQL says NULL: a ``"missing"`` field, or ``"null"``; empty where it is never either.
    value
        Of a number, text or flag that is written out.
    """

    sql: str
    type: str
    empty: str = ""
    value: str | float | bool | None = None

    @property
    def inner(self) -> str:
        """The SQL, in parentheses where an operator beside it could tear it apart."""
        return (
            self.sql
            if re.fullmatch(r"-?[\w.]+|'(?:[^'\\]|\\.)*'|\w+\([^()]*\)", self.sql)
            else f"({self.sql})"
        )

    @property
    def wide(self) -> Term:
        """The same in the type that the others reckon in."""
        if self.type not in _WIDE:
            return self
        wide, kind = _WIDE[self.type]
        return replace(self, sql=f"CAST({self.sql} AS {wide})", type=kind)

    @property
    def doubled(self) -> Term:
        """The same in double precision where it is a number with a point."""
        return replace(self, sql=f"{self.sql}D", type="double") if self.type == "decimal" else self


def type_of(column: Column) -> str:
    """The type of a column; ``other`` for what no broker compares, such as an array."""
    kind, _ = avro.split_null(column.schema)
    return _TYPES.get(kind, "other") if isinstance(kind, str) else "other"


def literal(value: str | float | bool) -> Term:
    r"""A number, text or flag that is written out.

    Examples
    --------
    >>> literal("it's").sql, literal(0.5).type, literal(1e30).type
    ("'it\\'s'", 'decimal', 'double')
    """
    if isinstance(value, bool):
        return Term(str(value).upper(), "boolean", value=value)
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
        return Term(f"'{text}'", "string", value=value)
    text = repr(value)
    kind = "whole" if isinstance(value, int) else "double" if "e" in text else "decimal"
    return Term(text, kind, value=value)


def reckoned(operator: str, left: Term, right: Term) -> Term:
    """Join two numbers by ``+``, ``-``, ``*`` or ``/``.

    Raises
    ------
    FilterError
        If one of them is none.

    Examples
    --------
    >>> reckoned("-", Term("candidate.magpsf", "float"), Term("candidate.magap", "float")).sql
    'CAST(candidate.magpsf AS DOUBLE) - CAST(candidate.magap AS DOUBLE)'
    """
    sides = []
    for side in (left.wide, right.wide):
        if side.type not in NUMBERS - {"id"}:
            raise FilterError(f"{side.sql} is no number to reckon with: it is of type {side.type}.")
        sides.append(side.doubled)
    if (value := folded(operator, left, right)) is not None:
        return Term(str(value), "whole", value=value)
    kind = "whole" if operator != "/" and {s.type for s in sides} == {"whole"} else "double"
    return Term(f"{sides[0].inner} {operator} {sides[1].inner}", kind)


def negative(term: Term) -> Term:
    """The same with the other sign.

    Examples
    --------
    >>> negative(literal(-5)).sql
    '-(-5)'
    """
    value = -term.value if isinstance(term.value, int | float) else None
    text = f"-({term.sql})" if term.sql.startswith("-") else f"-{term.inner}"  # two would begin a comment
    return Term(text, term.type, term.empty, value)


def folded(operator: str, left: Term, right: Term) -> int | None:
    """What two whole numbers make that are written out; Spark itself would reckon in 32 bits.

    Examples
    --------
    >>> folded("*", literal(100_000), literal(100_000))
    10000000000
    """
    if operator == "/" or not (isinstance(left.value, int) and isinstance(right.value, int)):
        return None
    values = {"+": left.value + right.value, "-": left.value - right.value, "*": left.value * right.value}
    return values[operator]


def compared(operator: str, left: Term, right: Term) -> str:
    """Compare two values of one sort.

    Raises
    ------
    FilterError
        If they are of different sorts, which each system compares in its own way.

    Examples
    --------
    >>> compared(">", Term("diaObject.ra", "double"), literal(10))
    'diaObject.ra > 10'
    """
    if reason := unlike(left, right):
        raise FilterError(f"{left.sql} {operator} {right.sql} cannot be translated: {reason}.")
    if _rounds(left, right) or _rounds(right, left):
        left, right = left.wide, right.wide
    return f"{left.inner} {operator} {right.inner}"


def one_of(value: Term, members: Sequence[Term]) -> str:
    """Say that a value is among others."""
    for member in members:
        compared("=", value, member)
    value = value.wide if any(_rounds(value, member) for member in members) else value
    return f"{value.inner} IN ({', '.join(member.sql for member in members)})"


def unlike(left: Term, right: Term) -> str:
    """Why two values cannot be compared alike everywhere; empty where they can."""
    kinds = {left.type, right.type}
    if kinds <= NUMBERS:
        if "id" in kinds and not kinds <= {"id", "whole"}:
            return "an id is compared with whole numbers and other ids only"
        return ""
    if len(kinds) > 1 or kinds - {"string", "boolean"}:
        return f"the one is of type {left.type}, the other of type {right.type}"
    return ""


def exact(operator: str, left: Term, right: Term) -> None:
    """Make sure that what Spark makes of a comparison as it stands is what the others make of it.

    Raises
    ------
    FilterError
        If it is not; the message says what to write.
    """
    compared(operator, left, right)
    for one, other in ((left, right), (right, left)):
        if _rounds(one, other):
            raise FilterError(
                f"{left.sql} {operator} {right.sql}: Spark compares these in single precision, others do not: "
                f"write {one.wide.sql}."
            )


def _rounds(one: Term, other: Term) -> bool:
    """Whether Spark would make a float of the other side, and lose digits of it."""
    if one.type != "float" or other.type not in {"int", "whole"}:
        return False
    return not isinstance(other.value, int) or abs(other.value) > _FLOAT_IS_EXACT


def as_written(operator: str, left: Term, right: Term) -> str:
    """The type of an arithmetic that stands in a filter, where Spark reckons as the others do.

    Raises
    ------
    FilterError
        If it does not; the message says what to write.
    """
    for side in (left, right):
        if side.type not in NUMBERS - {"id"}:
            raise FilterError(f"{side.sql} is no number to reckon with: it is of type {side.type}.")
        if side.type in _WIDE:
            raise FilterError(
                f"{left.sql} {operator} {right.sql}: Spark reckons with {side.sql} in 32 bits, others do not: "
                f"write {side.wide.sql}."
            )
        if side.type == "decimal" and "double" not in {left.type, right.type}:
            raise FilterError(
                f"{left.sql} {operator} {right.sql}: Spark reckons with decimals here, others do not: "
                f"write {side.sql}D."
            )
    if (value := folded(operator, left, right)) is not None and abs(value) > _INTEGER:
        raise FilterError(
            f"{left.sql} {operator} {right.sql} is too large for Spark's integers: write {value}."
        )
    return "whole" if operator != "/" and {left.type, right.type} == {"whole"} else "double"


@dataclass(frozen=True)
class Condition:
    """A condition in Spark's dialect.

    Attributes
    ----------
    sql
        Its text.
    joint
        What joins its parts: nothing, ``NOT``, ``AND`` or ``OR``.
    sure
        Whether it is never NULL.
    """

    sql: str
    joint: str = ""
    sure: bool = False

    def within(self, joint: str) -> str:
        """The SQL as a part of another condition."""
        order = ["", "NOT", "AND", "OR"]
        return f"({self.sql})" if order.index(self.joint) > order.index(joint) else self.sql

    def negated(self) -> Condition:
        """Its contrary, which is NULL where it is."""
        return Condition(f"NOT ({self.sql})" if self.joint else f"NOT {self.sql}", "NOT", self.sure)


def joined(joint: str, parts: Iterable[Condition]) -> Condition:
    """Join conditions by ``AND`` or ``OR``."""
    found = list(parts)
    return (
        found[0]
        if len(found) == 1
        else Condition(f" {joint} ".join(p.within(joint) for p in found), joint, all(p.sure for p in found))
    )


def refuse_two_logarithms(text: str) -> None:
    """Raise FilterError where a logarithm is given its base: sqlglot has one name for that and for LOG10."""
    if found := _WITH_BASE.search(text):
        raise FilterError(
            f"{found[0]} …) is worked out as a quotient, whose last digit is not that of LOG10: write LOG10(…).",
            *places.at(text, *found.span()),
        )


def trees(where: str) -> list[exp.Expr]:
    """The cuts of a filter, parsed; raises as :func:`skysieve.languages.sql.cuts` does."""
    refuse_two_logarithms(where)
    return [sqlglot.parse_one(cut.text, dialect="spark", into=exp.Condition) for cut in sql.cuts(where)]


def name_of(column: exp.Column) -> str:
    """The dotted name of a column."""
    return ".".join(part.name for part in column.parts)


def number(node: exp.Literal) -> Term:
    """A number that is written out in SQL.

    Examples
    --------
    >>> number(exp.Literal.number("1e3")).type
    'double'
    """
    text = node.name
    if re.fullmatch(r"\d+", text):
        return Term(text, "whole", value=int(text))
    return Term(text, "double" if "e" in text.lower() else "decimal", value=float(text))


def same_cast(node: exp.Cast, inner: Term) -> Term | None:
    """What a cast gives where it changes nothing but the type that Spark reckons in; None where it does more.

    Examples
    --------
    >>> node = sqlglot.parse_one("CAST(magpsf AS DOUBLE)", dialect="spark")
    >>> same_cast(node, Term("magpsf", "float")).type
    'double'
    """
    match node.to.this:
        case exp.DType.DOUBLE if inner.type in NUMBERS - {"id"}:
            return Term(f"CAST({inner.sql} AS DOUBLE)", "double", inner.empty)
        case exp.DType.BIGINT if inner.type in {"int", "whole"}:
            return Term(f"CAST({inner.sql} AS BIGINT)", "whole", inner.empty)
    return None


def misread(error: json.JSONDecodeError) -> FilterSyntaxError:
    """What to raise where a filter is no JSON."""
    return FilterSyntaxError(f"This is no JSON: {error.msg}", error.doc, error.lineno, error.colno)
