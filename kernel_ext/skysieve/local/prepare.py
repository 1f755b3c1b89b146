"""What takes long the first time, done beforehand: for an image that many start from, or a run of many sessions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from skysieve.connections import connect
from skysieve.filter import Filter
from skysieve.home import Home
from skysieve.local import classes, jars, kafka, session, spark
from skysieve.local.lock import locked
from skysieve.session import Session
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

_PACKETS = 100


def prepare(home: Home, tell: Callable[[str], None] = lambda _: None) -> None:
    """Fetch the jars of Kafka and Spark, and make the archives that start them in half the time.

    Parameters
    ----------
    home
        Whose cache is filled.
    tell
        Called with each step.

    Raises
    ------
    SessionError
        If what is needed cannot be fetched or started.
    """
    jars.fetch(home, tell)
    archives = [server.archive(home) for server in (spark, kafka)]
    with locked(home.cache / ".prepare.lock", lambda: tell("waiting for another that prepares ...")):
        if all(one.file.exists() for one in archives):
            return
        if not all(one.file.exists() or one.listed.exists() for one in archives):
            tell("starting Kafka and Spark once, to see what they load ...")
            _learn(home)
        tell("making the archives of their classes (half a minute) ...")
        classes.make(archives)


def _learn(home: Home) -> None:
    """Have a session do what people do first."""
    with tempfile.TemporaryDirectory(prefix="skysieve-") as folder:
        scratch = replace(Home.at(Path(folder)), cache=home.cache)
        try:
            found = session.up(scratch, supervisor=False)
            sky = Session(Topics(found.kafka), connect(found.spark, found.token))
            stream = make_stream(sky.topics, "first-alerts")
            send(simulated("lsst", count=_PACKETS, seed=1), stream, found.kafka)
            sky.preview(Filter("first", "diaSource.snr > 5", stream))
            sky.detach()
        finally:
            session.down(scratch)


if __name__ == "__main__":
    prepare(Home.default(), print)
