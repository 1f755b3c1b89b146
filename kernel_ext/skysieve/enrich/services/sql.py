"""SQL databases, through SQLAlchemy; values are bound, and what changes is not committed."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from skysieve.enrich.services.base import (
    HOLE,
    INSTALL,
    Answers,
    Client,
    Failure,
    Key,
    Service,
    Turn,
    by_key,
    check_query,
    chunks,
    picked,
    with_list,
)
from skysieve.enrich.services.secrets import PLACE, Secrets, check_url
from skysieve.errors import EnrichmentError

_FILE = "sqlite:///"
_LISTED = 500
"""Keys that stand in a query; databases have limits, SQL Server's of 2,100 is among the least."""
_SEVERAL = 32
"""Connections, where so many are used at once."""


class Sql(Service):
    """A database that SQLAlchemy knows: PostgreSQL, SQLite, MySQL, Oracle, DuckDB …, each with its driver.

    Parameters
    ----------
    url
        Of the database, as SQLAlchemy takes it; its password is named, not written:
        ``"postgresql+psycopg://reader:${NAME}@host/ppdb"`` takes the variable ``$NAME``, or the file that
        ``$NAME_FILE`` names, where Spark's workers run; ``${/path}`` is a file there.
    query
        A ``SELECT`` with columns of the alert in braces. One with ``id IN ({column})``, which gives ``id`` among its
        columns, asks for all alerts of a batch at once; any other asks for each. Of several rows the first counts.
    key
        Name of the result's column that holds what is asked for with ``IN``; that before ``IN`` unless given.

    Examples
    --------
    >>> Sql("sqlite:////data/known.db", "SELECT id, z FROM hosts WHERE id IN ({diaObject.diaObjectId})").list_of
    ('id', 'diaObject.diaObjectId')
    """

    via: Literal["sql"] = "sql"
    url: str
    query: str
    key: str = ""

    def __init__(self, url: str = "", query: str = "", **more: Any) -> None:
        check_url(url, may_have_password=True)
        if not re.match(r"[\w+]+://", url):
            raise EnrichmentError(
                "The URL of a database begins with what it is, as in postgresql+psycopg://…."
            )
        if url.startswith(_FILE) and not url.startswith((f"{_FILE}/", f"{_FILE}:")):
            url = f"{_FILE}{Path(url.removeprefix(_FILE)).expanduser().absolute()}"
        check_query(query)
        super().__init__(**{"url": url, "query": query, **more})

    @property
    def template(self) -> str:
        """The query."""
        return self.query

    def place(self) -> str:
        """Its kind, and host or file."""
        parts = urlsplit(PLACE.sub("", self.url))
        return f"{parts.scheme.partition('+')[0]} {parts.hostname or Path(parts.path).name}"

    def client(self, wanted: Sequence[str]) -> Client:
        """What asks it."""
        return _Client(self, tuple(wanted))


class _Client(Client):
    def __init__(self, service: Sql, wanted: Sequence[str]) -> None:
        self.service, self.wanted = service, wanted
        self.at_most = 100_000 if service.list_of else 1
        self._engine: Any = None
        self._secrets = Secrets()

    def load(self) -> None:
        if importlib.util.find_spec("sqlalchemy") is None:
            raise EnrichmentError(f"Databases need SQLAlchemy: {INSTALL}.")
        import sqlalchemy  # noqa: F401

    def ask(self, keys: Sequence[Key], turn: Turn) -> Iterator[Answers]:
        from sqlalchemy import exc

        listed = self.service.list_of
        try:
            for some in chunks(keys, _LISTED):
                turn()
                names, rows = self._rows([key[0] for key in some] if listed else some[0])
                if listed:
                    where = picked(names, [self.service.key or listed[0], *self.wanted])
                    yield by_key(some, ((row[where[0]], tuple(row[i] for i in where[1:])) for row in rows))
                else:
                    where = picked(names, self.wanted)
                    yield {some[0]: tuple(rows[0][i] for i in where) if rows else None}
        except (exc.SQLAlchemyError, ImportError, OSError) as error:
            is_down = isinstance(error, exc.TimeoutError) or getattr(error, "connection_invalidated", False)
            raise Failure(f"{'down' if is_down else 'refused'}: {_said(error)}") from None

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine = None
        self._secrets = Secrets()

    def without_secrets(self, text: str) -> str:
        return self._secrets.hidden(text)

    def _rows(self, values: Any) -> tuple[list[str], list[Any]]:
        from sqlalchemy import bindparam, text

        # a colon of the user's own is none of SQLAlchemy's parameters
        query = self.service.query.replace(":", "\\:")
        if self.service.list_of:
            said = text(with_list(query, ":keys").replace("(:keys)", ":keys"))
            said = said.bindparams(bindparam("keys", values, expanding=True))
        else:
            names = {name: f"p{i}" for i, name in enumerate(self.service.parameters())}
            said = text(HOLE.sub(lambda hole: f":{names[hole[1]]}", query))
            said = said.bindparams(**dict(zip(names.values(), values, strict=True)))
        with self._connected() as connection:
            result = connection.execute(said)
            if not result.returns_rows:
                raise Failure("refused: the query gives no rows; it must be a SELECT")
            return list(result.keys()), result.fetchmany(1) if not self.service.list_of else result.fetchall()

    def _connected(self) -> Any:
        from sqlalchemy import exc

        engine = self._made()
        try:
            return engine.connect()
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise Failure(f"down: {_said(error)}") from None

    def _made(self) -> Any:
        from sqlalchemy import create_engine, make_url

        if self._engine is None:
            url = make_url(PLACE.sub("PLACE", self.service.url))
            if place := PLACE.search(self.service.url):
                # once the URL is in parts: a password may have any character
                url = url.set(password=self._secrets.filled(place[0]))
            if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
                # else a file that is gone would be made anew, empty
                query = {**url.query, "mode": "ro", "uri": "true"}
                url = url.set(database=f"file:{quote(str(url.database))}", query=query)
            self._engine = create_engine(url, pool_pre_ping=True, pool_size=_SEVERAL)
        return self._engine


def _said(error: BaseException) -> str:
    """What the driver says, without the query and its values that SQLAlchemy adds."""
    text = str(getattr(error, "orig", None) or (error if not hasattr(error, "statement") else ""))
    return (text.strip().splitlines() or [type(error).__name__])[0][:200]
