"""Decoded slices are kept: what was decoded once is judged again without a packet being read."""

import gc

import pytest
from skysieve import Filter
from skysieve.engine import plan
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated

COUNT = 40


@pytest.fixture
def fresh(sky, topics, stream):
    """A session that knows nothing of the stream, and the stream with some alerts."""
    send(simulated("lsst", count=COUNT, seed=21), stream, topics.bootstrap)
    return Session(sky.topics, sky.spark)


@pytest.fixture
def reads(monkeypatch):
    """Number of packets in each range that Spark is asked to read."""
    found = []
    real = plan.read_range

    def counted(spark, topics, topic, start, stop):
        found.append(sum(stop[p] - min(start[p], stop[p]) for p in stop))
        return real(spark, topics, topic, start, stop)

    monkeypatch.setattr(plan, "read_range", counted)
    return found


def passed(session, where, stream, **which):
    return session.preview(Filter("any", where, stream), **(which or {"last": COUNT})).passed


def offline(session, stream, limit):
    """How many alerts are above a limit, by fastavro."""
    source, end = session.stream(stream), session.topics.end(stream)
    values = (source.alert(p, o)["diaSource"]["snr"] for p in end for o in range(end[p]))
    return sum(value is not None and value > limit for value in values)


def test_a_changed_cut_reads_no_packet(fresh, stream, reads):
    first = passed(fresh, "snr > 10", stream)
    second = passed(fresh, "snr > 40", stream)
    assert reads == [COUNT]
    assert (first, second) == (offline(fresh, stream, 10), offline(fresh, stream, 40))


def test_a_further_column_reads_the_slice_once_more_and_is_kept_with_the_others(fresh, stream, reads):
    passed(fresh, "snr > 10", stream)
    passed(fresh, "reliability > 0.5", stream)
    passed(fresh, "snr > 20 AND reliability > 0.7", stream)
    assert reads == [COUNT, COUNT]


def test_of_alerts_that_arrive_only_the_new_ones_are_read(fresh, stream, topics, reads):
    passed(fresh, "snr > 10", stream)
    send(simulated("lsst", count=6, seed=22), stream, topics.bootstrap)
    found = passed(fresh, "snr > 10", stream, last=COUNT + 6)
    assert reads == [COUNT, 6]
    assert found == offline(fresh, stream, 10)


def test_a_smaller_slice_is_part_of_a_larger_one(fresh, stream, reads):
    passed(fresh, "snr > 10", stream)
    small = fresh.preview(Filter("any", "snr > 10", stream), last=8)
    assert reads == [COUNT]
    assert small.read == 8
    assert {p: small.stop[p] - small.start[p] for p in small.stop} == {0: 2, 1: 2, 2: 2, 3: 2}


def test_a_larger_slice_is_read_anew(fresh, stream, reads):
    passed(fresh, "snr > 10", stream, last=8)
    assert passed(fresh, "snr > 10", stream) == offline(fresh, stream, 10)
    assert reads == [8, COUNT]


def test_streams_have_samples_of_their_own(fresh, stream, topics, name, reads):
    other = f"{name}-other"
    topics.create({other: 4})
    send(simulated("lsst", count=10, seed=23), other, topics.bootstrap)
    passed(fresh, "snr > 10", stream)
    passed(fresh, "snr > 10", other)
    passed(fresh, "snr > 20", stream)
    passed(fresh, "snr > 20", other)
    assert reads == [COUNT, 10]


def test_two_sessions_of_one_program_keep_samples_of_their_own(fresh, sky, started, stream):
    from skysieve.connections import connect

    other = Session(sky.topics, connect(started.spark, started.token))  # pyspark's active one from here on
    for session in (fresh, other, fresh):
        assert passed(session, "snr > 10", stream) == offline(fresh, stream, 10)
    other.detach()
    assert passed(fresh, "snr > 20", stream) == offline(fresh, stream, 20)


def test_spark_drops_a_sample_that_another_takes_the_place_of(fresh, stream):
    from pyspark.errors import PySparkException

    passed(fresh, "snr > 10", stream, last=8)
    old = fresh._samples._samples[stream].alerts
    assert old.count() == 8
    passed(fresh, "snr > 10", stream)
    with pytest.raises(PySparkException, match="No DataFrame with id"):
        old.count()


def test_a_sample_whose_value_is_let_go_asks_nothing_of_the_server(fresh, stream, monkeypatch):
    """What pyspark would ask in ``__del__`` comes at any moment, and an interrupt then is lost."""
    passed(fresh, "snr > 10", stream, last=8)
    asked = []
    monkeypatch.setattr(fresh.spark.client, "_execute_plan_request_with_metadata", lambda *a: asked.append(a))
    del fresh._samples._samples[stream]
    gc.collect()
    assert asked == []
