"""The local session on real processes: one, whatever happens to it, and none when it is down."""

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import asdict, replace

import psutil
import pytest
from processes import is_alive, processes_in, wait_until
from skysieve import Filter, local
from skysieve.connections import connect
from skysieve.errors import SessionError
from skysieve.home import Home
from skysieve.local.ports import is_free
from skysieve.session import Session
from skysieve.sources import send, simulate
from skysieve.stream_topics import make_stream
from skysieve.topics import Topics

PARTS = {"kafka", "spark", "supervisor"}
STREAM = "night-alerts"
LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    print("on", flush=True)
    while True:
        server.accept()
"""


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A session that the tests below kill, one part or another; it carries a stream and a filter that all pass."""
    home = replace(Home.at(tmp_path_factory.mktemp("lasting") / "sky"), cache=Home.default().cache)
    try:
        running = local.up(home)
        sky = Session(Topics(running.kafka), connect(running.spark, running.token))
        make_stream(sky.topics, STREAM)
        alerts(running, 1)
        sky.deploy(Filter("all", "diaSource.diaSourceId IS NOT NULL", stream=STREAM), start="earliest")
        sky.detach()
        yield home
    finally:
        local.down(home)


def alerts(running, seed, count=5):
    packets = (alert.packet for alert in simulate(count, seed=seed, pool=8))
    assert send(packets, STREAM, running.kafka) == count


def places(topics):
    """Partition and offset of every alert of the stream."""
    begin, end = topics.begin(STREAM), topics.end(STREAM)
    return {(p, offset) for p in end for offset in range(begin[p], end[p])}


def delivered(topics):
    """Partition and offset, in the stream, of every match."""
    if not topics.partitions("filter.all"):
        return set()
    found = topics.read("filter.all", topics.begin("filter.all"), topics.end("filter.all"))
    headers = [dict(record.headers) for record in found]
    return {(int(h["skysieve.source.partition"]), int(h["skysieve.source.offset"])) for h in headers}


def works(running, seed, before):
    """Whether it kept what it held, and judges what comes now."""
    topics = Topics(running.kafka)
    assert places(topics) == before
    alerts(running, seed)
    wait_until(lambda: delivered(topics) == places(topics), "every alert is delivered")
    assert len(places(topics)) == len(before) + 5
    return True


def one_of_each(home, running):
    """Whether the machine runs just the processes that the session tells of, and what these have started."""
    assert running.pids.keys() == PARTS
    leaders = {process.pid for process in processes_in(home.state) if os.getsid(process.pid) == process.pid}
    return leaders == set(running.pids.values())


def test_up_again_is_the_same_session(lasting):
    told = []
    first = local.running(lasting)
    assert local.up(lasting, tell=told.append) == first
    assert told == []
    assert one_of_each(lasting, first)


@pytest.mark.parametrize(
    "killed", [{"kafka"}, {"spark"}, {"supervisor"}, PARTS], ids=lambda parts: "+".join(sorted(parts))
)
def test_up_after_a_crash_keeps_addresses_data_and_deployments(lasting, killed):
    before = local.up(lasting)
    kept = places(Topics(before.kafka))
    for part in killed:
        os.kill(before.pids[part], signal.SIGKILL)
    wait_until(lambda: not killed & local.pids(lasting).keys(), "the killed are gone")
    after = local.up(lasting)
    assert (after.kafka, after.spark, after.token) == (before.kafka, before.spark, before.token)
    assert all(after.pids[part] != before.pids[part] for part in killed)
    assert one_of_each(lasting, after)
    assert works(after, len(kept), kept)


def test_a_port_that_a_stranger_took_meanwhile_is_left_to_it_and_all_who_knew_it_start_anew(lasting):
    before = local.up(lasting)
    kept = places(Topics(before.kafka))
    os.kill(before.pids["kafka"], signal.SIGKILL)
    wait_until(lambda: "kafka" not in local.pids(lasting), "Kafka is gone")
    assert local.running(lasting) is None
    assert local.pids(lasting) == {part: before.pids[part] for part in ("spark", "supervisor")}
    port = before.kafka.split(":")[1]
    wait_until(lambda: is_free(int(port)), "its port is free")
    with subprocess.Popen([sys.executable, "-c", LISTEN, port], stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout.readline() == b"on\n"
        (lasting.run / "kafka.pid").write_text(str(stranger.pid))
        try:
            after = local.up(lasting)
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert after.kafka != before.kafka
    assert (after.spark, after.token) == (before.spark, before.token)
    assert not set(after.pids.values()) & set(before.pids.values())
    assert one_of_each(lasting, after)
    assert works(after, len(kept), kept)


def test_two_ups_at_once_with_broken_files_bring_one_session_and_end_what_they_cannot_reach(lasting):
    before = local.up(lasting)
    kept = places(Topics(before.kafka))
    (lasting.run / "session.json").write_text('{"kafka": "nonsense"')
    (lasting.run / "kafka.pid").write_text("")
    assert local.running(lasting) is None

    environment = {**os.environ, "SKYSIEVE_HOME": str(lasting.state), "SKYSIEVE_CACHE": str(lasting.cache)}
    command = [sys.executable, "-m", "skysieve", "up"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as other:
        said = [process.communicate(timeout=200) for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), said
    assert said[0][0] == said[1][0] != ""
    assert sum("starting Kafka" in errors for _, errors in said) == 1

    after = local.running(lasting)
    assert not set(after.pids.values()) & set(before.pids.values())
    assert one_of_each(lasting, after)
    assert places(Topics(after.kafka)) == kept


def test_down_leaves_no_process_and_down_again_does_nothing(lasting):
    running = local.up(lasting)
    sky = connect(running.spark, running.token)
    sky.range(2).mapInPandas(lambda batches: batches, "id long").collect()  # so that Python workers run
    sky.stop()
    family = [psutil.Process(pid) for pid in running.pids.values()]
    family += [child for process in family for child in process.children(recursive=True)]
    assert len(family) > len(PARTS)
    local.down(lasting)
    assert not any(map(is_alive, family))
    assert processes_in(lasting.state) == []
    told = []
    local.down(lasting, tell=told.append)
    assert told == []
    assert local.running(lasting) is None


def test_nothing_listens_but_on_the_loopback_interface(home, running):
    family = processes_in(home.state)
    assert {process.pid for process in family} >= set(running.pids.values())
    listening = {
        (process.pid, connection.laddr.ip, connection.laddr.port)
        for process in family
        for connection in process.net_connections("inet")
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    }
    ports = {int(url.rsplit(":", 1)[1]) for url in (running.kafka, running.spark)}
    assert {port for _, _, port in listening} >= ports
    assert {ip for _, ip, _ in listening} <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_the_token_is_in_one_file_that_only_its_owner_reads(home, running):
    holders = [
        file
        for folder in (home.run, home.logs)
        for file in folder.iterdir()
        if running.token.encode() in file.read_bytes()
    ]
    assert holders == [home.run / "session.json"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700


def test_the_token_is_on_no_command_line_and_is_not_shown(home, running):
    family = processes_in(home.state)
    assert not any(running.token in part for process in family for part in process.cmdline())
    assert running.token not in repr(running)
    assert running.token == asdict(running)["token"]


def test_down_where_nothing_was_ever_started_makes_nothing(own):
    local.down(own)
    local.down(own)
    assert not own.state.exists()
    assert local.running(own) is None


CORRUPT = [
    "",
    "[]",
    "{",
    "{}",
    '{"kafka": 1, "spark": 2, "token": null}',
    '{"kafka": "9092", "spark": 15002, "token": "t"}',
    '{"kafka": 0, "spark": 15002, "token": "t"}',
    '{"kafka": 9092, "spark": 99999, "token": "t"}',
    '{"kafka": 9092, "spark": 15002, "token": "t", "more": 1}',
]


@pytest.mark.parametrize("content", CORRUPT)
def test_a_corrupt_record_of_the_session_stands_for_none(own, content):
    own.run.mkdir(parents=True)
    (own.run / "session.json").write_text(content)
    assert local.running(own) is None
    assert local.session._read(own) is None


def test_a_port_asked_for_and_taken_starts_nothing(own, monkeypatch, kafka):
    monkeypatch.setenv("SKYSIEVE_KAFKA_PORT", kafka.split(":")[1])
    with pytest.raises(SessionError, match="SKYSIEVE_KAFKA_PORT asks for Kafka, cannot be had"):
        local.up(own)
    assert processes_in(own.state) == []


def test_one_port_for_both_is_refused(own, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_KAFKA_PORT", "29092")
    monkeypatch.setenv("SKYSIEVE_SPARK_PORT", "29092")
    with pytest.raises(SessionError, match="cannot both have port 29092"):
        local.up(own)


def test_more_memory_than_there_is_shows_spark_s_log_and_leaves_nothing(own, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_SPARK_MEMORY", "9999t")
    with pytest.raises(SessionError, match="Spark could not be started") as error:
        local.up(own)
    assert f"The last lines of {own.logs / 'spark.log'}:\n" in str(error.value)
    assert "set $SKYSIEVE_SPARK_MEMORY" in str(error.value)
    assert processes_in(own.state) == []
    assert local.pids(own) == {}


def test_a_data_folder_that_is_none_shows_kafka_s_words_and_leaves_nothing(own):
    own.state.mkdir(parents=True)
    own.data.write_text("")
    with pytest.raises(SessionError, match="Kafka's storage in") as error:
        local.up(own)
    assert str(own.logs / "kafka.log") in str(error.value)
    assert processes_in(own.state) == []


def test_a_broken_jar_shows_kafka_s_words_names_the_folder_and_leaves_nothing(own, tmp_path):
    broken = replace(own, cache=tmp_path / "cache")
    for folder in (own.cache / "jars").iterdir():
        if folder.is_dir():
            (broken.cache / "jars" / folder.name).mkdir(parents=True)
            for jar in folder.iterdir():
                (broken.cache / "jars" / folder.name / jar.name).symlink_to(jar)
    for core in (broken.cache / "jars").glob("kafka-*/kafka_2.13-*.jar"):
        core.unlink()
        core.write_bytes(b"PK\x03\x04 no more of it")
    with pytest.raises(SessionError, match=r"kafka\.log") as error:
        local.up(broken)
    assert f"remove the folder {broken.cache / 'jars'}" in str(error.value)
    assert processes_in(own.state) == []


def test_a_home_that_cannot_be_a_folder_says_so(own):
    own.state.parent.mkdir(parents=True, exist_ok=True)
    own.state.write_text("a file")
    with pytest.raises(SessionError, match=r"cannot be kept in .* let \$SKYSIEVE_HOME name one"):
        local.up(own)
    own.state.unlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_that_is_interrupted_leaves_nothing(own, number):
    environment = {**os.environ, "SKYSIEVE_HOME": str(own.state), "SKYSIEVE_CACHE": str(own.cache)}
    command = [sys.executable, "-m", "skysieve", "up"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as up:
        wait_until(lambda: "spark" in local.pids(own), "Spark was started")
        up.send_signal(number)
        _, errors = up.communicate(timeout=60)
    assert up.returncode not in (0, -number)
    assert b"Traceback" not in errors
    assert processes_in(own.state) == []
    assert json.loads((own.run / "session.json").read_text())["token"]
