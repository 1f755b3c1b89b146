"""Functions beside Spark's: how calls are found, what they become, and what is said of wrong ones."""

import re
from pathlib import Path

import pyspark.sql.functions.builtin
import pytest
from skysieve.errors import ColumnError, FilterError, nearest
from skysieve.filter import Filter
from skysieve.languages.helpers import HELPERS
from skysieve.languages.sql import Cut, bind, cuts
from skysieve.packets import formats
from skysieve.packets.columns import Columns

DOCS = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
LSST, ZTF = (formats.get(name).columns() for name in ("lsst", "ztf"))


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("brightest() < 19", "`brightest()` < 19"),
        ("BRIGHTEST ( /* in */ \"g\" )<19", "`brightest('g')`<19"),
        ("color('g', 'r', 12.0D) < 1", "`colour('g', 'r', 12)` < 1"),
        ("rise_per_day('g', .5) > 1 OR detections('g') = 1", "`rise_per_day('g', 0.5)` > 1 OR `detections('g')` = 1"),
        ("snr > 5 AND brightest('g') < derived.mag", "`diaSource.snr` > 5 AND `brightest('g')` < `derived.mag`"),
        ("days_since(firstDiaSourceMjdTai) < 1",
         "(`diaSource.midpointMjdTai` - (`diaObject.firstDiaSourceMjdTai`)) < 1"),
        ("exists(prvDiaSources, s -> days_since(s.midpointMjdTai) > least(1, 2))",
         "exists(`prvDiaSources`, s -> (`diaSource.midpointMjdTai` - (s.midpointMjdTai)) > least(1, 2))"),
        ("abs(least(brightest('g'), colour('g', 'r', 1))) > 1",
         "abs(least(`brightest('g')`, `colour('g', 'r', 1)`)) > 1"),
        ("band = 'brightest(g)' -- detections()\n", "`diaSource.band` = 'brightest(g)' -- detections()\n"),
        ("aggregate(prvDiaSources, 0, (detections, s) -> detections + 1) > 1",
         "aggregate(`prvDiaSources`, 0, (detections, s) -> detections + 1) > 1"),
    ],
)  # fmt: skip
def test_calls_give_way_to_sql_and_all_else_stays(condition, sql):
    assert bind(Cut(condition), LSST).sql == sql


def test_a_function_within_another_s_argument_is_found_too():
    nested = bind(Cut("nJy_to_ab(ab_to_nJy(brightest()) + diaSource.psfFlux) > 1"), LSST)
    assert [column.name for column in nested.columns] == ["brightest()", "diaSource.psfFlux"]
    assert "ab_to_nJy" not in nested.sql
    assert nested.text == "nJy_to_ab(ab_to_nJy(brightest()) + diaSource.psfFlux) > 1"


def test_each_survey_s_own_columns_are_used():
    for columns, array in ((LSST, "prvDiaSources[]"), (ZTF, "prv_candidates[]")):
        (column,) = bind(Cut("brightest('g') < 19"), columns).columns
        assert column.uses[0].startswith(array)
    assert bind(Cut("days_since(2460000.5) > 1"), ZTF).sql == "(`candidate.jd` - (2460000.5)) > 1"


def test_what_a_filter_emits_can_call_them():
    spec = Filter(
        "bright", "detections() > 1", stream="lsst-alerts", emit="mag_now: nJy_to_ab(diaSource.psfFlux)"
    )
    bound = spec.bind(LSST)
    assert [column.name for column in bound.annotations["mag_now"].columns] == ["diaSource.psfFlux"]
    assert [column.name for column in bound.columns] == ["detections()", "diaSource.psfFlux"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("brightst('g') < 19", "There is no function brightst(). Did you mean brightest? (cut \"brightst('g') < 19\""),
        ("brightest('g', 'r') < 1", "brightest() is called as brightest([band]), not with 2 arguments; for example"),
        ("rise_per_day() < 1", "is called as rise_per_day(band[, hours]), not with 0 arguments; for example"),
        ("colour('g', 'r') < 1", "is called as colour(band1, band2, hours), not with 2 arguments"),
        ("nJy_to_ab() < 1", "is called as nJy_to_ab(flux), not with 0 arguments; for example nJy_to_ab("),
        ("brightest('G') < 1", "takes a band, for LSST one of 'u', 'g', 'r', 'i', 'z', 'y', not 'G'; for example"),
        ("brightest(band) < 1", "takes a band, for LSST one of 'u', 'g', 'r', 'i', 'z', 'y', not band; for example"),
        ("brightest(2) < 1", "not 2; for example brightest('r') < 19."),
        ("colour('g', 'g', 1) < 1", "colour() takes two different bands; for example"),
        ("colour('g', 'r', -1) < 1", "colour() takes a number of hours above zero, not -1; for example"),
        ("colour('g', 'r', snr) < 1", "colour() takes a number of hours above zero, not snr; for example"),
        ("colour('g', 'r', 0) < 1", "colour() takes a number of hours above zero, not 0; for example"),
        ("nJy_to_ab('g') < 1", "nJy_to_ab() takes a flux, not the text 'g'; for example"),
        ("days_since('2026-03-05') < 1", "days_since() takes a time in MJD (TAI), not the text '2026-03-05'"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_told_with_what_the_function_takes_and_an_example(condition, message):
    with pytest.raises(FilterError, match=re.escape(message)):
        bind(Cut(condition), LSST)


def test_bands_are_those_of_the_survey():
    with pytest.raises(FilterError, match=re.escape("for ZTF one of 'g', 'r', 'i', not 'z'")):
        bind(Cut("brightest('z') < 19"), ZTF)


def test_a_wrong_call_says_its_line_in_the_filter_and_so_does_an_error_behind_a_call_of_several_lines():
    (*_, last) = cuts("snr > 1\nAND snr < 2\nAND (snr > 3 OR\nbrightest('x') > 1)")
    with pytest.raises(FilterError, match=r"line 4\)$"):
        bind(last, LSST)
    (*_, last) = cuts("snr > 1\nAND (brightest(\n'g'\n) > 1\nOR nosuch > 1)")
    with pytest.raises(FilterError, match=r"line 5\)$"):
        bind(last, LSST)


@pytest.mark.parametrize(
    "condition",
    [
        "nosuch > brightest('g')",
        "brightest() > nosuch",
        "nJy_to_ab(1 + nosuch) > 1",
        "days_since(abs(\nnosuch)) < 1",
    ],
)
def test_an_unknown_column_is_pointed_at_where_the_filter_has_it(condition):
    before = condition[: condition.index("nosuch")].split("\n")
    with pytest.raises(ColumnError) as raised:
        bind(Cut(condition), LSST)
    assert (raised.value.line, raised.value.column) == (len(before), len(before[-1]) + 1)
    assert raised.value.length == len("nosuch")


def test_a_stream_without_a_known_history_says_so_and_does_magnitudes_all_the_same():
    fields = [{"name": "flux", "type": "float", "doc": ""}]
    columns = Columns({1: {"type": "record", "name": "alert", "fields": fields}})
    for text in ("brightest() < 19", "days_since(1) < 1"):
        with pytest.raises(FilterError, match=r"asks for the detections of an object.*LSST and ZTF"):
            bind(Cut(text), columns)
    assert bind(Cut("nJy_to_ab(flux) < 19"), columns).columns == (columns["flux"],)


def test_a_survey_s_history_is_known_by_its_columns_in_whatever_frame_it_comes():
    lsst = formats.get("lsst")
    old = lsst.columns([bytes.fromhex("00") + (300).to_bytes(4, "big") + b"x"])
    with pytest.raises(FilterError, match="asks for the detections"):  # its sources had other names then
        bind(Cut("brightest() < 19"), old)
    assert bind(Cut("brightest() < 19"), Columns(lsst.schemas)).columns


def test_none_of_spark_s_functions_is_taken_for_one_of_these():
    names = [name for name in dir(pyspark.sql.functions.builtin) if name.islower()]
    assert len(names) > 400
    assert not {name for name in names if nearest(name, HELPERS) or name in map(str.lower, HELPERS)}


@pytest.mark.parametrize("helper", HELPERS.values(), ids=HELPERS)
def test_every_function_is_listed_with_an_example_that_binds(helper):
    assert helper.gives
    assert helper.signature.startswith(f"{helper.name}(")
    (cut,) = cuts(helper.example)
    assert f"{helper.name}(" in cut.text
    assert helper.name not in re.sub(r"`[^`]+`", "", bind(cut, LSST).sql)


def test_the_documentation_has_the_same_table():
    rows = [f"| `{h.signature}` | {h.gives} | {h.unit or '–'} | `{h.example}` |" for h in HELPERS.values()]
    assert re.findall(r"^\| `.*", DOCS, re.MULTILINE) == rows


@pytest.mark.parametrize("where", re.findall(r"```sql\n(.*?)```", DOCS, re.DOTALL))
def test_every_filter_in_the_documentation_binds(where):
    assert Filter("documented", where, stream="lsst-alerts").bind(LSST).columns
