"""One Kafka and one Spark for each process of the run; every test makes streams and filters of its own."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import offline
import pytest
import skysieve
from hypothesis import settings
from matching import Output
from skysieve import local
from skysieve.connections import connect
from skysieve.home import Home
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import Packet, simulate
from skysieve.stream_topics import make_stream
from skysieve.topics import Record, Topics

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_numbers = itertools.count(1)

# two fifths of what Spark spends in the tests is compiling for a long life, which it does not have here; the room for
# compiled code that goes with that is too small for it, and a fifth of its time would go into sweeping there
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a script's background: tests send interrupts
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("skysieve", deadline=None)  # a test asserts no times
settings.load_profile("skysieve")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", help="of the random sequences of tests/faults, to play one again")
    parser.addoption("--soak", type=float, default=600, help="seconds that each of the soaks takes")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process of the run one file at a time, and all that share a browser to one."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        reason = f"the real packets are not here: no folder {DATA}"
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(pytest.mark.skip(reason=reason))


def delivered(
    deployment: skysieve.Deployment, count: int, patience: float = 60, quiet: float = 1.5
) -> list[Record]:
    """What a deployment wrote, once it is as many records as expected and no more come for a while."""
    topics, output = deployment.topics, deployment.output_topic
    end = time.monotonic() + patience
    while deployment.matches() < count and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(quiet)
    records = list(topics.read(output, topics.begin(output), topics.end(output)))
    assert len(records) == count
    return records


def small(count: int, seed: int) -> list[Packet]:
    """Simulated packets without cutouts, so that thousands of matches are soon read."""
    found = []
    for alert in simulate(count, seed=seed, pool=20):
        what = offline.alert(alert.packet.value)
        what |= {name: None for name in what if name.startswith("cutout")}
        schema = int.from_bytes(alert.packet.value[1:5], "big")
        found.append(Packet(offline.packet(what, schema), alert.packet.key))
    return found


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home of the test run's own, with the user's jars."""
    return replace(Home.at(tmp_path_factory.mktemp("sky")), cache=Home.default().cache)


@pytest.fixture(scope="session")
def started(home: Home) -> Iterator[LocalSession]:
    """The session that all tests share; its supervisor looks often at how filters do."""
    os.environ["SKYSIEVE_HEARTBEAT"] = "1"
    try:
        yield local.up(home)
    finally:
        local.down(home)


@pytest.fixture
def running(started: LocalSession, home: Home) -> LocalSession:
    """The same as it is now: a test may have replaced the supervisor."""
    return local.running(home) or started


@pytest.fixture(scope="session")
def kafka(started: LocalSession) -> str:
    return started.kafka


@pytest.fixture(scope="session")
def topics(kafka: str) -> Topics:
    return Topics(kafka)


@pytest.fixture(scope="session")
def sky(started: LocalSession, topics: Topics) -> Iterator[Session]:
    session = Session(topics, connect(started.spark, started.token))
    yield session
    session.detach()


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def stream(topics: Topics, name: str) -> str:
    """An empty stream of the test's own."""
    return make_stream(topics, f"{name}-alerts")


@pytest.fixture
def deployed(sky: Session) -> Iterator[list[skysieve.Deployment]]:
    """Deployments put in here are removed at the end."""
    made: list[skysieve.Deployment] = []
    yield made
    for one in made:
        if one.name in {d.name for d in sky.deployments}:
            one.remove()


@pytest.fixture
def output(topics: Topics, name: str) -> Output:
    """The output topic of a filter of the test's own, for matches that it writes itself."""
    return Output(topics, name).make()


@pytest.fixture
def consume(topics: Topics, name: str) -> Iterator[Callable[..., skysieve.Consumer]]:
    """Consumers of that filter, closed at the end; what is in hand then is not committed."""
    made: list[skysieve.Consumer] = []

    def opened(**how: Any) -> skysieve.Consumer:
        made.append(skysieve.Consumer(topics, name, **how))
        return made[-1]

    yield opened
    for one in made:
        one.__exit__(RuntimeError, None, None)


@pytest.fixture
def environment(running: LocalSession, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """``$SKYSIEVE_HOME`` is that of the shared session, so that attach() and the command line find it."""
    monkeypatch.setenv("SKYSIEVE_HOME", str(home.state))
    monkeypatch.setenv("SKYSIEVE_CACHE", str(home.cache))
    for variable in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SPARK_CONNECT_AUTHENTICATE_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    return home
