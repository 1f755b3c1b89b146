"""Filters in SQL: where a WHERE clause splits, what it refuses and where."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve.errors import FilterError, FilterSyntaxError
from skysieve.languages.sql import cuts


def texts(where):
    return [cut.text for cut in cuts(where)]


def places(where):
    return [(cut.line, cut.column) for cut in cuts(where)]


@pytest.mark.parametrize(
    "conditions",
    [
        ["a > 1"],
        ["a > 1", "b BETWEEN 1 AND 2", "c = 3"],
        ["a NOT BETWEEN 1 AND 2", "b BETWEEN c AND d"],
        ["a BETWEEN (b BETWEEN 1 AND 2) AND TRUE", "c"],
        ["(a BETWEEN 1 AND 2)", "b"],
        ["CASE WHEN a AND b THEN c ELSE d END", "e"],
        ["CASE WHEN a BETWEEN 1 AND 2 AND b THEN CASE WHEN c AND d THEN 1 END END = 1", "e"],
        ["a BETWEEN CASE WHEN b AND c THEN 1 END AND 2", "d"],
        ["(a OR b)", "c"],
        ["NOT a", "NOT (b AND (c AND d))"],
        ["f(a AND b, c)", "d"],
        ["a[b AND c]", "d[0] > 1"],
        ["a = 'x AND y'", 'b = "x AND y"', "`x AND y` > 1"],
        ["a = 'it''s AND'", "b = 'it\\'s AND'", "c = '-- AND'", "d = '/* AND'"],
        ["a > /* x AND y */ 1", "(b -- x AND y\n OR c)"],
        ["a.end > 1", "a.case > 1", "a.and", "a.or", "a.between", "b"],
        ["exists(a, end -> end.b > 1)", "c"],
        ["exists(a, case -> case.b > 1)", "c", "d"],
        ["exists(a, case -> CASE WHEN case.b THEN c END)", "CASE WHEN exists(a, end -> end) THEN b END", "d"],
    ],
)
def test_it_splits_at_top_level_ands_and_nowhere_else(conditions):
    assert texts(" AND ".join(conditions)) == conditions


@pytest.mark.parametrize(
    "where",
    [
        "a AND b OR c",
        "a OR b AND c",
        "a BETWEEN 1 AND 2 OR b",
        "a AND CASE WHEN b THEN c END OR d",
        "a AND exists(b, end -> end.c > 1) OR d",
        "a AND exists(b, case -> case.c > 1) OR d",
        "a AND struct(b AS end).end > 1 OR c",
    ],
)
def test_an_or_at_the_top_keeps_it_whole(where):
    assert texts(where) == [where]


@pytest.mark.parametrize(
    "where",
    [
        "WHERE a AND b",
        "where\ta and b",
        "a AND b;",
        "WHERE a AND b ; ;\n",
        "a AND b -- x AND y",
        "a AND b -- x;",
        "a AND b; -- x",
        "-- x AND y\na AND b",
        "a -- x OR y\nAND b",
        "a /* x AND y */ AND /* x /* AND */ y */ b /* x */",
        "a -- x\\ \nAND b /* x\\ */",
        "\n a\r\nAnD\rb \n",
    ],
)
def test_what_surrounds_the_conditions_is_no_part_of_them(where):
    assert texts(where) == ["a", "b"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a AND b AND c", [(1, 1), (1, 7), (1, 13)]),
        ("WHERE a", [(1, 7)]),
        ("  a\n\tAND b", [(1, 3), (2, 6)]),
        ("a\r\nAND b\r\n\r\nAND c", [(1, 1), (2, 5), (4, 5)]),
        ("a\rAND b", [(1, 1), (2, 5)]),
        ("a = '\n' AND b", [(1, 1), (2, 7)]),
        ("/* 1\n2 */ a -- 2\nAND b", [(2, 6), (3, 5)]),
        ("a = 'é😀' AND b", [(1, 1), (1, 14)]),
    ],
)
def test_a_cut_knows_its_place(where, expected):
    assert places(where) == expected


@pytest.mark.parametrize("where", ["", " \n\t", "WHERE", "where ;", ";;", "-- a", "/* a */"])
def test_an_empty_filter_is_refused_with_an_example(where):
    with pytest.raises(FilterError, match=r"is empty: write a condition, for example \w+"):
        cuts(where)


@pytest.mark.parametrize(
    ("where", "place", "message"),
    [
        ("AND a", (1, 1), "missing before this AND"),
        ("a AND AND b", (1, 7), "missing before this AND"),
        ("a\n AND", (2, 2), "missing after this AND"),
        ("a AND b\nAND -- c", (2, 1), "missing after this AND"),
        ("a; b", (1, 2), "not ';'"),
        ("a\nAND (b; c)", (2, 7), "not ';'"),
        ("a OR b; c", (1, 7), "not ';'"),
        ("a = 'x", (1, 5), "no end"),
        ("a = 'x' AND\r\n b = 'y\\' AND c", (2, 6), "no end"),
        ('a = "x', (1, 5), "no end"),
        ("a > 1\nAND `b", (2, 5), "no end"),
        ("a /* x", (1, 3), "no end"),
        ("a > 1 /* it's */ AND b = 'x", (1, 26), "no end"),
        ("a AND b >\nAND c", (1, 9), "something is missing after this"),
        ("a\nAND\n\tb >", (3, 4), "something is missing after this"),
        ("a b", (1, 3), "'b' is not expected here"),
        ("a\r\nAND b c", (2, 7), "'c' is not expected here"),
        ("a AND b)", (1, 8), re.escape("')' is not expected here")),
        ("a && b", (1, 3), "'&&' is not expected here"),
        ("a AND b LIMIT 1", (1, 9), "'LIMIT' is not expected here"),
        ("SELECT a", (1, 1), "'SELECT' is not expected here"),
        ("a\nAND (b", (2, 6), re.escape("expecting )")),
        ("a BETWEEN 1 AND", (1, 13), "something is missing near this"),
    ],
)
def test_a_syntax_error_knows_its_place(where, place, message):
    with pytest.raises(FilterSyntaxError, match=message) as caught:
        cuts(where)
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("where", "marked"),
    [
        ("snr > 5 AND AND ra > 5", "AND"),
        ("snr > 5\nAND", "AND"),
        ("snr ratio > 5", "ratio"),
        ("snr > 5 LIMIT 1", "LIMIT"),
        ("snr > 5; ra", ";"),
        ("snr = 'a", "'"),
        ("snr >=", ">="),
        ("snr 'a\nb'", "'a"),
    ],
)
def test_a_syntax_error_underlines_the_word(where, marked):
    with pytest.raises(FilterSyntaxError) as caught:
        cuts(where)
    _, shown, under = str(caught.value).split("\n")
    assert shown[under.index(under.strip()) :][: len(under.strip())] == marked
    assert under.strip() == "~" * (len(marked) - 1) + "^"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a > (SELECT 1)", "a sub-query"),
        ("EXISTS (SELECT 1)", "a sub-query"),
        ("a IN (SELECT b FROM c)", "a sub-query"),
        ("rank() OVER (ORDER BY a) > 1", "a window function"),
        ("sum(a) OVER () > 1", "a window function"),
        *[(f"{name}(a) > 1", "an aggregate") for name in ("max", "COUNT", "avg", "first", "collect_list")],
        *[
            (f"{name}(a)", "an aggregate")
            for name in ("any", "every", "Some", "mean", "theta_sketch_agg", "product")
        ],
        ("a = ANY('b', 'c')", "an aggregate"),
        ("count(*) > 1", "an aggregate"),
        ("stack(2, a, b) > 1", "several rows"),
        *[
            (f"{name}(a)", "several rows")
            for name in ("explode", "inline_outer", "JSON_tuple", "window", "session_window")
        ],
        ("* > 1", "a star"),
        ("f(a.*) > 1", "a star"),
        ("a > ?", "a parameter"),
        ("a > :b", "a parameter"),
        ("a > ${b}", "a parameter"),
        ("a > @b", "a parameter"),
    ],
)
@pytest.mark.parametrize("where", ["{}", "a AND ({})", "CASE WHEN {} THEN a END", "f(g(x -> {}))"])
def test_what_cannot_judge_one_alert_is_refused(where, condition, message):
    with pytest.raises(FilterError, match=f"judges one alert at a time.*{message}"):
        cuts(where.format(condition))


@pytest.mark.parametrize(
    "name",
    [
        *("reflect", "try_reflect", "JAVA_METHOD", "raise_error", "assert_true", "identifier"),
        *("input_file_name", "input_file_block_start", "input_file_block_length"),
    ],
)
@pytest.mark.parametrize("where", ["{}('a')", "a AND b > abs({}('a'))"])
def test_a_function_that_reaches_beyond_the_alert_is_refused_by_name(where, name):
    with pytest.raises(FilterError, match=rf"cannot call {name.lower()}\(\)"):
        cuts(where.format(name))


@pytest.mark.parametrize("where", ["system.builtin.max(a) > 1", "a AND `system`.builtin.Now() > b"])
def test_a_function_cannot_hide_behind_a_qualified_name(where):
    with pytest.raises(FilterError, match=r"by their name alone: (max|now)\(\)"):
        cuts(where)


@pytest.mark.parametrize(
    "condition",
    [
        *("aggregate(a, 0, (x, y) -> x + y) > 1", "exists(a, x -> x > 1)", "size(filter(a, x -> x > 1)) > 1"),
        *("greatest(a, b) > 1", "array_max(a) > 1", "some_function(a)", "reflection(a)", "`max` > 1"),
        *("a LIKE ANY ('b', 'c')", "a NOT ILIKE ANY ('b')", "window > 1", "any_of(a)"),
    ],
)
def test_functions_of_one_alert_are_welcome(condition):
    assert texts(condition) == [condition]


@pytest.mark.parametrize(
    "where", ["a -- x\\\nAND b", "-- x\\\na", "a AND b -- x\\", "a /* x\\*/ AND b", "a -- x\\\r\nAND b"]
)
def test_a_comment_that_ends_in_a_backslash_is_refused(where):
    with pytest.raises(FilterError, match="cannot end in a backslash"):
        cuts(where)


NAMES = st.sampled_from(["a", "b.end", "c.d", "`x AND y`", "`OR`", "e[0]", "f(a AND b)"])
STRINGS = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=8).map(
    lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
)
CONDITIONS = st.recursive(
    st.builds("{} = {}".format, NAMES, STRINGS)
    | st.builds("{} > {}".format, NAMES, st.integers(0, 99))
    | st.builds("{} BETWEEN {} AND {}".format, NAMES, NAMES, STRINGS),
    lambda inner: (
        st.builds("({} OR {})".format, inner, inner)
        | st.builds("NOT ({} AND {})".format, inner, inner)
        | st.builds("(/* AND */ {} -- OR '\n)".format, inner)
        | st.builds("CASE WHEN {} AND {} THEN {} END".format, inner, inner, inner)
        | st.builds("exists({}, end -> {})".format, NAMES, inner)
        | st.builds("{} BETWEEN ({}) AND ({})".format, NAMES, inner, inner)
    ),
    max_leaves=5,
)
ANDS = st.sampled_from([" AND ", "\nand\n", "\tAnd -- OR '\n ", " /* AND */ AND/* ; */ "])


@given(st.data(), st.lists(CONDITIONS, min_size=1, max_size=4))
def test_conditions_joined_with_and_come_back_from_where_they_were(data, conditions):
    where = conditions[0] + "".join(data.draw(ANDS) + condition for condition in conditions[1:])
    found = cuts(where)
    assert [cut.text for cut in found] == conditions
    lines = where.split("\n")
    for cut in found:
        rest = "\n".join([lines[cut.line - 1][cut.column - 1 :], *lines[cut.line :]])
        assert rest.startswith(cut.text)


@given(CONDITIONS, CONDITIONS, CONDITIONS)
def test_an_or_next_to_an_and_keeps_any_conditions_together(a, b, c):
    where = f"{a} AND {b} OR {c}"
    assert texts(where) == [where]
