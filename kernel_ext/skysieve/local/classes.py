"""Archives of the classes that Kafka and Spark load (Java's class data sharing): they start in half the time with them.

A server that has none lists what it loads. When it has been stopped, the list is kept in the cache, and the next
session makes the archive of it beside its own work: once for all sessions of this machine.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from skysieve.home import Home
from skysieve.local import java
from skysieve.local.lock import locked
from skysieve.local.process import Daemon

PART = "classes"
"""Name of the process that makes archives."""
_PRIORITY = 5
_FEWEST = 5000
"""Classes of a server that has come up: a shorter list is of one that was ended before."""
_KEPT = 60 * 86400
"""Seconds that an archive stays which nobody uses, as that of an older Spark."""


@dataclass(frozen=True)
class Archive:
    """The archive of one server's classes.

    Attributes
    ----------
    part
        ``kafka`` or ``spark``.
    classpath
        Its folders of jars, as Java takes them.
    folder
        Where archives are kept.
    """

    part: str
    classpath: str
    folder: Path

    @property
    def file(self) -> Path:
        """The archive, of just this Java and these jars; empty where this Java can make none."""
        program = Path(java.find().path).resolve()
        jars = [
            jar for entry in self.classpath.split(":") for jar in sorted(Path(entry).parent.glob("*.jar"))
        ]
        # in seconds: that is all an image of a container keeps
        seen = [(str(path), path.stat().st_size, int(path.stat().st_mtime)) for path in (program, *jars)]
        return self.folder / f"{self.part}-{hashlib.sha256(repr(seen).encode()).hexdigest()[:16]}.jsa"

    @property
    def listed(self) -> Path:
        """The classes that it is made of."""
        return self.file.with_suffix(".list")

    @property
    def used(self) -> list[str]:
        """What Java is told, to use it; nothing where it is not there."""
        with suppress(OSError):
            file = self.file
            if file.stat().st_size:
                os.utime(file)
                return [f"-XX:SharedArchiveFile={file}"]
        return []

    def options(self, home: Home) -> list[str]:
        """What Java is told: to use it; where there is none, to list what the server of this home loads."""
        with suppress(OSError):
            if not (self.file.exists() or self.listed.exists()):
                return [f"-XX:DumpLoadedClassList={home.run / self.listed.name}"]
        return self.used

    @property
    def is_wanted(self) -> bool:
        """Whether it can be made and has not been."""
        return self.listed.exists() and not self.file.exists()

    def make(self) -> None:
        """Make it, of what is listed."""
        file, scratch = self.file, self.folder / f".{self.part}.jsa"
        command = [java.find().path, "-Xshare:dump", "-Xmx1g", f"-XX:SharedClassListFile={self.listed}"]
        done = subprocess.run(
            [*command, f"-XX:SharedArchiveFile={scratch}", "-cp", self.classpath],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            scratch.unlink(missing_ok=True)
            file.touch()
        else:
            scratch.replace(file)
        self.listed.unlink(missing_ok=True)


def make(archives: Iterable[Archive]) -> None:
    """Make those that are wanted, and remove what nobody has used for long; one process at a time does."""
    for one in archives:
        with locked(one.folder / ".lock"):
            if one.is_wanted:
                one.make()
            for old in one.folder.glob(f"{one.part}-*.jsa"):
                if old.stat().st_mtime < time.time() - _KEPT:
                    old.unlink()


def make_beside(home: Home, archives: Sequence[Archive]) -> None:
    """The same in a process of the session's own, which ends with the session if it is not done before."""
    daemon = Daemon(home, PART)
    with suppress(OSError):
        if daemon.process is None and any(one.is_wanted for one in archives):
            told = (part for one in archives for part in (one.part, one.classpath, str(one.folder)))
            daemon.start([sys.executable, "-m", "skysieve.local.classes", *told])


def keep_lists(home: Home) -> None:
    """Keep what the servers of this home listed, which must have ended."""
    folder = home.cache / "classes"
    for made in home.run.glob("*.list"):
        with suppress(OSError):
            lines = made.read_bytes().splitlines(keepends=True)
            if len(lines) >= _FEWEST:
                folder.mkdir(parents=True, exist_ok=True)
                scratch = folder / f".{made.name}-{os.getpid()}"
                scratch.write_bytes(b"".join(line for line in lines if line.endswith(b"\n")))
                scratch.replace(folder / made.name)
            made.unlink()


if __name__ == "__main__":
    os.nice(_PRIORITY)
    told = iter(sys.argv[1:])
    make(
        Archive(part, classpath, Path(folder))
        for part, classpath, folder in zip(told, told, told, strict=True)
    )
