"""Matches as the bank writes them, written by a test: so that it decides what comes twice, and when."""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from skysieve import Match
from skysieve.filter import OUTPUT_PREFIX
from skysieve.topics import Topics

STREAM, VERSION = "some-alerts", "4f2a91c3"
ARRIVED = 1_772_700_000_123
SOON = {"timeout": 0}
"""For a consumer that reads what is there, and ends."""


@dataclass(frozen=True)
class Output:
    """The output topic of a filter."""

    topics: Topics
    filter: str
    partitions: int = 1
    topic: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "topic", OUTPUT_PREFIX + self.filter)

    def make(self) -> Output:
        self.topics.create({self.topic: self.partitions})
        return self

    def write(self, *packets: bytes, first: int = 0, partition: int = 0, **how: object) -> None:
        """Write matches on the alerts in these packets, the first of which is at this offset of their stream."""
        self.write_records(
            [
                (packet, partition, self.headers(offset, partition, **how))
                for offset, packet in enumerate(packets, first)
            ]
        )

    def headers(
        self,
        offset: int,
        partition: int = 0,
        record: int = 0,
        version: str = VERSION,
        stream: str = STREAM,
        **annotations: object,
    ) -> list[tuple[str, bytes]]:
        said = {
            "skysieve.filter": self.filter,
            "skysieve.version": version,
            "skysieve.source.topic": stream,
            "skysieve.source.partition": partition,
            "skysieve.source.offset": offset,
            "skysieve.source.record": record,
            "skysieve.source.timestamp": ARRIVED,
            "skysieve.annotations": json.dumps(annotations),
        }
        return [("survey", b"its own"), *((name, str(value).encode()) for name, value in said.items())]

    def write_records(self, records: list[tuple[bytes | None, int, list[tuple[str, bytes]]]]) -> None:
        producer = KafkaProducer(bootstrap_servers=self.topics.bootstrap, acks="all")
        try:
            sent = [
                producer.send(
                    self.topic,
                    key=b"key",
                    value=value,
                    partition=partition % self.partitions,
                    headers=headers,
                )
                for value, partition, headers in records
            ]
            for one in sent:
                one.get(timeout=30)
        finally:
            producer.close()


def notice(number: int) -> bytes:
    """A small packet, for tests that do not talk about what is in it."""
    return json.dumps({"event": number}).encode()


def notices(numbers: range) -> list[bytes]:
    return [notice(number) for number in numbers]


def events(matches: Iterable[Match], count: int | None = None) -> list[int]:
    return [match.alert["event"] for match in itertools.islice(matches, count)]


def place(topics: Topics, topic: str, group: str, partition: int = 0) -> int | None:
    """Where a group is, as any Kafka client sees it."""
    client = KafkaConsumer(bootstrap_servers=topics.bootstrap, group_id=group, enable_auto_commit=False)
    try:
        return client.committed(TopicPartition(topic, partition))
    finally:
        client.close()


def without_nan(value: Any) -> Any:
    """The same with None for NaN."""
    if isinstance(value, dict):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, list):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def judged(deployment, count):
    """Its matches under load, without those delivered again when the bank was restarted within a micro-batch.

    The headers tell which they are: a second delivery comes from the same place of the stream.
    """
    topics, output = deployment.topics, deployment.output_topic
    end = time.monotonic() + 60
    once = {}
    while len(once) < count and time.monotonic() < end:
        time.sleep(0.5)
        once = {}
        for record in topics.read(output, topics.begin(output), topics.end(output)):
            headers = {key: value.decode() for key, value in record.headers}
            place = (headers["skysieve.source.partition"], int(headers["skysieve.source.offset"]))
            once.setdefault(place, []).append((record, headers["skysieve.version"]))
    return once
