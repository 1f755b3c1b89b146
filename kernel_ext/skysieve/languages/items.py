"""What a condition reads of the records in an array, so that the other fields of a history need not be decoded."""

from __future__ import annotations

from typing import TypeGuard

from sqlglot import exp

_EACH = (exp.Transform, exp.Exists, exp.ArrayFilter)
"""Functions whose lambda takes an item first."""


def fields_read(array: exp.Expr) -> set[str] | None:
    """The fields that are read of an array's records where its name stands, as they are written there.

    Returns
    -------
    set or None
        None where that cannot be told, or may be all of them.

    Examples
    --------
    >>> import sqlglot
    >>> tree = sqlglot.parse_one("exists(prvDiaSources, s -> s.psfFlux > 9 AND s.band = 'g')", read="spark")
    >>> sorted(fields_read(tree.this))
    ['band', 'psfFlux']
    """
    around = array.parent
    if isinstance(around, exp.Bracket) and array.arg_key == "this":
        return _field(around)
    if isinstance(around, exp.ArraySize | exp.Is) or _calls(around, "cardinality"):
        return set()
    if (each := _lambda(array)) is None:
        return None
    function, place = each
    if len(function.expressions) <= place:
        return None
    found = _of_variable(function.this, function.expressions[place].name)
    if found is not None and isinstance(around, exp.ArrayFilter):  # its records go on
        more = fields_read(around)
        return None if more is None else found | more
    return found


def _lambda(array: exp.Expr) -> tuple[exp.Lambda, int] | None:
    """The lambda that is called for each item, and the place of the item among what it takes."""
    around = array.parent
    function, place = None, 0
    if isinstance(around, _EACH) and array.arg_key == "this":
        function = around.expression
    elif isinstance(around, exp.Reduce) and array.arg_key == "this":
        function, place = around.args["merge"], 1
    elif _calls(around, "forall") and array.index == 0:
        function = around.expressions[1] if len(around.expressions) > 1 else None
    return (function, place) if isinstance(function, exp.Lambda) else None


def _calls(node: exp.Expr | None, function: str) -> TypeGuard[exp.Anonymous]:
    return isinstance(node, exp.Anonymous) and node.name.lower() == function


def _of_variable(body: exp.Expr, variable: str) -> set[str] | None:
    found: set[str] = set()
    for name in body.find_all(exp.Identifier):
        is_field = isinstance(name.parent, exp.Dot) and name.arg_key == "expression"
        if is_field or name.name.lower() != variable.lower():
            continue
        if (read := _field(name)) is None:
            return None
        found |= read
    return found


def _field(record: exp.Expr) -> set[str] | None:
    """The field that follows a record with a dot."""
    dot = record.parent
    if isinstance(dot, exp.Dot) and record.arg_key == "this" and isinstance(dot.expression, exp.Identifier):
        return {dot.expression.name}
    return None
