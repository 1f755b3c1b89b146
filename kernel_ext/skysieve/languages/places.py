"""Where in a filter's text an error is: at the innermost part that was being read when it was raised.

Whoever reads a part of a text does so within the place of that part; an error that has none yet gets it on its way out.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlglot import exp
from sqlglot.tokens import Token  # type: ignore[attr-defined]

from skysieve.errors import FilterError
from skysieve.languages import Cut

Place = tuple[int, int, int]
"""Line and column, counted from 1, and number of characters."""


def at(text: str, start: int, stop: int, line: int = 1, column: int = 1) -> Place:
    r"""The place of a part of a text; where the text is itself a part, line and column are where it begins.

    Examples
    --------
    >>> at("snr > 5\nAND ra < 3", 12, 14)
    (2, 5, 2)
    """
    before = text[:start].split("\n")
    return line + len(before) - 1, len(before[-1]) + (column if len(before) == 1 else 1), stop - start


def of(text: str, where: exp.Expr | Token | slice) -> Place | None:
    """The place in a text of a token, or of a part of its tree; None of a part that was not written there."""
    if isinstance(where, slice):
        return at(text, where.start, where.stop)
    if isinstance(where, Token):
        return at(text, where.start, where.end + 1)
    written = [part.meta for part in where.walk() if "start" in part.meta and "end" in part.meta]
    if not text or not written:
        return None
    start, stop = min(one["start"] for one in written), max(one["end"] for one in written) + 1
    while text[start:stop].count("(") > text[start:stop].count(")") and text[stop : stop + 1] == ")":
        stop += 1  # of a call only the name and what it is given are marked
    return at(text, start, stop)


def of_cut(cut: Cut) -> Place:
    """The place of a cut in the text of its filter."""
    return cut.line, cut.column, len(cut.text)


@contextmanager
def within(place: Place | None) -> Iterator[None]:
    """Give errors that are raised in this the place, unless they have one."""
    try:
        yield
    except FilterError as error:
        if error.line is None and place is not None:
            error.line, error.column, error.length = place
        raise


class Written(str):
    """A text that knows its place."""

    __slots__ = ("place",)
    place: Place


def place_of_text(value: object) -> Place | None:
    """The place of a text from :func:`json_of`; None of anything else."""
    return value.place if isinstance(value, Written) else None


def json_of(text: str) -> Any:
    r"""Read JSON; its keys and texts know their places.

    Examples
    --------
    >>> [(key, place_of_text(key)) for key in json_of('{"a": 1,\n "b": 2}')]
    [('a', (1, 2, 3)), ('b', (2, 2, 3))]
    """
    value = json.loads(text)
    try:
        with warnings.catch_warnings(action="ignore"):  # JSON's escapes are not all Python's
            tree = ast.parse(f"({text}\n)", mode="eval").body  # in whose eyes JSON is an expression
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return value
    return _written(value, tree, text.split("\n"))


def _written(value: Any, node: ast.expr, lines: list[str]) -> Any:
    if isinstance(value, dict) and isinstance(node, ast.Dict):
        pairs = {}
        for key, part in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in value:  # of two that are alike, the last counts
                pairs[key.value] = key, part
        if len(pairs) == len(value):
            return {
                _written(name, key, lines): _written(value[name], part, lines)
                for name, (key, part) in pairs.items()
            }
    if isinstance(value, list) and isinstance(node, ast.List):
        return [_written(one, part, lines) for one, part in zip(value, node.elts, strict=True)]
    if isinstance(value, str) and node.end_lineno == node.lineno:
        written = Written(value)
        # Python counts bytes, and the first line was shifted by a parenthesis
        line = f"({lines[0]}" if node.lineno == 1 else lines[node.lineno - 1]
        start, stop = (len(line.encode()[:n].decode()) for n in (node.col_offset, node.end_col_offset or 0))
        written.place = node.lineno, start + (node.lineno > 1), stop - start
        return written
    return value
