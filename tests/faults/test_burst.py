"""A visit's alerts, ten thousand at once, while a process is killed: how long after its arrival is each match out.

``pytest -m slow tests/faults/test_burst.py -s`` prints a row for each process; the aim is a minute.
"""

import threading
import time

import numpy as np
import offline
import pytest
from events import until
from skysieve import Filter, Guard
from skysieve.sources import send
from skysieve.sources.surveys import simulated

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PACKETS, DIFFERENT = 10_000, 1000
LIMITS = (6, 10, 20, 40)
PLACE = ("partition", "offset", "timestamp")


@pytest.fixture(scope="module")
def some():
    return list(simulated("lsst", count=DIFFERENT, seed=6))


@pytest.fixture(scope="module")
def deployed(hurt):
    specs = [Filter(f"snr-{limit}", f"diaSource.snr > {limit}", hurt.stream) for limit in LIMITS]
    for spec in specs:
        hurt.session.deploy(spec, guard=Guard(share=1))
    for spec in specs:
        hurt.session.deployment(spec.name).wait("running")
    return hurt


@pytest.mark.parametrize("part", ["nothing", "kafka", "spark", "supervisor"])
def test_every_match_of_a_burst_is_out(deployed, some, part, capsys):
    hurt, topics = deployed, deployed.topics
    outputs = [f"filter.snr-{limit}" for limit in LIMITS]
    begin, before = topics.end(hurt.stream), {name: topics.end(name) for name in outputs}
    snr = {p.value: offline.at(offline.alert(p.value), "diaSource.snr") for p in some}
    sending = threading.Thread(
        target=send, args=(some * (PACKETS // DIFFERENT), hurt.stream, topics.bootstrap)
    )
    sending.start()
    time.sleep(1)
    if part != "nothing":
        hurt.kill(part)
    sending.join()
    places = {
        (r.partition, r.offset): snr[r.value]
        for r in topics.read(hurt.stream, begin, topics.end(hurt.stream))
    }
    assert len(places) >= PACKETS
    waited = []

    def is_whole():
        waited.clear()
        for limit, name in zip(LIMITS, outputs, strict=True):
            wanted = {place for place, value in places.items() if value is not None and value > limit}
            for record in topics.read(name, before[name], topics.end(name)):
                headers = dict(record.headers)
                partition, offset, arrived = (int(headers[f"skysieve.source.{what}"]) for what in PLACE)
                if (partition, offset) in wanted:
                    wanted.remove((partition, offset))
                    waited.append(record.timestamp.timestamp() - arrived / 1000)
            if wanted:
                return False
        return True

    until(is_whole, patience=300)
    with capsys.disabled():
        middle, last = np.quantile(waited, [0.5, 1])
        print(
            f" {part} is killed: {len(waited):,} matches of {len(places):,} alerts out, half of them within "
            f"{middle:.1f} s of their alert's arrival, all within {last:.1f} s",
            end="",
        )
