"""Ports: one that is free on both kinds of loopback, the old one where it can be had, the one asked for or none."""

import socket

import pytest
from skysieve.errors import SessionError
from skysieve.local.ports import choose, free_port, is_free

FAMILIES = {
    "127.0.0.1": socket.AF_INET,
    "0.0.0.0": socket.AF_INET,
    "::1": socket.AF_INET6,
    "::": socket.AF_INET6,
}


@pytest.fixture(params=FAMILIES)
def taken(request):
    port = free_port()
    try:
        listener = socket.socket(FAMILIES[request.param])
        listener.bind((request.param, port))
    except OSError:
        pytest.skip(f"this machine has no {request.param}")
    with listener:
        listener.listen()
        yield port


@pytest.fixture
def loopback_taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(autouse=True)
def nothing_asked_for(monkeypatch):
    monkeypatch.delenv("SKYSIEVE_KAFKA_PORT", raising=False)
    monkeypatch.delenv("SKYSIEVE_SPARK_PORT", raising=False)


def test_a_free_port_is_free():
    assert is_free(free_port())


def test_no_two_servers_are_given_one_port():
    """Spark's pages and its calls once were: one start in twelve thousand."""
    given = [free_port() for _ in range(900)]
    assert len(set(given)) == len(given)


def test_a_port_is_taken_whatever_the_interface_of_its_server(taken):
    assert not is_free(taken)


def test_a_port_whose_server_has_just_gone_is_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        listener.accept()[0].close()  # the server's side closes first, and its port lingers
        client.close()
    assert is_free(port)


def test_a_server_gets_the_port_it_had():
    before = free_port()
    assert choose("kafka", before) == before


def test_a_server_whose_port_was_taken_gets_another(loopback_taken):
    port = choose("kafka", loopback_taken)
    assert port != loopback_taken
    assert is_free(port)


def test_a_server_gets_the_port_asked_for_rather_than_the_one_it_had(monkeypatch):
    asked, before = free_port(), free_port()
    monkeypatch.setenv("SKYSIEVE_SPARK_PORT", str(asked))
    assert choose("spark", before) == asked
    assert choose("kafka", before) == before


def test_a_port_asked_for_that_is_taken_is_an_error_that_names_it(monkeypatch, loopback_taken):
    monkeypatch.setenv("SKYSIEVE_KAFKA_PORT", str(loopback_taken))
    with pytest.raises(SessionError, match=rf"Port {loopback_taken}, which \$SKYSIEVE_KAFKA_PORT asks for"):
        choose("kafka", None)


@pytest.mark.parametrize("asked", ["0", "65536", "-1", "9092.5", "kafka", " ", "٣٣٣٣"])
def test_what_is_no_port_is_refused(monkeypatch, asked):
    monkeypatch.setenv("SKYSIEVE_KAFKA_PORT", asked)
    with pytest.raises(SessionError, match="must be a port, 1 to 65535"):
        choose("kafka", None)
