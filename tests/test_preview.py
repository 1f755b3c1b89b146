"""Previews: every number equals what plain Python counts over the same packets."""

import math
from collections import Counter
from dataclasses import replace

import offline
import pytest
from IPython.lib.pretty import pretty
from skysieve import Filter
from skysieve.errors import ColumnError, FilterError, FilterSyntaxError, PacketError, StreamError
from skysieve.sources import Packet, send, simulate
from skysieve.sources.simulation.lsst.survey import SimulatedLsst
from skysieve.stream_topics import make_stream

CUTS = {
    "diaSource.snr > 15": lambda a: offline.above(a, "diaSource.snr", 15),
    "diaSource.reliability > 0.7": lambda a: offline.above(a, "diaSource.reliability", 0.7),
    "diaObject.nDiaSources > 3": lambda a: offline.above(a, "diaObject.nDiaSources", 3),
}
WHERE = "\n  AND ".join(CUTS)


REJECTED = 77


@pytest.fixture(scope="module")
def simulated():
    return [alert.packet for alert in simulate(400, seed=51, pool=60, nights=3)]


@pytest.fixture(scope="module")
def packets(simulated):
    return [packet.value for packet in simulated]


@pytest.fixture(scope="module")
def alerts(packets):
    return [offline.alert(packet) for packet in packets]


@pytest.fixture(scope="module")
def preview(sky, simulated, packets):
    stream = make_stream(sky.topics, "test-preview-alerts")
    broken = [packets[0][:800], b"", b"\0\0\0\x27\x0f"]
    rejected = [Packet(value, str(REJECTED + i).encode()) for i, value in enumerate(broken)]
    send([*simulated, *rejected], stream, sky.topics.bootstrap)
    return sky.preview(Filter("test-preview", WHERE, stream), last=1000)


def _has_exposure_time(packet):
    return "exposureTime" in offline.alert(packet)["diaSource"]


def test_it_counts_what_was_read_rejected_and_passed(preview, alerts):
    passing = [a for a in alerts if all(passes(a) for passes in CUTS.values())]
    assert 0 < len(passing) < len(alerts)
    assert (preview.read, preview.rejected, preview.passed) == (len(alerts) + 3, 3, len(passing))
    assert preview.pass_rate == len(passing) / len(alerts)
    low, high = preview.interval
    assert low < preview.pass_rate < high


def test_it_tells_of_each_cut_how_many_pass_it_are_left_are_removed_by_it_alone_and_were_null(
    preview, alerts
):
    says = [[passes(a) for passes in CUTS.values()] for a in alerts]
    assert list(preview.cuts["cut"]) == list(CUTS)
    assert list(preview.cuts["alone"]) == [sum(s[i] for s in says) for i in range(3)]
    assert list(preview.cuts["left"]) == [sum(all(s[: i + 1]) for s in says) for i in range(3)]
    alone = [sum(all(s[:i] + s[i + 1 :]) and not s[i] for s in says) for i in range(3)]
    assert list(preview.cuts["only_this"]) == alone
    nulls = [
        sum(offline.at(a, path) is None for a in alerts)
        for path in ("diaSource.snr", "diaSource.reliability", "diaObject.nDiaSources")
    ]
    assert nulls[2] > 0
    assert list(preview.cuts["null"]) == nulls


def test_its_alerts_are_those_that_pass_with_ids_as_exact_integers(preview, alerts):
    expected = {a["diaSource"]["diaSourceId"] for a in alerts if all(passes(a) for passes in CUTS.values())}
    assert max(expected) > 2**53
    assert preview.alerts["diaSource.diaSourceId"].dtype == "Int64"
    assert set(preview.alerts["diaSource.diaSourceId"]) == expected
    assert list(preview.alerts["kafka.timestamp"]) == sorted(preview.alerts["kafka.timestamp"])


def test_it_names_the_packets_that_were_rejected(preview):
    assert sorted(preview.rejections["problem"].str[:20]) == [
        "schema id 9999 is no",
        "the message is empty",
        "the packet does not ",
    ]


def test_a_whole_alert_can_be_looked_at(preview):
    alert = preview.alert(0)
    assert alert["diaSource"]["diaSourceId"] == preview.alerts["diaSource.diaSourceId"][0]
    assert len(alert["cutoutScience"]) > 10_000
    assert str(alert["diaSource"]["diaSourceId"]) in repr(preview.view(0))
    with pytest.raises(StreamError, match="Row 100000 is not there"):
        preview.alert(100_000)


def test_it_tells_how_many_pass_in_a_night(preview, alerts):
    nights = Counter(math.floor(offline.at(a, "diaSource.midpointMjdTai") - 0.5) for a in alerts)
    assert len(nights) == 3
    told, (low, high) = preview.per_night, preview.interval
    assert told.expected == pytest.approx(len(alerts) / 3 * preview.pass_rate)
    assert low * min(nights.values()) <= told.low <= told.expected <= told.high
    assert told.high <= high * max(nights.values())
    assert told.source == "400 alerts in the stream, whose own times are of 3 nights"


def test_a_sample_that_is_too_small_is_told(sky, preview):
    spec = preview.filter
    assert preview.warnings == ()
    (said,) = sky.preview(replace(spec, where="diaSource.snr > 1e9"), last=400).warnings
    assert "The sample is too small: 0 of" in said
    few = sky.preview(spec, last=8)
    assert "The sample is too small" in few.warnings[0]
    assert few.warnings[0] in str(few)


def test_an_alert_tells_why_it_passes_or_not(preview, alerts):
    a = next(a for a in alerts if offline.at(a, "diaObject.nDiaSources") is None)
    told = preview.why(a["diaSource"]["diaSourceId"])
    assert list(told["cut"]) == list(CUTS)
    expected = [passes(a) for passes in CUTS.values()]
    assert list(told["verdict"])[:2] == expected[:2]
    assert told["verdict"][2] is None
    snr, reliability = (offline.at(a, f"diaSource.{name}") for name in ("snr", "reliability"))
    assert list(told["values"]) == [
        {"diaSource.snr": snr},
        {"diaSource.reliability": reliability},
        {"diaObject.nDiaSources": None},
    ]


def test_a_cut_on_a_history_tells_the_whole_history(sky, preview, alerts):
    a = next(a for a in alerts if a["prvDiaSources"])
    spec = replace(preview.filter, where="size(prvDiaSources) > 1000")
    told = sky.preview(spec, last=1000).why(a["diaSource"]["diaSourceId"])
    assert told["values"][0] == {"prvDiaSources": a["prvDiaSources"]}
    assert told["verdict"][0] is False


def test_a_rejected_packet_tells_why_by_its_key(preview):
    with pytest.raises(PacketError, match="does not fit schema"):
        preview.why(REJECTED)
    with pytest.raises(StreamError, match="not among the 400 alerts read"):
        preview.why(1)


@pytest.mark.parametrize("number", range(3))
def test_the_alerts_that_one_cut_alone_removes_are_those_that_pass_all_others(preview, alerts, number):
    def is_one(alert):
        says = [passes(alert) for passes in CUTS.values()]
        return not says.pop(number) and all(says)

    expected = {a["diaSource"]["diaSourceId"] for a in alerts if is_one(a)}
    found = preview.failed_only(number)
    assert set(found["diaSource.diaSourceId"]) == expected
    assert len(found) == preview.cuts["only_this"][number]
    assert list(found.columns) == list(preview.alerts.columns)
    assert found.equals(preview.failed_only(list(CUTS)[number]))


@pytest.mark.parametrize("cut", ["snr", 3, -1])
def test_a_cut_that_is_not_there_is_named(preview, cut):
    with pytest.raises(FilterError, match=f"has no cut {cut!r}"):
        preview.failed_only(cut)


def test_completeness_and_purity_come_from_the_truth_of_simulated_alerts(preview, simulated, alerts):
    truth = [dict(packet.headers)["truth"].decode() for packet in simulated]
    passes = [all(cut(a) for cut in CUTS.values()) for a in alerts]
    of = preview.labelled().classes.set_index("class")
    assert dict(of["alerts"]) == Counter(truth)
    passed = Counter(name for name, yes in zip(truth, passes, strict=True) if yes)
    assert {name: n for name, n in of["passed"].items() if n} == passed
    some = max(passed, key=passed.get)
    assert of["completeness"][some] == passed[some] / truth.count(some)
    assert of["purity"][some] == passed[some] / sum(passes)


@pytest.mark.parametrize("name", ["diaSourceId", "diaObjectId"])
def test_labels_can_be_of_alerts_or_of_objects(preview, alerts, name):
    wanted = [a["diaSource"][name] for a in alerts[:50] if a["diaSource"][name]]
    found = preview.labelled(dict.fromkeys(wanted, "mine"))
    assert found.by == f"diaSource.{name}"
    assert list(found.classes["alerts"]) == [sum(a["diaSource"][name] in wanted for a in alerts)]


def test_labels_can_be_a_column_and_what_is_emitted_can_be_called_as_one(sky, preview, alerts):
    spec = replace(preview.filter, where="band IS NOT NULL AND snr > 10", emit="diaSourceId: diaSourceId")
    found = sky.preview(spec, last=1000)
    bands = Counter(a["diaSource"]["band"] for a in alerts)
    told = found.labelled("diaSource.band")
    assert (told.by, dict(zip(told.classes["class"], told.classes["alerts"], strict=True))) == (
        "diaSource.band",
        bands,
    )
    with pytest.raises(StreamError, match=r"No column .diaSource\.bnd. was read.*diaSource\.band"):
        found.labelled("diaSource.bnd")
    with pytest.raises(FilterError, match="as a preview calls its cuts"):
        replace(spec, emit="cut1: snr")


def test_without_truth_labels_are_asked_for(sky, stream, packets):
    send([Packet(packets[0], None)], stream, sky.topics.bootstrap)
    with pytest.raises(StreamError, match="give labels"):
        sky.preview(Filter("any", "snr > 1", stream)).labelled()


def test_it_shows_what_is_likely_to_be_wrong(sky, preview):
    spec = replace(preview.filter, where="diaSource.snr > 0 AND NOT diaObject.nDiaSources > 3")
    seen = sky.preview(spec, last=1000)
    nulls = seen.cuts["null"][1]
    assert [finding.kind for finding in seen.lint] == ["null", "always true"]
    for shown in (str(seen), seen._repr_html_()):
        assert f"diaObject.nDiaSources is NULL in {nulls} of the 400 alerts read" in shown
        assert "alerts a night" in shown


def test_a_column_that_only_some_packets_of_the_stream_can_have_is_told(sky, stream):
    survey = SimulatedLsst((1000, 1101))
    packets = [alert.packet for alert in simulate(60, survey=survey, seed=57, pool=20)]
    has = {int.from_bytes(p.value[1:5], "big"): _has_exposure_time(p.value) for p in packets}
    assert has == {1000: False, 1101: True}
    send(packets, stream, sky.topics.bootstrap)
    (found,) = sky.preview(Filter("some", "diaSource.exposureTime > 29", stream)).lint
    assert found.kind == "schema"
    assert "is in schema 1101 only, the stream carries 1000 to 1101" in found.message


def test_it_is_drawn(preview):
    waterfall, sky_map, light = preview.plot().axes
    assert [bar.get_width() for bar in waterfall.containers[0]] == [400, *preview.cuts["left"]]
    drawn = [len(points.get_offsets()) for points in sky_map.collections]
    assert drawn == [400 - preview.passed, preview.passed]
    assert sum(len(points.get_offsets()) for points in light.collections) > 0


def test_it_reads_as_text_and_as_html(preview):
    assert pretty(preview) == str(preview)
    for shown in (str(preview), preview._repr_html_()):
        assert f"{preview.passed:,} of {preview.read - 3:,} alerts pass" in shown
        assert "3 packets of 403 could not be decoded" in shown


def test_the_range_can_be_the_newest_packets_or_a_time(sky, preview):
    spec = preview.filter
    assert sky.preview(spec, last=40).read == 40
    begin, end = preview.table["kafka.timestamp"].min(), preview.table["kafka.timestamp"].max()
    found = sky.preview(spec, between=(begin.isoformat(), end.isoformat()))
    assert found.read == int((preview.table["kafka.timestamp"] < end).sum())


def test_null_and_nan_never_pass_a_comparison(sky, stream, packets):
    alert = offline.alert(packets[0])
    alert["diaSource"]["reliability"] = float("nan")
    alert["diaObject"] = None
    send([Packet(offline.packet(alert, 1000), None)], stream, sky.topics.bootstrap)
    where = "reliability > 0.9 AND NOT reliability > 0.9 AND diaObject.nDiaSources >= 0"
    seen = sky.preview(Filter("nothing", where, stream))
    assert (seen.read, seen.passed, seen.rejected) == (1, 0, 0)
    assert list(seen.cuts["null"]) == [1, 1, 1]
    assert sky.preview(Filter("missing", "diaObject IS NULL AND reliability IS NULL", stream)).passed == 1


def test_an_empty_stream_previews_to_nothing(sky, stream):
    seen = sky.preview(Filter("any", "snr > 1", stream))
    assert (seen.read, seen.passed, len(seen.alerts)) == (0, 0, 0)
    assert "0 of 0" in str(seen)


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        ("diaSource.psfFlx > 1", ColumnError, r"Did you mean diaSource\.psfFlux"),
        ("snr >", FilterSyntaxError, "line 1, column 5"),
        ("snr > 1 AND\n  (ra > 5", FilterSyntaxError, "line 2"),
        ("no_such_function(snr) > 1", FilterError, "no_such_function"),
        ("diaSource.snr + 1", FilterError, "is a value"),
        ("cutoutScience > 5", FilterError, "cannot run"),
    ],
)
def test_a_filter_that_cannot_run_says_why_and_where(sky, stream, where, error, says):
    with pytest.raises(error, match=says):
        sky.preview(Filter("wrong", where, stream))


@pytest.mark.parametrize("value", ["diaSource.band", "diaSource.snr", "'true'", "NULL", "diaSource"])
def test_a_cut_that_is_a_value_is_refused_before_anything_runs_and_without_a_word_of_spark_s(
    sky, stream, capfd, value
):
    capfd.readouterr()
    with pytest.raises(FilterError, match=r"is a value .*not a condition; compare it"):
        sky.preview(Filter("value", value, stream))
    assert capfd.readouterr().err == ""
