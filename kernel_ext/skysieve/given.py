"""Which matches were given: by this consumer, and by those of its group before it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable

from skysieve.matches import mark, source_of
from skysieve.topics import Record

REMEMBERED = 100_000
"""Matches per partition whose marks are kept, some 10 MB. A micro-batch that is done again has 50,000 at most."""
_STEP = 1000
"""Matches that are read again at first, twice as many at each further step."""
_LONGEST, _MOST = 2000, 20
"""Characters and sources of a note; Kafka takes 4096 characters unless it is told otherwise."""

Source = tuple[str, str, int]
"""Version of the filter, stream and its partition."""
Newest = dict[Source, list[int]]
"""Offset, and number in its packet, of the newest match of each source."""


class Given:
    """The matches of a partition that were given.

    A filter's matches come in the order of their packets, but for those of the past and those that are written again.
    Which packet was the newest of its source is noted beside the group's place in Kafka, so that the next consumer
    knows what is new without reading anything. Only where a match is not does it read again what the group had, until
    it finds that match.

    Parameters
    ----------
    note
        What the consumer before noted; None where a group has no place yet.
    place
        Offset in the output topic where this consumer began.
    most
        Number of matches before it that are read again at most.
    """

    def __init__(self, note: str | None, place: int, most: int = REMEMBERED) -> None:
        self._seen = Seen(max(REMEMBERED, most))
        self._newest: Newest | None = {} if note is None else _read(note)
        self._place = self._from = place
        self._least = place if note is None else max(0, place - most)
        self._step = _STEP

    def holds(self, record: Record, between: Callable[[int, int], Iterable[Record]]) -> bool:
        """Whether a match was given; ``between`` reads the topic from an offset to another."""
        one = mark(record)
        if one is None:
            return False
        if record.offset < self._place:  # the topic was made anew, and holds nothing that was given before
            self._least = self._from
        while one not in self._seen and self._from > self._least and self._is_old(record):
            begin = max(self._least, self._from - self._step)
            marks, newest = [], Newest()
            for earlier in between(begin, self._from):
                marks.append(mark(earlier))
                newest = _noted(newest, earlier)
            for each in reversed(marks):
                self._seen.recall(each)
            # last, so that what an interrupt leaves half done is done again
            self._newest = newest if self._newest is None else self._newest
            self._from, self._step = begin, 2 * self._step
        return one in self._seen

    def add(self, record: Record) -> None:
        """Note that a match was given."""
        self._newest = _noted(self._newest or {}, record)
        self._seen.add(mark(record))

    @property
    def note(self) -> str:
        """What the next consumer must know."""
        rows = [[*source, *at] for source, at in (self._newest or {}).items()][-_MOST:]
        while len(text := json.dumps(rows, separators=(",", ":"))) > _LONGEST:
            del rows[0]
        return text

    def _is_old(self, record: Record) -> bool:
        if self._newest is None:
            return True
        found = _at(record)
        return found is not None and found[1] <= self._newest.get(found[0], [])


class Seen:
    """The marks of the matches that were seen last, so many at most.

    Examples
    --------
    >>> seen = Seen(2)
    >>> for one in (b"a", b"b", b"c"):
    ...     seen.add(one)
    >>> b"a" in seen, b"c" in seen
    (False, True)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._marks: set[bytes] = set()
        self._in_order: deque[bytes] = deque()

    def __contains__(self, one: bytes | None) -> bool:
        return one in self._marks

    def add(self, one: bytes | None) -> None:
        """Remember a mark; the oldest is forgotten for it."""
        if one is None or one in self._marks:
            return
        self._marks.add(one)
        self._in_order.append(one)
        if len(self._in_order) > self._most:
            self._marks.discard(self._in_order.popleft())

    def recall(self, one: bytes | None) -> None:
        """Remember a mark as the oldest, while there is room."""
        if one is None or one in self._marks or len(self._in_order) >= self._most:
            return
        self._marks.add(one)
        self._in_order.appendleft(one)


def _at(record: Record) -> tuple[Source, list[int]] | None:
    """Where a match came from, and which of that source's alerts it is."""
    source = source_of(record)
    if source is None:
        return None
    version = dict(record.headers).get("skysieve.version", b"").decode(errors="replace")
    return (version, source.stream, source.partition), [source.offset, source.record]


def _noted(newest: Newest, record: Record) -> Newest:
    """The same with a match, where it is its source's newest; the source that was noted last comes last."""
    found = _at(record)
    if found is None:
        return newest
    source, at = found
    others = {one: place for one, place in newest.items() if one != source}
    return {**others, source: max(at, newest.get(source, at))}


def _read(note: str) -> Newest | None:
    """What was noted; None where others have set the group's place."""
    try:
        return {(str(v), str(s), int(p)): [int(o), int(r)] for v, s, p, o, r in json.loads(note)}
    except (ValueError, TypeError):
        return None
