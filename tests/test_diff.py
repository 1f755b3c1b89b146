"""Differences: what is gained, lost and kept equals what plain Python finds in the same packets."""

import offline
import pytest
from IPython.lib.pretty import pretty
from skysieve import Filter
from skysieve.engine import plan
from skysieve.errors import FilterError
from skysieve.session import Session
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import make_stream


def old(alert):
    return offline.above(alert, "diaSource.snr", 15) and offline.above(alert, "diaSource.reliability", 0.5)


def new(alert):
    return offline.above(alert, "diaSource.reliability", 0.7)


OLD, NEW = "snr > 15 AND reliability > 0.5", "reliability > 0.7"


@pytest.fixture(scope="module")
def alerts():
    return [alert.packet.value for alert in simulate(300, seed=52, pool=60)]


@pytest.fixture(scope="module")
def filled(sky, alerts):
    stream = make_stream(sky.topics, "test-diff-alerts")
    send([Packet(p, None) for p in [*alerts, b""]], stream, sky.topics.bootstrap)
    return stream


@pytest.fixture(scope="module")
def diff(sky, filled):
    return sky.diff(Filter("bright", OLD, filled), Filter("real", NEW, filled), last=1000)


def ids(alerts):
    return {a["diaSource"]["diaSourceId"] for a in alerts}


def test_it_gives_the_alerts_that_are_gained_lost_and_kept(diff, alerts):
    decoded = [offline.alert(packet) for packet in alerts]
    expected = {
        "gained": ids(a for a in decoded if new(a) and not old(a)),
        "lost": ids(a for a in decoded if old(a) and not new(a)),
        "kept": ids(a for a in decoded if old(a) and new(a)),
    }
    assert all(expected.values())
    for what, found in expected.items():
        assert set(getattr(diff, what)["diaSource.diaSourceId"]) == found
    neither = sum(not old(a) and not new(a) for a in decoded)
    assert diff.counts == {**{what: len(found) for what, found in expected.items()}, "neither": neither}
    assert (diff.read, diff.rejected) == (301, 1)


def test_its_rows_have_the_columns_that_either_filter_uses(diff):
    for rows in (diff.gained, diff.lost, diff.kept):
        assert {"diaSource.diaSourceId", "diaSource.snr", "diaSource.reliability"} <= set(rows)
        assert not any(name.startswith("cut") for name in rows)
        assert rows["diaSource.diaSourceId"].dtype == "Int64"


def test_the_stream_is_read_once(sky, filled, monkeypatch):
    read = []
    range_of = plan.read_range
    monkeypatch.setattr(plan, "read_range", lambda *args: read.append(args) or range_of(*args))
    fresh = Session(sky.topics, sky.spark)
    fresh.diff(Filter("bright", OLD, filled), Filter("real", NEW, filled), last=10)
    assert len(read) == 1


def test_a_filter_does_not_differ_from_itself(sky, filled):
    same = Filter("bright", OLD, filled)
    found = sky.diff(same, same, last=1000)
    assert (found.counts["gained"], found.counts["lost"]) == (0, 0)
    assert found.counts["kept"] == sky.preview(same, last=1000).passed


def test_it_reads_as_text_and_as_html(diff):
    assert pretty(diff) == str(diff)
    n = diff.counts
    for shown in (str(diff), diff._repr_html_()):
        assert f"{n['gained']} gained, {n['lost']} lost, {n['kept']} kept" in shown
        assert "bright → real" in shown
        assert str(diff.gained["diaSource.diaSourceId"][0]) in shown


def test_filters_on_different_streams_cannot_be_compared(sky, filled, stream):
    with pytest.raises(FilterError, match="same stream"):
        sky.diff(Filter("a", OLD, stream), Filter("b", NEW, filled))
