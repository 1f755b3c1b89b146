"""Brokers: whether one answers, and what it means when it refuses."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    AuthorizationError,
    InvalidMetadataError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnknownBrokerIdError,
)
from kafka.net.compat import KafkaNetClient

from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions

Cluster = tuple[str, KafkaOptions]

_KEPT: ContextVar[dict[Cluster, KafkaAdminClient] | None] = ContextVar("_KEPT", default=None)
RIGHTS = "docs/cluster.md has the rights that each role needs"


def reach(bootstrap: str, options: KafkaOptions) -> None:
    """Make sure that a broker listens there, and that its certificate is a known authority's.

    Raises
    ------
    SessionError
        If there is none, or it cannot be trusted.
    """
    reason: Exception | None = None
    for server in bootstrap.split(","):
        host, _, port = server.strip().rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdigit():
            raise SessionError(f"{server!r} is no address of a Kafka broker: write host:port.")
        try:
            with socket.create_connection((host, int(port)), timeout=3) as plain:
                if options.is_encrypted:
                    _shake_hands(plain, host, server.strip(), options)
            return
        except OSError as error:
            reason = error
    raise SessionError(
        f"No Kafka broker answers at {bootstrap} ({reason}). "
        "Start the local session with `skysieve up`, or check the address."
    )


def _shake_hands(plain: socket.socket, host: str, server: str, options: KafkaOptions) -> None:
    try:
        options.tls().wrap_socket(plain, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        raise SessionError(
            f"The Kafka broker at {server} is not trusted: {error.verify_message}. Let ssl.ca.location name the PEM "
            "file of the authority that signed its certificate, and call it by a name that the certificate has."
        ) from None
    except (ssl.SSLError, ConnectionError):
        raise SessionError(
            f"The Kafka broker at {server} does not speak TLS, as security.protocol={options.protocol} says it does."
        ) from None


def client(options: KafkaOptions, **settings: Any) -> KafkaNetClient:
    """What kafka-python's clients send through; one that tells of a refused password at once, and follows a new one.

    As it comes (3.0), it loses what a broker says just before it hangs up, which is how passwords are refused, and goes
    on trying, with the password that it was made with: who follows a topic for days would hear nothing any more.
    """
    found = KafkaNetClient(**settings)
    manager, build, connect = found._manager, found._manager._build_transport, found._manager.get_connection
    refused: dict[Any, Exception] = {}

    async def transport(*node: Any, **more: Any) -> Any:
        made = await build(*node, **more)
        receive = made._sock_recv

        def received() -> tuple[bytes, Exception | None]:
            data, end = receive()
            return data, None if data else end  # which is still there when it is asked again

        made._sock_recv = received
        return made

    def connection(node: Any, **more: Any) -> Any:
        if node in refused:
            raise refused.pop(node)
        if node not in manager._conns:
            with suppress(SessionError):  # a file that is just being replaced: the last password may still do
                manager.config.update(options.for_kafka_python())
        made = connect(node, **more)
        made.init_future.add_errback(lambda error: note(node, error))
        return made

    def note(node: Any, error: Exception) -> None:
        if isinstance(error, SaslAuthenticationFailedError):
            refused[node] = error

    manager._build_transport, manager.get_connection = transport, connection
    return found


@contextmanager
def one_connection() -> Iterator[dict[Cluster, KafkaAdminClient]]:
    """Within, a cluster is asked about its topics by one connection: making one takes longer than most answers."""
    kept = _KEPT.get()
    if kept is not None:
        yield kept
        return
    kept = {}
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)
        for admin in kept.values():
            admin.close()


@contextmanager
def administrator(
    bootstrap: str, options: KafkaOptions, settings: Mapping[str, Any]
) -> Iterator[KafkaAdminClient]:
    """A client for topics: that of :func:`one_connection`, or one for this alone.

    Raises
    ------
    SessionError
        If nobody listens there, or it is not whom the options trust.
    """
    with one_connection() as kept:
        if (bootstrap, options) not in kept:
            reach(bootstrap, options)
            kept[bootstrap, options] = _connected(settings)
        yield kept[bootstrap, options]


def _connected(settings: Mapping[str, Any]) -> KafkaAdminClient:
    """One that is refused leaves no thread behind: a supervisor may be refused for days."""
    admin = KafkaAdminClient.__new__(KafkaAdminClient)
    try:
        admin.__init__(**settings)
    except BaseException:
        for part, end in (("_client", "close"), ("_net", "stop")):
            if made := getattr(admin, part, None):  # an interrupt can come at any moment
                with suppress(RuntimeError):  # also before the client's thread has begun
                    getattr(made, end)()
        raise
    return admin


def without_leaders(admin: KafkaAdminClient, topics: Mapping[str, int], patience: float) -> str:
    """Wait until each partition's leader takes records, and give what a broker says at the end where one does not.

    Brokers tell who will be leader some time before it is.

    A producer of Spark's whose first record to a partition is refused for that, while its second is taken, sends the
    first in vain from then on, and fails two minutes later.
    """
    places = [TopicPartition(topic, p) for topic, count in topics.items() for p in range(count)]
    end = time.monotonic() + patience
    while True:
        try:
            admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        except InvalidMetadataError as error:  # a leader that has not heard of it, or one that is none yet
            if time.monotonic() > end:
                return type(error).__name__
            time.sleep(0.05)
        else:
            return ""


@contextmanager
def refusals(bootstrap: str, options: KafkaOptions, doing: str) -> Iterator[None]:
    """Put plainly what Kafka refuses.

    Parameters
    ----------
    bootstrap, options
        The cluster.
    doing
        What is tried, as in ``"read topic 'lsst-alerts'"``.

    Raises
    ------
    SessionError
        If the user is not known, or not allowed to do it, if no broker can do it yet, or if one does not answer as the
        options say.
    """
    try:
        yield
    except AuthorizationError:
        raise SessionError(f"Kafka at {bootstrap} does not let {options.who} {doing}: {RIGHTS}.") from None
    except SaslAuthenticationFailedError:
        raise SessionError(
            f"Kafka at {bootstrap} does not know {options.who} with this password ({options.mechanism}): check "
            "$SKYSIEVE_KAFKA_USER and $SKYSIEVE_KAFKA_PASSWORD, or sasl.username and sasl.password."
        ) from None
    except (UnknownBrokerIdError, LeaderNotAvailableError, NotLeaderForPartitionError):
        raise SessionError(
            f"Kafka at {bootstrap} is not ready to let {options.who} {doing}: a broker has only begun to serve, or one "
            "is down. Try again in a moment."
        ) from None
    except KafkaTimeoutError as error:
        if "bootstrap" not in str(error):
            raise
        how = f"security.protocol={options.protocol}"
        how += f" and sasl.mechanism={options.mechanism}" if options.has_user else ""
        raise SessionError(
            f"Kafka at {bootstrap} does not answer a client with {how}: are these the cluster's?"
        ) from None


def refuse_hidden(found: Iterable[Mapping[str, Any]]) -> None:
    """Tell topics that this user may not see from those that are not there, as Kafka describes them."""
    if any(one["error_code"] == TopicAuthorizationFailedError.errno for one in found):
        raise TopicAuthorizationFailedError


def listed(topics: Iterable[str]) -> str:
    """Names of topics, in a message."""
    return ", ".join(map(repr, sorted(topics)))


def check_twin(topic: str, topics: Iterable[str]) -> None:
    """Make sure that Kafka can make a topic beside those there: between names it sees no difference in '.' and '_'.

    Raises
    ------
    SessionError
        If it could not.

    Examples
    --------
    >>> check_twin("filter.young_sn", ["alerts", "filter.young_sn", "filter.young-sn"])
    """
    alike = topic.replace(".", "_")
    for one in topics:
        if one != topic and one.replace(".", "_") == alike:
            raise SessionError(
                f"Kafka makes no topic {topic!r} beside {one!r}, since they differ only in '.' and '_': take another "
                "name."
            )
