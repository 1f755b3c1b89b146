"""Alerts per night: from arrival where packets come as they are made, from their own times where they are replayed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import offline
import pytest
from confluent_kafka import Producer
from skysieve import Filter
from skysieve.nights import counted, nightly
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import make_stream


def test_nights_go_from_noon_to_noon_of_the_telescope():
    # Chile: 23 h to 9 h UTC, so that midnight is within a night
    chile = [61000 + night + hour / 24 for night in (0, 1, 4) for hour in (23.0, 24.5, 33.0)]
    assert list(nightly(np.array(chile))) == [3, 3, 3]
    # Palomar: 2 h to 13.5 h UTC, so that noon UTC is within a night
    palomar = [61000 + night + hour / 24 for night in (0, 1) for hour in (2.0, 6.0, 11.5, 13.5)]
    assert list(nightly(np.array(palomar))) == [4, 4]


def test_one_night_varies_as_a_poisson_process_and_several_by_their_spread():
    one = counted([10_000], "")
    assert [round(x) for x in (one.low, one.mean, one.high)] == [9804, 10_000, 10_196]
    several = counted([100, 200, 600], "")
    assert several.mean == 300
    assert 100 <= several.low < several.high <= 600
    assert counted([1], "").low == 0


def test_what_passes_of_a_night_takes_both_uncertainties_at_their_ends():
    some = counted([100], "one night").passing(0.5, (0.4, 0.6))
    assert some.expected == 50
    assert some.low == pytest.approx(0.4 * (100 - 19.6))
    assert some.high == pytest.approx(0.6 * (100 + 19.6))
    assert some.source == "one night"


def test_of_a_part_of_a_replayed_stream_the_packets_kept_and_the_nights_they_span_tell(sky, stream):
    send((alert.packet for alert in simulate(300, seed=54, pool=60, nights=3)), stream, sky.topics.bootstrap)
    seen = sky.preview(Filter("any", "snr > 0", stream), last=20)
    assert seen.nights.mean == 100
    assert seen.nights.source == "300 packets kept, whose own times span 3 nights"


def test_packets_that_are_rejected_are_no_alerts(sky, name):
    stream = make_stream(sky.topics, f"{name}-alerts", partitions=1)
    alerts = simulate(100, seed=56, pool=60, nights=2)
    send((p for alert in alerts for p in (alert.packet, Packet(b"", None))), stream, sky.topics.bootstrap)
    assert sky.preview(Filter("any", "snr > 0", stream), last=20).nights.mean == 50


def test_of_a_live_stream_the_arrival_of_its_packets_tells(sky, stream):
    """Nights of 30, 40, 60 and 50 alerts: the oldest may have been deleted in part, the newest is not over."""
    alert = offline.alert(next(simulate(1, seed=55)).packet.value)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    producer = Producer({"bootstrap.servers": sky.topics.bootstrap})
    for days, count in ((4, 30), (3, 40), (2, 60), (1, 50)):
        for number in range(count):
            arrival = midnight - timedelta(days=days) + timedelta(minutes=number)
            observed = arrival - timedelta(minutes=2)
            alert["diaSource"]["midpointMjdTai"] = 40587 + observed.timestamp() / 86400
            producer.produce(stream, offline.packet(alert, 1000), timestamp=int(arrival.timestamp() * 1000))
    producer.flush()
    seen = sky.preview(Filter("any", "snr > 0", stream), last=40)
    assert seen.nights.mean == 50
    assert seen.nights.source == "arrival of its packets in 2 nights"


def test_packets_that_do_not_say_when_they_were_observed_leave_it_unknown(sky, stream):
    send([Packet(b'{"magnitude": 18.5}', None)] * 30, stream, sky.topics.bootstrap)
    seen = sky.preview(Filter("any", "magnitude > 18", stream))
    assert (seen.passed, seen.per_night) == (30, None)
    assert "do not say when they were observed" in seen.warnings[0]
