"""The filter that makes a bank fall, and the alert on which it does, are found by halves, in bounded time."""

from dataclasses import dataclass

import pytest
from pyspark.errors import PySparkException
from skysieve.engine import suspects


@dataclass(frozen=True)
class Named:
    name: str

    @property
    def filter(self):
        return self


class Bank:
    """One that falls on the packet at partition 1, offset 37, where a filter called bad judges it."""

    def __init__(self):
        self.looks = 0

    def packet(self, partition, offset):
        raise LookupError("nobody asks for it: what fell is no function")

    def rehearse(self, filters, _format, start, stop):
        self.looks += 1
        if Named("bad") in filters and start.get(1, 0) <= 37 < stop[1]:
            raise PySparkException("it fell")


FILTERS = [Named(name) for name in ("a", "b", "bad", "c", "d")]


def test_the_filter_and_the_packet_are_found():
    told = suspects.convicted(Bank(), FILTERS, None, {0: 5, 1: 2}, {0: 100, 1: 1000})
    assert told.keys() == {"bad"}
    assert "First at partition 1, offset 37 of its stream." in told["bad"]


def test_where_each_look_takes_long_the_packet_is_not_looked_for_to_the_end(monkeypatch):
    bank = Bank()
    suspects.convicted(bank, FILTERS, None, {0: 5, 1: 2}, {0: 100, 1: 1000})
    every, bank.looks = bank.looks, 0
    monkeypatch.setattr(suspects, "_SEARCH", -1)
    told = suspects.convicted(bank, FILTERS, None, {0: 5, 1: 2}, {0: 100, 1: 1000})
    assert told.keys() == {"bad"}
    assert "offset" not in told["bad"]
    assert bank.looks < every - 5


@pytest.mark.parametrize("filters", [[], [Named("a")]])
def test_nobody_is_convicted_where_none_fails(filters):
    assert suspects.convicted(Bank(), filters, None, {0: 5, 1: 2}, {0: 100, 1: 1000}) == {}
