"""Tab in a ``%%filter`` cell: columns with their types and units, functions, streams, and the magic's options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlglot
from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher
from sqlglot.errors import TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.languages.detection import language
from skysieve.vocabulary import FUNCTIONS, Suggestion, Vocabularies, Vocabulary

_DIALECT = sqlglot.Dialect.get_or_raise("spark")
_NAME = re.compile(r"(?P<before>(?:\w+(?:\[[^\[\]]*\])?\.)*)(?P<begun>\w*)$")
_ARGUMENT = re.compile(r"\bdef\s+\w+\s*\((?:[^()]*,)?\s*(?P<begun>\w*)$")
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
        written = self._option(line, "--language") or language(text[start:], self._namespace)
        if written not in _COMPLETES:
            return _NOTHING
        vocabulary = self._vocabularies.of(self._option(line, "--stream"))
        return _COMPLETES[written](text[start:cursor], vocabulary)

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


def _complete_sql(before: str, vocabulary: Vocabulary) -> Found:
    found = _NAME.search(before)
    if found is None:
        return _NOTHING
    start, qualifier, begun = found.start(), found["before"], found["begun"]
    try:
        *tokens, last = _DIALECT.tokenize(before[:start] + _CURSOR)
    except TokenError:
        return _NOTHING
    in_comment = last.text != _CURSOR
    if in_comment or (tokens and tokens[-1].token_type == TokenType.DOT):
        return _NOTHING
    if qualifier:
        record = re.sub(r"\[.*?\]", "", qualifier).rstrip(".")
        array = dict(_lambda_variables(before, tokens, vocabulary)).get(record.lower(), record)
        fields = vocabulary.fields(array)
        if fields is not None:
            whole = [Suggestion(qualifier + one.text, one.type) for one in fields]
            return found[0], _starting(found[0], whole)
    functions = () if qualifier else _starting(begun, (Suggestion(text, "function") for text in FUNCTIONS))
    return found[0], [*vocabulary.starting(found[0]), *functions]


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


_COMPLETES = {"sql": _complete_sql, "python": _complete_python}


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
