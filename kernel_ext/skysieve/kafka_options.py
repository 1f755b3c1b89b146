"""How to connect to a Kafka cluster: what may be said of it, and what each of the three clients is told.

A client of Kafka can be told to load a class, to run a program and to read a file: options such as
``sasl.jaas.config`` have been used for all three. So the few that Skysieve needs are listed here, every other is
refused by its name, and what the clients are told is put together from the values of these few.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from skysieve.environment import Secret, secret, secret_in
from skysieve.errors import SessionError, nearest

_FILE = "SKYSIEVE_KAFKA_OPTIONS"
_USER, _PASSWORD = "SKYSIEVE_KAFKA_USER", "SKYSIEVE_KAFKA_PASSWORD"
VARIABLES = (_FILE, _USER, _PASSWORD, f"{_PASSWORD}_FILE")
"""What the environment can say of the cluster that ``$SKYSIEVE_KAFKA`` names."""

_CHOICES = {
    "security.protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl.mechanism": ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"),
}
ALLOWED = (*_CHOICES, "sasl.username", "sasl.password", "ssl.ca.location")
_CURES = {
    "sasl.jaas.config": "Give sasl.username and sasl.password instead.",
    "sasl.mechanisms": "Write sasl.mechanism.",
    "ssl.truststore.location": "Write ssl.ca.location, the path of a PEM file.",
    "bootstrap.servers": "Name the servers in attach(kafka=…) or $SKYSIEVE_KAFKA.",
}
PASSWORDS = r'(?i)password\s*=\s*\\*"[^"]*"'
"""By which Spark finds what to leave out where it shows a query as text: in its events, its pages, by explain()."""

_LOGINS = {"PLAIN": "plain.PlainLoginModule"}
_SCRAM = "scram.ScramLoginModule"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class KafkaOptions:
    """How to connect to a Kafka cluster; :meth:`of` makes one of what a user says.

    Attributes
    ----------
    protocol
        ``"PLAINTEXT"``, ``"SSL"``, ``"SASL_PLAINTEXT"`` or ``"SASL_SSL"``.
    mechanism
        ``"SCRAM-SHA-512"``, ``"SCRAM-SHA-256"`` or ``"PLAIN"``; counts only with a user.
    user, password
        Empty where the cluster knows no users.
    ca
        PEM file with the certificates of the authorities that sign the brokers'; empty: those that the machine trusts.
    authorities
        What is in it. Spark is told this, since the file need not exist on its machines.
    password_file
        Where the password is read again for each client, so that one that was changed is known; empty for nowhere.

    Examples
    --------
    >>> KafkaOptions.of({"sasl.username": "ada", "sasl.password": "not shown"})
    KafkaOptions(protocol='SASL_SSL', mechanism='SCRAM-SHA-512', user='ada', ca='')
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: Secret = field(default=Secret(""), repr=False)
    ca: str = ""
    authorities: str = field(default="", repr=False)
    password_file: str = field(default="", repr=False)

    @classmethod
    def of(cls, said: Mapping[str, str]) -> KafkaOptions:
        """Make one of options by the names of Kafka's documentation.

        ``security.protocol`` (with a user SASL_SSL unless it is given, with an authority SSL), ``sasl.mechanism``
        (SCRAM-SHA-512), and what Java's client has no plain options for, so by librdkafka's names: ``sasl.username``,
        ``sasl.password`` and ``ssl.ca.location``, the path of a PEM file.

        Raises
        ------
        SessionError
            If an option is none of these, has no value that it can have, or contradicts another. No message has
            the password in it.
        """
        _refuse_others(said)
        user, password = said.get("sasl.username", ""), Secret(said.get("sasl.password", ""))
        ca = str(said.get("ssl.ca.location", ""))
        ca = ca and str(Path(ca).expanduser().absolute())
        usual = "SASL_SSL" if user or password else "SSL" if ca else "PLAINTEXT"
        protocol = _choice(said, "security.protocol", usual)
        mechanism = _choice(said, "sasl.mechanism", "SCRAM-SHA-512")
        _check_user(user, password, protocol, mechanism)
        if ca and not protocol.endswith("SSL"):
            raise SessionError(
                f"ssl.ca.location has no meaning with security.protocol={protocol}: write SASL_SSL or SSL."
            )
        return cls(protocol, mechanism, user, password, ca, _authorities(ca))

    @classmethod
    def named(cls, besides: Mapping[str, str] | None = None) -> KafkaOptions:
        """What the environment says, and what is said besides, which counts more.

        ``$SKYSIEVE_KAFKA_OPTIONS`` names a file with a line ``name=value`` for each option, as Kafka's own tools read
        it; ``$SKYSIEVE_KAFKA_USER`` and ``$SKYSIEVE_KAFKA_PASSWORD`` (or ``…_PASSWORD_FILE``) are user and password.

        Raises
        ------
        SessionError
            If something of it cannot be read, or is refused.
        """
        said: dict[str, str] = {}
        if path := os.environ.get(_FILE):
            said |= _read(Path(path))
        if user := os.environ.get(_USER):
            said["sasl.username"] = user
        if password := secret(_PASSWORD):
            said["sasl.password"] = password
        found = cls.of(said | dict(besides or {}))
        is_in_file = password and not os.environ.get(_PASSWORD) and "sasl.password" not in (besides or {})
        return replace(found, password_file=os.environ[f"{_PASSWORD}_FILE"]) if is_in_file else found

    @property
    def has_user(self) -> bool:
        """Whether the cluster asks who one is."""
        return self.protocol.startswith("SASL")

    @property
    def is_encrypted(self) -> bool:
        """Whether brokers show certificates."""
        return self.protocol.endswith("SSL")

    @property
    def who(self) -> str:
        """Whom Kafka sees, for messages."""
        return f"user {self.user!r}" if self.has_user else "a client without a user"

    def _password(self) -> Secret:
        return secret_in(self.password_file) if self.password_file else self.password

    def tls(self) -> ssl.SSLContext:
        """What a broker's certificate is checked by, its host name included."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.authorities:
            context.load_verify_locations(cadata=self.authorities)
        else:
            context.load_default_certs()
        return context

    def for_kafka_python(self) -> dict[str, Any]:
        """The same for kafka-python."""
        told: dict[str, Any] = {"security_protocol": self.protocol}
        if self.has_user:
            told["sasl_mechanism"] = self.mechanism
            told |= {"sasl_plain_username": self.user, "sasl_plain_password": self._password()}
        if self.ca:
            told["ssl_cafile"] = self.ca
        return told

    def for_librdkafka(self) -> dict[str, Any]:
        """The same for confluent-kafka, which is librdkafka."""
        told: dict[str, Any] = {"security.protocol": self.protocol}
        if self.has_user:
            told["sasl.mechanism"] = self.mechanism
            told |= {"sasl.username": self.user, "sasl.password": self._password()}
        if self.ca:
            told["ssl.ca.location"] = self.ca
        return told

    def for_spark(self) -> dict[str, str]:
        """The same for a Kafka source or sink of Spark, which uses Java's client."""
        told = {"kafka.security.protocol": self.protocol}
        if self.has_user:
            told["kafka.sasl.mechanism"] = self.mechanism
            module = f"org.apache.kafka.common.security.{_LOGINS.get(self.mechanism, _SCRAM)}"
            login = f"username={_quoted(self.user)} password={_quoted(self._password())}"
            told["kafka.sasl.jaas.config"] = Secret(f"{module} required {login};")
        if self.authorities:
            told["kafka.ssl.truststore.type"] = "PEM"
            told["kafka.ssl.truststore.certificates"] = self.authorities
        return told


def _refuse_others(said: Mapping[str, str]) -> None:
    for name in said:
        if name not in ALLOWED:
            cure = _CURES.get(name) or nearest(name, ALLOWED).strip()
            raise SessionError(
                f"The Kafka option {name!r} is refused: with some options a client loads classes or reads files, so "
                f"only {', '.join(ALLOWED)} can be given. {cure}".rstrip()
            )


def _choice(said: Mapping[str, str], name: str, usual: str) -> str:
    value = said.get(name, usual)
    if value not in _CHOICES[name]:
        raise SessionError(f"{name}={value!r} is none of {', '.join(_CHOICES[name])}.")
    return value


def _check_user(user: str, password: str, protocol: str, mechanism: str) -> None:
    if not protocol.startswith("SASL"):
        if user or password:
            raise SessionError(
                f"A user and a password have no meaning with security.protocol={protocol}: write SASL_SSL."
            )
        return
    if not user or not password:
        missing = "user" if not user else "password"
        raise SessionError(
            f"security.protocol={protocol} needs a user and a password, and the {missing} is missing: set ${_USER} "
            f"and ${_PASSWORD} (or ${_PASSWORD}_FILE, the path of a file that holds it)."
        )
    if mechanism == "PLAIN" and protocol != "SASL_SSL":
        raise SessionError(
            "sasl.mechanism=PLAIN sends the password as it is: use security.protocol=SASL_SSL, or a SCRAM mechanism."
        )
    if re.search(r"[,=\x00-\x1f\x7f]", user):  # kafka-python does not mask these as SCRAM asks for
        raise SessionError(
            f"{user!r} is no user name for Kafka: it may hold no ',', no '=' and no control character."
        )


def _read(path: Path) -> dict[str, str]:
    """The options in a file. A line that is none is named by its number, since it may hold a password."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SessionError(f"${_FILE} names {path}, which cannot be read: {reason}.") from None
    said = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith(("#", "!")):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise SessionError(f"Line {number} of {path} is no option: write name=value.")
        said[name.strip()] = value.strip()
    try:
        _refuse_others(said)
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from None
    return said


def _authorities(ca: str) -> str:
    """The certificates in a file, and nothing else that may be in it: a key is not sent to Spark."""
    if not ca:
        return ""
    try:
        found = _CERTIFICATE.findall(Path(ca).read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SessionError(f"ssl.ca.location names {ca}, which cannot be read: {reason}.") from None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(found) or "none")
    except (ssl.SSLError, ValueError):
        raise SessionError(
            f"ssl.ca.location names {ca}, which holds no certificate: it must be a PEM file, as in "
            "-----BEGIN CERTIFICATE-----."
        ) from None
    return "\n".join(found) + "\n"


def _quoted(text: str) -> str:
    r"""A text as JAAS reads it.

    Whatever is no letter or digit becomes an octal escape, so that nothing in a password can end the quotation, for
    Java or for the pattern by which Spark finds what to leave out of its logs.

    >>> print(_quoted('a"b;'))
    "a\042b\073"
    """
    plain = (c if (c.isascii() and c.isalnum()) or ord(c) > 255 else f"\\{ord(c):03o}" for c in text)
    return f'"{"".join(plain)}"'
