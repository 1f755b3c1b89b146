"""Processes of the local session: started apart from the terminal, known by pid and mark, stopped by pid."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.kafka_options import VARIABLES
from skysieve.local.failures import cure

_UNWANTED = (
    *("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED", "SPARK_CONF_DIR", "SPARK_MASTER", "SPARK_API_MODE"),
    *VARIABLES,
)
"""Settings of other Sparks, which must not reach ours, and of other Kafkas: with a password, for filters to read."""
_MARK = "SKYSIEVE_PART"
"""Names, in the environment of each process of a session, the home and the part that it belongs to."""


@dataclass(frozen=True)
class Daemon:
    """One process of the session.

    Its pid is recorded, and its mark tells it from whatever gets that pid after it. What it starts inherits the
    mark, and so is found when it is gone itself, or when the record is.
    """

    home: Home
    name: str

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self.home.logs / f"{self.name}.log"

    @property
    def process(self) -> psutil.Process | None:
        """The running process; None if there is none."""
        try:
            process = psutil.Process(int(self._record.read_text()))
        except (OSError, ValueError, OverflowError, psutil.Error):
            return None
        return process if self._is_marked(process) and not _has_ended(process) else None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it, with its output in its log; the log of the last run is kept beside it."""
        self.stop()
        self.home.logs.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_suffix(".log.1"))
        inherited = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        with self.log.open("wb") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home.state,
                env={**inherited, **(environment or {}), _MARK: self._mark},
                start_new_session=True,
            )
        try:
            scratch = self._record.with_suffix(".new")
            scratch.write_text(f"{child.pid}\n")
            scratch.replace(self._record)
            # its environment shows a moment after its start
            while self.process is None and child.poll() is None:
                time.sleep(0.001)
        except BaseException:
            child.kill()
            child.wait()
            raise
        child.returncode = 0  # it is meant to outlive us: Popen must not warn of that

    def stop(self, patience: float = 20) -> None:
        """End it and what it started: first asked, then killed."""
        leader, family = self.process, self._family()
        if leader is not None:
            with suppress(psutil.Error):
                leader.terminate()
        else:
            for orphan in family:
                with suppress(psutil.Error):
                    orphan.terminate()
        left = _outlasting(family, patience)
        late = [p for p in self._family() if p not in family] if family else []
        for one in [*left, *late]:
            with suppress(psutil.Error):
                one.kill()
        _outlasting([*left, *late], 5)
        self._record.unlink(missing_ok=True)

    def listens_on(self, port: int) -> bool:
        """Whether it, and not a stranger, is the server of this port."""
        return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in self._connections())

    def is_connected_to(self, port: int) -> bool:
        """Whether it has a connection to this port."""
        return any(
            c.status == psutil.CONN_ESTABLISHED and c.raddr and c.raddr.port == port
            for c in self._connections()
        )

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        return log_tail(self.log, lines)

    def failure(self, what: str) -> SessionError:
        """The error that a start which failed ends in."""
        tail = self.tail()
        return SessionError(f"{what}. The last lines of {self.log}:\n{tail}\n{cure(tail, self.home)}")

    @property
    def _record(self) -> Path:
        return self.home.run / f"{self.name}.pid"

    @property
    def _mark(self) -> str:
        return f"{self.name} of {self.home.state.resolve()}"

    def _is_marked(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            return process.environ().get(_MARK) == self._mark
        return False

    def _family(self) -> list[psutil.Process]:
        """The process and all that it started; Spark's Python workers, for one, may outlive it."""
        return [process for process in psutil.process_iter() if self._is_marked(process)]

    def _connections(self) -> list[Any]:
        process = self.process
        try:
            return list(process.net_connections("tcp")) if process else []
        except psutil.Error:
            return []


def _outlasting(processes: list[psutil.Process], patience: float) -> list[psutil.Process]:
    """Those that still run after so many seconds."""
    end = time.monotonic() + patience
    while (processes := [p for p in processes if not _has_ended(p)]) and time.monotonic() < end:
        time.sleep(0.05)
    return processes


def _has_ended(process: psutil.Process) -> bool:
    """Whether it has ended, also where the notebook that started it has taken no note of that."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            process.wait(0)  # lets go of it where it is a child of ours
        return not process.is_running()
    except psutil.TimeoutExpired:
        return True
    except psutil.Error:
        return not process.is_running()


def log_tail(path: Path, lines: int = 15) -> str:
    """The end of a log, without the frames of Java's stack traces, which hide what is to be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - (256 << 10)))
            text = file.read().decode(errors="replace")
    except OSError:
        return "(no log)"
    kept = [line for line in text.splitlines() if line.strip() and not line.startswith("\tat ")]
    return "\n".join(kept[-lines:]) or "(empty)"
