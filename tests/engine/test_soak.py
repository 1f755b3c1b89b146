"""Fifty filters at LSST's mean rate: memory and lag stay. By hand, since it takes that long.

``pytest -m slow tests/engine/test_soak.py -s`` takes ten minutes, with ``--soak 3600`` an hour. Kafka keeps the last
few minutes of the stream, and all matches: some 50 GB of disk for an hour.

What is left in Spark's heap when all garbage was collected is told beside what it holds: Java takes more and more of
the heap that it may have, as long as collecting takes it more than its aim (``-XX:GCTimeRatio``): growth, but no leak.
"""

import re
import subprocess
import threading
import time
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median

import psutil
import pytest
from skysieve.bench import filters
from skysieve.local import java
from skysieve.sources import send
from skysieve.sources.surveys import simulated

RATE, FILTERS, SAMPLES = 333, 50, 60
KEPT = {"retention.bytes": str(2**30), "segment.bytes": str(2**28)}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6000)]


@dataclass(frozen=True)
class Load:
    """Megabytes that each process holds, and alerts that wait to be judged."""

    spark: float
    kafka: float
    supervisor: float
    lag: float


# What may be added from the second third to the last: noise of Java's collectors, and a few seconds of alerts.
MARGIN = Load(spark=200, kafka=150, supervisor=10, lag=5 * RATE)
HEAP = 50
"""Megabytes by which what is left in Spark's heap may grow."""


def test_memory_and_lag_stay_at_lssts_rate(sky, running, name, deployed, topics, request):
    seconds = request.config.getoption("--soak")
    stream = f"{name}-alerts"
    topics.create({stream: 4}, KEPT)
    send(simulated("lsst", count=20, seed=2), stream, topics.bootstrap)
    for spec in filters.as_filters(filters.thresholds(FILTERS), stream, name):
        deployed.append(sky.deploy(spec, compare=False))
    for one in deployed:
        one.wait("running", timeout=120)
    packets = simulated("lsst", count=round(RATE * seconds), seed=83)
    feeding = threading.Thread(target=send, args=(packets, stream, topics.bootstrap), kwargs={"rate": RATE})
    feeding.start()
    begun, found, left = time.monotonic(), [], []
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, begun + seconds * number / SAMPLES - time.monotonic()))
        held = {part: psutil.Process(pid).memory_info().rss / 2**20 for part, pid in running.pids.items()}
        found.append(Load(**held, lag=deployed[0].status().bank.lag))
        print(f"{time.monotonic() - begun:6.0f} s  {_told(found[-1])}", flush=True)
        if number % (SAMPLES // 3) == 0:
            left.append(left_in_heap(running.pids["spark"]))
            print(f"in Spark's heap are left {left[-1]:,.0f} MB", flush=True)
    feeding.join()
    middle, last = (_middle(found[SAMPLES * third // 3 : SAMPLES * (third + 1) // 3]) for third in (1, 2))
    print(
        f"{sum(one.matches() for one in deployed):,} matches; second third {_told(middle)}; last {_told(last)}"
    )
    topics.delete(stream)  # gigabytes
    assert left[2] - left[1] < HEAP
    grown = Load(*(b - a for a, b in zip(astuple(middle), astuple(last), strict=True)))
    assert all(more <= most for more, most in zip(astuple(grown), astuple(MARGIN), strict=True)), grown
    assert last.lag < 60 * RATE, "alerts are judged within a minute"


def left_in_heap(pid):
    """Megabytes of a heap's old generation, where all is that is in use when all garbage was just collected."""
    jcmd = Path(java.find().path).with_name("jcmd")
    subprocess.run([jcmd, str(pid), "GC.run"], check=True, capture_output=True)
    told = subprocess.run([jcmd, str(pid), "GC.heap_info"], check=True, capture_output=True, text=True).stdout
    (old,) = re.findall(r"ParOldGen +total \d+K, used (\d+)K", told)
    return int(old) / 1024


def _middle(found):
    return Load(*map(median, zip(*map(astuple, found), strict=True)))


def _told(one):
    held = f"Spark {one.spark:,.0f} MB, Kafka {one.kafka:,.0f}, supervisor {one.supervisor:,.0f}"
    return f"{held}; lag {one.lag:,.0f} alerts"
