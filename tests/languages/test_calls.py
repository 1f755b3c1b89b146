"""Calls of functions: what they are given, what becomes of their answers, and how they are stopped."""

import signal
import threading

import numpy as np
import offline
import pandas as pd
import pyarrow as pa
import pytest
from skysieve.errors import FilterError
from skysieve.languages import faults
from skysieve.languages.calls import Call, as_pandas, seconds_allowed
from skysieve.languages.faults import Fault, FunctionError
from skysieve.packets import formats
from skysieve.sources import simulate

PLACES = (pa.array([0, 0, 1, 1]), pa.array([5, 6, 5, 6]), pa.array([0, 0, 0, 3]))
FINE = pa.array([True] * 4)
SNR = pa.array([5.0, 15.0, None, 25.0], pa.float32())
KNOWN = pa.array([5.0, 15.0, 10.0, 25.0], pa.float32())


def call(body, per_alert=False, seconds=30.0, arguments="x"):
    return Call(f"def f({arguments}):\n    {body}", "f", ("x",), per_alert, seconds)


def verdicts(body, values=SNR, fine=FINE, **how):
    return call(body, **how).on_arrow(fine, *PLACES, values).to_pylist()


def told(body, values=SNR, **how):
    with pytest.raises(FunctionError) as caught:
        verdicts(body, values, **how)
    return faults.found(f"Spark says: {caught.value} and more")


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
    assert (found.reason, found.place) == ("raised LookupError", (1, 6, 3))


def test_a_rejected_packet_has_no_verdict_and_is_not_shown_to_the_function():
    fine = pa.array([True, False, False, True])
    assert verdicts("assert len(x) == 2; return x > 10", fine=fine) == [False, None, None, True]
    assert verdicts("raise ValueError", fine=pa.array([False] * 4)) == [None] * 4


def test_an_error_names_the_first_alert_and_the_line():
    found = told("return [1 / (v - 25) > 0 for v in x]")
    assert found.reason == "raised ZeroDivisionError: float division by zero"
    assert (found.line, found.place) == (2, (1, 6, 3))
    assert "on the alert at partition 1, offset 6, number 3 in its packet. " in str(found)


@pytest.mark.parametrize("bad", [[399], [7, 399], [0]])
def test_it_is_found_among_many_in_few_calls(bad):
    """A batch of a record's hundred fields takes pandas as long for one alert as for hundreds."""
    body = f"import time; time.sleep(0.02)\n    return [1 // (v not in {bad}) > 0 for v in x]"
    rows = pa.array(range(400))
    with pytest.raises(FunctionError) as caught:
        call(body, seconds=0.5).on_arrow(pa.array([True] * 400), rows, rows, rows, rows)
    assert faults.found(str(caught.value)).place == (bad[0],) * 3


@pytest.mark.parametrize(
    ("body", "says", "cure"),
    [
        ("return x[:2] > 1", "returned 2 values for 4 alerts", "Return one boolean for each alert, in their order"),
        ("return True", "returned a bool, not one boolean per alert", "needs @skysieve.per_alert before it"),
        ("pass", "returned nothing, not one boolean per alert", "Not each way through it ends in a return"),
        ("return x", "returned a float for an alert, not True or False", "Compare it with something"),
        ("return x.to_frame()", "returned a DataFrame of 1 columns, not one boolean", "one of its columns, or all("),
        ("return ['no'] * len(x)", "returned a str for an alert, not True or False", "Compare it"),
        ("return [1] * len(x)", "returned a int for an alert", "Compare it"),
        ("return ['no'] * 4", "returned a str for an alert, not True or False", "Compare it"),
        ("import not_there", "raised ModuleNotFoundError", "install not_there where Spark's Python workers run."),
        ("raise SystemExit(2)", "raised SystemExit: 2", "return False for what it shall not keep"),
        ("return [v > 1 for v in x['snrr']]", "raised KeyError: 'snrr'", "There is no snrr. Did you mean snr?"),
        ("return [v > 1 for v in x['zzz']]", "raised KeyError: 'zzz'", "columns() tells the fields of each record"),
        ("return [v + 1 > 0 for v in [None] * len(x)]", "raised TypeError", "A value that is missing comes as None"),
        ("return [1 // int(v - v) for v in x.index]", "raised ZeroDivisionError", "Look at that alert with view()"),
    ],
)  # fmt: skip
def test_what_went_wrong_is_told_with_the_line_and_the_cure(body, says, cure):
    values = pa.array([{"snr": 5.0}] * 4) if "x['" in body else SNR
    found = told(body, values)
    assert f"The function 'f' {says}" in str(found)
    assert (found.line, found.text) == (2, body)
    assert cure in found.cure
    assert str(found).endswith(found.cure)


@pytest.mark.parametrize("per_alert", [True, False])
def test_of_several_returns_the_one_that_is_wrong_is_named(per_alert):
    body = "if (x > 20) is True or getattr(x, 'max', int)() > 20:\n        return 5\n    return x == x"
    found = told(body, KNOWN, per_alert=per_alert)
    assert (found.line, found.text) == (3, "return 5")
    assert found.place == ((1, 6, 3) if per_alert else None)


def test_the_alert_on_which_it_never_returns_is_named():
    body = "import time\n    return [v < 20 or bool(time.sleep(60)) for v in x]"
    found = told(body, KNOWN, seconds=1)
    assert found.reason == "was not done after 1 s"
    assert (found.line, found.place) == (3, (1, 6, 3))


def test_where_all_alerts_take_a_little_none_is_named():
    found = told("import time\n    return [time.sleep(0.02 * len(x) ** 2)]", KNOWN, seconds=0.3)
    assert found.reason == "was not done after 0.3 s"
    assert found.place is None


def test_a_fault_gets_the_id_of_its_alert_where_the_packet_can_be_had():
    alerts = list(simulate(3, seed=1))
    fault = Fault("f", "raised ValueError", place=(0, 2, 0))
    named = fault.named(formats.get("lsst"), lambda _, offset: alerts[offset].packet.value)
    assert "on the alert " + str(offline.alert(alerts[2].packet.value)["diaSourceId"]) + " at" in str(named)
    assert fault.named(formats.get("lsst"), lambda *_: b"gone") == fault


def test_an_error_in_the_text_around_the_function_is_told_as_well():
    with pytest.raises(FunctionError) as caught:
        Call("import not_there\ndef f(x): return x > 1", "f", ("x",)).on_arrow(FINE, *PLACES, SNR)
    found = faults.found(str(caught.value))
    assert (found.line, found.text) == (1, "import not_there")
    assert "install not_there" in found.cure


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("Timeout (0:00:04)!\nThread 0x7f:\n", "did not stop in time, so that its Python worker had to be ended: in"),
        ("Fatal Python error: Segmentation fault\n", "crashed its Python worker in"),
    ],
)  # fmt: skip
def test_the_last_words_of_a_worker_name_the_line(words, says):
    message = f'Python worker exited unexpectedly (crashed): {words}  File "<filter far>", line 7 in near\n'
    assert f"The function 'far' {says} line 7. " in str(faults.found(message))
    assert faults.found(words) is None


def test_an_error_of_any_length_arrives_whole():
    assert len(str(told("raise ValueError('{\"' * 100_000)"))) < 1500


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(60)"])
def test_it_is_stopped_after_its_time_and_the_line_named(body):
    found = told(body, seconds=0.2)
    assert found.reason == "was not done after 0.2 s"
    assert found.line == 2


@pytest.mark.parametrize(
    ("endless", "place"), [([3], (1, 6, 3)), ([0], (0, 5, 0)), ([2, 3], (1, 5, 0)), ([0, 1], (0, 5, 0))]
)
def test_the_first_alert_that_takes_the_time_is_named(endless, place):
    found = told(f"while x.isin({endless}).any(): pass", pa.array([0, 1, 2, 3]), seconds=0.2)
    assert found.reason == "was not done after 0.2 s"
    assert found.place == place
    assert "Look at that alert" in found.cure


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
    assert faults.found("java.lang.OutOfMemoryError") is None
