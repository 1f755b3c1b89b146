"""The lock: one at a time, whatever becomes of the one."""

import subprocess
import sys
import threading

import pytest
from skysieve.local.lock import locked

HOLD = """
import sys
from pathlib import Path
from skysieve.local.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run" / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_free_lock_is_had_without_a_word(tmp_path):
    told = []
    with locked(tmp_path / "lock", lambda: told.append("waiting")):
        pass
    with locked(tmp_path / "lock", lambda: told.append("waiting")):
        pass
    assert told == []


@pytest.mark.parametrize("end", ["kill", "finish"])
def test_what_another_process_holds_is_waited_for_and_said(tmp_path, holder, end):
    waiting, had = threading.Event(), threading.Event()

    def take():
        with locked(tmp_path / "run" / "lock", waiting.set):
            had.set()

    taker = threading.Thread(target=take)
    taker.start()
    assert waiting.wait(30)
    assert not had.is_set()
    holder.kill() if end == "kill" else holder.stdin.close()
    assert had.wait(30)
    taker.join()


def test_an_error_inside_lets_go_of_it(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "lock"):
        _ = 1 / 0
    with locked(tmp_path / "lock", lambda: pytest.fail("it is still held")):
        pass
