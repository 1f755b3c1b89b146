"""SQL that groups is read as cuts and a grouping; what is wrong with it is told with its place and cure."""

import pytest
from skysieve import ColumnError, Filter, FilterError, FilterSyntaxError
from skysieve.languages.aggregate import LATENESS, is_one
from skysieve.languages.detection import language
from skysieve.packets import formats

COLUMNS = formats.get("lsst").columns()
WHOLE = """SELECT diaObject.diaObjectId, count(*) AS n, max(psfFlux) - min(psfFlux) AS rise
WHERE snr > 5 AND band IN ('g', 'r')
GROUP BY diaObject.diaObjectId, window('30 days', '1 day')
HAVING n >= 3 AND max(snr) > 10 LATENESS '2 hours' ONCE"""


def bound(text):
    return Filter("some", text, "alerts").bind(COLUMNS)


def test_it_is_a_filter_with_cuts_and_a_grouping():
    spec = Filter("some", WHOLE, "alerts")
    assert (spec.language, spec.is_isolated) == ("aggregate", True)
    assert [cut.text for cut in spec.cuts] == ["snr > 5", "band IN ('g', 'r')"]
    assert (spec.cuts[1].line, spec.cuts[1].column) == (2, 19)
    assert (spec.grouping.lateness, spec.grouping.once) == (7200, True)
    assert (spec.grouping.timed.length, spec.grouping.timed.slide) == (30 * 86400, 86400)
    assert Filter.from_json(spec.to_json()) == spec
    found = spec.bind(COLUMNS)
    assert found.grouping.names == ("diaObjectId", "begin", "end", "n", "rise")
    assert found.grouping.having == "(count(*)) >= 3 AND max(`diaSource.snr`) > 10"
    assert {c.name for c in found.columns} == {
        *("diaSource.snr", "diaSource.band", "diaSource.psfFlux", "diaObject.diaObjectId"),
    }


def test_values_can_be_keys_and_names_in_having_are_those_of_values():
    found = bound(
        "SELECT floor(snr) AS level, max(snr) AS snr GROUP BY level, night HAVING snr > level"
    ).grouping
    assert [key.names for key in found.keys] == [("level",), ("night",)]
    assert found.keys[0].sql == "floor(`diaSource.snr`)"
    assert found.having == "(max(`diaSource.snr`)) > (floor(`diaSource.snr`))"
    assert found.grouping.lateness == LATENESS


def test_a_key_has_the_name_that_select_gives_it_and_helpers_can_be_called():
    found = bound(
        "SELECT band AS filter, min(nJy_to_ab(psfFlux)) AS mag, max(brightest('g')) AS g GROUP BY band, field(5), night"
    )
    assert found.grouping.names == ("filter", "field", "night", "mag", "g")
    assert "brightest('g')" in {column.name for column in found.columns}


def test_layout_and_comments_are_no_new_version_and_all_else_is():
    one = Filter("some", WHOLE, "alerts").version
    other = WHOLE.replace("\n", "   -- so\n").replace("SELECT", "select ")
    assert Filter("some", other, "alerts").version == one
    for old, new in (("n >= 3", "n >= 4"), (" ONCE", ""), ("2 hours", "3 hours"), ("snr > 5", "snr > 6")):
        assert Filter("some", WHOLE.replace(old, new), "alerts").version != one


def test_files_keep_it(tmp_path):
    spec = Filter("some", WHOLE, "alerts")
    assert Filter.from_file(spec.to_file(tmp_path / "some")) == spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WHOLE, "aggregate"),
        ("-- per band\nselect count(*) as n group by band, night", "aggregate"),
        ("SELECT count(*) AS n", "aggregate"),
        ("SELECT objectId FROM objects WHERE gmag < 18 GROUP BY objectId", "lasair"),
        ("SELECT objectId FROM candidates", "sql"),
        ("snr > 5", "sql"),
    ],
)
def test_it_is_told_by_its_text(text, expected):
    assert language(text) == expected
    assert is_one(text) == (expected == "aggregate" or "GROUP BY" in text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT count(*) AS n", "no GROUP BY"),
        ("SELECT count(*) AS n GROUP BY", "Nothing stands after GROUP BY"),
        ("SELECT count(*) AS n, GROUP BY night", "missing beside a comma"),
        ("SELECT count(*) AS n, max(snr) AS n GROUP BY night", "the name 'n'"),
        ("SELECT max(snr) AS band GROUP BY band, night", "aggregate"),
        ("SELECT count(*) AS n GROUP BY night, window('3 days')", "one of night and window"),
        ("SELECT (SELECT 1) AS n GROUP BY night", "a sub-query"),
        ("SELECT rank() OVER (ORDER BY snr) AS n GROUP BY night", "a window function"),
        ("SELECT reflect('java', 'x') AS n GROUP BY night", "reflect"),
        ("SELECT count(*) AS n WHERE max(snr) > 3 GROUP BY night", "one alert at a time"),
    ],
)
def test_what_is_no_aggregate_is_refused(text, message):
    with pytest.raises(FilterError, match=message):
        bound(text)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("SELECT count(*) AS n\nGROUP BY band", "never end.*add night, or window", (2, 10)),
        ("SELECT count(*) GROUP BY night", "no name: write … AS name", (1, 8)),
        ("SELECT count(*) AS n FROM x GROUP BY night", "leave FROM out", (1, 22)),
        ("SELECT count(*) AS n GROUP BY night WHERE snr > 4", "WHERE is not expected", (1, 37)),
        ("SELECT count(*) AS n GROUP BY band,\n window('-7 days')", "'-7 days' is no length", (2, 9)),
        ("SELECT count(*) AS n GROUP BY window('7')", "'7' is no length", (1, 38)),
        ("SELECT count(*) AS n GROUP BY window('1 day', '2 days')", "cannot slide", (1, 31)),
        ("SELECT count(*) AS n GROUP BY night LATENESS 'soon'", "'soon' is no length", (1, 46)),
        ("SELECT count(*) AS n GROUP BY field(99), night", "field.*order 0 to 29", (1, 31)),
        ("SELECT count(*) AS n GROUP BY floor(snr), night", "give any other value a name", (1, 31)),
        ("SELECT count(DISTINCT band) AS n GROUP BY night", "approx_count_distinct", (1, 14)),
        ("SELECT count(*) AS n WHERE snr >\nGROUP BY night", "missing", (1, 32)),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_cure(text, message, place):
    with pytest.raises(FilterSyntaxError, match=f"(?s){message}") as caught:
        bound(text)
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("SELECT count(*) AS n GROUP BY bandd, night", "'bandd'. Did you mean diaSource.band?", (1, 31)),
        ("SELECT max(snrr) AS n\nGROUP BY night", "'snrr'. Did you mean diaSource.snr?", (1, 12)),
        ("SELECT count(*) AS n WHERE snrr > 4 GROUP BY night", "'snrr'", (1, 28)),
        (
            "SELECT count(*) AS n,\n psfFlux AS f GROUP BY night",
            "neither in GROUP BY nor in an aggregate",
            (2, 2),
        ),
        ("SELECT count(*) AS n GROUP BY night HAVING nn > 3", "'nn'", (1, 44)),
    ],
)
def test_an_unknown_column_is_told_with_its_place(text, message, place):
    with pytest.raises(ColumnError, match=message) as caught:
        bound(text)
    assert (caught.value.line, caught.value.column) == place


def test_its_select_says_what_is_sent():
    with pytest.raises(FilterError, match="no emit"):
        Filter("some", WHOLE, "alerts", emit="mag: 1")
