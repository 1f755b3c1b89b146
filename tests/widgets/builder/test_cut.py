"""Cuts as rows become SQL and rows again, and nothing is lost on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from skysieve import Filter
from skysieve.languages import sql as filters
from skysieve_widgets.builder import BuilderColumn, BuilderColumns
from skysieve_widgets.builder.columns import OPERATORS
from skysieve_widgets.builder.cut import CutRow, made, row_of
from skysieve_widgets.builder.parse import conjuncts, rows_of, where

COLUMNS = BuilderColumns(
    [
        BuilderColumn("diaSource.snr", "float"),
        BuilderColumn("diaSource.psfFlux", "double", "nJy", "Flux"),
        BuilderColumn("diaSource.diaSourceId", "bigint"),
        BuilderColumn("diaObject.nDiaSources", "int"),
        BuilderColumn("diaSource.band", "string"),
        BuilderColumn("diaSource.isDipole", "boolean"),
        BuilderColumn("notice.error-radius", "double"),
        BuilderColumn("notice.end", "string"),
        BuilderColumn("true", "double"),
    ]
)

numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=12).filter(lambda text: "${" not in text)


@st.composite
def rows(draw):
    column = draw(st.sampled_from(list(COLUMNS)))
    op = draw(st.sampled_from(OPERATORS[column.kind]))
    least, most = {"between": (2, 2), "in": (1, 4)}.get(op, (0, 0) if op.startswith("is ") else (1, 1))
    kind = {"text": texts, "integer": numbers.filter(lambda n: abs(n) < 10**38)}.get(column.kind, numbers)
    return made(column, op, draw(st.lists(kind, min_size=least, max_size=most)))


@given(st.lists(rows(), min_size=1, max_size=4))
def test_rows_become_sql_and_the_same_rows_again(some):
    for split in (conjuncts, filters.content):
        assert rows_of(where(some), COLUMNS, split) == some


@given(rows())
def test_every_row_is_a_filter_with_one_cut(row):
    (cut,) = Filter("one", row.sql, stream="lsst-alerts").cuts
    assert cut.text == row.sql


@given(rows())
def test_a_row_survives_the_browser_which_only_knows_texts(row):
    sent = row.as_dict()
    if "value" in sent:
        sent["value"] = [str(value) for value in row.values]
    assert row_of(json.loads(json.dumps(sent)), COLUMNS) == row


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("20 < SNR", CutRow("diaSource.snr", ">", (20,))),
        ("(snr >= 1e-3)", CutRow("diaSource.snr", ">=", (0.001,))),
        ("snr <> -2", CutRow("diaSource.snr", "!=", (-2,))),
        ("diaSourceId = 170094456248729605", CutRow("diaSource.diaSourceId", "=", (170094456248729605,))),
        ("NOT isDipole", CutRow("diaSource.isDipole", "is false")),
        ("isDipole", CutRow("diaSource.isDipole", "is true")),
        ("isDipole = false", CutRow("diaSource.isDipole", "is false")),
        ("snr > 1e1", CutRow("diaSource.snr", ">", (10,))),
        ("snr > 16777217", CutRow("diaSource.snr", ">", (16777217.0,))),
        ("band IS NOT NULL", CutRow("diaSource.band", "is not null")),
        ("band IN ('g', \"r\")", CutRow("diaSource.band", "in", ("g", "r"))),
        ("nDiaSources > 2.5", CutRow("diaObject.nDiaSources", ">", (2.5,))),
    ],
)
def test_what_says_the_same_becomes_a_row(sql, expected):
    (row,) = rows_of(sql, COLUMNS)
    assert row == expected
    assert row.sql == expected.sql


@pytest.mark.parametrize(
    "sql",
    [
        "snr > psfFlux",
        "snr > 20L",
        "snr > '20'",
        "band = 3",
        "band LIKE 'g%'",
        "snr NOT BETWEEN 1 AND 2",
        "abs(snr) > 2",
        "unknown > 3",
        "snr > 3 OR band = 'g'",
        "isDipole IS NOT TRUE",
        "diaSourceId > 170094456248729605.5",
        "snr > 1e999",
        "isDipole > 3",
    ],
)
def test_anything_else_stays_as_its_text(sql):
    assert rows_of(sql, COLUMNS, filters.content) == [CutRow(text=sql)]
    assert where(rows_of(sql, COLUMNS, filters.content)) == sql


def test_an_or_beside_other_cuts_is_put_in_parentheses():
    some = [CutRow("diaSource.snr", ">", (20,)), CutRow(text="band = 'g' OR band = 'r'")]
    text = where(some)
    assert filters.content(text) == ["diaSource.snr > 20", "(band = 'g' OR band = 'r')"]
    assert filters.content(where(some[1:])) == ["band = 'g' OR band = 'r'"]


def test_names_are_found_as_a_filter_finds_them():
    columns = BuilderColumns([BuilderColumn("a.snr", "float"), BuilderColumn("b.snr", "float")])
    assert columns.find("A.SNR").name == "a.snr"
    assert columns.find("snr") is None


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ({"column": "nothing", "op": ">", "value": 1}, "no column 'nothing'"),
        ({"column": "snr", "op": "like", "value": 1}, "no operator 'like'"),
        ({"column": "snr", "op": ">", "value": "much"}, "'much' is none"),
        ({"column": "snr", "op": ">", "value": float("nan")}, "is none"),
        ({"column": "snr", "op": ">", "value": True}, "is none"),
        ({"column": "snr", "op": "between", "value": [1]}, "takes 2 values, not 1"),
        ({"column": "band", "op": "in", "value": []}, "takes 1 value, not 0"),
        ({"column": "band", "op": "=", "value": "${spark.master}"}, "a setting"),
        ({"column": "band", "op": "=", "value": 3}, "holds texts"),
    ],
)
def test_a_cut_that_is_none_is_refused_with_the_reason(cut, said):
    with pytest.raises(ValueError, match=said.replace("$", r"\$")):
        row_of(cut, COLUMNS)
