"""The notebook on groups and other streams: executed from top to bottom, and what it shows is true."""

from collections import Counter

import kernels
import numpy as np
import offline
import pytest
from events import AHEAD
from skysieve.enrich.positions import separation
from test_further_notebooks import executed

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def notebook(started, home):
    return executed("06_other_streams", home)


@pytest.fixture(scope="module")
def alerts(notebook, sky):
    topics = sky.topics
    records = topics.read("event-alerts", topics.begin("event-alerts"), topics.end("event-alerts"))
    return [offline.alert(record.value) for record in records]


def test_the_groups_are_those_of_a_loop_over_the_packets(notebook, alerts):
    counts = Counter(
        (a["diaObject"]["diaObjectId"], int(np.floor(a["diaSource"]["midpointMjdTai"] - AHEAD - 0.5)))
        for a in alerts
        if a["diaObject"] and offline.above(a, "diaSource.snr", 5)
    )
    wanted = {key: n for key, n in counts.items() if n >= 2}
    groups, nights = kernels.said(notebook, "groups", r"(\d+) groups in (\d+) nights")
    assert (groups, nights) == (len(wanted), len({night for _, night in wanted}))
    assert groups > 10
    told, detections = kernels.said(
        notebook, "updates", r"(\d+) groups were told of, (\d+) detections in them"
    )
    assert (told, detections) == (len(wanted), sum(wanted.values()))


def test_alerts_near_the_wave_are_within_its_spot(notebook, alerts):
    (found,) = kernels.said(notebook, "matches", r"(\d+) alerts near S260305a")
    times = sorted(
        (a["diaSource"]["midpointMjdTai"], a["diaSource"]["ra"], a["diaSource"]["dec"]) for a in alerts
    )
    when, ra, dec = times[len(times) // 3]
    # of a Gaussian of 2 degrees 90 % lie within 4.29; the edge is that of cells of a degree
    counts = [
        sum(
            offline.above(a, "diaSource.snr", 5)
            and -1 <= a["diaSource"]["midpointMjdTai"] - when <= 2
            and separation(*(np.array([v]) for v in (a["diaSource"]["ra"], a["diaSource"]["dec"], ra, dec)))[
                0
            ]
            < radius
            for a in alerts
        )
        for radius in (3.4, 5.2)
    ]
    assert 0 < counts[0] <= found <= counts[1]
    assert kernels.shown(notebook, "map", "text/html") or kernels.shown(notebook, "map")


def test_the_retraction_is_told(notebook):
    assert "S260305a was taken back" in kernels.shown(notebook, "retraction")
