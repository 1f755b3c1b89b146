"""A Kafka that asks who one is, speaks TLS only, and lets each do what docs/cluster.md says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import skysieve
from processes import wait_until
from skysieve import local
from skysieve.engine import registry
from skysieve.engine.status import STATUS, SupervisorStatus, statuses, told_of_supervisor
from skysieve.kafka_options import VARIABLES
from skysieve.local.ports import free_port
from skysieve.stream_topics import make_stream

from . import roles
from .authorities import Authority
from .clusters import SIGN, STREAM, USERS, Cluster, packets


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
    found = Cluster(free_port(), tmp_path_factory.mktemp("secure"), authority)
    try:
        found.start()
        roles.grant(found)
        yield found
    finally:
        local.down(found.home)


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


@pytest.fixture(scope="module")
def secured_stream(cluster):
    """The owner makes the stream and fills it."""
    alice = cluster.topics("alice")
    make_stream(alice, STREAM)
    alice.create({f"{STREAM}.rejected": 4})
    assert cluster.send(packets(60, 41)) == 60
    return STREAM


@pytest.fixture(scope="module")
def supervisor(cluster, started, secured_stream):
    """The supervisor as a process of its own, told by the environment and by files that hold old secrets at first."""
    log, token = cluster.folder / "supervisor.log", cluster.folder / "spark.token"
    token.write_text("an-old-token")
    told = cluster.environment("supervisor") | {
        "SKYSIEVE_SPARK": started.spark,
        "SPARK_CONNECT_AUTHENTICATE_TOKEN_FILE": str(token),
        "SKYSIEVE_CHECKPOINTS": str(cluster.folder / "checkpoints"),
    }
    password = Path(told["SKYSIEVE_KAFKA_PASSWORD_FILE"])
    password.write_text(f"{SIGN}old")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "skysieve", "supervise"],
            env={**os.environ, **told},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: "does not know user 'supervisor' with this" in log.read_text(), "it is refused")
        password.write_text(USERS["supervisor"])
        wait_until(lambda: "refuses the token" in told_of(cluster).waiting, "so is its token")
        token.write_text(started.token)
        wait_until(lambda: not told_of(cluster).waiting, "the supervisor works")
        yield log
    finally:
        author = cluster.topics("author")
        for name in registry.registered(author):
            registry.unregister(author, name)  # else Spark would go on with their queries
        wait_until(lambda: not statuses(author), "all queries are stopped")
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def told_of(cluster):
    """What the supervisor says of itself; at first nothing."""
    alice = cluster.topics("alice")
    found = told_of_supervisor(alice.newest_by_key(STATUS))
    return found or SupervisorStatus.model_construct(waiting="not there")


@pytest.fixture
def author(attached):
    return attached("author")
