"""A Kafka that asks who one is, speaks TLS only, and lets each do what docs/cluster.md says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import skysieve
from processes import wait_until
from skysieve import local
from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.kafka_options import VARIABLES
from skysieve.local import kafka
from skysieve.local.ports import free_port
from skysieve.local.process import Daemon
from skysieve.topics import Topics

from . import roles
from .authorities import Authority
from .clusters import USERS, Cluster, scram, settings


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing of any cluster."""
    for variable in ("SKYSIEVE_KAFKA", "SKYSIEVE_SPARK", "SPARK_CONNECT_AUTHENTICATE_TOKEN", *VARIABLES):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def cluster(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A broker with users, TLS and access control; what each role may do is granted as the docs say."""
    folder = tmp_path_factory.mktemp("secure")
    home = replace(Home.at(folder / "broker"), cache=Home.default().cache)
    home.run.mkdir(parents=True)
    port, ca = free_port(), folder / "ca.pem"
    ca.write_text(authority.pem)
    found = Cluster(f"127.0.0.1:{port}", str(ca), folder)
    daemon = Daemon(home, "kafka")
    try:
        kafka.start(home, port, print, settings(authority), [scram(user) for user in USERS])
        wait_until(lambda: _serves(daemon, found.topics("alice")), "the broker serves")
        roles.grant(found)
        yield found
    finally:
        local.down(home)


def _serves(daemon: Daemon, topics: Topics) -> bool:
    assert daemon.process, daemon.tail()
    try:
        topics.names()
    except SessionError:
        return False
    return True


@pytest.fixture
def attached(cluster, started, monkeypatch):
    """Attaches a user as a notebook does."""
    monkeypatch.setenv("SPARK_CONNECT_AUTHENTICATE_TOKEN", started.token)
    made = []

    def attach(user, password=None, **more):
        options = cluster.options(user, password) | more
        made.append(skysieve.attach(started.spark, kafka=cluster.bootstrap, kafka_options=options))
        return made[-1]

    yield attach
    for one in made:
        one.detach()
