"""Ports of the loopback interface."""

from __future__ import annotations

import errno
import os
import random
import socket
import time
from collections import deque

from skysieve.errors import SessionError

_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
"""Where clients may look for `localhost`: a stranger on the other of the two would be shown the token."""

_MOMENT = 2.0
_OURS = range(20_000, 32_000)
"""Below those that systems give to outgoing connections, of which one would take a port before its server has it."""
_given: deque[int] = deque(maxlen=1000)
"""What was given last: a session asks for several before the first of its servers has taken its own."""


def free_port() -> int:
    """A port that nobody uses now, no outgoing connection takes in a moment, and no other of our servers was given."""
    while (port := random.choice(_OURS)) in _given or not is_free(port):
        pass
    _given.append(port)
    return port


def is_free(port: int) -> bool:
    """Whether a server could take this port now, and nobody else is `localhost` there."""
    return all(_can_bind(family, host, port) for family, host in _LOOPBACK)


def _can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)  # a machine without IPv6
    return True


def _becomes_free(port: int) -> bool:
    """Whether a port is free now or in a moment: a server that was killed may hold it so much longer."""
    end = time.monotonic() + _MOMENT
    while not (free := is_free(port)) and time.monotonic() < end:
        time.sleep(0.05)
    return free


def choose(name: str, before: int | None) -> int:
    """The port for a server that is to be started: the one asked for, the one it had, or any.

    Parameters
    ----------
    name
        ``"kafka"`` or ``"spark"``; ``$SKYSIEVE_KAFKA_PORT`` and ``$SKYSIEVE_SPARK_PORT`` ask for a port.
    before
        The port it had.

    Raises
    ------
    SessionError
        If the port asked for is none, or is taken.
    """
    variable = f"SKYSIEVE_{name.upper()}_PORT"
    asked = os.environ.get(variable)
    if not asked:
        return before if before and _becomes_free(before) else free_port()
    if not (asked.isascii() and asked.isdigit() and 0 < int(asked) < 65536):
        raise SessionError(f"${variable} is {asked!r}: it must be a port, 1 to 65535.")
    if not _becomes_free(int(asked)):
        raise SessionError(
            f"Port {asked}, which ${variable} asks for {name.capitalize()}, cannot be had: another program uses it, "
            "or it is reserved. Stop that program, choose another port, or unset the variable and Skysieve finds one."
        )
    return int(asked)
