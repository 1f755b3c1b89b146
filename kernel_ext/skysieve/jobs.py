"""What a person sees and does while something takes long: a bar, and an interrupt that cancels Spark's job."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from skysieve.local.interrupts import deferred

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PATIENCE = 1.5
_AGAIN = 0.5
"""Seconds between two requests to cancel."""

Show = Callable[[int, int, bool], None]
"""Takes the numbers of tasks done and of all, and whether that was the last time."""


@contextmanager
def watched(spark: SparkSession, what: str) -> Iterator[None]:
    """Within this, Spark's progress is shown once it takes a while, and Ctrl-C or the stop button cancels its job.

    Parameters
    ----------
    spark
        The session of Spark Connect that works.
    what
        What it works on, for the bar.
    """
    tag, bar = f"skysieve-{uuid4().hex}", Bar(what)
    handler: Any = _of_tasks(bar)
    spark.addTag(tag)
    spark.registerProgressHandler(handler)
    try:
        with _cancelled(lambda: spark.interruptTag(tag)):
            yield
    finally:
        spark.removeProgressHandler(handler)
        spark.removeTag(tag)
        bar.close()


@contextmanager
def _cancelled(cancel: Callable[[], object]) -> Iterator[None]:
    """Within this a first Ctrl-C cancels, and is raised when the call of Spark has ended; a second is raised at once.

    Raised while gRPC works it could leave a lock of the channel held, on which the next call would wait for ever. Spark
    is asked until all is done, since it may just not have begun.
    """
    done = threading.Event()

    def ask() -> None:
        print("Cancelling; interrupt once more to leave at once.", file=sys.stderr)
        while not done.is_set():
            with suppress(Exception):  # whatever has become of the server, a second Ctrl-C leads out
                cancel()
            done.wait(_AGAIN)

    with deferred(lambda: threading.Thread(target=ask, name="skysieve-cancel", daemon=True).start()):
        try:
            yield
        finally:
            done.set()


class Bar:
    """Progress that is shown, once it takes a while, where somebody looks."""

    def __init__(self, what: str) -> None:
        self._what, self._begun = what, time.monotonic()
        self._shown: Show | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show how much is done of all that there is."""
        if not total or (self._shown is None and time.monotonic() - self._begun < _PATIENCE):
            return
        if self._shown is None:
            self._shown = _in_notebook(self._what) if _is_notebook() else _in_terminal(self._what)
        self._shown(done, total, False)

    def close(self) -> None:
        """Take it away."""
        if self._shown is not None:
            self._shown(0, 0, True)


def _of_tasks(bar: Bar) -> Callable[..., None]:
    """What Spark Connect calls several times a second; adds up the tasks of one action's stages."""

    def handle(
        *, stages: Iterable[Any] | None, inflight_tasks: int, operation_id: str | None, done: bool
    ) -> None:
        del inflight_tasks, operation_id, done
        known = list(stages or ())
        bar(sum(stage.num_completed_tasks for stage in known), sum(stage.num_tasks for stage in known))

    return handle


def show(thing: object) -> None:
    """Show something where somebody looks: rich in a notebook, as text on standard error."""
    if _is_notebook():
        from IPython.display import display

        display(thing)
    else:
        print(thing, file=sys.stderr)


def _is_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def _in_notebook(what: str) -> Show:
    from IPython.display import display
    from ipywidgets import IntProgress

    bar = IntProgress(description=what, style={"description_width": "initial"})
    place = display(bar, display_id=True)

    def show(done: int, total: int, is_last: bool) -> None:
        if is_last:
            bar.close()
            # a notebook that is saved with a closed widget shows an error in its place when it is opened again
            place.update({"text/plain": ""}, raw=True)
        else:
            bar.max, bar.value = total, done

    return show


def _in_terminal(what: str) -> Show:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not console.is_terminal or "CI" in os.environ)
    task = bar.add_task(what)
    bar.start()

    def show(done: int, total: int, is_last: bool) -> None:
        if is_last:
            bar.stop()
        else:
            bar.update(task, completed=done, total=total)

    return show
