"""What is likely to be wrong with a filter that runs: findings, as values, each with its cure.

:func:`before` needs only the filter and the columns, :func:`on_sample` what the cuts said of some alerts. Both look at
the SQL that a cut was bound to; of a cut that is a function in another language they find only what the sample shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from skysieve import lint_nan
from skysieve.filter import BoundFilter, Filter
from skysieve.languages import BoundCut
from skysieve.nights import PerNight
from skysieve.packets import avro
from skysieve.packets.columns import Column, Columns, Version

FLOOD = 1000.0
"""Alerts per night that a group of people, or the spectrographs that follow up, can still look through."""

_ENOUGH = 20
"""Alerts below which it tells nothing that a cut was always true."""
_SOME = 5
"""Alerts that must pass a cut, all of them flagged, before that is taken to be no chance."""
_FLAG = re.compile(r"flag|^isdipole$", re.IGNORECASE)
_EACH_ITEM, _ARRAY = 100, 10
"""What a function of each item of an array, and a column that is an array, are taken to cost; an operator costs 1."""
_CHEAP = 5
"""Times that a cut must cost what a later one does, before the order matters."""


@dataclass(frozen=True)
class Finding:
    """Something that is likely to be wrong.

    Attributes
    ----------
    cut
        Text of the cut; empty where it is about the whole filter.
    kind
        ``"always true"``, ``"always false"``, ``"flag"``, ``"null"``, ``"nan"``, ``"schema"``, ``"cost"`` or
        ``"flood"``.
    message
        What was found.
    cure
        What to do.
    """

    cut: str
    kind: str
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.cut}: {self.message} {self.cure}" if self.cut else f"{self.message} {self.cure}"


def before(spec: Filter, columns: Columns, present: Columns | None = None) -> list[Finding]:
    """What can be found before anything runs.

    Parameters
    ----------
    spec
        The filter.
    columns
        All columns that it could use.
    present
        The columns of the schema versions that the stream carries, if they are known.

    Raises
    ------
    ColumnError
        If it names a column that is not there.

    Examples
    --------
    >>> from skysieve import Filter
    >>> from skysieve.packets import formats
    >>> columns = formats.get("lsst").columns()
    >>> found = before(Filter("clean", "psfFlux_flag AND NOT snr < 5", "lsst-alerts"), columns)
    >>> [(finding.kind, finding.cut) for finding in found]
    [('flag', 'psfFlux_flag'), ('null', 'NOT snr < 5')]
    """
    bound = spec.bind(columns)
    trees = [tree for cut in bound.cuts if (tree := _tree(cut))]
    found = [one for cut in bound.cuts for one in (_wrong_flag(cut), _null(cut), _nan(cut, trees)) if one]
    if present is not None:
        found += [one for cut in bound.cuts if (one := _missing(cut, present))]
    return found + _cost(bound)


def on_sample(bound: BoundFilter, table: pd.DataFrame, per_night: PerNight | None = None) -> list[Finding]:
    """What a sample of the stream shows.

    Parameters
    ----------
    bound
        The filter, with the columns that it found.
    table
        One row per decoded alert: the scalar columns in use by name, and ``cut0`` … with True, False or NULL.
    per_night
        How many alerts it passes in a night.

    Notes
    -----
    A cut can be always true or false by chance, so fewer than 20 alerts show nothing. More than 1,000 alerts a night
    (``FLOOD``) are taken to be more than their readers can look through.
    """
    found: list[Finding] = []
    for i, cut in enumerate(bound.cuts):
        says = table[f"cut{i}"]
        yes = says.fillna(value=False).astype(bool)
        found += [one for one in (_null(cut, table), _only_flagged(cut, table, yes)) if one]
        if len(table) >= _ENOUGH and yes.all():
            found.append(
                Finding(
                    cut.text,
                    "always true",
                    f"All {len(table):,} alerts read pass it.",
                    "Leave it out, or make it stricter, unless it is there for what is rarer than that.",
                )
            )
        if len(table) >= _ENOUGH and not yes.any():
            null = int(says.isna().sum())
            of_these = f" (it is NULL for {null:,})" if null else ""
            found.append(
                Finding(
                    cut.text,
                    "always false",
                    f"None of the {len(table):,} alerts read passes it{of_these}.",
                    "Look at the values with why(id), and at the unit of each column.",
                )
            )
    if per_night and per_night.expected > FLOOD:
        found.append(
            Finding(
                "",
                "flood",
                f"Some {float(f'{per_night.expected:.2g}'):,.0f} alerts a night would pass, "
                f"more than the {FLOOD:,.0f} that its readers can look through.",
                "Make a cut stricter, or add one.",
            )
        )
    return found


def merged(first: Sequence[Finding], then: Sequence[Finding]) -> tuple[Finding, ...]:
    """Both, without what was found twice: what a sample shows says more."""
    return tuple({(one.cut, one.kind): one for one in (*first, *then)}.values())


def _tree(cut: BoundCut) -> exp.Expr | None:
    """The SQL of a cut, parsed; None where it has none."""
    text = getattr(cut, "sql", "")
    try:
        return sqlglot.parse_one(text, dialect="spark") if text else None
    except SqlglotError:
        return None


def _wrong_flag(cut: BoundCut) -> Finding | None:
    """A cut that is a flag, where its opposite would be meant."""
    tree = _tree(cut)
    name, value = _demanded(tree) if tree else ("", False)
    flags = {column.name for column in cut.columns if _is_flag(column)}
    return _flagged(cut, name) if value and name in flags else None


def _only_flagged(cut: BoundCut, table: pd.DataFrame, yes: pd.Series[bool]) -> Finding | None:
    """The same of any cut, from what it passes."""
    if int(yes.sum()) < _SOME:
        return None
    for column in cut.columns:
        if _is_flag(column) and column.name in table:
            is_set = table[column.name].fillna(value=False).astype(bool)
            if is_set[yes].all() and not is_set.all():
                return _flagged(cut, column.name)
    return None


def _flagged(cut: BoundCut, name: str) -> Finding:
    return Finding(
        cut.text,
        "flag",
        f"It keeps only alerts that have {name} set, which says that something went wrong.",
        "Put NOT before it, unless these are the ones you look for.",
    )


def _is_flag(column: Column) -> bool:
    return avro.spark_type(column.schema) == "boolean" and bool(_FLAG.search(column.path[-1]))


def _demanded(tree: exp.Expr) -> tuple[str, bool]:
    """The boolean column that a condition consists of, and the value that it asks for."""
    tree = tree.unnest()
    if isinstance(tree, exp.Column):
        return tree.parts[0].name, True
    if isinstance(tree, exp.Not):
        name, value = _demanded(tree.this)
        return name, not value
    if isinstance(tree, exp.EQ | exp.Is | exp.NullSafeEQ | exp.NEQ):
        column, constant = tree.this, tree.expression
        if isinstance(column, exp.Boolean):
            column, constant = constant, column
        if isinstance(column, exp.Column) and isinstance(constant, exp.Boolean):
            return column.parts[0].name, bool(constant.this) != isinstance(tree, exp.NEQ)
    return "", False


def _null(cut: BoundCut, table: pd.DataFrame | None = None) -> Finding | None:
    """A negation that looks as if it kept what is not known, but drops it."""
    tree = _tree(cut)
    names = dict.fromkeys(_negated(tree)) if tree else {}
    columns = {column.name: column for column in cut.columns}
    told = {}
    for name in names:
        column = columns.get(name)
        nulls = int(table[name].isna().sum()) if table is not None and name in table else 0
        # every flag of LSST can be NULL by its schema, and hardly any is: NOT flag is the usual way to use one
        is_bare_flag = column is not None and avro.spark_type(column.schema) == "boolean"
        if column is None or not (nulls or (column.null and not is_bare_flag)):
            continue
        if table is None or name not in table:
            told[name] = f"{name} can be NULL"
        else:
            how = f"is NULL in {nulls:,}" if nulls else "can be NULL, but is in none"
            told[name] = f"{name} {how} of the {len(table):,} alerts read"
    if not told:
        return None
    return Finding(
        cut.text,
        "null",
        f"It also drops every alert where the value is not known: {', '.join(told.values())}.",
        f"To keep those, write ({cut.text} OR {next(iter(told))} IS NULL).",
    )


def _nan(cut: BoundCut, all_cuts: Sequence[exp.Expr]) -> Finding | None:
    """A cut that is true where its function has no value."""
    tree = _tree(cut)
    found = next(lint_nan.passed(tree, all_cuts), None) if tree else None
    if found is None:
        return None
    return Finding(
        cut.text,
        "nan",
        f"Where {found.where}, {found.call} is NaN, which is greater than any number: such an alert passes.",
        f"Write (NOT isnan({found.call}) AND {cut.text}), or a cut that keeps what it is given in its range.",
    )


def _negated(tree: exp.Expr) -> Iterator[str]:
    """Names of the columns in negations, without those whose NULLs are taken care of."""
    cared = {
        column.parts[0].name
        for safe in tree.find_all(exp.Is, exp.Coalesce, exp.NullSafeEQ)
        for column in safe.find_all(exp.Column)
    }
    for node in tree.find_all(exp.Not, exp.NEQ, exp.Like, exp.ILike, exp.RegexpLike):
        if isinstance(node, exp.Not | exp.NEQ) or node.args.get("negate"):
            for column in node.find_all(exp.Column):
                if column.parts[0].name not in cared:
                    yield column.parts[0].name


def _missing(cut: BoundCut, present: Columns) -> Finding | None:
    """A column that some of the stream's schema versions lack."""
    ends = [(c.since, c.until) for c in present if c.since is not None and c.until is not None]
    if not ends:
        return None
    whole = (min((since for since, _ in ends), key=_age), max((until for _, until in ends), key=_age))
    used = [name.partition("[]")[0] for column in cut.columns for name in column.uses or (column.name,)]
    told = []
    for name in dict.fromkeys(used):
        if name not in present:
            told.append(f"{name} is in no schema that this stream carries ({_versions(*whole)})")
        elif (has := (present[name].since, present[name].until)) != whole:
            told.append(f"{name} is in schema {_versions(*has)} only, the stream carries {_versions(*whole)}")
    if not told:
        return None
    return Finding(
        cut.text,
        "schema",
        f"{'; '.join(told)}. It is NULL where it is missing.",
        "Say what shall happen to those alerts: OR … IS NULL keeps them.",
    )


def _age(version: Version) -> tuple[int, str]:
    """What versions are sorted by: LSST's are numbers, others' are texts."""
    return (version, "") if isinstance(version, int) else (0, version)


def _versions(since: Version | None, until: Version | None) -> str:
    return str(since) if since == until else f"{since} to {until}"


def _cost(bound: BoundFilter) -> list[Finding]:
    """Cuts that cost far more than one after them."""
    costs = [_estimated(cut) for cut in bound.cuts]
    found = [_one_by_one(cut) for cut in bound.cuts if getattr(cut, "per_alert", False)]
    for i, (cut, cost) in enumerate(zip(bound.cuts, costs, strict=True)):
        cheap = [one for one in costs[i + 1 :] if one and one * _CHEAP <= cost]
        if cost >= _ARRAY and cheap:
            found.append(
                Finding(
                    cut.text,
                    "cost",
                    f"It goes through a history, which costs some {cost / min(cheap):.0f} times what a later cut "
                    "does (estimated from the expression, not measured).",
                    "Move it last: an alert that fails a cut is not asked the next one.",
                )
            )
    return found


def _one_by_one(cut: BoundCut) -> Finding:
    return Finding(
        cut.text,
        "cost",
        "It is called once for each alert, which costs as much as judging some hundreds at once does.",
        "Where it is too slow, take arrays: without @skysieve.per_alert, its arguments are columns of many alerts.",
    )


def _estimated(cut: BoundCut) -> int:
    """What a cut costs, in operators; 0 if that cannot be told."""
    tree = _tree(cut)
    if tree is None:
        return 0
    arrays = sum(column.is_array or any("[]" in name for name in column.uses) for column in cut.columns)
    nodes = sum(isinstance(node, exp.Condition) for node in tree.walk())
    return nodes + _ARRAY * arrays + _EACH_ITEM * sum(1 for _ in tree.find_all(exp.Lambda))
