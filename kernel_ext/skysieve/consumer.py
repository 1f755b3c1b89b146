"""A consumer: the matches of a deployed filter, one after another, as they arrive.

Skysieve writes every match at least once: after a crash some are written again. A consumer hides those, and keeps in
Kafka how far its group has come.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

from skysieve.engine.registry import registered, stated
from skysieve.errors import DeploymentError, PacketError, SessionError, SkysieveError, StreamError, nearest
from skysieve.filter import OUTPUT_PREFIX
from skysieve.given import REMEMBERED, Given
from skysieve.matches import Match, as_match, is_alert, source_of
from skysieve.packets.alerts import Alerts
from skysieve.reader import Reader
from skysieve.times import Time, start_text
from skysieve.topics import Record, Topics

LOOK_BACK = REMEMBERED
"""Matches per partition that are read again at most where a group goes on amid what was written twice."""
_SLICE = 0.5
_PATIENCE = 10.0


class Consumer:
    """The matches of a deployed filter, one after another, as they arrive: what ``sky.consume(name)`` gives.

    ::

        with sky.consume("bright", group="follow-up") as matches:
            for match in matches:
                point_at(match.alert["diaSource"]["ra"], match.alert["diaSource"]["dec"])

    **What is certain.** With a group, no match is lost: the group's place in Kafka passes a match only when the next
    one is asked for, or by :meth:`commit` or :meth:`close`. A loop that ends with an error inside a ``with`` leaves the
    match in hand for the next consumer of the group. The place is written whenever the consumer is about to wait, and
    once a second while it need not: a program that is killed has the match in hand again, and those of its last second.

    **What is hidden.** A match that Skysieve wrote twice (the same filter, version, source and packet) is given once,
    if it is among the last 100,000 that this consumer has read of the partition, or the last ``look_back`` that its
    group read before: a micro-batch that is done again has 50,000 at most. :attr:`duplicates` counts what was hidden.
    The match of another version is no duplicate.

    **What a group is.** The place of one reader, not a pool of readers that share the work: two consumers at once in a
    group both have every match.

    Parameters
    ----------
    topics
        The Kafka cluster.
    name
        Name of the filter. Where its output topic does not exist yet, it is waited for.
    group
        Kafka consumer group whose place in the output topic is kept in Kafka. Without one nothing is kept: each
        consumer begins at ``start``.
    start
        Where to begin while the group has no place: ``"earliest"``, ``"latest"``, or a time in the past (an aware
        datetime or an ISO text with a zone).
    timeout
        Seconds without a match after which the iteration ends, though not before all that was there is read. None:
        never. A further loop over the same consumer goes on behind the last match.
    raw
        Leave the packets as they are: ``alert`` is None.
    look_back
        Number of matches before the group's place, per partition, that are read again at most: only as many as it takes
        to find one that may have been given before, and none where all that comes is new.

    Attributes
    ----------
    duplicates
        Number of matches that were hidden.

    Raises
    ------
    DeploymentError
        If no such filter is deployed and none has left matches; the message names the nearest.
    SessionError
        If Kafka does not answer.
    """

    def __init__(
        self,
        topics: Topics,
        name: str,
        *,
        group: str | None = None,
        start: Time = "earliest",
        timeout: float | None = None,
        raw: bool = False,
        look_back: int = LOOK_BACK,
    ) -> None:
        if timeout is not None and not timeout >= 0:
            raise SkysieveError(f"timeout={timeout}: give 0 seconds or more, or None.")
        if look_back < 0:
            raise SkysieveError(f"look_back={look_back}: give 0 matches or more.")
        if group is not None and not group.strip():
            raise SkysieveError("A consumer group needs a name; leave group out to have none.")
        self.name, self.group, self.duplicates = name, group, 0
        self._topics, self._timeout, self._raw = topics, timeout, raw
        self._reader = Reader(topics, OUTPUT_PREFIX + name, group, start_text(start))
        self._given, self._look_back = dict[int, Given](), look_back
        self._alerts, self._stated = Alerts(), dict[str, str | None]()
        self._hand: Match | None = None
        self._is_closed = False
        known = registered(topics)
        if not self._reader.open() and name not in known:
            raise DeploymentError(f"No filter {name!r} is deployed.{nearest(name, known)}")

    def __iter__(self) -> Consumer:
        return self

    def __next__(self) -> Match:
        """The next match; whoever asks for it is done with the one before."""
        if self._is_closed:
            raise SessionError(f"This consumer of {self.name!r} is closed: open another one.")
        self._finish()
        since = time.monotonic()
        while True:
            self._reader.commit_at_times(is_busy=bool(self._reader.waiting))
            while self._reader.waiting:
                if match := self._next():
                    # nothing can interrupt what follows, so that whoever has no match in hand has had none
                    self._hand = match
                    return match
            left = None if self._timeout is None else self._timeout - (time.monotonic() - since)
            if left is not None and left <= 0:
                if self._reader.has_read_all():
                    self._reader.commit_at_times(is_busy=False)
                    raise StopIteration
                if left < -_PATIENCE:
                    raise SessionError(
                        f"Kafka at {self._topics.bootstrap} fell silent at {self._reader.topic}."
                    )
            if self._reader.fetch(_SLICE if left is None else min(_SLICE, max(left, 0.05))):
                since = time.monotonic()

    def commit(self) -> None:
        """Move the group's place behind the match in hand, now.

        Raises
        ------
        SessionError
            If the consumer has no group or is closed, or Kafka does not take it.
        """
        if self.group is None or self._is_closed:
            why = "is closed" if self._is_closed else "has no group whose place could be kept (group='…')"
            raise SessionError(f"Nothing can be committed: this consumer of {self.name!r} {why}.")
        self._finish()
        self._reader.commit()

    def close(self) -> None:
        """Commit the match in hand, where there is a group, and let go of Kafka."""
        if self._is_closed:
            return
        try:
            if self.group is not None:
                self.commit()
        finally:
            self._is_closed = True
            self._reader.close()

    def __enter__(self) -> Consumer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        self._hand = None
        # what went wrong is what the person must read, not that Kafka has gone as well
        with suppress(SessionError):
            self.close()

    def __repr__(self) -> str:
        return f"Consumer({self.name!r}, group={self.group!r}, duplicates={self.duplicates})"

    def _next(self) -> Match | None:
        """The next record as a match, left where it is until somebody has it; None if it was had before."""
        record = self._reader.waiting[0]
        if not self._of(record).holds(record, partial(self._reader.between, record.partition)):
            return self._match(record)
        self._done(record)
        self._reader.waiting.popleft()
        self.duplicates += 1
        return None

    def _of(self, record: Record) -> Given:
        """What was given of the record's partition."""
        if record.partition not in self._given:
            place, note = self._reader.begun(record.partition)
            self._given[record.partition] = Given(note, place, self._look_back)
        return self._given[record.partition]

    def _done(self, record: Record) -> None:
        given = self._of(record)
        given.add(record)
        self._reader.done(record, given.note)

    def _match(self, record: Record) -> Match:
        if self._raw:
            return as_match(record)
        try:
            return as_match(record, self._alert(record))
        except (PacketError, StreamError) as error:
            return as_match(record, problem=str(error))

    def _alert(self, record: Record) -> dict[str, Any]:
        packet, source = record.value or b"", source_of(record)
        if source is None or not is_alert(record):
            return self._alerts.read(packet)
        if source.stream not in self._stated:
            self._stated[source.stream] = stated(self._topics, source.stream).format
        return self._alerts.read(packet, source.record, self._stated[source.stream])

    def _finish(self) -> None:
        """Be done with the match in hand."""
        if self._hand is None:
            return
        record = self._reader.waiting[0]
        self._done(record)
        # an interrupt between these two finds it again, and knows it
        self._hand = None
        self._reader.waiting.popleft()
