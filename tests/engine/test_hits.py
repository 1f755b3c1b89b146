"""The bits of many filters are what each filter says by itself."""

import re
from collections import Counter
from itertools import product

import pytest
from pyspark.sql import functions as F  # noqa: N812
from skysieve.bench.filters import thresholds
from skysieve.engine import hits, plan
from skysieve.engine.hits import Condition, passing
from skysieve.filter import Filter
from skysieve.stream_topics import rejected_topic

ALERTS = [
    (number, snr, band, broken)
    for number, (snr, band, broken) in enumerate(
        product([None, 1.0, 5.0, 20.0, 80.0], [None, "g", "r"], [False, False, True])
    )
]


def of(text, *, shared=True):
    return Condition(F.expr(text), text if shared else "")


def says(text, snr, band):
    """The few conditions of these tests, in Python."""
    _, operator, value = text.split()
    if operator == ">":
        return snr is not None and snr > float(value)
    return band is not None and f"'{band}'" == value


def found(sky, filters, keep=True):
    """Which filters each alert passes."""
    alerts = sky.spark.createDataFrame(ALERTS, "number int, snr double, band string, broken boolean")
    some, numbers = passing(alerts, filters, ~F.col("broken"), F.col("broken") & F.lit(keep))
    rows = some.select("number", numbers.alias("numbers")).collect()
    assert len({row.number for row in rows}) == len(rows)
    return {row.number: row.numbers for row in rows}


def expected(filters, keep=True):
    each = {}
    for number, snr, band, broken in ALERTS:
        passed = [i for i, texts in enumerate(filters, 1) if all(says(text, snr, band) for text in texts)]
        if kept := ([0] if broken and keep else [] if broken else passed):
            each[number] = kept
    return each


@pytest.mark.parametrize("parts", [100, 3, 1])
@pytest.mark.parametrize("count", [1, 62, 63, 64, 200])
def test_each_alert_has_the_numbers_of_the_filters_that_it_passes(sky, monkeypatch, count, parts):
    monkeypatch.setattr(hits, "_PARTS", parts)
    texts = []
    for n in range(count):
        more = [f"band = '{'gr'[n % 2]}'"] * (n % 3 > 0) + [f"snr > {n / 100}"] * (n % 5 == 4)
        texts.append((f"snr > {n % 7 * 4}", *more))
    texts.append(())  # a filter whose cuts all come later
    times = Counter(text for one in texts for text in one).values()
    assert count == 1 or min(times) == 1 < 9 < max(times)
    filters = [[of(text) for text in one] for one in texts]
    assert found(sky, filters) == expected(texts)


def test_a_condition_without_a_key_is_its_filters_own(sky):
    texts = [("snr > 4", "band = 'g'"), ("band = 'g'", "snr > 4"), ("snr > 4",)]
    filters = [[of(text, shared="=" not in text) for text in one] for one in texts]
    assert found(sky, filters) == expected(texts)


def test_what_is_broken_is_kept_only_where_it_is_wanted(sky):
    texts = [("snr > 4",)] * 70
    filters = [[of(text) for text in one] for one in texts]
    assert found(sky, filters) == expected(texts)
    assert found(sky, filters, keep=False) == expected(texts, keep=False)
    assert 0 not in {n for numbers in found(sky, filters, keep=False).values() for n in numbers}


def test_no_filter_passes_nothing_but_what_is_broken(sky):
    assert found(sky, []) == expected([])


def test_a_cut_that_filters_share_is_worked_out_once(sky, capsys):
    alerts = sky.spark.range(9).selectExpr("id % 3 as snr", "id % 5 as band", "id > 7 as broken")
    filters = [[of("sqrt(snr) > 1"), of(f"band = {band % 5}")] for band in range(150)]
    some, numbers = passing(alerts, filters, ~F.col("broken"), F.col("broken"))
    some.select("snr", numbers).explain("simple")
    assert capsys.readouterr().out.lower().count("sqrt(") == 1


@pytest.mark.parametrize("alike", [True, False], ids=["that share cuts", "that share none"])
def test_java_compiles_what_three_hundred_filters_are(sky, stream, capsys, alike):
    # of all schema versions; a method of more than 8,000 bytes would be interpreted, at a fifth of the speed
    said = [one.sql for one in thresholds(300)] if alike else [f"diaSource.snr > {n} / 7" for n in range(300)]
    source = sky.stream(stream)
    filters = [Filter(f"f{n}", text, stream).bind(source.filterable) for n, text in enumerate(said)]
    packets = plan.read_range(sky.spark, sky.topics, stream, *[sky.topics.end(stream)] * 2)
    topics = dict.fromkeys([rejected_topic(stream), *(one.filter.output_topic for one in filters)], 4)
    plan.deliveries(plan.judge(packets, source.format, filters), stream, filters, topics).explain("codegen")
    sizes = [int(size) for size in re.findall(r"maxMethodCodeSize:(\d+)", capsys.readouterr().out)]
    assert sizes
    assert 1000 < max(sizes) < 7000
