"""A process of the session is known again by whoever comes later, and never confused with a stranger."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from processes import processes_in, wait_until
from skysieve.kafka_options import VARIABLES
from skysieve.local.process import Daemon, log_tail

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
MAKER = """
import sys, time
from skysieve.home import Home
from skysieve.local.process import Daemon
daemon = Daemon(Home.at(sys.argv[1]), "kafka")
daemon.start([sys.executable, "-c", "import time; time.sleep(600)"])
print(daemon.process.pid, flush=True)
time.sleep(600)
"""
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print('begun', flush=True); time.sleep(600)",
]


@pytest.fixture
def daemon(own):
    own.run.mkdir(parents=True)
    found = Daemon(own, "kafka")
    yield found
    found.stop()


@pytest.fixture
def stranger():
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def record(daemon):
    return daemon.home.run / "kafka.pid"


def test_who_comes_later_finds_it_by_the_record(daemon):
    daemon.start(SLEEP)
    later = Daemon(daemon.home, "kafka").process
    assert later is not None
    assert later.pid == int(record(daemon).read_text())
    assert later.cmdline() == SLEEP


def test_it_has_left_the_terminal_so_that_ctrl_c_does_not_reach_it(daemon):
    daemon.start(SLEEP)
    assert os.getsid(daemon.process.pid) == daemon.process.pid != os.getsid(0)


def test_it_has_the_environment_given_and_none_of_another_spark(daemon, monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://elsewhere")
    daemon.start(SLEEP, {"COLOUR": "blue"})
    environment = daemon.process.environ()
    assert environment["COLOUR"] == "blue"
    assert "SPARK_REMOTE" not in environment


def test_it_is_told_no_user_and_no_password_of_another_kafka(daemon, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "of a cluster")
    daemon.start(SLEEP)
    assert not {*VARIABLES} & daemon.process.environ().keys()


def test_a_killed_one_is_not_there_any_more(daemon):
    daemon.start(SLEEP)
    daemon.process.kill()
    wait_until(lambda: daemon.process is None, "the killed process is gone")


def test_a_stranger_that_has_its_old_pid_is_neither_taken_for_it_nor_killed(daemon, stranger):
    record(daemon).write_text(str(stranger.pid))
    assert daemon.process is None
    daemon.stop()
    daemon.start(SLEEP)
    assert daemon.process.pid != stranger.pid
    daemon.stop()
    assert stranger.poll() is None


def test_the_same_part_of_another_session_is_a_stranger(daemon, own, tmp_path):
    other = Daemon(type(own).at(tmp_path / "other"), "kafka")
    other.home.run.mkdir(parents=True)
    other.start(SLEEP)
    try:
        record(daemon).write_text(str(other.process.pid))
        assert daemon.process is None
        daemon.stop()
        assert other.process is not None
    finally:
        other.stop()


BROKEN = [
    b"",
    b"\n",
    b"nonsense",
    b"-1",
    b"0",
    b"1e3",
    b"99999999999999999999999",
    b"\x00\xff",
    b'{"pid": 1}',
]


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_record_stands_for_no_process(daemon, content):
    record(daemon).write_bytes(content)
    assert daemon.process is None
    daemon.stop()
    assert not record(daemon).exists()


@pytest.mark.parametrize("content", [None, *BROKEN[:2]])
def test_stop_also_finds_a_process_whose_record_is_lost(daemon, content):
    daemon.start(PARENT)
    wait_until(lambda: len(processes_in(daemon.home.state)) == 2, "parent and child run")
    record(daemon).unlink()
    if content is not None:
        record(daemon).write_bytes(content)
    daemon.stop()
    assert processes_in(daemon.home.state) == []


def test_stop_ends_what_it_started_also_when_it_is_gone_itself(daemon):
    daemon.start(PARENT)
    wait_until(lambda: len(processes_in(daemon.home.state)) == 2, "parent and child run")
    daemon.process.kill()
    wait_until(lambda: daemon.process is None, "the parent is gone")
    assert len(processes_in(daemon.home.state)) == 1
    daemon.stop()
    assert processes_in(daemon.home.state) == []


def test_one_whose_maker_lives_and_takes_no_note_of_its_end_is_not_waited_for(own):
    own.run.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", MAKER, str(own.state)], stdout=subprocess.PIPE) as maker:
        pid = int(maker.stdout.readline())
        Daemon(own, "kafka").stop(patience=1e6)
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        assert Daemon(own, "kafka").process is None
        maker.kill()


def test_one_that_does_not_hear_is_killed(daemon):
    daemon.start([sys.executable, "-c", DEAF])
    wait_until(lambda: daemon.tail() == "deaf", "it no longer hears")
    pid = daemon.process.pid
    daemon.stop(patience=0.2)
    assert not psutil.pid_exists(pid)


def test_one_that_was_stopped_by_job_control_is_killed(daemon):
    daemon.start(SLEEP)
    pid = daemon.process.pid
    os.kill(pid, signal.SIGSTOP)
    daemon.stop(patience=0.2)
    assert not psutil.pid_exists(pid)


def test_starting_anew_replaces_it_and_keeps_the_log_of_the_last_run(daemon):
    daemon.start([sys.executable, "-c", "print('first')"])
    wait_until(lambda: daemon.tail() == "first", "the first has written")
    daemon.start([sys.executable, "-c", "print('second')"])
    wait_until(lambda: daemon.tail() == "second", "the second has written")
    assert log_tail(daemon.log.with_suffix(".log.1")) == "first"


def test_a_failure_shows_the_end_of_the_log_and_what_to_do(daemon):
    daemon.start([sys.executable, "-c", "print('java.net.BindException: Address already in use')"])
    wait_until(lambda: "BindException" in daemon.tail(), "it has written")
    message = str(daemon.failure("Kafka could not be started"))
    assert message.startswith(f"Kafka could not be started. The last lines of {daemon.log}:\njava.net.Bind")
    assert message.endswith("choose another port.")


def test_the_tail_of_a_log_leaves_out_stack_frames(tmp_path):
    log = tmp_path / "log"
    log.write_text("one\nERROR two\n\tat org.apache.Kafka(1)\n\n\tat org.apache.Kafka(2)\nCaused by: three\n")
    assert log_tail(log) == "one\nERROR two\nCaused by: three"
    assert log_tail(log, lines=1) == "Caused by: three"


def test_the_tail_of_a_log_that_is_missing_empty_or_binary_is_text(tmp_path):
    assert log_tail(tmp_path / "none") == "(no log)"
    (tmp_path / "empty").write_bytes(b"")
    assert log_tail(tmp_path / "empty") == "(empty)"
    (tmp_path / "binary").write_bytes(b"\xff\xfe end")
    assert log_tail(tmp_path / "binary").endswith("end")
