"""Every packet is accounted for, though each process was ended and killed five times while it came."""

import random
import signal
import threading
import time

import offline
import pytest
from conftest import small
from skysieve import Filter, Guard
from skysieve.sources import Packet, send
from skysieve.stream_topics import rejected_topic

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

PACKETS, DIFFERENT, EVERY, RATE = 100_000, 2000, 97, 250
"""All of them, how many differ, one of how many is broken, and how many come in a second."""
LIMITS = (6, 10, 20, 40)


def by_snr(snr):
    return snr > 15


def test_decoded_and_rejected_are_what_was_consumed_and_matches_are_those_of_an_offline_loop(hurt, capsys):
    specs = [Filter(f"snr-{limit}", f"diaSource.snr > {limit}", hurt.stream) for limit in LIMITS]
    specs.append(Filter.from_function(by_snr, hurt.stream, "by-snr"))
    hurt.means = {
        f"snr-{limit}": lambda a, limit=limit: offline.above(a, "diaSource.snr", limit) for limit in LIMITS
    }
    hurt.means["by-snr"] = lambda a: offline.above(a, "diaSource.snr", 15)
    for spec in specs:
        hurt.session.deploy(spec, start="earliest", guard=Guard(share=1))
    for spec in specs:
        hurt.session.deployment(spec.name).wait("running")
    some = small(DIFFERENT, 5)

    def packets():
        for number in range(PACKETS):
            packet = some[number % DIFFERENT]
            yield Packet(packet.value[:900], packet.key) if number % EVERY == 0 else packet

    flow = threading.Thread(
        target=send, args=(packets(), hurt.stream, hurt.topics.bootstrap), kwargs={"rate": RATE}
    )
    flow.start()
    chance = random.Random(7)
    ends = [
        (part, how)
        for part in ("kafka", "spark", "supervisor", "workers")
        for how in (signal.SIGTERM, signal.SIGKILL)
        for _ in range(5)
    ]
    chance.shuffle(ends)
    for part, how in ends:
        time.sleep(chance.uniform(1, 4))
        if part == "workers":
            hurt.kill_workers(how)
        else:
            hurt.kill(part, how)
    flow.join()
    whole = time.monotonic()
    places, broken = _told_apart(hurt)
    truth = {name: {p for p, alert in places.items() if means(alert)} for name, means in hurt.means.items()}
    end = time.monotonic() + 300
    while time.monotonic() < end:
        found = hurt.found()
        rejected = _rejected(hurt)
        if (
            found.keys() == truth.keys()
            and all(truth[n] <= found[n].keys() for n in truth)
            and broken <= rejected
        ):
            break
        time.sleep(2)
    twice = sum(n - 1 for counts in found.values() for n in counts.values())
    with capsys.disabled():
        print(
            f" {len(places) + len(broken):,} packets, {len(ends)} ends: whole {time.monotonic() - whole:.0f} s after "
            f"the last, {sum(map(len, truth.values())):,} matches, {twice:,} of them twice",
            end="",
        )
    assert {name: set(counts) for name, counts in found.items()} == truth
    assert rejected == broken


def _told_apart(hurt):
    """The alerts of the stream by their place, and the places of what is none."""
    begin, end = hurt.topics.begin(hurt.stream), hurt.topics.end(hurt.stream)
    alerts, broken, known = {}, set(), {}
    for record in hurt.topics.read(hurt.stream, begin, end):
        place = (record.partition, record.offset)
        if len(record.value) == 900:
            broken.add(place)
            continue
        if record.value not in known:
            known[record.value] = offline.alert(record.value)
        alerts[place] = known[record.value]
    return alerts, broken


def _rejected(hurt):
    topic = rejected_topic(hurt.stream)
    found = set()
    for record in hurt.topics.read(topic, hurt.topics.begin(topic), hurt.topics.end(topic)):
        headers = dict(record.headers)
        found.add(tuple(int(headers[f"__connect.errors.{part}"]) for part in ("partition", "offset")))
    return found
