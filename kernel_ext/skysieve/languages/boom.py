"""Filters of BOOM: MongoDB's aggregation pipelines over a document for each alert.

A pipeline lets an alert pass or not, and knows no NULL: a comparison in ``$match`` is false of a missing field, and one
in ``$expr`` takes it for less than anything. What is said here of a field is said so in SQL, in every case. What BOOM
works out itself, and what MongoDB understands otherwise than Spark, is refused by its name. A NaN is no exception in
comparisons, but ``{field: null}`` and ``$exists`` find it there: Skysieve reads it as NULL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from skysieve.errors import FilterError
from skysieve.languages import boom_fields, places, terms
from skysieve.languages.boom_export import pipeline as _pipeline
from skysieve.languages.boom_expressions import (
    LOGIC,
    ORDER,
    VALUES,
    listed,
    literal,
    refuse,
    sure,
    truth_of,
    value_of,
)
from skysieve.languages.terms import Condition, Term, joined
from skysieve.packets.columns import Columns

OPERATORS = (
    *("$match", "$project", "$addFields", "$set", "$unset", "$sort"),
    *(*LOGIC, "$nor", "$not", "$expr", *ORDER, "$in", "$nin", "$exists"),
    *VALUES,
)
"""Stages and operators that translate."""


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
            with places.within(places.place_of_text(name)):
                if others:
                    raise FilterError("A stage has one operator.")
                if name == "$match":
                    found.append(_matches(_document(body), scope))
                else:
                    scope = _after(name, body, scope)
        except FilterError as error:
            place = (error.line, error.column, error.length)
            raise type(error)(f"Stage {number} ({name}): {error}", *place) from None
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


def _after(name: str, body: Any, scope: _Scope) -> _Scope:
    """What is seen after a stage that judges nothing."""
    match name:
        case "$project":
            return scope.projected(_document(body))
        case "$addFields" | "$set":
            return _Scope(scope.at, computed=_flat(_document(body)))
        case "$unset":
            return _Scope(scope.at, dropped=frozenset([body] if isinstance(body, str) else body))
        case "$sort":
            return scope
    return refuse(name, "a filter judges one alert at a time, by $match over its fields")


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
                return value_of(expression, self.below)
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
    found: dict[str, Any] = {}
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
        with places.within(places.place_of_text(key)):
            found.append(_matched(key, value, scope))
    return joined("AND", found) if found else Condition("TRUE", sure=True)


def _matched(key: str, value: Any, scope: _Scope) -> Condition:
    if key in LOGIC:
        return joined(LOGIC[key], (_matches(_document(one), scope) for one in listed(key, value)))
    if key == "$nor":
        parts = [_matches(_document(one), scope) for one in listed(key, value)]
        return sure(joined("OR", parts)).negated()
    if key == "$expr":
        return truth_of(value, scope.at)
    if key.startswith("$"):
        refuse(key, "write $and, $or, $nor, $expr, or fields with comparisons")
    return _asked(scope.at(key), value)


def _asked(term: Term, value: Any) -> Condition:
    """What is asked of one field."""
    if not isinstance(value, dict) or not any(key.startswith("$") for key in value):
        value = {"$eq": value}
    found = []
    for name, operand in value.items():
        with places.within(places.place_of_text(name)):
            found.append(_asked_by(name, term, operand))
    return joined("AND", found)


def _asked_by(name: str, term: Term, operand: Any) -> Condition:
    match name:
        case "$eq" if operand is None:
            return Condition(f"{term.inner} IS NULL", sure=True)
        case "$eq" if isinstance(operand, bool) and term.type == "boolean":
            flag = Condition(term.inner, sure=not term.empty)
            return flag if operand else flag.negated()
        case "$ne" if operand is None:
            return Condition(f"{term.inner} IS NOT NULL", sure=True)
        case "$ne":
            return Condition(terms.compared("<=>", term, literal(operand)), sure=True).negated()
        case "$in" | "$nin":
            values = listed(name, operand) if operand else []
            found = [Condition(f"{term.inner} IS NULL", sure=True)] if None in values else []
            if members := [literal(one) for one in values if one is not None]:
                found.append(Condition(terms.one_of(term, members)))
            among = joined("OR", found) if found else Condition("FALSE")
            among = replace(among, sure=None in values or not values)
            return among if name == "$in" else sure(among).negated()
        case "$exists":
            if term.empty != "missing":
                refuse("$exists", "it is of no packet's field: compare it with null")
            return Condition(f"{term.inner} IS {'NOT ' if operand else ''}NULL", sure=True)
        case "$not" if isinstance(operand, dict):
            return sure(_asked(term, operand)).negated()
    if name in ORDER and operand is not None:
        return Condition(terms.compared(ORDER[name], term, literal(operand)))
    return refuse(
        name if operand is not None else f"{name}: null", "write $eq, $ne, $gt, $lt, $in, $exists or $not"
    )


def _document(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FilterError(f"{json.dumps(value)} is no document: write {{field: condition}}.")
    return value


def _stages(pipeline: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The stages of a pipeline."""
    try:
        stages = places.json_of(pipeline) if isinstance(pipeline, str) else pipeline
    except json.JSONDecodeError as error:
        raise terms.misread(error) from None
    if not isinstance(stages, list) or not stages or not all(isinstance(one, dict) and one for one in stages):
        raise FilterError(
            'A filter of BOOM is a list of stages, such as [{"$match": {"candidate.drb": {"$gt": 0.9}}}].'
        )
    return stages
