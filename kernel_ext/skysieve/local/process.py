"""Processes of the local session: started apart from the terminal, known by pid and time of birth, stopped by pid."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from skysieve.errors import SessionError
from skysieve.home import Home


@dataclass(frozen=True)
class Daemon:
    """One process of the session.

    A record of pid and time of birth outlives it, so that a recycled pid is never taken for it.
    """

    home: Home
    name: str

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self.home.logs / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.home.run / f"{self.name}.pid"

    @property
    def process(self) -> psutil.Process | None:
        """The running process; None if there is none."""
        try:
            noted = json.loads(self._record.read_text())
            process = psutil.Process(noted["pid"])
            same = abs(process.create_time() - noted["born"]) < 1
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it, with its output in its log."""
        self.home.logs.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home.state,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        born = psutil.Process(child.pid).create_time()
        self._record.write_text(json.dumps({"pid": child.pid, "born": born}))

    def stop(self, patience: float = 15) -> None:
        """End it and what it started: first asked, then killed."""
        process = self.process
        if process is not None:
            try:
                family = [process, *process.children(recursive=True)]
                process.terminate()
                _, left = psutil.wait_procs(family, timeout=patience)
                for one in left:
                    one.kill()
                psutil.wait_procs(left, timeout=5)
            except psutil.NoSuchProcess:
                pass
        self._record.unlink(missing_ok=True)

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"

    def failure(self, what: str) -> SessionError:
        """The error that a start which failed ends in."""
        return SessionError(
            f"{what}. The last lines of {self.log}:\n{self.tail()}\n"
            "Mend what they tell, then `skysieve up` again; `skysieve down` first clears what is left."
        )


def free_port() -> int:
    """A port on the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could take this port on the loopback interface now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether somebody listens on this port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
