"""Which of Kafka's topics are streams, what they may be called, and how one is made."""

from __future__ import annotations

import re
from collections.abc import Iterable

from skysieve.brokers import check_twin
from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS
from skysieve.errors import StreamError
from skysieve.filter import OUTPUT_PREFIX
from skysieve.topics import Offsets, Topics

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,240}")


def rejected_topic(stream: str) -> str:
    """The dead-letter topic of a stream."""
    return f"{stream}.rejected"


def streams(topics: Iterable[str]) -> list[str]:
    """Those topics that are streams: not Kafka's own, not Skysieve's, no outputs and no rejected packets."""
    names = sorted(topics)
    own = {REGISTRY, STATUS}
    rejected = {rejected_topic(name) for name in names}
    return [n for n in names if not (n in own or n in rejected or n.startswith(("__", OUTPUT_PREFIX)))]


def make_stream(topics: Topics, name: str, partitions: int = 4) -> str:
    """Make the topic of a stream where it does not exist, and give its name back.

    Raises
    ------
    StreamError
        If Kafka allows no topic of that name, or Skysieve uses it for something else.
    """
    if not _TOPIC.fullmatch(name) or name in (".", ".."):
        raise StreamError(
            f"{name!r} is no legal stream name: use letters, digits, '.', '_' and '-', at most 240."
        )
    alike = name.replace("_", ".")  # Kafka sees no difference, so a topic could not be made beside its twin
    if name in (REGISTRY, STATUS) or alike.startswith(("..", OUTPUT_PREFIX)) or alike.endswith(".rejected"):
        raise StreamError(f"{name!r} is a name that Skysieve or Kafka uses for something else; take another.")
    check_twin(name, topics.names())
    topics.create({name: partitions})
    return name


def newest(begin: Offsets, end: Offsets, count: int) -> Offsets:
    """Where to begin so that ``count`` packets follow, shared evenly; what a short partition lacks the others give.

    >>> newest({0: 0, 1: 0}, {0: 100, 1: 2}, 10)
    {0: 92, 1: 0}
    """
    left, start = count, {}
    by_size = sorted(end, key=lambda p: end[p] - begin[p])
    for done, partition in enumerate(by_size):
        share = -(-left // (len(by_size) - done)) if done < len(by_size) - 1 else left
        share = min(share, end[partition] - begin[partition])
        start[partition] = end[partition] - share
        left -= share
    return dict(sorted(start.items()))
