"""The stream of any survey: what is the same for all of them, and how fast they are."""

import itertools
import os
import subprocess
import sys
import time

import pytest
from skysieve.sources import simulate
from skysieve.sources.simulation.lsst.survey import SimulatedLsst
from skysieve.sources.simulation.ztf.survey import SimulatedZtf

SURVEYS = pytest.mark.parametrize("survey", [SimulatedLsst, SimulatedZtf])


@SURVEYS
@pytest.mark.parametrize("count", [0, 1, 41])
def test_gives_exactly_as_many_as_asked_for(survey, count):
    assert sum(1 for _ in simulate(count, survey=survey(), pool=8)) == count


@SURVEYS
@pytest.mark.parametrize(("count", "nights"), [(3, 3), (7, 2), (95, 4), (200, 1)])
def test_gives_exactly_as_many_in_so_many_nights(survey, count, nights):
    assert sum(1 for _ in simulate(count, survey=survey(), pool=8, nights=nights)) == count


@pytest.mark.parametrize("survey", ["lsst", "ztf"])
def test_another_process_gives_the_same_packets(survey):
    program = f"""
import hashlib
from skysieve.sources.surveys import simulated
print(hashlib.sha256(b"".join(p.value for p in simulated({survey!r}, count=30, nights=3))).hexdigest())
"""
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": number},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    }
    assert len(digests) == 1


@SURVEYS
def test_another_seed_gives_other_packets(survey):
    one, two = (
        {alert.packet.value for alert in simulate(20, survey=survey(), seed=seed, pool=8)} for seed in (1, 2)
    )
    assert not one & two


@SURVEYS
def test_no_two_packets_are_the_same(survey):
    alerts = list(simulate(300, survey=survey(), pool=8, nights=3))
    assert len({alert.packet.value for alert in alerts}) == len({alert.alert_id for alert in alerts}) == 300


@pytest.mark.slow
@SURVEYS
def test_speed(survey, capsys):
    alerts = simulate(survey=survey())
    start = time.perf_counter()
    warm = sum(1 for _ in itertools.islice(alerts, 8000))
    drawn = time.perf_counter()
    size = sum(len(alert.packet.value) for alert in itertools.islice(alerts, 8000))
    end = time.perf_counter()
    with capsys.disabled():
        print(
            f"\n{survey.__name__}: {warm / (drawn - start):,.0f} packets/s while the pool is drawn, then "
            f"{8000 / (end - drawn):,.0f} packets/s of {size / 8e6:.0f} kB"
        )
