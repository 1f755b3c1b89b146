"""Processes are killed, stopped and starved while alerts flow: no match is lost, and what comes twice is known as such.

A session of its own, twenty filters, one of them in Python. After each fault everything that a plain fastavro loop over
the stream finds must be in the output topics. The table of faults is printed at the end.
"""

import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

import offline
import psutil
import pytest
from skysieve import Filter, Guard, local
from skysieve.connections import connect
from skysieve.home import Home
from skysieve.session import Session
from skysieve.sources import send, simulate
from skysieve.stream import make_stream
from skysieve.topics import Topics

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
STREAM, RATE, SECONDS = "faults-alerts", 100, 9
MEANS = {
    f"snr-{limit}": (
        f"diaSource.snr > {limit}",
        lambda a, limit=limit: offline.above(a, "diaSource.snr", limit),
    )
    for limit in (6, 8, 10, 12, 15, 20, 30, 40, 60, 80)
} | {
    f"south-{limit}": (
        f"diaSource.dec > {-limit}",
        lambda a, limit=limit: offline.above(a, "diaSource.dec", -limit),
    )
    for limit in (5, 10, 20, 30, 40, 50, 60, 70, 80)
}


def in_python(snr):
    return snr > 25


@dataclass
class Sky:
    """The session that is hurt."""

    home: Home
    session: Session
    means: dict

    @property
    def topics(self):
        return self.session.topics

    def pid(self, part):
        return local.pids(self.home)[part]

    def truth(self):
        """What each filter must have selected: places in the stream."""
        begin, end = self.topics.begin(STREAM), self.topics.end(STREAM)
        alerts = {
            (r.partition, r.offset): offline.alert(r.value) for r in self.topics.read(STREAM, begin, end)
        }
        return {
            name: {place for place, alert in alerts.items() if means(alert)}
            for name, means in self.means.items()
        }

    def found(self):
        """What each filter has delivered: how often each place of the stream."""
        return {name: Counter(self._places(f"filter.{name}")) for name in self.means}

    def _places(self, topic):
        for record in self.topics.read(topic, self.topics.begin(topic), self.topics.end(topic)):
            headers = dict(record.headers)
            yield tuple(int(headers[f"skysieve.source.{part}"]) for part in ("partition", "offset"))


@pytest.fixture(scope="module")
def hurt(tmp_path_factory):
    home = replace(Home.at(tmp_path_factory.mktemp("hurt")), cache=Home.default().cache)
    started = local.up(home)
    session = Session(Topics(started.kafka), connect(started.spark, started.token))
    make_stream(session.topics, STREAM)
    send([a.packet for a in simulate(20, seed=1, pool=20)], STREAM, started.kafka)
    specs = [Filter(name, where, STREAM) for name, (where, _) in MEANS.items()]
    specs.append(Filter.from_function(in_python, STREAM, "in-python"))
    means = {name: means for name, (_, means) in MEANS.items()}
    means["in-python"] = lambda a: offline.above(a, "diaSource.snr", 25)
    for spec in specs:
        session.deploy(spec, start="earliest", guard=Guard(share=1))
    for spec in specs:
        session.deployment(spec.name).wait("running")
    session.detach()
    yield Sky(home, session, means)
    local.down(home)


@pytest.fixture(scope="module")
def table(hurt):
    rows = []
    yield rows
    print("\n| fault | lost | duplicated | seconds to recover |\n| --- | --- | --- | --- |")
    for fault, lost, twice, seconds in rows:
        print(f"| {fault} | {lost} | {twice} | {seconds:.1f} |")


def kill(hurt, part):
    process = psutil.Process(hurt.pid(part))
    process.kill()
    psutil.wait_procs([process], timeout=10)
    local.up(hurt.home)  # as systemd would


def kill_workers(hurt):
    workers = [p for p in psutil.Process(hurt.pid("spark")).children(recursive=True) if "python" in p.name()]
    for one in workers:
        one.kill()
    assert workers


def stop_for_a_while(hurt, part, seconds=20):
    process = psutil.Process(hurt.pid(part))
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)


FAULTS = {
    "kill Kafka": lambda hurt: kill(hurt, "kafka"),
    "kill Spark": lambda hurt: kill(hurt, "spark"),
    "kill the supervisor": lambda hurt: kill(hurt, "supervisor"),
    "kill Python workers": kill_workers,
    "stop Kafka for 20 s": lambda hurt: stop_for_a_while(hurt, "kafka"),
    "stop Spark for 20 s": lambda hurt: stop_for_a_while(hurt, "spark"),
    "stop the supervisor for 20 s": lambda hurt: stop_for_a_while(hurt, "supervisor"),
}
ORDER = random.Random(20261126).sample(list(FAULTS), len(FAULTS))


@pytest.mark.parametrize(
    ("number", "fault"), list(enumerate([*FAULTS, *ORDER])), ids=lambda value: str(value).replace(" ", "-")
)
def test_no_match_is_lost(hurt, table, number, fault, capsys):
    before = hurt.found()
    packets = [a.packet for a in simulate(RATE * SECONDS, seed=100 + number, pool=20)]
    flow = threading.Thread(target=send, args=(packets, STREAM, hurt.topics.bootstrap), kwargs={"rate": RATE})
    flow.start()
    time.sleep(SECONDS / 3)
    FAULTS[fault](hurt)
    over = time.monotonic()
    flow.join()
    truth, end = hurt.truth(), time.monotonic() + 180
    sizes = {f"filter.{name}": len(places) for name, places in truth.items()}
    while time.monotonic() < end:
        totals = hurt.topics.totals(sizes)
        if all(totals[topic] >= size for topic, size in sizes.items()):
            found = hurt.found()
            if all(places <= found[name].keys() for name, places in truth.items()):
                break
        time.sleep(0.3)
    seconds = time.monotonic() - over
    found = hurt.found()
    lost = sum(len(truth[name] - found[name].keys()) for name in truth)
    wrong = sum(len(found[name].keys() - truth[name]) for name in truth)
    twice = sum(n - 1 for counts in found.values() for n in counts.values())
    twice -= sum(n - 1 for counts in before.values() for n in counts.values())
    table.append((fault, lost, twice, seconds))
    with capsys.disabled():
        print(f" {fault}: {lost} lost, {twice} twice, whole after {seconds:.1f} s", end="")
    assert (lost, wrong) == (0, 0)
