"""``skysieve bench preview``: seconds until a preview is there, the first of a slice and that of a changed cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from skysieve.bench import yardsticks
from skysieve.connections import connect
from skysieve.filter import Filter
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_RUNS, _WARM = 15, 30
_FIRST = "diaSource.snr > {} AND diaSource.reliability > 0.5 AND diaObject.nDiaSources > 3"

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Seconds of previews of a tenth of the packets and of all, beside a fastavro loop over the same packets.

    Each run has a session of its own that knows nothing of the stream; a second preview has one cut changed. All are
    the best of fifteen, by a Spark that has been at work for a while: thirty such runs come before, of which the first
    is told, too. (That one is by a server that nobody has used; a supervisor warms it beforehand.)
    """
    topics = Topics(session.kafka)
    streams = {}
    for size in (max(1, count // 10), count):
        tell(f"writing {size:,} simulated alerts ...")
        streams[size] = make_stream(topics, f"bench-{size}")
        send(simulated("lsst", count=size, seed=1), streams[size], session.kafka)
    tell(f"{_WARM} previews of {min(streams):,} beforehand ...")
    very_first, *_ = [_seconds(session, topics, streams[min(streams)], min(streams)) for _ in range(_WARM)]
    slices = {}
    for size, stream in streams.items():
        tell(f"previews of {size:,} ...")
        runs = [_seconds(session, topics, stream, size) for _ in range(_RUNS)]
        tell("a fastavro loop ...")
        output = make_stream(topics, f"{stream}-matches")
        slices[str(size)] = {
            "fastavro_loop": round(min(_loop(topics, stream, output) for _ in range(_RUNS)), 3),
            "first": round(min(first for first, _ in runs), 3),
            "second": round(min(second for _, second in runs), 3),
        }
        topics.delete(stream, output)
    return {"very_first": round(very_first[0], 3), "seconds": slices}


def _seconds(session: LocalSession, topics: Topics, stream: str, count: int) -> tuple[float, float]:
    sky = Session(topics, connect(session.spark, session.token))
    taken = []
    for limit in (20, 30):
        begun = time.perf_counter()
        found = sky.preview(Filter("bench", _FIRST.format(limit), stream), last=count)
        taken.append(time.perf_counter() - begun)
        assert found.read == count, f"{found.read} of {count} packets were read"
    sky.detach()
    return taken[0], taken[1]


def _loop(topics: Topics, stream: str, output: str) -> float:
    """Seconds in which one Python process decodes and judges the same packets."""

    def passes(alert: Any) -> bool:
        source, known = alert["diaSource"], alert["diaObject"]
        return bool(
            (source["snr"] or 0) > 20
            and (source["reliability"] or 0) > 0.5
            and known
            and known["nDiaSources"] > 3
        )

    begun = time.perf_counter()
    yardsticks.fastavro_rate(topics.bootstrap, stream, topics.end(stream), [passes], output)
    return time.perf_counter() - begun


def report(result: dict[str, Any]) -> str:
    """Write the seconds as a table."""
    lines = [f"{result['cores']} cores; best of {_RUNS} runs", f"{'alerts':>10}{'seconds':>26}{'of loop':>9}"]
    for size, seconds in result["seconds"].items():
        for name, value in seconds.items():
            share = value / seconds["fastavro_loop"]
            lines.append(f"{int(size):10,}  {name.replace('_', ' '):14}{value:10.3f}{share:8.2f}×")
    lines.append(
        f"The very first preview of a Spark that was just started took {result['very_first']:.1f} s."
    )
    return "\n".join(lines)
