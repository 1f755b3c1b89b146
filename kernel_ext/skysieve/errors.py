"""Every error that Skysieve raises on purpose.

::

    SkysieveError
    ├── SessionError          the session cannot be started, reached or used
    ├── StreamError           no such stream, or its packets cannot be read
    ├── FilterError           a filter that cannot run, whatever the stream
    │   ├── FilterSyntaxError   its text does not parse; knows the place
    │   └── ColumnError         it names a column that the stream does not have; knows the place
    ├── EnrichmentError       an enrichment that cannot be had: its catalogue, region or function
    ├── DeploymentError       a deployment that cannot be made, found or changed
    └── PacketError           an alert packet that cannot be decoded

A message says what was wrong, where, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SkysieveError(Exception):
    """Root of all errors that Skysieve raises on purpose."""


class SessionError(SkysieveError):
    """The session cannot be started, reached or used."""


class StreamError(SkysieveError):
    """No such stream, or its packets cannot be read."""


class FilterError(SkysieveError):
    """A filter that cannot run.

    Attributes
    ----------
    line, column
        Place of the error in the filter's text, counted from 1; None where it is not known.
    length
        Number of characters that are meant.
    reason
        The message without the place.
    """

    def __init__(
        self, message: str, line: int | None = None, column: int | None = None, length: int = 1
    ) -> None:
        self.line, self.column, self.length = line, column, length
        self.reason = message
        super().__init__(message)


class FilterSyntaxError(FilterError):
    """The text of a filter does not parse; the message has the line with a mark under the place."""

    def __init__(self, message: str, text: str, line: int, column: int, length: int = 1) -> None:
        shown = underlined(text, line, column, length)
        super().__init__(f"{message} (line {line}, column {column})\n{shown}", line, column, length)
        self.reason = message


class ColumnError(FilterError):
    """A filter names a column that its stream does not have."""


class EnrichmentError(SkysieveError):
    """An enrichment cannot be had: its catalogue, region or function."""


class DeploymentError(SkysieveError):
    """A deployment cannot be made, found or changed."""


class PacketError(SkysieveError):
    """An alert packet cannot be decoded.

    Attributes
    ----------
    stage
        A short fixed word for the step that failed, such as ``"schema-id"``.
    """

    def __init__(self, stage: str, message: str) -> None:
        self.stage = stage
        super().__init__(message)


def underlined(text: str, line: int, column: int, length: int = 1) -> str:
    r"""The line of a text that has the error, and a mark under what is meant.

    Examples
    --------
    >>> print(underlined("snr > 20\nAND snrr > 5", 2, 5, 4))
      AND snrr > 5
          ~~~^
    """
    shown = text.split("\n")[line - 1]
    before = "".join(c if c == "\t" else " " for c in shown[: column - 1])
    # what is meant may go on in further lines
    length = min(length, len(shown) - column + 1)
    return f"  {shown}\n  {before}{'~' * (length - 1)}^"


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Say which known names come nearest to a misspelt one, ready to end a message.

    Examples
    --------
    >>> nearest("diaSource.psfFlx", ["diaSource.psfFlux", "diaObject.nDiaSources"])
    ' Did you mean diaSource.psfFlux?'
    >>> nearest("psfFlx", ["diaSource.psfFlux", "diaSource.snr"])
    ' Did you mean diaSource.psfFlux?'
    >>> nearest("zzz", ["diaSource.snr"])
    ''
    """
    by_lower = {k.lower(): k for k in known}
    if "." not in name:
        by_lower = {**{k.rsplit(".", 1)[-1]: full for k, full in reversed(by_lower.items())}, **by_lower}
    close = difflib.get_close_matches(name.lower(), by_lower, n=count, cutoff=0.75)
    if not close:
        tail = name.rsplit(".", 1)[-1].lower()
        close = [k for k in by_lower if k.rsplit(".", 1)[-1] == tail][:count]
    return f" Did you mean {' or '.join(dict.fromkeys(by_lower[c] for c in close))}?" if close else ""
