"""Progress of packets on their way to Kafka, on standard error where that is a terminal (a notebook's is none)."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from skysieve.local.interrupts import deferred


class Shown:
    """A bar while it is entered; called with the number of packets that Kafka has, as ``send`` does.

    Attributes
    ----------
    count
        The last number it was told.
    """

    def __init__(self, total: int | None = None) -> None:
        self.count = 0
        self._inside = ExitStack()
        self._let_interrupts_come: Callable[[], None] = lambda: None
        console = Console(stderr=True)
        counted = "{task.completed:,}" + ("" if total is None else "/{task.total:,}")
        self._bar = Progress(
            *(BarColumn(), TextColumn(counted), _Rate(), TimeElapsedColumn()),
            console=console,
            transient=True,
            disable=not console.is_terminal or "JPY_PARENT_PID" in os.environ,
        )
        self._task = self._bar.add_task("", total=total)

    def __call__(self, count: int) -> None:
        """Note how many have arrived; here an interrupt comes, so that no arrival goes uncounted."""
        self.count = count
        self._bar.update(self._task, completed=count)
        self._let_interrupts_come()

    def __enter__(self) -> Shown:
        self._inside.enter_context(self._bar)
        self._let_interrupts_come = self._inside.enter_context(deferred())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside.close()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")
