"""The text of a cell, in any language, becomes what :class:`skysieve.Filter` takes."""

from __future__ import annotations

import ast
import re
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from skysieve.errors import FilterError, FilterSyntaxError
from skysieve.languages.detection import Language, as_expression, without_comments

Namespace = Mapping[str, Any]
"""The notebook's variables."""
_FILE = "<filter>"
TRANSLATED = ("lasair", "boom")
"""Languages that become SQL, by the module of their name."""


def read(cell: str, language: Language, namespace: Namespace, survey: str = "lsst") -> dict[str, Any]:
    r"""What a filter is made of: its arguments ``where`` and, if it is not SQL then, ``language``.

    ``survey`` is the packet format of the stream.

    Raises
    ------
    FilterError
        If the cell cannot be read in this language.

    Examples
    --------
    >>> read("snr > 20\n", "sql", {})
    {'where': 'snr > 20'}
    >>> read("def bright(snr):\n    return snr > 20\n", "python", {})
    {'where': 'def bright(snr):\n    return snr > 20', 'language': 'python'}
    """
    return _READERS[language](cell.rstrip(), namespace, survey)


def _sql(cell: str, _: Namespace, _survey: str) -> dict[str, Any]:
    return {"where": cell}


def _python(cell: str, _: Namespace, _survey: str) -> dict[str, Any]:
    _parse(cell, cell, "exec")
    return {"where": cell, "language": "python"}


def _columns(cell: str, namespace: Namespace, _survey: str) -> dict[str, Any]:
    code = compile(_parse(as_expression(cell), cell, "eval"), _FILE, "eval")
    try:
        return {"where": eval(code, dict(namespace))}
    except FilterError:
        raise
    except Exception as error:
        raise FilterError(
            f"This expression fails: {type(error).__name__}: {error}", *_raised(error, cell)
        ) from error


def _lasair(cell: str, _: Namespace, _survey: str) -> dict[str, Any]:
    return {"where": import_module("skysieve.languages.lasair").to_where(_blanked(cell))}


def _boom(cell: str, _: Namespace, survey: str) -> dict[str, Any]:
    # its documents have names of their own, some alike for two surveys
    return {"where": import_module("skysieve.languages.boom").to_where(_blanked(cell), survey)}


def _blanked(cell: str) -> str:
    """Blank where comments were, so that places in the text are places in the cell."""
    text = without_comments(cell)
    return re.sub(r"[^\n]", " ", cell.removesuffix(text)) + text


def _parse(source: str, cell: str, mode: str) -> Any:
    """Python's syntax tree of a cell."""
    try:
        return ast.parse(source, mode=mode)
    except SyntaxError as error:
        place = _place(error, cell, shift=source.index(cell))
        raise FilterSyntaxError(f"This is not Python: {error.msg}", cell, *place) from error


def _place(error: SyntaxError, cell: str, shift: int) -> tuple[int, int, int]:
    """Line, column and length of an error in a cell, whose first line was shifted to the right."""
    lines = cell.split("\n")
    line, start = error.lineno or 1, error.offset or 1
    if line > len(lines):  # what encloses the cell was not expected yet
        return len(lines), len(lines[-1]) + 1, 1
    stop = error.end_offset if error.end_lineno == line and error.end_offset else start + 1
    column = start - shift if line == 1 else start
    return line, max(1, column), max(1, stop - start)


def _raised(error: Exception, cell: str) -> tuple[int, int, int] | tuple[()]:
    """Where in the expression of a cell this was raised."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename == _FILE]
    if not frames or frames[-1].lineno is None or frames[-1].colno is None:
        return ()
    last = frames[-1]
    line, text = last.lineno or 1, [f"({cell}", *cell.split("\n")[1:]][(last.lineno or 1) - 1].encode()
    start = len(text[: last.colno].decode())
    stop = last.end_colno if last.end_lineno == last.lineno else None
    return line, start + (line > 1), len(text[:stop].decode()) - start


_READERS: dict[Language, Callable[[str, Namespace, str], dict[str, Any]]] = {
    "sql": _sql,
    "aggregate": _sql,
    "near": _sql,
    "python": _python,
    "columns": _columns,
    "lasair": _lasair,
    "boom": _boom,
}
