"""Processes of a session as the machine sees them, without asking the session."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil


def processes_in(folder: Path) -> list[psutil.Process]:
    """Every process that works in a folder or is told of it on its command line, but for this one."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            told = any(str(folder) in part for part in process.cmdline())
            if process.pid != psutil.Process().pid and (told or Path(process.cwd()).is_relative_to(folder)):
                found.append(process)
    return found


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended may stay in the machine's table until its maker takes note."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(done: Callable[[], bool], what: str, patience: float = 90) -> None:
    """Wait for something that happens elsewhere."""
    end = time.monotonic() + patience
    while not done():
        assert time.monotonic() < end, f"{what}: not after {patience:g} s"
        time.sleep(0.1)
