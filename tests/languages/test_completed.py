"""What Tab offers in cells of each language beside SQL and Python; the cursor is where the bar stands."""

from __future__ import annotations

import pytest
from completing import LSST, OPTIONS, ZTF, Observatory, completer, offers
from pyspark.sql.connect import functions
from skysieve.completion import FilterCompleter
from skysieve.errors import FilterSyntaxError
from skysieve.languages.aggregate import grouping
from skysieve.vocabulary import AGGREGATES, Vocabularies


@pytest.mark.parametrize(
    ("where", "offered"),
    [
        ("SELECT max(psfFluxE|) AS m GROUP BY band, night", {"max(psfFluxErr": "float [nJy]"}),
        ("SELECT count(*) AS n WHERE psfFluxE| > 3 GROUP BY night", {"psfFluxErr": "float [nJy]"}),
        ("SELECT count(*) AS n GROUP BY diaObject.diaObj|, night", {"diaObject.diaObjectId": "bigint"}),
        ("SELECT approx_c| AS n GROUP BY night", {"approx_count_distinct": "function"}),
        ("psfFluxE| > 3 NEAR 'gcn'", {"psfFluxErr": "float [nJy]"}),
        ("snr > 3 NEAR 'z|", {"'ztf-alerts": "stream"}),
        ("snr > 3 NEAR 'z|' AFTER '3 days'", {"'ztf-alerts": "stream"}),
    ],
)  # fmt: skip
def test_in_aggregates_and_beside_other_streams_columns_are_offered_as_in_sql(where, offered):
    found = offers(f"%%filter a -s lsst-alerts\n{where}", completer(LSST, ZTF))
    assert {name.rsplit(" ", 1)[-1]: kind for name, kind in found.items()} == offered


@pytest.mark.parametrize("name", AGGREGATES)
def test_every_aggregate_that_is_offered_may_be_called(name):
    def is_one(arguments: str) -> bool:
        try:
            return bool(grouping(f"SELECT {name}({arguments}) AS x GROUP BY night"))
        except FilterSyntaxError:
            return False

    assert any(map(is_one, ("a", "a, b")))


@pytest.mark.parametrize(
    ("where", "offered"),
    [
        ("SELECT * FROM objects WHERE nDiaS|", {"nDiaSources": "int"}),
        ("SELECT * FROM objects WHERE objects.DECL| < 3", {"objects.decl": "double [deg]"}),
        ("SELECT r_psfFluxMeanE| FROM objects", {"r_psfFluxMeanErr": "float [nJy]"}),
        ("SELECT * FROM objects WHERE co|", {"coalesce": "function"}),
        ("SELECT * FROM objects WHERE absM|", {}),
    ],
)
def test_of_lasair_s_columns_those_are_offered_that_translate(where, offered):
    found = offers(f"%%filter a\n{where}")
    assert {name.rsplit(" ", 1)[-1]: kind for name, kind in found.items()} == offered


@pytest.mark.parametrize(
    ("where", "offered"),
    [
        ('[{"$match": {"candidate.psfFluxE|": {"$gt": 3}}}]', {"candidate.psfFluxErr": "float [nJy]"}),
        ('[{"$match": {"candidate.snr": 3, "candidate.ndet|', {"candidate.ndethist": "int"}),
        ('[{"$match": {"$expr": {"$gt": ["$candidate.psfFluxE|", 3]}}}]', {"$candidate.psfFluxErr": "float [nJy]"}),
        ('[{"$match": {"candidate.snr": {"$gt|', {"$gt": "operator", "$gte": "operator"}),
    ],
)  # fmt: skip
def test_in_boom_s_pipelines_fields_and_operators_are_offered(where, offered):
    found = offers(f"%%filter a\n{where}", completer(LSST))
    assert {name.rsplit('"', 1)[-1]: kind for name, kind in found.items()} == offered


def test_boom_s_fields_are_those_of_the_survey():
    cell = '%%filter a\n[{"$match": {"candidate.mags|": 3}}]'
    assert list(offers(cell, completer(LSST))) == []
    assert [name.rsplit('"', 1)[-1] for name in offers(cell.replace("mags", "magp"), completer(ZTF))] == [
        "candidate.magpsf"
    ]


@pytest.mark.parametrize(
    "cell",
    [
        "lsst.c.psfFluxE| > 5",
        "(lsst.c.snr > 5) & (lsst.c.psfFluxE|",
        'lsst.c["psfFluxE|',
        '(F.col("snr") > 5) & (F.col("psfFluxE|") > 3)',
        '(F.col("snr") > 5) & (F.col("psfFluxE|',
    ],
)
def test_in_column_expressions_the_stream_s_columns_are_offered(cell):
    complete = FilterCompleter(
        Vocabularies(lambda: Observatory(LSST)), OPTIONS, {"lsst": LSST, "F": functions}
    )
    (found,) = offers(f"%%filter a\n{cell}", complete).items()
    assert found == (cell.replace("psfFluxE|", "psfFluxErr|").partition("|")[0], "float [nJy]")
