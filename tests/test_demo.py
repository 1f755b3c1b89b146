"""The demo: from nothing to delivered alerts, and back to nothing."""

import os
import re
import signal
import subprocess
import sys

import pytest
from processes import processes_in, wait_until
from skysieve.demo import Counts
from skysieve.home import Home


@pytest.fixture
def demo(tmp_path):
    """The demo, on its way; all its files are in a folder of the test's own."""
    cache = str(Home.default().cache)
    environment = {**os.environ, "TMPDIR": str(tmp_path), "SKYSIEVE_CACHE": cache}
    command = [sys.executable, "-m", "skysieve", "demo"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        yield process
        process.kill()


def test_it_reads_previews_delivers_and_leaves_nothing(demo, tmp_path):
    said, _ = demo.communicate(timeout=250)
    assert demo.returncode == 0, said
    last = said.splitlines()[-1]
    numbers = re.fullmatch(r"demo: read (\d+) alerts, (\d+) passed bright, delivered (\d+)", last)
    assert numbers, last
    read, passed, delivered = map(int, numbers.groups())
    assert read == 3000
    assert 0 < passed == delivered < read
    assert processes_in(tmp_path) == []
    assert list(tmp_path.glob("skysieve-demo-*")) == []


def test_one_that_is_ended_while_alerts_stream_leaves_nothing(demo, tmp_path):
    said = ""
    while "Streaming" not in said:
        said = demo.stdout.readline()
        assert said
    assert len(processes_in(tmp_path)) >= 3
    demo.send_signal(signal.SIGTERM)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=100)
    assert demo.returncode not in (0, -signal.SIGTERM)
    wait_until(lambda: processes_in(tmp_path) == [], "nothing is left", patience=5)
    assert list(tmp_path.glob("skysieve-demo-*")) == []


@pytest.mark.parametrize(
    ("counts", "agree"),
    [
        (Counts(3000, 40, 40), True),
        (Counts(3000, 40, 39), False),
        (Counts(3000, 40, 41), False),
        (Counts(2999, 40, 40), False),
    ],
)
def test_numbers_agree_only_if_every_alert_was_read_and_every_match_delivered(counts, agree):
    assert counts.agree is agree
