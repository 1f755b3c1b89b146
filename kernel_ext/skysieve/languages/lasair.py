"""Filters of Lasair, the British LSST broker: a query over its table ``objects``.

Lasair runs it in MariaDB over a row for each alert with a diaObject: the object's columns as the packet has them, and
what Lasair works out or looks up itself. The first translate to the letter; all else is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, TypeVar

from sqlglot import exp

from skysieve.errors import ColumnError, FilterError, nearest
from skysieve.languages import lasair_query as query
from skysieve.languages import places, terms
from skysieve.languages.terms import Condition, Term, joined
from skysieve.packets.columns import Columns

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "<=>",
}
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_HINTS = {
    "sqrt": "of a negative number it is NULL in Lasair and NaN in Spark",
    "greatest": "with a NULL among them it is NULL in Lasair, and the greatest of the rest in Spark",
    "least": "with a NULL among them it is NULL in Lasair, and the least of the rest in Spark",
    "round": "halves go to the even neighbour in MariaDB, and away from zero in Spark",
    "mjdnow": "it is Lasair's clock: write a time of the packet, such as diaSource.midpointMjdTai",
}


def to_where(text: str) -> str:
    """Translate a query of Lasair into a filter's WHERE clause, over LSST's columns.

    Parameters
    ----------
    text
        ``SELECT … FROM objects WHERE …``, or what stands in Lasair's WHERE field alone. What is selected decides
        nothing and is left out, as is ORDER BY, which decides nothing without a LIMIT.

    Raises
    ------
    FilterError
        If it has what does not translate exactly: other tables, LIMIT, GROUP BY, columns of Lasair's own, texts, and
        functions that MariaDB and Spark understand differently.
    FilterSyntaxError
        If it does not parse; the message points at the place.

    Examples
    --------
    >>> to_where("SELECT diaObjectId FROM objects WHERE objects.nDiaSources > 3 && decl < 0 ORDER BY ra")
    'diaObject.nDiaSources > 3 AND diaObject.dec < 0'
    """
    text = re.sub(r"\r\n?", "\n", text)
    where = query.parsed(text).args.get("where")
    parts = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else []
    parts = parts or ([where.this] if where else [])
    if own := [found for part in parts for found in query.own_names(part, text)]:
        with places.within(places.of(text, own[0][1])):
            raise FilterError(
                f"No packet holds {', '.join(dict.fromkeys(name for name, _ in own))}: Lasair works them out or looks "
                "them up. Leave them out, or write in Spark's SQL what they stand for."
            )
    found = [_condition(part, _FromLasair(text)) for part in parts]
    if not any(_needs_object(part) for part in parts):
        found.insert(0, Condition("diaObject.diaObjectId IS NOT NULL"))
    return joined("AND", found).sql


def from_where(where: str, columns: Columns) -> str:
    """Translate a filter's WHERE clause into a query of Lasair.

    Parameters
    ----------
    where
        In Spark's dialect.
    columns
        Those of the stream, LSST's.

    Raises
    ------
    FilterError
        If it has what Lasair does not know or takes differently.
    ColumnError
        If it names a column that is unknown, or that Lasair has not.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> print(from_where("nDiaSources > 3 AND diaObject.dec < 0", formats.get("lsst").columns()))
    SELECT objects.diaObjectId FROM objects WHERE objects.nDiaSources > 3 AND objects.decl < 0
    """
    parts, side = terms.trees(where), _FromSpark(columns)
    for part in parts:
        _condition(part, side)
    if not any(_needs_object(part) for part in parts):
        raise FilterError(
            "Lasair has no row for an alert without a diaObject, which this filter could pass: "
            "add AND diaObject.diaObjectId IS NOT NULL."
        )
    cuts = [part.transform(side.rewritten) for part in parts]
    texts = [f"({cut.sql('mysql')})" if isinstance(cut, exp.Or) else cut.sql("mysql") for cut in cuts]
    return f"SELECT objects.diaObjectId FROM objects WHERE {' AND '.join(texts)}"


class _FromLasair:
    """How a query of Lasair is read, and its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def column(self, node: exp.Column) -> Term:
        name = query.known(node)
        return Term(query.copied(name), query.TYPES[name])

    def cast(self, node: exp.Cast) -> Term:
        raise FilterError(f"{node.sql('mysql')} cannot be translated: MariaDB and Spark cast differently.")

    def wide(self, term: Term) -> Term:
        return term.wide

    def reckoned(self, operator: str, left: Term, right: Term) -> Term:
        term, kinds = terms.reckoned(operator, left, right), {left.wide.type, right.wide.type}
        if (operator == "/" or "decimal" in kinds) and "double" not in kinds:
            raise FilterError(
                f"{left.sql} {operator} {right.sql} cannot be translated: MariaDB reckons here with decimals, of few "
                "digits where it divides. Write one number with an exponent, such as 2e0."
            )
        return term

    def compared(self, operator: str, left: Term, right: Term) -> str:
        return terms.compared(operator, left, right)


class _FromSpark:
    """How a filter is read: as it stands or not at all, so that its tree can be written anew."""

    text = ""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    def column(self, node: exp.Column) -> Term:
        column = self.columns.resolve(terms.name_of(node))
        self.name(node)
        return Term(column.name, terms.type_of(column))

    def name(self, node: exp.Column) -> str:
        record, _, name = self.columns.resolve(terms.name_of(node)).name.partition(".")
        name = {"dec": "decl", "decl": ""}.get(name, name)
        if record == "diaObject" and name in query.TYPES:
            return name
        own = " Lasair overwrites it by what its light curve says." if name in query.OWN else ""
        hint = nearest(name, (f"diaObject.{n}" for n in query.TYPES))
        raise ColumnError(
            f"Lasair's objects have no copy of {terms.name_of(node)}, only of columns of diaObject.{own}{hint}"
        )

    def cast(self, node: exp.Cast) -> Term:
        term = terms.same_cast(node, _number(node.this, self))
        return term or _refuse(node)

    def wide(self, term: Term) -> Term:
        if term.wide != term:
            raise FilterError(
                f"Spark reckons with {term.sql} in 32 bits, Lasair does not: write {term.wide.sql}."
            )
        return term

    def reckoned(self, operator: str, left: Term, right: Term) -> Term:
        kind = terms.as_written(operator, left, right)
        if operator == "/" and "double" not in {left.type, right.type}:
            raise FilterError(
                f"{left.sql} / {right.sql} has few digits in MariaDB: write CAST({left.sql} AS DOUBLE)."
            )
        return Term(f"{left.inner} {operator} {right.inner}", kind, value=terms.folded(operator, left, right))

    def compared(self, operator: str, left: Term, right: Term) -> str:
        terms.exact(operator, left, right)
        return terms.compared(operator, left, right)

    def rewritten(self, node: exp.Expr) -> exp.Expr:
        """What stands in a query where this stands in a filter."""
        match node:
            case exp.Column():
                return exp.column(self.name(node), "objects")
            case exp.Cast(this=exp.Literal() as number) if node.to.is_type("double"):
                return exp.Literal.number(number.name if "e" in number.name.lower() else f"{number.name}e0")
            case exp.Cast():
                inner: exp.Expr = node.this.transform(self.rewritten)
                return inner
            case exp.Log():
                return exp.Anonymous(this="LOG10", expressions=[node.expression.transform(self.rewritten)])
        return node


_Side = _FromLasair | _FromSpark
_Read = TypeVar("_Read", Condition, Term)


def _placed(read: Callable[[exp.Expr, _Side], _Read]) -> Callable[[exp.Expr, _Side], _Read]:
    """Have errors point at the part of the query that is read."""

    @wraps(read)
    def reading(node: exp.Expr, side: _Side) -> _Read:
        with places.within(places.of(side.text, node)):
            return read(node, side)

    return reading


@_placed
def _condition(node: exp.Expr, side: _Side) -> Condition:
    """Read a condition, and refuse what is none in both systems."""
    match node:
        case exp.Paren():
            return _condition(node.this, side)
        case exp.And() | exp.Or():
            return joined(node.key.upper(), (_condition(part, side) for part in (node.this, node.expression)))
        case exp.Not(this=exp.Is(expression=exp.Null())):
            return Condition(f"{_number(node.this.this, side).inner} IS NOT NULL")
        case exp.Not():
            return _condition(node.this, side).negated()
        case exp.Is(expression=exp.Null()):
            return Condition(f"{_number(node.this, side).inner} IS NULL")
        case exp.Boolean():
            return Condition(node.sql())
        case exp.Between() if not node.args.get("symmetric"):
            value, low, high = (_number(node.args[key], side) for key in ("this", "low", "high"))
            bounds = [Condition(side.compared(">=", value, low)), Condition(side.compared("<=", value, high))]
            return joined("AND", bounds)
        case exp.In() if node.expressions:
            value, members = _number(node.this, side), [_number(one, side) for one in node.expressions]
            for member in members:
                side.compared("=", value, member)
            return Condition(terms.one_of(value, members))
    if operator := _COMPARISONS.get(type(node)):
        return Condition(side.compared(operator, _number(node.this, side), _number(node.expression, side)))
    if isinstance(node, exp.Column | exp.Literal | exp.Neg | exp.Cast | exp.Abs) or type(node) in _ARITHMETIC:
        _number(node, side)
        raise FilterError(f"{node.sql()} is a number, not a condition: write {node.sql()} <> 0.")
    return _refuse(node)


@_placed
def _number(node: exp.Expr, side: _Side) -> Term:
    """Read a number, and refuse what is none in both systems."""
    match node:
        case exp.Paren():
            return _number(node.this, side)
        case exp.Column():
            return side.column(node)
        case exp.Literal(is_string=False):
            return terms.number(node)
        case exp.Neg():
            return terms.negative(_number(node.this, side))
        case exp.Cast():
            return side.cast(node)
        case exp.Abs():
            term = _number(node.this, side)
            return Term(f"ABS({term.sql})", term.type)
        case exp.Ln():
            return Term(f"LN({_number(node.this, side).sql})", "double")
        case exp.Log() if node.expression and node.this.name == "10":
            return Term(f"LOG10({_number(node.expression, side).sql})", "double")
        case exp.Coalesce():
            found = [side.wide(_number(one, side)) for one in (node.this, *node.expressions)]
            kinds = {term.type for term in found}
            if kinds == {"whole"} or "double" in kinds <= {"double", "decimal", "whole"}:
                kind = "double" if "double" in kinds else "whole"
                return Term(f"COALESCE({', '.join(term.sql for term in found)})", kind)
    if operator := _ARITHMETIC.get(type(node)):
        return side.reckoned(operator, _number(node.this, side), _number(node.expression, side))
    return _refuse(node)


def _refuse(node: exp.Expr) -> NoReturn:
    if isinstance(node, exp.Literal):
        raise FilterError(
            f"{node.sql()} is a text, and no column that Lasair copies holds one: MariaDB would compare it as a number."
        )
    if isinstance(node, exp.Connector | exp.Not | exp.Predicate) and type(node) in {
        *_COMPARISONS,
        exp.And,
        exp.Or,
        exp.Not,
    }:
        raise FilterError(f"{node.sql()} is a condition: it cannot be reckoned or compared with.")
    name = node.name if isinstance(node, exp.Anonymous) else node.key
    why = _HINTS.get(name.lower(), "Lasair and Spark do not both know it, or understand it differently")
    raise FilterError(f"{name.upper()} cannot be translated ({node.sql()}): {why}.")


def _needs_object(part: exp.Expr) -> bool:
    """Whether a condition is never true of an alert without a diaObject, whose columns are all NULL."""
    match part:
        case exp.Not(this=exp.Is(this=exp.Column(), expression=exp.Null())):
            return True
    if part.find(exp.Is, exp.NullSafeEQ, exp.Coalesce, exp.Boolean):
        return False
    atoms = part.find_all(*_COMPARISONS, exp.Between, exp.In)
    return all(atom.find(exp.Column) for atom in atoms)
