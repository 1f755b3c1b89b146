"""Of a history, a bank decodes the fields that its filters read."""

import pytest
import sqlglot
from skysieve import Filter
from skysieve.engine import plan
from skysieve.languages.items import fields_read
from skysieve.packets import formats
from skysieve.sources import send
from skysieve.sources.surveys import simulated
from sqlglot import exp


def read(text):
    tree = sqlglot.parse_one(text, read="spark")
    return [fields_read(column) for column in tree.find_all(exp.Column) if column.name == "past"]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("exists(past, s -> s.snr > 5 AND s.band = 'g')", [{"snr", "band"}]),
        ("EXISTS(past, S -> S.snr > snr)", [{"snr"}]),
        ("transform(past, (s, i) -> s.snr + i)[0] > 1", [{"snr"}]),
        ("forall(past, s -> s.a.b > 1)", [{"a"}]),
        ("aggregate(past, 0D, (sum, s) -> sum + s.snr) > 1", [{"snr"}]),
        ("reduce(past, 0D, (s, x) -> s + x.snr, s -> s) > 1", [{"snr"}]),
        ("exists(past, s -> s.s > 1)", [{"s"}]),
        ("past[0].snr > 1", [{"snr"}]),
        ("size(filter(past, s -> s.snr > 5)) > 2", [{"snr"}]),
        ("exists(filter(past, s -> s.snr > 5), s -> s.band = 'g')", [{"snr", "band"}]),
        ("filter(past, s -> s.snr > 5)[0].band = 'g'", [{"snr", "band"}]),
        ("exists(past, a -> exists(past, b -> a.snr < b.flux))", [{"snr"}, {"flux"}]),
        ("size(past) > 1", [set()]),
        ("cardinality(past) > 1", [set()]),
        ("past IS NULL", [set()]),
        ("size(filter(past, s -> TRUE)) > 1", [set()]),
        # whatever may read all of a record
        ("exists(past, s -> s IS NULL)", [None]),
        ("exists(past, s -> s.snr > 1 OR s = other)", [None]),
        ("exists(past, s -> to_json(s) LIKE '%g%')", [None]),
        ("array_max(transform(past, s -> struct(s.snr, s))).col1 > 1", [None]),
        ("array_max(filter(past, s -> s.snr > 5)).band = 'g'", [None]),
        ("exists(past, s -> exists(other, s -> s.x > 1))", [None]),
        ("array_sort(past, (a, b) -> a.snr - b.snr)[0].band = 'g'", [None]),
        ("aggregate(past, other, (sum, s) -> s) IS NULL", [None]),
        ("aggregate(other, past, (sum, s) -> sum) IS NULL", [None]),
        ("past[0] IS NULL", [None]),
    ],
)
def test_what_is_read_of_an_array_s_records(text, fields):
    assert read(text) == fields


@pytest.mark.parametrize(
    ("where", "uses"),
    [
        ("exists(prvDiaSources, s -> s.PSFFLUX > 9)", ("prvDiaSources[].psfFlux",)),
        ("array_max(prvDiaSources.psfFlux) > 9", ("prvDiaSources[].psfFlux",)),
        (
            "prvDiaSources[0].ra > 9 OR prvDiaSources[1].dec > 9",
            ("prvDiaSources[].ra", "prvDiaSources[].dec"),
        ),
        ("prvDiaSources[0].ra > 9 AND prvDiaSources[0] IS NULL", ()),
        ("size(prvDiaSources) > 9", ("prvDiaSources[].diaSourceId",)),
        (
            "prvDiaSources[0].ra > 9 AND size(prvDiaSources) > 9",
            ("prvDiaSources[].ra", "prvDiaSources[].diaSourceId"),
        ),
        ("exists(prvDiaSources, s -> s.nothing > 9)", ()),
    ],
)
def test_a_filter_knows_what_it_reads_of_a_history(where, uses):
    (column,) = Filter("f", where, "s").bind(formats.get("lsst").columns()).columns
    assert column.uses == uses


def test_a_bank_decodes_the_fields_that_any_of_its_filters_reads(sky, topics, stream, name):
    send(simulated("lsst", count=40, seed=1), stream, topics.bootstrap)
    source = sky.stream(stream)
    texts = [
        "exists(prvDiaSources, s -> s.psfFlux > 0)",
        "exists(prvDiaSources, s -> s.band = 'r') AND brightest('g') < 30",
    ]
    bound = [Filter(f"{name}-{i}", text, stream).bind(source.filterable) for i, text in enumerate(texts)]
    packets = plan.read_range(sky.spark, topics, stream, *topics.bounds(stream))
    judged = plan.judge(packets, source.format, bound)
    assert fields(judged) == {"psfFlux", "band", "midpointMjdTai"}
    passed = [judged.where(plan.passes(one)).count() for one in bound]
    assert passed == [sky.preview(one.filter).passed for one in bound]
    assert all(0 < count < 40 for count in passed)
    all_of_it = Filter(f"{name}-all", "prvDiaSources[1] IS NOT NULL", stream).bind(source.filterable)
    assert len(fields(plan.judge(packets, source.format, [*bound, all_of_it]))) > 50


def fields(alerts):
    return set(alerts.schema["prvDiaSources"].dataType.elementType.fieldNames())
