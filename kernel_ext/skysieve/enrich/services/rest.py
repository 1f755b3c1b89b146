"""REST: one request per object, answered in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field

from skysieve.enrich.services.base import HOLE, Answers, Client, Failure, Key, Row, Service, Turn
from skysieve.enrich.services.connections import Connections
from skysieve.enrich.services.secrets import check_headers, check_url
from skysieve.errors import EnrichmentError


class Rest(Service):
    """A service that answers ``GET`` with a JSON object, or a list of which the first counts.

    The columns are fields of that object; what it lacks is NULL.

    Parameters
    ----------
    url
        With columns of the alert in braces, whose values are escaped:
        ``"https://host/objects/{diaObject.diaObjectId}?near={diaSource.ra}"``.
    headers
        To send. Secrets are named, not written: ``{"Authorization": "Bearer ${NAME}"}`` takes the variable ``$NAME``,
        or the file that ``$NAME_FILE`` names, where Spark's workers run; ``${/path}`` is a file there.
    under
        Name of the field that holds the object or list, where that is not the answer itself: ``"results"``.

    Examples
    --------
    >>> Rest("https://host/objects/{diaObject.diaObjectId}").parameters()
    ('diaObject.diaObjectId',)
    """

    via: Literal["rest"] = "rest"
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    under: str = ""

    def __init__(self, url: str = "", headers: Mapping[str, str] | None = None, **more: Any) -> None:
        check_url(url)
        check_headers(url, headers or {})
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or HOLE.search(parts.netloc):
            raise EnrichmentError("The URL of a REST service begins with https:// and the name of its host.")
        if not HOLE.search(url):
            raise EnrichmentError(
                "The URL takes no column of the alert: write one in braces, as in …/{diaObject.diaObjectId}."
            )
        super().__init__(**{"url": url, "headers": dict(headers or {}), **more})

    @property
    def template(self) -> str:
        """The URL."""
        return self.url

    def place(self) -> str:
        """Its host."""
        return f"REST at {urlsplit(self.url).hostname}"

    def client(self, wanted: Sequence[str]) -> Client:
        """What asks it."""
        return _Client(self, tuple(wanted))


class _Client(Client):
    def __init__(self, service: Rest, wanted: Sequence[str]) -> None:
        self.service, self.wanted = service, wanted
        self.close()

    def load(self) -> None:
        self._http.load()

    def ask(self, keys: Sequence[Key], turn: Turn) -> Iterator[Answers]:
        from skysieve.enrich.services.http import is_unknown

        for key in keys:
            url = self._url(key)
            response = self._http.session(turn()).get(url)
            if is_unknown(response):
                yield {key: None}
            elif response.status_code >= 400:
                said = f"{response.status_code} {response.reason or ''}".strip()
                raise Failure(f"refused: {said}", of_service=False)
            else:
                yield {key: self._row(response.content)}

    def close(self) -> None:
        self._http = Connections(self.service.headers)

    def without_secrets(self, text: str) -> str:
        return self._http.secrets.hidden(text)

    def _url(self, key: Key) -> str:
        values = dict(zip(self.service.parameters(), map(str, key), strict=True))
        if {".", ".."} & set(values.values()):
            raise Failure("refused: '.' and '..' name no object", of_service=False)
        return HOLE.sub(lambda hole: quote(values[hole[1]], safe=""), self.service.url)

    def _row(self, body: bytes) -> Row | None:
        try:
            found = json.loads(body, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            raise Failure("garbage: the answer is no JSON", of_service=False) from None
        if self.service.under:
            if not isinstance(found, dict) or self.service.under not in found:
                raise Failure(f"garbage: the answer has no field {self.service.under!r}", of_service=False)
            found = found[self.service.under]
        if isinstance(found, list):
            found = found[0] if found else None
        if found is None:
            return None
        if not isinstance(found, dict) or not set(self.wanted) & set(found):
            fields = ", ".join(self.wanted)[:200]
            raise Failure(f"garbage: the answer has none of the fields {fields}", of_service=False)
        return tuple(found.get(name) for name in self.wanted)
