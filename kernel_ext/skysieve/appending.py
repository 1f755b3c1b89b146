"""Appending to a topic: with librdkafka, where a producer of kafka-python sleeps a tenth of a second at first."""

from __future__ import annotations

import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from kafka.errors import SaslAuthenticationFailedError, TopicAuthorizationFailedError

from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions
from skysieve.ranges import SLICE

_REFUSALS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: TopicAuthorizationFailedError,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: TopicAuthorizationFailedError,
    KafkaError._AUTHENTICATION: SaslAuthenticationFailedError,
}


def append(
    servers: str,
    options: KafkaOptions,
    topic: str,
    records: Sequence[tuple[str, bytes | None]],
    patience: float,
) -> dict[int, int]:
    """Append records of key and value, wait until Kafka has them, and give the last offset in each partition.

    Parameters
    ----------
    servers, options
        The cluster.
    topic
        The topic.
    records
        Their keys and values.
    patience
        Seconds after which a silent Kafka is reported.

    Raises
    ------
    SessionError
        If Kafka falls silent, or says no.
    AuthorizationError, SaslAuthenticationFailedError
        If it does not let this user, or does not know it.
    """
    done: dict[int, int] = {}
    errors: list[KafkaError] = []

    def taken(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            errors.append(error)
        else:
            done[message.partition()] = message.offset()  # type: ignore[index,assignment]

    producer = Producer(
        {
            "bootstrap.servers": servers,
            "acks": "all",
            "linger.ms": 0,
            "partitioner": "murmur2_random",  # as other clients of Kafka have it
            "message.timeout.ms": int(1000 * patience),
            # before the record's own time is over, so that a topic that is not there is told as that
            "topic.metadata.propagation.max.ms": int(500 * patience),
            "error_cb": lambda error: errors.append(error) if error.code() in _REFUSALS else None,
            "log_level": 0,  # what matters of what it logs comes as an error
            **options.for_librdkafka(),
        }
    )
    for key, value in records:
        try:
            producer.produce(topic, value, key.encode(), on_delivery=taken)
        except KafkaException as refusal:
            said = f"the record of {key!r} has {len(value or b''):,} bytes: {refusal.args[0].str()}"
            raise SessionError(f"Kafka at {servers} cannot be sent a record for {topic}: {said}.") from None
    end = time.monotonic() + patience + 1
    while len(producer) and not errors and time.monotonic() < end:
        if not producer.poll(0):
            time.sleep(SLICE)
    if not errors and not len(producer):
        return done
    producer.purge()
    for error in errors:
        if error.code() in _REFUSALS:
            raise _REFUSALS[error.code()]
    said = errors[0].str() if errors else "it is silent"
    raise SessionError(
        f"Kafka at {servers} did not take a record for {topic}: {said}. Is the session up? (skysieve status)"
    )
