"""The sample's verdicts are those of plain Python over the same values, NULLs included."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve.intervals import wilson as of_previews
from skysieve_widgets.builder.cut import CutRow
from skysieve_widgets.builder.histogram import histogram
from skysieve_widgets.builder.judge import Sample, Values, waterfall, wilson

SAYS = {
    ">": lambda a, v: a > v[0],
    ">=": lambda a, v: a >= v[0],
    "<": lambda a, v: a < v[0],
    "<=": lambda a, v: a <= v[0],
    "=": lambda a, v: a == v[0],
    "!=": lambda a, v: a != v[0],
    "between": lambda a, v: v[0] <= a <= v[1],
    "in": lambda a, v: a in v,
}
ids = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
reals = st.floats(allow_nan=False, width=64) | st.integers(-3, 3).map(float)
texts = st.sampled_from(["g", "r", "i", ""])


def said(values, row):
    """True, False or None for each value, in plain Python."""
    if row.op in ("is null", "is not null"):
        return [(a is None) == (row.op == "is null") for a in values]
    if row.op in ("is true", "is false"):
        return [a is (row.op == "is true") for a in values]
    return [None if a is None else SAYS[row.op](a, row.values) for a in values]


def judged(series, row):
    verdict = Sample(pd.DataFrame({"x": series})).verdict(row)
    return [None if null else bool(yes) for yes, null in zip(verdict.yes, verdict.null, strict=True)]


def cut(values):
    ops = st.sampled_from([">", ">=", "<", "<=", "=", "!="])
    one = st.builds(lambda op, v: CutRow("x", op, (v,)), ops, values)
    two = st.builds(lambda a, b: CutRow("x", "between", (a, b)), values, values)
    some = st.lists(values, min_size=1, max_size=3).map(lambda v: CutRow("x", "in", tuple(v)))
    return one | two | some | st.sampled_from([CutRow("x", "is null"), CutRow("x", "is not null")])


@given(
    st.lists(st.none() | ids, min_size=1),
    cut(ids | st.integers(2**63, 2**70) | st.floats(-5, 5) | st.just(1e19)),
)
def test_integers_are_compared_exactly(values, row):
    assert judged(pd.array(values, dtype="Int64"), row) == said(values, row)


@given(
    st.lists(st.none() | reals, min_size=1), cut(reals.filter(math.isfinite) | st.integers(-(2**60), 2**60))
)
def test_reals_are_compared_as_doubles_and_nan_is_null(values, row):
    series = np.array([math.nan if a is None else a for a in values])
    exact = CutRow("x", row.op, tuple(float(v) for v in row.values))
    assert judged(series, exact) == said(values, exact)
    assert judged(series, row) == judged(series, exact)


@given(st.lists(st.none() | st.floats(width=32, allow_nan=False), min_size=1), cut(st.floats(-9, 9)))
def test_a_float_of_32_bits_is_no_other_number_beside_one_of_64(values, row):
    series = np.array([math.nan if a is None else a for a in values], dtype="float32")
    assert judged(series, row) == said(values, row)


def test_a_reliability_of_nine_tenths_in_32_bits_is_below_nine_tenths():
    assert judged(np.array([0.9], dtype="float32"), CutRow("x", ">=", (0.9,))) == [False]


@given(
    st.lists(st.none() | texts, min_size=1),
    st.builds(lambda op, v: CutRow("x", op, (v,)), st.sampled_from(["=", "!="]), texts | st.just("other"))
    | st.lists(texts, min_size=1, max_size=3).map(lambda v: CutRow("x", "in", tuple(v)))
    | st.sampled_from([CutRow("x", "is null"), CutRow("x", "is not null")]),
    st.sampled_from(["object", "string"]),
)
def test_texts_are_compared_whole(values, row, kind):
    assert judged(pd.Series(values, dtype=kind), row) == said(values, row)


@given(
    st.lists(st.none() | st.booleans(), min_size=1),
    st.sampled_from(["is true", "is false", "is null", "is not null"]),
    st.sampled_from(["object", "boolean"]),
)
def test_a_flag_that_is_null_is_neither_true_nor_false(values, op, kind):
    row = CutRow("x", op)
    assert judged(pd.Series(values, dtype=kind), row) == said(values, row)


@given(st.lists(st.tuples(*[st.sampled_from([True, False, None])] * 3), max_size=40))
def test_the_waterfall_counts_as_a_preview_does(says):
    table = pd.DataFrame(says, columns=["a", "b", "c"]).astype("boolean")
    sample = Sample(table)
    found = waterfall([sample.verdict(CutRow(text=name)) for name in table], len(sample))
    yes = [[one is True for one in row] for row in says]
    assert (found.read, found.passed) == (len(says), sum(map(all, yes)))
    for i, effect in enumerate(found.effects):
        others = [all(row[:i] + row[i + 1 :]) for row in yes]
        assert effect.alone == sum(row[i] for row in yes)
        assert effect.left == sum(all(row[: i + 1]) for row in yes)
        assert effect.only_this == sum(o and not row[i] for o, row in zip(others, yes, strict=True))
        assert effect.null == sum(row[i] is None for row in says)
        assert effect.others.tolist() == others


def test_a_cut_that_the_sample_cannot_judge_removes_none_and_says_so():
    sample = Sample(pd.DataFrame({"x": [1.0, 2.0]}))
    rows = [CutRow("x", ">", (1,)), CutRow(text="size(y) > 3"), CutRow("z", "is null")]
    found = waterfall([sample.verdict(row) for row in rows], len(sample))
    assert (found.passed, [effect.left for effect in found.effects]) == (1, [1, None, None])


@pytest.mark.parametrize(("passed", "read"), [(0, 0), (0, 10), (10, 10), (412, 5000), (1, 10**7)])
def test_its_interval_is_that_of_previews(passed, read):
    assert wilson(passed, read) == pytest.approx(of_previews(passed, read), nan_ok=True)


@given(st.lists(st.none() | st.floats(), min_size=1), st.lists(st.booleans(), min_size=1))
def test_every_value_is_in_one_bin_or_beyond_the_ends(values, among):
    series = pd.Series([math.nan if v is None else v for v in values])
    bins = histogram(Values.of(series))
    assert bins.low < bins.high
    assert sum(bins.counts()) == series.notna().sum()
    mask = np.resize(np.array(among), len(series))
    assert sum(bins.counts(mask)) == series[mask].notna().sum()


def test_the_bins_hold_what_numpy_counts():
    values = np.random.default_rng(1).normal(size=5000)
    bins = histogram(Values.of(pd.Series(values)))
    expected, _ = np.histogram(values, bins=bins.count, range=(bins.low, bins.high))
    assert bins.counts()[1:-1] == expected.tolist()
    assert bins.counts()[0] == (values < bins.low).sum() > 0
    assert bins.counts()[-1] == (values > bins.high).sum() > 0


def test_fluxes_over_decades_are_binned_in_logarithms():
    values = pd.Series(np.geomspace(1, 1e6, 600))
    bins = histogram(Values.of(values))
    assert bins.is_log
    assert max(bins.counts()[1:-1]) < 15
    assert not histogram(Values.of(pd.Series(np.linspace(1e-4, 1, 600)))).is_log


def test_texts_are_counted_the_most_frequent_first_and_the_rest_together():
    values = pd.Series(["r"] * 5 + ["g"] * 9 + [None] + [f"t{i}" for i in range(20)])
    bins = histogram(Values.of(values))
    assert bins.labels[:2] == ("g", "r")
    assert bins.counts()[1:3] == [9, 5]
    assert bins.counts()[-1] == 20 - 6
    assert bins.shown()["null"] == 1
