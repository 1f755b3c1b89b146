"""Secrets that a service wants: a specification only names where they are, and a worker reads them there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from skysieve.enrich.services.base import Failure
from skysieve.environment import Secret, secret, secret_in
from skysieve.errors import EnrichmentError, SessionError

PLACE = re.compile(r"\$\{([A-Za-z_]\w*|/[^{}]+)\}")
"""``${NAME}``, a variable (or the file that ``$NAME_FILE`` names), or ``${/run/secrets/ppdb}``, a file."""
_SECRET = re.compile(r"(?i)authorization|cookie|key|token|secret|password|passwd|credential")
_HELP = "name the variable or file that holds it, as ${NAME} or ${/path}: what stands here can be read by everyone."
_NEAR = ("localhost", "127.0.0.1", "::1")


class Secrets:
    """What was read for the places of a specification; knows what must not be shown."""

    def __init__(self) -> None:
        self._read: set[str] = set()

    def filled(self, text: str) -> Secret:
        """A text with the secrets in their places.

        Raises
        ------
        Failure
            If one of them is not there.
        """
        return Secret(PLACE.sub(lambda found: self._value(found[1]), text))

    def _value(self, place: str) -> str:
        try:
            found = secret_in(place) if place.startswith("/") else secret(place)
        except SessionError as error:
            raise Failure(f"refused: {error}") from None
        if found is None:
            raise Failure(f"refused: neither ${place} nor ${place}_FILE is set where Spark's workers run")
        self._read |= {str(found), quote(found, safe="")}
        return found

    def hidden(self, text: str) -> str:
        """A text without the secrets that were read."""
        for value in sorted(self._read, key=len, reverse=True):
            text = text.replace(value, "***")
        return text


def check_url(url: str, *, may_have_password: bool = False) -> None:
    """Make sure that there is no secret in a URL, or only the place of one where a password stands.

    Raises
    ------
    EnrichmentError
        If there is; it does not show the URL.
    """
    # the path of a file that holds one has slashes
    parts = urlsplit(PLACE.sub("PLACE", url))
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    asked = re.findall(r"([^=&]*)=([^&]*)", parts.query)
    if password not in ("", "PLACE") or any(
        _SECRET.search(name) and value and "{" not in value and value != "PLACE" for name, value in asked
    ):
        raise EnrichmentError(f"A password stands in the URL: {_HELP}")
    places = len(PLACE.findall(url))
    if may_have_password and places > (password == "PLACE"):
        raise EnrichmentError(
            "Of a database's URL only the password can be a secret: …://user:${NAME}@host/…."
        )
    if not may_have_password and (user or places):
        raise EnrichmentError(
            "Secrets do not belong in a URL, which servers and proxies log: give "
            "headers={'Authorization': 'Bearer ${NAME}'}."
        )


def check_headers(url: str, headers: Mapping[str, str]) -> None:
    """Make sure that secrets are named, not written out, and travel encrypted.

    Raises
    ------
    EnrichmentError
        If not; it does not show them.
    """
    for name, value in headers.items():
        if _SECRET.search(name) and not PLACE.search(value):
            raise EnrichmentError(f"A secret stands in the header {name}: {_HELP}")
    parts = urlsplit(url)
    if any(PLACE.search(value) for value in headers.values()) and not (
        parts.scheme == "https" or parts.hostname in _NEAR
    ):
        raise EnrichmentError(
            f"A secret would travel to {parts.hostname} for all to read: the URL must be https."
        )
