"""What a live view of a deployment is told: its health, and its newest matches, each once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from conftest import delivered
from processes import wait_until
from skysieve import Filter
from skysieve.engine.health import FilterHealth, QueryHealth
from skysieve.engine.values import now
from skysieve.live import Watched
from skysieve.sources import send, simulate
from skysieve.topics import Record

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@dataclass
class Kept:
    """An output topic in memory, two partitions."""

    parts: list[list[Record]] = field(default_factory=lambda: [[], []])
    read_offsets: int = 0

    def write(self, *values):
        for value in values:
            number = sum(map(len, self.parts))
            part = self.parts[number % 2]
            place = {"topic": b"s", "partition": b"0", "offset": str(number).encode()}
            headers = tuple((f"skysieve.source.{name}", text) for name, text in place.items())
            at = NOON + timedelta(seconds=number)
            part.append(Record("filter.bright", number % 2, len(part), at, None, value, headers))

    def partitions(self, topic):
        return {0, 1} if topic == "filter.bright" else set()

    def begin(self, _topic):
        return {0: 0, 1: 0}

    def end(self, _topic):
        return {p: len(part) for p, part in enumerate(self.parts)}

    def bounds(self, topic):
        return self.begin(topic), self.end(topic)

    def read(self, _topic, start, stop):
        for p, end in stop.items():
            self.read_offsets += end - start[p]
            yield from self.parts[p][start[p] : end]

    def newest_by_key(self, _topic):
        return {}


@pytest.fixture
def kept():
    return Kept()


def status(**more):
    known = {"state": "running", "output_topic": "filter.bright", "error": None, "health": None, "bank": None}
    return SimpleNamespace(**known | more)


def watched(kept, told=None, newest=4):
    return Watched(SimpleNamespace(topics=kept, status=lambda: told or status()), newest)


@pytest.fixture(scope="module")
def packets():
    return [alert.packet.value for alert in simulate(30, seed=3, pool=10)]


def test_the_first_look_gives_the_newest_and_the_next_only_those_that_came_since(kept, packets):
    source = watched(kept)
    assert (source.poll().matches, source.poll().arrivals) == (0, ())
    kept.write(*packets[:10])
    found = source.poll()
    assert found.matches == 10
    assert [one.time.second for one in found.arrivals] == [6, 7, 8, 9]
    assert source.poll().arrivals == ()
    kept.write(*packets[10:12])
    assert [one.time.second for one in source.poll().arrivals] == [10, 11]


def test_however_many_have_come_it_reads_few(kept, packets):
    source = watched(kept)
    kept.write(*packets)
    assert len(source.poll().arrivals) == 4
    assert kept.read_offsets == 8


def test_a_topic_that_was_made_anew_is_read_from_its_newest(kept, packets):
    source = watched(kept)
    kept.write(*packets[:10])
    source.poll()
    kept.parts = [[], []]
    kept.write(*packets[20:22])
    assert len(source.poll().arrivals) == 2


def test_matches_say_what_their_packets_do(kept, packets):
    kept.write(*packets[:2])
    for one in watched(kept).poll().arrivals:
        assert one.alert_id.isdigit()
        assert -90 <= one.dec <= 90
        assert one.thumbnail.startswith(b"\x89PNG")
        assert one.light


def test_a_packet_that_cannot_be_decoded_is_a_row_with_the_reason(kept):
    kept.write(b"broken", b'{"event": "GRB 260305A"}')
    broken, notice = watched(kept).poll().arrivals
    assert "no format" in broken.problem
    assert "no survey is known" in notice.problem


def test_health_and_what_is_wrong_are_told(kept):
    health = FilterHealth(
        judged=200, matched=10, judged_per_second=5, matched_per_second=0.25, drift="It drifts"
    )
    bank = QueryHealth(query="s", latency_median=0.3, latency_p99=0.9, updated=now())
    found = watched(kept, status(health=health, bank=bank, error="It fell.")).poll()
    assert (found.judged_per_second, found.matched_per_second, found.pass_rate) == (5, 0.25, 0.05)
    assert (found.latency_median, found.latency_p99, found.note) == (0.3, 0.9, "It fell. It drifts.")
    assert watched(kept).poll().pass_rate is None


def test_a_deployment_is_watched_and_no_place_is_kept(sky, stream, name, deployed, topics):
    deployed.append(sky.deploy(Filter(name, "diaSource.diaSourceId IS NOT NULL", stream)))
    one = deployed[0].wait("running")
    view = one.live(every=0.2)
    try:
        assert (view.told["state"], view.told["matches"]) == ("running", 0)
        send([alert.packet for alert in simulate(30, seed=61, pool=10)], stream, topics.bootstrap)
        delivered(one, 30)
        wait_until(lambda: view.told["matches"] == 30, "30 matches seen")
        ids = {str(i) for i in one.results(last=30)["diaSource.diaSourceId"]}
        wait_until(lambda: view.matches, "rows of matches")
        assert {row["id"] for row in view.matches} <= ids
        assert len({row["key"] for row in view.matches}) == len(view.matches)
        one.stop()
        wait_until(lambda: view.told["state"] == "stopped", "seen as stopped")
    finally:
        view.close()
