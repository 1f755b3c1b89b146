"""Filters in SQL: which columns the names in a cut find, and what stays as it was written."""

import re

import pytest
from skysieve.errors import ColumnError
from skysieve.languages.sql import Cut, bind, cuts
from skysieve.packets import formats

LSST = formats.get("lsst").columns()


def bound(condition):
    return bind(Cut(condition), LSST).sql


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("snr > 20", "`diaSource.snr` > 20"),
        ("SNR > 20", "`diaSource.snr` > 20"),
        ("diaSource.snr > 20", "`diaSource.snr` > 20"),
        ("DIASOURCE . Snr > 20", "`diaSource.snr` > 20"),
        ("`diaSource`.`snr` > 20", "`diaSource.snr` > 20"),
        ("`diaSource.snr` > 20", "`diaSource.snr` > 20"),
        ("mpcorb.A > 1", "`MPCORB.a` > 1"),
        ("diaObject IS NOT NULL", "`diaObject` IS NOT NULL"),
        ("log10( ABS(snr) )  >1e0", "log10( ABS(`diaSource.snr`) )  >1e0"),
        ("x/y>snr", "`diaSource.x`/`diaSource.y`>`diaSource.snr`"),
        ("snr = 'snr' OR \"snr\" = band", "`diaSource.snr` = 'snr' OR \"snr\" = `diaSource.band`"),
        ("(snr -- snr\n>/* x */1)", "(`diaSource.snr` -- snr\n>/* x */1)"),
        ("'é😀' = band", "'é😀' = `diaSource.band`"),
        ("snr::int IN (1,  2)", "`diaSource.snr`::int IN (1,  2)"),
        ("Case when SNR>1 then band='g' end", "Case when `diaSource.snr`>1 then `diaSource.band`='g' end"),
        ("1 > 0", "1 > 0"),
    ],
)
def test_only_the_names_of_columns_change(condition, sql):
    assert bound(condition) == sql


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("size(PRVdiaSources) > 2", "size(`prvDiaSources`) > 2"),
        ("array_max(prvDiaSources.SNR) > 1", "array_max(`prvDiaSources`.`snr`) > 1"),
        ("prvDiaSources.snr[0] > snr", "`prvDiaSources`.`snr`[0] > `diaSource.snr`"),
        ("prvDiaSources[0].snr > 1", "`prvDiaSources`[0].snr > 1"),
        ("element_at(prvDiaSources, -1).snr > 1", "element_at(`prvDiaSources`, -1).snr > 1"),
        ("named_struct('end', snr).end > 1", "named_struct('end', `diaSource.snr`).end > 1"),
        ("prvDiaSources.snr.`a`` OR now() > ``b` > 1", "`prvDiaSources`.`snr`.`a`` OR now() > ``b` > 1"),
    ],
)
def test_fields_of_an_array_s_items_follow_its_column(condition, sql):
    assert bound(condition) == sql


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("exists(prvDiaSources, s -> s.snr > 1)", "exists(`prvDiaSources`, s -> s.snr > 1)"),
        ("exists(prvDiaSources, snr -> snr.snr > 1)", "exists(`prvDiaSources`, snr -> snr.snr > 1)"),
        ("exists(prvDiaSources, SNR -> snr.x > x)", "exists(`prvDiaSources`, SNR -> snr.x > `diaSource.x`)"),
        ("exists(prvDiaSources, diaSource -> diaSource.x > 1)",
         "exists(`prvDiaSources`, diaSource -> diaSource.x > 1)"),
        ("exists(prvDiaSources, x -> x.x > 1) OR x > 1",
         "exists(`prvDiaSources`, x -> x.x > 1) OR `diaSource.x` > 1"),
        ("exists(prvDiaSources, end -> end.snr > snr)",
         "exists(`prvDiaSources`, end -> end.snr > `diaSource.snr`)"),
        ("aggregate(prvDiaSources, 0D, (x, y) -> x + y.y) > y",
         "aggregate(`prvDiaSources`, 0D, (x, y) -> x + y.y) > `diaSource.y`"),
        ("exists(prvDiaSources, x -> exists(prvDiaForcedSources, y -> y.visit = x.visit AND y.ra > snr))",
         "exists(`prvDiaSources`, x -> exists(`prvDiaForcedSources`, y -> y.visit = x.visit"
         " AND y.ra > `diaSource.snr`))"),
    ],
)  # fmt: skip
def test_a_lambda_s_variable_is_no_column_whatever_it_is_called(condition, sql):
    assert bound(condition) == sql


def test_a_cut_reads_each_column_once_in_order_of_first_use():
    found = bind(Cut("x > snr OR snr > X OR size(prvDiaSources) > abs(diaSource.x)"), LSST)
    assert [column.name for column in found.columns] == ["diaSource.x", "diaSource.snr", "prvDiaSources"]
    assert found.text == "x > snr OR snr > X OR size(prvDiaSources) > abs(diaSource.x)"


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("ra > 1", "'ra' could be diaSource.ra or diaObject.ra: write one of them in full."),
        ("reliabilty > 1", "no column 'reliabilty'. Did you mean diaSource.reliability?"),
        ("diaSource.psfFlx > 1", "no column 'diaSource.psfFlx'. Did you mean diaSource.psfFlux or"),
        ("diaSource.end > 1", "no column 'diaSource.end'."),
        ("nosuch > 1", "no column 'nosuch'. (cut 'nosuch > 1', line 1)"),
        ("prvDiaSources.psfFlx[0] > 1", "prvDiaSources have no field 'psfFlx'. Did you mean psfFlux or"),
        ("exists(prvDiaSources, s -> s.snr > nosuch)", "no column 'nosuch'."),
        ("exists(prvDiaSources, s -> TRUE) AND s.snr > 1", "no column 's.snr'."),
    ],
)
def test_a_name_that_finds_no_column_says_what_could_be_meant(condition, message):
    with pytest.raises(ColumnError, match=re.escape(message)):
        bound(condition)


@pytest.mark.parametrize(
    ("where", "line"),
    [("nosuch > 1", 1), ("snr > 1\nAND nosuch > 1", 2), ("snr > 1 AND\r\n(snr > 2\r\n OR nosuch)", 3)],
)
def test_a_name_that_finds_no_column_says_its_line_in_the_filter(where, line):
    cut = cuts(where)[-1]
    with pytest.raises(ColumnError, match=re.escape(f"(cut {cut.text!r}, line {line})")):
        bind(cut, LSST)


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("nosuch > 1", (1, 1, 6)),
        ("snr > 1\nAND nosuch > 1", (2, 5, 6)),
        ("WHERE snr > 1 AND (snr > 2\n\tOR diaSource.nosuch = 'a')", (2, 5, 16)),
        ("snr > 1\r\n  AND `no such` > 1", (2, 7, 9)),
        ("snr = 'é😀' AND nosuch", (1, 16, 6)),
        ("exists(prvDiaSources, s -> s.snr > nosuch)", (1, 36, 6)),
        ("size(prvDiaSources.nosuch) > 1", (1, 6, 20)),
        ("ra > 1", (1, 1, 2)),
    ],
)
def test_a_name_that_finds_no_column_says_its_place(where, place):
    with pytest.raises(ColumnError) as raised:
        bind(cuts(where)[-1], LSST)
    assert (raised.value.line, raised.value.column, raised.value.length) == place
