"""Surveys whose packets are all in a stream, and what filters select of them, in Spark and in plain Python."""

from collections import Counter
from dataclasses import dataclass

from skysieve import Filter
from skysieve.engine import plan
from skysieve.packets.decode import kafka
from skysieve.sources import Packet, send
from skysieve.stream import Stream
from skysieve.stream_topics import make_stream

from languages import plain
from languages.plain import Alert

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
        if kind == "lasair":
            return Filter.from_lasair(what, name, self.stream.name), means
        if kind == "boom":
            return Filter.from_boom(what, name, self.stream.name, survey=self.stream.format.name), means
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
