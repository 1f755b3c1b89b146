"""Up, down and running: the local session as one thing."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from skysieve.errors import SessionError
from skysieve.home import Home, write_private
from skysieve.local import classes, jars, kafka, ports, spark
from skysieve.local.interrupts import undisturbed
from skysieve.local.lock import locked
from skysieve.local.process import Daemon

_PARTS = ("kafka", "spark", "supervisor")
_PATIENCE = 90.0
_TITLES = {"kafka": "Kafka", "spark": "Spark", "supervisor": "the supervisor"}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class LocalSession:
    """Addresses and processes of the running local session."""

    kafka: str
    spark: str
    token: str = field(repr=False)
    pids: dict[str, int]
    spark_ui: int = 0


@dataclass(frozen=True)
class _Plan:
    """Ports and token; kept from one start to the next, so that what reconnects finds the session again."""

    kafka: int
    spark: int
    token: str = field(repr=False)
    spark_ui: int = 0

    def __post_init__(self) -> None:
        """Refuse what a file can hold and no session can use."""
        if not all(
            isinstance(p, int) and 0 < p < 65536 for p in (self.kafka, self.spark, self.spark_ui or 1)
        ):
            raise ValueError("no ports")
        if not isinstance(self.token, str) or not self.token:
            raise ValueError("no token")

    def port(self, part: str) -> int:
        return self.kafka if part == "kafka" else self.spark


def running(home: Home) -> LocalSession | None:
    """The local session, if Kafka and Spark run; looks only at files and processes."""
    plan = _read(home)
    if plan is None:
        return None
    found = pids(home)
    if not {"kafka", "spark"} <= found.keys():
        return None
    return LocalSession(
        f"127.0.0.1:{plan.kafka}", f"sc://localhost:{plan.spark}", plan.token, found, plan.spark_ui
    )


def pids(home: Home) -> dict[str, int]:
    """What runs of Kafka, Spark and the supervisor; after a crash that may be a part of them."""
    return {name: found.pid for name in _PARTS if (found := Daemon(home, name).process)}


def up(home: Home, *, tell: Tell = lambda _: None, supervisor: bool = True) -> LocalSession:
    """Start what does not run of Kafka, Spark and the supervisor, and wait until they serve.

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
        If one cannot be started; with the last lines of its log and what to do. What was started is stopped again.
    """
    with _alone(home, tell):
        before = _read(home)
        plan = _plan(home, before)
        jars.fetch(home, tell)
        _stop_what_is_cut_off(home, before, plan, tell)
        started: list[Daemon] = []
        try:
            _write(home, plan)
            # Spark first: it takes longest, and Kafka's storage is made meanwhile
            _start(home, plan, ("spark", "kafka"), started, tell)
            _await(home, plan, ("kafka", "spark"))
            if supervisor:
                _start(home, plan, ("supervisor",), started, tell)
                _await(home, plan, _PARTS)
            classes.make_beside(home, [server.archive(home) for server in (spark, kafka)])
        except BaseException as error:
            with undisturbed():
                for daemon in reversed(started):
                    daemon.stop()
            if isinstance(error, OSError):
                raise _unusable(home, error) from error
            raise
        found = running(home)
    if found is None:
        raise Daemon(home, "spark").failure("The session ended as soon as it had started")
    return found


def down(home: Home, *, tell: Tell = lambda _: None) -> None:
    """Stop supervisor, Spark and Kafka; data and deployments are kept."""
    if not home.run.exists():
        return
    with _alone(home, tell), undisturbed():
        Daemon(home, classes.PART).stop(patience=1)
        for part in reversed(_PARTS):
            _stop(home, part, tell)
        classes.keep_lists(home)


def _plan(home: Home, before: _Plan | None) -> _Plan:
    chosen: dict[str, int] = {}
    for part in ("kafka", "spark"):
        had = before.port(part) if before else None
        runs = Daemon(home, part).process is not None
        chosen[part] = had if had and runs else ports.choose(part, had)
    if chosen["kafka"] == chosen["spark"]:
        raise SessionError(
            f"Kafka and Spark cannot both have port {chosen['kafka']}: change $SKYSIEVE_KAFKA_PORT or "
            "$SKYSIEVE_SPARK_PORT."
        )
    return _Plan(
        **chosen,
        token=before.token if before else secrets.token_urlsafe(24),
        spark_ui=_ui_port(home, before),
    )


def _ui_port(home: Home, before: _Plan | None) -> int:
    """That of Spark's own pages; a Spark that runs goes on without them where it has none."""
    if before and Daemon(home, "spark").process is not None:
        return before.spark_ui
    had = before.spark_ui if before else 0
    return had if had and ports.is_free(had) else ports.free_port()


def _stop_what_is_cut_off(home: Home, before: _Plan | None, plan: _Plan, tell: Tell) -> None:
    """Stop what would not find the others again, or not be found.

    Queries know Kafka's port, the supervisor knows both; and one whose servers are started anew would find them
    only at its next attempt, up to half a minute later.
    """
    if plan != before or not {"kafka", "spark"} <= pids(home).keys():
        _stop(home, "supervisor", tell)
    if before is None or plan.kafka != before.kafka:
        _stop(home, "spark", tell)
    if before is None:
        _stop(home, "kafka", tell)


def _start(home: Home, plan: _Plan, parts: Iterable[str], started: list[Daemon], tell: Tell) -> None:
    for part in parts:
        daemon = Daemon(home, part)
        if daemon.process is not None:
            continue
        started.append(daemon)
        if part == "supervisor":
            tell("starting the supervisor ...")
            _supervise(daemon, plan)
            continue
        tell(f"starting {_TITLES[part]} on port {plan.port(part)} ...")
        if part == "kafka":
            kafka.start(home, plan.kafka, tell)
        else:
            spark.start(home, plan.spark, plan.spark_ui, plan.token, tell)


def _stop(home: Home, part: str, tell: Tell) -> None:
    daemon = Daemon(home, part)
    if daemon.process is not None:
        tell(f"stopping {_TITLES[part]} ...")
    # the supervisor may wait long for a server that is gone; what it knows is in Kafka, so its end may be sudden
    daemon.stop(patience=3 if part == "supervisor" else 20)


def _supervise(daemon: Daemon, plan: _Plan) -> None:
    home = daemon.home
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


def _await(home: Home, plan: _Plan, parts: Iterable[str]) -> None:
    """Wait until all serve; one that ends meanwhile is reported at once."""
    daemons = [Daemon(home, part) for part in parts]
    waiting, end, pause = list(daemons), time.monotonic() + _PATIENCE, 0.05
    while waiting:
        for daemon in daemons:
            if daemon.process is None:
                raise daemon.failure(f"{_title(daemon)} could not be started")
        waiting = [daemon for daemon in waiting if not _is_ready(daemon, plan)]
        if waiting and time.monotonic() > end:
            raise waiting[0].failure(f"{_title(waiting[0])} does not serve after {_PATIENCE:g} s")
        if waiting:
            time.sleep(pause)
            pause = min(2 * pause, 0.2)


def _is_ready(daemon: Daemon, plan: _Plan) -> bool:
    if daemon.name == "kafka":
        return kafka.is_ready(daemon, plan.kafka)
    if daemon.name == "spark":
        return spark.is_ready(daemon, plan.spark)
    return daemon.is_connected_to(plan.spark)


def _title(daemon: Daemon) -> str:
    title = _TITLES[daemon.name]
    return title[0].upper() + title[1:]


def _read(home: Home) -> _Plan | None:
    try:
        return _Plan(**json.loads(_file(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _write(home: Home, plan: _Plan) -> None:
    write_private(_file(home), json.dumps(asdict(plan)))


def _file(home: Home) -> Path:
    return home.run / "session.json"


def _alone(home: Home, tell: Tell) -> AbstractContextManager[None]:
    try:
        home.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.run.chmod(0o700)
    except OSError as error:
        raise _unusable(home, error) from error
    return locked(home.run / "lock", lambda: tell("waiting for another `skysieve up` or `down` ..."))


def _unusable(home: Home, error: OSError) -> SessionError:
    return SessionError(
        f"The session's files cannot be kept in {home.state}: {error}. "
        "Make that folder yours to write in, or let $SKYSIEVE_HOME name one that is."
    )
