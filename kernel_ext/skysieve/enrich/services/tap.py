"""TAP, the Virtual Observatory's protocol for databases (https://www.ivoa.net/documents/TAP/), through pyvo."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

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
from skysieve.enrich.services.connections import Connections
from skysieve.enrich.services.secrets import check_headers, check_url
from skysieve.errors import EnrichmentError

_LISTED = 500
"""Keys that stand in a query; services have limits on its length."""

_ROWS = 2000
"""What is asked for at least, for an object may have several rows; services give as many unasked."""


class Tap(Service):
    """A TAP service, such as that of a Prompt Products Database.

    Parameters
    ----------
    url
        Of the service, what comes before ``/sync``.
    query
        ADQL with columns of the alert in braces. One with ``id IN ({column})``, which gives ``id`` among its columns,
        asks for all alerts of a batch at once: in one query, or where that would be too long, by a table that is
        uploaded if the service takes that. Any other asks for each alert. Of several rows the first counts.
    headers
        To send. Secrets are named, not written: ``{"Authorization": "Bearer ${NAME}"}`` takes the variable ``$NAME``,
        or the file that ``$NAME_FILE`` names, where Spark's workers run; ``${/path}`` is a file there.
    key
        Name of the result's column that holds what is asked for with ``IN``; that before ``IN`` unless given.

    Examples
    --------
    >>> ppdb = Tap(
    ...     "https://data.lsst.cloud/api/ppdbtap",
    ...     "SELECT diaObjectId, nDiaSources FROM ppdb.DiaObject WHERE diaObjectId IN ({diaObject.diaObjectId})",
    ...     headers={"Authorization": "Bearer ${RSP_TOKEN}"},
    ... )
    >>> ppdb.list_of
    ('diaObjectId', 'diaObject.diaObjectId')
    """

    via: Literal["tap"] = "tap"
    url: str
    query: str
    headers: dict[str, str] = Field(default_factory=dict)
    key: str = ""

    def __init__(
        self, url: str = "", query: str = "", headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        check_url(url)
        check_headers(url, headers or {})
        if not url.startswith(("https://", "http://")):
            raise EnrichmentError("The URL of a TAP service begins with https://.")
        check_query(query)
        said = {"url": url.rstrip("/"), "query": query, "headers": dict(headers or {})}
        super().__init__(**said, **more)

    @property
    def template(self) -> str:
        """The query."""
        return self.query

    def place(self) -> str:
        """Its host."""
        return f"TAP at {urlsplit(self.url).hostname}"

    def client(self, wanted: Sequence[str]) -> Client:
        """What asks it."""
        return _Client(self, tuple(wanted))


class _Client(Client):
    def __init__(self, service: Tap, wanted: Sequence[str]) -> None:
        self.service, self.wanted = service, wanted
        self.at_most = 100_000 if service.list_of else 1
        self.close()

    def load(self) -> None:
        if importlib.util.find_spec("pyvo") is None:
            raise EnrichmentError(f"TAP needs pyvo: {INSTALL}.")
        import pyvo.dal  # noqa: F401

        self._http.load()

    def ask(self, keys: Sequence[Key], turn: Turn) -> Iterator[Answers]:
        if not (listed := self.service.list_of):
            for key in keys:
                values = dict(zip(self.service.parameters(), map(literal, key), strict=True))
                query = HOLE.sub(lambda hole: values[hole[1]], self.service.query)  # noqa: B023
                table, _ = self._asked(query, turn, 1)
                where = picked(table.colnames, self.wanted)
                rows = _rows(table, where)
                yield {key: rows[0] if rows else None}
            return
        for some, query, uploads in self._queries(keys, turn):
            table, is_cut = self._asked(query, turn, max(_ROWS, 10 * len(some)), uploads)
            where = picked(table.colnames, [self.service.key or listed[0], *self.wanted])
            rows = _rows(table, where)
            found = by_key(some, ((row[0], row[1:]) for row in rows))
            if is_cut:
                short = Failure("refused: the service gives no more rows at once", of_service=False)
                found = {key: short if row is None else row for key, row in found.items()}
            yield found

    def _queries(self, keys: Sequence[Key], turn: Turn) -> Iterator[tuple[Sequence[Key], str, Any]]:
        if len(keys) > _LISTED and self._takes_uploads(turn):
            from astropy.table import Table

            table = Table({"id": [key[0] for key in keys]})
            query = with_list(self.service.query, "SELECT asked.id FROM TAP_UPLOAD.asked AS asked")
            yield keys, query, {"asked": table}
            return
        for some in chunks(keys, _LISTED):
            yield some, with_list(self.service.query, ", ".join(literal(key[0]) for key in some)), None

    def close(self) -> None:
        self._http = Connections(self.service.headers)
        self._uploads: bool | None = None

    def without_secrets(self, text: str) -> str:
        return self._http.secrets.hidden(text)

    def _takes_uploads(self, turn: Turn) -> bool:
        if self._uploads is None:
            from pyvo.dal import TAPService

            try:
                methods = TAPService(self.service.url, session=self._http.session(turn())).upload_methods
                self._uploads = any(str(m.ivo_id).endswith("#upload-inline") for m in methods)
            except Failure:
                raise
            except Exception:  # what it cannot say of itself, it cannot do
                self._uploads = False
        return self._uploads

    def _asked(self, query: str, turn: Turn, most: int, uploads: Any = None) -> tuple[Any, bool]:
        """The table that answers a query, and whether there would be more of it."""
        from astropy.io.votable import parse
        from pyvo.dal import DALQueryError
        from pyvo.dal.tap import TAPQuery, TAPResults

        session = self._http.session(turn())
        response = TAPQuery(self.service.url, query, maxrec=most, uploads=uploads, session=session).submit()
        try:
            found = TAPResults(parse(BytesIO(response.content), verify="ignore"))
            table = found.to_table()
        except DALQueryError as error:
            raise Failure(f"refused: {_line(error)}") from None
        except Exception as error:  # astropy's and pyvo's, for whatever the service sent
            if response.status_code >= 400:
                raise Failure(f"refused: {response.status_code} {response.reason or ''}".strip()) from None
            raise Failure(f"garbage: the answer is no VOTable ({type(error).__name__})") from None
        return table, found.status[0].upper() == "OVERFLOW"


def literal(value: Any) -> str:
    """A value in ADQL.

    Raises
    ------
    Failure
        If it cannot be written so that every service reads the same.

    Examples
    --------
    >>> literal(5), literal("O'Neill")
    ('5', "'O''Neill'")
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    text = str(value)
    # a backslash is one in ADQL, but not in every database below it
    if not text.isprintable() or "\\" in text:
        raise Failure("refused: a text that ADQL cannot hold safely", of_service=False)
    return "'" + text.replace("'", "''") + "'"


def _rows(table: Any, where: Sequence[int]) -> list[tuple[Any, ...]]:
    columns = [table.columns[i].tolist() for i in where]
    return list(zip(*columns, strict=True)) if len(table) else []


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
