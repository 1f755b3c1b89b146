"""Every filter, in every language, over every packet there is: the ids selected are those of plain Python.

Beside each filter in the tables (`filters_lsst`, `filters_ztf`) stands what it means, over what fastavro reads; Skysieve
has no part in that.
"""

from collections import Counter
from dataclasses import dataclass

import pytest
from skysieve import Filter
from skysieve.engine import plan
from skysieve.packets.decode import kafka
from skysieve.sources import Packet, send
from skysieve.stream import Stream, make_stream

from languages import filters_lsst, filters_ztf, plain
from languages.plain import Alert

pytestmark = pytest.mark.real_data
BROKEN = [b"", b"\0\0\0\x27\x0f", b"Obj\x01 but nothing more"]


@dataclass
class Survey:
    """A stream of all packets of a survey, some broken ones among them, and what fastavro reads in them."""

    name: str
    stream: Stream
    alerts: dict[tuple[int, int, int], Alert]
    rejected: int
    id: str

    def ids(self, means):
        """The ids of the alerts for which a predicate says yes, each as often as it is there."""
        return Counter(alert(self.id) for alert in self.alerts.values() if means(alert) is True)

    def entries(self, *tables):
        """Filters and what they mean."""
        for kind, table in tables:
            for number, (what, means) in enumerate(table.items()):
                yield self.filter(kind, number, what, means)

    def filter(self, kind, number, what, means):
        name = f"{self.name}-{kind}-{number}"
        if kind == "sql":
            return Filter(name, what, self.stream.name), means
        if kind == "columns":
            expression, means = means
            return Filter(f"{self.name}-{kind}-{what}", expression(self.stream.c), self.stream.name), means
        return Filter.from_function(what, self.stream.name, name), means


def survey(sky, name, packets, path):
    """Send the packets, and read them back with fastavro."""
    stream = make_stream(sky.topics, f"every-{name}")
    values = [*packets, *BROKEN, packets[0][: len(packets[0]) // 2]]
    send([Packet(value, str(i).encode()) for i, value in enumerate(values)], stream, sky.topics.bootstrap)
    begin, end = sky.topics.begin(stream), sky.topics.end(stream)
    broken = set(values[len(packets) :])
    alerts = {
        (record.partition, record.offset, number): Alert(alert)
        for record in sky.topics.read(stream, begin, end)
        if (record.value or b"") not in broken
        for number, alert in enumerate(plain.alerts(record.value))
    }
    return Survey(name, sky.stream(stream).learned(packets), alerts, len(broken), path)


@pytest.fixture(scope="module")
def lsst(sky):
    """As they travel on Kafka, those from containers in the framing of their version."""
    packets = plain.files(*plain.LSST_WIRE)
    packets += [packet for value in plain.files(*plain.LSST_CONTAINERS) for packet in plain.framed(value)]
    return survey(sky, "lsst", packets, filters_lsst.ID)


@pytest.fixture(scope="module")
def containers(sky):
    """LSST's alerts in Avro containers, as other brokers keep them."""
    return survey(sky, "containers", plain.files(*plain.LSST_CONTAINERS), filters_lsst.ID)


@pytest.fixture(scope="module")
def ztf(sky):
    return survey(sky, "ztf", plain.files("ztf"), "candid")


LSST = (
    ("sql", filters_lsst.SQL | filters_lsst.DERIVED),
    ("columns", filters_lsst.COLUMNS),
    ("python", filters_lsst.PYTHON),
)
ZTF = (("sql", filters_ztf.SQL), ("columns", filters_ztf.COLUMNS), ("python", filters_ztf.PYTHON))


def selected(sky, seen, filters):
    """The ids that each filter selects, and the number of rejected packets: one job, by the plan of all that runs."""
    columns = seen.stream.filterable
    bound, identity = [spec.bind(columns) for spec in filters], columns[seen.id]
    topics, name = sky.topics, seen.stream.name
    packets = plan.read_range(sky.spark, topics, name, topics.begin(name), topics.end(name))
    judged = plan.judge(packets, seen.stream.format, bound, [identity])
    says = [plan.passes(one).alias(f"f{i}") for i, one in enumerate(bound)]
    rows = judged.select(kafka("problem").alias("problem"), f"`{seen.id}`", *says).collect()
    fine = [row for row in rows if row["problem"] is None]
    return [Counter(row[seen.id] for row in fine if row[f"f{i}"]) for i in range(len(bound))], len(
        rows
    ) - len(fine)


def compare(sky, seen, entries, capsys):
    found, rejected = selected(sky, seen, [spec for spec, _ in entries])
    expected = [seen.ids(means) for _, means in entries]
    differ = {
        spec.where: (dict(here - there), dict(there - here))
        for (spec, _), here, there in zip(entries, found, expected, strict=True)
        if here != there
    }
    assert not differ
    assert rejected == seen.rejected
    telling = sum(0 < ids.total() < len(seen.alerts) for ids in expected)
    with capsys.disabled():
        print(
            f" {seen.name}: {len(entries)} filters ({telling} select some and not all) over {len(seen.alerts)} alerts, "
            f"{rejected} packets rejected",
            end="",
        )
    return telling


def test_every_filter_on_lsst_selects_what_plain_python_does(sky, lsst, capsys):
    entries = list(lsst.entries(*LSST))
    assert len(lsst.alerts) == 34 + 62
    assert len(entries) >= 60
    assert compare(sky, lsst, entries, capsys) > 0.8 * len(entries)


def test_every_filter_on_lsst_s_alerts_in_containers_selects_what_plain_python_does(sky, containers, capsys):
    tables = (("sql", filters_lsst.SQL), *LSST[1:])
    entries = list(containers.entries(*tables))
    assert len(containers.alerts) == 62
    compare(sky, containers, entries, capsys)


def test_every_filter_on_ztf_selects_what_plain_python_does(sky, ztf, capsys):
    entries = list(ztf.entries(*ZTF))
    assert len(ztf.alerts) == 179
    assert compare(sky, ztf, entries, capsys) > 0.8 * len(entries)
