"""Kafka's topics: what is written is what is read, and a Kafka that is not there is named."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from kafka.errors import LeaderNotAvailableError, NotLeaderForPartitionError, UnknownBrokerIdError
from processes import wait_until
from skysieve import brokers
from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions
from skysieve.local.ports import free_port
from skysieve.topics import Topics


@pytest.fixture
def topic(topics, name):
    topics.create({name: 2})
    return name


def test_topics_are_made_once_with_their_partitions_and_deleted(topics, name):
    topics.create({name: 3})
    topics.create({name: 5, f"{name}-other": 1})
    assert topics.sizes([name, f"{name}-other", "nowhere"]) == {name: 3, f"{name}-other": 1}
    assert topics.partitions("nowhere") == 0
    topics.delete(name, f"{name}-other", "nowhere")
    assert not {name, f"{name}-other"} & set(topics.names())


def test_topics_that_are_made_are_there_in_full(environment, topics, name):
    made = [f"{name}-{i}" for i in range(100)]
    topics.create(dict.fromkeys(made, 4))
    there = [p for p in environment.state.rglob(f"{name}-*-[0-3]") if p.is_dir()]
    # where Kafka tells of a leader that has no file yet, a first record can be refused
    assert len(there) == 400
    topics.delete(*made)


@pytest.fixture
def late(monkeypatch):
    """So often a broker that is to lead a partition says at first that it does not."""
    ask, times = KafkaAdminClient.list_partition_offsets, []

    def list_partition_offsets(admin, *what):
        if times:
            raise times.pop()
        return ask(admin, *what)

    monkeypatch.setattr(KafkaAdminClient, "list_partition_offsets", list_partition_offsets)
    return times


def test_a_leader_that_is_late_is_waited_for(topics, name, late):
    late += [NotLeaderForPartitionError()] * 3
    topics.create({name: 2})
    assert late == []
    topics.delete(name)


def test_a_leader_that_never_comes_is_told(topics, name, late, monkeypatch):
    monkeypatch.setattr("skysieve.topics._PATIENCE", 1.0)
    late += [NotLeaderForPartitionError()] * 1000
    with pytest.raises(SessionError, match=r"no broker takes records for it \(NotLeaderForPartitionError\)"):
        topics.create({name: 2})
    assert 0 < len(late) < 1000
    topics.delete(name)


def test_records_are_read_by_ranges_of_offsets(topics, topic):
    assert topics.begin(topic) == topics.end(topic) == {0: 0, 1: 0}
    topics.write(topic, [(f"k{i}", f"v{i}".encode()) for i in range(20)])
    end = topics.end(topic)
    assert sum(end.values()) == 20
    records = list(topics.read(topic, {0: 1}, end))
    assert len(records) == 19
    assert all(r.value == r.key.replace(b"k", b"v") for r in records)
    assert [r.offset for r in records if r.partition == 0] == list(range(1, end[0]))
    last = topics.last(topic, 5)
    assert len(last) == 5
    assert [r.timestamp for r in last] == sorted(r.timestamp for r in last)
    one = topics.one(topic, 0, 1)
    assert (one.partition, one.offset) == (0, 1)


def test_a_record_that_is_not_there_is_named(topics, topic):
    topics.write(topic, [("a", b"1")])
    (partition,) = [p for p, end in topics.end(topic).items() if end]
    with pytest.raises(SessionError, match=rf"{topic}\[{partition}\]@7"):
        topics.one(topic, partition, 7)


def test_where_the_first_records_are_gone_the_others_are_read(topics, name):
    topics.create({name: 1})
    topics.write(name, [("a", str(i).encode()) for i in range(10)])
    admin = AdminClient({"bootstrap.servers": topics.bootstrap})
    for future in admin.delete_records([TopicPartition(name, 0, 6)]).values():
        future.result()
    assert [r.value for r in topics.read(name, {0: 2}, {0: 9})] == [b"6", b"7", b"8"]


def test_a_range_may_end_in_offsets_without_records(topics, name):
    topics.create({name: 1})
    producer = Producer({"bootstrap.servers": topics.bootstrap, "transactional.id": name})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(name, b"one")
    producer.commit_transaction()  # which takes an offset, too
    wait_until(lambda: topics.end(name) == {0: 2}, "the mark of the commit")
    assert [r.value for r in topics.read(name, {}, {0: 2})] == [b"one"]


def test_a_kafka_that_falls_silent_is_told(topics, topic, monkeypatch):
    monkeypatch.setattr("skysieve.topics._PATIENCE", 0.5)
    topics.write(topic, [(f"k{i}", b"") for i in range(9)])
    end = topics.end(topic)
    with pytest.raises(SessionError, match=rf"fell silent at {topic}\[0\]@{end[0]}\."):
        list(topics.read(topic, {}, {0: end[0] + 1}))


def test_what_kafka_does_not_take_is_told_with_the_topic(topics, name, monkeypatch):
    monkeypatch.setattr("skysieve.topics._PATIENCE", 1)
    nobody = Topics(f"127.0.0.1:{free_port()}")
    with pytest.raises(SessionError, match=rf"did not take a record for {name}: .* \(skysieve status\)"):
        nobody.write(name, [("a", b"1")])
    with pytest.raises(SessionError, match=rf"did not take a record for {name}: .*[Uu]nknown topic"):
        topics.write(name, [("a", b"1")])


def test_a_record_that_is_too_large_is_told_with_its_size(topics, topic):
    with pytest.raises(SessionError, match=r"record of 'big' has 2,000,000 bytes.*[Mm]essage"):
        topics.write(topic, [("big", bytes(2_000_000))])


def test_each_partition_s_last_offset_is_given_for_what_was_written(topics, topic):
    written = topics.write(topic, [(f"k{i}", b"") for i in range(20)])
    assert written == {partition: end - 1 for partition, end in topics.end(topic).items()}


def test_a_time_gives_the_first_offsets_that_arrived_then_or_later(topics, topic):
    topics.write(topic, [(f"k{i}", b"") for i in range(8)])
    end = topics.end(topic)
    now = datetime.now(UTC)
    assert topics.at(topic, now - timedelta(days=1)) == {0: 0, 1: 0}
    assert topics.at(topic, now + timedelta(days=1)) == end


def test_a_compacted_topic_gives_the_newest_value_of_each_key_without_the_deleted(topics, name):
    topics.create({name: 1})
    topics.write(name, [("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", None), ("c", b"1")])
    assert topics.newest_by_key(name) == {"a": b"2", "c": b"1"}
    assert topics.newest_by_key(f"{name}-nowhere") == {}


def test_a_kafka_that_does_not_run_is_named_and_the_cure(name):
    nobody = Topics(f"127.0.0.1:{free_port()}")
    for act in (nobody.names, lambda: nobody.end(name), lambda: nobody.create({name: 1})):
        with pytest.raises(SessionError, match=r"No Kafka broker answers at 127.*skysieve up"):
            act()


def test_a_topic_that_is_not_there_is_named(topics, name):
    with pytest.raises(SessionError, match=f"has no topic '{name}-nowhere'"):
        topics.end(f"{name}-nowhere")


def test_what_is_asked_within_one_connection_goes_by_one_that_is_closed_at_the_end(
    topics, topic, monkeypatch
):
    made, connected = [], brokers._connected
    monkeypatch.setattr(brokers, "_connected", lambda told: made.append(connected(told)) or made[-1])
    with brokers.one_connection():
        assert topic in topics.names()
        with brokers.one_connection():
            assert topics.bounds(topic) == ({0: 0, 1: 0}, {0: 0, 1: 0})
        assert topics.partitions(f"{topic}-none") == 0
    assert topic in topics.names()
    assert len(made) == 2
    assert all(one._closed for one in made)


def test_a_range_of_several_partitions_is_read_whole_and_in_order_within_each(topics, name):
    topics.create({name: 3})
    producer = Producer({"bootstrap.servers": topics.bootstrap})
    for number in range(300):
        producer.produce(name, str(number).encode(), partition=number % 3)
    producer.flush()
    found = [(r.partition, r.offset) for r in topics.read(name, {0: 10, 1: 99, 2: 0}, {0: 60, 1: 100, 2: 0})]
    assert sorted(found) == [*((0, offset) for offset in range(10, 60)), (1, 99)]
    assert [offset for partition, offset in found if partition == 0] == [*range(10, 60)]


def test_who_takes_long_over_a_record_is_not_told_that_kafka_is_silent(topics, topic, monkeypatch):
    monkeypatch.setattr("skysieve.topics._PATIENCE", 0.5)
    topics.write(topic, [(f"k{i}", b"") for i in range(4)])
    for _ in topics.read(topic, {}, topics.end(topic)):
        time.sleep(0.7)


@pytest.mark.parametrize("said", [UnknownBrokerIdError, LeaderNotAvailableError, NotLeaderForPartitionError])
def test_a_broker_that_has_only_begun_is_told_plainly(said):
    with (
        pytest.raises(
            SessionError, match=r"not ready to let a client without a user see topic 'x': .*Try again"
        ),
        brokers.refusals("127.0.0.1:9092", KafkaOptions(), "see topic 'x'"),
    ):
        raise said(-1)
