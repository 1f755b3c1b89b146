"""In which language a filter is written, by its text."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Container, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Literal, get_args

from skysieve.languages import aggregate, near

Language = Literal["sql", "aggregate", "near", "python", "columns", "lasair", "boom"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_COMMENTS = re.compile(r"(\s+|--[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SELECT = re.compile(r"SELECT\b.*\bFROM\s+objects\b", re.DOTALL | re.IGNORECASE)
_PYTHON = re.compile(
    r"^(@\w|(async\s+)?def\s+\w+\s*\(|import\s+\w|from\s+[\w.]+\s+import\b|class\s+\w+\s*[:(])", re.MULTILINE
)
_QUOTED = re.compile(r"'(\\.|''|[^'\\])*'|\"(\\.|\"\"|[^\"\\])*\"|`[^`]*`", re.DOTALL)
_MAKES_COLUMNS = re.compile(r"skysieve(\.|$)|pyspark\.sql\.(\w+\.)*(column|functions)(\.|$)")
_NONE: Mapping[str, Any] = MappingProxyType({})


def language(text: str, namespace: Mapping[str, Any] = _NONE) -> Language:
    r"""Tell in which language a filter is written.

    Parameters
    ----------
    text
        The filter. Comments before it, of whatever language, do not matter.
    namespace
        The notebook's variables. Much that is an expression in Python is one in SQL as well; it is Python's where
        every name in it is a variable and one of these is a stream, a column, or of ``pyspark.sql.functions``.

    Returns
    -------
    str
        ``"python"`` (source with a function in it), ``"columns"`` (an expression that makes a Spark column),
        ``"lasair"`` (``SELECT … FROM objects …``), ``"boom"`` (a pipeline with ``$match``), ``"aggregate"`` (any other
        ``SELECT … GROUP BY …``), ``"near"`` (``… NEAR 'stream'``), else ``"sql"``.

    Examples
    --------
    >>> language("snr > 20")
    'sql'
    >>> language("def bright(snr):\n    return snr > 20")
    'python'
    >>> language("SELECT objectId FROM objects WHERE gmag < 18")
    'lasair'
    >>> language('[{"$match": {"candidate.drb": {"$gt": 0.9}}}]')
    'boom'
    """
    written = without_comments(text)
    if _SELECT.match(written):
        return "lasair"
    if written.startswith(("[", "{")) and "$match" in written:
        return "boom"
    if _is_python(text, written):
        return "python"
    if aggregate.is_one(written):
        return "aggregate"
    if near.is_one(text):
        return "near"
    return "columns" if _makes_columns(text, namespace) else "sql"


def could_make_columns(text: str, names: Container[str]) -> bool:
    """Whether it may be an expression that makes a Spark column, where all that is known are names of variables.

    Examples
    --------
    >>> could_make_columns("lsst.snr > F.lit(20)", {"lsst", "F"})
    True
    >>> could_make_columns("diaSource.snr > 20", {"lsst", "F"})
    False
    """
    free = _free_names(text)
    return any(name in names for name in free) and all(
        name in names or hasattr(builtins, name) for name in free
    )


def without_comments(text: str) -> str:
    r"""Leave out what only precedes a filter: blank lines and comments.

    Examples
    --------
    >>> without_comments("-- bright /* and */\n\n# real\nsnr > 20 -- 5 sigma")
    'snr > 20 -- 5 sigma'
    """
    found = _COMMENTS.match(text)
    return text[found.end() :] if found else text


def as_expression(text: str) -> str:
    """The text of an expression, so that Python takes it however many lines it has, and a comment at its end."""
    return f"({text}\n)"


def _is_python(text: str, written: str) -> bool:
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        # a function with a mistake in it is to be told of its mistake, and not that it is no SQL
        return bool(_PYTHON.match(written) or _PYTHON.search(_QUOTED.sub("''", written)))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
    return any(isinstance(statement, kinds) for statement in statements)


def _makes_columns(text: str, namespace: Mapping[str, Any]) -> bool:
    # with pyspark's functions imported by name, `abs(glat) > 10` is SQL still: nothing here is called glat
    return could_make_columns(text, namespace) and any(
        _MAKES_COLUMNS.match(_origin(namespace[name])) for name in _free_names(text) & namespace.keys()
    )


def _free_names(text: str) -> set[str]:
    """The names that an expression in Python takes from around it; none where it is no such expression."""
    try:
        tree = ast.parse(as_expression(text), mode="eval")
    except (SyntaxError, ValueError):
        return set()
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    return {node.id for node in names} - bound


def _origin(value: Any) -> str:
    """The module that a value comes from."""
    if isinstance(value, ModuleType):
        return value.__name__
    return str(getattr(value, "__module__", None) or "")
