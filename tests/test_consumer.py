"""Matches of a deployed filter, one after another: each is given once, and none is lost."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from confluent_kafka import Consumer as Client
from kafka import OffsetAndMetadata, TopicPartition
from matching import SOON, Output, events, notice, notices, place
from processes import wait_until
from skysieve import Consumer, SessionError


def test_a_match_that_was_written_twice_is_given_once_and_counted(output, consume):
    output.write(*notices(range(5)))
    output.write(*notices(range(2, 7)), first=2)
    matches = consume(**SOON)
    assert events(matches) == [0, 1, 2, 3, 4, 5, 6]
    assert matches.duplicates == 3
    output.write(notice(0))
    assert events(matches) == []
    assert matches.duplicates == 4


def test_what_differs_in_version_source_or_packet_is_no_duplicate(output, consume):
    output.write(notice(1), first=5)
    for other in ({"version": "b"}, {"stream": "other"}, {"first": 6}, {"partition": 1}, {"record": 1}):
        output.write(notice(1), **{"first": 5, **other})
    output.write(notice(2), first=5)  # the stream was made anew, and counts from 0 again
    matches = consume(raw=True, **SOON)
    assert len(list(matches)) == 7
    assert matches.duplicates == 0


def test_duplicates_of_what_was_read_before_a_restart_are_hidden(output, consume):
    output.write(*notices(range(6)))
    with consume(group="g", **SOON) as first:
        assert events(first) == [0, 1, 2, 3, 4, 5]
    output.write(*notices(range(3, 9)), first=3)
    with consume(group="g", **SOON) as second:
        assert events(second) == [6, 7, 8]
        assert second.duplicates == 3


def test_how_far_it_looks_back_can_be_said(output, consume):
    output.write(*notices(range(6)))
    with consume(group="g", **SOON) as first:
        assert len(list(first)) == 6
    output.write(*notices(range(6)))
    with consume(group="g", look_back=2, **SOON) as second:
        assert events(second) == [0, 1, 2, 3]
        assert second.duplicates == 2


MANY = 3000
"""More than a consumer reads again at first."""


@pytest.mark.parametrize("again", [0, 1400], ids=["after a batch", "amid one that is done again"])
def test_a_whole_batch_that_is_done_again_is_hidden_from_the_next_consumer(output, consume, again):
    output.write(*notices(range(MANY)))
    output.write(*notices(range(again)))
    with consume(group="g", **SOON) as first:
        assert events(first) == list(range(MANY))
        assert first.duplicates == again
    output.write(*notices(range(again, MANY + 2)), first=again)
    with consume(group="g", **SOON) as second:
        assert events(second, 1) == [MANY]
        second.commit()
        assert second.duplicates == MANY - again
    with consume(group="g", **SOON) as third:
        assert events(third) == [MANY + 1]


def test_where_all_is_new_nothing_is_read_again(output, consume, monkeypatch):
    output.write(*notices(range(5)), first=10)
    with consume(group="g", **SOON) as first:
        assert len(list(first)) == 5
    output.write(*notices(range(5, 8)), first=15)
    output.write(notice(0), first=3, version="b")
    read_again = []
    monkeypatch.setattr("skysieve.reader.Reader.between", lambda *asked: read_again.append(asked) or [])
    with consume(group="g", **SOON) as second:
        assert events(second) == [5, 6, 7, 0]
    assert read_again == []


def test_what_comes_of_older_packets_and_was_not_there_is_given(output, consume):
    output.write(*notices(range(5)), first=10)
    with consume(group="g", **SOON) as first:
        assert len(list(first)) == 5
    output.write(*notices(range(20, 23)), first=0)
    output.write(*notices(range(3, 6)), first=13)
    with consume(group="g", **SOON) as second:
        assert events(second) == [20, 21, 22, 5]
        assert second.duplicates == 2


def test_a_place_that_another_tool_has_set_is_looked_back_from_too(output, consume, topics):
    output.write(*notices(range(6)))
    client = topics.consumer(group="g")
    client.commit({TopicPartition(output.topic, 0): OffsetAndMetadata(4, "", -1)})
    client.close()
    output.write(*notices(range(2, 8)), first=2)
    with consume(group="g", **SOON) as matches:
        assert events(matches) == [4, 5, 6, 7]
        assert matches.duplicates == 4


def test_a_group_goes_on_where_it_was(output, consume):
    output.write(*notices(range(10)))
    with consume(group="g", timeout=30) as first:
        assert events(first, 4) == [0, 1, 2, 3]
    with consume(group="g", timeout=30) as second:
        assert events(second, 3) == [4, 5, 6]
    with consume(group="other", **SOON) as third:
        assert events(third) == list(range(10))


def test_without_a_group_it_begins_anew_and_nothing_is_kept(output, consume):
    output.write(*notices(range(3)))
    for _ in range(2):
        with consume(**SOON) as matches:
            assert events(matches) == [0, 1, 2]
    with pytest.raises(SessionError, match="has no group"):
        consume().commit()


def test_an_error_in_the_loop_leaves_the_match_in_hand_to_the_next_consumer(output, consume):
    output.write(*notices(range(6)))
    handled = []

    def work(is_open):
        with consume(group="g", **SOON) as matches:
            for match in matches:
                if match.alert["event"] == 3 and not is_open:
                    raise ValueError("the telescope is closed")
                handled.append(match.alert["event"])

    with pytest.raises(ValueError, match="the telescope is closed"):
        work(is_open=False)
    assert handled == [0, 1, 2]
    work(is_open=True)
    assert handled == [0, 1, 2, 3, 4, 5]


def test_nothing_is_committed_before_the_next_match_is_asked_for(output, consume, topics):
    output.write(notice(0))
    matches = consume(group="g", timeout=30)
    assert place(topics, output.topic, "g") is None
    next(matches)
    assert place(topics, output.topic, "g") is None
    output.write(notice(1), first=1)
    next(matches)
    assert place(topics, output.topic, "g") == 1
    matches.commit()
    assert place(topics, output.topic, "g") == 2
    assert place(topics, output.topic, "other") is None


def test_closed_it_has_committed_and_gives_no_more(output, consume, topics):
    output.write(*notices(range(3)))
    matches = consume(group="g", timeout=30)
    next(matches)
    matches.close()
    matches.close()
    assert place(topics, output.topic, "g") == 1
    with pytest.raises(SessionError, match="is closed: open another one"):
        next(matches)
    with pytest.raises(SessionError, match="is closed"):
        matches.commit()


def test_a_consumer_that_is_dropped_lets_go_of_kafka_and_commits_nothing(output, consume, topics):
    output.write(*notices(range(3)))
    before = threading.active_count()
    matches = Consumer(topics, output.filter, group="g")
    next(matches)
    assert threading.active_count() > before
    del matches
    wait_until(lambda: threading.active_count() <= before, "its threads end")
    assert place(topics, output.topic, "g") is None


def test_a_program_that_is_killed_has_the_match_in_hand_again(output, topics, consume):
    output.write(*notices(range(4)))
    program = f"""
import os, skysieve, sys
from skysieve.topics import Topics
for match in skysieve.Consumer(Topics({topics.bootstrap!r}), {output.filter!r}, group="g"):
    print(match.alert["event"], flush=True)
    if match.alert["event"] == 3:
        os.kill(os.getpid(), 9)
"""
    for _ in range(2):
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert said.stdout.split()[-1] == "3", said.stderr
    assert 3 in events(consume(group="g", **SOON))


def test_a_group_that_began_at_the_latest_has_what_came_while_it_was_away(output, consume):
    output.write(notice(0))
    with consume(group="g", start="latest", timeout=0.1) as first:
        assert events(first) == []
    output.write(notice(1), first=1)
    with consume(group="g", start="latest", **SOON) as second:
        assert events(second) == [1]


def test_a_topic_that_was_made_anew_is_read_from_its_beginning(output, consume, topics):
    output.write(*notices(range(5)))
    with consume(group="g", **SOON) as first:
        assert len(list(first)) == 5
    topics.delete(output.topic)
    wait_until(lambda: not topics.partitions(output.topic), "it is deleted")
    output.make().write(*notices(range(7, 9)))
    with consume(group="g", **SOON) as second:
        assert events(second) == [7, 8]


def test_a_group_that_kafka_clients_have_joined_is_refused(output, consume, topics):
    output.write(*notices(range(2)))
    # librdkafka's: kafka-python's client, when its first metadata comes late, joins and is given nothing
    client = Client({"bootstrap.servers": topics.bootstrap, "group.id": "g"})
    client.subscribe([output.topic])
    try:
        wait_until(lambda: client.poll(0.1) is None and bool(client.assignment()), "it joins")
        matches = consume(group="g", timeout=30)
        next(matches)
        with pytest.raises(SessionError, match=r"group 'g' .* other Kafka clients have joined"):
            matches.commit()
    finally:
        client.close()


def test_an_interrupt_ends_the_wait_at_once_and_keeps_the_place(output, consume, topics):
    output.write(*notices(range(2)))
    matches = consume(group="g")
    assert events(matches, 2) == [0, 1]
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    asked = time.monotonic()
    with pytest.raises(KeyboardInterrupt), matches:
        next(matches)
    assert time.monotonic() - asked < 5
    assert place(topics, output.topic, "g") == 2


# an interrupt while Kafka's client connects leaves a socket to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupts_at_any_moment_lose_nothing(topics, name, consume, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # pytest's would be interrupted, too
    output = Output(topics, name, partitions=2).make()
    for partition in range(2):
        output.write(*notices(range(2000)), partition=partition)
    matches, found, interrupts = consume(timeout=1), set(), 0
    consuming, ended = True, threading.Event()

    def send_interrupts():
        for wait in itertools.islice(itertools.cycle((0.001, 0.004, 0.02, 0.1, 0.5)), 50):
            if not ended.wait(wait):
                os.kill(os.getpid(), signal.SIGUSR1)

    def interrupt(_number, frame):
        if consuming and frame is not here:
            raise KeyboardInterrupt

    here = sys._getframe()
    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send_interrupts)
    sender.start()
    try:
        while True:
            try:
                match = next(matches)
            except KeyboardInterrupt:
                interrupts += 1
            except StopIteration:
                break
            else:
                found.add((match.partition, match.offset))
    finally:
        consuming = False  # the last signal may come while its sender is told
        ended.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)
    assert interrupts > 5
    assert found == {(partition, offset) for partition in range(2) for offset in range(2000)}
