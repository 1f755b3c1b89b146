"""Processes are killed, stopped and starved while alerts flow: no match is lost, and what comes twice is known as such.

A session of its own, twenty filters, one of them in Python. After each fault everything that a plain fastavro loop over
the stream finds must be in the output topics. The table of faults is printed at the end.
"""

import random
import threading
import time

import offline
import pytest
from conftest import small
from skysieve import Filter, Guard
from skysieve.sources import send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
RATE, SECONDS = 100, 9
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


@pytest.fixture(scope="module")
def deployed(hurt):
    specs = [Filter(name, where, hurt.stream) for name, (where, _) in MEANS.items()]
    specs.append(Filter.from_function(in_python, hurt.stream, "in-python"))
    hurt.means |= {name: means for name, (_, means) in MEANS.items()}
    hurt.means["in-python"] = lambda a: offline.above(a, "diaSource.snr", 25)
    for spec in specs:
        hurt.session.deploy(spec, start="earliest", guard=Guard(share=1))
    for spec in specs:
        hurt.session.deployment(spec.name).wait("running")
    return hurt


@pytest.fixture(scope="module")
def table(hurt):
    rows = []
    yield rows
    print("\n| fault | lost | duplicated | seconds to recover |\n| --- | --- | --- | --- |")
    for fault, lost, twice, seconds in rows:
        print(f"| {fault} | {lost} | {twice} | {seconds:.1f} |")


FAULTS = {
    "kill Kafka": lambda hurt: hurt.kill("kafka"),
    "kill Spark": lambda hurt: hurt.kill("spark"),
    "kill the supervisor": lambda hurt: hurt.kill("supervisor"),
    "kill Python workers": lambda hurt: hurt.kill_workers(),
    "stop Kafka for 20 s": lambda hurt: hurt.stop_for_a_while("kafka"),
    "stop Spark for 20 s": lambda hurt: hurt.stop_for_a_while("spark"),
    "stop the supervisor for 20 s": lambda hurt: hurt.stop_for_a_while("supervisor"),
    "fill the disk of the checkpoints for 15 s": lambda hurt: hurt.fill_disk(),
    "send what is no alert": lambda hurt: hurt.poison(),
    "kill the deploying kernel": lambda hurt: hurt.kill_kernel(),
    "put the supervisor's clock back by an hour and forward again": lambda hurt: hurt.step_clock(),
}
ORDER = random.Random(20261126).sample(list(FAULTS), len(FAULTS))


@pytest.mark.parametrize(
    ("number", "fault"), list(enumerate([*FAULTS, *ORDER])), ids=lambda value: str(value).replace(" ", "-")
)
def test_no_match_is_lost(deployed, table, number, fault, capsys):
    hurt = deployed
    if fault.startswith("fill") and not hurt.has_disk:
        pytest.skip("only root can give the checkpoints a disk of their own")
    if "clock" in fault and not hurt.faketime:
        pytest.skip("the supervisor's clock is stepped with libfaketime, which does nothing here")
    before = hurt.found()
    packets = small(RATE * SECONDS, 100 + number)
    flow = threading.Thread(
        target=send, args=(packets, hurt.stream, hurt.topics.bootstrap), kwargs={"rate": RATE}
    )
    flow.start()
    time.sleep(SECONDS / 3)
    FAULTS[fault](hurt)
    over = time.time()
    flow.join()
    truth, end = hurt.truth(), time.monotonic() + 180
    sizes = {f"filter.{name}": len(places) for name, places in truth.items()}
    while time.monotonic() < end:
        totals = hurt.topics.totals(sizes)
        if all(totals.get(topic, 0) >= size for topic, size in sizes.items()):
            found = hurt.found()
            if all(places <= found[name].keys() for name, places in truth.items()):
                break
        time.sleep(0.3)
    seconds = max(0.0, hurt.whole_at() - over)
    found = hurt.found()
    lost = sum(len(truth[name] - found[name].keys()) for name in truth)
    wrong = sum(len(found[name].keys() - truth[name]) for name in truth)
    twice = sum(n - 1 for counts in found.values() for n in counts.values())
    twice -= sum(n - 1 for counts in before.values() for n in counts.values())
    table.append((fault, lost, twice, seconds))
    with capsys.disabled():
        print(f" {fault}: {lost} lost, {twice} twice, whole after {seconds:.1f} s", end="")
    assert (lost, wrong) == (0, 0)
