"""Connections to Spark: sessions of one's own on a Spark Connect server, which say soon when that is gone."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from skysieve.errors import SessionError
from skysieve.kafka_options import PASSWORDS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"
"""The variable that holds the token of a Spark Connect server."""
_RETRIES = 6
_POLLING = "50ms"
"""How often a query that waits asks Kafka for more; one on a stream that flows asks whenever a micro-batch is done.
Measured with one idle stream: Spark's own 10 ms cost 13 % of a core in Spark and 15 % in Kafka (twice that before Java
has compiled it), 50 ms cost 5 % and 6 to 9 %."""

_SETTINGS = {
    # Spark would give each session, and each query, a class loader of its own: each would compile again what others
    # have compiled, have its methods interpreted until Java knows them, and start a daemon of Python's that stays
    "spark.sql.artifact.isolation.alwaysApplyClassloader": "false",
    "spark.sql.artifact.isolation.enabled": "false",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.redaction.string.regex": PASSWORDS,
    "spark.sql.streaming.pollingDelay": _POLLING,
    # it has nothing to adapt in micro-batches, and costs each its time
    "spark.sql.adaptive.streaming.stateless.enabled": "false",
}

_opened: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""The sessions that were opened here, and the server of each."""


def connect(url: str, token: str | None = None, session_id: str | None = None) -> SparkSession:
    """Open a Spark session of one's own on a Spark Connect server.

    Raises
    ------
    SessionError
        If the server does not answer or refuses the token.
    """
    # else gRPC starts a thread in the child of every fork, as of IPython's `!command`: it finds its descriptors closed
    # and, now and then, ends the child before it has become the command (grpc/grpc#43055)
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    from skysieve.deadlines import Deadlines

    host, port = _address(url)
    if not _is_there(url):
        raise SessionError(
            f"No Spark Connect server answers at {host}:{port}. "
            "Start the local session with `skysieve up`, or check the address."
        )

    def channel(own: str | None) -> DefaultChannelBuilder:
        extras = {"token": token, "session_id": own}
        given = "".join(f";{name}={value}" for name, value in extras.items() if value)
        base = url if "/;" in url else f"{url.rstrip('/')}/"
        builder = DefaultChannelBuilder(base + given)
        builder.add_interceptor(Deadlines())
        return builder

    own = session_id or str(uuid.uuid4())
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"  # as `SparkSession.builder.remote` does
    try:
        _prepare(channel(session_id), None if session_id else own)
    except PySparkException as error:
        if "UNAUTHENTICATED" in str(error) or "Invalid token" in str(error):
            raise SessionError(
                f"Spark at {host}:{port} refuses the token: set ${TOKEN} to the server's own."
            ) from None
        raise
    session: Any = ConnectSession.builder.channelBuilder(channel(own)).create()
    _make_mannerly(session.client)
    if session_id is None:
        # servers of ours never close an idle session, because the supervisor's must stay
        atexit.register(_release, session, url)
    _put_first(session, url)
    opened: SparkSession = session
    return opened


def _prepare(channel: Any, copy: str | None) -> None:
    """Have the server make a session with our settings.

    Of some of them Spark takes note when it first hears of a session: what is used is a copy, by this id, of one that
    was given them. A session that has its id already is given them itself; each query that it starts is such a copy.
    """
    from pyspark.sql.connect.client import SparkConnectClient
    from pyspark.sql.connect.conf import RuntimeConf

    client = SparkConnectClient(channel)
    _make_mannerly(client)
    try:
        settings = RuntimeConf(client)
        for name, value in _SETTINGS.items():
            settings.set(name, value)
        if copy:
            made = client.clone(copy)
            _make_mannerly(made)
            made.close()
            client.release_session()
    finally:
        client.close()


def _put_first(session: Any, url: str) -> None:
    """Have pyspark ask this session what it asks on the side, if the server no longer knows the one it would ask."""
    kind: Any = type(session)
    known = kind._default_session
    if known is not session and known is not None and _opened.get(known) == url and not _lives(known):
        kind._default_session = kind._active_session.session = session
    _opened[session] = url


def _lives(session: Any) -> bool:
    try:
        session.conf.get("spark.sql.session.timeZone")
    except Exception:
        return False
    return True


def _make_mannerly(client: Any) -> None:
    """Have the client say within seconds that its server is gone, and leave nothing behind on it."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    # pyspark prints the JVM's stack trace of every mistake in a filter; what it says is in the error raised
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    # as it comes, it tries for ten minutes; and once more when Python ends
    client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES, max_backoff=4000)])
    atexit.unregister(client._on_exit)


def _release(session: Any, url: str) -> None:
    if not session.is_stopped and _is_there(url):
        session.stop()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "sc" or not parts.hostname:
        shown = url.split(";")[0]  # without the token
        raise SessionError(f"{shown!r} is no address of a Spark Connect server: write sc://host:15002.")
    return parts.hostname, parts.port or 15002


def _is_there(url: str) -> bool:
    try:
        socket.create_connection(_address(url), timeout=3).close()
    except OSError:
        return False
    return True
