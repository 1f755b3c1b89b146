"""A single Kafka broker on the loopback interface, in KRaft mode: broker and controller in one process."""

from __future__ import annotations

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from skysieve.home import Home
from skysieve.local import jars, java
from skysieve.local.classes import Archive
from skysieve.local.ports import free_port
from skysieve.local.process import Daemon

_LARGEST = 32 << 20
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "2",
    "message.max.bytes": str(_LARGEST),
    "replica.fetch.max.bytes": str(_LARGEST),
    "socket.request.max.bytes": str(4 * _LARGEST),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # LSST keeps a week of alerts; a laptop's disk sets the other bound
    "log.retention.hours": "168",
    "log.retention.bytes": str(4 << 30),
    "log.segment.bytes": str(256 << 20),
    "log.cleaner.enable": "true",
    # 128 MB unless told otherwise, of a small heap
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
    # a broker that left without a word counts as alive for so long, and the next start waits for it (else 9 s)
    "broker.session.timeout.ms": "6000",
    "broker.heartbeat.interval.ms": "1000",
}
_LOGGING = """\
status = WARN
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
"""


def archive(home: Home) -> Archive:
    """That of the broker's jars, which must have been fetched."""
    return Archive("kafka", f"{jars.kafka(home, lambda _: None)}/*", home.cache / "classes")


def start(
    home: Home,
    port: int,
    tell: Callable[[str], None],
    more: Mapping[str, str] | None = None,
    records: Sequence[str] = (),
) -> Daemon:
    """Start the broker; `is_ready` tells when it serves.

    Parameters
    ----------
    home
        Where it keeps its files.
    port
        Of the loopback interface.
    tell
        Called with each step.
    more
        Further settings: users, certificates, an authorizer …. The listener is that of ``inter.broker.listener.name``.
    records
        What the storage is to begin with, as ``--add-scram`` takes it: the first users.

    Raises
    ------
    SessionError
        If the storage cannot be made.
    """
    daemon = Daemon(home, "kafka")
    jars.kafka(home, tell)
    classes = archive(home)
    config, logging = home.run / "kafka.properties", home.run / "kafka-log4j2.properties"
    told = settings(home, port, more or {})
    config.touch(mode=0o600)
    config.write_text("".join(f"{name}={value}\n" for name, value in told.items()))
    logging.write_text(_LOGGING)
    _format(classes, config, daemon, records)
    daemon.start(
        [
            *(java.find().path, *classes.options(home), "-Xms256m", "-Xmx768m"),
            *("-XX:+UseParallelGC", "-XX:+ExitOnOutOfMemoryError"),
            *("-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true"),
            f"-Dlog4j2.configurationFile={logging}",
            *("-cp", classes.classpath, "kafka.Kafka", str(config)),
        ]
    )
    return daemon


def settings(home: Home, port: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The broker's settings. The controller, which only the broker talks to, takes any port."""
    controller, told = free_port(), _SETTINGS | dict(more or {})
    listener = f"{told['inter.broker.listener.name']}://127.0.0.1:{port}"
    return told | {
        "listeners": f"{listener},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listener,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(home.data),
    }


def is_ready(daemon: Daemon, port: int) -> bool:
    """Whether the broker serves: the port is its own, and it answers the request that every client begins with."""
    if not daemon.listens_on(port):
        return False
    versions = struct.pack(">hhih", 18, 0, 1, -1)  # ApiVersions, version 0, correlation 1, no client id
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as broker:
            broker.sendall(struct.pack(">i", len(versions)) + versions)
            answer = broker.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    # length, correlation, error code
    return len(answer) == 10 and struct.unpack(">ih", answer[4:]) == (1, 0)


def _format(classes: Archive, config: Path, daemon: Daemon, records: Sequence[str] = ()) -> None:
    """Make a new storage folder; one that exists is left as it is."""
    if (daemon.home.data / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = [java.find().path, *classes.used, "-Xmx256m", "-cp", classes.classpath]
    tool += ["kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        # one in 64 ids begins with "-", and would be taken for an option if it stood by itself
        [*tool, f"--cluster-id={cluster}", "-c", str(config), *(f"--add-scram={one}" for one in records)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        daemon.home.logs.mkdir(parents=True, exist_ok=True)
        daemon.log.write_text(done.stdout + done.stderr)
        raise daemon.failure(f"Kafka's storage in {daemon.home.data} could not be made")
