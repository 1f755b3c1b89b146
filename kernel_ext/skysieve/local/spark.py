"""A Spark Connect server on the loopback interface, with a token."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from skysieve.home import Home
from skysieve.local import jars, java
from skysieve.local.process import Daemon

_OPENED = ["java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"]
"""Spark's own list (org.apache.spark.launcher.JavaModuleOptions). spark-submit would also ask for the module
jdk.incubator.vector, which the bundled Java lacks, so the server is started without it."""

_CONF = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.maxInboundMessageSize": str(256 << 20),
    "spark.connect.session.manager.defaultSessionTimeout": "-1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
    # previews, backfills and banks share the cores fairly
    "spark.scheduler.mode": "FAIR",
    # a division by zero in one filter is NULL and must not stop all the others
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    # rows carry packets of 82 kB: Arrow's 10,000 rows to a batch would fill the heap
    "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
    "spark.sql.streaming.minBatchesToRetain": "10",
}


def start(home: Home, port: int, token: str, tell: Callable[[str], None]) -> Daemon:
    """Start the server; it is ready when its port answers."""
    daemon = Daemon(home, "spark")
    folder, extra = jars.pyspark_home(), jars.spark(home, tell)
    conf = _CONF | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.local.dir": str(home.state / "spark"),
        "spark.sql.warehouse.dir": str(home.state / "warehouse"),
        "spark.sql.artifact.isolation.enabled": "false",
    }
    (home.run / "spark-log4j2.properties").write_text(_LOGGING)
    daemon.start(
        [
            *(java.find().path, f"-Xmx{os.environ.get('SKYSIEVE_SPARK_MEMORY', '3g')}"),
            *("-XX:+IgnoreUnrecognizedVMOptions", "-Djdk.reflect.useDirectMethodHandle=false"),
            *("-Dio.netty.tryReflectionSetAccessible=true", "-Djava.net.preferIPv4Stack=true"),
            # a corrupt length in a packet must not make Avro ask for 2 GB
            f"-Dorg.apache.avro.limits.bytes.maxLength={64 << 20}",
            f"-Dorg.apache.avro.limits.string.maxLength={64 << 20}",
            f"-Dorg.apache.avro.limits.collectionItems.maxLength={1 << 20}",
            f"-Dlog4j2.configurationFile={home.run / 'spark-log4j2.properties'}",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
            *("-cp", f"{folder / 'jars'}/*:{extra}/*", "org.apache.spark.deploy.SparkSubmit"),
            *("--master", "local[*]", "--name", "skysieve"),
            *(part for name, value in conf.items() for part in ("--conf", f"{name}={value}")),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"),
        ],
        {
            "SPARK_HOME": str(folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        },
    )
    return daemon


_LOGGING = """\
status = WARN
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n%ex
"""
