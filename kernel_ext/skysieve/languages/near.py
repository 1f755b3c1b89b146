"""Filters that join alerts with another stream: cuts in SQL, then NEAR, the other stream and how near.

::

    diaSource.snr > 5 AND reliability > 0.6 NEAR 'gcn' BEFORE '1 day' AFTER '7 days' LEVEL 0.9
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import FilterError
from skysieve.languages import BoundCut, Cut, sql
from skysieve.languages.parsing import refuse, tokens_of
from skysieve.languages.spans import seconds_of
from skysieve.packets.columns import Columns

is_isolated = True
_NEAR = re.compile(r"\bNEAR\s*'", re.IGNORECASE)
_ANGLE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(deg|arcmin|arcsec)\s*", re.IGNORECASE)
_DEGREES = {"deg": 1.0, "arcmin": 1 / 60, "arcsec": 1 / 3600}
_WIDEST = 10.0
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_FORM = "write for example snr > 5 NEAR 'gcn' BEFORE '1 day' AFTER '7 days' LEVEL 0.9"


@dataclass(frozen=True)
class Joining:
    """Which other stream, and what is near.

    Attributes
    ----------
    stream
        The other stream: of notices, or of alerts.
    before, after
        Seconds that an alert may have been observed before and after the event.
    level
        Credible level of the region of a sky map that counts.
    radius
        Degrees around each position of the other stream; None: what each notice says.
    lateness
        Seconds by which a notice may come after the event.
    """

    stream: str
    before: float = 0.0
    after: float = 7 * 86400.0
    level: float = 0.9
    radius: float | None = None
    lateness: float = 86400.0


def is_one(text: str) -> bool:
    """Whether a text is such a filter.

    Examples
    --------
    >>> is_one("snr > 5 NEAR 'gcn'"), is_one("snr > 5 AND name = 'NEAR'")
    (True, False)
    """
    if not _NEAR.search(text):
        return False
    try:
        tokens = tokens_of(text)
        return any(map(_begins, tokens, tokens[1:]))
    except FilterError:
        return False


def cuts(text: str) -> tuple[Cut, ...]:
    """The cuts before NEAR.

    Examples
    --------
    >>> [cut.text for cut in cuts("snr > 5 AND ra < 10 NEAR 'gcn' AFTER '3 days'")]
    ['snr > 5', 'ra < 10']
    """
    read = _Read(re.sub(r"\r\n?", "\n", text))
    _ = read.joining
    return sql.cuts(read.head) if read.head.strip() else ()


def content(text: str) -> list[str]:
    """The text of each cut, and what is near."""
    return [*(cut.text for cut in cuts(text)), repr(joining(text))]


def grouping(text: str) -> None:
    """None: each alert is a match by itself."""


def joining(text: str) -> Joining:
    """What it joins.

    Raises
    ------
    FilterError
        If that cannot be; the message points at the place.

    Examples
    --------
    >>> joining("snr > 5 NEAR 'ztf-alerts' BEFORE '1 hour' AFTER '1 hour' RADIUS '2 arcsec'").before
    3600.0
    """
    return _Read(re.sub(r"\r\n?", "\n", text)).joining


def bind(cut: Cut, columns: Columns) -> BoundCut:
    """Find the columns of a cut."""
    return sql.bind(cut, columns)


def _begins(token: Token, after: Token) -> bool:
    return (
        token.text.upper() == "NEAR"
        and token.token_type != TokenType.STRING
        and after.token_type == TokenType.STRING
    )


@dataclass(frozen=True)
class _Read:
    """The text of such a filter."""

    text: str

    @cached_property
    def _parts(self) -> tuple[str, list[Token]]:
        tokens = tokens_of(self.text)
        at = next(i for i, pair in enumerate(pairwise(tokens)) if _begins(*pair))
        tail = tokens[at:]
        while tail[-1].token_type == TokenType.SEMICOLON:
            tail.pop()
        return self.text[: tokens[at].start], tail

    @property
    def head(self) -> str:
        """The cuts."""
        return self._parts[0]

    @cached_property
    def joining(self) -> Joining:
        """What it joins."""
        _, (_, stream, *more) = self._parts
        if not _TOPIC.fullmatch(stream.text):
            refuse(f"{stream.text!r} can be no stream", self.text, stream)
        found: dict[str, float] = {}
        for word, value in zip(more[::2], [*more[1::2], None], strict=False):
            name = word.text.lower()
            if name not in _WORDS or name in found or value is None:
                refuse(f"{word.text!r} is not expected here: {_FORM}", self.text, word)
            found[name] = self._value(name, value)
        return Joining(stream.text, **_fields(found))

    def _value(self, name: str, token: Token) -> float:
        if name == "level":
            if token.token_type != TokenType.NUMBER or not 0 < float(token.text) <= 1:
                refuse("LEVEL is a number above 0 and up to 1, such as 0.9", self.text, token)
            return float(token.text)
        if name == "radius":
            angle = _ANGLE.fullmatch(token.text) if token.token_type == TokenType.STRING else None
            degrees = float(angle[1]) * _DEGREES[angle[2].lower()] if angle else 0.0
            if not 0 < degrees <= _WIDEST:
                refuse(
                    f"RADIUS is an angle such as '2 arcsec', above 0 and up to {_WIDEST:g} deg",
                    self.text,
                    token,
                )
            return degrees
        return seconds_of(self.text, token, at_least=0)


_WORDS = ("before", "after", "level", "radius", "lateness")


def _fields(found: Mapping[str, float]) -> dict[str, float]:
    return {name: found[name] for name in _WORDS if name in found}
