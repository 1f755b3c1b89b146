"""An aggregate whose Spark is killed tells in the end what an uninterrupted one would have."""

import time

import pytest
from events import EACH, detections, newest, packets, per_night, shuffled, until
from skysieve import Filter
from skysieve.sources import send
from skysieve.stream_topics import make_stream

pytestmark = pytest.mark.timeout(600)


def test_it_goes_on_with_the_groups_that_it_had(hurt):
    stream = make_stream(hurt.topics, "faults-groups")
    one = hurt.session.deploy(Filter("groups", EACH, stream)).wait("running")
    table = detections(240, seed=8)
    sent = packets(shuffled(table, 2.5, seed=9))
    for number, begin in enumerate(range(0, 240, 40)):
        send(sent[begin : begin + 40], stream, hurt.topics.bootstrap)
        time.sleep(1)
        if number in (1, 3):
            hurt.kill("spark")
    wanted = per_night(table)
    until(lambda: newest(one, "diaObjectId", "night") == wanted)
    hurt.attach()
    last = {}
    with hurt.session.consume("groups", timeout=0) as matches:
        for match in matches:
            last[match.alert["diaObjectId"], match.alert["night"]] = match.alert
    assert last == wanted
