"""``skysieve bench``: measurements of the engine on this machine. What is compared is measured in one run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

from skysieve import local
from skysieve.bench import bank, decode, enrich, latency, preview
from skysieve.bench.yardsticks import full_memory
from skysieve.environment import PROGRESS
from skysieve.errors import SkysieveError, nearest
from skysieve.home import Home

_BENCHES: dict[str, ModuleType] = {
    "bank": bank,
    "decode": decode,
    "enrich": enrich,
    "latency": latency,
    "preview": preview,
}

Tell = Callable[[str], None]


def run(what: str, count: int, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Run a measurement in a session of its own, which is stopped at the end; latencies in two.

    Parameters
    ----------
    what
        ``"bank"``, ``"decode"``, ``"enrich"``, ``"latency"`` or ``"preview"``.
    count
        Number of alert packets; with few, the fixed cost of starting a query shows.
    tell
        Called with each step.

    Returns
    -------
    dict
        What was measured, ready for JSON; rates in alerts per second, times in seconds.

    Raises
    ------
    SkysieveError
        If there is no such measurement, or what it compares does not agree.
    """
    if what not in _BENCHES:
        raise SkysieveError(
            f"There is no bench {what!r}, only {', '.join(_BENCHES)}.{nearest(what, _BENCHES)}"
        )
    if count < 1:
        raise SkysieveError(f"--count {count}: ask for one packet or more.")
    keep = Home.default()
    keep.cache.mkdir(parents=True, exist_ok=True)
    found = {"bench": what, "cores": os.cpu_count()}
    tell("having all memory in use, as it is after some days ...")
    with full_memory():
        for progress in PROGRESS if what == "latency" else PROGRESS[:1]:
            with tempfile.TemporaryDirectory(prefix="skysieve-bench-") as folder, _progress(progress):
                home = replace(Home.at(folder), cache=keep.cache)
                try:
                    session = local.up(home, tell=tell, supervisor=False)
                    found |= _BENCHES[what].measure(session, count, tell)
                finally:
                    local.down(home)
    return found


@contextmanager
def _progress(kind: str) -> Iterator[None]:
    """Have sessions note progress so."""
    before = os.environ.get("SKYSIEVE_PROGRESS")
    os.environ["SKYSIEVE_PROGRESS"] = kind
    try:
        yield
    finally:
        del os.environ["SKYSIEVE_PROGRESS"]
        if before is not None:
            os.environ["SKYSIEVE_PROGRESS"] = before


def report(result: dict[str, Any]) -> str:
    """Write a measurement for people."""
    return str(_BENCHES[result["bench"]].report(result))
