"""``skysieve demo``: the main job in one go, in a session of its own that is stopped at the end."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skysieve import local
from skysieve.errors import SkysieveError
from skysieve.filter import Filter
from skysieve.home import Home
from skysieve.local.interrupts import undisturbed

if TYPE_CHECKING:
    from skysieve.deployment import Deployment
    from skysieve.session import Session

_STREAM = "lsst-alerts"
_BEFORE, _AFTER = 1500, 1500
_RATE = 333.0
"""LSST's mean: 10,000 alerts every 30 seconds."""
_FILTER = Filter(
    "bright",
    "diaSource.snr > 20 AND diaSource.reliability > 0.9 AND diaObject.nDiaSources > 3",
    stream=_STREAM,
    description="Bright, real, and seen before",
)
_PATIENCE = 60.0


@dataclass(frozen=True)
class Counts:
    """What the last line says, each number counted from Kafka."""

    read: int
    passed: int
    delivered: int

    @property
    def agree(self) -> bool:
        """Whether every alert that was sent was read, and every match that the preview tells of was delivered."""
        return self.read == _BEFORE + _AFTER and self.delivered == self.passed

    def __str__(self) -> str:
        return (
            f"demo: read {self.read} alerts, {self.passed} passed {_FILTER.name}, delivered {self.delivered}"
        )


def run() -> bool:
    """Stream, preview, deploy, deliver, compare; gives whether every number agrees."""
    keep = Home.default()
    keep.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="skysieve-demo-") as folder:
        home = replace(Home.at(folder), cache=keep.cache)
        try:
            _say("Starting Kafka, Spark and the supervisor on this machine")
            session = local.up(home, tell=lambda text: _say("  " + text))
            counts = _story(session)
        finally:
            with undisturbed():
                _say("Stopping everything")
                local.down(home)
    if not counts.agree:
        _say(f"These numbers do not agree: {_BEFORE + _AFTER} were sent, and what passes is to be delivered.")
    _say(str(counts))
    return counts.agree


def _story(running: local.LocalSession) -> Counts:
    from skysieve.connections import connect
    from skysieve.session import Session
    from skysieve.stream_topics import make_stream
    from skysieve.topics import Topics

    sky = Session(Topics(running.kafka), connect(running.spark, running.token))
    make_stream(sky.topics, _STREAM)
    _say(f"Streaming {_BEFORE:,} simulated LSST alerts into {_STREAM}")
    _stream(sky, _BEFORE, seed=1)

    preview = sky.preview(_FILTER, last=_BEFORE)
    _say(f"\nPreview\n{_indent(str(preview))}")

    _say(f"\nDeploying {_FILTER.name} on these alerts and on those to come")
    deployed = sky.deploy(_FILTER, start="earliest").wait("running")
    _say(f"  version {deployed.version} is running; matches go to the topic {deployed.output_topic}")
    _say(f"Streaming {_AFTER:,} more, {_RATE:g} a second as from LSST")
    _stream(sky, _AFTER, seed=2, rate=_RATE)

    whole = sky.preview(_FILTER, last=10 * (_BEFORE + _AFTER))
    delivered = _delivered(sky, deployed, whole.passed)
    results = deployed.results(last=5)
    shown = ["diaSource.diaSourceId", "diaSource.ra", "diaSource.dec", "diaSource.band", "diaSource.snr"]
    _say(f"\nThe newest matches, read back from Kafka\n{_indent(results[shown].to_string(index=False))}\n")
    sky.detach()
    return Counts(whole.read, whole.passed, delivered)


def _stream(sky: Session, count: int, seed: int, rate: float | None = None) -> None:
    from skysieve.progress import Shown
    from skysieve.sources import send
    from skysieve.sources.surveys import simulated

    alerts = simulated("lsst", count=count, seed=seed)
    with Shown(count) as shown:
        sent = send(alerts, _STREAM, sky.topics.bootstrap, rate=rate, progress=shown)
    if sent != count:
        raise SkysieveError(f"Kafka took {sent} of {count} alerts.")


def _delivered(sky: Session, deployed: Deployment, expected: int) -> int:
    """Number of different alerts in the output topic, once it no longer grows or as many as expected are there."""
    end = time.monotonic() + _PATIENCE
    while deployed.matches() < expected and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(1.0)
    topic = deployed.output_topic
    places = set()
    for record in sky.topics.read(topic, *sky.topics.bounds(topic)):
        headers = dict(record.headers)
        places.add((headers["skysieve.source.partition"], headers["skysieve.source.offset"]))
    return len(places)


def _indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def _say(text: str) -> None:
    print(text, flush=True)
