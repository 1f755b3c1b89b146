"""What changes is told to panels as it changes, over WebSockets."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from skysieve.server import models
from skysieve.server.base import PANEL, SameOrigin


class ChangesHandler(SameOrigin, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """Tells a panel what changes, as it changes, over one WebSocket."""

    auth_resource = "skysieve"

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Let in whom the server knows and lets read."""
        if not self.current_user:
            raise web.HTTPError(403)
        if not self.authorizer.is_authorized(self, self.current_user, "read", self.auth_resource):
            raise web.HTTPError(403)
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to tell."""
        super().open(*args, **kwargs)
        self.settings[PANEL].listen(self._tell)

    def on_message(self, message: str | bytes) -> None:
        """Nothing is asked here."""

    def on_close(self) -> None:
        """Tell nothing more."""
        self.settings[PANEL].leave(self._tell)

    def _tell(self, changes: models.Changes) -> None:
        try:
            self.write_message(changes.model_dump_json())
        except WebSocketClosedError:
            self.settings[PANEL].leave(self._tell)
