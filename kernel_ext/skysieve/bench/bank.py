"""``skysieve bench bank``: alerts per second of the bank with more and more filters."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import mean
from typing import Any

import psutil

from skysieve.bench import filters, yardsticks
from skysieve.connections import connect
from skysieve.engine.bank import Bank
from skysieve.errors import SkysieveError
from skysieve.filter import BoundFilter
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream import Stream
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_SIZES = (1, 10, 100, 300)
_SILENT = (1, 100, 300)
_NEVER = " AND diaSource.ra < -1"
"""A cut that no alert passes: what judging costs, without what is written."""
_LOOPS = (1, 100, 300)
_RUNS = 2
_SAMPLE = 100

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Rates of the bank, of a librdkafka consumer and of a fastavro loop on the same topic.

    The bank is the query that a deployment runs; its time is from the start of the query to its last match in Kafka.
    The better of two runs counts, for all alike, after one that warms Java up and makes the topics: the first record of
    a partition costs Kafka some milliseconds, once. The numbers of filters take turns, so that none is by a warmer Java
    than the others. There are no more runs, because they write some 10 GB, and on a virtual machine further memory for
    files can be ten times slower. What librdkafka alone needs to write as many packets of that size to the same topics
    is told, too: no bank on this machine can be much faster than reading and that.

    Raises
    ------
    SkysieveError
        If the bank and the loop do not find the same number of matches for each filter.
    """
    sky = Session(Topics(session.kafka), connect(session.spark, session.token))
    stream = make_stream(sky.topics, "bench-alerts")
    tell(f"writing {count:,} simulated alerts ...")
    send(simulated("lsst", count=count, seed=1), stream, session.kafka)
    mean_size = mean(len(r.value or b"") for r in sky.topics.last(stream, _SAMPLE))
    end = sky.topics.end(stream)

    tell("librdkafka, raw ...")
    raw = max(yardsticks.raw_rate(session.kafka, stream, end) for _ in range(_RUNS))
    tell("the bank, to warm up ...")
    _bank(sky, stream, _SIZES[-1])
    spark = psutil.Process(session.pids["spark"])
    rates, silent, matches = dict.fromkeys(_SIZES, 0.0), dict.fromkeys(_SILENT, 0.0), {}
    cpu, writing = dict.fromkeys(_SIZES, 0.0), {}
    for _ in range(_RUNS):
        for size in _SIZES:
            tell(f"the bank with {size} filters ...")
            before = _cpu(spark)
            rate, matches[size] = _bank(sky, stream, size)
            rates[size] = max(rates[size], rate)
            cpu[size] += (_cpu(spark) - before) / _RUNS
        for size in _SILENT:
            tell(f"the bank with {size} filters that nothing passes ...")
            silent[size] = max(silent[size], _bank(sky, stream, size, _NEVER)[0])
    for size in _SIZES:
        tell(f"the matches of {size} filters, written by librdkafka alone ...")
        writing[size] = yardsticks.write_seconds(session.kafka, matches[size], round(mean_size))
    loops = {}
    output = make_stream(sky.topics, "bench-loop")
    for size in _LOOPS:
        tell(f"a fastavro loop with {size} filters ...")
        functions = filters.as_functions(filters.thresholds(size))
        runs = [yardsticks.fastavro_rate(session.kafka, stream, end, functions, output) for _ in range(_RUNS)]
        loops[size] = max(rate for rate, _ in runs)
        found = list(matches[size].values())
        if runs[-1][1] != found:
            raise SkysieveError(
                f"The bank and the loop do not agree on {size} filters: {found} {runs[-1][1]}"
            )
    sky.detach()
    return {
        "packets": count,
        "mean_bytes": round(mean_size),
        "bank": {str(n): round(rate, 1) for n, rate in rates.items()},
        "silent": {str(n): round(rate, 1) for n, rate in silent.items()},
        "fastavro_loop": {str(n): round(rate, 1) for n, rate in loops.items()},
        "librdkafka_raw": round(raw, 1),
        "writing_alone": {str(n): round(seconds, 3) for n, seconds in writing.items()},
        "cpu_us_per_alert": {str(n): round(1e6 * seconds / count, 1) for n, seconds in cpu.items()},
        "spark_peak_mb": round(_peak_mb(spark.pid)),
        "matches": {str(n): sum(found.values()) for n, found in matches.items()},
    }


def _cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _peak_mb(pid: int) -> float:
    """Most memory that a process has held so far; what it holds now where the system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def _bank(sky: Session, stream: str, size: int, more: str = "") -> tuple[float, dict[str, int]]:
    """Its rate, and the number of matches in each output topic."""
    source = sky.stream(stream)
    wanted = filters.as_filters(filters.thresholds(size), stream, "bench", more)
    topics = [one.output_topic for one in wanted]
    before = sky.topics.totals(topics)
    rate = timed(sky, source, [one.bind(source.filterable) for one in wanted], f"{size}{more}")
    after = sky.topics.totals(topics)
    return rate, {topic: after[topic] - before.get(topic, 0) for topic in topics}


def timed(sky: Session, source: Stream, bound: Sequence[BoundFilter], label: str) -> float:
    """Alerts per second of a bank with these filters, from its start to its last match in Kafka."""
    end = sky.topics.end(source.name)
    with tempfile.TemporaryDirectory(prefix="skysieve-bench-") as folder:
        bank = Bank(sky.spark, sky.topics, source.name, folder)
        bank.prepare([one.filter for one in bound])
        begun = time.perf_counter()
        query = bank.start(label, bound, source.format, dict.fromkeys(end, 0))
        query.processAllAvailable()
        seconds = time.perf_counter() - begun
        query.stop()
    return sum(end.values()) / seconds


def report(result: dict[str, Any]) -> str:
    """Write the rates as a table."""
    raw = result["librdkafka_raw"]
    lines = [
        f"{result['packets']:,} packets of {result['mean_bytes']:,} bytes, "
        f"{result['cores']} cores; alerts per second, the better of {_RUNS} runs",
        f"{'':28}{'alerts/s':>10}{'of raw':>9}{'of one':>9}{'of loop':>9}",
        f"{'librdkafka, raw read':28}{raw:10,.0f}{1:9.2f}",
    ]
    for name, rates, loops in (
        ("bank, {} filters", result["bank"], result["fastavro_loop"]),
        ("{} that nothing passes", result["silent"], {}),
        ("fastavro loop, {} filters", result["fastavro_loop"], {}),
    ):
        one = rates[min(rates, key=int)]
        for n, rate in rates.items():
            times = f"{rate / loops[n]:8.1f}×" if n in loops else ""
            lines.append(f"{name.format(n):28}{rate:10,.0f}{rate / raw:9.2f}{rate / one:9.2f}{times}")
    cpu = result["cpu_us_per_alert"]
    sizes = sorted(map(int, cpu))
    further = (cpu[str(sizes[-1])] - cpu[str(sizes[0])]) / (sizes[-1] - sizes[0])
    lines.append(
        "processor time of Spark per alert: "
        + ", ".join(f"{cpu[str(n)]:.0f} µs with {n}" for n in sizes)
        + f" filters; {1000 * further:.0f} ns for each further one"
    )
    written = ", ".join(f"{n / result['packets']:.0%} with {size}" for size, n in result["matches"].items())
    lines.append(f"matches written, of the packets read: {written} filters")
    one = result["packets"] / result["bank"][str(sizes[0])]
    for n, alone in result["writing_alone"].items():
        taken = result["packets"] / result["bank"][n]
        lines.append(
            f"{n} filters took {taken:.2f} s; librdkafka alone writes their matches in {alone:.2f} s, "
            f"so that about {one / (one + alone):.2f} of one can be reached"
        )
    lines.append(f"most memory that Spark held: {result['spark_peak_mb']:,} MB")
    return "\n".join(lines)
