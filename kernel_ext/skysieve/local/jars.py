"""Kafka's and Spark's jars, fetched once with the Ivy that pyspark ships, and kept in the cache.

A set is fetched into a folder beside its place and then renamed, so that a folder of its name is always whole.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.local import java
from skysieve.local.lock import locked
from skysieve.local.process import log_tail

KAFKA_VERSION = "4.1.1"
_LOG4J_VERSION = "2.24.3"
_CONNECTORS_VERSION = "4.2.0"
"""Not every repository has those of Spark 4.3 yet, which pyspark is; these fit."""
_FILES_VERSION = "0.1.0"
LOCAL_FILES = "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem"
"""A file system that makes files without help; Hadoop's has `chmod` run for each, four times in a micro-batch."""
_PATIENCE = 900.0

Tell = Callable[[str], None]


@dataclass(frozen=True)
class JarSet:
    """Jars that belong together.

    Attributes
    ----------
    name, version
        Of the folder.
    modules
        Organisation, name and version of what is asked for; what these need comes with them.
    without
        Organisations whose jars are not wanted.
    beside_spark
        Whether to leave out what pyspark ships, because both are on one class path.
    """

    name: str
    version: str
    modules: tuple[tuple[str, str, str], ...]
    without: tuple[str, ...] = ()
    beside_spark: bool = False

    @property
    def title(self) -> str:
        """Name, version, and a sign of what is asked for.

        Examples
        --------
        >>> JarSet("kafka", "4.1.1", ()).title
        'kafka-4.1.1-a58575b5'
        """
        return f"{self.name}-{self.version}-{zlib.crc32(self.descriptor.encode()):08x}"

    @property
    def descriptor(self) -> str:
        """The modules in Ivy's language."""
        wanted = "".join(
            f'<dependency org="{organisation}" name="{name}" rev="{version}" conf="default"/>'
            for organisation, name, version in self.modules
        )
        unwanted = "".join(f'<exclude org="{organisation}"/>' for organisation in self.without)
        info = f'<info organisation="skysieve" module="{self.name}"/>'
        return f'<ivy-module version="2.0">{info}<dependencies>{wanted}{unwanted}</dependencies></ivy-module>'


def pyspark_home() -> Path:
    """The folder of pyspark, found without importing it."""
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise SessionError("pyspark is not installed: `pip install skysieve` brings it.")
    return Path(spec.origin).parent


def kafka(home: Home, tell: Tell, given_up: threading.Event | None = None) -> Path:
    """Folder of the broker's jars."""
    modules = (
        ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
        # without it the broker logs nothing, not even why it ends
        ("org.apache.logging.log4j", "log4j-slf4j-impl", _LOG4J_VERSION),
    )
    return fetched(home, JarSet("kafka", KAFKA_VERSION, modules), tell, given_up)


def spark(home: Home, tell: Tell, given_up: threading.Event | None = None) -> Path:
    """Folder of the jars that Spark needs besides its own: to read and write Kafka and Avro, and for `LOCAL_FILES`."""
    modules = (
        ("org.apache.spark", "spark-sql-kafka-0-10_2.13", _CONNECTORS_VERSION),
        ("org.apache.spark", "spark-avro_2.13", _CONNECTORS_VERSION),
        ("com.globalmentor", "hadoop-bare-naked-local-fs", _FILES_VERSION),
    )
    wanted = JarSet("spark", _CONNECTORS_VERSION, modules, without=("org.apache.hadoop",), beside_spark=True)
    return fetched(home, wanted, tell, given_up)


def fetch(home: Home, tell: Tell) -> None:
    """Have both sets, fetched side by side where they are missing."""
    given_up = threading.Event()
    with ThreadPoolExecutor() as pool:
        try:
            for folder in [pool.submit(one, home, tell, given_up) for one in (kafka, spark)]:
                folder.result()
        except BaseException:
            given_up.set()
            raise


def fetched(home: Home, jars: JarSet, tell: Tell, given_up: threading.Event | None = None) -> Path:
    """The folder of a set of jars, fetched unless it is there.

    Parameters
    ----------
    home
        Where the cache is.
    jars
        The set.
    tell
        Called with each step.
    given_up
        Set by one who no longer wants it.

    Raises
    ------
    SessionError
        If it cannot be fetched.
    """
    root = home.cache / "jars"
    folder = root / jars.title
    if folder.is_dir():
        return folder
    with locked(root / f".{jars.title}.lock", lambda: tell(f"waiting for {jars.title}, being fetched ...")):
        if folder.is_dir():
            return folder
        for left in root.glob(f".{jars.title}-*"):  # by a fetch that was killed
            shutil.rmtree(left, ignore_errors=True)
        tell(f"fetching {jars.name.capitalize()} {jars.version} (once; up to a minute) ...")
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{jars.title}-") as scratch:
            new = _retrieve(Path(scratch), jars, folder, given_up or threading.Event())
            if jars.beside_spark:
                _drop_what_spark_has(new)
            new.rename(folder)
    return folder


def _retrieve(scratch: Path, jars: JarSet, folder: Path, given_up: threading.Event) -> Path:
    """Run Ivy, with a cache of its own: two that share one at the same time can spoil it."""
    found, new = java.find(), scratch / "jars"
    (scratch / "ivy.xml").write_text(jars.descriptor)
    command = [
        *(found.path, *found.trust, "-jar", _ivy()),
        *("-ivy", str(scratch / "ivy.xml"), "-confs", "default"),
        # `jar` alone leaves out scala-logging and snappy, and Kafka does not start without them
        *("-types", "jar", "bundle", "-cache", str(scratch / "cache")),
        *("-retrieve", f"{new}/[artifact]-[revision](-[classifier]).[ext]"),
    ]
    log = scratch / "ivy.log"
    with log.open("wb") as said:
        ivy = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
    end = time.monotonic() + _PATIENCE
    while ivy.poll() is None:
        if given_up.wait(0.1) or time.monotonic() > end:
            ivy.kill()
            ivy.wait()
    if ivy.returncode or not all(
        (new / f"{name}-{version}.jar").exists() for _, name, version in jars.modules
    ):
        tail = log_tail(log)
        raise SessionError(
            f"The jars of {jars.name.capitalize()} {jars.version} could not be fetched:\n{tail}\n"
            "Check that this machine reaches a Maven repository, then try again. Behind a proxy, set "
            "JAVA_TOOL_OPTIONS='-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT'. "
            f"Without a network, copy {folder} from a machine that has it."
        )
    return new


def _ivy() -> str:
    found = sorted((pyspark_home() / "jars").glob("ivy-*.jar"))
    if not found:
        raise SessionError(f"No ivy-*.jar in {pyspark_home() / 'jars'}: reinstall pyspark, which ships it.")
    return str(found[0])


def _drop_what_spark_has(fetched: Path) -> None:
    """Keep what pyspark does not ship already, in whatever version."""
    shipped = {artifact(jar.name) for jar in (pyspark_home() / "jars").glob("*.jar")}
    for jar in fetched.glob("*.jar"):
        if artifact(jar.name) in shipped:
            jar.unlink()


def artifact(jar: str) -> str:
    """Name of a jar file without its version.

    Examples
    --------
    >>> artifact("spark-sql-kafka-0-10_2.13-4.1.1.jar")
    'spark-sql-kafka-0-10_2.13'
    >>> artifact("zstd-jni-1.5.6-10.jar")
    'zstd-jni'
    """
    return re.split(r"-\d+\.\d", jar.removesuffix(".jar"), maxsplit=1)[0]
