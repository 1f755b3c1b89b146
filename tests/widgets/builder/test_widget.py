"""The form without a browser: its state from Python, and what its messages do."""

import numpy as np
import pandas as pd
import pytest
from skysieve import Filter
from skysieve.errors import FilterSyntaxError
from skysieve.intervals import wilson
from skysieve.languages import sql as filters
from skysieve.nights import counted
from skysieve_widgets import FilterBuilder
from skysieve_widgets.builder import BuilderColumn, BuilderColumns

COLUMNS = BuilderColumns(
    [
        BuilderColumn("diaSource.diaSourceId", "bigint", "", "Unique id"),
        BuilderColumn("diaSource.snr", "float", "", "Signal to noise"),
        BuilderColumn("diaSource.reliability", "float"),
        BuilderColumn("diaSource.band", "string"),
        BuilderColumn("diaSource.isDipole", "boolean"),
    ]
)
SECRET = 170094456248729605


def alerts(count=1000):
    random = np.random.default_rng(7)
    snr = random.exponential(20, count).astype("float32")
    reliability = random.uniform(0, 1, count).astype("float32")
    reliability[::10] = np.nan
    return pd.DataFrame(
        {
            "diaSource.diaSourceId": pd.array([SECRET + i for i in range(count)], dtype="Int64"),
            "diaSource.snr": snr,
            "diaSource.reliability": reliability,
            "diaSource.band": random.choice(["g", "r", "i"], count),
            "diaSource.isDipole": pd.array(random.choice([True, False], count), dtype="boolean"),
        }
    )


class Source:
    """Gives what it is asked for, and remembers that."""

    def __init__(self, nights=None):
        self.nights, self.asked = nights, []

    def fetch(self, columns, conditions):
        self.asked.append((list(columns), list(conditions)))
        if any("broken" in text for text in conditions):
            raise RuntimeError("Spark does not know broken()")
        table = alerts()
        says = dict.fromkeys(conditions, table["diaSource.snr"] > 30)
        return pd.concat([table[list(columns)], pd.DataFrame(says)], axis=1)


@pytest.fixture
def made():
    widgets = []

    def make(*args, **more):
        widgets.append(FilterBuilder(*args, **{"columns": COLUMNS, "split": filters.content, **more}))
        return widgets[-1]

    yield make
    for widget in widgets:
        widget.close()


def send(builder, do, **content):
    builder._on_message(builder, {"do": do, "answer": "7", **content}, [])


def test_form_and_sql_are_two_views_of_one_filter(made):
    builder = made(alerts(), sql="snr > 20 AND reliability BETWEEN 0.5 AND 1 AND size(prvDiaSources) > 3")
    assert builder.cuts == [
        {"column": "diaSource.snr", "op": ">", "value": 20},
        {"column": "diaSource.reliability", "op": "between", "value": [0.5, 1]},
        {"sql": "size(prvDiaSources) > 3"},
    ]
    builder.cuts = builder.cuts[:1]
    assert builder.sql == "diaSource.snr > 20"
    builder.sql = "band = 'g'"
    assert builder.cuts == [{"column": "diaSource.band", "op": "=", "value": "g"}]
    builder.cuts = []
    assert builder.sql == ""
    assert FilterBuilder.from_sql("snr > 3", alerts(), columns=COLUMNS).sql == "diaSource.snr > 3"


def test_its_counts_are_those_of_pandas(made):
    table = alerts()
    builder = made(table, sql="snr > 20 AND reliability > 0.5")
    expected = (table["diaSource.snr"] > 20) & (table["diaSource.reliability"].astype(float) > 0.5)
    assert (builder.read, builder.passed) == (1000, expected.sum())
    assert builder.pass_rate == expected.mean()
    assert builder.interval == pytest.approx(wilson(int(expected.sum()), 1000))
    shown = builder.shown["rows"]
    assert shown[1]["null"] == 100
    by_snr = (table["diaSource.reliability"].astype(float) > 0.5) & ~(table["diaSource.snr"] > 20)
    assert shown[0]["only_this"] == by_snr.sum()
    assert sum(shown[0]["others"]) == (table["diaSource.reliability"].astype(float) > 0.5).sum()


def test_a_text_in_sql_that_is_a_row_becomes_one(made):
    builder = made(alerts())
    builder.cuts = [{"sql": "snr > 5 AND band = 'g'"}, {"sql": "snr > 8 OR isDipole"}]
    assert [list(cut) for cut in builder.cuts] == [["column", "op", "value"]] * 2 + [["sql"]]
    assert builder.sql == "diaSource.snr > 5\nAND diaSource.band = 'g'\nAND (snr > 8 OR isDipole)"
    assert len(Filter("three", builder.sql, stream="s").cuts) == 3


def test_a_faulty_filter_is_refused_and_nothing_changes(made):
    builder = made(alerts(), sql="snr > 20")
    with pytest.raises(FilterSyntaxError):
        builder.sql = "snr >"
    with pytest.raises(ValueError, match="no operator"):
        builder.cuts = [{"column": "snr", "op": "is true"}]
    assert (builder.sql, builder.cuts[0]["value"]) == ("diaSource.snr > 20", 20)


def test_columns_are_fetched_once_and_only_when_a_cut_uses_them(made):
    source = Source()
    builder = made(source=source, sql="snr > 20")
    assert source.asked == [(["diaSource.snr"], [])]
    builder.cuts = [{"column": "snr", "op": ">", "value": 30}]
    builder.cuts = [*builder.cuts, {"column": "band", "op": "=", "value": "g"}]
    assert source.asked[1:] == [(["diaSource.band"], [])]
    assert builder.passed == ((alerts()["diaSource.snr"] > 30) & (alerts()["diaSource.band"] == "g")).sum()


def test_a_cut_that_is_no_row_is_judged_by_the_source(made):
    builder = made(source=Source(), sql="size(prvDiaSources) > 3 AND snr > 20")
    assert builder.shown["rows"][0]["alone"] == (alerts()["diaSource.snr"] > 30).sum() == builder.passed
    assert builder.shown["rows"][0]["problem"] == ""


def test_where_the_source_fails_the_row_says_why_and_the_others_are_judged(made):
    source = Source()
    builder = made(source=source, sql="broken(ra) AND size(prvDiaSources) > 3 AND snr > 20")
    assert [row["problem"] for row in builder.shown["rows"]] == ["Spark does not know broken()", "", ""]
    assert builder.passed == (alerts()["diaSource.snr"] > 30).sum()
    assert "1 unjudged cut" in builder.shown["headline"]
    before = len(source.asked)
    builder.cuts = [*builder.cuts[:2], {"column": "snr", "op": ">", "value": 25}]
    assert len(source.asked) == before


def test_without_a_source_such_a_cut_is_judged_at_preview(made):
    builder = made(alerts(), sql="size(prvDiaSources) > 3 AND snr > 20")
    assert builder.shown["rows"][0]["problem"] == "judged at preview"
    assert builder.passed == (alerts()["diaSource.snr"] > 20).sum()


def test_alerts_per_night_follow_the_pass_rate(made):
    builder = made(source=Source(counted([5000.0], "one night")), sql="snr > 20")
    assert "alerts a night" in builder.shown["per_night"]
    assert "one night" in builder.shown["per_night"]


def test_a_message_moves_a_threshold_and_is_answered(made):
    builder = made(alerts(), sql="snr > 20")
    send(builder, "cuts", cuts=[{"column": "diaSource.snr", "op": ">", "value": ["33.5"]}])
    assert builder.cuts == [{"column": "diaSource.snr", "op": ">", "value": 33.5}]
    assert builder.shown["answer"] == "7"
    assert builder.shown["rows"][0]["values"] == ["33.5"]
    assert builder.shown["passed"] == builder.passed == (alerts()["diaSource.snr"] > 33.5).sum()


def test_a_message_that_cannot_be_followed_is_answered_with_the_reason(made):
    builder = made(alerts(), sql="snr > 20")
    send(builder, "cuts", cuts=[{"sql": "snr >"}])
    assert builder.shown["answer"] == "7"
    assert "not a condition" in builder.shown["problem"]
    assert builder.sql == "diaSource.snr > 20"
    send(builder, "name", name="two words")
    assert "no name for a filter" in builder.shown["problem"]
    send(builder, "deploy")
    assert "without a way to deploy" in builder.shown["problem"]
    send(builder, "name", name="young")
    assert (builder.shown["problem"], builder.name) == ("", "young")


def test_a_column_can_be_looked_at_before_there_is_a_cut_on_it(made):
    source = Source()
    builder = made(source=source)
    send(builder, "look", column="diaSource.snr")
    assert list(builder.histograms) == ["diaSource.snr"]
    assert (source.asked, builder.cuts, builder.shown["problem"]) == ([(["diaSource.snr"], [])], [], "")
    table = made(alerts()[["diaSource.snr"]])
    send(table, "look", column="diaSource.band")
    assert "no column diaSource.band" in table.shown["problem"]


def test_the_browser_is_told_ids_as_texts(made):
    builder = made(alerts(), sql=f"diaSourceId = {SECRET}")
    assert builder.passed == 1
    assert builder.shown["rows"][0]["values"] == [str(SECRET)]
    send(builder, "cuts", cuts=[{"column": "diaSource.diaSourceId", "op": "=", "value": [str(SECRET + 1)]}])
    assert builder.cuts[0]["value"] == SECRET + 1


def test_buttons_do_what_the_form_was_made_with(made):
    done = []

    def act(name, sql):
        done.append((name, sql))
        return f"did {name}"

    builder = made(alerts(), name="bright", sql="snr > 20", preview=act, deploy=act)
    assert builder.acts == ["preview", "deploy"]
    send(builder, "preview")
    send(builder, "deploy")
    assert done == [("bright", "diaSource.snr > 20")] * 2
    assert (builder.said, builder.result, builder.busy) == ("did bright", "did bright", "")
    builder.sql = ""
    with pytest.raises(ValueError, match="no cut yet"):
        builder.preview()


def test_its_cell_holds_the_filter(made):
    builder = made(alerts(), name="bright", stream="lsst-alerts", sql="snr > 20 AND band = 'g'")
    expected = "%%filter bright --stream lsst-alerts\ndiaSource.snr > 20\nAND diaSource.band = 'g'"
    assert builder.cell == expected == builder.as_cell()
    builder.name = "brighter"
    assert builder.cell.startswith("%%filter brighter ")


def test_its_picture_stands_where_no_kernel_is(made):
    builder = made(alerts(), sql="snr > 20 AND band = 'g' AND size(x) > 3 AND isDipole")
    assert len(builder.figure().axes) == 8
    html = builder.static_html()
    assert "data:image/png;base64," in html
    assert "of 1,000 alerts pass" in html
    assert len(made(alerts()).figure().axes) == 2
