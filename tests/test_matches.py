"""What a match is: the alert, whole, and what the filter and its headers say of it."""

import io
import itertools
import math
import shutil
from datetime import UTC, datetime

import fastavro
import offline
import pytest
import skysieve
from conftest import DATA
from matching import ARRIVED, SOON, STREAM, VERSION, notice, without_nan
from skysieve import Filter
from skysieve.engine import registry
from skysieve.packets import lsst_schemas
from skysieve.sources import send, simulate


def test_a_deployed_filter_gives_each_match_as_it_arrives(sky, topics, stream, name, deployed):
    spec = Filter(name, "diaSource.snr > 10", stream, emit="band: diaSource.band")
    deployed.append(sky.deploy(spec))
    with sky.consume(name, timeout=90) as matches:  # its topic may not be there yet
        version = deployed[0].wait("running").version
        sent = [alert.packet for alert in simulate(40, seed=71, pool=10)]
        send(sent, stream, topics.bootstrap)
        alerts = {packet.value: offline.alert(packet.value) for packet in sent}
        expected = [value for value, alert in alerts.items() if offline.above(alert, "diaSource.snr", 10)]
        found = list(itertools.islice(matches, len(expected)))
    assert 0 < len(expected) < 40
    assert {match.value for match in found} == set(expected)
    assert (matches.duplicates, len(found)) == (0, len(set(expected)))
    for match in found:
        assert match.alert == without_nan(alerts[match.value])
        assert type(match.alert["diaSource"]["diaSourceId"]) is int
        assert (match.filter, match.version, match.problem) == (name, version, None)
        assert match.annotations == {"band": match.alert["diaSource"]["band"]}
        packet = topics.one(stream, match.source.partition, match.source.offset)
        assert (packet.value, packet.timestamp) == (match.value, match.source.timestamp)
        assert match.source.stream == stream
        assert topics.one(match.topic, match.partition, match.offset).timestamp == match.timestamp


def test_a_match_says_what_its_headers_say(output, consume):
    output.write(notice(1), first=1206, partition=3, record=0, snr=21.5, near=None)
    (match,) = consume(**SOON)
    assert match.alert == {"event": 1}
    assert (match.filter, match.version) == (output.filter, VERSION)
    assert match.annotations == {"snr": 21.5, "near": None}
    arrived = datetime.fromtimestamp(ARRIVED / 1000, UTC)
    assert match.source == skysieve.matches.Source(STREAM, 3, 1206, 0, arrived)
    assert (match.topic, match.partition, match.offset) == (output.topic, 0, 0)
    with pytest.raises(AttributeError):
        match.filter = "another"


@pytest.mark.real_data
def test_real_lsst_packets_are_what_fastavro_reads_with_none_for_nan(output, consume):
    packets = offline.real_packets(DATA / "lsst_derived_wire")
    alerts = [offline.alert(packet) for packet in packets]
    unknown = {**alerts[0], "diaSource": {**alerts[0]["diaSource"], "snr": math.nan}}
    output.write(*packets, offline.packet(unknown, 1000))
    *found, last = (match.alert for match in consume(**SOON))
    assert found == [without_nan(alert) for alert in alerts]
    assert last["diaSource"] == {**unknown["diaSource"], "snr": None}


@pytest.mark.real_data
def test_real_ztf_packets_and_packets_of_several_alerts(output, consume):
    folder = DATA / "ztf" / "astrolabsoftware+fink-client"
    one, several = (folder / f"{n}.avro" for n in ("ZTF19acihgng", "avro_multi_alerts"))
    alerts = list(fastavro.reader(io.BytesIO(several.read_bytes())))
    assert len(alerts) > 1
    output.write(one.read_bytes())
    for number in range(len(alerts)):
        output.write(several.read_bytes(), first=1, record=number)
    first, *others = consume(**SOON)
    assert first.alert["objectId"] == "ZTF19acihgng"
    assert [match.alert for match in others] == [without_nan(alert) for alert in alerts]


def test_a_schema_that_is_met_for_the_first_time_is_looked_up(output, consume, tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSIEVE_SCHEMAS", str(tmp_path))
    known = next(simulate(1, seed=5, pool=8)).packet.value
    output.write(known, b"\0" + (9900).to_bytes(4, "big") + known[5:])
    matches = consume(timeout=30)
    assert next(matches).problem is None
    folder = lsst_schemas.schema_files()[int.from_bytes(known[1:5], "big")].parent
    shutil.copytree(folder, tmp_path / "new")
    next((tmp_path / "new").glob("*.alert.avsc")).rename(tmp_path / "new" / "lsst.v99_0.alert.avsc")
    assert next(matches).alert == without_nan(offline.alert(known))


def test_what_cannot_be_decoded_is_given_with_the_reason(output, consume):
    good = next(simulate(1, seed=5, pool=8)).packet.value
    unknown = b"\0" + (9901).to_bytes(4, "big") + good[5:]
    output.write(good[:900], unknown, b"clouds until midnight", good)
    output.write(good, first=7, record=2)
    output.write_records([(None, 0, output.headers(8))])
    *broken, fine, beyond, empty = (match for match in consume(**SOON) if match.offset != 3 or match.alert)
    assert [match.alert for match in (*broken, beyond, empty)] == [None] * 5
    problems = [match.problem for match in (*broken, beyond, empty)]
    words = ["does not fit schema", "schema id 9901 is not known", "no format", "has no alert 2", "is empty"]
    assert [word in problem for word, problem in zip(words, problems, strict=True)] == [True] * 5, problems
    assert fine.alert == without_nan(offline.alert(good))
    assert broken[0].value == good[:900]
    assert (broken[1].source.offset, empty.value) == (1, b"")


def test_the_stated_format_of_the_stream_counts(output, consume, topics, stream):
    registry.state(topics, stream, registry.Stated(format="json"))
    output.write(b"\0clouds", stream=stream)
    (match,) = consume(**SOON)
    assert "the message is no JSON" in match.problem


def test_a_record_that_no_filter_wrote_is_given_all_the_same(output, consume):
    records = [(notice(1), 0, []), (notice(1), 0, [("skysieve.source.offset", b"many")])]
    output.write_records(records)
    found = list(consume(**SOON))
    assert [(match.alert, match.source, match.filter) for match in found] == [({"event": 1}, None, "")] * 2


def test_raw_leaves_the_packets_as_they_are(output, consume):
    output.write(notice(1), b"clouds")
    found = list(consume(raw=True, **SOON))
    assert [(m.value, m.alert, m.problem) for m in found] == [
        (notice(1), None, None),
        (b"clouds", None, None),
    ]
