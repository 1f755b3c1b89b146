"""The live view with a source in memory: bounded, paused, and back after every failure."""

import json
import math
import threading
import time
from datetime import UTC, datetime

import pytest
from skysieve_widgets import LiveView
from skysieve_widgets.live import Arrival, Snapshot
from skysieve_widgets.live.poller import Poller

NOON = datetime(2026, 3, 5, 12, 0, 1, tzinfo=UTC)


class Source:
    """Five more matches at each look; fails while it is told to."""

    def __init__(self):
        self.looks, self.problem, self.arrived = 0, None, 0
        self.again = threading.Event()

    def poll(self):
        self.looks += 1
        self.again.set()
        if self.problem:
            raise self.problem
        self.arrived += 5
        newest = range(max(0, self.arrived - 8), self.arrived)
        arrivals = tuple(
            Arrival(
                f"m{i}", NOON, str(2**60 + i), 10.0, -20.0, "r", 19.5, True, b"png", ((61000.0, 5.0, "r"),)
            )
            for i in newest
        )
        return Snapshot("running", 100.0, 2.0, 0.02, math.nan, 0.5, self.arrived, "", arrivals)

    def next_look(self):
        self.again.clear()
        assert self.again.wait(10)


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def view(source):
    view = LiveView(source, title="bright", every=0.01, points=6, matches=7)
    yield view
    view.close()
    view._poller._thread.join(10)
    assert not view._poller.is_alive


def eventually(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_looks_at_once_and_then_again_and_again(view, source):
    assert view.looks
    assert view.told == {"state": "running", "matches": view.told["matches"], "note": "", "problem": ""}
    source.next_look()
    eventually(lambda: len(view.looks) > 1)
    assert view.looks[0][1:] == [100.0, 2.0, 0.02, None, 0.5]


def test_it_keeps_the_newest_and_no_more(view, source):
    eventually(lambda: source.looks > 12)
    view.pause()
    eventually(lambda: len(view.looks) == 6)
    assert len(view.matches) == 7
    keys = [int(row["key"][1:]) for row in view.matches]
    assert keys == sorted(keys, reverse=True)
    assert len(set(keys)) == 7


def test_what_the_browser_is_told_is_json_with_exact_ids(view):
    told = json.loads(json.dumps(view.get_state(), allow_nan=False, default=str))
    first = told["matches"][-1]
    assert (first["id"], first["time"]) == (str(2**60 + int(first["key"][1:])), "12:00:01")
    assert first["image"] == "data:image/png;base64,cG5n"


def test_it_does_not_look_while_it_is_paused(view, source):
    view.paused = True
    time.sleep(0.1)
    before = source.looks
    time.sleep(0.1)
    assert source.looks == before
    view.resume()
    source.next_look()


def test_it_says_what_is_wrong_keeps_what_it_saw_and_recovers(view, source):
    source.problem = ConnectionError("Kafka at localhost:9092\ndoes not answer.")
    eventually(lambda: view.told["problem"])
    assert view.told["problem"].startswith("Kafka at localhost:9092 does not answer. Next look in")
    assert view.told["state"] == "running"
    seen = len(view.looks)
    assert seen
    source.problem = None
    eventually(lambda: not view.told["problem"])


def test_a_source_that_fails_from_the_beginning_is_shown_too(source):
    source.problem = KeyError("gone")
    view = LiveView(source, every=0.01)
    assert "'gone'" in view.told["problem"]
    assert "gone" in view.static_html() or view.figure()
    view.close()


def test_the_longer_it_fails_the_more_rarely_it_looks():
    delays = []

    def fail():
        raise OSError

    poller = Poller(fail, lambda _error, seconds: delays.append(seconds), every=2.0)
    for _ in range(7):
        poller.look()
    assert delays == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_once_closed_it_does_not_look_again(source):
    view = LiveView(source, every=0.01)
    view.close()
    view._poller._thread.join(10)
    before = source.looks
    time.sleep(0.05)
    assert source.looks == before


def test_a_paused_view_can_be_closed(source):
    view = LiveView(source, every=0.01)
    view.pause()
    view.close()
    view._poller._thread.join(10)
    assert not view._poller.is_alive


def test_its_picture_has_three_plots_and_the_newest_matches(view):
    eventually(lambda: len(view.looks) > 2)
    view.pause()
    figure = view.figure()
    assert len(figure.axes) == 3
    assert any(view.matches[0]["id"] in text.get_text() for text in figure.texts)
    assert "bright: running" in view.static_html()
