"""Findings: what each looks for is found, and what looks like it is not."""

import pandas as pd
import pytest
from skysieve import Filter, lint
from skysieve.nights import PerNight
from skysieve.packets import avro, formats
from skysieve.packets.columns import Columns
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated

LSST = formats.get("lsst").columns()


def bound(where):
    return Filter("some", where, "lsst-alerts").bind(LSST)


def before(where):
    return lint.before(Filter("some", where, "lsst-alerts"), LSST)


def kinds(findings):
    return [(one.kind, one.cut) for one in findings]


def sample(where, *says, **columns):
    """A table of verdicts as a preview has it; columns by the last part of their names."""
    names = {column.path[-1]: column.name for column in bound(where).columns}
    table = {names[name]: pd.Series(values) for name, values in columns.items()}
    verdicts = {f"cut{i}": pd.Series(one, dtype="boolean") for i, one in enumerate(says)}
    return pd.DataFrame({**table, **verdicts})


@pytest.mark.parametrize(
    "cut",
    [
        "psfFlux_flag",
        "diaSource.pixelFlags_bad",
        "(psfFlux_flag = true)",
        "psfFlux_flag IS TRUE",
        "NOT (NOT psfFlux_flag)",
        "psfFlux_flag <> false",
        "isDipole",
    ],
)
def test_a_cut_that_keeps_only_flagged_alerts_is_found(cut):
    assert ("flag", cut) in kinds(before(cut))


@pytest.mark.parametrize(
    "cut", ["NOT psfFlux_flag", "psfFlux_flag = false", "psfFlux_flag IS NOT TRUE", "isNegative", "snr > 5"]
)
def test_a_flag_used_the_right_way_and_what_is_no_flag_are_not(cut):
    assert "flag" not in dict(kinds(before(cut)))


def test_a_cut_that_in_effect_keeps_only_flagged_alerts_is_seen_in_the_sample():
    where = "coalesce(psfFlux_flag, false) = (snr > 0)"
    flags = [True] * 6 + [False] * 20
    assert before(where) == []
    found = lint.on_sample(bound(where), sample(where, flags, psfFlux_flag=flags, snr=[9.0] * 26))
    assert kinds(found) == [("flag", where)]
    assert "diaSource.psfFlux_flag" in found[0].message


def test_a_few_flagged_alerts_that_pass_may_be_chance():
    where = "coalesce(psfFlux_flag, false) = (snr > 0)"
    flags = [True] * 4 + [False] * 20
    assert lint.on_sample(bound(where), sample(where, flags, psfFlux_flag=flags, snr=[9.0] * 24)) == []


@pytest.mark.parametrize(
    "cut",
    [
        "NOT snr > 1",
        "NOT (snr > 1)",
        "band <> 'g'",
        "band != 'g'",
        "band NOT IN ('g', 'r')",
        "snr NOT BETWEEN 1 AND 5",
        "band NOT LIKE 'g%'",
    ],
)
def test_a_negation_that_drops_what_is_not_known_is_found(cut):
    (found,) = before(cut)
    assert (found.kind, found.cut) == ("null", cut)
    assert "can be NULL" in found.message
    assert "IS NULL" in found.cure


@pytest.mark.parametrize(
    "cut",
    [
        "snr > 1",
        "diaSource.diaSourceId <> 5",
        "snr IS NOT NULL",
        "NOT snr > 1 OR snr IS NULL",
        "NOT coalesce(snr, 0) > 1",
        "NOT (snr <=> 1)",
        "NOT psfFlux_flag",
    ],
)
def test_a_cut_that_drops_no_unknown_value_by_surprise_is_not(cut):
    assert before(cut) == []


def test_the_sample_tells_how_many_alerts_a_negation_drops():
    where = "NOT snr > 1"
    table = sample(where, [True, None, None, False], snr=[0.5, None, None, 3.0])
    (found,) = lint.on_sample(bound(where), table)
    assert "diaSource.snr is NULL in 2 of the 4 alerts read" in found.message


def test_a_column_that_can_be_null_but_is_not_in_the_sample_is_told_as_such():
    (found,) = lint.on_sample(bound("NOT snr > 1"), sample("NOT snr > 1", [True, False], snr=[0.5, 3.0]))
    assert "diaSource.snr can be NULL, but is in none of the 2 alerts read" in found.message


def test_of_a_flag_negated_only_nulls_that_are_there_are_told():
    where = "NOT psfFlux_flag"
    none = sample(where, [True, False], psfFlux_flag=pd.Series([False, True], dtype="boolean"))
    some = sample(where, [True, None], psfFlux_flag=pd.Series([False, None], dtype="boolean"))
    assert lint.on_sample(bound(where), none) == []
    assert "1 of the 2" in lint.on_sample(bound(where), some)[0].message


def test_what_the_sample_shows_replaces_what_was_found_before_it():
    where = "NOT snr > 1"
    table = sample(where, [True, None], snr=[0.5, None])
    found = lint.merged(before(where), lint.on_sample(bound(where), table))
    assert ["in 1 of the 2" in one.message for one in found] == [True]


def test_a_cut_that_is_always_true_or_never_is_found():
    where = "snr > 0 AND x < 0 AND y > 0"
    table = sample(where, [True] * 20, [False] * 18 + [None] * 2, [True, False] * 10)
    found = lint.on_sample(bound(where), table)
    assert kinds(found) == [("always true", "snr > 0"), ("always false", "x < 0")]
    assert "it is NULL for 2" in found[1].message


def test_a_few_alerts_do_not_tell_that_a_cut_is_constant():
    assert lint.on_sample(bound("snr > 0"), sample("snr > 0", [True] * 19)) == []


def versions(**schemas):
    fields = {
        name: [{"name": n, "type": "double", "doc": ""} for n in names] for name, names in schemas.items()
    }
    whole = {n: avro.expand({"type": "record", "name": "alert", "fields": f}) for n, f in fields.items()}
    return Columns(whole)


def test_a_column_that_some_schema_versions_of_the_stream_lack_is_found():
    known = versions(v1=["a", "b", "c"], v2=["a", "b", "c", "new"], v3=["a", "b", "c", "new", "other"])
    present = versions(v1=["a", "b", "c"], v2=["a", "b", "c", "new"])
    spec = Filter("some", "a > 1 AND new > 1 AND other > 1", "alerts")
    found = lint.before(spec, known, present)
    assert kinds(found) == [("schema", "new > 1"), ("schema", "other > 1")]
    assert "new is in schema v2 only, the stream carries v1 to v2" in found[0].message
    assert "other is in no schema that this stream carries (v1 to v2)" in found[1].message
    assert lint.before(spec, known, known)[0].cut == "new > 1"


HISTORY = "exists(prvDiaSources, s -> s.psfFlux > 500)"


def test_a_history_gone_through_before_a_cheap_cut_is_found():
    (found,) = before(f"{HISTORY} AND snr > 5")
    assert (found.kind, found.cut) == ("cost", HISTORY)
    assert "estimated" in found.message
    assert "last" in found.cure


@pytest.mark.parametrize("where", [f"snr > 5 AND {HISTORY}", HISTORY, "snr > 5 AND x > 10 AND y > 0"])
def test_a_history_that_comes_last_is_not(where):
    assert before(where) == []


def test_more_alerts_a_night_than_readers_can_look_through_are_found():
    table = sample("snr > 5", [True, False])
    (found,) = lint.on_sample(bound("snr > 5"), table, PerNight(2000, 3210, 5000, "arrival"))
    assert (found.kind, found.cut) == ("flood", "")
    assert "3,200 alerts a night" in found.message
    assert lint.on_sample(bound("snr > 5"), table, PerNight(500, 900, 2000, "arrival")) == []


def test_a_cut_that_is_no_sql_is_judged_by_the_sample_alone():
    class Function:
        text, sql, columns = "bright", "", (LSST["diaSource.snr"],)

    class Bound:
        cuts = (Function(),)

    class Spec:
        def bind(self, _columns):
            return Bound()

    assert lint.before(Spec(), LSST, LSST) == []
    table = pd.DataFrame({"diaSource.snr": [9.0] * 30, "cut0": pd.Series([True] * 30, dtype="boolean")})
    assert kinds(lint.on_sample(Bound(), table)) == [("always true", "bright")]


@pytest.mark.parametrize(
    ("cut", "call", "where"),
    [
        ("sqrt(psfFlux) > 60", "SQRT(diaSource.psfFlux)", "diaSource.psfFlux < 0"),
        ("60 <= sqrt(psfFlux)", "SQRT(diaSource.psfFlux)", "diaSource.psfFlux < 0"),
        ("NOT sqrt(psfFlux) < 60", "SQRT(diaSource.psfFlux)", "diaSource.psfFlux < 0"),
        ("1 + pow(psfFlux, 0.5) / 2 > 60", "POWER(diaSource.psfFlux, 0.5)", "diaSource.psfFlux < 0"),
        ("asin(psfFlux) > 0.5", "ASIN(diaSource.psfFlux)", "abs(diaSource.psfFlux) > 1"),
        ("acosh(psfFlux) > 0.5", "ACOSH(diaSource.psfFlux)", "diaSource.psfFlux < 1"),
    ],
)
def test_a_cut_that_nan_passes_is_found(cut, call, where):
    found = {one.kind: one for one in before(cut)}["nan"]
    assert f"Where {where}, {call} is NaN" in found.message
    mended = found.cure.removeprefix("Write ").partition("),")[0] + ")"
    assert mended.startswith(f"(NOT isnan({call}) AND ")
    assert "nan" not in {one.kind for one in before(mended)}


@pytest.mark.parametrize(
    "cut",
    [
        "sqrt(psfFlux) < 60",
        "NOT sqrt(psfFlux) > 60",
        "sqrt(abs(psfFlux)) > 60",
        "sqrt(x * x + y * y) > 60",
        "sqrt(pow(x, 2) + 1) > 60",
        "sqrt(psfFlux) BETWEEN 1 AND 60",
        "psfFlux > 0 AND sqrt(psfFlux) > 60",
        "nanvl(sqrt(psfFlux), 0) > 60",
        "NOT isnan(sqrt(psfFlux)) AND sqrt(abs(psfFlux)) > 60",
        "pow(psfFlux, 2) > 60",
        "log10(psfFlux) > 2",
        "abs(x) <= 1 AND asin(x) > 0.5",
    ],
)
def test_a_cut_that_nan_does_not_pass_is_not(cut):
    assert "nan" not in {one.kind for one in before(cut)}


def test_a_function_that_is_called_for_each_alert_is_told_of():
    code = "import skysieve\n\n\n@skysieve.per_alert\ndef f(snr):\n    return snr is not None and snr > 5"
    (found,) = lint.before(Filter("some", code, "lsst-alerts", language="python"), LSST)
    assert (found.kind, found.cut) == ("cost", "f")
    assert "once for each alert" in found.message
    plain = Filter("some", "def f(snr):\n    return snr > 5", "lsst-alerts", language="python")
    assert lint.before(plain, LSST) == []


def test_a_session_finds_it_without_spark(topics, stream):
    send(simulated("lsst", count=3, seed=5), stream, topics.bootstrap)
    without_spark = Session(topics, None)
    assert kinds(without_spark.lint(Filter("some", "psfFlux_flag AND sqrt(psfFlux) > 3", stream))) == [
        ("flag", "psfFlux_flag"),
        ("nan", "sqrt(psfFlux) > 3"),
    ]
