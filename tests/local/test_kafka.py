"""The broker: what it is told, and when it counts as serving."""

import socket
import sys
import uuid

import pytest
from processes import wait_until
from skysieve.errors import SessionError
from skysieve.local import kafka
from skysieve.local.ports import free_port
from skysieve.local.process import Daemon


def test_every_listener_is_on_the_loopback_interface(own):
    found = kafka.settings(own, 9092)
    for setting in ("listeners", "advertised.listeners"):
        hosts = [address.split("://")[1].split(":")[0] for address in found[setting].split(",")]
        assert set(hosts) == {"127.0.0.1"}
    assert found["listeners"].startswith("PLAINTEXT://127.0.0.1:9092,")


def test_its_files_are_in_the_home(own):
    assert kafka.settings(own, 9092)["log.dirs"] == str(own.data)


def test_further_settings_name_the_listener(own):
    found = kafka.settings(own, 9092, {"inter.broker.listener.name": "SASL_SSL", "super.users": "User:ada"})
    assert found["listeners"].startswith("SASL_SSL://127.0.0.1:9092,CONTROLLER://127.0.0.1:")
    assert found["advertised.listeners"] == "SASL_SSL://127.0.0.1:9092"
    assert found["super.users"] == "User:ada"


def storage(own):
    """Format the storage as `start` does."""
    own.run.mkdir(parents=True)
    config = own.run / "kafka.properties"
    settings = kafka.settings(own, free_port())
    config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    kafka._format(kafka.archive(own), config, Daemon(own, "kafka"))


def test_a_cluster_id_that_begins_like_an_option_is_taken(own, monkeypatch):
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(bytes=b"\xfb" + 15 * b"\0"))
    storage(own)
    assert "cluster.id=-w" in (own.data / "meta.properties").read_text()


def test_storage_that_cannot_be_made_is_an_error_with_kafka_s_words(own):
    own.state.mkdir(parents=True)
    own.data.write_text("a file where a folder should be")
    with pytest.raises(
        SessionError, match=r"Kafka's storage in \S+ could not be made. The last lines of \S+kafka.log:"
    ):
        storage(own)


def test_a_stranger_on_its_port_is_not_the_broker(own):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        assert not kafka.is_ready(Daemon(own, "kafka"), stranger.getsockname()[1])


def test_a_server_that_does_not_speak_kafka_is_not_ready(own):
    port = free_port()
    own.run.mkdir(parents=True)
    web = Daemon(own, "kafka")
    web.start([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)])
    wait_until(lambda: web.listens_on(port), "the web server listens")
    assert not kafka.is_ready(web, port)


def test_the_session_s_broker_is_ready(home, running):
    assert kafka.is_ready(Daemon(home, "kafka"), int(running.kafka.split(":")[1]))
