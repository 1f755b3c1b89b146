"""Tab in a ``%%filter`` cell: columns with their types and units, functions, streams, and the magic's options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlglot
from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import FilterError
from skysieve.languages import boom, boom_fields, lasair_query
from skysieve.languages.detection import language
from skysieve.stream import Stream
from skysieve.vocabulary import AGGREGATES, FUNCTIONS, Suggestion, Vocabularies, Vocabulary

_DIALECT = sqlglot.Dialect.get_or_raise("spark")
_NAME = re.compile(r"(?P<before>(?:\w+(?:\[[^\[\]]*\])?\.)*)(?P<begun>\w*)$")
_ARGUMENT = re.compile(r"\bdef\s+\w+\s*\((?:[^()]*,)?\s*(?P<begun>\w*)$")
_COLUMN = re.compile(r"(?:\b(?P<stream>\w+)\.c(?:\.|\[\s*['\"])|\bcol\(\s*['\"])(?P<begun>[\w.]*)$")
_NEAR = re.compile(r"\bNEAR\s+'(?P<begun>[\w.-]*)$", re.IGNORECASE)
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_IN_TEXT = re.compile(r'"(\$?[\w.]*)$')
_HEADER = re.compile(r"\s*%%filter\b(?P<line>.*)")
_CURSOR = "skysieve_cursor"
_IDENTIFIER = "skysieve"

Found = tuple[str, Sequence[Suggestion]]
"""What stands before the cursor and is to be replaced, and by what."""
_NOTHING: Found = "", ()


class FilterCompleter:
    """Completes ``%%filter`` cells.

    Parameters
    ----------
    vocabularies
        What can be named.
    options
        The options of the magic.
    namespace
        The notebook's variables.
    """

    def __init__(
        self, vocabularies: Vocabularies, options: Iterable[argparse.Action], namespace: Mapping[str, Any]
    ) -> None:
        self._vocabularies = vocabularies
        self._options = {text: action for action in options for text in action.option_strings}
        self._namespace = namespace

    def __call__(self, text: str, cursor: int) -> Found:
        """What fits at an offset of a cell; nothing where it is no ``%%filter`` cell."""
        header = _HEADER.match(text)
        if header is None or cursor < header.start("line"):
            return _NOTHING
        if cursor <= header.end():
            return self._in_line(header["line"][: cursor - header.start("line")])
        line, start = header["line"], header.end()
        before = text[start:cursor]
        written = self._option(line, "--language") or self._language(text[start:], before)
        if written in ("sql", "near") and (near := _NEAR.search(before)):
            streams = (Suggestion(name, "stream") for name in self._vocabularies.streams())
            return near["begun"], _starting(near["begun"], streams)
        return _COMPLETES[written](before, self._vocabularies.of(self._option(line, "--stream")))

    def _language(self, text: str, before: str) -> str:
        """That of the cell; an expression that is being written is none yet, but a column of a stream's is in it."""
        column = _COLUMN.search(before)
        named = self._namespace.get(column["stream"] or "") if column else None
        is_column = column is not None and (column["stream"] is None or isinstance(named, Stream))
        return "columns" if is_column else language(text, self._namespace)

    def _in_line(self, before: str) -> Found:
        """An option, or the value of the one before it."""
        *words, begun = re.split(r"\s+", before)
        action = self._options.get(words[-1]) if words else None
        if begun.startswith("-"):
            options = (Suggestion(text, "option") for text in self._options if text.startswith("--"))
            return begun, _starting(begun, options)
        if action is None:
            return _NOTHING
        values = self._vocabularies.streams() if action.dest == "stream" else action.choices or ()
        begun = begun.lstrip("'\"")
        return begun, _starting(begun, (Suggestion(str(value), action.dest) for value in values))

    def _option(self, line: str, name: str) -> str | None:
        """The value that a line gives an option; a line that is being written is no whole one yet."""
        names = "|".join(self._options[name].option_strings)
        found = re.search(rf"(?:^|\s)(?:{names})[\s=]+['\"]?([^\s'\"]+)", line)
        return found[1] if found else None


def _starting(begun: str, suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    return [one for one in suggestions if one.text.lower().startswith(begun.lower())]


def _in_sql(before: str) -> tuple[re.Match[str], list[Token]] | None:
    """The name that is being written in SQL, and the tokens before it; None in a text or comment."""
    found = _NAME.search(before)
    if found is None:
        return None
    try:
        *tokens, last = _DIALECT.tokenize(before[: found.start()] + _CURSOR)
    except TokenError:
        return None
    in_comment = last.text != _CURSOR
    if in_comment or (tokens and tokens[-1].token_type == TokenType.DOT):
        return None
    return found, tokens


def _complete_sql(before: str, vocabulary: Vocabulary, functions: Sequence[str] = FUNCTIONS) -> Found:
    if (place := _in_sql(before)) is None:
        return _NOTHING
    (found, tokens), qualifier = place, place[0]["before"]
    if qualifier:
        record = re.sub(r"\[.*?\]", "", qualifier).rstrip(".")
        array = dict(_lambda_variables(before, tokens, vocabulary)).get(record.lower(), record)
        fields = vocabulary.fields(array)
        if fields is not None:
            whole = [Suggestion(qualifier + one.text, one.type) for one in fields]
            return found[0], _starting(found[0], whole)
    called = () if qualifier else (Suggestion(text, "function") for text in functions)
    return found[0], [*vocabulary.starting(found[0]), *_starting(found["begun"], called)]


def _complete_aggregate(before: str, vocabulary: Vocabulary) -> Found:
    return _complete_sql(before, vocabulary, (*AGGREGATES, *FUNCTIONS))


def _complete_lasair(before: str, vocabulary: Vocabulary) -> Found:
    """The columns of its table that are copies of the packet's, and the functions that translate."""
    if (place := _in_sql(before)) is None:
        return _NOTHING
    (found, _), qualifier = place, place[0]["before"]
    if qualifier.lower() not in ("", "objects."):
        return _NOTHING
    names = {qualifier + name: lasair_query.copied(name) for name in lasair_query.TYPES}
    functions = () if qualifier else (Suggestion(name, "function") for name in lasair_query.FUNCTIONS)
    return found[0], _starting(found[0], [*vocabulary.renamed(names), *functions])


def _complete_boom(before: str, vocabulary: Vocabulary) -> Found:
    """Fields in JSON's texts: after a dollar as a value, and operators; without it as a key."""
    found = _IN_TEXT.search(_TEXT.sub("", before))
    if found is None:
        return _NOTHING
    dollar = found[1][:1] if found[1].startswith("$") else ""
    operators = (Suggestion(name, "operator") for name in boom.OPERATORS) if dollar else ()
    try:
        fields = boom_fields.of_columns(vocabulary.names)
    except FilterError:  # a survey that BOOM does not know
        return _NOTHING
    names = {dollar + path: column for path, column in fields.copies.items()}
    return found[1], _starting(found[1], [*vocabulary.renamed(names), *operators])


def _complete_columns(before: str, vocabulary: Vocabulary) -> Found:
    """Columns of a stream, after ``stream.c.`` and in ``col("…")``; all else is Python's own."""
    found = _COLUMN.search(before)
    return (found["begun"], vocabulary.starting(found["begun"])) if found else _NOTHING


def _lambda_variables(
    text: str, tokens: Sequence[Token], vocabulary: Vocabulary
) -> Iterator[tuple[str, str]]:
    """The variables of the lambdas of a text, in lower case, and the array whose records each stands for."""
    opened: list[int] = []
    closed = 0
    for i, token in enumerate(tokens):
        if token.token_type == TokenType.L_PAREN:
            opened.append(i)
        elif token.token_type == TokenType.R_PAREN and opened:
            closed = opened.pop()
        elif token.token_type == TokenType.ARROW and opened:
            several = tokens[i - 1].token_type == TokenType.R_PAREN
            variables = tokens[closed + 1 : i - 1] if several else tokens[i - 1 : i]
            names = re.findall(r"\w+(?:\.\w+)*", text[tokens[opened[-1]].end + 1 : token.start])
            array = next((name for name in names if vocabulary.fields(name) is not None), None)
            if array:
                yield from ((variable.text.lower(), array) for variable in variables)


def _complete_python(before: str, vocabulary: Vocabulary) -> Found:
    """The arguments of a function are columns; all else in its source is Python's own."""
    found = _ARGUMENT.search(before)
    return (found["begun"], vocabulary.arguments(found["begun"])) if found else _NOTHING


_COMPLETES: dict[str, Callable[[str, Vocabulary], Found]] = {
    "sql": _complete_sql,
    "near": _complete_sql,
    "aggregate": _complete_aggregate,
    "python": _complete_python,
    "columns": _complete_columns,
    "lasair": _complete_lasair,
    "boom": _complete_boom,
}


def install(shell: Any, completer: FilterCompleter) -> None:
    """Let a shell complete ``%%filter`` cells, in place of what did so before."""

    @context_matcher(identifier=_IDENTIFIER, priority=1000)
    def match(context: CompletionContext) -> dict[str, Any]:
        lines = context.full_text.split("\n")[: context.cursor_line]
        cursor = sum(len(line) + 1 for line in lines) + context.cursor_position
        fragment, found = completer(context.full_text, cursor)
        return {
            "completions": [SimpleCompletion(one.text, type=one.type) for one in found],
            "matched_fragment": fragment,
            "suppress": True,  # in SQL, Python's names are none
            "ordered": True,
        }

    matchers = shell.Completer.custom_matchers
    others = [one for one in matchers if getattr(one, "matcher_identifier", "") != _IDENTIFIER]
    shell.Completer.custom_matchers = [*others, match]
