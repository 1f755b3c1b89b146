"""Aggregates equal a plain pandas computation over the same events, shuffled and late."""

import time

import pytest
from events import BANDS, EACH, detections, newest, nights, packets, per_night, shuffled, told, until
from skysieve import DeploymentError, Filter, FilterError
from skysieve.sources import send
from skysieve.stream_topics import make_stream


@pytest.fixture
def deploy(sky, stream, name, deployed):
    def deploy(where, suffix="", start="latest", session=sky):
        one = session.deploy(Filter(name + suffix, where, stream), start=start, compare=False)
        deployed.append(one)
        return one.wait("running")

    return deploy


def test_it_tells_what_pandas_computes_of_the_past_and_of_late_and_shuffled_events(deploy, stream, topics):
    table = detections(300, seed=1)
    sent = packets(shuffled(table, 2.5, seed=2))
    send(sent[:100], stream, topics.bootstrap)
    one = deploy(EACH, start="earliest")
    for begin in range(100, 300, 50):
        send(sent[begin : begin + 50], stream, topics.bootstrap)
        time.sleep(0.5)
    wanted = per_night(table)
    until(lambda: newest(one, "diaObjectId", "night") == wanted)
    until(lambda: one.status().bank is not None and one.status().bank.groups)
    assert one.status().bank.late == 0
    assert one.status().bank.groups < len(wanted), "groups whose time is over are let go"
    last = one.results(last=5)
    assert list(last)[:3] == ["diaObjectId", "night", "n"]


def test_what_comes_after_its_group_is_over_is_left_out_and_counted(deploy, stream, topics):
    one = deploy(EACH)
    table = detections(60, seed=3, days=20)
    send(packets(table), stream, topics.bootstrap)
    until(lambda: newest(one, "diaObjectId", "night") == per_night(table))
    late = detections(4, seed=4, days=4).assign(object=[1, 2, 3, 4], snr=20.0)
    send(packets(late), stream, topics.bootstrap)
    until(lambda: one.status().bank.late == 4)
    assert newest(one, "diaObjectId", "night") == per_night(table)


def test_groups_by_field_and_sliding_window_equal_pandas(deploy, stream, topics):
    import astropy.units as u
    import pandas as pd
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    table = detections(200, seed=5, days=12)
    send(packets(table), stream, topics.bootstrap)
    one = deploy("SELECT count(*) AS n GROUP BY field(1), night", "-field", "earliest")
    two = deploy(
        "SELECT band, avg(snr) AS snr GROUP BY band, window('4 days', '1 day')", "-slide", "earliest"
    )
    lon, lat = (kind(table[c].to_numpy() * u.deg) for kind, c in ((Longitude, "ra"), (Latitude, "dec")))
    table["field"] = lonlat_to_healpix(lon, lat, 1).astype(int)
    fields = {key: len(some) for key, some in table.assign(night=nights(table)).groupby(["field", "night"])}
    until(lambda: {k: r["n"] for k, r in newest(one, "field", "night").items()} == fields)
    day = ((table["mjd"] - 37 / 86400 - 40587) // 1).astype(int)
    slides = {}
    for begin in range(day.min() - 3, day.max() + 1):
        at = f"{pd.Timestamp(begin, unit='D'):%Y-%m-%dT%H:%M:%SZ}"
        within = table[day.between(begin, begin + 3)]
        slides |= {
            (band, at): pytest.approx(some["snr"].mean(), rel=1e-6) for band, some in within.groupby("band")
        }
    assert set(table["band"]) == set(BANDS)
    until(lambda: {k: r["snr"] for k, r in newest(two, "band", "begin").items()} == slides)


ONCE = "SELECT count(*) AS n GROUP BY diaObject.diaObjectId, window('700 days') HAVING n >= 3 ONCE"


def test_once_tells_of_a_group_when_it_first_qualifies_and_never_again(deploy, stream, topics):
    one = deploy(ONCE)
    table = detections(80, seed=6, days=30)
    for begin in range(0, 80, 20):
        send(packets(table[begin : begin + 20]), stream, topics.bootstrap)
        time.sleep(1)
    counts = table.groupby("object").size()
    wanted = sorted(counts[counts >= 3].index)
    until(lambda: sorted(record["diaObjectId"] for record, _ in told(one)) == wanted)
    time.sleep(2)
    assert sorted(record["diaObjectId"] for record, _ in told(one)) == wanted


CLOSE = """SELECT count(*) AS n, array_sort(collect_list(midpointMjdTai)) AS times
GROUP BY diaObject.diaObjectId, window('700 days')
HAVING n >= 3 AND exists(sequence(2, n - 1), i -> times[i] - times[i - 2] < 9) ONCE"""


def test_three_detections_within_nine_days_are_found(deploy, stream, topics):
    table = detections(90, seed=13, objects=20, days=60)
    send(packets(table), stream, topics.bootstrap)
    one = deploy(CLOSE, start="earliest")
    spans = table.sort_values("mjd").groupby("object")["mjd"].apply(lambda t: (t - t.shift(2)).min())
    wanted = sorted(spans[spans < 9].index)
    assert 0 < len(wanted) < 20
    until(lambda: sorted(record["diaObjectId"] for record, _ in told(one)) == wanted)


def test_a_consumer_gets_each_update_once_with_the_headers_that_name_its_last_alert(
    deploy, stream, topics, sky, name
):
    one = deploy("SELECT count(*) AS n GROUP BY diaObject.diaObjectId, window('700 days')")
    table = detections(40, seed=7, objects=4)
    send(packets(table), stream, topics.bootstrap)
    counts = {(key,): int(n) for key, n in table.groupby("object").size().items()}
    until(lambda: {k: r["n"] for k, r in newest(one, "diaObjectId").items()} == counts)
    written = list(
        topics.read(one.output_topic, topics.begin(one.output_topic), topics.end(one.output_topic))
    )
    again = written[-1]
    topics.write(one.output_topic, [(again.key.decode(), again.value)])  # without headers: no duplicate
    matches = list(sky.consume(name, timeout=0))
    assert len(matches) == len(written) + 1
    assert matches[0].alert.keys() == {"diaObjectId", "begin", "end", "n"}
    assert {m.source.stream for m in matches if m.source} == {stream}
    by_key = {(r.key, r.partition) for r in written}
    assert len(by_key) == len({key for key, _ in by_key}), "a group's updates stay in one partition"


def test_a_preview_shows_the_groups_of_the_sample(sky, stream, topics, name):
    table = detections(120, seed=10)
    send(packets(table), stream, topics.bootstrap)
    found = sky.preview(Filter(name, EACH, stream))
    wanted = per_night(table)
    rows = {(r["diaObjectId"], r["night"]): r for r in found.groups.to_dict("records")}
    assert rows == wanted
    assert (found.read, found.passed, found.rejected) == (120, int((table["snr"] > 5).sum()), 0)
    assert found.per_night.sum() == len(wanted)
    assert f"{len(wanted)} groups" in str(found)
    assert "brightest" in found._repr_html_()


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "SELECT sum(band) AS n, max(psfFlux) + 1 = 2 AS m GROUP BY night HAVING max(band) || 'x'",
            "cannot run",
        ),
        ("SELECT no_such(max(snr)) AS n GROUP BY night", "no_such"),
    ],
)
def test_what_spark_refuses_is_told_before_anything_is_written(sky, stream, topics, name, where, message):
    send(packets(detections(2, seed=11)), stream, topics.bootstrap)
    with pytest.raises(FilterError, match=message):
        sky.deploy(Filter(name, where, stream))


def test_it_has_no_sink_and_a_stream_without_times_has_no_aggregates(sky, stream, topics, name):
    send(packets(detections(2, seed=12)), stream, topics.bootstrap)
    with pytest.raises(DeploymentError, match="no alerts"):
        sky.deploy(Filter(name, EACH, stream), sink="parquet:/nowhere")
    make_stream(topics, f"{stream}-notes")
    topics.write(f"{stream}-notes", [("a", b'{"text": "no time in here"}')])
    spec = Filter(name, "SELECT count(*) AS n GROUP BY text, night", f"{stream}-notes")
    with pytest.raises(FilterError, match="time"):
        sky.deploy(spec)
