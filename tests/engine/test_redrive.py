"""What a bank could not decode is judged once it can: nothing is lost, and nothing is delivered twice."""

import io
import json
import subprocess
import sys
import time

import fastavro
import psutil
import pytest
from conftest import delivered
from skysieve import Filter, local
from skysieve.engine import redrive as engine
from skysieve.engine.book import StatusBook
from skysieve.engine.redrive import Progress, Redriven
from skysieve.errors import DeploymentError
from skysieve.sources import Packet, send


def container(numbers, version, *, extra=(), **how):
    fields = [{"name": "candid", "type": "long"}, {"name": "ra", "type": "double"}, *extra]
    schema = {"type": "record", "name": "alert", "namespace": "survey", "version": version, "fields": fields}
    out = io.BytesIO()
    fastavro.writer(out, schema, [{"candid": n, "ra": 1.5, "far": 7} for n in numbers], **how)
    return out.getvalue()


FAR = ({"name": "far", "type": "int"},)


def old(numbers):
    return [Packet(container([n], "1"), str(n).encode()) for n in numbers]


def new(numbers):
    return [Packet(container([n], "2", extra=FAR), str(n).encode()) for n in numbers]


def candids(records):
    found = []
    for record in records:
        headers = dict(record.headers)
        alerts = list(fastavro.reader(io.BytesIO(record.value)))
        found.append(alerts[int(headers["skysieve.source.record"])]["candid"])
    return sorted(found)


def until(condition, patience=60):
    end = time.monotonic() + patience
    while not condition() and time.monotonic() < end:
        time.sleep(0.2)
    assert condition()


@pytest.fixture
def rejected(topics, stream):
    """Number of records in the stream's rejected topic."""
    topic = f"{stream}.rejected"
    return lambda: sum(topics.end(topic).values())


@pytest.fixture
def skysieve_command():
    """Run the command line in a process of its own; gives what it printed."""

    def run(*words):
        command = [sys.executable, "-m", "skysieve", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    return run


@pytest.fixture
def everything(sky, stream, name, deployed):
    def deploy(where="candid IS NOT NULL", suffix="", **how):
        deployed.append(sky.deploy(Filter(name + suffix, where, stream), **how))
        return deployed[-1].wait("running")

    return deploy


def test_a_schema_met_mid_stream_is_learned_and_its_packets_are_re_driven_once(
    sky, stream, topics, rejected, everything
):
    send(old(range(5)), stream, topics.bootstrap)
    one = everything(start="earliest")
    few = everything("ra > 5", suffix="-few")
    send(new(range(100, 106)), stream, topics.bootstrap)
    # the first ones rejected teach, perhaps before the last are judged
    until(lambda: one.matches() + rejected() == 11)
    before = rejected()
    assert before > 0
    late = everything(suffix="-late")  # judges what comes from now on, not what was rejected before
    sent = 0

    def is_learned():  # the supervisor looks at what was rejected every few seconds
        nonlocal sent
        send(new([200 + sent]), stream, topics.bootstrap)
        sent += 1
        time.sleep(1)
        return late.matches() > 0

    until(is_learned)
    time.sleep(2)
    lost = rejected()
    done = sky.redrive(stream)
    assert (done.read, done.rejected) == (lost, 0)
    assert done.delivered[one.name] == lost
    assert done.delivered[few.name] == 0
    assert done.delivered[late.name] == lost - before
    assert candids(delivered(one, 5 + 6 + sent)) == [*range(5), *range(100, 106), *range(200, 200 + sent)]
    assert candids(delivered(late, sent)) == list(range(200, 200 + sent))
    assert sky.redrive(stream) == Redriven(0, {}, 0)
    delivered(one, 5 + 6 + sent)


def test_a_backfill_that_came_when_it_could_be_decoded_has_delivered_it(
    sky, stream, topics, rejected, everything
):
    send(old(range(3)), stream, topics.bootstrap)
    first = everything()
    send(new(range(100, 104)), stream, topics.bootstrap)
    until(rejected)
    send(new(range(104, 108)), stream, topics.bootstrap)
    until(lambda: first.matches() + rejected() == 8)
    until(lambda: (bank := first.status().bank) and bank.lag == 0)
    lost, seen = rejected(), first.matches()
    past = everything(start="earliest", suffix="-past")  # whose stream tells of both schemas
    assert candids(delivered(past, 11)) == [*range(3), *range(100, 108)]
    done = sky.redrive(stream)
    assert (done.read, done.rejected) == (lost, 0)
    assert done.delivered == {first.name: lost, past.name: 0}
    assert len(delivered(first, seen + lost)) == 8
    assert candids(delivered(past, 11)) == [*range(3), *range(100, 108)]


def test_what_still_cannot_be_decoded_stays_rejected_and_is_tried_again(
    sky, stream, topics, rejected, everything
):
    send(old(range(3)), stream, topics.bootstrap)
    one = everything(start="earliest")
    broken = Packet(container([7], "1")[:-3], b"7", (("truth", b"SN Ia"),))
    send([broken, *new([8])], stream, topics.bootstrap)
    until(lambda: rejected() == 2)
    for delivered_now in (1, 0):
        done = sky.redrive(stream)
        assert done == Redriven(2 if delivered_now else 1, {one.name: delivered_now}, 1)
    assert candids(delivered(one, 4)) == [0, 1, 2, 8]
    topic = f"{stream}.rejected"
    records = list(topics.read(topic, topics.begin(topic), topics.end(topic)))
    kept = [r for r in records if r.value == broken.value]
    places = set()
    for record in kept:
        names = [name for name, _ in record.headers]
        assert len(names) == len(set(names))
        headers = dict(record.headers)
        assert headers["truth"] == b"SN Ia"
        places.add((headers["__connect.errors.partition"], headers["__connect.errors.offset"]))
    assert len(kept) == 3
    assert len(places) == 1


def test_a_re_drive_that_broke_off_is_finished_without_delivering_twice(
    sky, stream, topics, rejected, everything, monkeypatch
):
    send(old(range(3)), stream, topics.bootstrap)
    one = everything(start="earliest")
    send([*new(range(100, 140)), Packet(b"junk", b"junk")], stream, topics.bootstrap)
    until(lambda: one.matches() + rejected() == 44)
    lost = rejected()
    note = engine._note

    def die_at_the_end(source, reached):
        if reached.stop is None:
            raise KeyboardInterrupt
        note(source, reached)

    monkeypatch.setattr(engine, "_note", die_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        sky.redrive(stream)
    monkeypatch.undo()
    assert engine.progress(sky.stream(stream)).stop is not None
    done = sky.redrive(stream)
    assert (done.read, done.delivered, done.rejected) == (lost, {one.name: 0}, 0)
    assert candids(delivered(one, 43)) == [*range(3), *range(100, 140)]
    assert rejected() == lost + 1  # the junk, as it came and as it was rejected again
    assert engine.progress(sky.stream(stream)).stop is None


def test_several_alerts_in_a_message_are_judged_each_by_itself(sky, stream, topics, everything):
    packet = container(range(10, 17), "1", sync_interval=1)
    send([*old([1, 2]), Packet(packet, b"many")], stream, topics.bootstrap)
    odd = everything("candid % 2 = 1", suffix="-odd", start="earliest")
    records = delivered(odd, 4)
    assert candids(records) == [1, 11, 13, 15]
    assert [r.value for r in records if r.key == b"many"] == [packet] * 3
    results = odd.results(4)
    assert sorted(results["candid"]) == [1, 11, 13, 15]
    preview = sky.preview(Filter("odd", "candid % 2 = 1", stream))
    assert (preview.read, preview.passed) == (9, 4)
    assert {preview.alert(i)["candid"] for i in range(4)} == {1, 11, 13, 15}


def test_a_state_and_a_filter_that_is_out_are_left_as_they_are(
    sky, stream, topics, home, rejected, everything
):
    timed = {"name": "mjd", "type": "double", "default": 61000.5}
    early, later = container([1], "1", extra=(timed,)), container([3], "1", extra=(timed,))
    unknown = container([2], "2", extra=(timed, *FAR))
    send([Packet(early, b"key")], stream, topics.bootstrap)
    one, other = everything(start="earliest"), everything(suffix="-out", start="earliest")
    state = everything("SELECT count(*) AS n GROUP BY night", suffix="-groups", start="earliest")

    def counts():
        return [json.loads(record.value)["n"] for record in state.records(10)]

    until(lambda: counts() == [1])
    supervisor = psutil.Process(local.pids(home)["supervisor"])
    supervisor.suspend()  # it starts queries anew for what it learns, perhaps before they have come to the packet
    try:
        send([Packet(unknown, b"key"), Packet(later, b"key")], stream, topics.bootstrap)
        until(lambda: (rejected(), counts()) == (1, [1, 2]))
        StatusBook(topics).publish(other.status().model_copy(update={"state": "failed"}))
        done = sky.redrive(stream)
        assert (done.delivered, done.rejected, done.without) == ({one.name: 1}, 0, (state.name,))
        assert candids(delivered(one, 3)) == [1, 2, 3]
        assert counts() == [1, 2]
    finally:
        supervisor.resume()


def test_without_a_running_filter_the_rejected_packets_wait(sky, stream, topics, rejected, everything):
    send(old([1]), stream, topics.bootstrap)
    one = everything(start="earliest")
    send(new([2]), stream, topics.bootstrap)
    until(lambda: rejected() == 1)
    one.stop().wait("stopped")
    with pytest.raises(DeploymentError, match="start one, then re-drive"):
        sky.redrive(stream)
    assert engine.progress(sky.stream(stream)) == Progress()


def test_the_command_line_re_drives_and_says_what_came_of_it(
    skysieve_command, environment, stream, topics, rejected, everything
):
    send(old([1]), stream, topics.bootstrap)
    one = everything(start="earliest")
    send(new([2, 3]), stream, topics.bootstrap)
    until(lambda: rejected() == 2)
    said = skysieve_command("redrive", stream)
    assert f"2 rejected packets of {stream} tried again, 0 still cannot be decoded" in said
    assert f"2 delivered to {one.name}" in said
    assert candids(delivered(one, 3)) == [1, 2, 3]


def test_a_stream_without_a_bank_has_nothing_to_re_drive(sky, stream):
    assert sky.redrive(stream) == Redriven(0, {}, 0)


def test_a_preview_learns_a_schema_that_its_sample_did_not_show(sky, topics, name):
    topics.create({f"{name}-alerts": 1})
    numbers = range(60)
    send([*old(numbers), *new(range(100, 103)), *old(range(200, 260))], f"{name}-alerts", topics.bootstrap)
    preview = sky.preview(Filter("all", "candid >= 0", f"{name}-alerts"))
    assert (preview.read, preview.rejected, preview.passed) == (123, 0, 123)
