"""An aggregate and a join whose Spark is killed tell in the end what uninterrupted ones would have."""

import time

import pytest
from events import EACH, detections, newest, packets, per_night, shuffled, until
from joined import events_near, near, notice, pairs
from skysieve import Filter
from skysieve.sources import send
from skysieve.stream_topics import make_stream

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_they_go_on_with_the_state_that_they_had(hurt):
    stream, gcn = (make_stream(hurt.topics, name) for name in ("faults-groups", "faults-gcn"))
    table = detections(240, seed=8)
    known = events_near(table, 8, 25.0)
    hurt.topics.write(gcn, [(name, notice(name, *what)) for name, *what in known[:4]])
    where = f"snr > 5 NEAR '{gcn}' BEFORE '4 hours' AFTER '10 hours' LATENESS '60 days'"
    groups, joined = (
        hurt.session.deploy(Filter(name, what, stream), compare=False).wait("running")
        for name, what in (("groups", EACH), ("joined", where))
    )
    sent = packets(shuffled(table, 2.5, seed=9))
    for number, begin in enumerate(range(0, 240, 40)):
        send(sent[begin : begin + 40], stream, hurt.topics.bootstrap)
        time.sleep(1)
        if number in (1, 3):
            hurt.kill("spark")
    hurt.topics.write(gcn, [(name, notice(name, *what)) for name, *what in known[4:]])
    wanted, found = per_night(table), near(table, known, 4 * 3600, 10 * 3600)
    assert len(found) > len(near(table, known[:4], 4 * 3600, 10 * 3600)) > 0
    until(lambda: newest(groups, "diaObjectId", "night") == wanted)
    until(lambda: set(pairs(joined, [])) == set(found))
    hurt.attach()
    last = {}
    with hurt.session.consume("groups", timeout=0) as matches:
        for match in matches:
            last[match.alert["diaObjectId"], match.alert["night"]] = match.alert
    assert last == wanted
    with hurt.session.consume("joined", timeout=0) as matches:
        assert len(list(matches)) == len(found)
