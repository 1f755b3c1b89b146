"""Filters as values: their names, versions and JSON, and how they find their columns."""

import json
import re
from dataclasses import FrozenInstanceError, replace

import pytest
from skysieve import Filter
from skysieve.errors import ColumnError, FilterError, FilterSyntaxError
from skysieve.filter import check_name
from skysieve.languages import sql
from skysieve.packets import formats

LSST = formats.get("lsst").columns()
BRIGHT = Filter("bright", "snr > 20 AND reliability > 0.9", stream="lsst-alerts", description="Bright ones")


def version(where, **changes):
    return replace(BRIGHT, where=where, **changes).version


@pytest.mark.parametrize("name", ["a", "7", "young-supernovae_2", "A--", "0_", "n" * 200])
def test_letters_digits_dashes_and_underscores_make_a_name(name):
    assert check_name(name) == name
    assert replace(BRIGHT, name=name).output_topic == f"filter.{name}"


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", "a.b", ".", "..", "a/b", "/a", "a b", " a", "a\n", "é", "a²", "٣", "n" * 201]
)
def test_any_other_name_is_refused(name):
    with pytest.raises(FilterError, match="no legal filter name: use letters, digits"):
        check_name(name)
    with pytest.raises(FilterError, match="no legal filter name: use letters, digits"):
        replace(BRIGHT, name=name)


@pytest.mark.parametrize(("name", "shown"), [("a.b", "a.b"), ("n" * 201, "n" * 57 + "...")])
def test_a_refused_name_is_shown_and_cut_where_it_is_long(name, shown):
    with pytest.raises(FilterError, match=f"^{re.escape(repr(shown))} is no legal"):
        check_name(name)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"where": ""}, FilterError, "The filter is empty"),
        ({"where": "WHERE -- nothing"}, FilterError, "The filter is empty"),
        ({"where": "snr >"}, FilterSyntaxError, "something is missing after this"),
        ({"where": "max(snr) > 20"}, FilterError, "an aggregate"),
        ({"stream": ""}, FilterError, "'bright' needs a stream"),
    ],
)
def test_a_filter_that_cannot_run_cannot_be_made(changes, kind, message):
    with pytest.raises(kind, match=message):
        replace(BRIGHT, **changes)


def test_a_filter_cannot_change():
    with pytest.raises(FrozenInstanceError):
        BRIGHT.where = "snr > 10"


@pytest.mark.parametrize(
    "where",
    [
        "snr > 20\n\tAND   reliability > 0.9",
        "snr > 20\r\nand reliability > 0.9;",
        "WHERE snr > 20 /* bright */ AND reliability > 0.9 -- and real",
    ],
)
def test_its_version_is_blind_to_what_surrounds_the_cuts(where):
    assert version(where) == BRIGHT.version


@pytest.mark.parametrize("changes", [{"description": "Other words"}, {"name": "other"}])
def test_its_version_is_blind_to_name_and_description(changes):
    assert replace(BRIGHT, **changes).version == BRIGHT.version


def test_its_version_is_blind_to_the_packages_that_it_was_made_with():
    spec = Filter("f", "import numpy\n\ndef f(snr):\n    return snr > 5", "lsst-alerts", language="python")
    older = replace(spec, made_with={**spec.made_with, "numpy": "1.0"})
    assert (older.version, older) == (spec.version, spec)
    assert older.made_with["numpy"] == "1.0"


def test_its_version_knows_stream_and_cuts():
    versions = [
        BRIGHT.version,
        replace(BRIGHT, stream="other-alerts").version,
        version("snr > 20"),
        version("snr > 21 AND reliability > 0.9"),
        version("reliability > 0.9 AND snr > 20"),
        version("(snr > 20 AND reliability > 0.9)"),
        version("snr  >  20 AND reliability > 0.9"),
    ]
    assert len(set(versions)) == len(versions)
    assert all(re.fullmatch("[0-9a-f]{12}", one) for one in versions)


def test_its_version_stays_the_same_from_one_release_to_the_next():
    assert BRIGHT.version == "3c3354e04f7e"


def test_its_text_is_parsed_once_for_its_cuts_and_its_version(monkeypatch):
    seen = []
    monkeypatch.setattr(sql, "parsed", lambda *given: seen.append(given))
    again = replace(BRIGHT, where="snr > 20.125 AND reliability > 0.9")
    assert again.version == replace(again, name="other").version != BRIGHT.version
    assert len(seen) == len(again.cuts) == 2


@pytest.mark.parametrize("where", ["snr > 20", "WHERE band = 'é\"\\'' --\r\n AND snr > 20;"])
@pytest.mark.parametrize("description", ["", 'A "quoted" one\non two lines'])
def test_it_comes_back_from_json(where, description):
    spec = replace(BRIGHT, where=where, description=description)
    assert Filter.from_json(spec.to_json()) == spec
    assert Filter.from_json(json.loads(spec.to_json())).version == spec.version


def test_its_json_holds_what_it_was_made_of():
    assert json.loads(replace(BRIGHT, made_with={"python": "3.12"}).to_json()) == {
        "name": "bright",
        "where": "snr > 20 AND reliability > 0.9",
        "stream": "lsst-alerts",
        "description": "Bright ones",
        "language": "sql",
        "emit": "",
        "tags": [],
        "owner": "",
        "made_with": {"python": "3.12"},
    }


@pytest.mark.parametrize(("field", "value"), [("name", "a.b"), ("where", ""), ("stream", "")])
def test_json_of_no_legal_filter_is_refused(field, value):
    with pytest.raises(FilterError):
        Filter.from_json(json.loads(BRIGHT.to_json()) | {field: value})


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("snr > 20 AND\nreliabilty > 0.9",
         "Filter 'bright' on 'lsst-alerts': There is no column 'reliabilty'. Did you mean diaSource.reliability?"
         " (cut 'reliabilty > 0.9', line 2)"),
        ("ra > 20",
         "Filter 'bright' on 'lsst-alerts': Column 'ra' could be diaSource.ra or diaObject.ra: "
         "write one of them in full. (cut 'ra > 20', line 1)"),
    ],
)  # fmt: skip
def test_a_name_without_a_column_is_told_with_filter_stream_and_place(where, message):
    with pytest.raises(ColumnError) as caught:
        replace(BRIGHT, where=where).bind(LSST)
    assert str(caught.value) == message


def test_bound_it_holds_its_cuts_in_order():
    bound = BRIGHT.bind(LSST)
    assert bound.filter is BRIGHT
    assert [cut.text for cut in bound.cuts] == ["snr > 20", "reliability > 0.9"]
    assert [cut.sql for cut in bound.cuts] == ["`diaSource.snr` > 20", "`diaSource.reliability` > 0.9"]


def test_bound_it_reads_each_column_once_in_order_of_first_use():
    bound = replace(BRIGHT, where="y > snr AND size(prvDiaSources) > x AND SNR > x AND x > y").bind(LSST)
    names = [column.name for column in bound.columns]
    assert names == ["diaSource.y", "diaSource.snr", "prvDiaSources", "diaSource.x"]
    assert all(column.whole == LSST[column.name] for column in bound.columns)


def test_bound_it_reads_no_column_where_it_names_none():
    assert replace(BRIGHT, where="1 > 0").bind(LSST).columns == ()
