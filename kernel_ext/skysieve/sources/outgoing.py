"""Packets on their way into Kafka."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from skysieve.brokers import RIGHTS
from skysieve.errors import SessionError

MAX_PACKET_BYTES = 32 * 2**20

_PRODUCER = {
    "acks": "all",
    "enable.idempotence": True,  # a retry neither repeats a packet nor changes their order
    "linger.ms": 20,
    "message.max.bytes": MAX_PACKET_BYTES,
    "queue.buffering.max.kbytes": 128 * 1024,
    "queue.buffering.max.messages": 1_000_000,  # bytes are the bound, not the number
    "socket.send.buffer.bytes": 4 * 2**20,
    "topic.metadata.propagation.max.ms": 10_000,  # how long a topic that is not there is waited for
    "message.timeout.ms": 120_000,
}
_LOG = logging.getLogger("skysieve.kafka")
_LOG.addHandler(logging.NullHandler())  # what matters comes as an error
_REACH_SECONDS = 10.0
_REPORT_SECONDS = 0.1
_FAR_AHEAD = 0.005
_RIGHTS = f" ({RIGHTS}.)"
_SILENT = (
    " It hangs, or cannot write: see `skysieve status`, the end of its log, and whether its disk is full."
)


@dataclass(frozen=True, slots=True)
class Packet:
    """One Kafka record that is to be sent.

    Attributes
    ----------
    value
        The alert packet, framed as it travels.
    key
        What says which partition it goes to, or None.
    headers
        Names and values that travel outside the packet.

    Examples
    --------
    >>> Packet(b"...", key=b"169298432755761177", headers=(("truth", b"SN Ia"),)).key
    b'169298432755761177'
    """

    value: bytes
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def send(
    packets: Iterable[Packet],
    topic: str,
    kafka: str,
    *,
    rate: float | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Send packets to a topic, and return when Kafka has acknowledged every one.

    Parameters
    ----------
    packets
        What to send; read as it is sent, so it may be endless.
    topic
        Kafka topic, which must exist.
    kafka
        Bootstrap servers, ``host:port[,host:port …]``.
    rate
        Packets per second; as fast as possible if None. Packet *i* is due *i / rate* seconds after the first
        one: what came late is caught up with, so the mean rate does not drift.
    options
        Further librdkafka options (TLS, SASL, compression …); these win.
    progress
        Called with the number of packets acknowledged so far, at most ten times a second and once at the end,
        however it ends.

    Returns
    -------
    int
        Number of packets that all in-sync replicas acknowledged.

    Raises
    ------
    SessionError
        If Kafka cannot be reached, or did not accept a packet; says why. What was accepted before stays in
        the topic.

    Examples
    --------
    >>> send([], "lsst-alerts", "localhost:9092", rate=0.0)
    Traceback (most recent call last):
    ValueError: rate must be above 0 packets per second, not 0.0
    """
    if rate is not None and not rate > 0:
        raise ValueError(f"rate must be above 0 packets per second, not {rate}")
    sender = _Sender(topic, kafka, dict(options or {}), progress)
    try:
        return sender.run(packets, rate)
    finally:
        if progress:
            progress(sender.acknowledged)


class _Sender:
    """The state of one :func:`send`."""

    def __init__(
        self, topic: str, kafka: str, options: dict[str, Any], progress: Callable[[int], None] | None
    ) -> None:
        self.topic, self.kafka = topic, kafka
        self.queued = self.acknowledged = 0
        self.refused: KafkaError | None = None
        self._progress = progress
        self._next_report = 0.0
        self._turned_away: KafkaError | None = None
        self._who = f" of user {options['sasl.username']!r}" if options.get("sasl.username") else ""
        told = {"bootstrap.servers": kafka, "error_cb": self._note, **_PRODUCER, **options}
        try:
            self.producer = Producer(told, logger=_LOG)
            self._reach()
        except KafkaException as error:
            raise SessionError(
                f"Kafka at {kafka} cannot be used: {_reason(error.args[0])}. "
                "Is the session up? (skysieve status)"
            ) from None

    def _reach(self) -> None:
        try:
            self.producer.list_topics(timeout=_REACH_SECONDS)
        except KafkaException:
            self.producer.poll(0)
            if self._turned_away:
                raise SessionError(
                    f"Kafka at {self.kafka} cannot be used: {_reason(self._turned_away)}. "
                    "Check user, password and certificates (docs/cluster.md)."
                ) from None
            raise

    def _note(self, error: KafkaError) -> None:
        """Brokers that come and go are librdkafka's to retry; what it gives up reaches the delivery report."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL):
            self._turned_away = error

    def run(self, packets: Iterable[Packet], rate: float | None) -> int:
        due = None
        try:
            for packet in packets:
                if rate is not None:
                    due = time.monotonic() if due is None else due + 1 / rate
                    self._wait_until(due)
                self._queue(packet)
                if self.refused:
                    break
        except BaseException:
            self.producer.flush(_REACH_SECONDS)  # what was handed over before still arrives
            raise
        # not `len(self.producer)`: who may write nowhere is told so at any moment, and need not care without a packet
        while not self.refused and self.acknowledged < self.queued:
            self._poll(_REPORT_SECONDS)
            self._report()
        if self.refused:
            self.producer.purge()
            with suppress(KafkaException):
                self.producer.flush(_REACH_SECONDS)
            raise SessionError(
                f"Kafka at {self.kafka} did not accept a packet{self._who} for topic {self.topic!r}: "
                f"{_reason(self.refused)}. "
                f"{self.acknowledged} packets were accepted."
                f"{_cure(self.refused)}"
            )
        return self.acknowledged

    def _queue(self, packet: Packet) -> None:
        while not self.refused:
            try:
                self.producer.produce(
                    self.topic,
                    packet.value,
                    packet.key,
                    headers=list(packet.headers) or None,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._poll(_REPORT_SECONDS)
                self._report()
            except KafkaException as error:
                self._poll(0)  # which has the reason, where this says no more than that there is one
                self.refused = self.refused or error.args[0]
            else:
                self.queued += 1
                self._poll(0)
                self._report()
                return

    def _poll(self, seconds: float) -> None:
        """Let come what Kafka said; a user who may write nowhere is refused here and not for a packet."""
        try:
            self.producer.poll(seconds)
        except KafkaException as error:
            self.refused = self.refused or error.args[0]

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        elif self.refused is None:
            self.refused = error

    def _wait_until(self, due: float) -> None:
        while (ahead := due - time.monotonic()) > 0 and not self.refused:
            if ahead > _FAR_AHEAD:  # poll counts in whole milliseconds and wakes for every acknowledgement
                self._poll(min(ahead - _FAR_AHEAD / 2, _REPORT_SECONDS))
                self._report()
            else:
                time.sleep(ahead)

    def _report(self) -> None:
        if self._progress and (now := time.monotonic()) >= self._next_report:
            self._next_report = now + _REPORT_SECONDS
            self._progress(self.acknowledged)


def _cure(error: KafkaError) -> str:
    if error.code() == KafkaError._MSG_TIMED_OUT:
        return _SILENT
    return _RIGHTS if "AUTHORIZATION" in error.name() else ""


def _reason(error: KafkaError) -> str:
    return f"{error.str()} ({error.name()})"
