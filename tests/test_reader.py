"""Where a consumer begins, and when it ends."""

import math
import time
from datetime import UTC, datetime, timedelta

import pytest
from matching import SOON, VERSION, Output, events, notice, notices
from skysieve import DeploymentError, Filter, SkysieveError, StreamError, reader
from skysieve.engine import registry
from skysieve.engine.values import now


def test_it_begins_at_the_earliest_the_latest_or_a_time(output, consume):
    output.write(*notices(range(3)))
    time.sleep(0.05)
    between = datetime.now(UTC)
    time.sleep(0.05)
    output.write(*notices(range(3, 5)), first=3)
    latest = consume(start="latest", timeout=20)
    assert events(consume(**SOON)) == [0, 1, 2, 3, 4]
    assert events(consume(start=between, **SOON)) == [3, 4]
    assert events(consume(start=between.isoformat(), **SOON)) == [3, 4]
    output.write(notice(5), first=5)
    assert events(latest, 1) == [5]


def test_it_ends_when_nothing_came_for_so_long_and_another_loop_goes_on(output, consume):
    output.write(*notices(range(2)))
    matches = consume(timeout=0.3)
    asked = time.monotonic()
    assert events(matches) == [0, 1]
    assert time.monotonic() - asked >= 0.3
    assert events(matches) == []
    output.write(notice(2), first=2)
    assert events(matches) == [2]


def test_it_never_ends_before_it_has_read_all_that_is_there(topics, name, consume):
    output = Output(topics, name, partitions=3).make()
    for partition in range(3):
        output.write(*notices(range(700)), partition=partition)
    found = list(consume(raw=True, **SOON))
    assert len(found) == 2100
    for partition in range(3):
        assert [m.offset for m in found if m.partition == partition] == list(range(700))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"timeout": -1}, "timeout=-1"),
        ({"timeout": math.nan}, "timeout=nan"),
        ({"look_back": -1}, "look_back=-1"),
        ({"group": " "}, "group needs a name"),
    ],
)
def test_what_makes_no_sense_is_refused(output, consume, how, words):
    with pytest.raises(SkysieveError, match=words):
        consume(**how)


def test_a_start_that_is_no_past_time_is_refused(output, consume):
    with pytest.raises(DeploymentError, match="in the future"):
        consume(start=datetime.now(UTC) + timedelta(days=1))
    with pytest.raises(StreamError, match="no time zone"):
        consume(start="2026-01-01T00:00:00")


def test_an_unknown_filter_is_refused_with_the_nearest_name(sky, stream, name, deployed):
    deployed.append(sky.deploy(Filter(name, "diaSource.snr > 10", stream)))
    with pytest.raises(DeploymentError, match=f"No filter '{name}x' is deployed. Did you mean {name}"):
        sky.consume(f"{name}x")


def test_the_matches_that_a_removed_filter_has_left_can_be_read(output, consume, sky):
    assert output.filter not in {one.name for one in sky.deployments}
    output.write(notice(1))
    assert events(consume(**SOON)) == [1]


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_an_output_topic_that_does_not_exist_yet_is_waited_for(topics, name, stream, consume, start):
    version = registry.Version(version=VERSION, where="diaSource.snr > 10", deployed=now())
    common = {"name": name, "stream": stream, "owner": "me", "start": "latest", "run": "1"}
    stopped = registry.Registered(**common, wanted="stopped", versions=(version,), current=VERSION)
    registry.register(topics, stopped)
    output = Output(topics, name)
    try:
        matches = consume(group="g", start=start, timeout=3)
        assert events(matches) == []
        output.make().write(*notices(range(2)))
        assert events(matches, 2) == [0, 1]
    finally:
        registry.unregister(topics, name)


def test_partitions_that_the_topic_is_given_meanwhile_are_read(output, consume, topics, monkeypatch):
    monkeypatch.setattr(reader, "_LOOK_EVERY", 0)
    output.write(notice(0))
    matches = consume(timeout=30)
    assert events(matches, 1) == [0]
    with topics._admin("add partitions") as admin:
        admin.create_partitions({output.topic: 2})
    Output(topics, output.filter, partitions=2).write(notice(1), first=1, partition=1)
    assert events(matches, 1) == [1]
