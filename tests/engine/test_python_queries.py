"""Filters in Python run as queries of their own: none holds up another, and rejected packets are kept once."""

import re
import threading
import time

import offline
import pytest
from conftest import delivered
from matching import judged
from skysieve import DeploymentError, Filter
from skysieve.sources import send, simulate
from skysieve.stream_topics import rejected_topic

COUNT = 60
BRIGHT = "def bright(snr):\n    return snr > 20\n"
CARELESS = (
    "from skysieve import per_alert\n\n\n"
    "@per_alert\ndef careless(diaObject):\n    return diaObject['nDiaSources'] > 3\n"
)


def packets(seed):
    return [alert.packet for alert in simulate(COUNT, seed=seed, pool=20)]


def expected(sent):
    found = [offline.alert(packet.value)["diaSource"] for packet in sent]
    return sorted(source["diaSourceId"] for source in found if (source["snr"] or 0) > 20)


def ids(records):
    return sorted(offline.alert(record.value)["diaSource"]["diaSourceId"] for record in records)


@pytest.fixture
def deploy(sky, stream, name, deployed):
    def deploy(where, language="python", suffix="", start="latest", wait="running"):
        one = sky.deploy(Filter(name + suffix, where, stream, language=language), start=start)
        deployed.append(one)
        return one.wait(wait) if wait else one

    return deploy


def rejected(topics, stream):
    topic = rejected_topic(stream)
    return list(topics.read(topic, topics.begin(topic), topics.end(topic)))


def until(condition, patience=60):
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        time.sleep(0.2)
    assert condition()


def test_it_delivers_what_it_selects_live_and_of_the_past(deploy, stream, topics):
    before, after = packets(31), packets(32)
    send(before, stream, topics.bootstrap)
    one = deploy(BRIGHT, start="earliest")
    send(after, stream, topics.bootstrap)
    wanted = sorted(expected(before) + expected(after))
    assert ids(delivered(one, len(wanted))) == wanted


def test_one_that_raises_is_marked_with_the_alert_and_the_others_go_on(deploy, sky, stream, topics):
    sent = packets(33)
    lacking = [p for p in sent if offline.alert(p.value)["diaObject"] is None]
    assert lacking, "the simulated sky has asteroids, which are no objects"
    sql = deploy("snr > 20", language="sql", suffix="-sql")
    other = deploy(BRIGHT, suffix="-good")
    bad = deploy(CARELESS, suffix="-bad")
    send(sent, stream, topics.bootstrap)
    until(lambda: bad.status().state == "failed")
    error = bad.status().error
    assert "The function 'careless' raised TypeError" in error
    found = re.search(r"on the alert (\d+) at partition (\d+), offset (\d+)\. A value that is missing", error)
    alert = offline.alert(topics.one(stream, int(found[2]), int(found[3])).value)
    assert (alert["diaSourceId"], alert["diaObject"]) == (int(found[1]), None)
    with pytest.raises(DeploymentError, match="careless"):
        bad.wait("running")
    for one in (sql, other):
        assert ids(delivered(one, len(expected(sent)))) == expected(sent)
        assert one.status().state == "running"


@pytest.mark.parametrize("beside", [None, "snr > 20"], ids=["alone", "beside a bank"])
def test_what_cannot_be_decoded_is_rejected_once(deploy, stream, topics, beside):
    if beside:
        deploy(beside, language="sql", suffix="-sql")
    one = deploy(BRIGHT)
    sent = packets(34)
    topics.write(stream, [("0", sent[0].value[:2000]), ("1", b"no packet")])
    send(sent, stream, topics.bootstrap)
    assert ids(delivered(one, len(expected(sent)))) == expected(sent)
    until(lambda: len(rejected(topics, stream)) >= 2)
    time.sleep(2)
    assert sorted(record.value for record in rejected(topics, stream)) == sorted(
        [sent[0].value[:2000], b"no packet"]
    )


EVERY = "def every(snr):\n    return snr.notna() | snr.isna()\n"


def test_each_alert_is_judged_by_one_version_when_a_name_passes_from_python_to_sql_and_back(
    deploy, stream, topics
):
    one = deploy(EVERY)
    sent, enough = [], threading.Event()

    def packets_until_enough():
        for alert in simulate(10_000, seed=35, pool=20):
            if enough.is_set():
                return
            sent.append(alert.packet)
            yield alert.packet

    flow = threading.Thread(
        target=send, args=(packets_until_enough(), stream, topics.bootstrap), kwargs={"rate": 80}
    )
    flow.start()
    time.sleep(2)
    deploy("diaSource.diaSourceId > 0", language="sql")
    time.sleep(2)
    deploy(EVERY)
    time.sleep(2)
    enough.set()
    flow.join()
    places = judged(one, len(sent))
    assert len(places) == len(sent)
    assert [again for again in places.values() if len({version for _, version in again}) != 1] == []
    assert {again[0][1] for again in places.values()} == {*one.versions["version"]}


def test_it_can_be_stopped_and_removed(deploy, sky, stream, topics):
    one = deploy(BRIGHT)
    one.stop().wait("stopped")
    send(packets(37), stream, topics.bootstrap)
    time.sleep(3)
    assert one.matches() == 0
    topic = one.output_topic
    one.remove(results=True)
    assert topic not in sky.topics.names()
