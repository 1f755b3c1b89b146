"""Functions that raise, return something else, or never return: the preview says what, where and what to do."""

import re
import sys
import time

import pytest
import skysieve
from skysieve import Filter
from skysieve.errors import FilterError
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import make_stream

COUNT = 40


@pytest.fixture(scope="module")
def alerts(sky):
    """A stream of its own, with a packet in it that cannot be decoded."""
    stream = make_stream(sky.topics, "bad-functions", partitions=2)
    packets = [alert.packet for alert in simulate(COUNT, seed=7, pool=10)]
    send([Packet(b"no packet", b"0"), *packets], stream, sky.topics.bootstrap)
    return stream


@pytest.fixture(autouse=True)
def in_two_seconds(monkeypatch):
    monkeypatch.setenv("SKYSIEVE_FUNCTION_SECONDS", "2")


def refused(sky, alerts, function):
    """What the preview says of it; Spark works on afterwards."""
    with pytest.raises(FilterError) as caught:
        sky.preview(Filter.from_function(function, alerts))
    fine = sky.preview(Filter.from_function(all_of_them, alerts))
    assert (fine.passed, fine.rejected) == (COUNT, 1)
    return str(caught.value)


def all_of_them(snr):
    return snr > 0


def raises_on_several(diaSource):  # noqa: N803
    if len(diaSource) > 1:
        raise ValueError("more than one")
    return diaSource["snr"] > 1


def divides(diaSourceId):  # noqa: N803
    found = []
    for number in diaSourceId:
        found.append(1 // (0 if number % 2**20 == WRONG % 2**20 else 1) == 1)
    return found


WRONG = 0


def misses_a_key(diaSource):  # noqa: N803
    return diaSource["noSuchField"] > 1


def too_few(snr):
    return (snr > 1)[:-1]


def one_flag(snr):
    return True


def no_flags(snr):
    snr > 1  # noqa: B015


def numbers(snr):
    return snr + 1


def texts(snr):
    return ["yes"] * len(snr)


def a_table(diaSource):  # noqa: N803
    return diaSource[["snr", "ra"]]


@skysieve.per_alert
def one_number(snr):
    return snr


@skysieve.per_alert
def raises_per_alert(band, snr):
    limits = {"no such band": 1}
    return snr > limits[band]


def imports_what_is_missing(snr):
    import no_such_package_anywhere

    return no_such_package_anywhere.judge(snr)


def leaves(snr):
    sys.exit(3)


def says_a_lot(snr):
    raise ValueError("{" * 100_000)


def sleeps(snr):
    time.sleep(3600)
    return snr > 1


def loops(snr):
    while True:
        pass


def catches_all(snr):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def loops_in_c(snr):
    return sum(iter(int, 1)) > snr


def backtracks(snr):
    return re.match(r"(a+)+$", "a" * 60 + "b") is None


def test_the_one_alert_on_which_a_function_raises_is_named_with_the_line_and_the_cure(
    sky, alerts, monkeypatch
):
    seen = sky.preview(Filter("all", "snr > 0", alerts)).alerts
    row = seen.iloc[17]
    monkeypatch.setitem(globals(), "WRONG", int(row["diaSource.diaSourceId"]))
    told = refused(sky, alerts, divides)
    assert (
        "The function 'divides' raised ZeroDivisionError: integer division or modulo by zero in line" in told
    )
    assert "(found.append(1 // (0 if number % 2**20 == WRONG % 2**20 else 1) == 1))" in told
    assert told.endswith(
        f"on the alert {row['diaSource.diaSourceId']} at partition {row['kafka.partition']}, "
        f"offset {row['kafka.offset']}. Look at that alert with view(), and let the function answer for it, too."
    )


def test_the_error_has_its_place_in_the_filter_s_text(sky, alerts):
    spec = Filter.from_function(misses_a_key, alerts)
    with pytest.raises(FilterError) as caught:
        sky.preview(spec)
    assert (caught.value.line, caught.value.column) == (2, 5)
    assert caught.value.length == len('return diaSource["noSuchField"] > 1')


def test_what_fails_on_a_batch_and_on_no_alert_by_itself_is_said_to_do_so(sky, alerts):
    told = refused(sky, alerts, raises_on_several)
    assert "raised ValueError: more than one in line 3 (raise ValueError(" in told
    assert told.endswith("It happens with a batch of alerts, and with none of them by itself.")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (misses_a_key, "raised KeyError: 'noSuchField' in line 2 (return diaSource[\"noSuchField\"] > 1)"),
        (one_flag, "returned a bool, not one boolean per alert"),
        (no_flags, "returned nothing, not one boolean per alert"),
        (numbers, "returned a float for an alert, not True or False"),
        (texts, "returned a str for an alert, not True or False"),
        (a_table, "returned a DataFrame of 2 columns, not one boolean per alert"),
        (one_number, "returned a float for an alert, not True or False"),
        (raises_per_alert, "in line 7 (return snr > limits[band]), on the alert 1"),
        (imports_what_is_missing, "ModuleNotFoundError: No module named 'no_such_package_anywhere' in line 2"),
        (imports_what_is_missing, "install no_such_package_anywhere where Spark's Python workers run"),
        (leaves, "raised SystemExit: 3 in line"),
        (says_a_lot, "raised ValueError: {{{{"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong(sky, alerts, function, says):
    told = refused(sky, alerts, function)
    assert says in told
    assert f"The function {function.__name__!r}" in told


def test_a_wrong_number_of_verdicts_is_told_of_the_batch(sky, alerts):
    told = refused(sky, alerts, too_few)
    match = re.fullmatch(r"The function 'too_few' returned (\d+) values for (\d+) alerts in line 2 .*", told)
    assert match
    assert int(match[1]) == int(match[2]) - 1 > 0


@pytest.mark.parametrize("function", [sleeps, loops, backtracks])
def test_a_function_that_does_not_return_is_stopped_and_its_line_and_alert_named(sky, alerts, function):
    told = refused(sky, alerts, function)
    assert f"The function {function.__name__!r} was not done after 2 s in line" in told
    assert re.search(r"on the alert \d+ at partition", told)
    assert "Look at that alert" in told


@pytest.mark.parametrize(("function", "line"), [(catches_all, "[45]"), (loops_in_c, "2")])
def test_one_that_cannot_be_stopped_is_ended_with_its_worker_and_its_line_named(sky, alerts, function, line):
    told = refused(sky, alerts, function)
    assert f"The function {function.__name__!r} did not stop in time" in told
    assert re.search(rf"had to be ended: in line {line}\. ", told)
    assert "Do not catch BaseException there" in told


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_refused(sky, alerts, monkeypatch, text):
    monkeypatch.setenv("SKYSIEVE_FUNCTION_SECONDS", text)
    with pytest.raises(FilterError, match=f"SKYSIEVE_FUNCTION_SECONDS is '{text}'"):
        sky.preview(Filter.from_function(all_of_them, alerts))
