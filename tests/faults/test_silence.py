"""A supervisor that was away for longer than Spark keeps a silent session: its queries are all there, and each once."""

import signal
import time

import offline
import psutil
import pytest
from conftest import small
from processes import wait_until
from skysieve import Filter, Guard
from skysieve.local import spark
from skysieve.sources import send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SECONDS = 15
LIMITS = (6, 10, 20)


@pytest.fixture(scope="module", autouse=True)
def forgetful():
    """Spark ends a session that has been silent for some seconds, and looks for such every second."""
    with pytest.MonkeyPatch.context() as patch:
        prefix = "spark.connect.session.manager"
        patch.setitem(spark._CONF, f"{prefix}.defaultSessionTimeout", f"{SECONDS}s")
        patch.setitem(spark._CONF, f"{prefix}.maintenanceInterval", "1s")
        yield


def in_python(snr):
    return snr > 25


def test_no_query_is_lost_and_none_runs_twice(hurt):
    specs = [Filter(f"snr-{limit}", f"diaSource.snr > {limit}", hurt.stream) for limit in LIMITS]
    specs.append(Filter.from_function(in_python, hurt.stream, "in-python"))
    limits = {**{f"snr-{limit}": limit for limit in LIMITS}, "in-python": 25}
    hurt.means = {
        n: lambda a, limit=limit: offline.above(a, "diaSource.snr", limit) for n, limit in limits.items()
    }
    for spec in specs:
        hurt.attach()  # this session, too, is forgotten when it is silent
        hurt.session.deploy(spec, start="earliest", guard=Guard(share=1)).wait("running")

    for round_ in range(2):
        supervisor = psutil.Process(hurt.pid("supervisor"))
        supervisor.send_signal(signal.SIGKILL)
        psutil.wait_procs([supervisor], timeout=30)
        _send(hurt, 2 * round_)
        time.sleep(2 * SECONDS)
        hurt.up()
        hurt.attach()  # what was attached before was silent for as long
        for spec in specs:
            hurt.session.deployment(spec.name).wait("running")
        _send(hurt, 2 * round_ + 1)
        wait_until(lambda: _is_whole(hurt), "every match", 90)
    time.sleep(5)
    truth, found = hurt.truth(), hurt.found()
    assert {name: set(counts) for name, counts in found.items()} == truth
    assert {name: max(counts.values()) for name, counts in found.items()} == dict.fromkeys(truth, 1)


def _is_whole(hurt):
    found = hurt.found()
    return all(places <= found[name].keys() for name, places in hurt.truth().items())


def _send(hurt, number):
    send(small(200, 500 + number), hurt.stream, hurt.topics.bootstrap)
