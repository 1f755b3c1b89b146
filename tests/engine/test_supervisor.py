"""The supervisor makes what runs equal to what the registry says, and loses nothing while it does."""

import itertools
import os
import signal
import threading
import time
from datetime import UTC, datetime

import offline
import psutil
import pytest
from conftest import delivered, small
from matching import judged
from processes import wait_until
from pyspark.errors import PySparkException
from skysieve import Filter, Guard, local
from skysieve.connections import connect
from skysieve.engine import registry
from skysieve.engine.bank import Bank
from skysieve.engine.banks import Banks
from skysieve.engine.book import StatusBook
from skysieve.engine.registry import Registered, Version
from skysieve.engine.values import now
from skysieve.errors import DeploymentError
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import make_stream, rejected_topic

ALL = "diaSource.diaSourceId IS NOT NULL"


def packets(count, seed):
    return [alert.packet for alert in simulate(count, seed=seed, pool=20)]


def ids(found):
    return sorted(offline.alert(one.value)["diaSource"]["diaSourceId"] for one in found)


@pytest.fixture
def deploy(sky, stream, name, deployed):
    def deploy(where=ALL, suffix="", start="latest", wait="running"):
        one = sky.deploy(Filter(name + suffix, where, stream), start=start)
        deployed.append(one)
        return one.wait(wait)

    return deploy


def test_topics_of_new_filters_are_as_wide_as_the_stream_and_those_that_are_there_stay(
    sky, topics, name, tmp_path
):
    stream = make_stream(topics, f"{name}-alerts", partitions=3)
    old, new, newer = (Filter(f"{name}-{suffix}", ALL, stream) for suffix in ("old", "new", "newer"))
    topics.create({old.output_topic: 2})
    bank = Bank(sky.spark, topics, stream, str(tmp_path))
    wide = {stream: 3, rejected_topic(stream): 3, old.output_topic: 2, new.output_topic: 3}
    assert bank.prepare([old, new]) == bank.prepare([new, old]) == wide
    assert bank.prepare([newer, old, new]) == topics.sizes([*wide, newer.output_topic])
    assert topics.partitions(newer.output_topic) == 3


def test_a_filter_that_joins_or_leaves_a_running_bank_costs_the_others_no_alert(stream, topics, deploy):
    first = deploy(suffix="-first")
    sent = packets(900, 21)
    flow = threading.Thread(target=send, args=(sent, stream, topics.bootstrap), kwargs={"rate": 150})
    flow.start()
    second = deploy(suffix="-second")
    second.stop().wait("stopped")
    third = deploy("diaSource.ra > 180", suffix="-third")
    third.remove()
    flow.join()
    assert ids(again[0][0] for again in judged(first, len(sent)).values()) == ids(sent)


def test_latest_judges_only_what_comes_from_then_on_also_after_a_stop(stream, topics, deploy):
    send(packets(50, 22), stream, topics.bootstrap)
    one = deploy()
    first = packets(30, 23)
    send(first, stream, topics.bootstrap)
    assert ids(delivered(one, 30)) == ids(first)
    one.stop().wait("stopped")
    send(packets(40, 24), stream, topics.bootstrap)
    one.start().wait("running")
    later = packets(20, 25)
    send(later, stream, topics.bootstrap)
    assert ids(delivered(one, 50)) == ids(first + later)


def test_earliest_or_a_time_selects_from_the_past_up_to_where_the_bank_takes_over(stream, topics, deploy):
    oldest, old, new = packets(60, 26), packets(70, 27), packets(80, 28)
    send(oldest, stream, topics.bootstrap)
    time.sleep(0.05)
    between = datetime.now(UTC)
    send(old, stream, topics.bootstrap)
    everything = deploy(suffix="-everything", start="earliest")
    some = deploy(suffix="-some", start=between)
    send(new, stream, topics.bootstrap)
    assert ids(delivered(everything, 210)) == ids(oldest + old + new)
    assert ids(delivered(some, 150)) == ids(old + new)


def test_a_changed_filter_takes_over_where_the_version_before_it_stopped(sky, stream, topics, name, deploy):
    one = deploy("diaSource.diaSourceId > 0")
    first = one.version
    sent, is_over = [], threading.Event()

    def until_it_is_over():
        for packet in itertools.cycle(packets(400, 29)):
            if is_over.is_set():
                return
            sent.append(packet)
            yield packet

    flow = threading.Thread(
        target=send, args=(until_it_is_over(), stream, topics.bootstrap), kwargs={"rate": 120}
    )
    flow.start()
    time.sleep(1)
    second = deploy("diaSource.diaSourceId > 1").version
    time.sleep(2)
    one.rollback().wait("running")
    is_over.set()
    flow.join()
    places = judged(one, len(sent))
    assert ids(again[0][0] for again in places.values()) == ids(sent)
    assert all(len({version for _, version in again}) == 1 for again in places.values())
    assert {again[0][1] for again in places.values()} == {first, second}
    assert list(one.versions["version"]) == [first, second]
    assert one.version == first


def test_undecodable_packets_go_whole_to_the_rejected_topic_and_are_counted_once(
    stream, topics, deploy, name
):
    good = packets(40, 30)
    whole = good[0].value
    broken = {b"": b"", b"magic": b"\x07" + whole[1:], b"schema": b"\0\0\0\x27\x0f", b"cut": whole[:900]}
    sent = [*good[:20], *(Packet(v, k) for k, v in broken.items()), *good[20:]]
    send(sent, stream, topics.bootstrap)
    one = deploy(start="earliest")
    send([Packet(v, k) for k, v in broken.items()], stream, topics.bootstrap)
    assert ids(delivered(one, 40)) == ids(good)

    rejected = f"{stream}.rejected"
    wait_until(lambda: sum(topics.end(rejected).values()) >= 2 * len(broken), "all are rejected")
    records = list(topics.read(rejected, topics.begin(rejected), topics.end(rejected)))
    assert sorted((r.key, r.value) for r in records) == sorted(2 * list(broken.items()))
    for record in records:
        headers = {key: value.decode() for key, value in record.headers}
        partition, offset = (int(headers[f"__connect.errors.{n}"]) for n in ("partition", "offset"))
        assert headers["__connect.errors.topic"] == stream
        assert topics.one(stream, partition, offset).value == record.value
        assert headers["__connect.errors.stage"] == (
            "decode" if record.key == b"cut" else ("schema" if record.key == b"schema" else "frame")
        )
        assert headers["__connect.errors.exception.class.name"] == "skysieve.PacketError"
        assert headers["__connect.errors.class.name"]
        assert headers["__connect.errors.exception.message"]


def test_a_cut_that_divides_by_zero_passes_nothing_and_hurts_nobody(stream, topics, deploy):
    faulty = deploy("1 / (diaSource.diaSourceId - diaSource.diaSourceId) > 0", suffix="-faulty")
    sound = deploy(suffix="-sound")
    send(packets(30, 31), stream, topics.bootstrap)
    assert len(delivered(sound, 30)) == 30
    assert delivered(faulty, 0) == []


def test_a_registered_filter_that_cannot_run_is_marked_failed_and_the_others_go_on(
    sky, stream, topics, name, deploy, deployed
):
    one = deploy()
    at = now()
    bad = Version(version="bad", where="diaSource.nonsense > 1", deployed=at)
    worse = Version(version="worse", where="no_such_function(diaSource.ra) > 1", deployed=at)
    for version in (bad, worse):
        wrong = Registered(
            name=f"{name}-{version.version}",
            stream=stream,
            owner="somebody",
            wanted="running",
            start="latest",
            run=registry.new_run(),
            versions=(version,),
            current=version.version,
        )
        registry.register(topics, wrong)
        deployed.append(sky.deployment(wrong.name))
        with pytest.raises(DeploymentError, match=r"nonsense|no_such_function"):
            deployed[-1].wait("running")
    send(packets(25, 32), stream, topics.bootstrap)
    assert len(delivered(one, 25)) == 25


def test_a_stream_that_cannot_be_read_holds_up_no_other_and_is_tried_again(
    sky, topics, name, deployed, stream
):
    """Its rejected topic cannot be made, for there is one whose name Kafka takes for the same."""
    odd = make_stream(topics, f"{name}-a-first-one")
    twin = f"{odd}_rejected"
    topics.create({twin: 1})
    stuck = sky.deploy(Filter(f"{name}-stuck", ALL, odd))
    deployed.append(stuck)
    wait_until(
        lambda: "could not go on and tries again" in (stuck.status().error or ""), "its reason is told"
    )
    deployed.append(sky.deploy(Filter(name, ALL, stream)).wait("running"))
    sent = packets(10, 41)
    send(sent, stream, topics.bootstrap)
    assert ids(delivered(deployed[-1], 10)) == ids(sent)
    assert (stuck.status().state, f"{odd}.rejected" in stuck.status().error) == ("starting", True)
    topics.delete(twin)
    stuck.wait("running")
    send(sent, odd, topics.bootstrap)
    assert ids(delivered(stuck, 10)) == ids(sent)


def test_a_query_that_went_with_its_spark_is_one_that_fell_and_no_fault(topics, started, tmp_path):
    """Of a server that has gone nothing can be asked; the supervisor would start over once for each query."""
    spark = connect(started.spark, started.token)
    book = StatusBook(topics)
    told = Banks(topics, book, {}, lambda: spark, str(tmp_path), exact=True, lock=threading.RLock())
    ticks = spark.readStream.format("rate").load().writeStream.format("noop")
    told._queries["lost"] = ticks.option("checkpointLocation", str(tmp_path / "ticks")).start()
    spark.client.release_session()
    with pytest.raises(PySparkException):
        told._queries["lost"].exception()
    told._explain("lost")
    assert told._queries == {}
    assert told._watch._pulses["lost"].restarts == 1


def test_who_edits_a_filter_that_still_judges_the_past_leaves_no_gap(sky, stream, topics, name, deployed):
    old, new, many = small(400, 42), small(30, 43), 60
    send(old * many, stream, topics.bootstrap)
    one = sky.deploy(
        Filter(name, "diaSource.diaSourceId > 0", stream), start="earliest", guard=Guard(share=1)
    )
    deployed.append(one)
    wait_until(lambda: (past := one.status().backfill) and past.done, "a part is judged")
    sky.deploy(Filter(name, "diaSource.diaSourceId > 1", stream), compare=False).wait("running", timeout=120)
    send(new, stream, topics.bootstrap)
    places = judged(one, many * len(old) + len(new))
    assert all(len({version for _, version in again}) == 1 for again in places.values())
    assert len(places) == many * len(old) + len(new)
    assert {again[0][1] for again in places.values()} == set(one.versions["version"])


def test_killed_and_started_again_it_goes_on_with_the_same_query_and_starts_no_twin(
    sky, stream, topics, home, running, deploy
):
    one = deploy()
    sent = packets(600, 33)
    flow = threading.Thread(target=send, args=(sent, stream, topics.bootstrap), kwargs={"rate": 150})
    flow.start()
    time.sleep(1)
    killed = local.running(home).pids["supervisor"]
    os.kill(killed, signal.SIGKILL)
    psutil.wait_procs([p for p in [_process(killed)] if p], timeout=10)
    assert "supervisor" not in local.running(home).pids
    time.sleep(1)
    again = local.up(home)
    assert again.pids["supervisor"] != killed
    assert again.pids["spark"] == running.pids["spark"]
    second = deploy("diaSource.ra >= 0", suffix="-after")
    flow.join()
    assert ids(again[0][0] for again in judged(one, len(sent)).values()) == ids(sent)
    assert second.status().state == "running"


def _process(pid):
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
