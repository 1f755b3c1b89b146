"""Backfills take turns, those of one range together, and outlive what goes wrong in one of them."""

import threading
import time
from dataclasses import dataclass, field

import pytest
from kafka.errors import KafkaError
from skysieve import Filter
from skysieve.engine import backfill
from skysieve.engine.backfill import Backfills, beginning
from skysieve.engine.book import StatusBook
from skysieve.engine.registry import Registered, Version
from skysieve.engine.status import Backfill, FilterStatus, StreamStatus
from skysieve.engine.values import now
from skysieve.packets import formats

LSST = formats.get("lsst")
PAST, LONGER = ({0: 0}, {0: 10}), ({0: 0}, {0: 20})


class Book(StatusBook):
    """A status book whose topic takes what it is told to."""

    def __init__(self, *ranges):
        super().__init__(None)
        self.is_down = False
        self.streams["alerts"] = StreamStatus(covered_from={0: 30}, position={0: 30}, checkpoint="c")
        for i, (start, stop) in enumerate(ranges):
            self.filters[f"f{i}"] = FilterStatus(
                name=f"f{i}", stream="alerts", query="alerts", version="v", run="r", state="backfilling",
                output_topic="t", backfill=Backfill(start=start, stop=stop, run=f"r{i}"), updated=now(),
            )  # fmt: skip

    def _write(self, key, value):
        if self.is_down:
            raise KafkaError("no broker")


@dataclass
class Bank:
    """Notes what it is to judge, and does it when it may."""

    judged: list = field(default_factory=list)
    may: threading.Event = field(default_factory=threading.Event)
    name = stream = "alerts"
    begin: int = 0

    def lost(self, start, stop):
        return max(0, min(self.begin, stop[0]) - start[0])

    def backfill(self, filters, packet_format, start, stop, reject_before):
        self.judged.append(([one.filter.name for one in filters], stop))
        assert self.may.wait(10)


def bound(name):
    return Filter(name, "snr > 5", "alerts").bind(LSST.columns())


def until(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


@pytest.fixture
def begun():
    """Backfills of filters with these ranges, begun one after the other while the first is under way."""

    def begin(*ranges):
        book, bank = Book(*ranges), Bank()
        backfills = Backfills(book, threading.RLock())
        for i in range(len(ranges)):
            backfills.begin(bank, LSST, bound(f"f{i}"))
            until(lambda: bank.judged)
        return book, bank, backfills

    return begin


def test_one_is_judged_at_a_time_and_those_of_one_range_together(begun):
    book, bank, backfills = begun(PAST, LONGER, PAST, LONGER)
    assert bank.judged == [(["f0"], PAST[1])]
    assert all(map(backfills.is_running, book.filters))
    bank.may.set()
    until(lambda: not backfills.unfinished() and all(s.state == "running" for s in book.filters.values()))
    assert bank.judged == [(["f0"], PAST[1]), (["f1", "f3"], LONGER[1]), (["f2"], PAST[1])]
    assert book.streams["alerts"].covered_from == {0: 0}


def test_what_was_stopped_while_it_waited_is_not_judged(begun):
    book, bank, backfills = begun(PAST, LONGER)
    book.filters["f1"] = book.filters["f1"].model_copy(update={"run": "another", "backfill": None})
    bank.may.set()
    until(lambda: book.filters["f0"].state == "running")
    until(lambda: not backfills.is_running("f1"))
    assert bank.judged == [(["f0"], PAST[1])]


def test_a_long_one_is_judged_part_by_part_and_goes_on_where_it_was_broken_off(begun, monkeypatch):
    monkeypatch.setattr(backfill, "_PART", 4)
    book, bank, _ = begun(PAST)
    past = book.filters["f0"].backfill
    assert (past.done, past.count) == (0, 10)
    bank.may.set()
    until(lambda: book.filters["f0"].state == "running")
    assert [stop for _, stop in bank.judged] == [{0: 3}, {0: 6}, {0: 10}]
    broken_off = past.model_copy(update={"reached": {0: 6}})
    assert [stop for _, stop in broken_off.parts(4)] == [{0: 10}]


def test_what_was_deleted_of_the_past_before_its_part_came_is_told(begun, monkeypatch):
    monkeypatch.setattr(backfill, "_PART", 4)
    book, bank, _ = begun(PAST)
    bank.begin = 5
    bank.may.set()
    until(lambda: book.filters["f0"].state == "running")
    assert book.filters["f0"].error == "Kafka deleted 2 packets of the past before they were judged."
    assert book.streams["alerts"].covered_from == {0: 0}


def test_a_version_that_takes_over_goes_on_behind_the_part_that_was_under_way(begun, monkeypatch):
    monkeypatch.setattr(backfill, "_PART", 4)
    book, bank, backfills = begun(PAST)
    book.filters["f0"] = book.filters["f0"].model_copy(update={"run": "another"})
    backfills.begin(bank, LSST, bound("f0"))
    bank.may.set()
    until(lambda: not backfills.is_running("f0"))
    assert (book.filters["f0"].state, book.filters["f0"].backfill.reached) == ("backfilling", {0: 3})
    assert backfills.unfinished() == {"alerts"}
    backfills.begin(bank, LSST, bound("f0"))
    until(lambda: book.filters["f0"].state == "running")
    assert [stop for _, stop in bank.judged] == [{0: 3}, {0: 6}, {0: 10}]


def test_who_begins_the_same_past_anew_has_all_of_it_to_judge(begun, monkeypatch):
    """What a version before judges meanwhile of the same range is none of what this one has judged."""
    monkeypatch.setattr(backfill, "_PART", 4)
    book, bank, backfills = begun(PAST)
    anew = Backfill(start=PAST[0], stop=PAST[1], run="another")
    book.filters["f0"] = book.filters["f0"].model_copy(update={"run": "another", "backfill": anew})
    bank.may.set()
    until(lambda: not backfills.is_running("f0"))
    assert book.filters["f0"].backfill == anew
    backfills.begin(bank, LSST, bound("f0"))
    until(lambda: book.filters["f0"].state == "running")
    assert [stop for _, stop in bank.judged] == [{0: 3}, {0: 3}, {0: 6}, {0: 10}]


def test_what_is_paused_meanwhile_is_not_gone_on_with_and_stays_paused(begun, monkeypatch):
    monkeypatch.setattr(backfill, "_PART", 4)
    book, bank, backfills = begun(PAST)
    book.filters["f0"] = book.filters["f0"].model_copy(update={"state": "paused"})
    bank.may.set()
    until(lambda: not backfills.is_running("f0"))
    assert (book.filters["f0"].state, len(bank.judged)) == ("paused", 1)
    assert backfills.unfinished() == set()


def registered(where="snr > 5", start="latest", language="sql"):
    version = Version(version="v", where=where, language=language, deployed=now())
    return Registered(
        name="f", stream="alerts", owner="o", wanted="running", start=start, run="r", versions=(version,), current="v"
    )  # fmt: skip


LEFT = Backfill(start={0: 0}, stop={0: 10}, reached={0: 4}, run="before")


@pytest.mark.parametrize(
    ("start", "at", "left", "past"),
    [
        ("latest", 30, None, None),
        ("latest", 30, LEFT, LEFT),
        ("earliest", 0, None, Backfill(start={0: 0}, stop={0: 30}, run="r")),
        ("earliest", 0, LEFT, Backfill(start={0: 0}, stop={0: 30}, run="r")),
        ("earliest", 30, LEFT, None),
        ("latest", 20, None, Backfill(start={0: 20}, stop={0: 30}, run="r")),
    ],
)
def test_what_a_filter_has_to_judge_of_the_past_when_it_joins_its_bank(start, at, left, past):
    state = "backfilling" if past else "running"
    found = beginning(registered(start=start), {0: at}, {0: 30}, left)
    assert found == {"state": state, "backfill": past, "error": None}


def test_what_a_version_cannot_go_on_with_is_told():
    found = beginning(registered(), {0: 20}, {0: 30}, LEFT)
    assert found["backfill"] == Backfill(start={0: 20}, stop={0: 30}, run="r")
    assert "start(start=TIME)" in found["error"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_fault_of_its_thread_those_that_waited_are_begun_again(begun):
    book, bank, backfills = begun(PAST, LONGER)
    book.is_down = True
    bank.may.set()
    until(lambda: not backfills.is_running("f1"))
    book.is_down = False
    assert backfills.unfinished() == {"alerts"}
    backfills.begin(bank, LSST, bound("f1"))
    until(lambda: book.filters["f1"].state == "running")
    assert bank.judged[-1] == (["f1"], LONGER[1])
