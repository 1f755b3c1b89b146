"""A Spark Connect server on the loopback interface, with a token."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable

from skysieve.environment import is_exact
from skysieve.home import Home, write_private
from skysieve.kafka_options import PASSWORDS
from skysieve.local import jars, java, spark_ui
from skysieve.local.classes import Archive
from skysieve.local.process import Daemon

_OPENED = [
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
]
"""Spark's own list (org.apache.spark.launcher.JavaModuleOptions). spark-submit would also ask for the module
jdk.incubator.vector, which the bundled Java lacks, so the server is started without it."""

_LARGEST_MESSAGE = 128 << 20
_CONF = {
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.maxInboundMessageSize": str(_LARGEST_MESSAGE),
    "spark.connect.session.manager.defaultSessionTimeout": "-1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # previews, backfills and banks share the cores fairly
    "spark.scheduler.mode": "FAIR",
    # a division by zero in one filter is NULL and must not stop all the others
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "4",
    # rows carry packets of 82 kB: Arrow's 10,000 rows to a batch would fill the heap
    "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
    "spark.python.daemon.module": "skysieve.engine.workers",
    # in which line of a user's function a Python worker was when it had to be ended
    "spark.sql.execution.pyspark.udf.faulthandler.enabled": "true",
    # whole alerts of the versions in a stream have some 400 fields; beyond 100 Spark would no longer compile a query
    "spark.sql.codegen.maxFields": "1000",
    # of a thousand executions Spark would keep the plans as texts, each of a megabyte with the schemas in it
    "spark.sql.maxPlanStringLength": "20000",
    "spark.sql.ui.retainedExecutions": "20",
    "spark.sql.ui.explainMode": "simple",
    # pages of 64 MB would be cleared for each task that feeds Python, and for each small catalogue that is broadcast
    "spark.buffer.pageSize": "1m",
    # Spark Connect keeps each query that ended for an hour, with its last plan: some 4 MB, not counted in this share
    "spark.memory.fraction": "0.4",
    "spark.sql.streaming.minBatchesToRetain": "10",
    # what a query has fetched and not used, tens of MB for each partition, Spark would keep for five minutes
    "spark.kafka.consumer.fetchedData.cache.timeout": "5s",
    "spark.kafka.consumer.fetchedData.cache.evictorThreadRunInterval": "2s",
    "spark.kafka.consumer.cache.timeout": "20s",
    "spark.kafka.consumer.cache.evictorThreadRunInterval": "5s",
    # a producer of one who may write nowhere asks without a pause for a number that it does not get
    "spark.kafka.producer.cache.timeout": "30s",
    "spark.kafka.producer.cache.evictorThreadRunInterval": "10s",
    # these make files without having programs run for it, where the usual ones take 20 in each micro-batch
    "spark.hadoop.fs.file.impl": jars.LOCAL_FILES,
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
    # passwords of Kafka travel in a source's options, and Spark shows these in plans and events
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|jaas",
    "spark.sql.redaction.options.regex": "(?i)url|password|jaas",
    "spark.redaction.string.regex": PASSWORDS,
}
_TASKS = 64
"""Tasks at once where banks run in real time: each has one for every partition of its stream, which stays and mostly
waits."""
_LOGGING = """\
status = WARN
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n%ex
"""


def memory() -> str:
    """Heap of the server: ``$SKYSIEVE_SPARK_MEMORY`` in Java's notation, or 3 GB."""
    return os.environ.get("SKYSIEVE_SPARK_MEMORY") or "3g"


def archive(home: Home) -> Archive:
    """That of Spark's own jars and those fetched besides, which must be there."""
    classpath = f"{jars.pyspark_home() / 'jars'}/*:{jars.spark(home, lambda _: None)}/*"
    return Archive("spark", classpath, home.cache / "classes")


def start(home: Home, port: int, ui: int, token: str, tell: Callable[[str], None]) -> Daemon:
    """Start the server; `is_ready` tells when it serves.

    Parameters
    ----------
    home
        Where it keeps its files.
    port
        Of the loopback interface.
    ui
        The same for Spark's own web pages.
    token
        What clients must show. It is handed over in the environment: command lines can be read by everybody.
    tell
        Called with each step.
    """
    daemon = Daemon(home, "spark")
    daemon.stop()
    jars.spark(home, tell)
    classes = archive(home)
    scratch, logging = home.state / "spark", home.run / "spark-log4j2.properties"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed server left
    scratch.mkdir(parents=True)
    conf = _CONF | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.sql.warehouse.dir": str(home.state / "warehouse"),
        "spark.default.parallelism": str(os.cpu_count()),
    }
    tasks = os.cpu_count() if is_exact() else _TASKS
    logging.write_text(_LOGGING)
    secret = home.run / "spark.conf"
    settings = spark_ui.settings(ui, token)
    write_private(secret, "".join(f"{name} {value}\n" for name, value in settings.items()))
    daemon.start(
        [
            *(java.find().path, *classes.options(home), f"-Xmx{memory()}", "-XX:+ExitOnOutOfMemoryError"),
            # the buffers of fetched packets are 8 MB each, which sends Java's usual collector round and round
            *("-XX:+UseParallelGC", "-XX:-UseGCOverheadLimit"),
            # collecting may take 4 % of the time: with Java's 1 % the heap grows for an hour without a need
            "-XX:GCTimeRatio=24",
            *("-XX:+IgnoreUnrecognizedVMOptions", "-Djdk.reflect.useDirectMethodHandle=false"),
            *("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"),
            *("-Dio.netty.tryReflectionSetAccessible=true", "-Dio.netty.allocator.type=pooled"),
            *("-Djava.awt.headless=true", "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={scratch}"),
            # Avro's fast reader keeps each schema that it was ever given, and every task brings its own
            "-Dorg.apache.avro.fastread=false",
            # a corrupt length in a packet must not make Avro ask for 2 GB
            f"-Dorg.apache.avro.limits.bytes.maxLength={64 << 20}",
            f"-Dorg.apache.avro.limits.string.maxLength={64 << 20}",
            f"-Dorg.apache.avro.limits.collectionItems.maxLength={1 << 20}",
            f"-Dlog4j2.configurationFile={logging}",
            *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
            *("-cp", classes.classpath, "org.apache.spark.deploy.SparkSubmit"),
            *("--master", f"local[{tasks}]", "--name", "skysieve", "--properties-file", str(secret)),
            *(part for name, value in conf.items() for part in ("--conf", f"{name}={value}")),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"),
        ],
        {
            "SPARK_HOME": str(jars.pyspark_home()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(scratch),
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        },
    )
    return daemon


def is_ready(daemon: Daemon, port: int) -> bool:
    """Whether the server takes calls: it binds its port last."""
    return daemon.listens_on(port)
