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
from skysieve.engine.book import StatusBook
from skysieve.engine.health import Expected, Pulse
from skysieve.engine.registry import REGISTRY
from skysieve.engine.status import STATUS, StreamStatus
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


def test_of_a_bank_that_lags_behind_what_is_kept_each_packet_is_counted_once(topics, name, caplog):
    book, pulse = StatusBook(topics), Pulse()
    book.note(name, StreamStatus(covered_from={}, position={}, checkpoint="c"))

    def lost(kept):
        pulse.lost = book.lose(name, pulse.reached, kept)
        return pulse.lost

    assert lost({0: 10}) == 0  # where it is is not known yet
    pulse.begun = {0: 20, 1: 0}
    assert lost({0: 30, 1: 0}) == 10
    pulse.look([Batch(0, {0: 100, 1: 100}, 1e9, 200, 1e9, 1e9, 1e9, None)], {"r": 5}, at=0.0)
    assert lost({0: 100, 1: 40}) == 10
    assert lost({0: 130, 1: 40}) == 40
    assert lost({0: 150, 1: 101}) == 61
    pulse.look([Batch(1, {0: 170, 1: 121}, 1e9, 40, 1e9, 1e9, 1e9, None)], {"r": 9}, at=1.0)
    assert lost({0: 150, 1: 101}) == 61
    pulse.begun = {0: 200, 1: 121}
    assert lost({0: 200, 1: 121}) == 61
    pulse.begun = {0: 20, 1: 0}
    health = pulse.health("alerts", 300, {"bright": Expected("r")})
    assert (health.lost, health.lag, health.filters["bright"].judged) == (61, 9, 40)
    assert [told.args[1] for told in caplog.records] == [10, 30, 21]


def test_what_a_bank_lost_before_it_fell_is_not_counted_again_by_its_successor():
    fell = StreamStatus(covered_from={}, position={0: 100}, checkpoint="c").having_lost({0: 100}, {0: 150})
    assert fell.lost == 50
    assert fell.having_lost({0: 100}, {0: 150}) == fell
    assert fell.having_lost({0: 100}, {0: 170}).lost == 70
    anew = fell.having_lost({0: 0}, {0: 30})  # the stream was deleted and made again
    assert anew.lost == 80
    assert anew.having_lost({0: 0}, {0: 35}).lost == 85
