"""A bank in Spark's real-time mode: its tasks stay, and progress is noted every ten seconds."""

import os
import time
from dataclasses import replace

import offline
import pytest
from processes import wait_until
from skysieve import Filter
from skysieve.engine.bank import Bank
from skysieve.engine.batches import batches
from skysieve.engine.plan import is_in_java
from skysieve.packets import formats
from skysieve.sources import send, simulate
from skysieve.stream_topics import make_stream


@pytest.fixture
def narrow(topics, name):
    """A stream of one partition: a bank in real time holds a core for each, and the tests share two."""
    stream = make_stream(topics, f"{name}-narrow", partitions=1)
    yield stream
    topics.delete(stream)


@pytest.fixture
def bank(sky, topics, narrow, tmp_path):
    bank = Bank(sky.spark, topics, narrow, str(tmp_path))
    yield bank
    bank.stop()


def test_a_match_is_out_before_the_progress_is_noted(sky, topics, narrow, name, bank):
    packets = [alert.packet for alert in simulate(60, seed=41, pool=20)]
    send(packets[:20], narrow, topics.bootstrap)
    bound = Filter(name, "diaSource.snr > 8", narrow).bind(sky.stream(narrow).filterable)
    query = bank.start("here", [bound], sky.stream(narrow).format, {0: 0}, exact=False)
    output = bound.filter.output_topic
    passing = [p.value for p in packets if offline.above(offline.alert(p.value), "diaSource.snr", 8)]

    def found():
        return sum(topics.end(output).values())

    def noted():
        return (bank.position() or {0: 0})[0]

    first = sum(value in {p.value for p in packets[:20]} for value in passing)
    wait_until(lambda: found() == first > 0, "the first matches")
    wait_until(lambda: noted() == 20, "progress")  # a batch has just begun, and goes on for ten seconds
    send(packets[20:], narrow, topics.bootstrap)
    wait_until(lambda: found() == len(passing) > first, "the other matches")
    time.sleep(2)  # that of a micro-batch would be noted by now
    assert noted() == 20
    wait_until(lambda: noted() == 60, "progress")
    assert [r.value for r in topics.read(output, topics.begin(output), topics.end(output))] == passing
    told = batches(query.recentProgress, -1)
    assert sum(batch.count for batch in told) == 60
    assert all(batch.oldest <= batch.median <= batch.ended for batch in told)


def bright(snr):
    return snr > 8


def test_what_needs_python_is_judged_in_micro_batches(sky, topics, narrow):
    source = sky.stream(narrow)
    sql = Filter("sql", "diaSource.snr > 8", narrow).bind(source.filterable)
    function = Filter.from_function(bright, narrow, "function").bind(source.filterable)
    assert is_in_java([sql], source.format)
    assert not is_in_java([sql, function], source.format)
    split_in_python = replace(formats.get("ztf"), splits=True)
    assert split_in_python.in_python
    assert not is_in_java([sql], split_in_python)


def test_with_too_few_tasks_every_partition_is_judged_in_micro_batches(sky, topics, name, tmp_path, caplog):
    stream = make_stream(topics, f"{name}-wide", partitions=os.cpu_count() + 1)
    packets = [alert.packet for alert in simulate(60, seed=42, pool=20)]
    send(packets, stream, topics.bootstrap)
    assert all(topics.end(stream).values())
    source = sky.stream(stream)
    bound = Filter(f"{name}-all", "diaSource.snr > -1", stream).bind(source.filterable)
    bank = Bank(sky.spark, topics, stream, str(tmp_path))
    try:
        bank.start("here", [bound], source.format, dict.fromkeys(topics.end(stream), 0), exact=False)
        wait_until(lambda: sum(topics.end(bound.filter.output_topic).values()) == 60, "all matches")
        assert "Start it anew, with $SKYSIEVE_PROGRESS=asynchronous" in caplog.text
    finally:
        bank.stop()
        topics.delete(stream)
