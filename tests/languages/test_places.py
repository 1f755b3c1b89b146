"""Where an error is: whatever is wrong with a filter, in whatever language, is pointed at in its text."""

import pytest
from pyspark.sql.connect import functions as F  # noqa: N812
from skysieve import Filter
from skysieve.engine import groups, plan
from skysieve.errors import ColumnError, FilterError
from skysieve.languages.cells import read
from skysieve.languages.places import json_of, place_of_text
from skysieve.packets import formats

LSST = formats.get("lsst").columns()


def meant(text, error):
    """The part of a text that an error points at."""
    line = text.split("\n")[error.line - 1]
    return line[error.column - 1 :][: error.length]


def refused(cell, language="sql"):
    with pytest.raises(FilterError) as caught:
        Filter("some", stream="lsst-alerts", **read(cell, language, {"F": F})).bind(LSST)
    return caught.value


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("snr > 5\nAND snrr > 3", "snrr"),
        ("snr > 5\nAND psfFluxErr > 2 AND nosuch.x > 3", "nosuch.x"),
        ("snr > 5\nAND ra > 3", "ra"),
        ("snr > 5 AND count(ra) > 3", "count(ra)"),
        ("snr > 5\nAND é > 1 AND max(ra) > 3", "max(ra)"),
        ("snr > 5 AND (SELECT 1) > 0", "1"),
        ("snr > 5 AND explode(prvDiaSources) > 0", "explode(prvDiaSources)"),
        ("snr > 5 AND raise_error('x')", "raise_error('x')"),
        ("snr > 5 AND a.b.abs(ra) > 3", "abs(ra)"),
        ("snr > 5 AND brightest('q') < 3", "'q'"),
        ("snr > 5 AND brightest('g', 'r') < 3", "brightest"),
        ("snr > 5 AND brightes('g') < 3", "brightes"),
    ],
)
def test_in_sql(text, part):
    assert meant(text, refused(text)) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SELECT count(*) AS n, max(snrr) AS m\nGROUP BY diaObject.diaObjectId, night", "snrr"),
        ("SELECT count(*) AS n WHERE snrr > 5\nGROUP BY night", "snrr"),
        ("SELECT count(*) AS n\nGROUP BY night, window('2 days')", "night, window('2 days')"),
        ("SELECT count(*) AS n, max(ra) AS n\nGROUP BY night", "count(*) AS n, max(ra) AS n"),
        ("SELECT count(*) AS n\nGROUP BY night HAVING", "HAVING"),
        ("SELECT count(*) AS n WHERE explode(x) > 5\nGROUP BY night", "explode(x)"),
    ],
)
def test_in_aggregates(text, part):
    assert meant(text, refused(text)) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("snrr > 5\nNEAR 'gcn' AFTER '3 days'", "snrr"),
        ("snr > 5\nNEAR 'gcn' AFTER 'soon'", "'soon'"),
        ("snr > 5\nNEAR 'gcn' DURING '3 days'", "DURING"),
        ("snr > 5 AND max(ra) > 3\nNEAR 'gcn'", "max(ra)"),
    ],
)
def test_beside_another_stream(text, part):
    assert meant(text, refused(text)) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("SELECT ra FROM objects\nWHERE nDiaSources > 3 AND gmagg < 18", "gmagg"),
        ("SELECT ra FROM objects\nWHERE nDiaSources > 3 AND objects.absMag < 18", "objects.absMag"),
        ("nDiaSources > 3\nAND glat < 18", "glat"),
        ("WHERE nDiaSources > 3\nAND ra > 18 || decl > 3", "||"),
        ("nDiaSources > 3\nAND SQRT(ra) > 18", "SQRT(ra)"),
        ("nDiaSources > 3\nAND (ra > 18 OR decl = 'x')", "'x'"),
        ("nDiaSources > 3\nAND watchlist: mine", "watchlist: mine"),
        ("  nDiaSources > 3\nAND ra / nDiaSources ) > 18", ")"),
    ],
)
def test_in_queries_of_lasair(text, part):
    assert meant(text, refused(text, "lasair")) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('[{"$match": {"candidate.snr": {"$gt": 3},\n "candidate.snrr": {"$gt": 3}}}]', '"candidate.snrr"'),
        ('[{"$match": {"candidate.snr":\n {"$gte": 3, "$near": 3}}}]', '"$near"'),
        ('[{"$match": {"candidate.snr": 3}},\n {"$group": {"_id": 1}}]', '"$group"'),
        ('[{"$match": {"$expr": {"$gt": [\n{"$sqrt": "$candidate.snr"}, 3]}}}]', '"$sqrt"'),
        ('[{"$match": {"$expr": {"$gt": [\n"é\\/", {"$abs": "$candidate.nope"}]}}}]', '"$candidate.nope"'),
        ('[{"$match": {"candidate.snr": {"$in": 3}}}]', '"$in"'),
        ('-- mine\n[{"$match": {"candidate.snr": \n{"$regex": "x"}}}]', '"$regex"'),
    ],
)
def test_in_pipelines_of_boom(text, part):
    assert meant(text, refused(text, "boom")) == part


def test_a_text_that_python_does_not_take_for_json_is_read_without_places():
    assert json_of('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}
    assert [place_of_text(key) for key in json_of("{" + '"a": 1, ' * 3 + '"b": 2}')] == [
        (1, 18, 3),
        (1, 26, 3),
    ]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("F.col('snr') > 5\n& F.nosuch(3)", "F.nosuch"),
        ("(F.col('é') > 5) & nosuch", "nosuch"),
    ],
)
def test_in_column_expressions(text, part):
    assert meant(text, refused(text, "columns")) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("def f(snr, /, nosuch):\n    return snr > 5", "nosuch"),
        ("import numpy\n\ndef f(snr):\n    return snrr > 5", "s"),
    ],
)
def test_in_python(text, part):
    assert meant(text, refused(text, "python")) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("snr > 5\nAND nosuchfunction(psfFlux) > 3 AND x > 1", "nosuchfunction(psfFlux) > 3"),
        ("snr > 5\nAND band + prvDiaSources > 3", "band + prvDiaSources > 3"),
        ("snr > 5\nAND x + 1", "x + 1"),
    ],
)
def test_what_spark_refuses_is_pointed_at_by_its_cut(sky, text, part):
    bound = Filter("some", text, "lsst-alerts").bind(LSST)
    with pytest.raises(FilterError) as caught:
        plan.check(sky.spark, bound)
    assert meant(text, caught.value) == part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "SELECT count(*) AS n, max(psfFlux + prvDiaSources) AS m\nGROUP BY night",
            "max(psfFlux + prvDiaSources)",
        ),
        (
            "SELECT count(*) AS n WHERE nosuchfunction(psfFlux) > 3\nGROUP BY night",
            "nosuchfunction(psfFlux) > 3",
        ),
        ("SELECT count(*) AS n\nGROUP BY night HAVING nosuchfunction(n) > 3", "nosuchfunction(n) > 3"),
    ],
)
def test_what_spark_refuses_of_an_aggregate_is_pointed_at(sky, text, part):
    with pytest.raises(FilterError) as caught:
        groups.check(sky.spark, Filter("some", text, "lsst-alerts").bind(LSST), formats.get("lsst"))
    assert meant(text, caught.value) == part


def test_an_error_in_what_is_sent_along_is_no_place_in_the_filter():
    spec = Filter("some", "snr > 5", "lsst-alerts", emit="mag: derived.magg")
    with pytest.raises(ColumnError, match=r"emit: .*derived\.magg") as caught:
        spec.bind(LSST)
    assert caught.value.line is None
