"""Alerts near notices, and near another survey's alerts, are those that numpy finds among the same events."""

import json

import numpy as np
import pandas as pd
import pytest
from events import detections, packets, until
from joined import DAY, events_near, near, notice, pairs, told
from skysieve import Filter, FilterError
from skysieve.sources import send
from skysieve.stream_topics import make_stream


@pytest.fixture
def gcn(topics, name):
    return make_stream(topics, f"{name}-gcn")


@pytest.fixture
def deploy(sky, stream, name, deployed):
    def deploy(where, start="latest"):
        deployed.append(sky.deploy(Filter(name, where, stream), start=start, compare=False))
        return deployed[-1].wait("running")

    return deploy


def test_alerts_near_notices_that_come_before_and_after_them(deploy, sky, stream, gcn, topics):
    table = detections(400, seed=21, days=1.8)  # each half within the day that an alert may be late
    known, around = events_near(table, 6, 25.0), (4 * 3600, 10 * 3600)
    topics.write(gcn, [(name, notice(name, *what)) for name, *what in known[:3]])
    send(packets(table[:200]), stream, topics.bootstrap)
    one = deploy(
        f"snr > 5 NEAR '{gcn}' BEFORE '4 hours' AFTER '10 hours' LATENESS '10 days'", start="earliest"
    )
    wanted = near(table[:200], known[:3], *around)
    assert wanted
    assert pairs(one, wanted) == wanted
    send(packets(table[200:]), stream, topics.bootstrap)
    wanted = near(table, known[:3], *around)
    assert pairs(one, wanted) == wanted
    topics.write(gcn, [(name, notice(name, *what)) for name, *what in known[3:]])
    wanted = near(table, known, *around)
    assert len(wanted) > len(near(table, known[:3], *around))
    assert pairs(one, wanted) == wanted
    matches = list(sky.consume(one.name, timeout=0))
    assert len(matches) == len(wanted), "an alert near two events is two matches"


def test_a_retraction_ends_an_event_and_is_told_as_is_what_cannot_be_joined(deploy, sky, stream, gcn, topics):
    table = detections(120, seed=22, days=0.9)
    kept, gone = events_near(table, 2, 179.0)
    topics.write(gcn, [(n, notice(n, *what)) for n, *what in (kept, gone)])
    one = deploy(f"snr > 5 NEAR '{gcn}' BEFORE '5 days' AFTER '5 days' LATENESS '10 days'")
    send(packets(table[:60]), stream, topics.bootstrap)
    both = near(table[:60], [kept, gone], 5 * DAY, 5 * DAY)
    assert pairs(one, both) == both
    topics.write(
        gcn, [("r", json.dumps({"id": [gone[0]], "alert_type": "retraction"}).encode()), ("x", b"no notice")]
    )
    until(lambda: any(headers.get("skysieve.retracted") == gone[0] for _, headers in told(one)))
    problems = [headers["skysieve.problem"] for _, headers in told(one) if "skysieve.problem" in headers]
    assert len(problems) == 1
    assert "no JSON object" in problems[0]

    seen = set(table.id[:60])

    def is_gone():  # the supervisor looks once a second, and starts the query anew
        probe = detections(1, seed=25, days=0.9).assign(snr=9.0)
        send(packets(probe), stream, topics.bootstrap)
        (alert,) = probe.id
        seen.add(alert)
        until(lambda: (alert, kept[0]) in pairs(one, []))
        return (alert, gone[0]) not in pairs(one, [])

    until(is_gone)
    send(packets(table[60:]), stream, topics.bootstrap)
    wanted = near(table[60:], [kept], 5 * DAY, 5 * DAY)
    until(lambda: {pair for pair in pairs(one, []) if pair[0] not in seen} == set(wanted))
    assert [
        m.alert["id"]
        for m in sky.consume(one.name, timeout=0)
        if m.annotations == {} and "id" in (m.alert or {})
    ]


def test_alerts_of_two_surveys_are_joined_by_place_and_time(deploy, stream, topics, name):
    other = make_stream(topics, f"{name}-others")
    table = detections(150, seed=23, days=0.9)
    twins = table[::5].copy()
    twins["dec"] = np.clip(twins["dec"] + 1.5 / 3600, -90, 90)
    twins["mjd"] += 0.02
    far = table[1::5].copy()
    far["dec"] = np.where(far["dec"] > 0, far["dec"] - 3 / 3600, far["dec"] + 3 / 3600)
    one = deploy(f"NEAR '{other}' BEFORE '1 hour' AFTER '0 hours' RADIUS '2 arcsec' LATENESS '10 days'")
    send(packets(pd.concat([twins, far])), other, topics.bootstrap)
    send(packets(table), stream, topics.bootstrap)
    wanted = sorted((int(i), str(i)) for i in twins["id"])
    assert pairs(one, wanted) == wanted


def test_what_cannot_be_joined_is_refused_before_it_is_deployed(sky, stream, gcn, topics, name):
    send(packets(detections(2, seed=24)), stream, topics.bootstrap)
    with pytest.raises(FilterError, match="RADIUS"):
        sky.deploy(Filter(name, f"NEAR '{stream}'", stream))
    topics.write(gcn, [("a", b'{"text": "no place"}')])
    with pytest.raises(FilterError, match="no time or no place"):
        sky.deploy(Filter(name, f"NEAR '{gcn}'", gcn))
    assert "what is near" in " ".join(sky.preview(Filter(name, f"snr > 5 NEAR '{gcn}'", stream)).warnings)
