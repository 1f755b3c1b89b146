"""Progress: a bar for who watches, nothing for who does not."""

import os
import pty
import subprocess
import sys

PROGRAM = """
import sys, time
from skysieve.progress import Shown
total = int(sys.argv[1]) if len(sys.argv) > 1 else None
with Shown(total) as shown:
    for count in (1000, 2000):
        shown(count)
        time.sleep(0.3)
print(shown.count)
"""


def on_a_terminal(*arguments, **variables):
    """What the program writes to a terminal on its standard error."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    for variable in ("NO_COLOR", "JPY_PARENT_PID"):
        environment.pop(variable, None)
    environment |= variables
    command = [sys.executable, "-c", PROGRAM, *arguments]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(ours, 4096):
                written += part
        except OSError:  # the terminal closes with the program
            pass
        assert process.stdout.read() == b"2000\n"
    os.close(ours)
    return written.decode()


def test_on_a_terminal_it_shows_how_many_of_how_many():
    assert "2,000/4,000" in on_a_terminal("4000")


def test_an_endless_one_shows_how_many():
    written = on_a_terminal()
    assert "2,000" in written
    assert "/None" not in written


def test_in_a_notebook_whose_terminal_cannot_move_back_it_is_silent():
    assert on_a_terminal("4000", JPY_PARENT_PID="1") == ""


def test_where_nobody_watches_it_is_silent_and_still_counts():
    done = subprocess.run([sys.executable, "-c", PROGRAM, "4000"], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"2000\n", b"")
