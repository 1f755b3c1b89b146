"""Reading a range of a topic: with librdkafka, where a consumer of kafka-python sleeps a tenth of a second at first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions

SLICE = 0.001
"""Seconds between looks for what Kafka says. librdkafka would wait itself, but for as much longer as the machine's
clock is put back meanwhile (confluentinc/librdkafka#2145)."""
_AHEAD = 10_000
"""Records of a partition that are fetched ahead, at most."""


def messages(
    servers: str,
    options: KafkaOptions,
    topic: str,
    ranges: Mapping[int, tuple[int, int]],
    patience: float,
) -> Iterator[Message]:
    """The records of a range of each partition, in order within it.

    Parameters
    ----------
    servers, options
        The cluster.
    topic
        The topic.
    ranges
        First offset of each partition, and the one after the last.
    patience
        Seconds after which a silent Kafka is reported.

    Raises
    ------
    SessionError
        If Kafka falls silent, or says no.
    """
    count = sum(stop - start for start, stop in ranges.values())
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "skysieve",  # which it never joins, so that it does not matter whether it may
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",  # where what it should read next is gone, what is left must not be, too
            "allow.auto.create.topics": False,
            "queued.min.messages": min(count, _AHEAD),
            "fetch.queue.backoff.ms": 1,  # else a partition of which enough is there waits for a second
            "fetch.wait.max.ms": 1,  # what is asked for is there; what was asked for last must not be waited for
            "log_level": 0,  # what matters of what it logs comes as an error
            **options.for_librdkafka(),
        }
    )
    left = {partition: (at, stop) for partition, (at, stop) in ranges.items() if at < stop}
    try:
        consumer.assign([TopicPartition(topic, partition, at) for partition, (at, _) in left.items()])
        heard = time.monotonic()
        while left:
            message = consumer.poll(0)
            if message is None:
                if time.monotonic() - heard > patience:
                    partition, (at, _) = next(iter(left.items()))
                    raise SessionError(f"Kafka at {servers} fell silent at {topic}[{partition}]@{at}.")
                time.sleep(SLICE)
                continue
            partition, error = message.partition() or 0, message.error()
            if partition not in left or message.topic() != topic:
                continue
            (at, stop), offset = left[partition], message.offset() or 0
            if error is None:
                at = offset + 1
                if at <= stop:
                    yield message
                heard = time.monotonic()  # of Kafka: what is done with a record may take long
            elif error.code() == KafkaError._PARTITION_EOF:
                at = max(at, offset)  # a compacted topic lacks the last offsets, perhaps
            elif not (error.retriable() or error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED):
                raise SessionError(f"Kafka at {servers} gives nothing of {topic}: {error.str()}.")
            left[partition] = at, stop
            if at >= stop:
                del left[partition]
                consumer.pause([TopicPartition(topic, partition)])
    finally:
        consumer.close()


def fields(message: Message) -> dict[str, Any]:
    """What a record consists of."""
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        "key": message.key(),
        "value": message.value(),
        "headers": tuple(message.headers() or ()),
    }
