"""What is asked of Spark as a courtesy has a deadline, so that no program waits for a server that has fallen silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import grpc

_SECONDS = 5.0
_SILENT = 0.2
"""Seconds for each further one, where the last was not answered: there can be one for each part of a result."""
_COURTESIES = ("/ReleaseExecute", "/ReleaseSession")
"""A server that does not learn of these clears up by itself; Python, as it ends, waits for each without end."""


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


class Deadlines(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Gives up the calls that only release something on the server."""

    def __init__(self) -> None:
        self._is_silent = False

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], details: Any, request: Any
    ) -> Any:
        """Hand the call on, with a deadline if it is one of these."""
        if not details.method.endswith(_COURTESIES):
            return continuation(details, request)
        rest = (details.metadata, details.credentials, details.wait_for_ready, details.compression)
        call = continuation(
            _Details(details.method, _SILENT if self._is_silent else _SECONDS, *rest), request
        )
        self._is_silent = call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        return call
