"""``skysieve bench bank``: alerts per second of the bank with more and more filters."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import mean, median
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
_FLOODS = (100, 300)
_LOOPS = (1, 100, 300)
_RUNS, _LOOP_RUNS = 8, 2
_SAMPLE = 100
_NAMES = {"bank": "{} filters", "flooding": "{} filters that flood"}

Tell = Callable[[str], None]


def measure(session: LocalSession, count: int, tell: Tell) -> dict[str, Any]:
    """Rates of the bank, of a librdkafka consumer and of a fastavro loop on the same topic.

    The bank is the query that a deployment runs; its time is from the start of the query to its last match in Kafka.
    Its filters pass about as many alerts as their readers can look through; those that flood them pass ten times as
    many, so that the writing counts. What librdkafka alone needs to write as many packets of that size to the same
    topics is told, too: no bank on this machine can be much faster than reading and that.

    The best of eight runs counts (of the loop, of two), after one that warms Java up and makes the topics: the first
    record of a partition costs Kafka some milliseconds, once. The banks take turns, so that none is by a warmer Java
    than others; their medians are told beside, for a machine that is not always as fast.

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
    asked = {("bank", size): filters.in_fields(filters.thresholds(size)) for size in _SIZES}
    asked |= {("flooding", size): filters.thresholds(size) for size in _FLOODS}
    tell("the bank, to warm up ...")
    _bank(sky, stream, filters.thresholds(max(_SIZES)))
    spark = psutil.Process(session.pids["spark"])
    rates: dict[tuple[str, int], list[float]] = {case: [] for case in asked}
    cpu, writing = dict.fromkeys(asked, 0.0), {}
    matches: dict[tuple[str, int], dict[str, int]] = {}
    for _ in range(_RUNS):
        for case, wanted in asked.items():
            tell(f"the bank with {_NAMES[case[0]].format(case[1])} ...")
            before = _cpu(spark)
            rate, matches[case] = _bank(sky, stream, wanted)
            rates[case].append(rate)
            cpu[case] += 1e6 * (_cpu(spark) - before) / _RUNS / count
    for case, found in matches.items():
        tell(f"the matches of {_NAMES[case[0]].format(case[1])}, written by librdkafka alone ...")
        size = round(mean_size)
        writing[case] = min(yardsticks.write_seconds(session.kafka, found, size) for _ in range(_RUNS))
    loops = {}
    output = make_stream(sky.topics, "bench-loop")
    for size in _LOOPS:
        tell(f"a fastavro loop with {size} filters ...")
        functions = filters.as_functions(asked["bank", size])
        runs = [
            yardsticks.fastavro_rate(session.kafka, stream, end, functions, output) for _ in range(_LOOP_RUNS)
        ]
        loops["fastavro_loop", size] = max(rate for rate, _ in runs)
        if runs[-1][1] != [*matches["bank", size].values()]:
            raise SkysieveError(
                f"The bank and the loop do not agree on {size} filters: {matches['bank', size]} {runs[-1][1]}"
            )
    sky.detach()
    return {
        "packets": count,
        "mean_bytes": round(mean_size),
        **_by_kind({case: max(runs) for case, runs in rates.items()}, 1),
        "medians": _by_kind({case: median(runs) for case, runs in rates.items()}, 1),
        **_by_kind(loops, 1),
        "librdkafka_raw": round(raw, 1),
        "writing_alone": _by_kind(writing, 3),
        "cpu_us_per_alert": _by_kind(cpu, 1),
        "spark_peak_mb": round(_peak_mb(spark.pid)),
        "matches": _by_kind({case: sum(found.values()) for case, found in matches.items()}),
    }


def _by_kind(
    values: Mapping[tuple[str, int], float], digits: int | None = None
) -> dict[str, dict[str, float]]:
    """By kind of filters, and then by their number."""
    found: dict[str, dict[str, float]] = {}
    for (kind, size), value in values.items():
        found.setdefault(kind, {})[str(size)] = round(value, digits)
    return found


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


def _bank(
    sky: Session, stream: str, thresholds: Sequence[filters.Thresholds]
) -> tuple[float, dict[str, int]]:
    """Its rate, and the number of matches in each output topic."""
    source = sky.stream(stream)
    wanted = filters.as_filters(thresholds, stream, "bench")
    topics = [one.output_topic for one in wanted]
    before = sky.topics.totals(topics)
    rate = timed(sky, source, [one.bind(source.filterable) for one in wanted], str(len(wanted)))
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
        f"{result['cores']} cores; alerts per second, the best of {_RUNS} runs (the loop's: of {_LOOP_RUNS})",
        f"{'':28}{'alerts/s':>10}{'of raw':>9}{'of one':>9}{'of loop':>9}{'median':>10}{'of one':>9}",
        f"{'librdkafka, raw read':28}{raw:10,.0f}{1:9.2f}",
    ]
    bank, loop, medians = result["bank"], result["fastavro_loop"], result["medians"]
    middle = medians["bank"]["1"]
    for kind, name, one, loops in (
        ("bank", f"bank, {_NAMES['bank']}", bank["1"], loop),
        ("flooding", _NAMES["flooding"], bank["1"], {}),
        ("fastavro_loop", "fastavro loop, {} filters", loop["1"], {}),
    ):
        for n, rate in result[kind].items():
            times = f"{rate / loops[n]:8.1f}×" if n in loops else f"{'':9}"
            usual = f"{medians[kind][n]:10,.0f}{medians[kind][n] / middle:9.2f}" if kind in medians else ""
            row = f"{name.format(n):28}{rate:10,.0f}{rate / raw:9.2f}{rate / one:9.2f}{times}{usual}"
            lines.append(row.rstrip())
    cpu = result["cpu_us_per_alert"]["bank"]
    sizes = sorted(map(int, cpu))
    further = (cpu[str(sizes[-1])] - cpu[str(sizes[0])]) / (sizes[-1] - sizes[0])
    lines.append(
        "processor time of Spark per alert: "
        + ", ".join(f"{cpu[str(n)]:.0f} µs with {n}" for n in sizes)
        + f" filters; {1000 * further:.0f} ns for each further one"
    )
    fastest = result["packets"] / bank["1"]
    for kind, alone in result["writing_alone"].items():
        for n, seconds in alone.items():
            share, name = result["matches"][kind][n] / result["packets"], _NAMES[kind].format(n)
            lines.append(
                f"{name} write {share:.1%} of the packets, for which librdkafka alone needs {seconds:.2f} s: "
                f"about {fastest / (fastest + seconds):.2f} of one can be reached"
            )
    lines.append(f"most memory that Spark held: {result['spark_peak_mb']:,} MB")
    return "\n".join(lines)
