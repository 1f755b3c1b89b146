"""What the bank is measured against: librdkafka alone, and the loop that people write by hand today."""

from __future__ import annotations

import io
import random
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import fastavro
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from skysieve.errors import SessionError, SkysieveError
from skysieve.packets import lsst_schemas
from skysieve.packets.formats import Format
from skysieve.topics import Offsets

_BATCH = 500
_PIECE, _MOST = 1 << 20, 32 << 30
_PATIENCE = 30.0
_FRAME = struct.Struct(">bi")
_CONSUMER = {
    "group.id": "skysieve-bench",
    "enable.auto.commit": False,
    "fetch.message.max.bytes": 16 << 20,
    "fetch.max.bytes": 64 << 20,
    "socket.receive.buffer.bytes": 4 << 20,
    "queued.max.messages.kbytes": 128 << 10,
}
_PRODUCER = {"linger.ms": 5, "message.max.bytes": 32 << 20}


@contextmanager
def full_memory() -> Iterator[None]:
    """Have all memory in use for files, as it is on a machine that has been up for days; at most 32 GiB.

    What is written then takes the place of what was read longest ago. Free memory may be dearer: a virtual machine must
    get it from its host first, which took ten times as long as the writing itself where it was tried. The file that is
    read here has no contents, so it takes neither disk nor time of one.
    """
    with tempfile.TemporaryFile() as nothing:
        nothing.truncate(min(psutil.virtual_memory().free, _MOST))
        piece = bytearray(_PIECE)
        while nothing.readinto(piece):
            pass
        yield


def raw_rate(kafka: str, topic: str, end: Offsets) -> float:
    """Packets per second of a librdkafka consumer that does nothing with them: the limit on this machine."""
    with _consumer(kafka, topic, end) as consumer:
        begun = time.perf_counter()
        for _ in _values(consumer, sum(end.values())):
            pass
        return sum(end.values()) / (time.perf_counter() - begun)


def fastavro_rate(
    kafka: str, topic: str, end: Offsets, filters: Sequence[Callable[[Any], bool]], output: str
) -> tuple[float, list[int]]:
    """Packets per second of one Python process that decodes each packet, judges it and sends on what passes.

    Gives the number of matches of each filter, too.

    Raises
    ------
    SkysieveError
        If Kafka does not take the matches.
    """
    schemas = {v: fastavro.parse_schema(lsst_schemas.load(v)) for v in lsst_schemas.schema_files()}
    matches = [0] * len(filters)
    producer = Producer({"bootstrap.servers": kafka, **_PRODUCER})
    with _consumer(kafka, topic, end) as consumer:
        begun = time.perf_counter()
        for value in _values(consumer, sum(end.values())):
            version = _FRAME.unpack_from(value)[1]
            alert = fastavro.schemaless_reader(io.BytesIO(memoryview(value)[_FRAME.size :]), schemas[version])
            for i, passes in enumerate(filters):
                if passes(alert):
                    matches[i] += 1
                    producer.produce(output, value)
            producer.poll(0)
        if left := producer.flush(60):
            raise SkysieveError(
                f"Kafka took all but {left} of the matches of the loop; is there a topic {output}?"
            )
        return sum(end.values()) / (time.perf_counter() - begun), matches


def write_seconds(kafka: str, counts: Mapping[str, int], size: int) -> float:
    """Seconds in which librdkafka writes so many packets to each topic, of that many bytes."""
    value = random.randbytes(size)
    producer = Producer({"bootstrap.servers": kafka, **_PRODUCER})
    begun = time.perf_counter()
    for topic in [topic for topic, count in counts.items() for _ in range(count)]:
        while True:
            try:
                producer.produce(topic, value)
                break
            except BufferError:
                producer.poll(0.1)
    if left := producer.flush(60):
        raise SkysieveError(f"Kafka took all but {left} of {sum(counts.values())} packets.")
    return time.perf_counter() - begun


def decode_rate(kafka: str, topic: str, end: Offsets, packet_format: Format) -> float:
    """Packets per second of one Python process that decodes each of them, whole."""
    with _consumer(kafka, topic, end) as consumer:
        begun = time.perf_counter()
        for value in _values(consumer, sum(end.values())):
            packet_format.read(value)
        return sum(end.values()) / (time.perf_counter() - begun)


@contextmanager
def _consumer(kafka: str, topic: str, end: Offsets) -> Iterator[Consumer]:
    consumer = Consumer({"bootstrap.servers": kafka, **_CONSUMER})
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in end])
        yield consumer
    finally:
        consumer.close()


def _values(consumer: Consumer, count: int) -> Iterator[bytes]:
    left = count
    while left:
        batch = consumer.consume(min(_BATCH, left), timeout=_PATIENCE)
        if not batch:
            raise SessionError(f"Kafka fell silent; {left} of {count} packets were not read.")
        for message in batch:
            if message.error():
                raise SessionError(f"Kafka: {message.error()}")
            yield message.value() or b""
        left -= len(batch)
