"""Random conditions in SQL over random columns select what three-valued logic in plain Python does."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from skysieve import Filter
from skysieve.packets import avro

from languages import plain
from languages.plain import both, either, no
from languages.selecting import selected

pytestmark = pytest.mark.real_data
CUTS, BATCHES = 30, 2
KINDS = ("int", "long", "float", "double", "string", "boolean")
compared: Counter[str] = Counter()


@dataclass(frozen=True)
class Cut:
    """A condition in SQL, and what it says of an alert: True, False or None."""

    sql: str
    says: Any

    def __repr__(self):
        return self.sql


@dataclass(frozen=True)
class Literal:
    """A literal as it is written, and its value as Spark compares it."""

    sql: str
    value: Any
    like: Any = None
    """To what a column's value is converted before."""


class Scalars(list):
    """Names, types and values of columns; hypothesis writes down what a strategy is made of, and that is long."""

    def __repr__(self):
        return f"<{len(self)} columns>"


OPERATORS = {"=": plain.eq, "<>": plain.ne, "<": plain.lt, "<=": plain.le, ">": plain.gt, ">=": plain.ge}


def to_single(value):
    return float(np.float32(value))


def literals(kind, values):
    """Literals of one sort that a column can be compared with, near the values that it has."""
    numbers = st.sampled_from(values or [0])
    if kind in ("float", "double"):
        whole = numbers.map(lambda v: int(min(max(v, -(2**31)), 2**31 - 1)))
        like = to_single if kind == "float" else float
        return [
            numbers.map(lambda v: Literal(f"{float(v)!r}D", float(v), float)),
            numbers.map(lambda v: Literal(format(float(v), ".4f"), float(format(float(v), ".4f")), float)),
            whole.map(lambda v: Literal(str(v), like(v), like)),
        ]
    if kind in ("int", "long"):
        suffix = "L" if kind == "long" else ""
        near = st.tuples(numbers, st.integers(-1, 1)).map(sum)
        return [
            near.map(lambda v: Literal(f"{v}{suffix}", v)),
            near.map(
                lambda v: Literal(
                    f"{v}.5", Fraction(2 * v + (1 if v >= 0 else -1), 2) if v else Fraction(1, 2)
                )
            ),
            near.map(lambda v: Literal(f"{float(v)!r}D", float(v), float)),
        ]
    quoted = st.one_of(numbers.map(str), st.sampled_from(["", "i", "a'b", "ZTF", "null", "\\", "é"]))
    escape = str.maketrans({"\\": "\\\\", "'": "\\'"})
    return [quoted.map(lambda v: Literal(f"'{v.translate(escape)}'", v))]


def converted(literal, value):
    return literal.like(value) if literal.like and not plain.is_null(value) else value


@st.composite
def conditions(draw, columns):
    """One comparison of a random column."""
    name, kind, values = columns[draw(st.integers(0, len(columns) - 1))]
    if kind == "boolean":
        return draw(st.sampled_from(flags(name)))
    what = draw(st.sampled_from(["compare", "compare", "null", "between", "in", "same", "more"]))
    if what == "null":
        return draw(st.sampled_from([
            Cut(f"{name} IS NULL", lambda a: a(name) is None),
            Cut(f"{name} IS NOT NULL", lambda a: a(name) is not None),
        ]))  # fmt: skip
    sort = draw(st.sampled_from(literals(kind, values)))
    one = draw(sort)
    if what == "between":
        low, high = draw(st.permutations([one, draw(sort)]))
        negated = draw(st.booleans())
        inside = lambda a: plain.between(converted(low, a(name)), low.value, high.value)  # noqa: E731
        text = f"{name} {'NOT ' if negated else ''}BETWEEN {low.sql} AND {high.sql}"
        return Cut(text, (lambda a: no(inside(a))) if negated else inside)
    if what == "in":
        found = [one, *draw(st.lists(sort, max_size=3))]
        nulls = [None] if draw(st.booleans()) else []
        text = ", ".join([*(literal.sql for literal in found), *("NULL" for _ in nulls)])
        values = [*(literal.value for literal in found), *nulls]
        return Cut(f"{name} IN ({text})", lambda a: plain.one_of(converted(one, a(name)), *values))
    if what == "same":
        return Cut(
            f"{name} <=> {one.sql}", lambda a: a(name) is not None and converted(one, a(name)) == one.value
        )
    if what == "more":
        return draw(more(columns, name, kind, one))
    operator, compare = draw(st.sampled_from(list(OPERATORS.items())))
    return Cut(f"{name} {operator} {one.sql}", lambda a: compare(converted(one, a(name)), one.value))


def flags(name):
    return [
        Cut(name, lambda a: a(name)),
        Cut(f"{name} = TRUE", lambda a: a(name)),
        Cut(f"{name} <> TRUE", lambda a: no(a(name))),
        Cut(f"{name} IS NOT TRUE", lambda a: a(name) is not True),
        Cut(f"{name} IS FALSE", lambda a: a(name) is False),
        Cut(f"{name} IS NULL", lambda a: a(name) is None),
        Cut(f"{name} IN (FALSE, NULL)", lambda a: plain.one_of(a(name), False, None)),
    ]


@st.composite
def more(draw, columns, name, kind, one):
    """Patterns of a text; of a number, comparison with a column of the same type, and with a quotient."""
    operator, compare = draw(st.sampled_from(list(OPERATORS.items())))
    if kind == "string":
        part = one.value[: draw(st.integers(0, 4))].replace("\\", "").replace("_", "").replace("%", "")
        text = part.replace("'", "\\'")
        return draw(st.sampled_from([
            Cut(f"{name} LIKE '{text}%'", lambda a: None if a(name) is None else a(name).startswith(part)),
            Cut(f"{name} NOT LIKE '%{text}%'", lambda a: None if a(name) is None else part not in a(name)),
            Cut(f"length({name}) {operator} 4", lambda a: None if a(name) is None else compare(len(a(name)), 4)),
            Cut(f"upper({name}) = '{text.upper()}'",
                lambda a: None if a(name) is None else a(name).upper() == part.upper()),
        ]))  # fmt: skip
    same = [n for n, k, _ in columns if k == kind]
    other = same[draw(st.integers(0, len(same) - 1))]
    quotient = lambda a: plain.div(floated(a(name)), floated(a(other)))  # noqa: E731
    return draw(st.sampled_from([
        Cut(f"{name} {operator} {other}", lambda a: compare(a(name), a(other))),
        Cut(f"{name} / {other} {operator} 0.75D", lambda a: compare(quotient(a), 0.75)),
        Cut(f"coalesce({name}, {other}) {operator} {one.sql}",
            lambda a: compare(converted(one, a(other) if a(name) is None else a(name)), one.value)),
    ]))  # fmt: skip


def floated(value):
    return None if value is None else float(value)


def bracketed(cut):
    return f"({cut.sql})" if " OR " in cut.sql else cut.sql


def joined(pair):
    one, other = pair
    return Cut(
        f"({bracketed(one)} AND {bracketed(other)})", lambda alert: both(one.says(alert), other.says(alert))
    )


def combined(cuts):
    """Conditions joined by AND, OR, NOT and CASE, in parentheses."""
    pairs = st.tuples(cuts, cuts)
    return st.one_of(
        cuts.map(lambda c: Cut(f"NOT ({c.sql})", lambda a: no(c.says(a)))),
        pairs.map(joined),
        pairs.map(lambda p: Cut(f"({p[0].sql}) OR {p[1].sql}", lambda a: either(p[0].says(a), p[1].says(a)))),
        pairs.map(lambda p: Cut(f"({p[0].sql}) <=> ({p[1].sql})", lambda a: p[0].says(a) is p[1].says(a))),
        st.tuples(cuts, cuts, cuts).map(lambda p: Cut(
            f"CASE WHEN {p[0].sql} THEN {p[1].sql} ELSE {p[2].sql} END",
            lambda a: p[1].says(a) if p[0].says(a) is True else p[2].says(a),
        )),
    )  # fmt: skip


def cuts_over(seen):
    """A strategy for cuts over the scalar columns of a survey's packets, with values that they have."""
    columns = Scalars()
    for column in seen.stream.filterable:
        kind = avro.split_null(column.schema)[0]
        if column.sql or kind not in KINDS or "of another type" in column.description:
            continue
        values = {alert(column.name) for alert in seen.alerts.values()} - {None}
        columns.append((column.name, kind, sorted(values)))
    known = Scalars(c for c in columns if len(c[2]) > 1)
    one = st.one_of(conditions(known), conditions(known), conditions(columns))
    return st.recursive(one, combined, max_leaves=4)


def top_level(cuts):
    """What users write: conditions with ANDs between them."""
    text = " AND ".join(map(bracketed, cuts))
    return Cut(text, lambda a: both(*(c.says(a) for c in cuts)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("survey", ["lsst", "containers", "ztf"])
def test_random_cuts_select_what_plain_python_does(sky, survey, request, capsys):
    seen = request.getfixturevalue(survey)
    differ: dict[str, str] = {}
    filters = st.lists(cuts_over(seen), min_size=1, max_size=2).map(top_level)

    @settings(
        max_examples=BATCHES, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(filters, min_size=CUTS, max_size=CUTS))
    def agree(batch):
        specs = [Filter(f"random-{i}", cut.sql, seen.stream.name) for i, cut in enumerate(batch)]
        found, rejected = selected(sky, seen, specs)
        assert rejected == seen.rejected
        expected = [seen.ids(cut.says) for cut in batch]
        differ.update(
            (cut.sql, f"only here {dict(here - there)}, only there {dict(there - here)}")
            for cut, here, there in zip(batch, found, expected, strict=True)
            if here != there
        )
        compared[survey] += len(batch)
        compared["telling"] += sum(0 < ids.total() < len(seen.alerts) for ids in expected)

    agree()
    assert not differ  # each by itself; hypothesis would show the whole batch
    with capsys.disabled():
        print(f" {survey}: {compared[survey]} random cuts over {len(seen.alerts)} alerts", end="")
    assert compared["telling"] > 0.2 * sum(compared[name] for name in ("lsst", "containers", "ztf"))
