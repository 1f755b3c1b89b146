"""The one plan that previews, backfills and the bank share: Kafka records → columns → verdicts.

:func:`judge` is all there is between a packet and a verdict. A preview adds :func:`verdicts` to it, the bank and
backfills :func:`deliveries`; what was previewed is what runs.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from functools import reduce
from operator import and_, or_

from pyspark.errors import AnalysisException
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import BooleanType

from skysieve.engine.hits import Condition, passing
from skysieve.enrich.base import MAYBE, TOOK, enriched, inputs, providers, sieved
from skysieve.errors import FilterError
from skysieve.filter import BoundFilter
from skysieve.languages import BoundCut, places
from skysieve.packets import avro
from skysieve.packets.columns import Column
from skysieve.packets.decode import PROBLEM, decode, kafka
from skysieve.packets.formats import Format
from skysieve.stream_topics import rejected_topic
from skysieve.topics import Offsets, Topics

_RECORD = ("key", "value", "topic", "partition", "offset", "timestamp", "headers")
"""What of a Kafka record travels with its alerts."""
KEY, TRUTH = "kafka.key", "kafka.truth"

# Kafka's defaults are made for records of a kilobyte; these read 82 kB packets at twice the rate. Spark asks for the
# ends of a partition after each fetch, and is answered only when Kafka has waited for what the next fetch may find.
_READER = {
    "kafka.max.partition.fetch.bytes": str(8 << 20),
    "kafka.fetch.max.bytes": str(64 << 20),
    "kafka.receive.buffer.bytes": str(4 << 20),
    "kafka.fetch.max.wait.ms": "1",
    "includeHeaders": "true",
    "failOnDataLoss": "false",
}
_WRITER = {
    "kafka.max.request.size": str(32 << 20),
    "kafka.buffer.memory": str(128 << 20),
    # each partition written to takes a batch's memory, and a hundred filters write to hundreds of them
    "kafka.batch.size": str(128 << 10),
    "kafka.linger.ms": "5",
}


def source_options(topics: Topics) -> dict[str, str]:
    """Settings of a Kafka source in Spark."""
    return _connection(topics) | _READER


def sink_options(topics: Topics) -> dict[str, str]:
    """Settings of a Kafka sink in Spark."""
    return _connection(topics) | _WRITER


def _connection(topics: Topics) -> dict[str, str]:
    return {"kafka.bootstrap.servers": topics.bootstrap} | topics.options.for_spark()


def follow(spark: SparkSession, topics: Topics, topic: str, begin: str, most: int | None) -> DataFrame:
    """The Kafka records of a topic as they come, from offsets on (as Spark takes them).

    They come so many at a time at most, or in real time if no number is given.
    """
    reader = spark.readStream.format("kafka").options(**source_options(topics)).option("subscribe", topic)
    # tasks that stay are answered when something comes, and need not ask a hundred times a second
    how = {"kafka.fetch.max.wait.ms": "500"} if most is None else {"maxOffsetsPerTrigger": str(most)}
    return reader.options(**how, startingOffsets=begin).load()


def read_range(spark: SparkSession, topics: Topics, topic: str, start: Offsets, stop: Offsets) -> DataFrame:
    """The Kafka records of a range of offsets, start included, stop not."""
    reader = spark.read.format("kafka").options(**source_options(topics)).option("subscribe", topic)
    return reader.options(
        startingOffsets=json.dumps({topic: {str(p): min(start[p], stop[p]) for p in stop}}),
        endingOffsets=json.dumps({topic: {str(p): stop[p] for p in stop}}),
    ).load()


def judge(
    packets: DataFrame, packet_format: Format, filters: Sequence[BoundFilter], more: Sequence[Column] = ()
) -> DataFrame:
    """Decode the columns that any of the filters uses, and those named besides, once.

    Those of enrichments come later (:func:`deliveries`), for the few alerts that pass all else.
    """
    used = (*more, *(column for bound in filters for column in bound.columns), *inputs(_enriched(filters)))
    return decode(packets, packet_format, (column for column in used if column.by is None), _RECORD)


def passes(bound: BoundFilter, *, enriched: bool = False) -> SparkColumn:
    """Whether an alert meets all cuts on columns of enrichments, or all others.

    NULL, the answer of a cut on a missing value, is not yes.
    """
    return reduce(and_, (cut.condition() for cut in _cuts(bound, enriched=enriched)), F.lit(True))


def _cuts(bound: BoundFilter, *, enriched: bool) -> list[BoundCut]:
    return [cut for cut in bound.cuts if any(column.by for column in cut.columns) == enriched]


def _early(bound: BoundFilter, told: Container[str], since: Mapping[str, Offsets] | None) -> list[Condition]:
    """What an alert must meet to be enriched, or to be a match at once.

    Where enrichments have told which alerts they can have a value for (:func:`sieved`), that is a part of it.
    """
    found = [Condition(cut.condition(), cut.key) for cut in _cuts(bound, enriched=False)]
    if since is not None:
        found.append(Condition(_has_reached(since[bound.filter.name])))
    used = sorted({column.by.name for column in bound.columns if column.by is not None})
    if used and not bound.filter.is_isolated and all(name in told for name in used):
        near = reduce(or_, (F.col(f"`{MAYBE}{name}`") for name in used))
        found.append(Condition(near | passes(bound, enriched=True)))
    return found


def is_in_java(filters: Sequence[BoundFilter], packet_format: Format) -> bool:
    """Whether Spark alone can judge by these filters, a packet at a time; to Python it sends them in batches."""
    in_python = any(bound.filter.is_isolated for bound in filters) or _enriched(filters)
    return not (in_python or packet_format.in_python)


def _enriched(filters: Sequence[BoundFilter]) -> list[Column]:
    """The columns of enrichments that filters use."""
    return [column for bound in filters for column in bound.columns if column.by is not None]


def deliveries(
    judged: DataFrame,
    stream: str,
    filters: Sequence[BoundFilter],
    partitions: Mapping[str, int],
    reject_before: Offsets | None = None,
    since: Mapping[str, Offsets] | None = None,
) -> DataFrame:
    """One row per Kafka record to write: each match to its filter's topic, each undecodable packet to the rejected.

    The packet's key, value and headers travel on unchanged, with further headers that say where it came from. (Spark's
    Kafka sink sets the time of the record; that of the packet is in ``skysieve.source.timestamp``.)

    Each packet first gets a bit for each filter that it passes (:mod:`skysieve.engine.hits`), and the few packets that
    pass any are all that the rest of the plan sees. These alone are enriched, once for all filters, and then meet the
    cuts that need that; but not those of which Spark sees before that they are near no object of a small catalogue, and
    so fail.

    Parameters
    ----------
    judged
        What :func:`judge` gives.
    stream
        Name of the stream.
    filters
        The filters that were judged.
    partitions
        Number of partitions of each topic to write to.
    reject_before
        Reject only packets before these offsets (a backfill: the bank saw the others); default all, ``{}`` none.
    since
        Per filter, judge only packets from these offsets on (a re-drive); default all.
    """
    broken, fine = kafka("problem").isNotNull(), kafka("problem").isNull()
    if reject_before is not None:
        broken &= ~_has_reached(reject_before)
    late = {column.name: column for column in _enriched(filters)}
    judged, told = sieved(judged, _enriched([bound for bound in filters if not bound.filter.is_isolated]))
    found, numbers = passing(judged, [_early(bound, told, since) for bound in filters], fine, broken)
    if late:
        found = enriched(found.drop(*late), list(late.values()))
    each = found.withColumn("_hit", F.explode(numbers))
    for number, bound in enumerate(filters, 1):
        if any(column.by for cut in bound.cuts for column in cut.columns):
            each = each.where((F.col("_hit") != number) | passes(bound, enriched=True))
    topics = [rejected_topic(stream), *(bound.filter.output_topic for bound in filters)]
    return each.select(
        _pick(topics).alias("topic"),
        (kafka("partition") % _pick([str(partitions[t]) for t in topics]).cast("int")).alias("partition"),
        kafka("key").alias("key"),
        kafka("value").alias("value"),
        F.concat(F.coalesce(kafka("headers"), F.array()), _headers(filters)).alias("headers"),
    )


def _has_reached(offsets: Offsets) -> SparkColumn:
    """Whether a packet is at one of these offsets or after it; in a partition without one, any is."""
    cases = " ".join(f"WHEN {int(p)} THEN {int(o)}" for p, o in offsets.items())
    return kafka("offset") >= F.expr(f"CASE `kafka.partition` {cases} ELSE 0 END" if cases else "0")


def _pick(words: Sequence[str]) -> SparkColumn:
    """The entry of a list of names that belongs to this hit; 0 is the rejected topic.

    Spark gets it as one text, where each word would be a part of the plan that it goes through in each micro-batch.
    """
    return F.element_at(F.split(F.lit(" ".join(words)), " "), F.col("_hit") + 1)


def _headers(filters: Sequence[BoundFilter]) -> SparkColumn:
    match = {
        "skysieve.filter": _pick(["", *(bound.filter.name for bound in filters)]),
        "skysieve.version": _pick(["", *(bound.filter.version for bound in filters)]),
        "skysieve.source.topic": kafka("topic"),
        "skysieve.source.partition": kafka("partition"),
        "skysieve.source.offset": kafka("offset"),
        "skysieve.source.record": kafka("record"),
        "skysieve.source.timestamp": F.unix_millis(kafka("timestamp")),
        "skysieve.annotations": _annotations(filters),
    }
    rejection = {
        "__connect.errors.topic": kafka("topic"),
        "__connect.errors.partition": kafka("partition"),
        "__connect.errors.offset": kafka("offset"),
        "__connect.errors.stage": kafka("problem").stage,
        "__connect.errors.class.name": F.lit("skysieve.packets.decode"),
        "__connect.errors.exception.class.name": F.lit("skysieve.PacketError"),
        "__connect.errors.exception.message": kafka("problem").message,
    }
    return F.when(F.col("_hit") > 0, pairs(match)).otherwise(pairs(rejection))


def header(name: str) -> SparkColumn:
    """The value of a header of Kafka records, the last of that name, as text; NULL where there is none."""
    of_name = F.filter("headers", lambda one: one.key == name)
    return F.try_element_at(of_name, F.lit(-1)).value.cast("string")


def _annotations(filters: Sequence[BoundFilter]) -> SparkColumn:
    """What the filter of this hit sends along, as JSON; a missing value is null there."""
    found = F.lit("{}")
    for i, bound in enumerate(filters, 1):
        if bound.annotations:
            values = F.struct(*(part.condition().alias(name) for name, part in bound.annotations.items()))
            found = F.when(F.col("_hit") == i, F.to_json(values, {"ignoreNullFields": "false"})).otherwise(
                found
            )
    return found


def pairs(headers: Mapping[str, SparkColumn]) -> SparkColumn:
    """Headers of a Kafka record."""
    each = [
        F.struct(F.lit(name).alias("key"), value.cast("string").cast("binary").alias("value"))
        for name, value in headers.items()
    ]
    return F.array(*each)


def verdicts(judged: DataFrame, filters: Sequence[BoundFilter], shown: Sequence[Column]) -> DataFrame:
    """One small row per alert: its place, the scalars among the columns shown, what each cut says (NULL included).

    The cuts of all filters are counted through: ``cut0``, ``cut1`` …. ``kafka.truth`` is the class of a simulated
    alert, ``kafka.key`` the key of a packet that was rejected, which is all that is known of it. What the filters emit
    is there by its name, and what each enrichment took.
    """
    from skysieve.sources.truth import HEADER

    says = [cut.condition().cast("boolean") for bound in filters for cut in bound.cuts]
    known = {column.name for column in shown}
    emitted = {n: p.condition() for bound in filters for n, p in bound.annotations.items() if n not in known}
    # a function of each header would keep Spark from compiling the decoding beside it
    at = F.array_position(kafka("headers")["key"], HEADER).cast("int") - 1
    of_class = F.get(kafka("headers")["value"], at)
    return judged.select(
        *map(kafka, ("partition", "offset", "record", "timestamp")),
        kafka("problem").message.alias(PROBLEM),
        F.when(kafka("problem").isNotNull(), kafka("key").cast("string")).alias(KEY),
        of_class.cast("string").alias(TRUTH),
        *(F.col(f"`{column.name}`") for column in shown if column.is_scalar),
        *(value.alias(name) for name, value in emitted.items()),
        *(F.col(f"`{TOOK}{one.name}`") for one in providers(shown)),
        *(one.alias(f"cut{i}") for i, one in enumerate(says)),
    )


def check(spark: SparkSession, bound: BoundFilter) -> None:
    """Have Spark analyse a filter on columns of its types, without reading a packet.

    Raises
    ------
    FilterError
        If Spark refuses it: an unknown function, a comparison of unlike types, a cut that is no condition, a catalogue
        that it does not see.
    EnrichmentError
        If what an enrichment needs is gone.
    """
    if bound.filter.is_isolated and not bound.filter.has_state:
        return
    read = [_typed(column) for column in inputs(bound.columns)]
    says = [part.condition() for part in (*bound.cuts, *bound.annotations.values())]
    if not says:
        return
    try:
        schema = no_alerts(spark, bound).select(*says).schema
        if read:  # what Spark reads for enrichments must be where it sees it
            _ = sieved(spark.range(0).select(*read), bound.columns)[0].schema
    except AnalysisException as error:
        for one in providers(bound.columns):
            one.enrichment.check()
        with places.within(refused(no_alerts(spark, bound), bound)):
            raise refusal(bound, error) from None
    for cut, found in zip(bound.filter.cuts, schema, strict=False):
        if not isinstance(found.dataType, BooleanType):
            kind = found.dataType.simpleString()
            raise FilterError(
                f"Filter {bound.filter.name!r}: the cut {cut.text!r} is a value ({kind}), not a condition; "
                "compare it with something.",
                *places.of_cut(cut),
            )


def no_alerts(spark: SparkSession, bound: BoundFilter) -> DataFrame:
    """The columns that a filter uses, of no alert."""
    return spark.range(0).select(*map(_typed, bound.columns))


def refused(alerts: DataFrame, bound: BoundFilter) -> places.Place | None:
    """The place of the first cut that Spark refuses by itself."""
    for cut, part in zip(bound.filter.cuts, bound.cuts, strict=True):
        try:
            _ = alerts.select(part.condition()).schema
        except AnalysisException:
            return places.of_cut(cut)
    return None


def _typed(column: Column) -> SparkColumn:
    return F.lit(None).cast(avro.spark_type(column.schema)).alias(column.name)


def refusal(bound: BoundFilter, error: AnalysisException) -> FilterError:
    """What a user reads when Spark refuses a filter."""
    reason = str(error).split("\n", 1)[0].split(" SQLSTATE")[0]
    return FilterError(f"Filter {bound.filter.name!r} cannot run on {bound.filter.stream!r}: {reason}")
