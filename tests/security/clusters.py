"""What a secure broker is told, who its users are, and how each of them connects."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from processes import wait_until
from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.kafka_options import KafkaOptions
from skysieve.local import kafka
from skysieve.local.process import Daemon
from skysieve.sources import Packet, send, simulate
from skysieve.topics import Topics

from .authorities import Authority

USERS = {
    # whatever might end a quotation, begin an escape or be taken for something else
    "alice": "Zq7kWx4Bv9alice\"; '\\ {}=,#!${env:HOME} \u20ac",
    "supervisor": "Zq7kWx4Bv9supervisor$(id)",
    "author": "Zq7kWx4Bv9author\\",
    "bob": "Zq7kWx4Bv9bob",
    "mallory": "Zq7kWx4Bv9mallory",
    "broker": "Zq9broker",
}
"""Names and passwords: the owner, the roles of docs/cluster.md (bob is a reader), one without rights, the broker."""
PLAIN = ("plain", "Zq9plain")
"""A user whose password goes over the line as it is."""
SIGN = "Zq7kWx4Bv9"
"""In every password that the broker need not be told, in letters that no client writes in another way.

Long: three of them are found in any few megabytes of packets.
"""

STREAM = "lsst-alerts"
"""The stream that the rights of docs/cluster.md are for."""

_ITERATIONS = 4096


@dataclass(frozen=True)
class Cluster:
    """The broker's address, and what its users need."""

    port: int
    folder: Path
    authority: Authority

    @property
    def bootstrap(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    @property
    def ca(self) -> str:
        """The file that says whom to trust."""
        return str(self.folder / "ca.pem")

    @property
    def home(self) -> Home:
        """Where the broker keeps its files."""
        return replace(Home.at(self.folder / "broker"), cache=Home.default().cache)

    def start(self) -> None:
        """Start the broker, and wait until it serves."""
        Path(self.ca).write_text(self.authority.pem)
        self.home.run.mkdir(parents=True, exist_ok=True)
        told = settings(self.authority)
        daemon = kafka.start(self.home, self.port, print, told, [scram(user) for user in USERS])
        wait_until(lambda: self._serves(daemon), "the broker serves")

    def _serves(self, daemon: Daemon) -> bool:
        assert daemon.process, daemon.tail()
        try:
            self.topics("alice").names()
        except SessionError:
            return False
        return True

    def restart(self) -> None:
        """Have the broker end every connection, and begin anew with what it has on its disk."""
        Daemon(self.home, "kafka").stop()
        self.start()

    def change_password(self, user: str, password: str) -> None:
        """Let the owner give a user another one, which a running process finds in its file."""
        options = KafkaOptions.of(self.options("alice")).for_librdkafka()
        admin = AdminClient({"bootstrap.servers": self.bootstrap, **options})
        how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        wanted = UserScramCredentialUpsertion(user, how, password.encode())
        for done in admin.alter_user_scram_credentials([wanted]).values():
            done.result(30)
        (self.folder / f"{user}.password").write_text(password)

    def send(self, found: Iterable[Packet]) -> int:
        """Let the owner send packets."""
        options = self.topics("alice").options.for_librdkafka()
        return send(found, STREAM, self.bootstrap, options=options)

    def options(self, user: str, password: str | None = None) -> dict[str, str]:
        """What a user says to attach()."""
        told = {"sasl.username": user, "sasl.password": USERS[user] if password is None else password}
        return {"ssl.ca.location": self.ca, **told}

    def topics(self, user: str) -> Topics:
        """The cluster, as a user sees it."""
        return Topics(self.bootstrap, KafkaOptions.of(self.options(user)))

    def environment(self, user: str) -> dict[str, str]:
        """What a process of this user is given: a file of options, and one with the password."""
        options, password = self.folder / f"{user}.properties", self.folder / f"{user}.password"
        options.write_text(f"security.protocol=SASL_SSL\nssl.ca.location={self.ca}\n")
        if not password.exists():  # else it may have been changed
            password.write_text(f"{USERS[user]}\n")
        return {
            "SKYSIEVE_KAFKA": self.bootstrap,
            "SKYSIEVE_KAFKA_OPTIONS": str(options),
            "SKYSIEVE_KAFKA_USER": user,
            "SKYSIEVE_KAFKA_PASSWORD_FILE": str(password),
        }


def packets(count: int, seed: int) -> list[Packet]:
    """Simulated alerts."""
    return [alert.packet for alert in simulate(count, seed=seed, pool=20)]


@contextmanager
def soon(seconds=30):
    """What is refused is refused soon, and not after minutes of trying; the bound is far from what it takes."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def settings(authority: Authority) -> dict[str, str]:
    """Users and TLS for clients; the controller is the broker's alone."""
    chain, key = authority.issue()
    login = f'username="broker" password="{USERS["broker"]}"'
    modules = "org.apache.kafka.common.security"
    return {
        "inter.broker.listener.name": "SASL_SSL",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{modules}.plain.PlainLoginModule required {login} user_broker="{USERS["broker"]}";'
        ),
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
            f"{modules}.scram.ScramLoginModule required {login};"
        ),
        "listener.name.sasl_ssl.plain.sasl.jaas.config": (
            f'{modules}.plain.PlainLoginModule required user_{PLAIN[0]}="{PLAIN[1]}";'
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": _one_line(chain),
        "ssl.keystore.key": _one_line(key),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": _one_line(authority.pem),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:broker;User:alice",
    }


def scram(user: str) -> str:
    """A user, as Kafka's storage is told: salted, so that no password stands on a command line."""
    salt = hashlib.sha256(user.encode()).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha512", USERS[user].encode(), salt, _ITERATIONS)
    salt_text, salted_text = (base64.b64encode(one).decode() for one in (salt, salted))
    return f'SCRAM-SHA-512=[name={user},salt="{salt_text}",saltedpassword="{salted_text}",iterations={_ITERATIONS}]'


def _one_line(pem: str) -> str:
    """A PEM text as a value in a file of properties."""
    return "\\n".join(pem.strip().splitlines())
