"""The addresses under ``/skysieve/``: thin, one class for each thing."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from skysieve.server import models
from skysieve.server.base import Handler
from skysieve.server.changes import ChangesHandler
from skysieve.server.limits import within
from skysieve.server.spark_ui import SparkUiHandler
from skysieve.server.tour import tour

_NAME = r"([^/]+)"


class StatusHandler(Handler):
    """The whole session in one value, as ``skysieve status --json`` prints it."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give it."""
        from skysieve.overview import overview

        place = self.panel.place
        found = await within("look at the session", lambda: overview(place.home, place.topics()))
        self.say(
            models.Status.model_validate({name: value for name, value in found.items() if name != "pids"})
        )


class SessionHandler(Handler):
    """The session: what runs of it, start and stop of the local one."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell what runs."""
        place, works = self.panel.place, self.panel.works
        self.say(await within("look at the session", lambda: place.looked_at(works.last)))


class WorkHandler(Handler):
    """Start or stop the local session; what it does comes with the changes."""

    @web.authenticated
    @authorized
    def post(self, doing: str) -> None:
        """Begin it."""
        if not self.panel.place.is_local:
            raise web.HTTPError(409, "This session runs elsewhere: it is started and stopped where it runs.")
        self.set_status(202)
        self.say(self.panel.works.begin("start" if doing == "start" else "stop"))


class RemoteHandler(Handler):
    """A session elsewhere, named by a person; forgotten when the server ends."""

    @web.authenticated
    @authorized
    async def put(self) -> None:
        """Show that one from now on, if its Kafka answers."""
        from skysieve.server.place import options_of
        from skysieve.topics import Topics

        named, panel = self.asked(models.Remote), self.panel
        await within("ask that Kafka", lambda: Topics(named.kafka, options_of(named)).names())
        panel.place.named = named
        panel.look_now()
        self.say(await within("look at the session", panel.place.looked_at))

    @web.authenticated
    @authorized
    def delete(self) -> None:
        """Show the environment's or the local one again."""
        self.panel.place.named = None
        self.panel.look_now()
        self.set_status(204)
        self.finish()


class LogHandler(Handler):
    """The end of the log of a part of the local session, as text."""

    @web.authenticated
    @authorized
    async def get(self, part: str) -> None:
        """Give it."""
        name = next(one for one in models.PARTS if one == part)
        text = await within("read a log", lambda: self.panel.place.log(name))
        self.finish(text, set_content_type="text/plain; charset=UTF-8")


class TourHandler(Handler):
    """The first notebook, to be kept among a person's own."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give it as a notebook's JSON."""
        self.finish(await within("read the tour", tour))


class StreamsHandler(Handler):
    """The streams, a page at a time."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give them."""
        from skysieve.server.streams import Streams

        found = await self.on_kafka("look at the streams", lambda topics: Streams(topics).look())
        self.say(models.StreamPage(**self.page(found)))


class ColumnsHandler(Handler):
    """The columns of a stream."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give them."""
        from skysieve.server.streams import columns

        name = unquote(name)
        found = await self.on_kafka("look at the columns", lambda topics: columns(topics, name))
        self.say(models.ColumnPage(**self.page(found, usual=500)))


class ValuesHandler(Handler):
    """What a column holds in the newest alerts."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the values of ``column``."""
        name, column, panel = unquote(name), self.get_query_argument("column"), self.panel
        self.say(await self.on_kafka("look at its values", lambda t: panel.samples.values(t, name, column)))


class DraftHandler(Handler):
    """A filter that is being typed: what is wrong with it."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Judge it."""
        draft, panel = self.asked(models.Draft), self.panel
        judge = panel.drafts.judged
        self.say(await within("judge the filter", lambda: judge(panel.place.topics(), draft)))


class FiltersHandler(Handler):
    """The filters, a page at a time."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give them."""
        from skysieve.engine.registry import REGISTRY
        from skysieve.engine.status import STATUS
        from skysieve.server.filters import filters

        found = await self.on_kafka(
            "look at the filters", lambda t: filters(t.newest_by_key(REGISTRY), t.newest_by_key(STATUS))
        )
        self.say(models.FilterPage(**self.page(found)))


class FilterHandler(Handler):
    """One filter: remove it."""

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Take it out of the registry; its matches are kept."""
        from skysieve.server.filters import deployment

        name = unquote(name)
        await self.on_kafka("remove the filter", lambda topics: deployment(topics, name)[0].remove())
        self.panel.look_now()
        self.set_status(204)
        self.finish()


class ActionHandler(Handler):
    """One filter: stop it, start it, or go back to an earlier version."""

    @web.authenticated
    @authorized
    async def post(self, name: str, action: str) -> None:
        """Write it into the registry; the supervisor does it."""
        from skysieve.server.filters import deployment

        name = unquote(name)
        asked = self.asked(models.Rollback if action == "rollback" else models.Nothing)

        def act(topics: Any) -> None:
            found, _ = deployment(topics, name)
            if isinstance(asked, models.Rollback):
                found.rollback(asked.version)
            elif action == "stop":
                found.stop()
            else:
                found.start()

        await self.on_kafka(f"{action} the filter", act)
        self.panel.look_now()
        self.set_status(202)
        self.say(models.Nothing())


class VersionsHandler(Handler):
    """The versions of a filter."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give them."""
        from skysieve.server.filters import versions

        name = unquote(name)
        found = await self.on_kafka("look at its versions", lambda topics: versions(topics, name))
        self.say(models.VersionPage(**self.page(found)))


class SourceHandler(Handler):
    """The cell that a filter stands for."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give that of ``version``, or of the current one."""
        from skysieve.server.filters import source

        name, version = unquote(name), self.get_query_argument("version", "")
        self.say(await self.on_kafka("look at its source", lambda topics: source(topics, name, version)))


class DifferenceHandler(Handler):
    """What was changed from one version of a filter to another."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give what is otherwise in ``new`` than in ``old``."""
        from skysieve.server.filters import difference

        name = unquote(name)
        old, new = self.get_query_argument("old"), self.get_query_argument("new")
        self.say(
            await self.on_kafka("compare the versions", lambda topics: difference(topics, name, old, new))
        )


class MatchesHandler(Handler):
    """The newest matches of a filter."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Give the newest ``count``."""
        from skysieve.server.matches import newest

        name, count = unquote(name), self.number("count", 10, 1, 50)
        self.say(await self.on_kafka("read its matches", lambda topics: newest(topics, name, count)))


class PictureHandler(Handler):
    """Cutouts and light curve of one match."""

    @web.authenticated
    @authorized
    async def get(self, name: str, partition: str, offset: str) -> None:
        """Give the PNG."""
        from skysieve.server.matches import picture

        name = unquote(name)
        drawn = await self.on_kafka("draw the match", lambda t: picture(t, name, int(partition), int(offset)))
        self.set_header("Cache-Control", "private, max-age=3600")
        self.finish(drawn, set_content_type="image/png")


_ROUTES: tuple[tuple[str, type], ...] = (
    ("status", StatusHandler),
    ("session", SessionHandler),
    ("session/(start|stop)", WorkHandler),
    ("session/remote", RemoteHandler),
    (f"session/logs/({'|'.join(models.PARTS)})", LogHandler),
    ("spark/.*", SparkUiHandler),
    ("tour", TourHandler),
    ("streams", StreamsHandler),
    (f"streams/{_NAME}/columns", ColumnsHandler),
    (f"streams/{_NAME}/values", ValuesHandler),
    ("draft", DraftHandler),
    ("filters", FiltersHandler),
    (f"filters/{_NAME}", FilterHandler),
    (f"filters/{_NAME}/(stop|start|rollback)", ActionHandler),
    (f"filters/{_NAME}/versions", VersionsHandler),
    (f"filters/{_NAME}/source", SourceHandler),
    (f"filters/{_NAME}/difference", DifferenceHandler),
    (f"filters/{_NAME}/matches", MatchesHandler),
    (rf"filters/{_NAME}/matches/(\d{{1,9}})/(\d{{1,18}})/picture", PictureHandler),
    ("changes", ChangesHandler),
)


def routes(base_url: str) -> list[tuple[str, type]]:
    """Every address of the extension, with its handler."""
    begin = re.escape(url_path_join(base_url, "skysieve", "/"))
    return [(f"{begin}{path}", handler) for path, handler in _ROUTES]
