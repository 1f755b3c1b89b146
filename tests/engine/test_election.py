"""Of several supervisors one works, and another takes over when that is gone."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import delivered
from processes import wait_until
from skysieve import Filter, local
from skysieve.engine import registry
from skysieve.engine.election import Election
from skysieve.engine.status import supervisor
from skysieve.sources import send, simulate


@pytest.fixture
def stand(topics, name):
    """Further candidates of a group of the test's own."""
    registry.prepare(topics)
    made = []

    def stand():
        made.append(Election(topics, group=f"{name}-supervisors"))
        made[-1].__enter__()
        return made[-1]

    yield stand
    for one in made:
        one.__exit__(None, None, None)


def test_one_is_elected_and_the_next_when_that_one_leaves(stand):
    first = stand()
    wait_until(lambda: first.is_won(0.2), "an election")
    second = stand()
    for _ in range(15):
        assert [first.is_won(0.1), second.is_won(0.1)].count(True) <= 1
    assert first.is_won() or second.is_won()
    winner, other = (first, second) if first.is_won() else (second, first)
    winner.__exit__(None, None, None)
    wait_until(lambda: other.is_won(0.2), "another election")


def test_one_that_stood_still_does_not_go_on_before_it_is_elected_anew(stand):
    first = stand()
    wait_until(lambda: first.is_won(0.2), "an election")
    second = stand()
    end = time.monotonic() + 7
    while time.monotonic() < end:
        assert not second.is_won(0.2)
    assert not (first.is_won() and second.is_won())
    wait_until(lambda: [first.is_won(0.1), second.is_won(0.1)].count(True) == 1, "one election")


def test_a_supervisor_that_stands_by_takes_over_from_one_that_was_killed(
    sky, stream, topics, name, deployed, home, running, tmp_path
):
    one = sky.deploy(Filter(name, "diaSource.diaSourceId IS NOT NULL", stream)).wait("running")
    deployed.append(one)
    surroundings = os.environ | {
        "SKYSIEVE_KAFKA": running.kafka,
        "SKYSIEVE_SPARK": running.spark,
        "SKYSIEVE_CHECKPOINTS": str(home.checkpoints),
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": running.token,
    }
    with (tmp_path / "log").open("w") as log:
        second = subprocess.Popen(
            [sys.executable, "-m", "skysieve", "supervise"], env=surroundings, stdout=log, stderr=log
        )
    try:
        time.sleep(4)
        first = local.running(home).pids["supervisor"]
        assert supervisor(topics).pid == first
        os.kill(first, signal.SIGKILL)
        psutil.wait_procs([psutil.Process(first)] if psutil.pid_exists(first) else [], timeout=10)
        wait_until(lambda: supervisor(topics).pid == second.pid, "another supervisor")
        query = one.status()
        sent = [alert.packet for alert in simulate(40, seed=91, pool=20)]
        send(sent, stream, topics.bootstrap)
        delivered(one, 40)
        assert query.run == one.status().run
        later = sky.deploy(Filter(f"{name}-later", "diaSource.ra >= 0", stream)).wait("running")
        deployed.append(later)
    finally:
        second.terminate()
        second.wait(30)
        local.up(home)
    wait_until(
        lambda: supervisor(topics).pid == local.running(home).pids["supervisor"], "the first's successor"
    )
    assert later.status().state == "running"
