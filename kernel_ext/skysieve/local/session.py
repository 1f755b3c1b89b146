"""Up, down and running: the local session as one thing."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.local import kafka, spark
from skysieve.local.process import Daemon, answers, free_port, is_free

_PARTS = ("kafka", "spark", "supervisor")
_PATIENCE = 90.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class LocalSession:
    """Addresses and processes of the running local session."""

    kafka: str
    spark: str
    token: str = field(repr=False)
    pids: dict[str, int]


def running(home: Home) -> LocalSession | None:
    """The local session, if Kafka and Spark run; looks only at files and processes."""
    plan = _read(home)
    pids = {n: p.pid for n in _PARTS if (p := Daemon(home, n).process)}
    if plan is None or not {"kafka", "spark"} <= pids.keys():
        return None
    return LocalSession(f"127.0.0.1:{plan.kafka}", f"sc://localhost:{plan.spark}", plan.token, pids)


def up(home: Home, *, tell: Tell = lambda _: None, supervisor: bool = True) -> LocalSession:
    """Start what does not run of Kafka, Spark and the supervisor, and wait until they answer.

    Parameters
    ----------
    home
        Where the session keeps its files.
    tell
        Called with each step.
    supervisor
        Whether to start it.

    Raises
    ------
    SessionError
        If one cannot be started; with the last lines of its log.
    """
    home.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.run.chmod(0o700)
    with _alone(home):
        plan = _plan(home)
        _write(home, plan)
        started: list[Daemon] = []
        try:
            waits = []
            for name, port in (("kafka", plan.kafka), ("spark", plan.spark)):
                if Daemon(home, name).process is None:
                    tell(f"starting {name.capitalize()} on port {port} ...")
                    begin = (
                        kafka.start if name == "kafka" else lambda h, p, t: spark.start(h, p, plan.token, t)
                    )
                    started.append(begin(home, port, tell))
                waits.append((Daemon(home, name), port))
            for daemon, port in waits:
                _await(daemon, port)
            if supervisor and Daemon(home, "supervisor").process is None:
                tell("starting the supervisor ...")
                started.append(_supervise(home, plan))
        except BaseException:
            for daemon in reversed(started):
                daemon.stop()
            raise
    found = running(home)
    if found is None:
        raise Daemon(home, "spark").failure("The session ended as soon as it had started")
    return found


def down(home: Home, *, tell: Tell = lambda _: None) -> None:
    """Stop supervisor, Spark and Kafka; data and deployments are kept."""
    if not home.run.exists():
        return
    with _alone(home):
        for name in reversed(_PARTS):
            daemon = Daemon(home, name)
            if daemon.process is not None:
                tell(f"stopping {name} ...")
            daemon.stop()


@dataclass(frozen=True)
class _Plan:
    """Ports and token; kept from one start to the next, so that what reconnects finds the session again."""

    kafka: int
    spark: int
    token: str = field(repr=False)


def _plan(home: Home) -> _Plan:
    before = _read(home)
    return _Plan(
        _port(home, "kafka", before.kafka if before else None),
        _port(home, "spark", before.spark if before else None),
        before.token if before else secrets.token_urlsafe(24),
    )


def _port(home: Home, name: str, before: int | None) -> int:
    """The port of a server: that of its running process, the one asked for, the one it had, or any."""
    if before and Daemon(home, name).process is not None:
        return before
    variable = f"SKYSIEVE_{name.upper()}_PORT"
    asked = os.environ.get(variable)
    if asked:
        if not asked.isdigit() or not 0 < int(asked) < 65536:
            raise SessionError(f"${variable} is {asked!r}: it must be a port, 1 to 65535.")
        if not is_free(int(asked)):
            raise SessionError(
                f"Port {asked}, which ${variable} asks for {name.capitalize()}, is taken by another program: "
                "stop that, or choose another port, or unset the variable and Skysieve finds one."
            )
        return int(asked)
    return before if before and is_free(before) else free_port()


def _supervise(home: Home, plan: _Plan) -> Daemon:
    daemon = Daemon(home, "supervisor")
    daemon.start(
        [sys.executable, "-m", "skysieve", "supervise"],
        {
            "SKYSIEVE_HOME": str(home.state),
            "SKYSIEVE_CACHE": str(home.cache),
            "SKYSIEVE_KAFKA": f"127.0.0.1:{plan.kafka}",
            "SKYSIEVE_SPARK": f"sc://localhost:{plan.spark}",
            "SKYSIEVE_CHECKPOINTS": str(home.checkpoints),
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": plan.token,
        },
    )
    return daemon


def _await(daemon: Daemon, port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while not answers(port):
        if daemon.process is None:
            raise daemon.failure(f"{daemon.name.capitalize()} could not be started")
        if time.monotonic() > end:
            raise daemon.failure(
                f"{daemon.name.capitalize()} does not answer on port {port} after {_PATIENCE:g} s"
            )
        time.sleep(0.1)


def _read(home: Home) -> _Plan | None:
    try:
        return _Plan(**json.loads(_file(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write(home: Home, plan: _Plan) -> None:
    """Only the owner may read the token."""
    scratch = _file(home).with_suffix(".new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(plan), file)
    scratch.replace(_file(home))


def _file(home: Home) -> Path:
    return home.run / "session.json"


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Let two starts at once be one start."""
    with (home.run / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
