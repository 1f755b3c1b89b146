"""SQL as tokens and trees: where conditions part, and what cannot stand in a filter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import FilterError, FilterSyntaxError
from skysieve.languages import places

_DIALECT = sqlglot.Dialect.get_or_raise("spark")
_PAIRS = {
    TokenType.R_PAREN: TokenType.L_PAREN,
    TokenType.R_BRACKET: TokenType.L_BRACKET,
    TokenType.END: TokenType.CASE,
}
_AGGREGATE = "an aggregate such as count() or max(): on histories use aggregate(), exists(), filter(), size()"
_SEVERAL_ROWS = "a function that makes several rows"
_UNFIT: dict[type[exp.Expr], str] = {
    exp.Query: "a sub-query",
    exp.Window: "a window function",
    exp.AggFunc: _AGGREGATE,
    exp.UDTF: _SEVERAL_ROWS,
    exp.Star: "a star: name the columns",
    exp.Placeholder: "a parameter: write its value",
    exp.Parameter: "a parameter: write its value",
}
# Those of Spark's functions that sqlglot does not know as such.
_AGGREGATES = re.compile(
    r"every|some|mean|std|product|try_avg|try_sum|histogram_numeric|count_min_sketch|bitmap_and_agg"
    r"|schema_of_variant_agg|hll_(sketch|union)_agg|kll_sketch_agg_\w+|theta_\w+_agg"
)
_UNFIT_FUNCTIONS = {
    _AGGREGATES: _AGGREGATE,
    re.compile(r"inline_outer|json_tuple|(session_)?window"): _SEVERAL_ROWS,
}
_FORBIDDEN = re.compile(
    r"(try_)?reflect|java_method|raise_error|assert_true|identifier|input_file_(name|block_start|block_length)"
)


def conjuncts(text: str, tokens: list[Token]) -> list[list[Token]]:
    """The tokens of each condition that top-level ANDs join."""
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            refuse("A filter is one condition: join conditions with AND or OR, not ';'", text, token)
    opened: list[TokenType] = []
    between = 0
    parts: list[list[Token]] = [[]]
    last = tokens[0]
    for before, token in zip([None, *tokens], tokens, strict=False):
        after_dot = before is not None and before.token_type == TokenType.DOT
        kind = TokenType.VAR if after_dot else token.token_type  # a field can be called "end"
        _follow(opened, kind)
        if not opened and kind == TokenType.OR:
            return [tokens]
        if not opened and kind == TokenType.BETWEEN:
            between += 1
        if not opened and kind == TokenType.AND:
            if not between:
                if not parts[-1]:
                    refuse("A condition is missing before this AND", text, token)
                parts.append([])
                last = token
                continue
            between -= 1
        parts[-1].append(token)
    if not parts[-1]:
        refuse("A condition is missing after this AND", text, last)
    return parts


def _follow(opened: list[TokenType], kind: TokenType) -> None:
    """Keep account of what is open; a lambda's variable, too, can be called "end" or "case"."""
    opening = _PAIRS.get(kind)
    if kind in _PAIRS.values():
        opened.append(kind)
    elif kind == TokenType.END:
        if opened[-1:] == [opening]:
            opened.pop()
    elif opening in opened:
        while opened.pop() != opening:
            pass


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text.

    Raises
    ------
    FilterSyntaxError
        If a quote or comment in it has no end.
    """
    try:
        tokens = list(_DIALECT.tokenize(text))
    except TokenError as error:
        opening = _opening(text)
        refuse("This quote or comment has no end", text, slice(opening, opening + 1), error)
    for token in tokens:
        if any(comment.endswith("\\") for comment in token.comments):
            with places.within(places.of(text, token)):
                raise FilterError(
                    "A comment cannot end in a backslash: to Spark the next line is a part of it."
                )
    return tokens


def _opening(text: str) -> int:
    """Where a quote or comment begins that has no end: all before it is whole."""

    def is_whole(head: str) -> bool:
        try:
            _DIALECT.tokenize(head)
        except TokenError:
            return False
        return True

    openings = (m.start() for m in re.finditer(r"['\"`]|/\*", text))
    return max((place for place in openings if is_whole(text[:place])), default=0)


def parsed(text: str, tokens: list[Token], *, of_groups: bool = False) -> exp.Expr:
    """Parse the tokens of one condition, and refuse what cannot judge a single alert, or a group of them."""
    try:
        (tree,) = _DIALECT.parser(error_message_context=len(text)).parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        first = error.errors[0]
        highlight, place = str(first["highlight"]), len(first["start_context"] or "")
        reason = _reason(str(first["description"]), highlight)
        where = slice(place, place + max(1, len(highlight)))
        refuse(f"This is not a condition in SQL: {reason}", text, where, error)
    if tree is None:
        refuse("This is not a condition in SQL", text, tokens[0])
    said = "An aggregate" if of_groups else "A filter judges one alert at a time, so it"
    for part, what in _unfit(tree):
        if not (of_groups and what == _AGGREGATE):
            with places.within(places.of(text, part)):
                raise FilterError(f"{said} cannot have {what}.")
    for function in tree.find_all(exp.Func):
        with places.within(places.of(text, function)):
            if _FORBIDDEN.fullmatch(name := _name(function)):
                raise FilterError(
                    f"A filter cannot call {name}(): it reaches beyond the alert that is judged."
                )
            if isinstance(function.parent, exp.Dot) and function.arg_key == "expression":
                raise FilterError(
                    f"A filter calls functions by their name alone: {name}(), nothing before it."
                )
    return tree


def _unfit(tree: exp.Expr) -> Iterator[tuple[exp.Expr, str]]:
    """What there is in a condition that cannot judge a single alert, and what it is."""
    for kind, what in _UNFIT.items():
        yield from ((one, what) for one in tree.find_all(kind) if not _is_all(one))
    for fits, what in _UNFIT_FUNCTIONS.items():
        yield from ((one, what) for one in tree.find_all(exp.Func) if fits.fullmatch(_name(one)))
    for one in tree.find_all(exp.Any):
        if not isinstance(one.parent, exp.Like | exp.ILike):
            yield one, _AGGREGATE


def _is_all(node: exp.Expr) -> bool:
    """Whether it is the star of count(*), which the count alone stands for."""
    return isinstance(node, exp.Star) and isinstance(node.parent, exp.Count)


def is_aggregated(node: exp.Expr) -> bool:
    """Whether a part of an expression stands within an aggregate."""
    around = node.parent
    while around is not None:
        if isinstance(around, exp.AggFunc | exp.Filter) or (
            isinstance(around, exp.Anonymous) and _AGGREGATES.fullmatch(_name(around))
        ):
            return True
        around = around.parent
    return False


def _name(function: exp.Func) -> str:
    return (function.name if isinstance(function, exp.Anonymous) else function.sql_name()).lower()


def _reason(description: str, highlight: str) -> str:
    if description.startswith("Required keyword: 'expression'"):
        return "something is missing after this"
    if description.startswith("Required"):
        return "something is missing near this"
    if description.startswith("Invalid expression"):
        return f"{highlight!r} is not expected here"
    return description[:1].lower() + description[1:]


def refuse(message: str, text: str, where: Token | slice, cause: Exception | None = None) -> NoReturn:
    """Say what is wrong with a text, and where."""
    start, stop = (where.start, where.stop) if isinstance(where, slice) else (where.start, where.end + 1)
    raise FilterSyntaxError(message, text, *place_of(text, start), length=stop - start) from cause


def place_of(text: str, offset: int, line: int = 1, column: int = 1) -> tuple[int, int]:
    """Line and column of an offset, counted from 1, or from where the text begins."""
    return places.at(text, offset, offset, line, column)[:2]
