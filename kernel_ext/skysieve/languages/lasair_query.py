"""What a query of Lasair may hold: the columns of its table ``objects``, and which of them are copies of the packet's.

The table is described in ``common/schema/11_1/objects.py`` of https://github.com/lsst-uk/lasair-lsst, the filling of it
in ``pipeline/filter/alert``, and what a query may hold in ``webserver/lasair/query_builder.py``. Lasair overwrites
firstDiaSourceMjdTai and lastDiaSourceMjdTai by what it finds in the light curve, so these are its own.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from skysieve.errors import ColumnError, FilterError, FilterSyntaxError, nearest
from skysieve.languages import places, terms

_BANDS = "ugrizy"
_PER_BAND = (
    *("psfFluxMean", "psfFluxMeanErr", "psfFluxSigma", "psfFluxNdata", "fpFluxMean", "fpFluxMeanErr"),
    *(
        "scienceFluxMean",
        "scienceFluxMeanErr",
        "psfFluxMin",
        "psfFluxMax",
        "psfFluxMaxSlope",
        "psfFluxErrMean",
    ),
)
TYPES = {
    "diaObjectId": "id",
    "nDiaSources": "int",
    **dict.fromkeys(("ra", "decl", "validityStartMjdTai"), "double"),
    **dict.fromkeys(("raErr", "decErr", "ra_dec_Cov"), "float"),
    **{f"{b}_{name}": "int" if name == "psfFluxNdata" else "float" for b in _BANDS for name in _PER_BAND},
}
OWN = (
    *(
        "lastDiaSourceMjdTai",
        "firstDiaSourceMjdTai",
        "latest_psfFlux",
        "medianR",
        "latestR",
        "nPosDiaSources",
    ),
    *(
        "nPosDiaSourcesNights",
        "nSourcesGood",
        "tns_name",
        "absMag",
        "absMagMJD",
        "BBBRiseRate",
        "BBBFallRate",
    ),
    *(
        "BBBTemp",
        "BBBPeakFlux",
        "BBBPeakMJD",
        "BBBPeakAbsMag",
        "glat",
        "ebv",
        "jump1",
        "jump2",
        "latestPairMJD",
    ),
    *("latestPairColourMag", "latestPairColourBands", "latestPairColourTemp", "penultimatePairMJD"),
    *(
        "penultimatePairColourMag",
        "penultimatePairColourBands",
        "penultimatePairColourTemp",
        "htm16",
        "timestamp",
    ),
    *(f"{band}_{name}" for name in ("psfFlux", "latestMJD") for band in _BANDS),
    *(f"n{band}Sources" for band in _BANDS),
)
"""Columns of ``objects`` that Lasair works out or looks up."""

_BY_LOWER = {name.lower(): name for name in (*TYPES, *OWN)}
_DIALECT = sqlglot.Dialect.get_or_raise("mysql")
_WHOLE = {
    TokenType.SELECT: "",
    TokenType.WHERE: "SELECT * FROM objects",
    TokenType.ORDER_BY: "SELECT * FROM objects",
}
"""What is to be said before a query that begins so."""
_JOINED = re.compile(r"\b(?:watchlist|area|watchmap|annotator)s?\s*:\s*[\w&]+", re.IGNORECASE)


FUNCTIONS = ("abs", "coalesce", "ln", "log10")
"""Those that MariaDB and Spark both know, and understand alike."""


def copied(name: str) -> str:
    """The packet's column that one of ``objects`` is a copy of.

    Examples
    --------
    >>> copied("decl")
    'diaObject.dec'
    """
    return f"diaObject.{'dec' if name == 'decl' else name}"


def known(node: exp.Column) -> str:
    """The name of a column of ``objects``, in Lasair's spelling."""
    name = _BY_LOWER.get(node.name.lower())
    if name is None or node.table.lower() not in {"", "objects", "objects_ext"}:
        raise ColumnError(
            f"Lasair's objects have no column {terms.name_of(node)!r}.{nearest(node.name, _BY_LOWER.values())}"
        )
    return name


def own_names(part: exp.Expr, text: str) -> list[tuple[str, exp.Column]]:
    """What a condition reads that is Lasair's own: columns of objects and of its other tables."""
    found = []
    for node in part.find_all(exp.Column):
        with places.within(places.of(text, node)):
            if node.table and node.table.lower() not in {"objects", "objects_ext"}:
                found.append((terms.name_of(node), node))
            elif (name := known(node)) in OWN:
                found.append((f"objects.{name}", node))
    return found


def parsed(text: str) -> exp.Select:
    """The query; a condition alone is taken for one over ``objects``."""
    if foreign := list(_JOINED.finditer(text)):
        raise FilterError(
            f"No packet knows {', '.join(one[0] for one in foreign)}: it is a list that Lasair keeps. Leave it out.",
            *places.at(text, *foreign[0].span()),
        )
    terms.refuse_two_logarithms(text)
    try:
        tokens = _DIALECT.tokenize(text)
        while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
            tokens.pop()
        for token in tokens:
            with places.within(places.of(text, token)):
                _check_token(token)
        # before what stands in Lasair's WHERE field alone; each token of the text keeps its place
        before = _WHOLE.get(
            tokens[0].token_type if tokens else TokenType.WHERE, "SELECT * FROM objects WHERE"
        )
        (query,) = _DIALECT.parser().parse([*_DIALECT.tokenize(before), *tokens], text)
    except TokenError:
        raise FilterError(f"A quote or comment has no end in this query: {text.strip()}") from None
    except ParseError as error:
        first = error.errors[0]
        place = (
            int(first.get("line") or 1),
            max(int(first.get("col") or 1) - len(first["highlight"] or "") + 1, 1),
        )
        raise FilterSyntaxError(
            f"Lasair's SQL is not understood here: {first['description']}", text, *place
        ) from None
    except ValueError:
        raise FilterError("This is not one query: join conditions with AND or OR, not ';'.") from None
    if not isinstance(query, exp.Select):
        raise FilterError("A filter of Lasair is one SELECT … FROM objects WHERE ….")
    _check(query)
    return query


def _check_token(token: Token) -> None:
    if token.token_type == TokenType.DPIPE:
        raise FilterError(
            "'||' cannot be translated: Lasair forbids it, and Spark takes it for joining texts. Write OR."
        )
    if token.token_type == TokenType.NOT and token.text == "!":
        raise FilterError("'!' cannot be translated: it binds more tightly than NOT. Write NOT.")


def _check(query: exp.Select) -> None:
    """Refuse what would let pass other rows than its condition does."""
    table = query.args.get("from_")
    joins = [join.this.name or join.this.sql() for join in query.args.get("joins") or ()]
    tables = [*([table.this.name] if table else []), *joins]
    if foreign := [name for name in tables if name.lower() not in {"objects", "objects_ext"}]:
        raise FilterError(
            f"Only objects translates, not {', '.join(foreign)}: Lasair made that itself. Leave it out."
        )
    if len(tables) > 1 or (table and table.this.alias):
        raise FilterError("Write FROM objects, once and without another name.")
    for key, value in query.args.items():
        if value and key not in {"expressions", "from_", "where", "order", "joins"}:
            raise FilterError(
                f"{key.upper().strip('_')} cannot be translated: a filter judges one alert at a time."
            )
    if any(one.find(exp.AggFunc) for one in query.expressions):
        raise FilterError("An aggregate cannot be translated: a filter judges one alert at a time.")
