"""What is said of how a bank does follows from its micro-batches and the ends of topics."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from skysieve.engine.batches import Batch, batches
from skysieve.engine.guard import Guard
from skysieve.engine.health import Expected, FilterHealth, Pulse, drift


def batch(number, position, count=100, late=(1.0, 2.0), ended=None):
    """A batch whose packets waited so many seconds: the median, and the oldest."""
    ended = time.time() if ended is None else ended
    return Batch(number, {0: position}, ended, count, ended - 0.1, ended - late[1], ended - late[0], 80_000.0)


def progress(number, count, offsets):
    values = [count, 1_000_500, [1_000_000, 1_000_200], 80_000.0] if count else [0, None, None, None]
    return SimpleNamespace(
        batchId=number,
        timestamp="1970-01-01T00:16:41.000Z",
        durationMs={"triggerExecution": 500},
        observedMetrics={"packets": {"values": values}},
        sources=[SimpleNamespace(endOffset=json.dumps({"alerts": offsets}))],
    )


def test_batches_are_those_with_packets_that_were_not_seen_yet():
    told = [progress(4, 9, {"0": 9}), progress(5, 0, {"0": 9}), progress(6, 3, {"0": 10, "1": 2})]
    assert [b.number for b in batches(told, 3)] == [4, 6]
    (last,) = batches(told, 4)
    assert (last.position, last.count, last.bytes) == (12, 3, 80_000.0)
    assert last.ended - last.median == pytest.approx(1.3)
    assert last.ended - last.oldest == pytest.approx(1.5)


def test_a_micro_batch_is_given_once_and_a_query_that_was_started_again_counts_from_0():
    pulse = Pulse()
    told = [progress(0, 9, {"0": 9}), progress(1, 3, {"0": 12})]
    assert [b.number for b in pulse.news("first", told)] == [0, 1]
    assert pulse.news("first", told) == []
    assert [b.position for b in pulse.news("second", [progress(0, 5, {"0": 17})])] == [17]
    assert pulse.news("second", [progress(0, 5, {"0": 17})]) == []


def test_where_no_packet_of_a_batch_was_weighed_the_last_known_size_stands():
    pulse = Pulse()
    pulse.look([replace(batch(0, 1000), bytes=None)], {}, at=0.0)
    assert pulse.health("alerts", 1000, {}).packet_bytes == 0.0
    pulse.look([batch(1, 4000), replace(batch(2, 7000), bytes=None)], {}, at=1.0)
    assert pulse.health("alerts", 7000, {}).packet_bytes == 80_000.0


def test_rates_are_of_the_last_minute_and_pass_rates_of_the_last_hour():
    pulse = Pulse()
    pulse.look([batch(0, 1000)], {"r": 10}, at=0.0)
    pulse.look([batch(1, 4000)], {"r": 40}, at=3000.0)
    pulse.look([batch(2, 7000)], {"r": 340}, at=3050.0)
    health = pulse.health("alerts", 7250, {"bright": Expected("r")})
    one = health.filters["bright"]
    assert (one.judged, one.matched, one.pass_rate) == (6000, 330, 0.055)
    assert (one.judged_per_second, one.matched_per_second) == (60.0, 6.0)
    assert health.packets_per_second == 60.0
    assert (health.lag, health.packet_bytes) == (250, 80_000.0)
    assert 0 < health.lag_seconds < 30
    assert one.last_match is not None
    pulse.look([], {"r": 340}, at=6700.0)
    assert pulse.health("alerts", 7000, {"bright": Expected("r")}).filters["bright"].matched == 0


def test_a_version_that_begins_anew_is_counted_from_its_beginning():
    pulse = Pulse()
    pulse.look([batch(0, 1000)], {"old": 900}, at=0.0)
    pulse.look([batch(1, 2000)], {"new": 1900}, at=10.0)
    pulse.look([batch(2, 3000)], {"new": 1950}, at=20.0)
    one = pulse.health("alerts", 3000, {"bright": Expected("new")}).filters["bright"]
    assert (one.judged, one.matched) == (1000, 50)


def test_a_filter_that_judges_the_past_as_well_is_counted_with_that_and_then_by_itself():
    pulse, idle = Pulse(), {"bright": Expected("r/past")}
    for seconds, done in enumerate((0, 500, 1000)):
        pulse.look([], {"r/past": 7 * done // 10}, {"r/past": done}, at=float(seconds))
    one = pulse.health("alerts", 0, idle).filters["bright"]
    assert (one.judged, one.matched) == (1000, 700)
    assert one.last_match is not None
    pulse.look([batch(0, 5000)], {"r": 1400}, at=4.0)
    pulse.look([batch(1, 5100)], {"r": 1450}, at=5.0)
    after = pulse.health("alerts", 5100, {"bright": Expected("r")}).filters["bright"]
    assert (after.judged, after.matched) == (100, 50)
    assert after.last_match >= one.last_match


def test_where_an_hour_has_few_alerts_the_guard_weighs_all_since_the_run_began():
    pulse = Pulse()
    for hour in range(12):
        pulse.look([batch(hour, 100 * hour)] if hour else [], {"r": 30 * hour}, at=3700.0 * hour)
    one = pulse.health("alerts", 1100, {"bright": Expected("r")}).filters["bright"]
    assert (one.judged, one.matched, one.in_all) == (100, 30, (1000, 300))
    assert "passed 30 % of the last 1,000 alerts" in Guard(share=0.2, after=1000).objection(one, 1000.0)
    assert Guard(share=0.2, after=1001).objection(one, 1000.0) is None


def test_latencies_count_each_batch_by_its_packets():
    pulse = Pulse()
    pulse.look(
        [batch(0, 100, 98, (0.2, 0.3)), batch(1, 200, 1, (5, 6)), batch(2, 300, 1, (7, 9))], {}, at=0.0
    )
    health = pulse.health("alerts", 300, {})
    assert (health.latency_median, health.latency_p99) == (0.2, 6.0)
    assert (health.lag, health.lag_seconds) == (0, 0.0)


def test_nothing_is_said_of_a_bank_that_saw_no_packet():
    pulse = Pulse()
    pulse.look([], {"r": 5}, at=0.0)
    health = pulse.health("alerts", 12, {"bright": Expected("r", (0.1, 0.2))})
    assert (health.lag, health.latency_median, health.filters["bright"]) == (0, None, FilterHealth())


def test_a_bank_that_was_started_anew_is_at_least_where_it_began():
    """Of the batch in which its predecessor was stopped no progress is told."""
    pulse = Pulse()
    pulse.look([batch(0, 100)], {"r": 5}, at=0.0)
    pulse.begun = {0: 108}
    pulse.look([], {"r": 9}, at=1.0)
    health = pulse.health("alerts", 108, {"bright": Expected("r")})
    assert (health.lag, health.lag_seconds, health.filters["bright"].judged) == (0, 0.0, 8)


def test_it_is_news_when_something_changed_and_not_when_time_went_by():
    pulse = Pulse()
    pulse.look([batch(0, 100)], {"r": 5}, at=0.0)
    before = pulse.health("alerts", 100, {"bright": Expected("r")})
    assert before.is_news(None)
    assert not pulse.health("alerts", 100, {"bright": Expected("r")}).is_news(before)
    pulse.look([batch(1, 200)], {"r": 6}, at=5.0)
    assert pulse.health("alerts", 200, {"bright": Expected("r")}).is_news(before)


@pytest.mark.parametrize(
    ("judged", "matched", "expected", "drifts"),
    [
        (50, 5, (0.04, 0.06), False),
        (50_000, 10_000, (0.04, 0.06), True),
        (50_000, 0, (0.04, 0.06), True),
        (50_000, 2_600, (0.04, 0.06), False),
        (0, 0, (0.04, 0.06), False),
        (50_000, 10_000, None, False),
    ],
)
def test_a_drift_is_told_where_chance_cannot_be_the_reason(judged, matched, expected, drifts):
    assert bool(drift(judged, matched, expected)) is drifts


def test_a_guard_objects_to_a_share_only_after_enough_alerts_and_to_a_size_at_once():
    guard = Guard(share=0.1, after=1000, megabytes_per_hour=50)
    assert guard.objection(FilterHealth(judged=999, matched=500), 1000.0) is None
    assert "50 %" in guard.objection(FilterHealth(judged=1000, matched=500), 1000.0)
    assert guard.objection(FilterHealth(judged=1000, matched=100), 1000.0) is None
    assert "sent 60 MB" in guard.objection(FilterHealth(judged=999, matched=600), 100_000.0)


def test_a_guard_that_lets_all_pass_objects_to_no_share():
    """Matches of the micro-batch at work are counted, its alerts not yet; what a crash delivered twice is, too."""
    ahead = FilterHealth(judged=20_843, matched=20_868)
    assert Guard(share=1).objection(ahead, 1000.0) is None
    assert "It passed 100 % of" in Guard(share=0.99).objection(ahead, 1000.0)


@pytest.mark.parametrize("wrong", [{"share": 0}, {"share": 1.5}, {"after": 0}, {"megabytes_per_hour": -1}])
def test_a_senseless_guard_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Guard(**wrong)
