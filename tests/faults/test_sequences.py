"""Random sequences of what people and misfortune do to filters, against a model of what must come of it.

A failure names its seed; ``pytest -m slow tests/faults/test_sequences.py --seed N`` plays it again.
"""

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import pytest
from conftest import small
from processes import wait_until
from skysieve import Filter, Guard
from skysieve.errors import SessionError
from skysieve.sources import send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NAMES, STEPS, RATE = ("one", "two", "three"), 14, 60
LAG = 10
"""Seconds by which a bank may be behind its stream when a filter joins it."""
CUTS = {
    "diaSource.diaSourceId % 2 = 0": lambda i: i % 2 == 0,
    "diaSource.diaSourceId % 3 = 0": lambda i: i % 3 == 0,
    "diaSource.diaSourceId % 4 <> 1": lambda i: i % 4 != 1,
    "def third(diaSourceId):\n    return diaSourceId % 3 == 0\n": lambda i: i % 3 == 0,
    "def even(diaSourceId):\n    return diaSourceId % 2 == 0\n": lambda i: i % 2 == 0,
}
KILLED = ("spark", "kafka", "supervisor", "workers")


@dataclass
class Step:
    """What was done to a filter, and the version that ran from then on; the offsets before, and when it had settled."""

    what: str
    before: dict
    after: dict
    version: str | None


class Model:
    """The filters as they should be."""

    def __init__(self, hurt, seed):
        self.hurt, self.random = hurt, random.Random(seed)
        self.steps = {name: [] for name in NAMES}
        self.means, self.log = {}, []

    def now(self, name):
        return self.steps[name][-1].version if self.steps[name] else None

    def end(self):
        return self.hurt.topics.end(self.hurt.stream)

    def choose(self):
        name = self.random.choice(NAMES)
        registered = {d.name for d in self.hurt.session.deployments}
        possible = ["deploy", "deploy"]
        if name in registered:
            possible += ["remove", "start"] if self.now(name) is None else ["stop", "remove"]
            if len(self.hurt.session.deployment(name).versions) > 1:
                possible.append("rollback")
        return self.random.choice([*possible, "kill"]), name

    def step(self):
        what, name = self.choose()
        if what == "kill":
            part = self.random.choice(KILLED)
            self.log.append(f"kill {part}")
            if part == "workers":
                self.hurt.kill_workers()
            else:
                self.hurt.kill(part)
                self.hurt.attach()
            return
        before = self.end()
        if what in ("stop", "remove") and self.now(name):
            self.wait_until_judged(name, before)
        version = getattr(self, what)(name)
        self.log.append(f"{what} {name}: {version}")
        self.steps[name].append(Step(what, before, self.end(), version))

    def wait_until_judged(self, name, until):
        """What waits when a filter is stopped or removed, it does not judge any more: here nothing does."""

        def is_judged():
            newest = {}
            for (partition, offset), _ in self.hurt.delivered(name):
                newest[partition] = max(offset, newest.get(partition, 0))
            return all(newest.get(partition, 0) >= offset for partition, offset in until.items())

        wait_until(is_judged, f"{name} has judged {until}")

    def deploy(self, name):
        cut = self.random.choice(list(CUTS))
        spec = Filter(name, cut, self.hurt.stream, language="python" if cut.startswith("def") else "sql")
        self.means[spec.version] = CUTS[cut]
        self.hurt.session.deploy(spec, guard=Guard(share=1), compare=False).wait("running", timeout=120)
        return spec.version

    def stop(self, name):
        self.hurt.session.deployment(name).stop().wait("stopped", timeout=120)

    def start(self, name):
        return self.hurt.session.deployment(name).start().wait("running", timeout=120).version

    def rollback(self, name):
        return self.hurt.session.deployment(name).rollback().wait("running", timeout=120).version

    def remove(self, name):
        self.hurt.session.deployment(name).remove()
        end = time.monotonic() + 120
        while name in _known(self.hurt) and time.monotonic() < end:
            time.sleep(0.2)

    def faults(self, name, ids):
        """What was delivered and should not have been, or should have been and was not."""
        delivered = {}
        for place, version in self.hurt.delivered(name):
            delivered.setdefault(place, set()).add(version)
        for place, alert_id in ids.items():
            versions = delivered.get(place, set())
            allowed, must = self.allowed(name, place, alert_id)
            if len(versions) > 1 or not versions <= allowed or (must and not versions):
                yield f"{place}: delivered by {versions or None}, allowed {allowed or None}, must {must}"

    def allowed(self, name, place, alert_id):
        """The versions that may have delivered it, and whether one of them must have."""
        partition, offset = place
        last = None
        for step in self.steps[name]:
            if offset < step.before.get(partition, 0):
                waiting = LAG * RATE / len(step.before)
                if last is None and step.version and offset >= step.before[partition] - waiting:
                    # one that starts judges from where the bank is, which may not be as far as the stream
                    return {v for v in [step.version] if self.means[v](alert_id)}, False
                break
            if offset < step.after.get(partition, 0):
                either = [v for v in (last, step.version) if v]
                passing = {v for v in either if self.means[v](alert_id)}
                goes_over = last is not None and step.version is not None and step.what != "start"
                return passing, goes_over and len(passing) == len(set(either))
            last = step.version
        passes = last is not None and self.means[last](alert_id)
        return ({last} if passes else set()), passes


def _known(hurt):
    from skysieve.engine.status import statuses

    return statuses(hurt.topics)


@pytest.fixture
def seed(request):
    given = request.config.getoption("--seed")
    return int(given) if given is not None else random.randrange(10**6)


def test_a_random_sequence_leaves_just_what_it_should(hurt, seed, capsys):
    model = Model(hurt, seed)
    flowing = threading.Event()

    def flow():
        for batch in range(10_000):
            if flowing.is_set():
                return
            with suppress(SessionError):  # Kafka is down just now
                send(small(RATE, 10_000 * seed + batch), hurt.stream, hurt.topics.bootstrap, rate=RATE)

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        for _ in range(STEPS):
            model.step()
            time.sleep(model.random.uniform(0, 3))
    finally:
        flowing.set()
        thread.join()
        with capsys.disabled():
            print(f"\nseed {seed}: {'; '.join(model.log)}")
    time.sleep(20)
    ids = {place: alert["diaSource"]["diaSourceId"] for place, alert in hurt.alerts().items()}
    faults = {name: list(model.faults(name, ids))[:5] for name in NAMES}
    assert faults == {name: [] for name in NAMES}, f"seed {seed}"
