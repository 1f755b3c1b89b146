"""Cuts that NaN passes: functions make it of what is out of their range, and to Spark it is the greatest number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

_POSITIVE = (exp.Abs, exp.Exp, exp.Sqrt)


@dataclass(frozen=True)
class Passed:
    """A call that NaN passes through.

    Attributes
    ----------
    call
        The call.
    where
        What is true of the alerts for which it is NaN.
    """

    call: str
    where: str


def passed(tree: exp.Expr, all_cuts: Sequence[exp.Expr]) -> Iterator[Passed]:
    """The calls in a cut that can be NaN, where the cut is true of NaN.

    A cut of the same filter that compares just what the function is given, or asks for NaN, is taken to keep it away.

    Examples
    --------
    >>> import sqlglot
    >>> cut = sqlglot.parse_one("sqrt(flux) > 60", dialect="spark")
    >>> list(passed(cut, [cut]))
    [Passed(call='SQRT(flux)', where='flux < 0')]
    """
    cared = {side.unnest().sql("spark") for cut in all_cuts for side in _compared(cut)}
    for call in tree.walk():
        given, where = _given(call)
        if given is None or not _lets_nan_pass(call):
            continue
        if not cared & {given.sql("spark"), f"ABS({given.sql('spark')})", f"ISNAN({call.sql('spark')})"}:
            yield Passed(_text(call), where)


def _given(call: exp.Expr) -> tuple[exp.Expr | None, str]:
    """What a function is given that may be out of its range, and when it is."""
    given = call.this.unnest() if isinstance(call.this, exp.Expr) else None
    if given is None:
        return None, ""
    text = _text(given)
    match call:
        case exp.Sqrt() if not _is_positive(given):
            return given, f"{text} < 0"
        case exp.Asin() | exp.Acos() | exp.Atanh() if not isinstance(given, exp.Literal | exp.Sin | exp.Cos):
            return given, f"abs({text}) > 1"
        case exp.Acosh() if not isinstance(given, exp.Literal):
            return given, f"{text} < 1"
        case exp.Pow() if not _is_positive(given) and not _is_whole(call.expression):
            return given, f"{text} < 0"
    return None, ""


def _is_positive(node: exp.Expr) -> bool:
    """Whether a value cannot be negative, by how it is written."""
    node = node.unnest()
    if isinstance(node, exp.Add | exp.Div):
        return _is_positive(node.this) and _is_positive(node.expression)
    if isinstance(node, exp.Mul):
        is_square = node.this == node.expression
        return is_square or (_is_positive(node.this) and _is_positive(node.expression))
    if isinstance(node, exp.Pow):
        return isinstance(node.expression, exp.Literal) and node.expression.name in ("2", "4", "6")
    return isinstance(node, _POSITIVE) or (isinstance(node, exp.Literal) and not node.is_string)


def _is_whole(node: exp.Expr) -> bool:
    inner = node.this if isinstance(node, exp.Neg) else node
    return isinstance(inner, exp.Literal) and inner.is_int


def _lets_nan_pass(call: exp.Expr) -> bool:
    """Whether the comparison around a value is true of NaN; not if it is asked for."""
    at, above, negated, is_true = call, call.parent, False, None
    while above is not None:
        if isinstance(above, exp.IsNan | exp.Nanvl):
            return False
        match above:
            case exp.GT() | exp.GTE():
                is_true = at.arg_key == "this"
            case exp.LT() | exp.LTE():
                is_true = at.arg_key == "expression"
            case exp.NEQ():
                is_true = True
            case exp.Between() | exp.EQ() | exp.In():
                is_true = False
            case exp.Not():
                negated = not negated
        at, above = above, above.parent
    return is_true is not None and is_true != negated


def _compared(cut: exp.Expr) -> Iterator[exp.Expr]:
    """What a cut compares, and where it asks for NaN."""
    yield from cut.find_all(exp.IsNan)
    for node in cut.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between):
        yield from (side for side in (node.this, node.expression) if isinstance(side, exp.Expr))


def _text(node: exp.Expr) -> str:
    """A part of a cut as users write it."""
    return node.sql("spark").replace("`", "")
