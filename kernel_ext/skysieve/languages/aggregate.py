"""Aggregates: SQL that groups alerts over a time, and says what to tell of each group.

::

    SELECT count(*) AS n, max(psfFlux) AS brightest WHERE snr > 5
    GROUP BY diaObjectId, window('30 days') HAVING n >= 3 LATENESS '1 day' ONCE

Its cuts are those of the WHERE clause, as in any filter; what follows is the :class:`Grouping`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import FilterError
from skysieve.languages import BoundCut, Cut, sql
from skysieve.languages.grouping import Grouping, Key
from skysieve.languages.parsing import parsed, place_of, refuse, tokens_of
from skysieve.languages.spans import seconds_of
from skysieve.packets.columns import Columns

is_isolated = True
_BEGIN = re.compile(r"(\s+|--[^\n]*|/\*.*?\*/)*SELECT\b(?P<rest>.*)", re.DOTALL | re.IGNORECASE)
_GROUPS = re.compile(r"\bGROUP\s+BY\b", re.IGNORECASE)
_OTHERS = re.compile(r"\bFROM\b", re.IGNORECASE)
_CLAUSES = {
    TokenType.SELECT: "SELECT",
    TokenType.FROM: "FROM",
    TokenType.WHERE: "WHERE",
    TokenType.GROUP_BY: "GROUP BY",
    TokenType.HAVING: "HAVING",
}
_ORDER = ("SELECT", "WHERE", "GROUP BY", "HAVING")
LATENESS = 86400.0
"""Seconds that an alert may come late unless an aggregate says otherwise: surveys send within a day what they could not
send at once."""
_DEEPEST = 29
_ENDS = "Its groups would never end, and their state would grow for ever: add night, or window('30 days'), to GROUP BY"


def is_one(text: str) -> bool:
    """Whether a text is an aggregate, or was meant to be one.

    Examples
    --------
    >>> is_one("SELECT count(*) AS n GROUP BY band, night"), is_one("snr > 5")
    (True, False)
    """
    found = _BEGIN.match(text)
    return bool(found and (_GROUPS.search(found["rest"]) or not _OTHERS.search(found["rest"])))


def cuts(text: str) -> tuple[Cut, ...]:
    """The cuts of the WHERE clause, none where there is no such clause.

    Examples
    --------
    >>> [cut.text for cut in cuts("SELECT count(*) AS n WHERE snr > 5 AND ra < 10 GROUP BY band, night")]
    ['snr > 5', 'ra < 10']
    """
    _ = grouping(text)
    text = _plain(text)
    where = _Read(text).clauses.get("WHERE")
    return sql.cuts(_only(text, where)) if where else ()


def content(text: str) -> list[str]:
    """The text of each cut, and that of all else without its layout."""
    read = _Read(_plain(text))
    return [
        *(cut.text for cut in cuts(text)),
        *(f"{name} {' '.join(read.text[t.start : t.end + 1] for t in tokens)}" for name, tokens in read.rest),
    ]


def grouping(text: str) -> Grouping:
    """How it groups, and what it tells.

    Raises
    ------
    FilterError
        If it has no groups, or none that end; if what it tells has no name.
    FilterSyntaxError
        If it does not parse; the message points at the place.

    Examples
    --------
    >>> found = grouping("SELECT count(*) AS n GROUP BY band, window('7 days', '1 day') LATENESS '2 hours'")
    >>> [key.kind for key in found.keys], found.lateness, found.once
    (['column', 'window'], 7200.0, False)
    """
    return _Read(_plain(text)).grouping


def joining(text: str) -> None:
    """None: it reads one stream."""


def bind(cut: Cut, columns: Columns) -> BoundCut:
    """Find the columns of a cut."""
    return sql.bind(cut, columns)


@dataclass(frozen=True)
class _Read:
    """An aggregate's text, in clauses."""

    text: str

    @cached_property
    def _parts(self) -> tuple[dict[str, list[Token]], float, bool]:
        """The tokens of each clause, and what the words after the last one say."""
        tokens = tokens_of(self.text)
        while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
            tokens.pop()
        lateness, once = LATENESS, False
        while len(tokens) > 2:
            word, last = tokens[-2], tokens[-1]
            if last.token_type == TokenType.VAR and last.text.upper() == "ONCE" and not once:
                once = True
                tokens.pop()
            elif word.token_type == TokenType.VAR and word.text.upper() == "LATENESS":
                lateness = seconds_of(self.text, last, at_least=0)
                del tokens[-2:]
            else:
                break
        found: dict[str, list[Token]] = {}
        begun: dict[str, Token] = {}
        name, depth = "", 0
        for token in tokens:
            depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
            if not depth and token.token_type in _CLAUSES:
                name = _CLAUSES[token.token_type]
                self._check_order(name, found, token)
                found[name], begun[name] = [], token
            else:
                found[name].append(token)
        for name, inside in found.items():
            if not inside:
                refuse(f"Nothing stands after {name}. {_FORM}", self.text, begun[name])
        return found, lateness, once

    def _check_order(self, name: str, found: Mapping[str, list[Token]], token: Token) -> None:
        if name == "FROM":
            refuse("An aggregate reads the stream of its filter: leave FROM out", self.text, token)
        if name in found or any(_ORDER.index(before) > _ORDER.index(name) for before in found):
            refuse(f"{name} is not expected here: an aggregate is {', '.join(_ORDER)}", self.text, token)

    @property
    def clauses(self) -> dict[str, list[Token]]:
        """The tokens of each clause."""
        return self._parts[0]

    @property
    def rest(self) -> list[tuple[str, list[Token]]]:
        """All but the WHERE clause, for the version of a filter."""
        _, lateness, once = self._parts
        words = [("LATENESS", lateness), ("ONCE", once)]
        return [
            *((name, tokens) for name, tokens in self.clauses.items() if name != "WHERE"),
            *((f"{name} {value}", []) for name, value in words),
        ]

    @cached_property
    def grouping(self) -> Grouping:
        """How it groups."""
        clauses, lateness, once = self._parts
        if "GROUP BY" not in clauses:
            raise FilterError(f"It has no GROUP BY, which says what belongs together. {_FORM}")
        select = tuple(self._named(item) for item in _split(clauses["SELECT"]))
        for name in {name for name, _ in select if [n for n, _ in select].count(name) > 1}:
            first, last = clauses["SELECT"][0], clauses["SELECT"][-1]
            refuse(f"SELECT gives two values the name {name!r}", self.text, slice(first.start, last.end + 1))
        keys = tuple(self._key(item) for item in _split(clauses["GROUP BY"]))
        timed = [key for key in keys if key.kind in ("night", "window")]
        if not timed:
            last = clauses["GROUP BY"][-1]
            refuse(_ENDS, self.text, slice(clauses["GROUP BY"][0].start, last.end + 1))
        if len(timed) > 1:
            first, last = clauses["GROUP BY"][0], clauses["GROUP BY"][-1]
            place = slice(first.start, last.end + 1)
            refuse("GROUP BY can have one of night and window(…), once", self.text, place)
        having = clauses.get("HAVING")
        return Grouping(select, keys, self._cut(having) if having else None, lateness, once)

    def _cut(self, tokens: list[Token]) -> Cut:
        cut = Cut(self.text[tokens[0].start : tokens[-1].end + 1], *place_of(self.text, tokens[0].start))
        parsed(self.text, tokens, of_groups=True)
        if distinct := next((t for t in tokens if t.token_type == TokenType.DISTINCT), None):
            refuse(
                "A stream has no exact DISTINCT: write approx_count_distinct(x), or array_size(collect_set(x))",
                self.text,
                distinct,
            )
        return cut

    def _named(self, item: list[Token]) -> tuple[str, Cut]:
        """The name of a value, and what it is; a column alone has its own."""
        if not item:
            raise FilterError(f"Something is missing beside a comma. {_FORM}")
        depth = 0
        for i, token in enumerate(item):
            depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
            if not depth and token.token_type == TokenType.ALIAS:
                if len(item) != i + 2 or not re.fullmatch(r"\w+", item[-1].text) or not i:
                    refuse("A name of letters, digits and _ is to follow AS", self.text, token)
                return item[-1].text, self._cut(item[:i])
        if any(t.token_type == TokenType.L_PAREN for t in item) or len(item) % 2 == 0:
            place = slice(item[0].start, item[-1].end + 1)
            refuse("This value has no name: write … AS name", self.text, place)
        return item[-1].text, self._cut(item)

    def _key(self, item: list[Token]) -> Key:
        if not item:
            raise FilterError(f"Something is missing beside a comma in GROUP BY. {_FORM}")
        word = item[0].text.lower()
        place = slice(item[0].start, item[-1].end + 1)
        if len(item) == 1 and word == "night":
            return Key("night", length=86400.0, slide=86400.0)
        if len(item) > 1 and item[1].token_type == TokenType.L_PAREN:
            values = item[2:-1:2]
            if word == "window" and len(values) in (1, 2):
                spans = [seconds_of(self.text, value, at_least=1) for value in values]
                if spans[-1] > spans[0]:
                    refuse("A window cannot slide by more than its length", self.text, place)
                return Key("window", length=spans[0], slide=spans[-1])
            if word == "field" and re.fullmatch(r"[12]?\d", "".join(value.text for value in values)):
                return Key("field", order=int(values[0].text))
            refuse(
                "GROUP BY takes columns, night, window('30 days'), window('7 days', '1 day') and field(ORDER), a "
                f"HEALPix cell of order 0 to {_DEEPEST}; give any other value a name in SELECT, and group by that",
                self.text,
                place,
            )
        return Key("column", cut=self._cut(item))


_FORM = "Write SELECT count(*) AS n WHERE snr > 5 GROUP BY diaObjectId, window('30 days') HAVING n >= 3"


def _plain(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text)


def _only(text: str, tokens: list[Token]) -> str:
    """The text with blanks for all else, so that places in it are places in the whole."""
    start, end = tokens[0].start, tokens[-1].end + 1
    return re.sub(r"[^\n]", " ", text[:start]) + text[start:end]


def _split(tokens: list[Token]) -> Iterator[list[Token]]:
    """What stands between commas."""
    part: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if token.token_type == TokenType.COMMA and not depth:
            yield part
            part = []
        else:
            part.append(token)
    yield part
