"""``skysieve bench decode``: alerts per second from Kafka into columns, of a few of them and of all."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import mean, median
from typing import Any

from skysieve.bench import yardsticks
from skysieve.connections import connect
from skysieve.engine import plan
from skysieve.local import LocalSession
from skysieve.packets.columns import Column
from skysieve.packets.decode import decode
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream import Stream
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_FOUR = {
    "lsst": ("diaSource.snr", "diaSource.reliability", "diaSource.band", "diaObject.nDiaSources"),
    "ztf": ("candidate.magpsf", "candidate.rb", "candidate.fid", "candidate.ndethist"),
}
_PART = {"lsst": "diaSource", "ztf": "candidate"}
_RUNS = 8
_LOOPS = 2
_SAMPLE = 100

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Rates of librdkafka, of Spark's raw read, of decoding a part and all of each packet, and of a fastavro loop.

    Every rate is the best of eight runs over the same topic (the loop's: of two); Spark's are of batch queries that
    write their columns nowhere. They take turns: Java has compiled what they need by the fifth or so, and a stream is
    read for months. The medians of Spark's are told beside, for a machine that is not always as fast.
    """
    sky = Session(Topics(session.kafka), connect(session.spark, session.token))
    results = {}
    for survey, four in _FOUR.items():
        stream = make_stream(sky.topics, f"bench-{survey}")
        tell(f"writing {count:,} simulated alerts of {survey} ...")
        send(simulated(survey, count=count, seed=1), stream, session.kafka)
        results[survey] = _rates(sky, sky.stream(stream), four, _PART[survey], tell)
        sky.topics.delete(stream)
    sky.detach()
    return {"packets": count, "surveys": results}


def _rates(sky: Session, source: Stream, four: tuple[str, ...], part: str, tell: Tell) -> dict[str, Any]:
    columns, end = source.described, sky.topics.end(source.name)
    asked = {
        "spark_raw": None,
        "four_columns": [columns[name] for name in four],
        part: [columns[part]],
        "everything": [c for c in columns if len(c.path) == 1 and not c.sql],
    }
    tell("librdkafka, raw ...")
    raw = max(yardsticks.raw_rate(sky.topics.bootstrap, source.name, end) for _ in range(_RUNS))
    runs: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(_RUNS):
        tell(f"Spark, turn {turn + 1} of {_RUNS} ...")
        for name, wanted in asked.items():
            runs[name].append(_spark(sky, source, wanted))
    tell("a fastavro loop ...")
    loop = max(
        yardsticks.decode_rate(sky.topics.bootstrap, source.name, end, source.format) for _ in range(_LOOPS)
    )
    size = mean(len(r.value or b"") for r in sky.topics.last(source.name, _SAMPLE))
    rates = {"librdkafka_raw": raw, **{name: max(of) for name, of in runs.items()}, "fastavro_loop": loop}
    return {
        "mean_bytes": round(size),
        "rates": {name: round(rate, 1) for name, rate in rates.items()},
        "medians": {name: round(median(of), 1) for name, of in runs.items()},
    }


def _spark(sky: Session, source: Stream, wanted: list[Column] | None) -> float:
    end = sky.topics.end(source.name)
    packets = plan.read_range(sky.spark, sky.topics, source.name, dict.fromkeys(end, 0), end)
    if wanted is None:
        columns = packets.select("value")
    else:
        decoded = decode(packets, source.format, wanted)
        columns = decoded.select("`kafka.problem`", *(f"`{column.name}`" for column in wanted))
    begun = time.perf_counter()
    columns.write.format("noop").mode("overwrite").save()
    return sum(end.values()) / (time.perf_counter() - begun)


def report(result: dict[str, Any]) -> str:
    """Write the rates as a table."""
    lines = []
    for survey, found in result["surveys"].items():
        size, rates, medians = found["mean_bytes"], found["rates"], found["medians"]
        spark, middle, loop = rates["spark_raw"], medians["spark_raw"], rates["fastavro_loop"]
        lines += [
            f"{survey}: {result['packets']:,} packets of {size:,} bytes, {result['cores']} cores; best of {_RUNS} runs",
            f"{'':24}{'alerts/s':>10}{'MB/s':>8}{'of Spark raw':>14}{'of loop':>9}{'median':>10}{'of Spark raw':>14}",
        ]
        for name, rate in rates.items():
            shown = (f"{name.replace('_', ' '):24}{rate:10,.0f}", f"{rate * size / 1e6:8,.0f}")
            usual = f"{medians[name]:10,.0f}{medians[name] / middle:14.2f}" if name in medians else ""
            lines.append(f"{''.join(shown)}{rate / spark:14.2f}{rate / loop:8.1f}×{usual}")
    return "\n".join(lines)
