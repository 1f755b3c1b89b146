"""Findings: what each looks for is found, and what looks like it is not."""

import pandas as pd
import pytest
from skysieve import Filter, lint
from skysieve.nights import PerNight
from skysieve.packets import avro, formats
from skysieve.packets.columns import Columns

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
