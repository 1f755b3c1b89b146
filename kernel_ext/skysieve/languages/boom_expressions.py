"""Expressions of MongoDB's aggregations, as BOOM's filters have them in ``$expr`` and ``$project``, in Spark's SQL.

They know neither NULL nor errors in comparisons: a missing field is less than null, and null less than anything else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from skysieve.errors import FilterError
from skysieve.languages import places, terms
from skysieve.languages.terms import Condition, Term, joined

ORDER = {"$eq": "=", "$ne": "<>", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_ARITHMETIC = {"$add": "+", "$multiply": "*", "$subtract": "-", "$divide": "/"}
_FUNCTIONS = {"$abs": "ABS", "$ln": "LN", "$log10": "LOG10"}
VALUES = (*_ARITHMETIC, *_FUNCTIONS, "$literal", "$ifNull", "$cond")
"""Operators whose value is none of truth."""
LOGIC = {"$and": "AND", "$or": "OR"}
_OF_ARRAYS = {
    *(
        "$size",
        "$filter",
        "$map",
        "$reduce",
        "$anyElementTrue",
        "$allElementsTrue",
        "$arrayElemAt",
        "$first",
        "$last",
    ),
    *("$slice", "$sortArray", "$concatArrays", "$max", "$min", "$avg", "$sum"),
}
_CONDITIONS = {*ORDER, *LOGIC, "$not", "$in"}


def truth_of(expression: Any, at: Callable[[str], Term]) -> Condition:
    """Whether an expression is true; NULL stands for false."""
    with places.within(_place(expression)):
        return _truth_of(expression, at)


def _place(expression: Any) -> places.Place | None:
    """The place of a field's name, or of an operator."""
    one = isinstance(expression, dict) and len(expression) == 1
    return places.place_of_text(next(iter(expression)) if one else expression)


def _truth_of(expression: Any, at: Callable[[str], Term]) -> Condition:
    if isinstance(expression, dict) and len(expression) == 1:
        ((name, operand),) = expression.items()
        if name in LOGIC:
            return joined(LOGIC[name], (truth_of(one, at) for one in listed(name, operand)))
        if name == "$not":
            (inner,) = operand if isinstance(operand, list) and len(operand) == 1 else (operand,)
            return sure(truth_of(inner, at)).negated()
        if name == "$in":
            value, members = listed(name, operand, 2)
            if not members or not isinstance(members, list):
                refuse("$in", "write a list of values")
            return Condition(terms.one_of(value_of(value, at), [literal(one) for one in members]))
        if name in ORDER:
            left, right = (value_of(one, at) for one in listed(name, operand, 2))
            return _compared(name, left, right)
    term = value_of(expression, at)
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
        refuse(
            f"{name} with null",
            "in $expr a missing field is not null: write {field: null} or {$gt: [field, null]}",
        )
    if left.empty and right.empty and left.empty != right.empty:
        reason = (
            "one can be missing and the other null, and missing is the less: write {$ifNull: [field, null]}"
        )
        refuse(f"{name} of {left.sql} and {right.sql}", reason)
    if name in {"$eq", "$ne"}:
        same = Condition(terms.compared("<=>", left, right), sure=True)
        return same if name == "$eq" else same.negated()
    text = terms.compared(ORDER[name], left, right)
    less, more = (left, right) if name.startswith("$lt") else (right, left)
    if not less.empty:
        return Condition(text, sure=not more.empty)
    there = "" if name.endswith("e") else f" AND {more.inner} IS NOT NULL"
    otherwise = f"{less.inner} IS NULL{there}" if more.empty else "TRUE"
    return Condition(f"coalesce({text}, {otherwise})", sure=True)


def value_of(expression: Any, at: Callable[[str], Term]) -> Term:
    """The value of an expression."""
    with places.within(_place(expression)):
        return _value_of(expression, at)


def _value_of(expression: Any, at: Callable[[str], Term]) -> Term:
    if expression is None:
        return Term("NULL", "null", "null")
    if isinstance(expression, str) and expression.startswith("$$"):
        refuse(expression, "variables are of arrays, and BOOM's arrays are no packet's")
    if isinstance(expression, str) and expression.startswith("$"):
        return at(expression[1:])
    if not isinstance(expression, dict):
        return literal(expression)
    if len(expression) != 1:
        refuse(json.dumps(expression), "an expression has one operator")
    ((name, operand),) = expression.items()
    if name in _CONDITIONS:
        return Term(sure(truth_of(expression, at)).sql, "boolean")
    if name in _ARITHMETIC:
        many = None if name in {"$add", "$multiply"} else 2
        first, *others = [value_of(one, at) for one in listed(name, operand, many)]
        for other in others:
            empty = "null" if name == "$divide" or first.empty or other.empty else ""
            made = terms.reckoned(_ARITHMETIC[name], first, other)
            first = Term(made.sql, made.type, empty, made.value)
        return first
    if name in _FUNCTIONS:
        (one,) = operand if isinstance(operand, list) and len(operand) == 1 else (operand,)
        term = value_of(one, at)
        if term.type not in terms.NUMBERS - {"id"}:
            refuse(f"{name} of {term.sql}", "that is no number to reckon with")
        kind = term.type if name == "$abs" else "double"
        return Term(f"{_FUNCTIONS[name]}({term.sql})", kind, "null" if term.empty or name != "$abs" else "")
    if name == "$literal":
        return literal(operand)
    if name == "$ifNull":
        first, second = (value_of(one, at) for one in listed(name, operand, 2))
        if second.type == "null":
            return Term(first.sql, first.type, "null")
        kind, (first, second) = _alike(first, second)
        return Term(f"coalesce({first.sql}, {second.sql})", kind, second.empty)
    if name == "$cond":
        if isinstance(operand, dict) and set(operand) == {"if", "then", "else"}:
            operand = [operand["if"], operand["then"], operand["else"]]
        asked, yes, no = listed(name, operand, 3)
        kind, (first, second) = _alike(value_of(yes, at), value_of(no, at))
        empties = {first.empty, second.empty} - {""}
        if len(empties) > 1:
            refuse("$cond", "one branch can be missing and the other null: write {$ifNull: [field, null]}")
        text = f"CASE WHEN {truth_of(asked, at).sql} THEN {first.sql} ELSE {second.sql} END"
        return Term(text, kind, "".join(empties))
    if name in _OF_ARRAYS:
        refuse(
            name, "it is of arrays, and BOOM's are its own record of a year and its matches with catalogues"
        )
    return refuse(name, "Spark has not the same of it: leave it out, or write the filter in SQL")


def _alike(first: Term, second: Term) -> tuple[str, tuple[Term, Term]]:
    """Two values in one type that holds both, and that type."""
    if {first.type, second.type} <= terms.NUMBERS - {"id"} | {"null"}:
        first, second = first.wide.doubled, second.wide.doubled
        return "double" if "double" in {first.type, second.type} else "whole", (first, second)
    kinds = {first.type, second.type} - {"null"}
    if len(kinds) > 1:
        raise FilterError(
            f"{first.sql} and {second.sql} are of different types: {first.type} and {second.type}."
        )
    return kinds.pop(), (first, second)


def sure(condition: Condition) -> Condition:
    """The same with FALSE for NULL."""
    return condition if condition.sure else Condition(f"coalesce({condition.sql}, FALSE)", sure=True)


def literal(value: Any) -> Term:
    """A number, text or flag; raises FilterError for anything else."""
    if isinstance(value, str | int | float) and value == value and value not in (float("inf"), -float("inf")):
        return terms.literal(value)
    return refuse(json.dumps(value), "compare with numbers, texts and flags")


def listed(name: str, value: Any, size: int | None = None) -> list[Any]:
    """The operands of an operator; raises FilterError where there are none, or not so many."""
    if not isinstance(value, list) or not value or (size and len(value) != size):
        raise FilterError(f"{name} needs a list{f' of {size}' if size else ''}.")
    return value


def refuse(name: str, why: str) -> NoReturn:
    """Say what cannot be translated, and why."""
    raise FilterError(f"{name} cannot be translated: {why}.")
