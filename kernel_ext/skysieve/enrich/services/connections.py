"""Connections to a server over HTTP that stay open, and the headers that go with each request."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skysieve.enrich.services.base import INSTALL
from skysieve.enrich.services.secrets import Secrets
from skysieve.errors import EnrichmentError

if TYPE_CHECKING:
    from skysieve.enrich.services.http import Session

_SEVERAL = 32


class Connections:
    """What a client of TAP or REST holds.

    Parameters
    ----------
    headers
        With the places of secrets.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        self.headers = dict(headers)
        self.secrets = Secrets()
        self._kept: Any = None

    @staticmethod
    def load() -> None:
        """Import what it needs.

        Raises
        ------
        EnrichmentError
            If that is not installed here.
        """
        if importlib.util.find_spec("requests") is None:
            raise EnrichmentError(f"REST and TAP need requests: {INSTALL}.")
        import skysieve.enrich.services.http  # noqa: F401

    def session(self, seconds: float) -> Session:
        """A session for so many seconds.

        Raises
        ------
        Failure
            If a secret is not there.
        """
        from requests.adapters import HTTPAdapter

        from skysieve.enrich.services.http import Session

        if self._kept is None:
            self._kept = HTTPAdapter(pool_maxsize=_SEVERAL)
        headers = {name: self.secrets.filled(value) for name, value in self.headers.items()}
        return Session(self._kept, headers, seconds, follow=headers == self.headers)
