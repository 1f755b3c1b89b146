"""Work that may take long, in threads and with a time limit, so that JupyterLab never waits for a Kafka."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from skysieve.server.failures import TooLateError

Result = TypeVar("Result")

PATIENCE = 12.0
"""Seconds: Kafka's clients give up after ten, and say why."""
_MOST = 16
_free = threading.BoundedSemaphore(_MOST)


async def within(doing: str, work: Callable[[], Result], seconds: float = PATIENCE) -> Result:
    """What a piece of work gives, done in a thread that nobody waits for when the server ends.

    Parameters
    ----------
    doing
        What it is, for the message.
    work
        The work.
    seconds
        How long to wait. The thread goes on, and what it gives is let go.

    Raises
    ------
    TooLateError
        If it takes longer, or too many others still do.
    """
    if not _free.acquire(blocking=False):
        raise TooLateError(
            f"Too much is under way already to {doing}: Kafka answers slowly. Try again in a moment."
        )
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def give(result: Result | None, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: Result | None = None
        failed: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            failed = error
        finally:
            _free.release()
        with suppress(RuntimeError):  # the loop is closed: the server ends
            loop.call_soon_threadsafe(give, result, failed)

    threading.Thread(target=run, name=f"skysieve: {doing}", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        raise TooLateError(
            f"It took more than {seconds:g} s to {doing}: Kafka does not answer. Look whether it runs, and try again."
        ) from None
