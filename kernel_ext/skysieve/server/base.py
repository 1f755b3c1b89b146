"""What all handlers have in common: who may ask, how long an answer may take, and what is said of a failure."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from jupyter_server.base.handlers import APIHandler
from pydantic import BaseModel, ValidationError
from tornado import web

from skysieve.errors import SkysieveError
from skysieve.server.failures import told
from skysieve.server.limits import within
from skysieve.server.models import Problem
from skysieve.server.panel import Panel
from skysieve.topics import Topics

PANEL = "skysieve_panel"
"""Where a server's settings have the :class:`Panel`."""
MOST = 500
"""Items of a page."""

Result = TypeVar("Result")
Request = TypeVar("Request", bound=BaseModel)
Item = TypeVar("Item", bound=BaseModel)


class SameOrigin:
    """Origins that Jupyter lets ask must be so as a whole: with a pattern, its beginning is not enough."""

    def check_origin(self, *given: Any) -> bool:
        """Whether the page that asks may ask."""
        handler: Any = self
        if not super().check_origin(*given):  # type: ignore[misc]
            return False
        origin, pattern = handler.request.headers.get("Origin"), handler.allow_origin_pat
        if not origin or not pattern or handler.allow_origin or handler.skip_check_origin():
            return True
        own = urlsplit(origin.lower()).netloc == handler.request.headers.get("Host")
        return own or re.fullmatch(pattern, origin) is not None


class Handler(SameOrigin, APIHandler):
    """Answers in models."""

    auth_resource = "skysieve"

    @property
    def panel(self) -> Panel:
        """What the handlers share."""
        found: Panel = self.settings[PANEL]
        return found

    async def prepare(self) -> None:  # type: ignore[override]
        """Let nobody in whom the server does not know, whatever else it lets pass."""
        await super().prepare()
        if self.request.method != "OPTIONS" and not self.current_user:
            raise web.HTTPError(403)

    async def on_kafka(self, doing: str, work: Callable[[Topics], Result]) -> Result:
        """What a piece of work with Kafka gives, in a thread and with a time limit."""
        return await within(doing, lambda: work(self.panel.place.reached()))

    def asked(self, model: type[Request]) -> Request:
        """The body of the request."""
        return model.model_validate_json(self.request.body or b"{}")

    def say(self, answer: BaseModel) -> None:
        """Answer."""
        self.finish(answer.model_dump_json())

    def page(self, items: list[Item], usual: int = 100) -> dict[str, Any]:
        """The part of a list that the request asks for by ``start`` and ``count``."""
        start = self.number("start", 0, 0, len(items))
        count = self.number("count", usual, 1, MOST)
        return {"items": items[start : start + count], "start": start, "total": len(items)}

    def number(self, name: str, usual: int, least: int, most: int) -> int:
        """A whole number of the request's query."""
        text = self.get_query_argument(name, str(usual))
        if not re.fullmatch(r"\d{1,18}", text):
            raise web.HTTPError(400, f"{name} is a whole number.")
        return max(least, min(most, int(text)))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what was wrong and what to do; of what nobody foresaw only that it happened."""
        error = kwargs.get("exc_info", (None, None))[1]
        status, message = told(error, status_code)
        self.set_status(status)
        self.finish(Problem(message=message).model_dump_json())

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log where a handler failed, without what was asked or said: there may be a token or a password in it."""
        if isinstance(value, SkysieveError | ValidationError | web.HTTPError):
            self.log.debug("skysieve: %s %s: %s", self.request.method, self.request.path, typ.__name__)
            return
        frames = " < ".join(f"{f.name} ({f.filename}:{f.lineno})" for f in traceback.extract_tb(tb)[::-1][:6])
        self.log.error(
            "skysieve: %s %s: %s in %s", self.request.method, self.request.path, typ.__name__, frames
        )
