"""In real time: a match is out at once, one version judges each alert, and none is lost when Spark is killed."""

import os
import re
import threading
import time
from collections import defaultdict
from unittest.mock import patch

import offline
import pytest
from conftest import small
from processes import wait_until
from skysieve import DeploymentError, Filter, Guard
from skysieve.sources import Packet, send

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
RATE = 100
LOOSE, STRICT = 8, 12


@pytest.fixture(scope="module", autouse=True)
def in_real_time():
    with patch.dict(os.environ, SKYSIEVE_PROGRESS="asynchronous", SKYSIEVE_HEARTBEAT="1"):
        yield


@pytest.fixture(scope="module")
def flow(hurt):
    def flow(seconds, seed):
        packets = small(RATE * seconds, seed)
        sender = threading.Thread(
            target=send, args=(packets, hurt.stream, hurt.topics.bootstrap), kwargs={"rate": RATE}
        )
        sender.start()
        return sender

    return flow


@pytest.fixture(scope="module")
def deploy(hurt):
    def deploy(name, limit, start="latest"):
        spec = Filter(name, f"diaSource.snr > {limit}", hurt.stream)
        hurt.means[name] = lambda a: offline.above(a, "diaSource.snr", limit)
        return hurt.session.deploy(spec, start=start, guard=Guard(share=1)).wait("running")

    return deploy


def whole(hurt):
    """Wait until every filter has what it must select, and nothing else."""
    truth = hurt.truth()
    wait_until(
        lambda: all(places <= hurt.found()[n].keys() for n, places in truth.items()), "all matches", 120
    )
    assert hurt.found().keys() == truth.keys()
    assert all(hurt.found()[name].keys() == places for name, places in truth.items())


def test_a_match_is_out_before_the_progress_is_noted(hurt, deploy):
    deploy("everything", -1, "earliest")
    (packet,) = small(1, 5)

    def noted():
        return set(hurt.home.checkpoints.glob(f"{hurt.stream}/*/commits/[0-9]*"))

    def is_early():
        before, so_far = noted(), sum(hurt.found()["everything"].values())
        send([packet], hurt.stream, hurt.topics.bootstrap)
        wait_until(lambda: sum(hurt.found()["everything"].values()) > so_far, "the match")
        time.sleep(2)  # in a micro-batch it would be noted by now
        return bool(before) and noted() == before

    assert any(is_early() for _ in range(8))


def test_of_two_versions_one_judges_each_alert(hurt, deploy, flow):
    loose = deploy("changing", LOOSE, "earliest").version
    before, sender = hurt.alerts(), flow(24, 6)
    time.sleep(6)
    strict = deploy("changing", STRICT).version
    time.sleep(6)
    assert deploy("changing", LOOSE).version == loose != strict
    sender.join()
    snr = {place: alert["diaSource"]["snr"] or 0 for place, alert in hurt.alerts().items()}
    sure = {place for place, value in snr.items() if value > STRICT}

    def judged():
        versions = defaultdict(set)
        for place, version in hurt.delivered("changing"):
            versions[place].add(version)
        return versions

    wait_until(lambda: sure <= judged().keys(), "what either version selects", 120)
    time.sleep(2)
    versions = judged()
    assert all(len(found) == 1 for found in versions.values())
    assert all(snr[place] > (LOOSE if loose in found else STRICT) for place, found in versions.items())
    for partition in {p for p, _ in snr}:
        by_loose, by_strict = (
            sorted(offset for (p, offset), found in versions.items() if p == partition and version in found)
            for version in (loose, strict)
        )
        assert by_strict
        begin = max((o for o in by_loose if o < by_strict[0]), default=-1)
        end = min((o for o in by_loose if o > by_strict[-1]), default=len(snr))
        assert not [o for o in by_loose if begin < o < end]
        wanted = {offset for (p, offset), value in snr.items() if p == partition and value > LOOSE}
        assert all(begin < offset < end for offset in wanted - {*by_loose, *by_strict})
    assert len(before) < len(snr)
    del hurt.means["changing"]


def test_a_filter_that_raises_is_taken_out_and_the_others_lose_nothing(hurt, deploy):
    deploy("other", 9, "earliest")
    poison = "element_at(array(1, 2), CASE WHEN diaSource.midpointMjdTai < 0 THEN 0 ELSE 1 END) = 1"
    bad = hurt.session.deploy(Filter("bad", poison, hurt.stream), guard=Guard(share=1)).wait("running")
    packets = small(60, 9)
    odd = offline.alert(packets[0].value)
    odd["diaSource"]["midpointMjdTai"] = -1.0
    schema, before = int.from_bytes(packets[0].value[1:5], "big"), hurt.topics.end(hurt.stream)
    send(packets[:30], hurt.stream, hurt.topics.bootstrap)
    send([Packet(offline.packet(odd, schema), b"odd")], hurt.stream, hurt.topics.bootstrap)
    send(packets[30:], hurt.stream, hurt.topics.bootstrap)
    with pytest.raises(DeploymentError) as raised:
        bad.wait("stopped")
    place = re.search(r"partition (\d+), offset (\d+)", str(raised.value))
    assert place, str(raised.value)
    partition, offset = map(int, place.groups())
    assert offset >= before[partition]
    assert hurt.topics.one(hurt.stream, partition, offset).key == b"odd"
    whole(hurt)


def test_nothing_is_lost_when_spark_and_the_supervisor_are_killed(hurt, deploy, flow):
    deploy("bright", 10, "earliest")
    sender = flow(20, 7)
    time.sleep(5)
    hurt.kill("spark")
    time.sleep(3)
    hurt.kill("supervisor")
    sender.join()
    whole(hurt)
    flow(1, 8).join()
    wait_until(
        lambda: (bank := hurt.session.deployment("bright").status().bank) and bank.latency_median, "latency"
    )
