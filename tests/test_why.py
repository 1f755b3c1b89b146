"""Why an alert passes or not: by exact id, with every value that a cut saw."""

import pandas as pd
import pytest
from skysieve import Filter
from skysieve.errors import PacketError, StreamError
from skysieve.packets import formats
from skysieve.why import row_of, why

LONG = 170094456248729605


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "kafka.partition": [0, 0, 1, 1],
            "kafka.offset": [4, 5, 8, 9],
            "kafka.problem": [None, None, None, "the packet does not fit schema 1000"],
            "kafka.key": [None, None, None, "77"],
            "id": pd.array([LONG, LONG + 1, LONG, None], dtype="Int64"),
        }
    )


@pytest.mark.parametrize("alert_id", [LONG + 1, str(LONG + 1)])
def test_an_alert_is_found_by_its_exact_id(alert_id, table):
    assert row_of(alert_id, table, "id") == 1


def test_of_an_alert_that_came_twice_the_last_counts(table):
    assert row_of(LONG, table, "id") == 2


def test_an_id_that_was_not_read_names_the_nearest_and_how_many_were_read(table):
    with pytest.raises(StreamError, match=rf"not among the 3 alerts read.*Did you mean.*{LONG + 1}"):
        row_of(LONG + 2, table, "id")


def test_a_rejected_packet_tells_its_reason(table):
    with pytest.raises(PacketError, match=r"partition 1, offset 9.: the packet does not fit schema 1000"):
        row_of(77, table, "id")


def test_each_cut_tells_what_it_saw_and_what_it_said():
    where = "snr > 5 AND psfFlux_flag AND size(prvDiaSources) > 1"
    bound = Filter("some", where, "lsst-alerts").bind(formats.get("lsst").columns())
    history = [{"psfFlux": 1.0}, {"psfFlux": 2.0}]
    table = pd.DataFrame(
        {
            "diaSource.snr": [1.0, 4.5],
            "diaSource.psfFlux_flag": pd.array([True, None], dtype="boolean"),
            "cut0": pd.array([True, False], dtype="boolean"),
            "cut1": pd.array([True, None], dtype="boolean"),
            "cut2": pd.array([True, True], dtype="boolean"),
        }
    )
    told = why(bound, table, 1, lambda: {"prvDiaSources": history})
    assert list(told["cut"]) == [cut.text for cut in bound.cuts]
    assert [one is expected for one, expected in zip(told["verdict"], (False, None, True), strict=True)]
    assert list(told["values"]) == [
        {"diaSource.snr": 4.5},
        {"diaSource.psfFlux_flag": None},
        {"prvDiaSources": history},
    ]
    assert list(told["verdict"]) == [False, None, True]
