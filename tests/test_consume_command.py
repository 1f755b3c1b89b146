"""``skysieve consume``: a line for each match."""

import gzip
import json
import math
import re
import signal
import subprocess
import sys
from datetime import datetime

import offline
import pytest
from conftest import DATA
from matching import STREAM, VERSION, notice, place
from processes import wait_until
from skysieve.sources import simulate


def run(*arguments, **how):
    command = [sys.executable, "-m", "skysieve", "consume", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **how)


@pytest.mark.real_data
def test_the_command_line_prints_a_line_of_json_for_each_match(output, environment):
    packets = offline.real_packets(DATA / "lsst_derived_wire")[:3]
    output.write(*packets, snr=math.inf)
    done = run(output.filter, "--json-lines", "--timeout", 0)
    assert (done.returncode, done.stderr) == (0, "")
    found = [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]
    for match, packet in zip(found, packets, strict=True):
        alert = offline.alert(packet)
        assert match["alert"]["diaSource"]["diaSourceId"] == alert["diaSource"]["diaSourceId"]
        assert not [key for key in match["alert"] if key.startswith("cutout") and match["alert"][key]]
        assert match["source"]["stream"] == STREAM
        assert (match["version"], match["problem"], match["annotations"]) == (VERSION, None, {"snr": None})
        assert datetime.fromisoformat(match["timestamp"]).tzinfo
    assert len(gzip.compress(done.stdout.encode())) < sum(map(len, packets))


def test_the_command_line_goes_on_with_its_group(output, environment):
    output.write(*(alert.packet.value for alert in simulate(5, seed=9, pool=8)), snr=7)
    first = run(output.filter, "--group", "g", "--count", 2)
    second = run(output.filter, "--group", "g", "--timeout", 0)
    assert (first.stderr, second.stderr) == ("", "")
    lines = [*first.stdout.splitlines(), *second.stdout.splitlines()]
    assert [re.search(r"some-alerts\[0\]@(\d)  snr=7", line)[1] for line in lines] == list("01234")
    assert run(output.filter, "--group", "g", "--start", "earliest", "--timeout", 0).stdout == ""


def test_the_command_line_is_ended_by_an_interrupt(output, environment, topics):
    output.write(notice(0))
    command = [sys.executable, "-m", "skysieve", "consume", output.filter, "--group", "g"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        wait_until(lambda: place(topics, output.topic, "g") == 1, "it waits for more")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_the_command_line_refuses_what_it_cannot_do(output, environment):
    for arguments, words in (
        ((f"{output.filter}x",), f"No filter '{output.filter}x' is deployed"),
        ((output.filter, "--count", 0), "--count 0"),
        ((output.filter, "--start", "tomorrow"), "is no time"),
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
