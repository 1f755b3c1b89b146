"""Calls of helpers in a cut give way to plain SQL over the survey's own columns, before Spark sees them.

A question about the history becomes a derived column whose name is the call, so that it is worked out once however many
filters ask it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

import sqlglot
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import FilterError, nearest
from skysieve.languages import Cut, places
from skysieve.languages.helpers import BY_LOWER, HELPERS, Helper
from skysieve.packets import histories
from skysieve.packets.columns import Column, Columns
from skysieve.packets.histories import History

_DIALECT = sqlglot.Dialect.get_or_raise("spark")
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET)
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[dfl]?", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """A piece of a cut's text: copied from an offset on, or put in the place of what stood there."""

    text: str
    start: int
    is_copied: bool = True


@dataclass(frozen=True)
class Expanded:
    """A cut with SQL in the place of each call.

    Attributes
    ----------
    pieces
        What it is made of.
    columns
        The stream's, and those that the calls became.
    """

    pieces: tuple[Piece, ...]
    columns: Columns

    @property
    def text(self) -> str:
        """The whole."""
        return "".join(piece.text for piece in self.pieces)

    def origin(self, offset: int) -> int:
        """Where in the cut that stood which now is at this offset."""
        for piece in self.pieces:
            if offset < len(piece.text):
                return piece.start + (offset if piece.is_copied else 0)
            offset -= len(piece.text)
        raise IndexError(offset)


def expand(cut: Cut, columns: Columns) -> Expanded:
    """Put SQL in the place of each call, and give the columns that this needs besides.

    Raises
    ------
    FilterError
        If a call has not the arguments that it needs, its name is misspelt, or the stream has no history.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> lsst = formats.get("lsst").columns()
    >>> found = expand(Cut("Brightest( 'g' ) < 19"), lsst)
    >>> found.text
    "`brightest('g')` < 19"
    >>> found.columns["brightest('g')"].uses[:3]
    ('prvDiaSources[].midpointMjdTai', 'prvDiaSources[].psfFlux', 'prvDiaSources[].band')
    >>> expand(Cut("days_since(60000) < 5"), lsst).text
    '(`diaSource.midpointMjdTai` - (60000)) < 5'
    """
    tokens = list(_DIALECT.tokenize(cut.text))
    work = _Expansion(cut, columns)
    pieces = tuple(work.pieces(0, len(cut.text), tokens))
    return Expanded(pieces, columns.adding(work.found) if work.found else columns)


@dataclass
class _Expansion:
    """The calls in one cut, and the columns that they became."""

    cut: Cut
    columns: Columns
    found: list[Column] = field(default_factory=list)

    @cached_property
    def history(self) -> History | None:
        return histories.find(self.columns)

    def pieces(self, start: int, end: int, tokens: Sequence[Token]) -> Iterator[Piece]:
        """The text between two offsets, with SQL for each of the calls among its tokens."""
        at, i = start, 0
        while i < len(tokens) - 1:
            token = tokens[i]
            helper = self._called(tokens, i)
            if helper is None:
                i += 1
                continue
            close = _closing(tokens, i + 1)
            yield Piece(self.cut.text[at : token.start], at)
            yield from self._sql(helper, token, list(_arguments(tokens[i + 2 : close])))
            at, i = tokens[close].end + 1, close + 1
        yield Piece(self.cut.text[at:end], at)

    def _called(self, tokens: Sequence[Token], i: int) -> Helper | None:
        token = tokens[i]
        is_name = token.token_type in (TokenType.VAR, TokenType.IDENTIFIER)
        if not is_name or tokens[i + 1].token_type != TokenType.L_PAREN:
            return None
        helper = BY_LOWER.get(token.text.lower())
        if helper is None and (hint := nearest(token.text, HELPERS)):
            self._refuse(f"There is no function {token.text}().{hint}", token)
        return helper

    def _sql(self, helper: Helper, at: Token, arguments: list[list[Token]]) -> Iterator[Piece]:
        if not helper.required <= len(arguments) <= len(helper.arguments) or not all(arguments):
            count = f"{len(arguments)} argument{'s' * (len(arguments) != 1)}"
            self._refuse(
                f"{helper.name}() is called as {helper.signature}, not with {count}{_such(helper)}", at
            )
        if helper.needs_history and self.history is None:
            known = " and ".join(histories.surveys())
            self._refuse(
                f"{helper.name}() asks for the detections of an object, and the packets of this stream have none that "
                f"Skysieve can find (it knows those of {known})",
                at,
            )
        if helper.question is None:
            before, after = helper.sql.split("{0}")
            now = self.history.now if self.history else ""
            yield Piece(before.replace("{now}", now), at.start, is_copied=False)
            yield from self._value(helper, arguments[0])
            yield Piece(after, at.start, is_copied=False)
            return
        assert self.history is not None
        given = [
            self._hours(helper, part) if name.startswith("hours") else self._band(helper, part)
            for name, part in zip(helper.arguments, arguments, strict=False)
        ]
        bands = [one for one in given if isinstance(one, str)]
        if len(set(bands)) < len(bands):
            self._refuse(f"{helper.name}() takes two different bands{_such(helper)}", at)
        shown = (f"'{one}'" if isinstance(one, str) else f"{one:.12g}" for one in given)
        column = helper.question(self.history, f"{helper.name}({', '.join(shown)})", *given)
        self.found.append(column)
        yield Piece(f"`{column.name}`", at.start, is_copied=False)

    def _value(self, helper: Helper, part: list[Token]) -> Iterator[Piece]:
        if len(part) == 1 and part[0].token_type == TokenType.STRING:
            what = helper.arguments[0] + (
                f" in {self.history.clock}" if self.history and "{now}" in helper.sql else ""
            )
            self._refuse(
                f"{helper.name}() takes a {what}, not the text {self._shown(part)}{_such(helper)}", part[0]
            )
        return self.pieces(part[0].start, part[-1].end + 1, part)

    def _band(self, helper: Helper, part: list[Token]) -> str:
        assert self.history is not None
        bands = self.history.bands
        if len(part) == 1 and part[0].token_type == TokenType.STRING and part[0].text in bands:
            return part[0].text
        known = ", ".join(f"'{name}'" for name in bands)
        return self._refuse(
            f"{helper.name}() takes a band, for {self.history.survey} one of {known}, not {self._shown(part)}"
            f"{_such(helper)}",
            part[0],
        )

    def _hours(self, helper: Helper, part: list[Token]) -> float:
        text = self._shown(part)
        if _NUMBER.fullmatch(text) and (hours := float(text.rstrip("dDfFlL"))) > 0:
            return hours
        return self._refuse(
            f"{helper.name}() takes a number of hours above zero, not {text}{_such(helper)}", part[0]
        )

    def _shown(self, part: list[Token]) -> str:
        return self.cut.text[part[0].start : part[-1].end + 1]

    def _refuse(self, message: str, at: Token) -> NoReturn:
        place = places.at(self.cut.text, at.start, at.end + 1, self.cut.line, self.cut.column)
        end = "" if message.endswith("?") else "."
        raise FilterError(f"{message}{end} (cut {self.cut.text!r}, line {place[0]})", *place)


def _such(helper: Helper) -> str:
    return f"; for example {helper.example}"


def _closing(tokens: Sequence[Token], opening: int) -> int:
    """Where the parenthesis closes that opens there."""
    depth = 0
    for i in range(opening, len(tokens)):
        depth += (tokens[i].token_type in _OPENING) - (tokens[i].token_type in _CLOSING)
        if not depth:
            return i
    return len(tokens) - 1


def _arguments(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each argument."""
    part: list[Token] = []
    depth = 0
    for token in tokens:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if token.token_type == TokenType.COMMA and not depth:
            yield part
            part = []
        else:
            part.append(token)
    if tokens:
        yield part
