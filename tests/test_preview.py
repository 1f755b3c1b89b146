"""Previews: every number equals what plain Python counts over the same packets."""

import offline
import pytest
import skysieve
from IPython.lib.pretty import pretty
from skysieve import Filter
from skysieve.errors import ColumnError, FilterError, FilterSyntaxError, StreamError
from skysieve.preview import wilson
from skysieve.sources import Packet, send, simulate

CUTS = {
    "diaSource.snr > 15": lambda a: offline.above(a, "diaSource.snr", 15),
    "diaSource.reliability > 0.7": lambda a: offline.above(a, "diaSource.reliability", 0.7),
    "diaObject.nDiaSources > 3": lambda a: offline.above(a, "diaObject.nDiaSources", 3),
}
WHERE = "\n  AND ".join(CUTS)


@pytest.fixture(scope="module")
def packets():
    return [alert.packet.value for alert in simulate(400, seed=51, pool=60)]


@pytest.fixture(scope="module")
def alerts(packets):
    return [offline.alert(packet) for packet in packets]


@pytest.fixture(scope="module")
def preview(sky, packets):
    stream = skysieve.stream.make_stream(sky.topics, "test-preview-alerts")
    broken = [packets[0][:800], b"", b"\0\0\0\x27\x0f"]
    send([Packet(p, None) for p in packets + broken], stream, sky.topics.bootstrap)
    return sky.preview(Filter("test-preview", WHERE, stream), last=1000)


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


def test_wilsons_interval_is_that_of_the_literature():
    # Newcombe, Statistics in Medicine 17, 857 (1998), table I: 81 of 263, 0 of 20
    assert [round(x, 4) for x in wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(x, 4) for x in wilson(0, 20)] == [0.0, 0.1611]
