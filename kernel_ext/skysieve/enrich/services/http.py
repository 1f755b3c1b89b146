"""Requests over HTTP that end when their time is over, whatever the server does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from skysieve.enrich.services.base import Failure

_LARGEST = 64 << 20
"""Bytes of an answer."""
_LONGEST = 3600.0
"""Seconds for which a service is left alone at its own wish."""
_GONE = (404, 410)


class Session(requests.Session):
    """A session for one request or two, over connections that stay open.

    Parameters
    ----------
    connections
        What keeps them.
    headers
        To send, secrets in their places.
    seconds
        How long all may take.
    follow
        Whether it may be redirected: never with secrets, which others would get.
    """

    def __init__(
        self, connections: HTTPAdapter, headers: Mapping[str, str], seconds: float, *, follow: bool
    ) -> None:
        super().__init__()
        self.mount("http://", connections)
        self.mount("https://", connections)
        self.headers.update(headers)
        self.auth = _as_it_is
        self.until = time.monotonic() + seconds
        self.follow = follow

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request and read its answer, with what HTTP calls success; an unknown object (404) is one, too.

        Raises
        ------
        Failure
            If there is none in time.
        """
        left = self.until - time.monotonic()
        if left <= 0:
            raise Failure("slow: no answer in time")
        kwargs |= {"timeout": left, "stream": True, "allow_redirects": self.follow}
        try:
            with super().request(method, url, *args, **kwargs) as response:
                body = self._body(response)
        except requests.Timeout:
            raise Failure("slow: no answer in time") from None
        except requests.ConnectionError as error:
            if isinstance(next(iter(error.args), None), urllib3.exceptions.TimeoutError):
                raise Failure("slow: no answer in time") from None
            raise Failure(f"down: {_cause(error)}") from None
        except requests.RequestException as error:  # whose text may have the headers in it
            raise Failure(f"garbage: {type(error).__name__}") from None
        response._content = body
        # pyvo reads from here
        response.raw = urllib3.HTTPResponse(BytesIO(body), status=response.status_code, preload_content=False)
        _refuse(response)
        return response

    def _body(self, response: requests.Response) -> bytes:
        found = bytearray()
        # a chunk is there when so much has come; small ones let a trickle be noticed
        for chunk in response.iter_content(1024):
            found += chunk
            if len(found) > _LARGEST:
                raise Failure(f"garbage: an answer of more than {_LARGEST >> 20} MB")
            if time.monotonic() > self.until:
                raise Failure("slow: no answer in time")
        return bytes(found)


def is_unknown(response: requests.Response) -> bool:
    """Whether the server says that there is no such thing."""
    return response.status_code in _GONE


def _as_it_is(request: Any) -> Any:
    """What requests would else look up in a .netrc, and put in the place of the header that was given."""
    return request


def _refuse(response: requests.Response) -> None:
    code = response.status_code
    said = f"{code} {response.reason or ''}".strip()
    if code in (429, 503):
        kind = "busy" if code == 429 else "down"
        raise Failure(f"{kind}: {said}", pause=_pause(response.headers.get("Retry-After", "")))
    if code in (401, 403, 407):
        raise Failure(f"refused: {said}")
    if 300 <= code < 400:
        raise Failure(f"refused: {said}; where secrets are sent, no redirection is followed")
    if code >= 500:
        raise Failure(f"down: {said}", of_service=False)


def _pause(said: str) -> float:
    return min(float(said), _LONGEST) if said.isascii() and said.isdigit() else 0.0


def _cause(error: BaseException) -> str:
    """What the system says of a connection that failed, without the addresses that requests adds."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror:
            return seen.strerror
        reason = getattr(seen, "reason", None) or next(
            (a for a in seen.args if isinstance(a, Exception)), None
        )
        seen = reason if isinstance(reason, BaseException) else seen.__cause__ or seen.__context__
    return "no connection"
