"""A filter in SQL as a pipeline of BOOM.

SQL knows true, false and NULL, MongoDB a match or none: every condition is translated twice over, into what matches
where it is true and what matches where it is false.
"""

from __future__ import annotations

from typing import Any, NoReturn

from sqlglot import exp

from skysieve.errors import FilterError
from skysieve.languages import boom_fields, terms
from skysieve.languages.terms import Term
from skysieve.packets.columns import Columns

_Match = dict[str, Any]
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "$eq",
    exp.NEQ: "$ne",
    exp.GT: "$gt",
    exp.GTE: "$gte",
    exp.LT: "$lt",
    exp.LTE: "$lte",
}
_SIGNS = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_CONTRARY = {"$eq": "$ne", "$ne": "$eq", "$gt": "$lte", "$gte": "$lt", "$lt": "$gte", "$lte": "$gt"}
_MIRRORED = {"$eq": "$eq", "$ne": "$ne", "$gt": "$lt", "$gte": "$lte", "$lt": "$gt", "$lte": "$gte"}
_ARITHMETIC: dict[type[exp.Expr], tuple[str, str]] = {
    exp.Add: ("+", "$add"),
    exp.Sub: ("-", "$subtract"),
    exp.Mul: ("*", "$multiply"),
    exp.Div: ("/", "$divide"),
}


def pipeline(where: str, columns: Columns) -> list[dict[str, Any]]:
    """Translate a WHERE clause; see :func:`skysieve.languages.boom.from_where`."""
    writer = _Writer(columns)
    match = _together([writer.match(tree, True) for tree in terms.trees(where)])
    return [{"$match": match}, {"$project": {"objectId": 1}}]


class _Writer:
    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.fields = boom_fields.of_columns(columns)

    def match(self, node: exp.Expr, truth: bool) -> _Match:
        """What matches where a condition is true, or where it is false."""
        match node:
            case exp.Paren():
                return self.match(node.this, truth)
            case exp.Not():
                return self.match(node.this, not truth)
            case exp.And() | exp.Or():
                parts = [self.match(part, truth) for part in node.flatten()]
                return _together(parts) if isinstance(node, exp.And) is truth else {"$or": parts}
            case exp.Boolean():
                return {"$expr": node.this is truth}
            case exp.Is(expression=exp.Null()):
                term, value = self.value(node.this)
                if path := _path(value):
                    return {path: None if truth else {"$ne": None}}
                return {"$expr": {"$lte" if truth else "$gt": [value, None]}}
            case exp.Is(expression=exp.Boolean()):
                found = self.match(node.this, node.expression.this)
                return found if truth else {"$nor": [found]}
            case exp.Between() if not node.args.get("symmetric"):
                low, high = (exp.GTE, "low"), (exp.LTE, "high")
                parts = [
                    self.match(kind(this=node.this, expression=node.args[key]), truth)
                    for kind, key in (low, high)
                ]
                return _together(parts) if truth else {"$or": parts}
            case exp.In() if node.expressions:
                return self.among(node, truth)
            case exp.NullSafeEQ():
                found = self.same(node)
                return found if truth else {"$nor": [found]}
            case exp.Coalesce() if len(node.expressions) == 1:
                return self.first_known(node.this, node.expressions[0], truth)
            case exp.Column():
                term, value = self.value(node)
                if term.type != "boolean":
                    raise FilterError(f"{term.sql} is no condition: compare it with something.")
                return {_path(value): truth}
        if name := _COMPARISONS.get(type(node)):
            return self.compared(name if truth else _CONTRARY[name], node.this, node.expression)
        return _refuse(node)

    def compared(self, name: str, left: exp.Expr, right: exp.Expr) -> _Match:
        """What matches where both are there and compare so."""
        (one, first), (other, second) = self.value(left), self.value(right)
        terms.exact(_SIGNS[name], one, other)
        if one.value is not None and _path(second):
            return self.compared(_MIRRORED[name], right, left)
        if (path := _path(first)) and other.value is not None:
            return {path: {"$nin": [other.value, None]} if name == "$ne" else {name: other.value}}
        if bool(_path(first)) != bool(
            _path(second)
        ):  # a missing field is less than null, which is worked out
            first, second = (
                {"$ifNull": [value, None]} if _path(value) else value for value in (first, second)
            )
        there = [
            {"$gt": [value, None]} for term, value in ((one, first), (other, second)) if term.value is None
        ]
        return {"$expr": {"$and": [*there, {name: [first, second]}]}}

    def same(self, node: exp.NullSafeEQ) -> _Match:
        """What matches where both are the same, or neither is there."""
        (one, first), (other, second) = self.value(node.this), self.value(node.expression)
        terms.exact("<=>", one, other)
        if (path := _path(first)) and other.value is not None:
            return {path: {"$eq": other.value}}
        return {"$expr": {"$eq": [{"$ifNull": [first, None]}, {"$ifNull": [second, None]}]}}

    def among(self, node: exp.In, truth: bool) -> _Match:
        term, value = self.value(node.this)
        members = [self.value(one)[0] for one in node.expressions]
        path = _path(value)
        if not path or any(member.value is None for member in members):
            raise FilterError(
                f"{node.sql('spark')} cannot be translated: write a column and plain values, or OR."
            )
        for member in members:
            terms.exact("=", term, member)
        values = [member.value for member in members]
        return {path: {"$in": values} if truth else {"$nin": [*values, None]}}

    def first_known(self, first: exp.Expr, second: exp.Expr, truth: bool) -> _Match:
        """``coalesce(first, second)`` of conditions."""
        is_so, is_not = self.match(first, truth), self.match(first, not truth)
        if isinstance(second, exp.Boolean):
            return is_so if second.this is not truth else {"$nor": [is_not]}
        return {"$or": [is_so, {"$and": [{"$nor": [is_so, is_not]}, self.match(second, truth)]}]}

    def value(self, node: exp.Expr) -> tuple[Term, Any]:
        """A value, as SQL with its type and as an expression of MongoDB's."""
        match node:
            case exp.Paren():
                return self.value(node.this)
            case exp.Column():
                column = self.columns.resolve(terms.name_of(node))
                return Term(column.name, terms.type_of(column)), f"${self.fields.path_of(column.name)}"
            case exp.Literal(is_string=True):
                return terms.literal(node.name), {"$literal": node.name}
            case exp.Literal():
                term = terms.number(node)
                return term, term.value
            case exp.Boolean():
                return terms.literal(bool(node.this)), node.this
            case exp.Neg():
                term, value = self.value(node.this)
                if isinstance(term.value, int | float) and term.type in terms.NUMBERS:
                    return terms.negative(term), -term.value
                terms.as_written("*", terms.literal(-1), term)
                return terms.negative(term), {"$multiply": [-1, value]}
            case exp.Cast():
                term, value = self.value(node.this)
                if cast := terms.same_cast(node, term):
                    return (
                        (Term(cast.sql, cast.type, value=term.value), value)
                        if term.value is not None
                        else (cast, value)
                    )
            case exp.Abs():
                term, value = self.value(node.this)
                terms.unlike(term, terms.literal(0)) and _refuse(node)
                return Term(f"ABS({term.sql})", term.type), {"$abs": value}
            case exp.Ln():
                return self.logarithm("LN", "$ln", node.this)
            case exp.Log() if node.expression and node.this.name == "10":
                return self.logarithm("LOG10", "$log10", node.expression)
        if type(node) in _ARITHMETIC:
            return self.reckoned(node)
        return _refuse(node)

    def logarithm(self, name: str, operator: str, node: exp.Expr) -> tuple[Term, Any]:
        """MongoDB stops where Spark has NULL."""
        term, value = self.value(node)
        return Term(f"{name}({term.sql})", "double"), {
            "$cond": [{"$gt": [value, 0]}, {operator: value}, None]
        }

    def reckoned(self, node: exp.Expr) -> tuple[Term, Any]:
        sign, name = _ARITHMETIC[type(node)]
        (one, first), (other, second) = self.value(node.this), self.value(node.expression)
        kind = terms.as_written(sign, one, other)
        made = {name: [first, second]}
        if sign == "/" and not other.value:  # MongoDB stops where Spark has NULL
            made = {"$cond": [{"$eq": [second, 0]}, None, made]}
        return Term(f"{one.inner} {sign} {other.inner}", kind, value=terms.folded(sign, one, other)), made


def _path(value: Any) -> str:
    """The path of a field; empty for anything else."""
    return value[1:] if isinstance(value, str) else ""


def _together(parts: list[_Match]) -> _Match:
    """What matches all: one document where no key stands twice in it."""
    found: _Match = {}
    for part in parts:
        for key, value in part.items():
            before = found.get(key, {})
            if key in found and (
                key.startswith("$") or not isinstance(value, dict) or not isinstance(before, dict)
            ):
                return {"$and": parts}
            if key in found and before.keys() & value.keys():
                return {"$and": parts}
            found[key] = {**before, **value} if key in found else value
    return found


def _refuse(node: exp.Expr) -> NoReturn:
    name = node.name if isinstance(node, exp.Anonymous) else node.key
    raise FilterError(
        f"{name.upper()} cannot be translated ({node.sql('spark')}): MongoDB does not know it, or takes it differently."
    )
