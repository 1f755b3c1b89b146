"""The filter builder over a stream: what its form counts is what Spark's preview does, for every kind of cut."""

from statistics import fmean

import pytest
from skysieve import Filter
from skysieve.building import asked
from skysieve.errors import FilterError, StreamError
from skysieve.languages import sql as filters
from skysieve.packets import formats
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import make_stream

COUNT = 400


@pytest.fixture(scope="module")
def stream(sky):
    name = make_stream(sky.topics, "test-builder-alerts")
    packets = [alert.packet for alert in simulate(COUNT, seed=71, pool=60, nights=3)]
    send([*packets, Packet(b"broken", b"0")], name, sky.topics.bootstrap)
    return name


@pytest.fixture
def builder(sky, stream):
    made = sky.builder(stream, last=1000, name="test-builder")
    yield made
    made.close()


def middle(builder, column):
    """A value that about half of the sample lies above, exactly as it is stored."""
    values = builder._sampled.sample.table[column].dropna().sort_values()
    return values.iloc[len(values) // 2].item()


def test_an_empty_form_has_read_the_sample_and_offers_the_columns_of_the_stream(builder, sky, stream):
    assert (builder.read, builder.passed, builder.sql) == (COUNT, COUNT, "")
    offered = {column["name"] for column in builder.offered}
    known = sky.stream(stream).columns()
    assert {"diaSource.snr", "derived.mag", "diaObject.nDiaSources"} <= offered <= set(known["name"])
    assert builder.shown["per_night"]


@pytest.mark.parametrize(
    "cuts",
    [
        [("diaSource.snr", ">", 15), ("diaSource.reliability", ">=", 0.7)],
        [("diaSource.snr", "between", [6.25, 1e2]), ("diaSource.band", "in", ["g", "r", "it's \\ a\nband"])],
        [("diaSource.band", "!=", "'"), ("diaObject.nDiaSources", "<=", 3)],
        [("diaObject.nDiaSources", ">", 2.5), ("diaObject.nDiaSources", "!=", 4)],
        [("diaObject.nDiaSources", "is null", None)],
        [("diaObject.nDiaSources", "is not null", None), ("diaSource.isDipole", "is false", None)],
        [("derived.mag", "<", 22.5), ("derived.gal_b", ">", -90), ("diaSource.ra", "<", 1e-5)],
        [("diaSource.isDipole", "is true", None)],
        [("diaSource.psfFlux", ">", -16777217), ("diaSource.psfFlux", "<", 1e16)],
        [("diaSource.diaSourceId", "<", 10**30), ("diaSource.diaSourceId", ">", -(2**70))],
    ],
)
def test_every_number_of_the_form_is_that_of_a_preview(builder, sky, stream, cuts):
    given = [{"column": c, "op": op} | ({} if v is None else {"value": v}) for c, op, v in cuts]
    builder.cuts = given
    assert builder.cuts == given
    preview = sky.preview(Filter("test-builder", builder.sql, stream), last=1000)
    assert preview.rejected == 1
    assert (builder.read, builder.passed) == (preview.read - 1, preview.passed)
    assert builder.pass_rate == preview.pass_rate
    assert builder.interval == pytest.approx(preview.interval)
    for row, expected in zip(builder.shown["rows"], preview.cuts.to_dict("records"), strict=True):
        assert row["problem"] == ""
        assert {name: row[name] for name in ("alone", "left", "only_this", "null")} == {
            name: expected[name] for name in ("alone", "left", "only_this", "null")
        }


@pytest.mark.parametrize("op", [">", ">=", "<", "<=", "=", "!=", "between", "in"])
@pytest.mark.parametrize(
    "column", ["diaSource.diaSourceId", "diaSource.snr", "diaSource.midpointMjdTai", "derived.mag"]
)
def test_a_threshold_at_a_value_of_an_alert_is_judged_as_spark_judges_it(builder, sky, stream, column, op):
    builder.cuts = [{"column": column, "op": "is not null"}]
    value = middle(builder, column)
    builder.cuts = [
        {"column": column, "op": op, "value": [value, value] if op in ("between", "in") else value}
    ]
    expected = sky.preview(Filter("test-builder", builder.sql, stream), last=1000).passed
    assert builder.passed == expected
    assert op in (">", "<") or expected > 0


def test_a_cut_that_is_no_row_is_judged_by_spark(builder, sky, stream):
    text = "size(prvDiaSources) > 3 OR diaSource.band = 'g'"
    builder.sql = f"snr > 10 AND ({text})"
    assert builder.cuts[1] == {"sql": f"({text})"}
    assert builder.passed == sky.preview(Filter("test-builder", builder.sql, stream), last=1000).passed


def test_a_cut_that_spark_refuses_says_so_beside_its_row(builder):
    builder.sql = "nothing > 3 AND snr > 10"
    assert "There is no column 'nothing'" in builder.shown["rows"][0]["problem"]
    assert builder.shown["rows"][1]["problem"] == ""


def test_it_previews_and_deploys_what_it_shows(builder, sky, deployed):
    builder.sql = "snr > 15"
    preview = builder.preview()
    assert preview.passed == builder.passed
    assert "alerts pass" in builder.said
    deployed.append(builder.deploy())
    assert deployed[0].filter.where == builder.sql == "diaSource.snr > 15"


def test_it_begins_with_a_filter(sky, stream):
    made = sky.builder(Filter("test-builder", "snr > 15 AND NOT isDipole", stream), last=1000)
    assert (made.name, made.stream) == ("test-builder", stream)
    assert [cut["op"] for cut in made.cuts] == [">", "is false"]
    made.close()


def test_a_filter_in_python_has_no_rows(sky, stream):
    spec = Filter.from_function(fmean, stream, name="test-builder")
    with pytest.raises(FilterError, match="only one in SQL has rows"):
        sky.builder(spec)
    with pytest.raises(StreamError):
        sky.builder("test-builder-alert")


@pytest.mark.parametrize(
    ("columns", "conditions"),
    [
        (["diaSource.snr"], []),
        (["diaSource.snr", "diaSource.ra"], ["size(prvDiaSources) > 3 AND ra > 3", "a OR b"]),
        ([], ["band = 'g' OR band = 'r'"]),
        ([], []),
    ],
)
def test_what_is_asked_of_a_preview_has_a_cut_for_each_condition_first(columns, conditions):
    cuts = filters.content(asked(columns, conditions))
    assert cuts[: len(conditions)] == [f"({text})" for text in conditions]
    assert len(cuts) == len(conditions) + len(columns) or cuts == ["TRUE"]


def test_columns_are_read_by_their_full_names():
    bound = Filter("test-builder", asked(["diaSource.snr", "diaObject.nDiaSources"], []), "s").bind(
        formats.get("lsst").columns()
    )
    assert [column.name for column in bound.columns] == ["diaSource.snr", "diaObject.nDiaSources"]
