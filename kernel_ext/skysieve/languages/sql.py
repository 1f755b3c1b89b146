"""Filters in SQL: a WHERE clause in Spark's dialect becomes cuts over columns.

sqlglot parses and finds the columns; the text itself goes to Spark as it was written, with only the names of columns
put in full, so that nothing is lost in translation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import ColumnError, FilterError, FilterSyntaxError, nearest
from skysieve.languages import Cut, expansion
from skysieve.packets.columns import Column, Columns

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

is_isolated = False
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
_UNFIT_FUNCTIONS = {
    re.compile(
        r"every|some|mean|std|product|try_avg|try_sum|histogram_numeric|count_min_sketch|bitmap_and_agg"
        r"|schema_of_variant_agg|hll_(sketch|union)_agg|kll_sketch_agg_\w+|theta_\w+_agg"
    ): _AGGREGATE,
    re.compile(r"inline_outer|json_tuple|(session_)?window"): _SEVERAL_ROWS,
}
_NAMED = re.compile(r"(\w+)\s*:\s*(.+)", re.DOTALL)
_FORBIDDEN = re.compile(
    r"(try_)?reflect|java_method|raise_error|assert_true|identifier|input_file_(name|block_start|block_length)"
)


@dataclass(frozen=True)
class BoundSql:
    """A cut whose names have found their columns.

    Attributes
    ----------
    text
        As it was written.
    sql
        The same with every column as one quoted name, ready for Spark.
    columns
        The columns that it reads.
    """

    text: str
    sql: str
    columns: tuple[Column, ...]

    def condition(self) -> SparkColumn:
        """The cut in Spark."""
        from pyspark.sql import functions as F  # noqa: N812

        return F.expr(self.sql)


def content(text: str) -> list[str]:
    """The text of each cut: what stands between them decides nothing."""
    return [cut.text for cut in cuts(text)]


def cuts(text: str) -> tuple[Cut, ...]:
    """Split a WHERE clause at its top-level ANDs.

    Raises
    ------
    FilterError
        If there is nothing in it, or something that cannot judge one alert.
    FilterSyntaxError
        If it does not parse; the message points at the place.

    Examples
    --------
    >>> [c.text for c in cuts("snr > 20 AND (band = 'g' OR band = 'r') AND ra BETWEEN 10 AND 20")]
    ['snr > 20', "(band = 'g' OR band = 'r')", 'ra BETWEEN 10 AND 20']
    """
    text = re.sub(r"\r\n?", "\n", text)
    tokens = _tokens(text)
    if tokens and tokens[0].token_type == TokenType.WHERE:
        tokens = tokens[1:]
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if not tokens:
        raise FilterError("The filter is empty: write a condition, for example diaSource.snr > 20.")
    found = []
    for part in _conjuncts(text, tokens):
        _parse(text, part)
        start, end = part[0].start, part[-1].end
        found.append(Cut(text[start : end + 1], *_place(text, start)))
    return tuple(found)


def named(text: str) -> dict[str, str]:
    """Read ``name: SQL`` pairs, separated by semicolons or lines.

    Raises
    ------
    FilterError
        If a pair has no name, or a name comes twice.

    Examples
    --------
    >>> named("mag: derived.mag; colour: derived.mag - 2")
    {'mag': 'derived.mag', 'colour': 'derived.mag - 2'}
    """
    tokens, found, begin = _tokens(text), {}, 0
    ends = [t.start for t in tokens if t.token_type == TokenType.SEMICOLON]
    ends += [m.start() for m in re.finditer(r"\n(?=\s*\w+\s*:)", text)]
    for end in [*sorted(ends), len(text)]:
        pair = text[begin:end].strip().strip(";").strip()
        begin = end
        if not pair:
            continue
        match = _NAMED.fullmatch(pair)
        if not match or match[1] in found:
            what = f"gives {match[1]!r} twice" if match else "has no name"
            raise FilterError(f"emit={pair!r} {what}: write name: expression, for example mag: derived.mag")
        _parse(match[2], _tokens(match[2]))
        found[match[1]] = match[2]
    return found


def bind(cut: Cut, columns: Columns) -> BoundSql:
    """Find the columns of a cut.

    Raises
    ------
    ColumnError
        If a name is unknown or could be several columns.
    FilterError
        If one of the functions in :data:`skysieve.languages.helpers.HELPERS` is not called as it must be.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> bind(Cut("snr > 20"), formats.get("lsst").columns()).sql
    '`diaSource.snr` > 20'
    """
    expanded = expansion.expand(cut, columns)
    text, columns = expanded.text, expanded.columns
    used: dict[str, Column] = {}
    pieces, at = [], 0
    for start, end, name in sorted(_names(_parse(text, _tokens(text)))):
        try:
            column, rest = _find(name, columns)
        except ColumnError as error:
            place = _place(cut.text, expanded.origin(start), cut.line, cut.column)
            message = f"{error} (cut {cut.text!r}, line {place[0]})"
            raise ColumnError(message, *place, length=end + 1 - start) from None
        used[column.name] = column
        pieces += [text[at:start], ".".join(map(_quoted, (column.name, *rest)))]
        at = end + 1
    return BoundSql(cut.text, "".join([*pieces, text[at:]]), tuple(used.values()))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _find(name: str, columns: Columns) -> tuple[Column, list[str]]:
    """The column that a dotted name begins with, and the field of its array's items that follows, if any."""
    parts = name.split(".")
    for size in range(len(parts) - 1, 0, -1):
        match columns.named(".".join(parts[:size])):
            case [column] if column.is_array:
                fields = {field.lower(): field for field in column.fields()}
                field, *rest = parts[size:]
                if field.lower() in fields:
                    return column, [fields[field.lower()], *rest]
                hint = nearest(field, fields.values())
                raise ColumnError(f"The records of {column.name} have no field {field!r}.{hint}")
    return columns.resolve(name), []


def _names(tree: exp.Expr) -> Iterator[tuple[int, int, str]]:
    """Start, end and dotted text of every column name in a cut."""
    for column in tree.find_all(exp.Column):
        if _is_variable(column):
            continue
        parts = list(column.parts)
        node: exp.Expr = column
        while isinstance(node.parent, exp.Dot) and node.arg_key == "this":
            node = node.parent
            if not isinstance(node.expression, exp.Identifier):
                break
            parts.append(node.expression)
        yield parts[0].meta["start"], parts[-1].meta["end"], ".".join(p.name for p in parts)


def _is_variable(column: exp.Column) -> bool:
    """Whether this is the variable of a lambda around it, in whatever case (sqlglot knows it in the same case only)."""
    around = column.find_ancestor(exp.Lambda)
    while around:
        if column.parts[0].name.lower() in {variable.name.lower() for variable in around.expressions}:
            return True
        around = around.find_ancestor(exp.Lambda)
    return False


def _conjuncts(text: str, tokens: list[Token]) -> list[list[Token]]:
    """The tokens of each condition that top-level ANDs join."""
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            _refuse("A filter is one condition: join conditions with AND or OR, not ';'", text, token)
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
                    _refuse("A condition is missing before this AND", text, token)
                parts.append([])
                last = token
                continue
            between -= 1
        parts[-1].append(token)
    if not parts[-1]:
        _refuse("A condition is missing after this AND", text, last)
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


def _tokens(text: str) -> list[Token]:
    try:
        tokens = list(_DIALECT.tokenize(text))
    except TokenError as error:
        opening = _opening(text)
        _refuse("This quote or comment has no end", text, slice(opening, opening + 1), error)
    for token in tokens:
        if any(comment.endswith("\\") for comment in token.comments):
            raise FilterError("A comment cannot end in a backslash: to Spark the next line is a part of it.")
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


def _parse(text: str, tokens: list[Token]) -> exp.Expr:
    """Parse the tokens of one condition, and refuse what cannot judge a single alert."""
    try:
        (tree,) = _DIALECT.parser(error_message_context=len(text)).parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        first = error.errors[0]
        highlight, place = str(first["highlight"]), len(first["start_context"] or "")
        reason = _reason(str(first["description"]), highlight)
        where = slice(place, place + max(1, len(highlight)))
        _refuse(f"This is not a condition in SQL: {reason}", text, where, error)
    if tree is None:
        _refuse("This is not a condition in SQL", text, tokens[0])
    if what := next(_unfit(tree), None):
        raise FilterError(f"A filter judges one alert at a time, so it cannot have {what}.")
    for function in tree.find_all(exp.Func):
        if _FORBIDDEN.fullmatch(name := _name(function)):
            raise FilterError(f"A filter cannot call {name}(): it reaches beyond the alert that is judged.")
        if isinstance(function.parent, exp.Dot) and function.arg_key == "expression":
            raise FilterError(f"A filter calls functions by their name alone: {name}(), nothing before it.")
    return tree


def _unfit(tree: exp.Expr) -> Iterator[str]:
    """What there is in a condition that cannot judge a single alert."""
    yield from (what for kind, what in _UNFIT.items() if tree.find(kind))
    names = {_name(function) for function in tree.find_all(exp.Func)}
    yield from (what for fits, what in _UNFIT_FUNCTIONS.items() if any(map(fits.fullmatch, names)))
    if any(not isinstance(one.parent, exp.Like | exp.ILike) for one in tree.find_all(exp.Any)):
        yield _AGGREGATE


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


def _refuse(message: str, text: str, where: Token | slice, cause: Exception | None = None) -> NoReturn:
    start, stop = (where.start, where.stop) if isinstance(where, slice) else (where.start, where.end + 1)
    raise FilterSyntaxError(message, text, *_place(text, start), length=stop - start) from cause


def _place(text: str, offset: int, line: int = 1, column: int = 1) -> tuple[int, int]:
    """Line and column of an offset, counted from 1, or from where the text begins."""
    before = text[:offset].split("\n")
    return line + len(before) - 1, len(before[-1]) + (column if len(before) == 1 else 1)
