"""Times as users write them."""

from __future__ import annotations

from datetime import UTC, datetime

from skysieve.errors import DeploymentError, StreamError

Time = datetime | str
PLACES = ("latest", "earliest")
"""Where a stream can be begun to be read, but for a time."""


def instant(time: Time) -> datetime:
    """An aware datetime from what a user writes.

    Raises
    ------
    StreamError
        If it is none, or says no zone.

    Examples
    --------
    >>> instant("2026-03-05T01:00:00Z").isoformat()
    '2026-03-05T01:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        raise StreamError(f"{time!r} is no time: write for example 2026-03-05T01:00:00Z.") from None
    if found.tzinfo is None:
        raise StreamError(f"{time!r} says no time zone: add Z, or give an aware datetime.")
    return found.astimezone(UTC)


def start_text(start: Time) -> str:
    """``latest``, ``earliest`` or an ISO time in UTC, from what a user writes."""
    if isinstance(start, str) and start in PLACES:
        return start
    found = instant(start)
    if found > datetime.now(UTC):
        raise DeploymentError(
            f"start={found.isoformat()} is in the future: it can be 'latest', 'earliest' or a past time."
        )
    return found.isoformat()
