"""Who is refused by a cluster, or cannot trust it, hears why at once."""

from __future__ import annotations

import logging

import pytest
from skysieve.errors import SessionError
from skysieve.kafka_options import KafkaOptions
from skysieve.sources import Packet, send
from skysieve.topics import Topics

from .authorities import Authority
from .clusters import PLAIN, SIGN, STREAM, soon


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_a_wrong_password_is_told_at_once(attached, cluster, user):
    with (
        soon(),
        pytest.raises(SessionError, match=f"does not know user '{user}' with this password") as refusal,
    ):
        attached(user, "Zq7kWx4Bv9wrong")
    assert SIGN not in str(refusal.value)


def test_packets_with_a_wrong_password_are_not_sent(cluster):
    options = KafkaOptions.of(cluster.options("alice", "Zq7kWx4Bv9wrong")).for_librdkafka()
    with soon(), pytest.raises(SessionError, match=r"cannot be used: .*[Aa]uthentication") as refusal:
        send([Packet(b"any", None)], STREAM, cluster.bootstrap, options=options)
    assert SIGN not in str(refusal.value)


def test_plain_passwords_are_in_no_log_either(cluster, caplog):
    user, password = PLAIN
    options = KafkaOptions.of(cluster.options(user, password) | {"sasl.mechanism": "PLAIN"})
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.INFO, "kafka.net.connection"):
        assert Topics(cluster.bootstrap, options).names() == []
        assert send([], STREAM, cluster.bootstrap, options=options.for_librdkafka()) == 0
    assert caplog.text
    assert password not in caplog.text


def test_a_broker_of_an_unknown_authority_is_not_trusted(attached, cluster, tmp_path):
    other = tmp_path / "other.pem"
    other.write_text(Authority().pem)
    with soon(), pytest.raises(SessionError, match=r"is not trusted: .*Let ssl\.ca\.location name"):
        attached("alice", **{"ssl.ca.location": str(other)})


def test_a_broker_under_another_name_is_not_trusted(cluster):
    elsewhere = cluster.bootstrap.replace("127.0.0.1", "localhost")
    with soon(), pytest.raises(SessionError, match="is not trusted: Hostname mismatch"):
        Topics(elsewhere, cluster.topics("alice").options).names()


def test_a_client_that_speaks_otherwise_than_the_cluster_is_told_so(cluster, kafka):
    with (
        soon(),
        pytest.raises(SessionError, match=r"does not answer a client with security\.protocol=PLAINTEXT"),
    ):
        Topics(cluster.bootstrap).names()
    with soon(), pytest.raises(SessionError, match=r"does not speak TLS, as security\.protocol=SASL_SSL"):
        Topics(kafka, cluster.topics("alice").options).names()
