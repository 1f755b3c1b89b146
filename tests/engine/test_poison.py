"""The poison matrix: whatever an alert or a filter does, it hurts no other filter, and where it was is told exactly."""

import itertools
import os
import signal
import threading

import offline
import psutil
import pytest
from conftest import small
from processes import wait_until
from skysieve import Filter, Guard, local
from skysieve.sources import Packet, send
from skysieve.stream_topics import rejected_topic

ALL = "diaSource.diaSourceId IS NOT NULL"
EVERY = "def every(snr):\n    return snr.notna() | snr.isna()\n"
SLOW = (
    "def slow(diaSource):\n    while (diaSource['midpointMjdTai'] < 0).any():\n        pass\n"
    "    return diaSource['snr'] > 20\n"
)
SILENT = (
    "def silent(diaSource):\n    if (diaSource['midpointMjdTai'] < 0).any():\n        raise LookupError\n"
    "    return diaSource['snr'] > 20\n"
)


@pytest.fixture
def impatient(running, home, monkeypatch):
    """A supervisor that gives functions two seconds; after it one as before."""

    def renew():
        supervisor = psutil.Process(local.pids(home)["supervisor"])
        os.kill(supervisor.pid, signal.SIGTERM)
        psutil.wait_procs([supervisor], timeout=30)
        local.up(home)

    with monkeypatch.context() as changed:
        changed.setenv("SKYSIEVE_FUNCTION_SECONDS", "2")
        renew()
    yield
    renew()


@pytest.fixture
def deploy(sky, stream, name, deployed):
    def deploy(kind, where, language="sql", **more):
        deployed.append(sky.deploy(Filter(f"{name}-{kind}", where, stream, language=language), **more))
        return deployed[-1]

    return deploy


def with_values(packet, key, source, **values):
    alert = offline.alert(packet.value)
    alert["diaSource"] |= source
    return Packet(offline.packet(alert | values, int.from_bytes(packet.value[1:5], "big")), key)


def places(topics, topic, prefix="skysieve.source"):
    """The place in the stream that each record of a topic tells, with its headers."""
    found = {}
    for record in topics.read(topic, *topics.bounds(topic)):
        headers = {name: value.decode() for name, value in record.headers}
        found[tuple(int(headers[f"{prefix}.{part}"]) for part in ("partition", "offset"))] = headers
    return found


@pytest.mark.usefixtures("impatient")
def test_each_poison_is_told_with_its_place_and_the_others_lose_nothing(stream, topics, deploy):
    good = [deploy("sql", ALL, guard=Guard(share=1)), deploy("python", EVERY, "python", guard=Guard(share=1))]
    bad = {"slow": deploy("slow", SLOW, "python"), "silent": deploy("silent", SILENT, "python")}
    everything = deploy("everything", ALL, guard=Guard(share=0.5, after=40))
    for one in (*good, *bad.values(), everything):
        one.wait("running")
    some = small(60, 71)
    whole = some[0].value
    broken = [
        Packet(whole[:900], b"decode"),
        Packet(b"\0\0\0\x27\x0f" + whole[5:], b"schema"),
        Packet(bytes(2_000_000), b"schema"),
    ]
    huge = with_values(some[1], b"huge", {}, cutoutDifference=os.urandom(3_000_000))
    odd = with_values(some[2], b"odd", {"midpointMjdTai": -1.0})
    send([*some[:30], *broken, huge, odd, *some[30:]], stream, topics.bootstrap)
    is_over = threading.Event()
    endless = itertools.takewhile(lambda _: not is_over.is_set(), itertools.cycle(some))
    flow = threading.Thread(target=send, args=(endless, stream, topics.bootstrap), kwargs={"rate": 60})
    flow.start()
    try:
        wait_until(lambda: all(one.status().state == "failed" for one in bad.values()), "both fail")
        wait_until(lambda: everything.status().state == "paused", "a pause")
    finally:
        is_over.set()
        flow.join()
    sent = list(topics.read(stream, *topics.bounds(stream)))
    place = {record.key: (record.partition, record.offset) for record in sent}
    alert = offline.alert(odd.value)["diaSource"]["diaSourceId"]
    told = "on the alert {} at partition {}, offset {}. Look at that alert".format(alert, *place[b"odd"])
    error = {kind: one.status().error for kind, one in bad.items()}
    assert error["slow"].startswith(
        f"The function 'slow' was not done after 2 s in line 2 "
        f"(while (diaSource['midpointMjdTai'] < 0).any():), {told}"
    )
    assert error["silent"].startswith(
        f"The function 'silent' raised LookupError in line 3 (raise LookupError), {told}"
    )
    assert "allows 50 %" in str(everything)
    fine = {(r.partition, r.offset) for r in sent if r.key not in (b"decode", b"schema")}
    for one in good:
        wait_until(lambda one=one: places(topics, one.output_topic).keys() == fine, "all matches")
        assert one.status().state == "running"
    wrong = {(r.partition, r.offset): r for r in sent if r.key in (b"decode", b"schema")}
    rejected = places(topics, rejected_topic(stream), "__connect.errors")
    assert rejected.keys() == wrong.keys()
    for at, record in wrong.items():
        assert rejected[at]["__connect.errors.stage"].encode() == record.key
        assert rejected[at]["__connect.errors.exception.class.name"] == "skysieve.PacketError"
        assert rejected[at]["__connect.errors.exception.message"]
