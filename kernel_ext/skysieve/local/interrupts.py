"""Interrupts: a command that is told to end stops what it started, and is not disturbed while it does."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_TOGETHER = 1.0
"""Seconds within which a second signal is the same wish to end, and must not cut short what the first one began."""


def end_in_order() -> None:
    """Let SIGTERM and a closed terminal end the program as Ctrl-C does, by an exception, so that it cleans up."""
    last = -_TOGETHER

    def end(number: int, _: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last - before < _TOGETHER:
            return
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    for number in _ENDINGS:
        if signal.getsignal(number) != signal.SIG_IGN:  # under nohup they are ignored, and stay so
            signal.signal(number, end)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Finish what is inside: an impatient second Ctrl-C must not leave half of it running."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def deferred(at_once: Callable[[], object] = lambda: None) -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and SIGTERM come when the function given is called or at the end, and not in the middle of something.

    Raised inside a callback of a C library they would be lost, or lose what the callback was to note; inside gRPC they
    can leave its lock held. A second one comes at once.

    Parameters
    ----------
    at_once
        What a first one does when it arrives.
    """
    arrived: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    known = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if main}
    handlers = {number: handler for number, handler in known.items() if callable(handler)}
    failed = None

    def note(number: int, frame: FrameType | None) -> None:
        if arrived:
            arrived.clear()
            handlers[signal.Signals(number)](number, frame)
        else:
            at_once()
        arrived.append(number)

    def let_come() -> None:
        if arrived:
            number = arrived.pop()
            handlers[signal.Signals(number)](number, None)

    for number in handlers:
        signal.signal(number, note)
    try:
        yield let_come
    except BaseException as error:
        failed = error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    try:
        let_come()  # one that came after the last call
    except BaseException as error:
        raise error from None  # that something failed because of it need not be told
    if failed is not None:
        raise failed
