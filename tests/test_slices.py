"""What a preview can read: a night, a list of ids, files; each by the plan that reads a stream."""

from datetime import timedelta

import offline
import pytest
from skysieve import Filter
from skysieve.errors import StreamError
from skysieve.slices import Files, night_of
from skysieve.sources import Packet, send, simulate
from skysieve.stream_topics import make_stream

WHERE = "diaSource.snr > 15"


@pytest.fixture(scope="module")
def packets():
    return [alert.packet.value for alert in simulate(120, seed=53, pool=60)]


@pytest.fixture(scope="module")
def alerts(packets):
    return [offline.alert(packet) for packet in packets]


@pytest.fixture(scope="module")
def filled(sky, packets):
    stream = make_stream(sky.topics, "test-slices-alerts")
    send([Packet(p, None) for p in [*packets, b""]], stream, sky.topics.bootstrap)
    return Filter("bright", WHERE, stream)


@pytest.fixture
def folder(packets, tmp_path):
    for number, packet in enumerate([*packets, packets[0][:900]]):
        (tmp_path / f"{number:03}.avro").write_bytes(packet)
    return tmp_path


def test_a_night_lasts_from_noon_to_noon(sky, filled):
    begin, end = night_of("2026-03-05")
    assert end - begin == timedelta(days=1)
    arrived = sky.preview(filled).table["kafka.timestamp"].min()
    evening = (arrived - timedelta(hours=12)).date()
    assert sky.preview(filled, night=evening.isoformat()).read == 121
    before = sky.preview(filled, night=(evening - timedelta(days=1)).isoformat())
    assert (before.read, before.per_night) == (0, None)
    assert "no alert was read" in before.warnings[0]


def test_ids_are_looked_for_in_the_whole_stream(sky, filled, alerts):
    wanted = [a["diaSource"]["diaSourceId"] for a in alerts[:3]]
    seen = sky.preview(filled, ids=[wanted[0], str(wanted[1]), wanted[2], wanted[0] + 1])
    assert set(seen.table["diaSource.diaSourceId"].dropna()) == set(wanted)
    assert (seen.read, seen.rejected) == (4, 1)
    assert seen.passed == sum(offline.above(a, "diaSource.snr", 15) for a in alerts[:3])
    assert seen.per_night is None
    assert "chosen by id" in seen.warnings[0]


def test_ids_are_looked_for_in_a_slice_that_is_given_besides(sky, filled, alerts):
    every = [a["diaSource"]["diaSourceId"] for a in alerts]
    seen = sky.preview(filled, ids=every, last=20)
    assert seen.read == 20


def test_files_are_judged_as_a_stream_is(sky, folder, filled, alerts):
    from_files, from_stream = sky.preview(filled, files=[folder]), sky.preview(filled, last=1000)
    assert (from_files.read, from_files.rejected) == (121, 1)
    expected = {a["diaSource"]["diaSourceId"] for a in alerts if offline.above(a, "diaSource.snr", 15)}
    assert set(from_files.alerts["diaSource.diaSourceId"]) == expected
    assert from_files.cuts.equals(from_stream.cuts)
    assert list(from_files.alerts.columns) == list(from_stream.alerts.columns)
    assert "in the files" in from_files.per_night.source
    row = from_files.alert(0)
    assert row["diaSource"]["diaSourceId"] == from_files.alerts["diaSource.diaSourceId"][0]
    assert (from_files.start, from_files.stop) == ({0: 0}, {0: 121})


def test_files_need_no_stream_and_make_none(sky, folder):
    before = sky.topics.names()
    assert sky.preview(Filter("bright", WHERE, "nowhere"), files=[str(folder)]).read == 121
    assert sky.topics.names() == before


def test_files_larger_than_memory_are_judged_in_parts(sky, folder, filled, monkeypatch):
    parts = []
    whole = Files._parts
    monkeypatch.setattr("skysieve.slices._PART", 40 * max(f.stat().st_size for f in folder.iterdir()))
    monkeypatch.setattr(Files, "_parts", lambda *a: (parts.append(p) or p for p in whole(*a)))
    seen = sky.preview(filled, files=[folder])
    assert len(parts) > 1
    assert seen.read == 121
    assert sorted(seen.table["kafka.offset"]) == list(range(121))


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ({"last": 5, "night": "2026-03-05"}, "last= or night=, not both"),
        ({"night": "5 March"}, "write that of its evening"),
        ({"files": []}, "names no file"),
        ({"files": ["/no/such/file"]}, "There is no file"),
        ({"ids": [1.5]}, "is a whole number"),
        ({"ids": ["SN2026a"]}, "is a whole number"),
    ],
)
def test_a_slice_that_cannot_be_had_says_why(sky, filled, which, says):
    with pytest.raises(StreamError, match=says):
        sky.preview(filled, **which)
