"""Filters of BOOM: MongoDB's aggregation pipelines over a document for each alert.

A pipeline lets an alert pass or not, and knows no NULL: a comparison in ``$match`` is false of a missing field, and one
in ``$expr`` takes it for less than anything. What is said here of a field is said so in SQL, in every case. What BOOM
works out itself, and what MongoDB understands otherwise than Spark, is refused by its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from skysieve.errors import FilterError
from skysieve.languages import boom_fields, terms
from skysieve.languages.boom_export import pipeline as _pipeline
from skysieve.languages.terms import Condition, Term, joined
from skysieve.packets.columns import Columns

_ORDER = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_ARITHMETIC = {"$add": "+", "$multiply": "*", "$subtract": "-", "$divide": "/"}
_FUNCTIONS = {"$abs": "ABS", "$ln": "LN", "$log10": "LOG10"}
_LOGIC = {"$and": "AND", "$or": "OR"}
_CONDITIONS = {*_ORDER, *_LOGIC, "$not", "$in"}


def to_where(pipeline: str | list[dict[str, Any]], survey: str = "ztf") -> str:
    """Translate a pipeline of BOOM into a filter's WHERE clause.

    Parameters
    ----------
    pipeline
        As JSON, or what that holds. ``$match`` decides; ``$project``, ``$addFields``, ``$set`` and ``$unset`` say what
        later stages see, and whatever they work out for annotation only is left out, as is ``$sort``.
    survey
        ``"ztf"`` or ``"lsst"``: whose alerts it judges.

    Raises
    ------
    FilterError
        If it has a stage, an operator or a field that does not translate exactly; the message names the stage. Where
        MongoDB itself fails, as in a division by zero, there is no verdict to keep: Spark has NULL there.

    Examples
    --------
    >>> to_where('[{"$match": {"candidate.drb": {"$gt": 0.9}, "candidate.ssmagnr": {"$ne": -999}}}]')
    'candidate.drb > 0.9 AND NOT candidate.ssmagnr <=> -999'
    """
    scope, found = _Scope(boom_fields.of(survey).at), []
    for number, stage in enumerate(_stages(pipeline), 1):
        (name, body), *others = stage.items()
        try:
            if others:
                raise FilterError("A stage has one operator.")
            match name:
                case "$match":
                    found.append(_matches(_document(body), scope))
                case "$project":
                    scope = scope.projected(_document(body))
                case "$addFields" | "$set":
                    scope = _Scope(scope.at, computed=_flat(_document(body)))
                case "$unset":
                    scope = _Scope(scope.at, dropped=frozenset([body] if isinstance(body, str) else body))
                case "$sort":
                    pass
                case _:
                    _refuse(name, "a filter judges one alert at a time, by $match over its fields")
        except FilterError as error:
            raise type(error)(f"Stage {number} ({name}): {error}") from None
    if not found:
        raise FilterError("This pipeline has no $match: it lets every alert pass.")
    return joined("AND", found).sql


def from_where(where: str, columns: Columns) -> list[dict[str, Any]]:
    """Translate a filter's WHERE clause into a pipeline of BOOM.

    Parameters
    ----------
    where
        In Spark's dialect.
    columns
        Those of the stream, ZTF's or LSST's.

    Raises
    ------
    FilterError
        If it has what MongoDB does not know or takes differently.
    ColumnError
        If it names a column that is unknown, or that BOOM has not.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> from_where("drb > 0.9 AND candidate.ssmagnr IS NULL", formats.get("ztf").columns())
    [{'$match': {'candidate.drb': {'$gt': 0.9}, 'candidate.ssmagnr': None}}, {'$project': {'objectId': 1}}]
    """
    return _pipeline(where, columns)


@dataclass(frozen=True)
class _Scope:
    """What a stage sees of a document.

    Attributes
    ----------
    below
        What the stage before saw.
    computed
        Expressions over that, by path.
    kept
        Paths that are left; None where all are but for those that are dropped.
    dropped
        Paths that are not.
    """

    below: Callable[[str], Term]
    computed: Mapping[str, Any] = field(default_factory=dict)
    kept: frozenset[str] | None = None
    dropped: frozenset[str] = frozenset()

    def at(self, path: str) -> Term:
        """The value at a path."""
        for name, expression in self.computed.items():
            if name == path:
                return _value(expression, self.below)
            if path.startswith(f"{name}.") and isinstance(expression, str) and expression.startswith("$"):
                return self.below(expression[1:] + path.removeprefix(name))
            if path.startswith(f"{name}.") or name.startswith(f"{path}."):
                raise FilterError(f"{path} cannot be translated: {name} is worked out in a stage before.")
        if _under(path, self.dropped) or (self.kept is not None and not _under(path, self.kept | {"_id"})):
            raise FilterError(f"{path} is not there any more: a stage before leaves it out.")
        return self.below(path)

    def projected(self, body: dict[str, Any]) -> _Scope:
        """What is seen after a ``$project``."""
        flat = _flat(body)
        marks = {path: bool(value) for path, value in flat.items() if isinstance(value, bool | int | float)}
        computed = {path: value for path, value in flat.items() if path not in marks}
        kept = frozenset(path for path, keep in marks.items() if keep)
        dropped = frozenset(path for path, keep in marks.items() if not keep)
        return _Scope(self.at, computed, kept if kept or computed else None, dropped)


def _under(path: str, paths: frozenset[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in paths)


def _flat(body: dict[str, Any], before: str = "") -> dict[str, Any]:
    """A document's values by dotted path; operators are values."""
    found = {}
    for key, value in body.items():
        if isinstance(value, dict) and value and not any(name.startswith("$") for name in value):
            found |= _flat(value, f"{before}{key}.")
        else:
            found[before + key] = value
    return found


def _matches(body: dict[str, Any], scope: _Scope) -> Condition:
    """What a document of ``$match`` asks."""
    found = []
    for key, value in body.items():
        if key in _LOGIC:
            found.append(joined(_LOGIC[key], (_matches(_document(one), scope) for one in _list(key, value))))
        elif key == "$nor":
            parts = [_matches(_document(one), scope) for one in _list(key, value)]
            found.append(_sure(joined("OR", parts)).negated())
        elif key == "$expr":
            found.append(_truth(value, scope.at))
        elif key.startswith("$"):
            _refuse(key, "write $and, $or, $nor, $expr, or fields with comparisons")
        else:
            found.append(_asked(scope.at(key), value))
    return joined("AND", found) if found else Condition("TRUE", sure=True)


def _asked(term: Term, value: Any) -> Condition:
    """What is asked of one field."""
    if not isinstance(value, dict) or not any(key.startswith("$") for key in value):
        value = {"$eq": value}
    return joined("AND", [_asked_by(name, term, operand) for name, operand in value.items()])


def _asked_by(name: str, term: Term, operand: Any) -> Condition:
    match name:
        case "$eq" if operand is None:
            return Condition(f"{term.inner} IS NULL", sure=True)
        case "$eq" if isinstance(operand, bool) and term.type == "boolean":
            return Condition(term.inner) if operand else Condition(term.inner).negated()
        case "$ne" if operand is None:
            return Condition(f"{term.inner} IS NOT NULL", sure=True)
        case "$ne":
            return Condition(terms.compared("<=>", term, _literal(operand)), sure=True).negated()
        case "$in" | "$nin":
            values = _list(name, operand) if operand else []
            found = [Condition(f"{term.inner} IS NULL", sure=True)] if None in values else []
            if members := [_literal(one) for one in values if one is not None]:
                found.append(Condition(terms.one_of(term, members)))
            among = joined("OR", found) if found else Condition("FALSE", sure=True)
            return among if name == "$in" else _sure(among).negated()
        case "$exists":
            if term.empty != "missing":
                _refuse("$exists", "it is of no packet's field: compare it with null")
            return Condition(f"{term.inner} IS {'NOT ' if operand else ''}NULL", sure=True)
        case "$not" if isinstance(operand, dict):
            return _sure(_asked(term, operand)).negated()
    if name in _ORDER and operand is not None:
        return Condition(terms.compared(_ORDER[name], term, _literal(operand)))
    return _refuse(
        name if operand is not None else f"{name}: null", "write $eq, $ne, $gt, $lt, $in, $exists or $not"
    )


def _truth(expression: Any, at: Callable[[str], Term]) -> Condition:
    """Whether an expression is true; NULL stands for false."""
    if isinstance(expression, dict) and len(expression) == 1:
        ((name, operand),) = expression.items()
        if name in _LOGIC:
            return joined(_LOGIC[name], (_truth(one, at) for one in _list(name, operand)))
        if name == "$not":
            (inner,) = operand if isinstance(operand, list) and len(operand) == 1 else (operand,)
            return _sure(_truth(inner, at)).negated()
        if name == "$in":
            value, members = _list(name, operand, 2)
            if not members or not isinstance(members, list):
                _refuse("$in", "write a list of values")
            return Condition(terms.one_of(_value(value, at), [_literal(one) for one in members]))
        if name in _ORDER:
            left, right = (_value(one, at) for one in _list(name, operand, 2))
            return _compared(name, left, right)
    term = _value(expression, at)
    if term.type != "boolean":
        raise FilterError(f"{term.sql} is no condition: compare it with something.")
    return Condition(term.sql if term.value is not None else term.inner, sure=not term.empty)


def _compared(name: str, left: Term, right: Term) -> Condition:
    """Compare as aggregations do: missing is less than null, and null less than anything else."""
    if right.type == "null" and (
        name in {"$gt", "$lte"} or (left.empty == "null" and name in {"$eq", "$ne"})
    ):
        return Condition(f"{left.inner} IS {'NOT ' if name in {'$gt', '$ne'} else ''}NULL", sure=True)
    if "null" in {left.type, right.type}:
        _refuse(
            f"{name} with null",
            "in $expr a missing field is not null: write {field: null} or {$gt: [field, null]}",
        )
    if left.empty and right.empty and left.empty != right.empty:
        reason = (
            "one can be missing and the other null, and missing is the less: write {$ifNull: [field, null]}"
        )
        _refuse(f"{name} of {left.sql} and {right.sql}", reason)
    if name in {"$eq", "$ne"}:
        same = Condition(terms.compared("<=>", left, right), sure=True)
        return same if name == "$eq" else same.negated()
    text = terms.compared(_ORDER[name], left, right)
    less, more = (left, right) if name.startswith("$lt") else (right, left)
    if not less.empty:
        return Condition(text, sure=not more.empty)
    there = "" if name.endswith("e") else f" AND {more.inner} IS NOT NULL"
    otherwise = f"{less.inner} IS NULL{there}" if more.empty else "TRUE"
    return Condition(f"coalesce({text}, {otherwise})", sure=True)


def _value(expression: Any, at: Callable[[str], Term]) -> Term:
    """The value of an expression."""
    if expression is None:
        return Term("NULL", "null", "null")
    if isinstance(expression, str) and expression.startswith("$$"):
        _refuse(expression, "variables are of arrays, and BOOM's arrays are no packet's")
    if isinstance(expression, str) and expression.startswith("$"):
        return at(expression[1:])
    if not isinstance(expression, dict):
        return _literal(expression)
    if len(expression) != 1:
        _refuse(json.dumps(expression), "an expression has one operator")
    ((name, operand),) = expression.items()
    if name in _CONDITIONS:
        return Term(_sure(_truth(expression, at)).sql, "boolean")
    if name in _ARITHMETIC:
        many = None if name in {"$add", "$multiply"} else 2
        first, *others = [_value(one, at) for one in _list(name, operand, many)]
        for other in others:
            empty = "null" if name == "$divide" or first.empty or other.empty else ""
            made = terms.reckoned(_ARITHMETIC[name], first, other)
            first = Term(made.sql, made.type, empty, made.value)
        return first
    if name in _FUNCTIONS:
        (one,) = operand if isinstance(operand, list) and len(operand) == 1 else (operand,)
        term = _value(one, at)
        if term.type not in terms.NUMBERS - {"id"}:
            _refuse(f"{name} of {term.sql}", "that is no number to reckon with")
        kind = term.type if name == "$abs" else "double"
        return Term(f"{_FUNCTIONS[name]}({term.sql})", kind, "null" if term.empty or name != "$abs" else "")
    if name == "$literal":
        return _literal(operand)
    if name == "$ifNull":
        first, second = (_value(one, at) for one in _list(name, operand, 2))
        if second.type == "null":
            return Term(first.sql, first.type, "null")
        kind, (first, second) = _alike(first, second)
        return Term(f"coalesce({first.sql}, {second.sql})", kind, second.empty)
    if name == "$cond":
        if isinstance(operand, dict) and set(operand) == {"if", "then", "else"}:
            operand = [operand["if"], operand["then"], operand["else"]]
        asked, yes, no = _list(name, operand, 3)
        kind, (first, second) = _alike(_value(yes, at), _value(no, at))
        empty = {first.empty, second.empty} - {""}
        if len(empty) > 1:
            _refuse("$cond", "one branch can be missing and the other null: write {$ifNull: [field, null]}")
        text = f"CASE WHEN {_truth(asked, at).sql} THEN {first.sql} ELSE {second.sql} END"
        return Term(text, kind, "".join(empty))
    return _refuse(
        name, "it is none of those that Spark has the same of; leave it out or write the filter in SQL"
    )


def _alike(first: Term, second: Term) -> tuple[str, tuple[Term, Term]]:
    """Two values in one type that holds both, and that type."""
    kinds = {first.type, second.type} - {"null"}
    if kinds <= terms.NUMBERS - {"id"}:
        first, second = first.wide.doubled, second.wide.doubled
        kinds = {first.type, second.type} - {"null"}
        return "double" if "double" in kinds else "whole", (first, second)
    if len(kinds) > 1:
        raise FilterError(
            f"{first.sql} and {second.sql} are of different types: {first.type} and {second.type}."
        )
    return kinds.pop(), (first, second)


def _sure(condition: Condition) -> Condition:
    """The same with FALSE for NULL."""
    return condition if condition.sure else Condition(f"coalesce({condition.sql}, FALSE)", sure=True)


def _literal(value: Any) -> Term:
    if isinstance(value, str | int | float) and value == value and value not in (float("inf"), -float("inf")):
        return terms.literal(value)
    return _refuse(json.dumps(value), "compare with numbers, texts and flags")


def _list(name: str, value: Any, size: int | None = None) -> list[Any]:
    if not isinstance(value, list) or not value or (size and len(value) != size):
        raise FilterError(f"{name} needs a list{f' of {size}' if size else ''}.")
    return value


def _document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FilterError(f"{json.dumps(value)} is no document: write {{field: condition}}.")
    return value


def _stages(pipeline: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stages of a pipeline."""
    try:
        stages = json.loads(pipeline) if isinstance(pipeline, str) else pipeline
    except json.JSONDecodeError as error:
        raise terms.misread(error) from None
    if not isinstance(stages, list) or not stages or not all(isinstance(one, dict) and one for one in stages):
        raise FilterError(
            'A filter of BOOM is a list of stages, such as [{"$match": {"candidate.drb": {"$gt": 0.9}}}].'
        )
    return stages


def _refuse(name: str, why: str) -> NoReturn:
    raise FilterError(f"{name} cannot be translated: {why}.")
