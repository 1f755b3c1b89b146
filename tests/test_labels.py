"""Completeness and purity: every number equals what was counted by hand."""

import numpy as np
import pandas as pd
import pytest
from skysieve.errors import StreamError
from skysieve.labels import labelled, matched

#          two cuts;        class
ALERTS = [
    ((True, True), "SN"),
    ((True, True), "SN"),
    ((True, False), "SN"),
    ((False, None), "SN"),
    ((True, True), "AGN"),
    ((True, None), "AGN"),
    ((True, True), None),
    ((False, False), None),
]
LONG = 170094456248729605


@pytest.fixture
def found():
    says = pd.DataFrame(
        {f"cut{i}": pd.Series([cuts[i] for cuts, _ in ALERTS], dtype="boolean") for i in range(2)}
    )
    return labelled(pd.Series([name for _, name in ALERTS]), says, ["one", "two"], "id")


def test_completeness_is_of_the_class_and_purity_of_what_passed(found):
    classes = found.classes.set_index("class")
    assert list(classes.index) == ["AGN", "SN"]
    assert list(classes["alerts"]) == [2, 4]
    assert list(classes["passed"]) == [1, 2]
    assert list(classes["completeness"]) == [1 / 2, 2 / 4]
    assert list(classes["purity"]) == [1 / 3, 2 / 3]


def test_alerts_without_a_label_are_counted_and_left_out(found):
    assert (found.unlabelled, found.unlabelled_passed) == (2, 1)
    assert "2 alerts read have no label; 1 of them passed" in str(found)


def test_the_intervals_are_wilsons(found):
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964: 2 of 4, and 2 of 3
    sn = found.classes.set_index("class").loc["SN"]
    assert [round(sn[f"completeness_{end}"], 3) for end in ("low", "high")] == [0.15, 0.85]
    assert [round(sn[f"purity_{end}"], 3) for end in ("low", "high")] == [0.208, 0.939]


def test_each_cut_tells_what_it_does_to_each_class(found):
    rows = [tuple(row) for row in found.cuts.itertuples(index=False)]
    assert rows == [
        ("one", "AGN", 2, 0, 0, 0),
        ("one", "SN", 3, 1, 0, 0),
        ("two", "AGN", 1, 1, 1, 1),
        ("two", "SN", 2, 2, 1, 1),
    ]
    assert list(found.cuts.columns) == ["cut", "class", "passes", "removes", "null", "only_this"]


def test_where_nothing_passes_the_purity_is_not_known():
    says = pd.DataFrame({"cut0": pd.Series([False, False], dtype="boolean")})
    row = labelled(pd.Series(["SN", "SN"]), says, ["none"], "id").classes.iloc[0]
    assert row["completeness"] == 0
    assert np.isnan(row["purity"])
    assert np.isnan(row["purity_high"])


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "id": pd.array([LONG, LONG + 1, LONG + 2], dtype="Int64"),
            "object": pd.array([7, 7, None], dtype="Int64"),
        }
    )


def classes(labels, table):
    found, by = matched(labels, table, ("id", "object"))
    return [None if pd.isna(one) else one for one in found], by


def test_labels_are_found_by_the_exact_id_of_the_alert(table):
    assert classes({LONG + 1: "SN"}, table) == ([None, "SN", None], "id")


def test_labels_are_found_by_the_id_of_the_object(table):
    assert classes({7: "AGN", 8: "SN"}, table) == (["AGN", "AGN", None], "object")


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["SN"], index=[LONG]),
        pd.Series(["SN"], index=[str(LONG)]),
        pd.DataFrame({"alert": [LONG, LONG], "type": ["SN", "SN"], "more": [1, 2]}),
        {LONG: "SN"},
    ],
)
def test_labels_can_be_a_series_a_table_or_a_mapping_with_ids_as_numbers_or_texts(labels, table):
    assert classes(labels, table) == (["SN", None, None], "id")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({5: "SN"}, "None of the 1 labels is of one of the 3 alerts read .looked in id and object"),
        (pd.Series(["SN"], index=[float(LONG)]), "floats"),
        (pd.DataFrame({"alert": [LONG, LONG], "type": ["SN", "AGN"]}), f"Id {LONG} has more than one class"),
        (pd.DataFrame({"alert": [LONG]}), "two columns"),
    ],
)
def test_labels_that_cannot_be_used_say_why(labels, says, table):
    with pytest.raises(StreamError, match=says):
        matched(labels, table, ("id", "object"))
