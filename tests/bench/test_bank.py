"""The bench of the bank measures what it says: the bank and the fastavro loop find the same matches."""

from statistics import median

import offline
import pytest
from skysieve import bench
from skysieve.bench import bank, decode, enrich, filters, latency, preview
from skysieve.errors import SkysieveError
from skysieve.sources import simulate


def test_it_reports_a_rate_for_each_number_of_filters_and_for_what_it_is_compared_with(running, monkeypatch):
    for name, value in {"_SIZES": (1, 20), "_FLOODS": (20,), "_LOOPS": (1, 20), "_RUNS": 2}.items():
        monkeypatch.setattr(bank, name, value)
    told = []
    result = bank.measure(running, 300, told.append)
    assert set(result["bank"]) == set(result["fastavro_loop"]) == {"1", "20"}
    assert set(result["flooding"]) == {"20"}
    rates = [*result["bank"].values(), *result["fastavro_loop"].values(), result["librdkafka_raw"]]
    assert all(rate > 0 for rate in rates)
    for kind, medians in result["medians"].items():
        assert medians.keys() == result[kind].keys()
        assert all(0 < medians[n] < result[kind][n] for n in medians), "two runs never take exactly as long"
    matches = result["matches"]
    assert matches["flooding"]["20"] > matches["bank"]["20"] >= matches["bank"]["1"] >= 0
    assert 80_000 < result["mean_bytes"] < 120_000
    text = bank.report({"cores": 2, **result})
    assert "bank, 20 filters" in text
    assert "ns for each further one" in text
    assert 0 < result["writing_alone"]["flooding"]["20"] < 60
    assert text.count("of one can be reached") == 3
    assert 200 < result["spark_peak_mb"] < 20_000
    assert all(value > 0 for value in result["cpu_us_per_alert"]["bank"].values())
    assert f"{result['librdkafka_raw']:,.0f}" in text
    assert f"{result['medians']['flooding']['20']:,.0f}" in text
    assert any("20" in step for step in told)


@pytest.mark.parametrize("is_of_a_strip", [False, True])
def test_a_filter_of_the_bench_selects_the_same_in_sql_and_in_python(sky, stream, is_of_a_strip):
    from skysieve.sources import send

    packets = [alert.packet for alert in simulate(200, seed=71, pool=40)]
    send(packets, stream, sky.topics.bootstrap)
    alerts = [offline.alert(packet.value) for packet in packets]
    somewhere = median(alert["diaSource"]["ra"] for alert in alerts)
    loose = filters.Thresholds(5, 0.3, 1, "r", somewhere if is_of_a_strip else None)
    (spec,) = filters.as_filters([loose], stream, "loose")
    expected = sum(map(loose.passes, alerts))
    assert 0 < expected < 200
    assert sky.preview(spec).passed == expected


def test_the_bench_of_decoding_has_a_rate_for_each_part_of_both_surveys(running, monkeypatch):
    monkeypatch.setattr(decode, "_RUNS", 2)
    told = []
    result = decode.measure(running, 120, told.append)
    assert set(result["surveys"]) == {"lsst", "ztf"}
    for survey, part in (("lsst", "diaSource"), ("ztf", "candidate")):
        found = result["surveys"][survey]
        rates, medians = found["rates"], found["medians"]
        assert rates.keys() == {
            "librdkafka_raw",
            "spark_raw",
            "four_columns",
            part,
            "everything",
            "fastavro_loop",
        }
        assert medians.keys() == {"spark_raw", "four_columns", part, "everything"}
        assert all(0 < medians[name] < rates[name] for name in medians)
        assert min(rates.values()) > 0
    text = decode.report({"cores": 2, **result})
    assert "lsst: 120 packets" in text
    assert f"{found['rates']['everything']:,.0f}" in text
    assert f"{found['medians']['everything']:,.0f}" in text


def test_the_bench_of_latencies_tells_how_late_matches_are(running, monkeypatch):
    monkeypatch.setattr(latency, "_RATE", 2000)
    monkeypatch.setattr(filters, "_SNR", (5, 100))
    monkeypatch.setattr(filters, "_RELIABILITY", (0.3,))
    monkeypatch.setattr(filters, "_SOURCES", (1,))
    told = []
    result = latency.measure(running, 600, told.append)
    found = result["exact"]
    assert found["matches"] > 100
    assert 0 < found["median"] <= found["p99"] <= found["most"]
    assert f"{found['median']:.3f}" in latency.report({"cores": 2, **result})
    assert "exact progress" in told[0]


def test_the_bench_of_previews_has_seconds_of_a_part_and_of_all(running, monkeypatch):
    monkeypatch.setattr(preview, "_RUNS", 1)
    result = preview.measure(running, 40, lambda _: None)
    assert set(result["seconds"]) == {"4", "40"}
    for seconds in result["seconds"].values():
        assert seconds.keys() == {"fastavro_loop", "first", "second"}
        assert all(value > 0 for value in seconds.values())
    text = preview.report({"cores": 2, **result})
    assert f"{result['seconds']['40']['second']:.3f}" in text


def test_the_bench_of_enrichments_has_a_rate_for_each_set_of_catalogues(running, monkeypatch):
    for name, value in {"_WARM_UPS": 0, "_RUNS": 1, "_PLAIN": 2}.items():
        monkeypatch.setattr(enrich, name, value)
    monkeypatch.setattr(enrich, "ROWS", dict.fromkeys(enrich.ROWS, 500))
    result = enrich.measure(running, 150, lambda _: None)
    behind = ["five, for a tenth", "features and a model, for a tenth"]
    assert list(result["rates"]) == ["none", "two small", "ten million", "five", *behind]
    assert all(rate > 0 for rate in result["rates"].values())
    assert result["matches"] > 0
    assert behind[1] in enrich.report({"cores": 2, **result})


def test_an_unknown_bench_and_a_senseless_number_are_refused():
    with pytest.raises(SkysieveError, match="Did you mean bank"):
        bench.run("bnk", 10)
    with pytest.raises(SkysieveError, match="one packet or more"):
        bench.run("bank", 0)
