"""Where Skysieve keeps its files on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Home:
    """Folders of one local session.

    ``$SKYSIEVE_HOME`` holds everything; without it the folders are those that the platform
    sets aside for applications. ``$SKYSIEVE_CACHE`` moves what can be fetched again (jars),
    so that several sessions share it.

    Examples
    --------
    >>> Home.at("/data/sky").run.as_posix()
    '/data/sky/run'
    """

    state: Path
    cache: Path

    @classmethod
    def default(cls) -> Home:
        """The home that the environment names."""
        home = os.environ.get("SKYSIEVE_HOME")
        if home:
            return cls.at(home)
        return cls(platformdirs.user_state_path("skysieve"), _cache(platformdirs.user_cache_path("skysieve")))

    @classmethod
    def at(cls, folder: str | Path) -> Home:
        """A home in a folder of its own."""
        root = Path(folder).expanduser().absolute()
        return cls(root, _cache(root / "cache"))

    @property
    def run(self) -> Path:
        """Process records, ports and the Spark token of the running session."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.state / "logs"

    @property
    def data(self) -> Path:
        """Kafka's log segments."""
        return self.state / "kafka"

    @property
    def checkpoints(self) -> Path:
        """Spark's streaming checkpoints, one folder per query."""
        return self.state / "checkpoints"


def _cache(default: Path) -> Path:
    return Path(os.environ.get("SKYSIEVE_CACHE") or default).expanduser().absolute()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: there is a token in it."""
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)
