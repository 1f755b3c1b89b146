"""Spark's own web pages: on a port of the loopback interface, for whoever has the session's token."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode

_FILTER = "org.apache.spark.ui.JWSFilter"
_LASTS = 60


def settings(port: int, token: str) -> dict[str, str]:
    """Spark's settings for them. Others who use this machine can reach the port, and see nothing without the token.

    They are always on: they cost eight threads and some 7 MB.
    """
    return {
        "spark.ui.enabled": "true",
        "spark.ui.port": str(port),
        "spark.ui.killEnabled": "false",
        "spark.ui.filters": _FILTER,
        f"spark.{_FILTER}.param.secretKey": _text(_key(token)),
    }


def authorization(token: str) -> str:
    """What a request must bring along: a signature (JWS, RFC 7515) that is good for a minute."""
    claims = {"sub": "skysieve", "exp": int(time.time()) + _LASTS}
    signed = ".".join(_text(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    return f"Bearer {signed}.{_text(hmac.digest(_key(token), signed.encode(), 'sha256'))}"


def _key(token: str) -> bytes:
    """A key of its own: from it nobody finds the token."""
    return hmac.digest(token.encode(), b"spark ui", "sha256")


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
