"""Interrupts: a program that is told to end cleans up, and an impatient second signal does not cut that short."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from skysieve.local.interrupts import deferred

PROGRAM = """
import signal, sys, time
from skysieve.local.interrupts import end_in_order, undisturbed
end_in_order()
try:
    print("ready", flush=True)
    while True:  # a signal just before a long sleep would be seen only after it
        time.sleep(0.05)
finally:
    with undisturbed():
        print("cleaning", flush=True)
        sys.stdin.readline()
        print("clean", flush=True)
"""


@pytest.fixture
def program():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_that_is_told_to_end_cleans_up_even_if_told_again(program, number):
    program.send_signal(number)
    assert program.stdout.readline() == "cleaning\n"
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        program.send_signal(again)
    said, _ = program.communicate("go on\n", timeout=60)
    assert said == "clean\n"
    assert program.returncode == (128 + number if number != signal.SIGINT else -number)


def test_signals_that_come_together_are_one(program):
    """Both are there before Python looks: the second must not come on the way to the first one's cleaning."""
    program.send_signal(signal.SIGSTOP)
    for both in (signal.SIGTERM, signal.SIGINT, signal.SIGCONT):
        program.send_signal(both)
    assert program.stdout.readline() == "cleaning\n"
    assert program.communicate("go on\n", timeout=60)[0] == "clean\n"


def test_under_nohup_a_closed_terminal_ends_nothing():
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + PROGRAM
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], text=True, **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()


def test_deferred_interrupts_come_when_they_are_let_come():
    done = []
    with deferred() as let_come:
        let_come()
        os.kill(os.getpid(), signal.SIGINT)
        done.append("undisturbed")
        with pytest.raises(KeyboardInterrupt):
            let_come()
        let_come()
    assert done == ["undisturbed"]


def test_one_that_is_never_let_come_comes_at_the_end():
    done = []

    def once():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("undisturbed")

    with pytest.raises(KeyboardInterrupt), deferred():
        once()
    assert done == ["undisturbed"]


def test_a_second_interrupt_is_not_deferred():
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    with deferred(), pytest.raises(KeyboardInterrupt):
        twice()


def test_what_fails_because_of_an_interrupt_is_the_interrupt():
    arrived = []

    def cut_short():
        os.kill(os.getpid(), signal.SIGINT)
        assert arrived == ["at once"]
        raise OSError("cancelled")

    with pytest.raises(KeyboardInterrupt) as raised, deferred(lambda: arrived.append("at once")):
        cut_short()
    assert raised.value.__suppress_context__


def test_what_fails_by_itself_is_told():
    with pytest.raises(OSError, match="disk"), deferred():
        raise OSError("disk")


def test_afterwards_interrupts_come_as_before():
    before = signal.getsignal(signal.SIGINT)
    with deferred():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_nothing_is_deferred():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: deferred().__enter__()() or "ran").result() == "ran"
