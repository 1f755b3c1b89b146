"""A single Kafka broker on the loopback interface, in KRaft mode: broker and controller in one process."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

from skysieve.home import Home
from skysieve.local import jars, java
from skysieve.local.process import Daemon, free_port

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
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # LSST keeps a week of alerts; a laptop's disk sets the other bound
    "log.retention.hours": "168",
    "log.retention.bytes": str(4 << 30),
    "log.segment.bytes": str(256 << 20),
    "controlled.shutdown.enable": "false",
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
    """Start the broker; it is ready when its port answers."""
    daemon = Daemon(home, "kafka")
    classpath = str(jars.kafka(home, tell) / "*")
    controller = free_port()
    listeners = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
    settings = _SETTINGS | {
        "listeners": listeners,
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "log.dirs": str(home.data),
    }
    config = home.run / "kafka.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    (home.run / "kafka-log4j2.properties").write_text(_LOGGING)
    found = java.find()
    _format(found.path, classpath, config, home)
    daemon.start(
        [
            *(found.path, "-Xms256m", "-Xmx768m", "-XX:+UseG1GC", "-Djava.awt.headless=true"),
            f"-Dlog4j2.configurationFile={home.run / 'kafka-log4j2.properties'}",
            *("-cp", classpath, "kafka.Kafka", str(config)),
        ]
    )
    return daemon


def _format(java_path: str, classpath: str, config: Path, home: Home) -> None:
    """Make a new storage folder; one that exists is left as it is."""
    if (home.data / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [
        java_path,
        "-cp",
        classpath,
        "kafka.tools.StorageTool",
        "format",
        "-t",
        cluster,
        "-c",
        str(config),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        log = Daemon(home, "kafka")
        home.logs.mkdir(parents=True, exist_ok=True)
        log.log.write_text(done.stdout + done.stderr)
        raise log.failure("Kafka's storage could not be made")
