"""What the environment says that more than one part asks for, and the secrets that it holds or names the files of."""

from __future__ import annotations

import os
from pathlib import Path

from skysieve.errors import SessionError

PROGRESS = ("exact", "asynchronous")


def is_exact() -> bool:
    """Whether banks note the progress of each micro-batch; with ``$SKYSIEVE_PROGRESS`` asynchronous they need not.

    Raises
    ------
    SessionError
        If the variable says something else.
    """
    progress = os.environ.get("SKYSIEVE_PROGRESS") or PROGRESS[0]
    if progress not in PROGRESS:
        raise SessionError(f"$SKYSIEVE_PROGRESS is {progress!r}: it can be {' or '.join(PROGRESS)}.")
    return progress == PROGRESS[0]


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
    return secret_in(file, f"${name}_FILE names")


def secret_in(file: str, told: str = "A secret is looked for in") -> Secret:
    """What is in a file, without the line's end that an editor puts there.

    Raises
    ------
    SessionError
        If it cannot be read or is empty.
    """
    try:
        found = Path(file).read_text().rstrip("\r\n")
    except OSError as error:
        raise SessionError(f"{told} {file}, which cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:  # whose message has a byte of it
        raise SessionError(f"{told} {file}, which is no text.") from None
    if not found:
        raise SessionError(f"{told} {file}, which is empty.")
    return Secret(found)
