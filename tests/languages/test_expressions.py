"""Column expressions: the SQL that one becomes means the same, and is the same each time."""

import datetime
import decimal

import pytest
from pyspark.sql.connect import functions as F  # noqa: N812
from pyspark.sql.types import BooleanType
from skysieve import Filter
from skysieve.errors import FilterError
from skysieve.languages.expressions import is_column, to_sql

x, y, s, flag, array = (F.col(name) for name in ("x", "y", "s", "flag", "array"))
ROWS = [
    (1, 2.5, "ab", True, [{"v": 1.0, "w": "p"}]),
    (-5, -0.5, "a'b\\_%", False, []),
    (7, None, "", None, [{"v": 9.0, "w": "q"}, {"v": None, "w": None}]),
    (None, 0.0, None, True, None),
    (2**62 + 1, 1e300, "ABC\n", False, [{"v": -1.0, "w": "p"}]),
]
SCHEMA = "x bigint, y double, s string, flag boolean, array array<struct<v double, w string>>"
SAME = [
    x > 1,
    (x > 1) & (y < 3) & ~flag,
    (x > 1) | (y < 3) & flag,
    ((x > 1) | (y < 3)) & flag,
    ~((x > 1) | flag),
    ~(x > 1) | flag,
    x - (y - 2) > 1,
    x - y - 2 > 1,
    x * (y + 1) / 2 > 1,
    2 - x > y,
    (x + 1) % 3 == 1,
    -x > 2,
    F.negative(-x) > 2,
    -F.lit(-5) == 5,
    x - F.lit(-5) > 5,
    (x.bitwiseAND(3) == 1) | (x.bitwiseXOR(2) > 5),
    x == 2**62 + 1,
    x != 2**62,
    y > float("-inf"),
    y.isNull() | y.isNotNull() & (x == 1),
    x.isin(1, 7, None),
    ~s.isin("ab", "a'b\\_%"),
    x.between(0, 7),
    y.eqNullSafe(None),
    s == "a'b\\_%",
    s.like("a'b\\\\\\_\\%"),
    s.like("a%"),
    s.ilike("abc_"),
    s.rlike("^a.b"),
    s.contains("b") & s.startswith("a"),
    s.endswith("\n"),
    s.substr(1, 1) == "a",
    F.length(F.concat(s, F.lit("é"))) > 2,
    F.when(x > 1, "a").when(y > 1, "b").otherwise("c") == "b",
    F.when(x > 1, flag).isNull(),
    x.cast("int") == 1,
    s.try_cast("int").isNull(),
    y.cast("string") == "2.5",
    (x > 1).cast("int") == 1,
    F.coalesce(y, F.lit(0.1)) > 0.05,
    F.sqrt(F.abs(y)) < 1.6,
    x**2 > 20,
    F.greatest(x, y) > 2,
    F.exists(array, lambda one: (one.v > 0) & (one["w"] == "p")),
    F.size(F.filter(array, lambda one: one.v.isNotNull() | one.w.isNull())) > 1,
    F.exists(array, lambda one: F.exists(array, lambda two: one.v < two.v)),
    F.aggregate(array, F.lit(0.0), lambda total, one: total + F.coalesce(one.v, F.lit(0.0))) > 1,
    F.transform(array, lambda one, i: one.v + i)[0] > 0,
    F.forall(array, lambda one: one.w == "p"),
    array[0].v == 1,
    array.getItem(0).getField("w") == "p",
    F.array_max(array.v) > 5,
    F.expr("x > 1 OR flag") & (y > 0),
    ~F.expr("x > 1 OR flag"),
    (x > 1).alias("named"),
    F.lit(True) & flag,
    flag & F.lit(None),
]  # fmt: skip


def test_the_sql_means_what_the_expression_does(sky):
    table = sky.spark.createDataFrame(ROWS, SCHEMA)
    own = [one.alias(f"own{i}") for i, one in enumerate(SAME)]
    said = [F.expr(to_sql(one)).alias(f"said{i}") for i, one in enumerate(SAME)]
    rows = table.select(*own, *said).collect()
    differ = [to_sql(one) for i, one in enumerate(SAME) for row in rows if row[f"own{i}"] != row[f"said{i}"]]
    assert len(rows) == len(ROWS)
    assert not differ


@pytest.mark.parametrize("expression", SAME, ids=[to_sql(one) for one in SAME])
def test_it_is_a_filter_whose_text_is_read_back(expression):
    spec = Filter("f", expression, "s")
    assert Filter.from_json(spec.to_json()) == spec
    assert spec.language == "sql"


def test_the_same_expression_has_the_same_text_and_version_each_time():
    def made():
        return Filter("f", F.exists(array, lambda one: F.exists(array, lambda two: one.v < two.v)), "s")

    one, other = made(), made()
    assert one.where == other.where == "exists(array, x1 -> exists(array, x2 -> x1.v < x2.v))"
    assert one.version == other.version


def test_each_condition_of_an_and_is_a_cut():
    spec = Filter("f", (x > 1) & ((y < 2) | flag) & (s == "g"), "s")
    assert [cut.text for cut in spec.cuts] == ["x > 1", "((y < 2) OR flag)", "s = 'g'"]


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        (F.udf(lambda v: v, BooleanType())(x), "Write a filter in Python instead"),
        (x > F.lit(datetime.date(2026, 1, 1)), "as a number or a text"),
        (x > F.lit(decimal.Decimal("1.5")), "as a number or a text"),
        (F.count_distinct(x) > 1, "judges one alert at a time"),
        (F.max(x) > 1, "judges one alert at a time"),
    ],
)
def test_what_a_filter_cannot_have_is_refused(expression, says):
    with pytest.raises(FilterError, match=says):
        Filter("f", expression, "s")


def test_what_is_a_column_and_what_is_not():
    assert is_column(x)
    assert not is_column("x > 1")
    with pytest.raises(FilterError, match="a int is no condition"):
        Filter("f", 5, "s")
