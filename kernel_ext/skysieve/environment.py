"""Secrets that the environment holds, or files that it names: what a Kubernetes Secret or systemd hands over."""

from __future__ import annotations

import os
from pathlib import Path

from skysieve.errors import SessionError


class Secret(str):
    """A text that no `repr` shows: clients log their settings, and tracebacks show variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def secret(name: str) -> Secret | None:
    """The value of ``$NAME``, or what is in the file that ``$NAME_FILE`` names; None where neither is set.

    The line's end that an editor puts at the end of a file does not count.

    Raises
    ------
    SessionError
        If both are set, or the file cannot be read or is empty.
    """
    value, file = os.environ.get(name), os.environ.get(f"{name}_FILE")
    if value and file:
        raise SessionError(f"${name} and ${name}_FILE are both set: keep one of them.")
    if not file:
        return Secret(value) if value else None
    try:
        found = Path(file).read_text().rstrip("\r\n")
    except OSError as error:
        raise SessionError(f"${name}_FILE names {file}, which cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:  # whose message has a byte of it
        raise SessionError(f"${name}_FILE names {file}, which is no text.") from None
    if not found:
        raise SessionError(f"${name}_FILE names {file}, which is empty.")
    return Secret(found)
