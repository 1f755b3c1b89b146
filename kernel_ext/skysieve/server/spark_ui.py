"""Spark's own web pages under ``/skysieve/spark/``: those of the local session, for whoever may see the panel.

They are in Jupyter's origin, and they show names that anybody may have chosen: a policy keeps their scripts to
themselves, so that what Spark might fail to escape could reach neither kernels nor files.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from skysieve import local
from skysieve.errors import SessionError
from skysieve.local import spark_ui
from skysieve.local.process import Daemon
from skysieve.server.base import Handler
from skysieve.server.limits import within
from skysieve.server.place import Place

_PATIENCE = 30.0
_HOST = re.compile(r"[\w.-]+(:\d+)?")
_KEPT_BY_BROWSERS = "/static/"


class SparkUiHandler(Handler):
    """Reads, and nothing else: no request of a page changes anything in Spark."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give the page, with its links leading here."""
        port, token = await within("look for Spark's pages", lambda: _where(self.panel.place))
        path = self.request.path.removeprefix(self._begin)
        query = f"?{self.request.query}" if self.request.query else ""
        asked = HTTPRequest(
            f"http://127.0.0.1:{port}{path}{query}",
            # Spark begins its links with this
            headers={"Authorization": spark_ui.authorization(token), "X-Forwarded-Context": self._begin},
            follow_redirects=False,
            connect_timeout=5,
            request_timeout=_PATIENCE,
        )
        try:
            answer = await SimpleAsyncHTTPClient().fetch(asked, raise_error=False)
        except (HTTPClientError, OSError, ValueError) as error:
            raise SessionError(f"Spark's pages do not come: {error}. Look at its log.") from error
        if answer.code == 599:
            raise SessionError("Spark's pages do not come: it does not answer. Look at its log.")
        self.set_status(answer.code)
        if location := answer.headers.get("Location"):
            self.set_header("Location", self._here(location))
        if path.startswith(_KEPT_BY_BROWSERS) and answer.code == 200:
            self.set_header("Cache-Control", "private, max-age=3600")
        self.finish(answer.body, set_content_type=answer.headers.get("Content-Type", "text/plain"))

    @property
    def content_security_policy(self) -> str:
        """Scripts and styles of these pages alone; they ask for, open and embed nothing else of this origin."""
        host = self.request.host
        here = f"{host}{self._begin}/" if _HOST.fullmatch(host) else "'self'"
        return "; ".join(
            [
                "default-src 'none'",
                f"script-src {here} 'unsafe-inline'",
                f"style-src {here} 'unsafe-inline'",
                f"img-src {here} data:",
                f"font-src {here} data:",
                f"connect-src {here}",
                f"form-action {here}",
                "base-uri 'none'",
                "frame-ancestors 'self'",
                "sandbox allow-scripts allow-same-origin allow-forms allow-downloads",
            ]
        )

    @property
    def _begin(self) -> str:
        return url_path_join(self.base_url, "skysieve", "spark")

    def _here(self, location: str) -> str:
        """Where a redirect leads, here; never to another host."""
        parts = urlsplit(location)
        path = "/" + parts.path.removeprefix(self._begin).lstrip("/")
        return f"{self._begin}{path}{'?' + parts.query if parts.query else ''}"


def _where(place: Place) -> tuple[int, str]:
    """Port and token of the local session's pages; a stranger who has taken the port is not asked."""
    running = local.running(place.home) if place.is_local else None
    if running is None:
        raise SessionError("Spark's own pages can be seen here only of a local session that runs.")
    if not running.spark_ui or not Daemon(place.home, "spark").listens_on(running.spark_ui):
        raise SessionError(
            "This session's Spark serves no pages of its own: stop the session and start it again."
        )
    return running.spark_ui, running.token
