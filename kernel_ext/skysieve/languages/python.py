"""Filters in Python: a function whose arguments are columns, called with many alerts at a time.

Records come as DataFrames, arrays as Series of lists, all else as Series, as user functions of the Fink broker expect
them; what comes back is one boolean per alert. The text of the function travels, never a pickled object: it is read by
people, kept in the registry, and compiled only in the Python workers of Spark, which import what it names.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from skysieve.errors import ColumnError, FilterError, FilterSyntaxError, nearest
from skysieve.languages import Cut
from skysieve.languages.calls import Call, seconds_allowed
from skysieve.languages.functions import undefined
from skysieve.packets.columns import Column, Columns

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

is_isolated = True
_PAST = "prvDiaSources"
_AS_FINK = {
    "is_sso": ("boolean", "`ssSource` IS NOT NULL", ("ssSource",)),
    "is_first": ("boolean", "`diaObject.nDiaSources` = 1", ("diaObject.nDiaSources",)),
    "firstDiaSourceMjdTaiFink": (
        "double",
        f"CASE WHEN `{_PAST}` IS NULL THEN `diaSource.midpointMjdTai` ELSE array_min(`{_PAST}`.midpointMjdTai) END",
        ("diaSource.midpointMjdTai", f"{_PAST}[].midpointMjdTai"),
    ),
}
"""Columns that the Fink broker adds to LSST's packets, by the names that its functions have for them: type, SQL and
what that uses, as in its `fink_broker/rubin/science.py`. (``nDiaSources`` is the packet's own.)"""
_PLACE = ("kafka.partition", "kafka.offset", "kafka.record")
_PER_ALERT = "per_alert"
_F = TypeVar("_F", bound=Callable[..., Any])


def per_alert(function: _F) -> _F:
    """Mark a function that judges one alert at a time: its arguments are plain values, dicts and lists.

    Such a function is easy to write and slow to run: each call costs as much as a vectorised one takes for hundreds
    of alerts.
    """
    function.per_alert = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class BoundFunction:
    """A function whose arguments have found their columns.

    Attributes
    ----------
    text
        Its name.
    columns
        What each argument is.
    code
        The text that defines it.
    per_alert
        Whether it judges one alert at a time.
    """

    text: str
    columns: tuple[Column, ...]
    code: str
    per_alert: bool = False

    @property
    def key(self) -> str:
        """Empty: it is called for one filter."""
        return ""

    def condition(self) -> SparkColumn:
        """The function in Spark; it raises where the user's does, and says on which alert."""
        from pyspark.sql import functions as F  # noqa: N812
        from pyspark.sql.pandas.functions import arrow_udf

        from skysieve.packets.decode import PROBLEM

        call = Call(
            self.code, self.text, tuple(c.name for c in self.columns), self.per_alert, seconds_allowed()
        )
        judge = arrow_udf(call.on_arrow, "boolean")  # type: ignore[call-overload]
        named = [*_PLACE, *(column.name for column in self.columns)]
        # Spark calls a function with every row of a batch, those too whose packet could not be decoded
        fine = F.col(f"`{PROBLEM}`").isNull()
        verdict: SparkColumn = judge(fine, *(F.col(f"`{name}`") for name in named))
        return verdict


def cuts(text: str) -> tuple[Cut, ...]:
    r"""Make the one cut of a filter in Python: its function, the last one that the text defines.

    Raises
    ------
    FilterError
        If there is none, or it cannot run by itself.
    FilterSyntaxError
        If the text does not parse.

    Examples
    --------
    >>> cuts("def bright(snr):\n    return snr > 20")
    (Cut(text='bright', line=1, column=1),)
    """
    function = _function(text)
    return (Cut(function.name, function.lineno, function.col_offset + 1, text),)


def content(text: str) -> list[str]:
    """The code without its comments and layout."""
    return [ast.unparse(_parsed(text))]


def grouping(text: str) -> None:
    """None: each alert is judged by itself."""


def joining(text: str) -> None:
    """None: it reads one stream."""


def bind(cut: Cut, columns: Columns) -> BoundFunction:
    """Find the columns that the arguments are named after; one with a default may be missing.

    Raises
    ------
    ColumnError
        If the stream lacks some; the message lists them all.
    """
    function = _function(cut.code)
    found, missing = [], []
    for argument, optional in _arguments(function):
        try:
            found.append(_column(argument.arg, columns))
        except ColumnError as error:
            if len(columns.named(argument.arg)) > 1:
                place = argument.lineno, argument.col_offset + 1, len(argument.arg)
                raise ColumnError(
                    f"{error} In Python: take it from an argument named after its record.", *place
                ) from None
            if optional:
                break  # what follows could not be passed by its place either
            missing.append(argument)
    if missing:
        names, first = [argument.arg for argument in missing], missing[0]
        hints = "".join(dict.fromkeys(nearest(name, (c.name for c in columns)) for name in names))
        raise ColumnError(
            f"The function {cut.text!r} needs columns that the stream does not have: {', '.join(names)}.{hints} "
            "What other brokers add to a packet must come from an enrichment of that name.",
            first.lineno,
            first.col_offset + 1,
            len(first.arg),
        )
    if not found:
        raise ColumnError(f"The function {cut.text!r} has no argument: name one after each column it needs.")
    return BoundFunction(cut.text, tuple(found), cut.code, _is_per_alert(function))


def _column(name: str, columns: Columns) -> Column:
    if not columns.named(name) and name in _AS_FINK:
        kind, formula, uses = _AS_FINK[name]
        if all(used.partition("[]")[0] in columns for used in uses):
            return Column((name,), ["null", kind], description="As Fink adds it.", sql=formula, uses=uses)
    return columns.resolve(name)


def _parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line, column = error.lineno or 1, error.offset or 1
        raise FilterSyntaxError(f"This is not Python: {error.msg}", text, line, column) from None


def _function(text: str) -> ast.FunctionDef:
    tree = _parsed(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if not functions:
        raise FilterError(
            "A filter in Python is a function: def name(column, ...): return one boolean per alert."
        )
    if unknown := undefined(tree):
        first = unknown[0]
        raise FilterSyntaxError(
            f"{first.id!r} is not defined in this filter, which runs by itself: import or define it there",
            text,
            first.lineno,
            first.col_offset + 1,
        )
    return functions[-1]


def _arguments(function: ast.FunctionDef) -> list[tuple[ast.arg, bool]]:
    """Each argument, and whether it has a default."""
    given = function.args
    if given.vararg or given.kwarg or given.kwonlyargs:
        raise FilterError(
            f"The function {function.name!r} has arguments that no column can be named after (*, **)."
        )
    named = [*given.posonlyargs, *given.args]
    required = len(named) - len(given.defaults)
    return [(argument, i >= required) for i, argument in enumerate(named)]


def _is_per_alert(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(d).rpartition(".")[2] == _PER_ALERT for d in function.decorator_list)
