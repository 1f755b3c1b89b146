"""Sending: what Kafka acknowledged is what arrives, at the rate asked for; what it refuses is said."""

import itertools
import socket
import time
import uuid
from contextlib import closing, contextmanager

import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from skysieve.errors import SessionError
from skysieve.sources import Packet, send, simulate


@contextmanager
def made(kafka, config):
    """A topic with these settings, for a test."""
    name = f"sources-{uuid.uuid4().hex[:8]}"
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.create_topics([NewTopic(name, 1, 1, topic_configs=config)])
        try:
            yield name
        finally:
            admin.delete_topics([name])


@pytest.fixture
def topic(kafka):
    with made(kafka, {"max.message.bytes": str(2**25)}) as name:
        yield name


def arrived(kafka, topic):
    """Everything in the topic, in the order of its offsets."""
    consumer = KafkaConsumer(
        bootstrap_servers=kafka, enable_auto_commit=False, max_partition_fetch_bytes=2**26
    )
    try:
        partition = TopicPartition(topic, 0)
        end = consumer.end_offsets([partition])[partition]
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        records = []
        deadline = time.monotonic() + 60
        while consumer.position(partition) < end and time.monotonic() < deadline:
            for batch in consumer.poll(timeout_ms=500).values():
                records += batch
        return records
    finally:
        consumer.close()


def test_every_acknowledged_packet_arrives_once_in_order_with_key_and_headers(kafka, topic):
    packets = [alert.packet for alert in simulate(200, seed=1, pool=20)]
    told = []
    assert send(packets, topic, kafka, progress=told.append) == 200
    records = arrived(kafka, topic)
    assert [r.value for r in records] == [p.value for p in packets]
    assert [r.key for r in records] == [p.key for p in packets]
    assert [tuple(r.headers) for r in records] == [p.headers for p in packets]
    assert told == sorted(told)
    assert told[-1] == 200


def test_a_queue_smaller_than_the_packets_is_waited_for(kafka, topic):
    packets = [Packet(bytes(80_000), str(n).encode()) for n in range(300)]
    assert send(packets, topic, kafka, options={"queue.buffering.max.kbytes": 1024}) == 300
    assert len(arrived(kafka, topic)) == 300


def test_packets_leave_at_the_rate_asked_for(kafka, topic):
    begun = []
    packets = (begun.append(time.monotonic()) or Packet(b"x", None) for _ in range(41))
    assert send(packets, topic, kafka, rate=100) == 41
    # Packet n is asked for when n - 1 has gone, at its due time: none may be early, however slow the machine.
    assert all(when - begun[0] >= (n - 1) / 100 - 1e-6 for n, when in enumerate(begun[1:], 1))


def test_a_packet_of_20_megabytes_is_sent(kafka, topic):
    assert send([Packet(bytes(20 * 2**20), None)], topic, kafka) == 1


def test_an_empty_value_and_no_packets_at_all_are_fine(kafka, topic):
    assert send([], topic, kafka) == 0
    assert send([Packet(b"", b"empty")], topic, kafka) == 1
    assert [r.key for r in arrived(kafka, topic)] == [b"empty"]


def test_a_packet_that_is_too_large_is_refused_with_the_reason(kafka, topic):
    packets = [Packet(b"fits", None), Packet(bytes(33 * 2**20), None)]
    with pytest.raises(
        SessionError, match=rf"did not accept a packet for topic '{topic}': .*(MSG_SIZE|too large)"
    ):
        send(packets, topic, kafka)


def test_a_packet_that_the_broker_refuses_ends_the_sending(kafka):
    with (
        made(kafka, {"max.message.bytes": "1000"}) as small,
        pytest.raises(SessionError, match="MSG_SIZE_TOO_LARGE"),
    ):
        send((Packet(bytes(5000), None) for _ in itertools.count()), small, kafka)


def test_a_broker_that_hangs_ends_it_too_and_it_is_said_where_to_look(kafka, topic, running):
    broker = psutil.Process(running.pids["kafka"])

    def packets():
        broker.suspend()
        yield Packet(b"alert", None)

    try:
        with pytest.raises(
            SessionError,
            match=r"timed out.* 0 packets were accepted\. It hangs.*skysieve status.*disk is full",
        ):
            send(packets(), topic, kafka, options={"message.timeout.ms": 1000})
    finally:
        broker.resume()


def test_what_came_before_an_unreadable_file_still_arrives(kafka, topic):
    def packets():
        yield Packet(b"one", None)
        yield Packet(b"two", None)
        raise RuntimeError("a broken file")

    with pytest.raises(RuntimeError, match="a broken file"):
        send(packets(), topic, kafka)
    assert [r.value for r in arrived(kafka, topic)] == [b"one", b"two"]


def test_kafka_that_does_not_run_is_said_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SessionError, match=rf"Kafka at {address} cannot be used: .*skysieve status"):
            send([Packet(b"x", None)], "any", address)


def test_an_option_that_does_not_exist_is_said_so():
    with pytest.raises(SessionError, match=r"cannot be used: No such configuration property"):
        send([], "any", "127.0.0.1:9", options={"no.such.option": 1})


@pytest.mark.slow
def test_speed(kafka, topic, capsys):
    packets = [alert.packet for alert in simulate(4000)]
    start = time.perf_counter()
    assert send(packets, topic, kafka) == 4000
    rate = 4000 / (time.perf_counter() - start)
    size = sum(len(p.value) for p in packets) / 4000
    with capsys.disabled():
        print(f"\n{rate:,.0f} packets/s of {size / 1000:.0f} kB acknowledged ({rate * size / 1e6:.0f} MB/s)")
