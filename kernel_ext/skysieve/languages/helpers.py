"""Functions that a filter's SQL can call beside Spark's: the usual questions about magnitudes and histories.

They have the same names for every survey. Before Spark sees a cut, each call gives way to plain SQL over the survey's
own columns: a question about the history becomes a derived column whose name is the call, so that it is worked out once
however many filters ask it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

import sqlglot
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import FilterError, nearest
from skysieve.languages import Cut
from skysieve.packets import histories
from skysieve.packets.columns import Column, Columns
from skysieve.packets.histories import History

_DIALECT = sqlglot.Dialect.get_or_raise("spark")
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET)
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[dfl]?", re.IGNORECASE)
_NAN = "nanvl({0}, CAST(NULL AS DOUBLE))"


@dataclass(frozen=True)
class Helper:
    """A function that filters can call.

    Attributes
    ----------
    name
        Its name, in the case in which it is shown; filters may write any.
    arguments
        Their names; one that can be left out ends in ``?``. Their kind is their name without digits.
    gives
        What it gives.
    unit
        Its unit, or empty.
    example
        A cut that calls it.
    question
        Makes the column of a question about the history.
    sql
        Of any other, its SQL, with ``{0}`` for the argument and ``{now}`` for the alert's own time.
    """

    name: str
    arguments: tuple[str, ...]
    gives: str
    unit: str
    example: str
    question: Callable[..., Column] | None = field(default=None, repr=False, compare=False)
    sql: str = field(default="", repr=False)

    @property
    def signature(self) -> str:
        """How it is called, what can be left out in brackets.

        Examples
        --------
        >>> [helper.signature for helper in HELPERS.values()][:4]
        ['nJy_to_ab(flux)', 'ab_to_nJy(mag)', 'brightest([band])', 'rise_per_day(band[, hours])']
        """
        text = ""
        for name in self.arguments:
            word = (", " if text else "") + name.removesuffix("?")
            text += f"[{word}]" if name.endswith("?") else word
        return f"{self.name}({text})"

    @property
    def required(self) -> int:
        """How many arguments it needs."""
        return sum(not name.endswith("?") for name in self.arguments)

    @property
    def needs_history(self) -> bool:
        """Whether the stream must have a history, or a clock, that is known."""
        return self.question is not None or "{now}" in self.sql


def _table(*helpers: Helper) -> dict[str, Helper]:
    return {helper.name: helper for helper in helpers}


HELPERS = _table(
    Helper(
        "nJy_to_ab",
        ("flux",),
        "AB magnitude of a flux in nJy, 31.4 − 2.5 log10(flux); NULL where that is not above zero",
        "mag",
        "nJy_to_ab(diaSource.psfFlux) < 20",
        sql=f"(31.4D - 2.5D * log10({_NAN}))",
    ),
    Helper(
        "ab_to_nJy",
        ("mag",),
        "flux of an AB magnitude, 10^((31.4 − mag) / 2.5)",
        "nJy",
        "diaSource.psfFlux > ab_to_nJy(20)",
        sql=f"power(10D, (31.4D - {_NAN}) / 2.5D)",
    ),
    Helper(
        "brightest",
        ("band?",),
        "AB magnitude of the brightest detection so far, in a band or in any; NULL without one",
        "mag",
        "brightest('r') < 19",
        histories.brightest,
    ),
    Helper(
        "rise_per_day",
        ("band", "hours?"),
        "brightening between the last two detections in a band, at least so many hours apart; above zero where it "
        "brightens, NULL where there are not two or one has no magnitude",
        "mag/d",
        "rise_per_day('g', 12) > 0.2",
        histories.rise_per_day,
    ),
    Helper(
        "days_since",
        ("time",),
        "days from a time to the alert's own, both by the survey's clock (LSST: MJD in TAI, ZTF: JD)",
        "d",
        "days_since(diaObject.firstDiaSourceMjdTai) < 10",
        sql="({now} - ({0}))",
    ),
    Helper(
        "days_since_detection",
        ("band?",),
        "days from the last earlier detection, in a band or in any, to the alert's own; NULL without one",
        "d",
        "days_since_detection('g') < 3",
        histories.days_since_detection,
    ),
    Helper(
        "colour",
        ("band1", "band2", "hours"),
        "difference of the magnitudes of the newest two detections in the bands that are at most so many hours apart; "
        "NULL without such a pair",
        "mag",
        "colour('g', 'r', 24) < 0",
        histories.colour,
    ),
    Helper(
        "detections",
        ("band?",),
        "number of detections so far that the packet knows of, in a band or in any, of either sign, the alert's own "
        "among them",
        "",
        "detections('g') >= 3",
        histories.detections,
    ),
)
"""Every function, by its name."""

_BY_LOWER = {name.lower(): helper for name, helper in HELPERS.items()} | {"color": HELPERS["colour"]}


def expand(cut: Cut, columns: Columns) -> tuple[str, Columns]:
    """Put SQL in the place of each call, and give the columns that this needs besides.

    Raises
    ------
    FilterError
        If a call has not the arguments that it needs, its name is misspelt, or the stream has no history.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> lsst = formats.get("lsst").columns()
    >>> text, more = expand(Cut("Brightest( 'g' ) < 19"), lsst)
    >>> text
    "`brightest('g')` < 19"
    >>> more["brightest('g')"].uses[:3]
    ('prvDiaSources[].midpointMjdTai', 'prvDiaSources[].psfFlux', 'prvDiaSources[].band')
    >>> expand(Cut("days_since(60000) < 5"), lsst)[0]
    '(`diaSource.midpointMjdTai` - (60000)) < 5'
    """
    tokens = list(_DIALECT.tokenize(cut.text))
    work = _Expansion(cut, columns)
    text = work.text(0, len(cut.text), tokens)
    return text, columns.adding(work.found) if work.found else columns


@dataclass
class _Expansion:
    """The calls in one cut, and the columns that they became."""

    cut: Cut
    columns: Columns
    found: list[Column] = field(default_factory=list)

    @cached_property
    def history(self) -> History | None:
        return histories.find(self.columns)

    def text(self, start: int, end: int, tokens: Sequence[Token]) -> str:
        """The text between two offsets, with SQL for each of the calls among its tokens."""
        pieces, at, i = [], start, 0
        while i < len(tokens) - 1:
            token = tokens[i]
            helper = self._called(tokens, i)
            if helper is None:
                i += 1
                continue
            close = _closing(tokens, i + 1)
            span = self.cut.text[token.start : tokens[close].end + 1]
            sql = self._sql(helper, token, list(_arguments(tokens[i + 2 : close])))
            # an error behind the call still tells the line that the filter has it in
            lost = span.count("\n") - sql.count("\n")
            pieces += [self.cut.text[at : token.start], sql + "\n" * lost]
            at, i = tokens[close].end + 1, close + 1
        return "".join([*pieces, self.cut.text[at:end]])

    def _called(self, tokens: Sequence[Token], i: int) -> Helper | None:
        token = tokens[i]
        is_name = token.token_type in (TokenType.VAR, TokenType.IDENTIFIER)
        if not is_name or tokens[i + 1].token_type != TokenType.L_PAREN:
            return None
        helper = _BY_LOWER.get(token.text.lower())
        if helper is None and (hint := nearest(token.text, HELPERS)):
            self._refuse(f"There is no function {token.text}().{hint}", token)
        return helper

    def _sql(self, helper: Helper, at: Token, arguments: list[list[Token]]) -> str:
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
            (value,) = (self._value(helper, part) for part in arguments)
            return helper.sql.format(value, now=self.history.now if self.history else "")
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
        return f"`{column.name}`"

    def _value(self, helper: Helper, part: list[Token]) -> str:
        if len(part) == 1 and part[0].token_type == TokenType.STRING:
            what = helper.arguments[0] + (
                f" in {self.history.clock}" if self.history and "{now}" in helper.sql else ""
            )
            self._refuse(
                f"{helper.name}() takes a {what}, not the text {self._shown(part)}{_such(helper)}", part[0]
            )
        return self.text(part[0].start, part[-1].end + 1, part)

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
        line = self.cut.line + self.cut.text.count("\n", 0, at.start)
        end = "" if message.endswith("?") else "."
        raise FilterError(f"{message}{end} (cut {self.cut.text!r}, line {line})")


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
