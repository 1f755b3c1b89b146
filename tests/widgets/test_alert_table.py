"""AlertTable without a browser: what it shows, finds, sorts and selects, compared with pandas."""

import html.parser
import json

import numpy as np
import pandas as pd
import pytest
import traitlets
from skysieve_widgets import AlertTable, AlertView

from . import packets

FIRST_ID = 170094456248729605


def alerts(count=1000):
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "diaSourceId": FIRST_ID + random.permutation(count),
            "band": random.choice(list("ugrizy"), count),
            "snr": np.where(random.random(count) < 0.1, np.nan, random.gamma(2, 5, count)),
        },
        index=random.permutation(count),
    )


@pytest.fixture
def asked():
    return []


@pytest.fixture
def table(asked):
    def alert_of(row):
        asked.append(row)
        return packets.made(row)

    return AlertTable(alerts(), alert_of=alert_of)


def ids(frame):
    return frame["diaSourceId"].tolist()


def test_only_a_page_is_sent_and_its_ids_are_exact_text(table):
    shown = table.get_state(["_shown"])["_shown"]
    assert shown["total"] == 1000
    assert len(shown["rows"]) == 10
    assert [row["cells"][0] for row in shown["rows"]] == [str(one) for one in ids(table.frame.head(10))]
    json.dumps(shown, allow_nan=False)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["diaSourceId", "band", "snr"])
def test_it_sorts_as_pandas_does_with_nothing_at_the_end(table, column, descending):
    table.sort_by, table.descending = column, descending
    expected = table.frame.sort_values(column, ascending=not descending, kind="stable", na_position="last")
    assert ids(table.found) == ids(expected)
    table.page = 3
    assert ids(table.shown) == ids(expected.iloc[20:30])


def test_ids_that_a_float_takes_for_equal_are_sorted():
    frame = pd.DataFrame({"id": [FIRST_ID + 1, FIRST_ID, FIRST_ID + 2]})
    assert float(FIRST_ID) == float(FIRST_ID + 1)
    assert AlertTable(frame, sort_by="id").shown["id"].tolist() == [FIRST_ID, FIRST_ID + 1, FIRST_ID + 2]


def test_a_search_finds_rows_that_have_every_word(table):
    table.search = "r"
    assert ids(table.found) == ids(table.frame[table.frame["band"] == "r"])
    number = str(table.frame["diaSourceId"].iloc[7])
    table.search = number
    assert ids(table.found) == [int(number)]
    table.search = "nothing of it"
    assert table.found.empty
    assert "No alerts" in table.static_html()


def test_a_search_or_a_new_order_begins_on_the_first_page(table):
    table.page = 5
    table.search = "g"
    assert table.page == 1
    table.page = 2
    table.sort_by = "snr"
    assert table.page == 1


def test_a_page_beyond_the_last_is_the_last(table):
    table.page = 4000
    assert table.page == 100
    assert ids(table.shown) == ids(table.frame.tail(10))
    table.page = -3
    assert table.page == 1


def test_selected_rows_are_those_of_the_frame_with_exact_ids(table):
    table.sort_by = "snr"
    table.selected_rows = [999, 3, 3]
    assert table.selected_rows == [999, 3]
    pd.testing.assert_frame_equal(table.selected, table.frame.iloc[[999, 3]])
    assert table.selected["diaSourceId"].dtype == np.int64


def test_all_rows_found_can_be_selected(table):
    table.search = "z"
    table._answer(table, {"select": "found"}, [])
    assert ids(table.selected) == ids(table.frame[table.frame["band"] == "z"])


@pytest.mark.parametrize(
    ("name", "value"), [("selected_rows", [1000]), ("selected_rows", [-1]), ("sort_by", "x")]
)
def test_what_does_not_exist_cannot_be_chosen(table, name, value):
    with pytest.raises(traitlets.TraitError, match="there is no"):
        setattr(table, name, value)


def test_packets_are_read_only_for_rows_that_are_shown(table, asked):
    assert asked == []
    table.page = 2
    html = table.static_html()
    assert asked == list(range(10, 20))
    assert html.count("<svg") == 10
    assert html.count('alt="difference cutout"') == 10
    table.static_html()
    assert len(asked) == 10


def test_a_browser_asks_for_one_row_and_is_answered(table, monkeypatch):
    sent = []
    monkeypatch.setattr(table, "send", sent.append)
    table._answer(table, {"ask": 4}, [])
    assert sent[0]["row"] == 4
    assert sent[0]["thumbnail"].startswith("data:image/png;base64,")
    assert len(sent[0]["spark"]) == 60
    json.dumps(sent, allow_nan=False)


def test_a_row_is_looked_at_and_selected_rows_have_views(table):
    table.look(3)
    first = table.detail
    assert isinstance(first, AlertView)
    assert first.summary.alert_id == str(packets.made(3)["diaSource"]["diaSourceId"])
    table.look(4)
    assert first.comm is None
    table.selected_rows = [5, 2]
    assert [view.alert["diaSource"] for view in table.views()] == [
        packets.made(n)["diaSource"] for n in (5, 2)
    ]


def test_what_is_shown_of_a_row_can_be_chosen():
    made = []
    table = AlertTable(
        alerts(3), view=lambda alert: made.append(alert) or AlertView(alert), alert_of=packets.made
    )
    table.look(1)
    assert len(made) == 1


def test_a_packet_that_is_gone_leaves_its_row_without_pictures(monkeypatch):
    def alert_of(row):
        raise LookupError("compacted away")

    table, sent = AlertTable(alerts(3), alert_of=alert_of), []
    monkeypatch.setattr(table, "send", sent.append)
    table._answer(table, {"ask": 1}, [])
    table._answer(table, {"open": 1}, [])
    assert sent[0]["said"] == "LookupError: compacted away"
    assert "compacted away" in sent[1]["said"]
    assert str(table.frame["diaSourceId"].iloc[0]) in table.static_html()


def test_without_packets_there_are_no_pictures_and_a_view_says_why():
    table = AlertTable(alerts(3))
    assert not table._head["pictures"]
    assert "<svg" not in table.static_html()
    with pytest.raises(LookupError, match="alert_of"):
        table.look(0)


def test_columns_can_be_chosen_and_many_are_cut_to_those_that_identify():
    frame = alerts(3).assign(**{f"further{i}": i for i in range(20)})[::-1]
    table = AlertTable(frame)
    assert len(table._head["names"]) == 14
    assert table._head["names"][0] == "diaSourceId"
    assert table._head["hidden"] == 9
    assert AlertTable(frame, columns=["snr"])._shown["rows"][0]["cells"] == [f"{frame['snr'].iloc[0]:.8g}"]
    with pytest.raises(ValueError, match="no column 'x'"):
        AlertTable(frame, columns=["x"])


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": [[1], None, {"b": 2}]}),
        pd.DataFrame({"a": [1, "x", None, b"y"]}),
        pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
        pd.DataFrame({0: pd.array([FIRST_ID, None], "Int64")}),
        pd.DataFrame({"a": pd.to_datetime(["2026-01-01", None])}),
    ],
    ids=["nothing", "no rows", "records", "mixed", "twice", "nullable", "times"],
)
def test_any_frame_is_shown_searched_and_sorted(frame):
    table = AlertTable(frame, search="1")
    for name in table._head["names"]:
        table.sort_by = name
    assert len(table.found) <= len(frame)
    html.parser.HTMLParser().feed(table.static_html())


def test_text_of_the_frame_is_escaped():
    page = AlertTable(pd.DataFrame({"<b>": ["<script>x</script>"]})).static_html()
    assert "<script>" not in page
    assert "<b>" not in page
