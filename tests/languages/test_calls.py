"""Calls of functions: what they are given, what becomes of their answers, and how they are stopped."""

import signal
import threading

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from skysieve.errors import FilterError
from skysieve.languages.calls import Call, FunctionError, as_pandas, describe, failure, seconds_allowed

PLACES = (pa.array([0, 0, 1, 1]), pa.array([5, 6, 5, 6]), pa.array([0, 0, 0, 3]))
FINE = pa.array([True] * 4)
SNR = pa.array([5.0, 15.0, None, 25.0], pa.float32())


def call(body, per_alert=False, seconds=30.0, arguments="x"):
    return Call(f"def f({arguments}):\n    {body}", "f", ("x",), per_alert, seconds)


def verdicts(body, values=SNR, fine=FINE, **how):
    return call(body, **how).on_arrow(fine, *PLACES, values).to_pylist()


def told(body, values=SNR, **how):
    with pytest.raises(FunctionError) as caught:
        verdicts(body, values, **how)
    return failure(f"Spark says: {caught.value} and more")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1, 2**62 + 1]), "int64"),
        (pa.array([1, None]), "Int64"),
        (pa.array([1, None], pa.int32()), "Int32"),
        (pa.array([True, None]), "boolean"),
        (pa.array([True, False]), "bool"),
        (SNR, "float32"),
        (pa.array(["g", None]), "object"),
        (pa.array([b"\0", None]), "object"),
        (pa.array([[1.0], None]), "object"),
    ],
)
def test_a_column_comes_as_a_series_of_its_type(values, kind):
    assert as_pandas(values).dtype == kind


def test_ids_stay_whole_beside_missing_ones():
    assert as_pandas(pa.array([2**62 + 1, None]))[0] == 2**62 + 1


def test_a_record_comes_as_a_table_and_a_missing_one_as_a_row_of_missing_values():
    found = as_pandas(pa.array([{"id": 2**62 + 1, "inner": {"x": 1.5}}, None]))
    assert isinstance(found, pd.DataFrame)
    assert found["id"][0] == 2**62 + 1
    assert found["id"].isna().tolist() == [False, True]
    assert found["inner"][0] == {"x": 1.5}


def test_the_verdicts_are_in_the_order_of_the_alerts():
    assert verdicts("return x > 10") == [False, True, False, True]
    assert verdicts("return [None if v != v else v > 10 for v in x]") == [False, True, None, True]
    assert verdicts("return (x > 10).to_numpy()") == [False, True, False, True]
    assert verdicts("return x > 10", pa.array([1, None, 12, 3])) == [False, None, True, False]


def test_one_alert_at_a_time_gets_plain_values():
    assert verdicts("return None if x is None else x > 10", per_alert=True) == [False, True, None, True]
    records = pa.array([{"a": [1]}, None, {"a": None}, {"a": [1, 2]}])
    assert verdicts("return x is not None and x['a'] == [1, 2]", records, per_alert=True) == [False] * 3 + [
        True
    ]


def test_an_error_without_a_message_is_told_by_its_class():
    found = told("if (x == 25).any(): raise LookupError\n    return x > 1")
    assert (found["reason"], found["place"]) == ("LookupError", [1, 6, 3])


def test_a_rejected_packet_has_no_verdict_and_is_not_shown_to_the_function():
    fine = pa.array([True, False, False, True])
    assert verdicts("assert len(x) == 2; return x > 10", fine=fine) == [False, None, None, True]
    assert verdicts("raise ValueError", fine=pa.array([False] * 4)) == [None] * 4


def test_an_error_names_the_first_alert_and_the_line():
    found = told("return [1 / (v - 25) > 0 for v in x]")
    assert found["reason"] == "ZeroDivisionError: float division by zero"
    assert (found["line"], found["place"]) == (2, [1, 6, 3])
    assert describe(found).endswith("on the alert at partition 1, offset 6, number 3 in its packet.")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return x[:2] > 1", "returned 2 values for 4 alerts."),
        ("return True", "returned a bool, not one boolean per alert."),
        ("pass", "returned nothing, not one boolean per alert."),
        (
            "return x",
            "returned a float for an alert, not True or False, on the alert at partition 0, offset 5.",
        ),
        ("return x.to_frame()", "returned a DataFrame of 1 columns, not one boolean per alert."),
        ("return ['no'] * len(x)", "returned a str for an alert, not True or False, on the alert at"),
        ("return [1] * len(x)", "returned a int for an alert"),
        ("return ['no'] * 4", "returned a str for an alert, not True or False."),
        ("import not_there", "install it where Spark's Python workers run."),
        ("raise SystemExit(2)", "raised SystemExit: 2 in line 2"),
    ],
)
def test_a_wrong_answer_is_told_as_what_it_is(body, says):
    assert says in describe(told(body))


def test_an_error_of_any_length_arrives_whole():
    assert len(describe(told("raise ValueError('{\"' * 100_000)"))) < 1500


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(60)"])
def test_it_is_stopped_after_its_time_and_the_line_named(body):
    found = told(body, seconds=0.2)
    assert found["reason"] == "was not done after 0.2 s"
    assert found["line"] == 2


@pytest.mark.parametrize(
    ("endless", "place"), [([3], [1, 6, 3]), ([0], [0, 5, 0]), ([2, 3], [1, 5, 0]), ([0, 1], None)]
)
def test_the_alert_that_takes_the_time_is_named_unless_all_do(endless, place):
    found = told(f"while x.isin({endless}).any(): pass", pa.array([0, 1, 2, 3]), seconds=0.2)
    assert found["reason"] == "was not done after 0.2 s"
    assert found["place"] == place
    assert ("judge them by array operations" in describe(found)) == (place is None)


def test_an_alarm_that_was_set_before_still_rings():
    rung = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    left = signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        verdicts("return x > 10")
        assert rung.wait(10)
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *left)


def test_a_flag_of_numpy_is_a_flag():
    assert verdicts("return list(x.to_numpy() > 10)") == [bool(v) for v in np.array([0, 1, 0, 1])]


def test_the_time_is_the_environment_s(monkeypatch):
    assert seconds_allowed() == 30
    monkeypatch.setenv("SKYSIEVE_FUNCTION_SECONDS", "1.5")
    assert seconds_allowed() == 1.5
    monkeypatch.setenv("SKYSIEVE_FUNCTION_SECONDS", "-1")
    with pytest.raises(FilterError, match="SKYSIEVE_FUNCTION_SECONDS is '-1'"):
        seconds_allowed()


def test_what_is_no_error_of_a_function_is_none():
    assert failure("java.lang.OutOfMemoryError") is None
