"""Which session the panel shows: one that a person named in it, one that the environment names, or the local one."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from skysieve import local
from skysieve.engine.status import STATUS, SupervisorStatus, told_of_supervisor
from skysieve.engine.values import now
from skysieve.errors import SessionError, SkysieveError
from skysieve.home import Home
from skysieve.kafka_options import KafkaOptions
from skysieve.local.process import Daemon, log_tail
from skysieve.server.models import PARTS, Part, PartStatus, Remote, Session, Work
from skysieve.topics import Topics

_LINE = "import skysieve; sky = skysieve.attach({})"
_SILENT = timedelta(seconds=60)
"""A supervisor without a sign of life for so long does not run."""
_NO_SESSION = "No session is running here. Start it in the Skysieve panel or with `skysieve up`."


@dataclass
class Place:
    """The session that the panel shows.

    Attributes
    ----------
    home
        The local session's files.
    named
        A session elsewhere that a person named, in the memory of this server only.
    """

    home: Home = field(default_factory=Home.default)
    named: Remote | None = field(default=None, repr=False)

    def topics(self) -> Topics | None:
        """Its Kafka; None where there is none."""
        if self.named is None:
            from skysieve.overview import (
                topics,  # which needs pandas: not for Jupyter to wait for as it starts
            )

            return topics(self.home)
        return Topics(self.named.kafka, options_of(self.named))

    def reached(self) -> Topics:
        """Its Kafka.

        Raises
        ------
        SessionError
            If there is none.
        """
        found = self.topics()
        if found is None:
            raise SessionError(_NO_SESSION)
        return found

    @property
    def is_local(self) -> bool:
        """Whether it is the local session, running or not."""
        return self.named is None and not os.environ.get("SKYSIEVE_KAFKA")

    def session(self, told: Mapping[str, bytes], work: Work | None = None, problem: str = "") -> Session:
        """What is known of it.

        Parameters
        ----------
        told
            Records of the status topic, by key.
        work
            A start or stop that is under way or was the last.
        problem
            Why Kafka could not be asked.
        """
        if self.is_local:
            return self._local(told, work, problem)
        kafka = self.named.kafka if self.named else os.environ.get("SKYSIEVE_KAFKA", "")
        spark = self.named.spark if self.named else os.environ.get("SKYSIEVE_SPARK", "")
        parts = [
            PartStatus(name="kafka", state="unreachable" if problem else "running", reason=problem),
            _spark(spark),
            PartStatus(name="supervisor", state="unknown") if problem else _supervisor(told),
        ]
        # the environment's addresses are not this server's alone: a kernel has them, too
        said = f"{json.dumps(spark)}, kafka={json.dumps(kafka)}" if self.named else ""
        attach = _LINE.format(said)
        return Session(
            place="remote", kafka=kafka, spark=_shown(spark), parts=parts, problem=problem, attach=attach
        )

    def looked_at(self, work: Work | None = None) -> Session:
        """The same of a look at Kafka now."""
        told: dict[str, bytes] = {}
        problem = ""
        try:
            found = None if self.is_local else self.topics()
            told = found.newest_by_key(STATUS) if found else {}
        except SkysieveError as error:
            problem = str(error)
        return self.session(told, work, problem)

    def _local(self, told: Mapping[str, bytes], work: Work | None, problem: str) -> Session:
        running, pids = local.running(self.home), local.pids(self.home)
        parts = [PartStatus(name=part, state="running" if part in pids else "stopped") for part in PARTS]
        if "supervisor" in pids:
            parts[-1] = _own_supervisor(told, pids)
        parts = [part.model_copy(update={"log": Daemon(self.home, part.name).log.exists()}) for part in parts]
        return Session(
            place="local" if pids else "none",
            kafka=running.kafka if running else "",
            spark=running.spark if running else "",
            parts=parts,
            work=work,
            problem=problem if running else "",
            attach=_LINE.format(""),
            spark_ui=bool(running and running.spark_ui),
        )

    def log(self, part: Part) -> str:
        """The end of the log of a part of the local session."""
        return log_tail(Daemon(self.home, part).log, lines=400)


def options_of(named: Remote) -> KafkaOptions:
    """How to connect to a session's Kafka that a person named."""
    said = {
        "sasl.username": named.user,
        "sasl.password": named.password,
        "security.protocol": named.protocol,
        "sasl.mechanism": named.mechanism,
        "ssl.ca.location": named.ca,
    }
    return KafkaOptions.of({name: value for name, value in said.items() if value})


def _spark(url: str) -> PartStatus:
    try:
        parts = urlsplit(_shown(url))
        host, port = parts.hostname or "", parts.port or 15002
    except ValueError:  # whose message has the address, with a token perhaps
        host, port = "", 0
    if not host or parts.scheme != "sc":
        return PartStatus(
            name="spark", state="unknown", reason="$SKYSIEVE_SPARK names no Spark Connect server."
        )
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError as error:
        reason = f"No Spark Connect server answers at {host}:{port} ({error})."
        return PartStatus(name="spark", state="unreachable", reason=reason)
    return PartStatus(name="spark", state="running")


def _shown(url: str) -> str:
    """An address without what may stand behind it, a token for one."""
    return url.split(";", 1)[0].rstrip("/")


def _own_supervisor(told: Mapping[str, bytes], pids: Mapping[str, int]) -> PartStatus:
    """The supervisor whose process runs here: it waits for what does not, or for what it says itself."""
    for part in ("kafka", "spark"):
        if part not in pids:
            return _waiting(part, "")
    known = _known(told)
    if known and known.pid == pids["supervisor"] and known.waiting:
        return _waiting("spark", known.waiting)
    return PartStatus(name="supervisor", state="running")


def _waiting(part: Part, reason: str) -> PartStatus:
    return PartStatus(name="supervisor", state="waiting", waits_for=part, reason=reason)


def _known(told: Mapping[str, bytes]) -> SupervisorStatus | None:
    try:
        return told_of_supervisor(told)
    except ValueError:
        return None


def _supervisor(told: Mapping[str, bytes]) -> PartStatus:
    known = _known(told)
    if known is None:
        return PartStatus(name="supervisor", state="stopped", reason="No supervisor has worked here yet.")
    silent = now() - known.heartbeat
    if silent > _SILENT:
        reason = f"Its last sign of life is {int(silent.total_seconds())} s old: start `skysieve supervise`."
        return PartStatus(name="supervisor", state="stopped", reason=reason)
    if known.waiting:
        return _waiting("spark", known.waiting)
    return PartStatus(name="supervisor", state="running")
