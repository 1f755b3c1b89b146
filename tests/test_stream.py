"""Streams: their columns, their newest alerts, and the alerts of a time."""

import io
import time
from datetime import UTC, datetime

import fastavro
import offline
import pytest
from conftest import DATA, delivered
from skysieve import Filter
from skysieve.errors import PacketError, StreamError
from skysieve.sources import Packet, read_packets, send, simulate
from skysieve.sources.surveys import simulated
from skysieve.stream_topics import make_stream


@pytest.fixture
def alerts(stream, topics):
    packets = [alert.packet for alert in simulate(60, seed=41, pool=20)]
    send(packets, stream, topics.bootstrap)
    return {offline.alert(p.value)["diaSourceId"]: p.value for p in packets}


def test_the_streams_are_the_topics_of_alerts_and_no_others(sky, stream, topics):
    assert stream in sky.streams
    topics.create({f"{stream}.rejected": 1, "filter.some": 1})
    own = {f"{stream}.rejected", "filter.some", "skysieve-registry", "skysieve-status", "__consumer_offsets"}
    assert not own & set(sky.streams)


def test_an_unknown_stream_is_refused_with_the_nearest_names(sky, stream):
    with pytest.raises(StreamError, match=f"Did you mean .*{stream}"):
        sky.stream(stream[:-1])


@pytest.mark.parametrize("name", ["", "..", "a b", "x" * 241, "a/b", "<script>", "é"])
def test_a_name_that_kafka_does_not_allow_is_refused(topics, name):
    with pytest.raises(StreamError, match="no legal stream name"):
        make_stream(topics, name)


@pytest.mark.parametrize("name", ["filter.mine", "a.rejected", "skysieve-registry", "__consumer_offsets"])
def test_a_name_that_is_used_for_something_else_is_refused(topics, name):
    with pytest.raises(StreamError, match="uses for something else"):
        make_stream(topics, name)


def test_columns_have_type_unit_and_description_from_the_schema(sky, stream, alerts):
    columns = sky.stream(stream).columns().set_index("name")
    flux = columns.loc["diaSource.psfFlux"]
    assert (flux["type"], flux["unit"], flux["null"]) == ("float", "nJy", True)
    assert "flux" in flux["description"].lower()
    assert columns.loc["diaSource.diaSourceId", "type"] == "bigint"
    assert columns.loc["diaSource.ra", "unit"] == "deg"
    assert columns.loc["prvDiaSources", "type"] == "array<struct>"
    assert columns.loc["cutoutScience", "type"] == "binary"
    described = columns[columns["type"].isin(["float", "double"])]["description"]
    assert (described.str.len() > 0).mean() > 0.95


@pytest.mark.real_data
def test_columns_of_a_mixed_stream_are_the_union_over_its_schema_versions(sky, stream, topics):
    packets = read_packets([DATA / "lsst" / "mwvgroup+pittgoogle-client"])
    send([Packet(p.value, None) for p in packets], stream, topics.bootstrap)
    columns = sky.stream(stream).columns()
    assert columns["since"].min() == 700
    assert columns["until"].max() == 1101
    left = columns[columns["until"] < columns["until"].max()]
    assert len(left)
    assert left["null"].all()
    assert columns["name"].is_unique


def test_recent_gives_the_newest_alerts_whole(sky, stream, alerts):
    rows = sky.stream(stream).recent(10).collect()
    assert len(rows) == 10
    for row in rows:
        expected = offline.alert(alerts[row["diaSourceId"]])
        assert row["diaSource"]["ra"] == expected["diaSource"]["ra"]
        assert bytes(row["cutoutDifference"]) == expected["cutoutDifference"]
        assert len(row["prvDiaSources"] or []) == len(expected["prvDiaSources"] or [])
        end = sky.topics.end(stream)[row["kafka"]["partition"]]
        assert row["kafka"]["offset"] >= end - 10


def test_recent_takes_what_is_there_where_that_is_less(sky, stream, alerts):
    assert {row["diaSourceId"] for row in sky.stream(stream).recent(1000).collect()} == set(alerts)


def test_an_empty_stream_has_columns_and_no_alerts(sky, stream):
    empty = sky.stream(stream)
    assert "diaSource.snr" in set(empty.columns()["name"])
    assert empty.recent(5).count() == 0


def test_between_gives_the_alerts_that_arrived_in_a_time(sky, stream, topics, alerts):
    time.sleep(0.02)
    begin = datetime.now(UTC)
    later = [alert.packet for alert in simulate(15, seed=42, pool=10)]
    send(later, stream, topics.bootstrap)
    time.sleep(0.02)
    end = datetime.now(UTC)
    found = sky.stream(stream).between(begin, end.isoformat()).collect()
    assert {row["diaSourceId"] for row in found} == {offline.alert(p.value)["diaSourceId"] for p in later}
    assert sky.stream(stream).between(end, end).count() == 0


@pytest.mark.parametrize("when", ["yesterday", "2026-03-05T01:00:00", datetime(2026, 3, 5)])
def test_a_time_without_a_zone_or_no_time_at_all_is_refused(sky, stream, when):
    with pytest.raises(StreamError, match=r"is no time|says no time zone"):
        sky.stream(stream).between(when, "2027-01-01T00:00:00Z")


def test_a_schema_that_is_met_in_the_middle_alone_is_learned(sky, name, topics):
    """Neither the oldest packets of a partition have it nor the newest, which a stream looks at first."""

    def packet(number, *more):
        fields = [{"name": n, "type": "long"} for n in ("id", *more)]
        out = io.BytesIO()
        fastavro.writer(
            out, {"type": "record", "name": "a", "fields": fields}, [{"id": number, **dict.fromkeys(more, 1)}]
        )
        return Packet(out.getvalue(), None)

    odd = make_stream(topics, f"{name}-odd", 1)
    sent = [packet(n) if n != 20 else packet(n, "later") for n in range(40)]
    send(sent, odd, topics.bootstrap)
    known = sky.stream(odd)
    assert "later" not in known.described
    assert {row["id"] for row in known.recent(100).collect()} == set(range(40))


def test_none_or_fewer_alerts_cannot_be_asked_for(sky, stream):
    with pytest.raises(StreamError, match="one packet or more"):
        sky.stream(stream).recent(0)


def test_one_alert_is_found_by_its_place(sky, stream, alerts):
    place = sky.stream(stream).recent(1).first()["kafka"]
    alert = sky.stream(stream).alert(place["partition"], place["offset"])
    assert repr(alert) == repr(offline.alert(alerts[alert["diaSourceId"]]))  # NaN is unequal to itself
    for number in (1, -1):
        with pytest.raises(PacketError, match=f"has no alert {number}: it holds 1"):
            sky.stream(stream).alert(place["partition"], place["offset"], number)


def test_a_broken_packet_is_named_when_it_is_asked_for(sky, stream, topics):
    topics.write(stream, [("x", b"\0\0\0\x03\xe8broken")])
    (place,) = [p for p, end in topics.end(stream).items() if end]
    with pytest.raises(PacketError, match="does not fit schema 1000"):
        sky.stream(stream).alert(place, 0)


def test_a_stream_of_something_else_says_how_its_packets_begin(sky, stream, topics):
    topics.write(stream, [("x", b"{}"), ("y", b"{}")])
    with pytest.raises(StreamError, match="7b 7d"):
        sky.stream(stream).columns()


def test_a_stated_format_counts_for_everyone_until_it_is_taken_back(sky, stream):
    one = sky.stream(stream)
    assert one.format.name == "lsst"
    one.state("ztf")
    assert "candidate.magpsf" in set(sky.stream(stream).columns()["name"])
    assert "candidate.magpsf" in set(one.columns()["name"])
    preview = sky.preview(Filter("bright", "candidate.magpsf < 18", stream))
    assert preview.read == 0
    one.state(None)
    assert sky.stream(stream).format.name == "lsst"


def test_an_unknown_format_cannot_be_stated(sky, stream):
    with pytest.raises(StreamError, match=r"no packet format 'ztv', only .*ztf"):
        sky.stream(stream).state("ztv")


def test_a_filter_can_be_deployed_before_the_first_packet_of_a_stated_format(
    sky, stream, name, topics, deployed
):
    sky.stream(stream).state("ztf")
    deployed.append(sky.deploy(Filter(name, "candidate.magpsf < 30", stream)).wait("running"))
    send(simulated("ztf", count=20, seed=3), stream, topics.bootstrap)
    while sum(topics.end(f"{stream}.rejected").values()) + deployed[0].matches() < 20:
        time.sleep(0.2)
    sky.redrive(
        stream
    )  # a container's schema comes with the first packet, and those before it is learned wait here
    assert len(delivered(deployed[0], 20)) == 20
