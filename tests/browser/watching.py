"""A filter that runs on a stream of the test's own, and a notebook that watches it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import skysieve
from playwright.sync_api import Locator, expect
from skysieve.local import LocalSession
from skysieve.session import Session
from skysieve.sources import Packet, send

from .lab import Notebook

_SHOW = """
import os, skysieve
os.environ["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = {token!r}
sky = skysieve.attach({spark!r}, kafka={kafka!r})
live = sky.deployment({name!r}).live(every={every})
live
"""


@dataclass(frozen=True)
class Watching:
    """What is watched, and where."""

    deployment: skysieve.Deployment
    notebook: Notebook

    @property
    def view(self) -> Locator:
        """The view in the page, also in one that was loaded again."""
        return self.notebook.output().locator(".sky-live")

    @property
    def ids(self) -> list[str]:
        """Ids of the alerts that are shown, newest first."""
        return self.view.locator("td.sky-id").all_inner_texts()

    def feed(self, packets: Iterable[Packet], rate: float | None = None) -> None:
        """Put packets into the stream."""
        send(packets, self.deployment.stream, self.deployment.topics.bootstrap, rate=rate)


def watching(
    sky: Session,
    session: LocalSession,
    stream: str,
    name: str,
    notebook: Callable[..., Notebook],
    every: float = 0.5,
) -> Watching:
    """Deploy a filter that every alert passes, and show it live in a notebook."""
    spec = skysieve.Filter(name, "diaSource.diaSourceId IS NOT NULL", stream)
    deployment = sky.deploy(spec, guard=skysieve.Guard(share=1)).wait("running")
    told = {"token": session.token, "spark": session.spark, "kafka": session.kafka}
    opened = notebook(_SHOW.format(name=name, every=every, **told))
    opened.run()
    watched = Watching(deployment, opened)
    expect(watched.view.locator(".sky-badge")).to_have_text("running")
    return watched
