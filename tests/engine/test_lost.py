"""What Kafka deletes before a bank comes to it is counted and told, and nowhere else counted as judged."""

import os
import signal

import psutil
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from conftest import delivered, small
from processes import wait_until
from skysieve import Filter, Guard, local
from skysieve.connections import connect
from skysieve.engine.bank import Bank
from skysieve.engine.bank import running as banks
from skysieve.engine.batches import Batch
from skysieve.engine.health import Expected, Pulse
from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS, StatusBook
from skysieve.overview import filters_of, lines
from skysieve.server.filters import filters
from skysieve.sources import send


def test_a_bank_that_was_down_for_longer_than_the_stream_is_kept_tells_how_many_it_lost(
    sky, stream, topics, home, running, name, deployed
):
    one = sky.deploy(Filter(name, "diaSource.diaSourceId > 0", stream), guard=Guard(share=1))
    deployed.append(one)
    one.wait("running")
    send(small(40, 71), stream, topics.bootstrap)
    delivered(one, 40)

    supervisor = psutil.Process(running.pids["supervisor"])
    os.kill(supervisor.pid, signal.SIGKILL)
    psutil.wait_procs([supervisor], timeout=10)
    book = StatusBook(topics)
    book.recall()
    banks(connect(running.spark, running.token, book.session))[stream].stop()
    begin = topics.end(stream)
    send(small(400, 72), stream, topics.bootstrap)
    end = topics.end(stream)
    kept = {p: (begin[p] + end[p]) // 2 for p in end}
    admin = AdminClient({"bootstrap.servers": topics.bootstrap})
    for future in admin.delete_records([TopicPartition(stream, p, o) for p, o in kept.items()]).values():
        future.result()

    local.up(home)
    gone, left = (sum(b[p] - a[p] for p in a) for a, b in ((begin, kept), (kept, end)))
    assert gone > 0
    assert Bank(sky.spark, topics, stream, "none").lost(begin, end) == gone
    delivered(one, 40 + left)
    wait_until(lambda: (bank := one.status().bank) and bank.lost == gone, "the loss is told", 30)
    assert f"{gone} packets, which Kafka deleted before they were judged" in one._repr_html_()
    assert one.status().health.judged <= left
    (told,) = [found for found in filters_of(topics) if found["name"] == name]
    assert f"lost: Kafka deleted {gone} packets before they were judged" in list(lines(told))
    status = topics.newest_by_key(STATUS)
    (row,) = [one for one in filters(topics.newest_by_key(REGISTRY), status) if one.name == name]
    assert row.warnings == [f"Kafka deleted {gone} packets before they were judged."]


def test_of_a_bank_that_lags_behind_what_is_kept_each_packet_is_counted_once():
    pulse = Pulse()
    assert pulse.missed({0: 10}) == 0  # where it is is not known yet
    pulse.begun = {0: 20, 1: 0}
    assert pulse.missed({0: 30, 1: 0}) == 10
    pulse.look([Batch(0, {0: 100, 1: 100}, 1e9, 200, 1e9, 1e9, 1e9, None)], {"r": 5}, at=0.0)
    assert pulse.missed({0: 100, 1: 40}) == 0
    assert pulse.missed({0: 130, 1: 40}) == 30
    assert pulse.missed({0: 150, 1: 101}) == 21
    pulse.lost = 51
    pulse.look([Batch(1, {0: 170, 1: 121}, 1e9, 40, 1e9, 1e9, 1e9, None)], {"r": 9}, at=1.0)
    assert pulse.missed({0: 150, 1: 101}) == 0
    pulse.begun = {0: 200, 1: 121}  # where the launch of its successor has counted what was gone
    assert pulse.missed({0: 200, 1: 121}) == 0
    pulse.begun = {0: 20, 1: 0}
    health = pulse.health("alerts", 300, {"bright": Expected("r")})
    assert (health.lost, health.lag, health.filters["bright"].judged) == (51, 9, 40)
