"""Attaching: to the local session or to one that is named; and what is said when there is none."""

import subprocess
import sys

import pytest
import skysieve
from skysieve.connections import connect
from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.local.ports import free_port
from skysieve.session import Session


def test_it_finds_the_local_session(environment, stream):
    sky = skysieve.attach()
    assert isinstance(sky, Session)
    assert stream in sky.streams
    sky.detach()


def test_it_takes_the_session_that_the_environment_or_the_caller_names(running, monkeypatch, stream):
    monkeypatch.setenv("SKYSIEVE_SPARK", running.spark)
    monkeypatch.setenv("SKYSIEVE_KAFKA", running.kafka)
    monkeypatch.setenv("SPARK_CONNECT_AUTHENTICATE_TOKEN", running.token)
    named = skysieve.attach()
    assert stream in named.streams
    named.detach()
    monkeypatch.delenv("SKYSIEVE_SPARK")
    monkeypatch.delenv("SKYSIEVE_KAFKA")
    given = skysieve.attach(running.spark, kafka=running.kafka)
    assert stream in given.streams
    given.detach()


def test_without_a_session_it_says_how_to_start_one(tmp_path, monkeypatch):
    for variable in ("SKYSIEVE_SPARK", "SKYSIEVE_KAFKA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SKYSIEVE_HOME", str(Home.at(tmp_path).state))
    with pytest.raises(SessionError, match="skysieve up"):
        skysieve.attach()


def test_one_server_alone_is_not_a_session(running):
    with pytest.raises(SessionError, match="kafka='host:9092' is missing"):
        skysieve.attach(running.spark)
    with pytest.raises(SessionError, match="spark='sc://host:15002' is missing"):
        skysieve.attach(kafka=running.kafka)


def test_kafka_that_does_not_run_is_named(running):
    with pytest.raises(SessionError, match="No Kafka broker answers at 127"):
        skysieve.attach(running.spark, kafka=f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize("address", ["localhost", "here:there", ":9092", ""])
def test_an_address_that_is_none_is_refused(running, address):
    with pytest.raises(SessionError, match=r"no address of a Kafka broker|is missing"):
        skysieve.attach(running.spark, kafka=address)


def test_spark_that_does_not_run_is_named():
    with pytest.raises(SessionError, match="No Spark Connect server answers at localhost"):
        connect(f"sc://localhost:{free_port()}")
    with pytest.raises(SessionError, match="no address of a Spark Connect server"):
        connect("spark://localhost:7077")


@pytest.mark.parametrize("token", [None, "wrong"])
def test_without_the_right_token_spark_refuses(running, monkeypatch, token):
    monkeypatch.delenv("SPARK_CONNECT_AUTHENTICATE_TOKEN", raising=False)
    with pytest.raises(SessionError, match="refuses the token"):
        connect(running.spark, token)


def test_detaching_leaves_the_sessions_of_others(running, topics, sky):
    other = Session(topics, connect(running.spark, running.token))
    other.detach()
    other.detach()
    assert sky.spark.range(3).count() == 3


@pytest.mark.parametrize(
    "wrong", ["'nonsense'", "'nonsense', session_id='00000000-0000-0000-0000-000000000000'"]
)
def test_a_wrong_token_spoils_nothing_for_who_then_has_the_right_one(running, wrong):
    """In a process of its own: pyspark keeps the first session of a process for what it does on the side."""
    program = f"""
from pyspark.sql import functions as F
from skysieve.connections import connect
from skysieve.errors import SessionError
try:
    connect({running.spark!r}, {wrong})
except SessionError as error:
    print(error)
spark = connect({running.spark!r}, {running.token!r})
print(spark.range(3).select(F.lit(None).cast("int").alias("x")).count())
spark.stop()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    refused, count = done.stdout.splitlines()
    assert "refuses the token" in refused
    assert (count, done.stderr) == ("3", "")


@pytest.mark.parametrize("end", ["close", "fall silent"])
def test_a_program_whose_spark_has_gone_ends_at_once(running, end):
    """pyspark would try for ten minutes to reach the server when Python ends, or wait for an answer for ever."""
    program = """
import contextlib, os, socket, sys, threading
from skysieve.connections import connect

def pump(a, b):
    try:
        while data := a.recv(65536):
            if not silent.is_set():
                b.sendall(data)
    except OSError:
        pass

def serve(listener, port):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(("127.0.0.1", port))
        sockets.extend([client, server])
        for a, b in ((client, server), (server, client)):
            threading.Thread(target=pump, args=(a, b), daemon=True).start()

sockets, silent = [], threading.Event()
listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener, int(os.environ["PORT"])), daemon=True).start()
spark = connect(f"sc://localhost:{listener.getsockname()[1]}", os.environ["TOKEN"])
rows = spark.range(100_000).toLocalIterator()
assert next(rows).id == 0
if sys.argv[1] == "close":
    for one in (listener, *sockets):
        with contextlib.suppress(OSError):  # that of the look before is no longer connected
            one.shutdown(socket.SHUT_RDWR)
        one.close()
else:
    silent.set()
del rows
print("gone", flush=True)
"""
    environment = {"PORT": running.spark.rsplit(":", 1)[1], "TOKEN": running.token, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program, end],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout == "gone\n", done.stderr
    assert done.returncode == 0, done.stderr


def test_commands_of_the_shell_run_where_spark_is_connected(running):
    """As IPython starts ``!command``: on a terminal of its own, all other descriptors closed before it."""
    program = f"""
import os, pty
from skysieve.connections import connect

spark = connect({running.spark!r}, {running.token!r})
lost = 0
for _ in range(200):
    pid, terminal = pty.fork()
    if pid == 0:
        os.closerange(3, 1024)
        os.execvp("true", ["true"])
    lost += os.waitpid(pid, 0)[1] != 0
    os.close(terminal)
print(lost, spark.range(3).count())
spark.stop()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "0 3\n", done.stderr


def test_who_attaches_anew_does_not_depend_on_a_session_that_the_server_has_forgotten(running):
    """As after Spark was started again; in a process of its own, because pyspark keeps what it has heard."""
    program = f"""
from skysieve.connections import connect

first = connect({running.spark!r}, {running.token!r})
first.client.release_session()
spark = connect({running.spark!r}, {running.token!r})
from pyspark.sql import functions as F
print(spark.range(3).select(F.lit(None).cast("int").alias("x")).count())
spark.stop()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == "3\n", done.stderr
