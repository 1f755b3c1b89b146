"""A single Kafka broker on the loopback interface, in KRaft mode: broker and controller in one process."""

from __future__ import annotations

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

from skysieve.home import Home
from skysieve.local import jars, java
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


def start(home: Home, port: int, tell: Callable[[str], None]) -> Daemon:
    """Start the broker; `is_ready` tells when it serves.

    Parameters
    ----------
    home
        Where it keeps its files.
    port
        Of the loopback interface.
    tell
        Called with each step.

    Raises
    ------
    SessionError
        If the storage cannot be made.
    """
    daemon = Daemon(home, "kafka")
    found, classpath = java.find(), str(jars.kafka(home, tell) / "*")
    config, logging = home.run / "kafka.properties", home.run / "kafka-log4j2.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in settings(home, port).items()))
    logging.write_text(_LOGGING)
    _format(found.path, classpath, config, daemon)
    daemon.start(
        [
            *(found.path, "-Xms256m", "-Xmx768m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"),
            *("-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true"),
            f"-Dlog4j2.configurationFile={logging}",
            *("-cp", classpath, "kafka.Kafka", str(config)),
        ]
    )
    return daemon


def settings(home: Home, port: int) -> dict[str, str]:
    """The broker's settings. The controller, which only the broker talks to, takes any port."""
    controller = free_port()
    return _SETTINGS | {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
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


def _format(java_path: str, classpath: str, config: Path, daemon: Daemon) -> None:
    """Make a new storage folder; one that exists is left as it is."""
    if (daemon.home.data / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = [java_path, "-Xmx256m", "-cp", classpath, "kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        # one in 64 ids begins with "-", and would be taken for an option if it stood by itself
        [*tool, f"--cluster-id={cluster}", "-c", str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        daemon.home.logs.mkdir(parents=True, exist_ok=True)
        daemon.log.write_text(done.stdout + done.stderr)
        raise daemon.failure(f"Kafka's storage in {daemon.home.data} could not be made")
