"""The supervisor's Spark session: the one of its predecessor for as long as the server knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

from pyspark.errors import PySparkException

from skysieve.engine.book import StatusBook

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Connect = Callable[[str], "SparkSession"]
"""Opens the Spark session of an id."""


class Driver:
    """Keeps one session, so that the supervisor finds the queries of its predecessor and starts no twin.

    Parameters
    ----------
    connect
        Opens the session of an id.
    book
        Where the id is kept.
    """

    def __init__(self, connect: Connect, book: StatusBook) -> None:
        self._connect, self._book = connect, book
        self._session: SparkSession | None = None

    @property
    def session(self) -> SparkSession:
        """The session, once it is open."""
        assert self._session is not None
        return self._session

    def open(self) -> None:
        """Go on in the session of the last supervisor; in a new one where the server has closed that."""
        for session in (self._book.session, str(uuid4())):
            if session is None:
                continue
            try:
                self._session = self._connect(session)
            except PySparkException as error:
                if "INVALID_HANDLE" not in str(error):
                    raise
            else:
                self._book.session = session
                return
