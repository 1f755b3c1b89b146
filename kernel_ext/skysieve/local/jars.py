"""Kafka's and Spark's jars, fetched once with the Ivy that pyspark ships, and kept."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.local import java

KAFKA_VERSION = "4.1.1"


@dataclass(frozen=True)
class JarSet:
    """Jars that belong together."""

    name: str
    version: str
    modules: tuple[tuple[str, str], ...]
    beside_spark: bool = False


def pyspark_home() -> Path:
    """The folder of pyspark, found without importing it."""
    spec = importlib.util.find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def kafka(home: Home, tell: Callable[[str], None]) -> Path:
    """Folder of the broker's jars."""
    return _folder(home, JarSet("kafka", KAFKA_VERSION, (("org.apache.kafka", "kafka_2.13"),)), tell)


def spark(home: Home, tell: Callable[[str], None]) -> Path:
    """Folder of the jars that Spark needs besides its own to read and write Kafka and Avro."""
    modules = (("org.apache.spark", "spark-sql-kafka-0-10_2.13"), ("org.apache.spark", "spark-avro_2.13"))
    return _folder(home, JarSet("spark", metadata.version("pyspark"), modules, beside_spark=True), tell)


def _folder(home: Home, jars: JarSet, tell: Callable[[str], None]) -> Path:
    """Fetch a set unless it is there; a fetch that was broken off leaves nothing that looks whole."""
    folder = home.cache / "jars" / f"{jars.name}-{jars.version}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    tell(f"fetching {jars.name} {jars.version} (once; up to a minute) ...")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{jars.name}-") as scratch:
        for organisation, module in jars.modules:
            _retrieve(Path(scratch), home, organisation, module, jars.version)
        fetched = Path(scratch) / "jars"
        if jars.beside_spark:
            _drop_what_spark_has(fetched)
        if folder.is_dir():
            return folder
        try:
            fetched.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _retrieve(scratch: Path, home: Home, organisation: str, module: str, version: str) -> None:
    found = java.find()
    ivy = next((pyspark_home() / "jars").glob("ivy-*.jar"))
    command = [
        *(found.path, *found.trust, "-jar", str(ivy)),
        *("-dependency", organisation, module, version, "-confs", "default"),
        # `jar` alone leaves out scala-logging and snappy, and Kafka does not start without them
        *("-types", "jar", "bundle", "-cache", str(home.cache / "ivy")),
        *("-retrieve", f"{scratch}/jars/[artifact]-[revision](-[classifier]).[ext]"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not list((scratch / "jars").glob(f"{module}-{version}.jar")):
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise SessionError(
            f"{module} {version} could not be fetched:\n{tail}\n"
            "Check that this machine reaches a Maven repository (behind a proxy, set JAVA_TOOL_OPTIONS), then try again."
        )


def _drop_what_spark_has(fetched: Path) -> None:
    """Keep what pyspark does not ship already, in whatever version."""
    shipped = {_artifact(jar) for jar in (pyspark_home() / "jars").glob("*.jar")}
    for jar in fetched.glob("*.jar"):
        if _artifact(jar) in shipped:
            jar.unlink()


def _artifact(jar: Path) -> str:
    """Name of a jar without its version.

    >>> _artifact(Path("spark-sql-kafka-0-10_2.13-4.1.1.jar"))
    'spark-sql-kafka-0-10_2.13'
    """
    return jar.stem.rpartition("-")[0]


def clear(home: Home) -> None:
    """Forget every jar."""
    shutil.rmtree(home.cache / "jars", ignore_errors=True)
