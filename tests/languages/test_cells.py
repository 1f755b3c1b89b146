"""What a cell of each language gives a filter, and where it says that a mistake is."""

from __future__ import annotations

import json

import pytest
from skysieve.errors import FilterError, FilterSyntaxError
from skysieve.languages.cells import read


def test_sql_is_taken_as_it_is_written():
    assert read("\n-- bright\nsnr > 5 \n\n", "sql", {}) == {"where": "\n-- bright\nsnr > 5"}


def test_python_is_handed_on_as_source():
    source = "def bright(snr):\n    return snr > 5"
    assert read(f"{source}\n", "python", {}) == {"where": source, "language": "python"}


@pytest.mark.parametrize(
    ("cell", "language", "line", "column", "marked"),
    [
        ("def bright(snr):\n    return snr >", "python", 2, 17, "                  ^"),
        ("\n\ndef bright(snr)\n    return snr", "python", 3, 16, "                 ^"),
        ("def bright(snr):\n    return (snr ratio)", "python", 2, 13, "              ~~~~~~~~^"),
        ("def bright(snr:\n    return snr\n", "python", 1, 11, "            ^"),
        ("snr >", "columns", 1, 6, "       ^"),
        ("snr ratio", "columns", 1, 1, "  ~~~~~~~~^"),
        ("(snr\n> 5) & (a b)", "columns", 2, 9, "          ~~^"),
    ],
)
def test_a_syntax_error_in_python_is_underlined_where_it_is_in_the_cell(cell, language, line, column, marked):
    with pytest.raises(FilterSyntaxError, match="This is not Python") as raised:
        read(cell, language, {})
    assert (raised.value.line, raised.value.column) == (line, column)
    assert str(raised.value).split("\n")[1:] == ["  " + cell.rstrip().split("\n")[line - 1], marked]


def test_columns_are_what_their_expression_is_in_the_notebook():
    assert read("# all\n(a\n + b)  # of them", "columns", {"a": 1, "b": 2}) == {"where": 3}


def test_an_expression_that_fails_says_how():
    with pytest.raises(FilterError, match=r"expression fails: NameError: name 'b'"):
        read("a + b", "columns", {"a": 1})


def test_an_expression_leaves_the_notebook_as_it_is():
    notebook = {"a": 1}
    read("a", "columns", notebook)
    assert notebook == {"a": 1}


@pytest.mark.parametrize(
    ("language", "cell"),
    [
        ("lasair", "-- bright\nSELECT objectId FROM objects WHERE nDiaSources > 3"),
        ("boom", "# bright\n" + json.dumps([{"$match": {"candidate.drb": {"$gt": 0.9}}}])),
    ],
)
def test_queries_of_other_brokers_become_sql(language, cell):
    (text,) = read(cell, language, {}, "ztf").values()
    assert ">" in text
    assert "bright" not in text
