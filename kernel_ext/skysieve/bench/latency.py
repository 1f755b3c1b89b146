"""``skysieve bench latency``: from a packet's arrival in Kafka to its match in a reader's hand."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from skysieve.bench import filters
from skysieve.connections import connect
from skysieve.engine.bank import Bank
from skysieve.environment import PROGRESS, is_exact
from skysieve.errors import SkysieveError
from skysieve.filter import Filter
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_RATE = 333.0
"""Alerts per second, LSST's mean."""
_FILTERS = 50
_WARM = 40.0
"""Seconds at the beginning that do not count: Java compiles what it runs often."""
_QUIET = 5.0
"""Seconds without a match after which no more are waited for."""

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Seconds from packet to match at LSST's mean rate, by how the session's banks note their progress.

    A reader subscribes to all output topics and looks at its clock when a match comes; the packet's own time is that
    which its sender gave it.
    """
    sky = Session(Topics(session.kafka), connect(session.spark, session.token))
    kind = PROGRESS[not is_exact()]
    tell(f"{count:,} alerts at {_RATE:g}/s, {_FILTERS} filters, {kind} progress ...")
    found = _latencies(sky, count, kind)
    sky.detach()
    return {"packets": count, "rate": _RATE, "filters": _FILTERS, kind: found}


def _latencies(sky: Session, count: int, kind: str) -> dict[str, float]:
    stream = make_stream(sky.topics, f"bench-{kind}")
    send(simulated("lsst", count=20, seed=2), stream, sky.topics.bootstrap)  # which tell the format
    source = sky.stream(stream)
    wanted = filters.as_filters(filters.thresholds(_FILTERS), stream, kind)
    with tempfile.TemporaryDirectory(prefix="skysieve-bench-") as folder:
        bank = Bank(sky.spark, sky.topics, stream, folder)
        bank.prepare(wanted)
        bound = [one.bind(source.filterable) for one in wanted]
        query = bank.start("latency", bound, source.format, sky.topics.end(stream), exact=kind == "exact")
        reader = _Reader(sky.topics, wanted)
        reader.start()
        begun = time.time()
        send(simulated("lsst", count=count, seed=1), stream, sky.topics.bootstrap, rate=_RATE)
        reader.finish()
        query.stop()
    taken = [late for sent, late in reader.seen if sent > begun + min(_WARM, count / _RATE / 3)]
    if len(taken) < 2:
        raise SkysieveError(f"{len(taken)} matches are too few to tell a latency: ask for more packets.")
    cuts = quantiles(taken, n=100, method="inclusive")
    return {
        "matches": len(taken),
        "median": round(cuts[49], 4),
        "p99": round(cuts[98], 4),
        "most": round(max(taken), 4),
    }


class _Reader(threading.Thread):
    """Reads the matches of some filters, and notes when each packet was sent and how many seconds later it came."""

    def __init__(self, topics: Topics, wanted: list[Filter]) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, float]] = []
        self._done = threading.Event()
        settings = {"bootstrap.servers": topics.bootstrap, "group.id": "bench", "fetch.wait.max.ms": 10}
        self._consumer = Consumer({**settings, "enable.auto.commit": False})
        sizes = topics.sizes([one.output_topic for one in wanted])
        self._consumer.assign(
            [TopicPartition(t, p, OFFSET_BEGINNING) for t, size in sizes.items() for p in range(size)]
        )

    def run(self) -> None:
        """Read until told to finish, and no match has come for a while."""
        quiet = time.monotonic()
        while not self._done.is_set() or time.monotonic() - quiet < _QUIET:
            record = self._consumer.poll(0.1)
            if record is None or record.error():
                continue
            at, quiet = time.time(), time.monotonic()
            headers: Any = record.headers()
            sent = int(dict(headers)["skysieve.source.timestamp"]) / 1000
            self.seen.append((sent, at - sent))

    def finish(self) -> None:
        """Wait for the last matches."""
        self._done.set()
        self.join()
        self._consumer.close()


def report(result: dict[str, Any]) -> str:
    """Write the latencies as a table."""
    lines = [
        f"{result['packets']:,} packets at {result['rate']:g}/s, {result['filters']} filters, {result['cores']} cores; "
        "seconds from packet to match",
        f"{'progress':14}{'matches':>9}{'median':>9}{'99 %':>9}{'most':>9}",
    ]
    for kind, seen in ((kind, result[kind]) for kind in PROGRESS if kind in result):
        lines.append(
            f"{kind:14}{seen['matches']:9,}{seen['median']:9.3f}{seen['p99']:9.3f}{seen['most']:9.3f}"
        )
    return "\n".join(lines)
