"""What Spark notes of a bank's micro-batches: how many packets, how old and how large."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from skysieve.topics import Offsets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OBSERVED = "packets"
UNDATED = "undated"
"""Under these names Spark notes what a micro-batch has: packets, and alerts whose time an aggregate lacks."""
_WEIGHED = 16
"""One packet of so many is weighed."""
_LATE = "skysieve_late"
_FIELDS = ("count", "newest", "arrived", "bytes", "late")


def observed(packets: DataFrame, *, when_read: bool = False) -> DataFrame:
    """The same packets, whose number, mean size and times Spark notes in the progress of each micro-batch.

    With ``when_read`` how late each is when it is read, too: in real time that is when it is judged.
    """
    from pyspark.sql import functions as F  # noqa: N812

    arrived = F.unix_millis("timestamp")
    late = F.expr("reflect('java.lang.System', 'currentTimeMillis')").cast("long") - arrived
    timed = packets.withColumn(_LATE, late) if when_read else packets
    return timed.observe(
        OBSERVED,
        F.count(F.lit(1)).alias("count"),
        F.max(arrived).alias("newest"),
        F.percentile_approx(arrived, [0.01, 0.5]).alias("arrived"),
        # of some, for Spark copies a packet to tell its size: of each that took a tenth of the bank's time
        F.avg(F.when(F.col("offset") % _WEIGHED == 0, F.octet_length("value"))).alias("bytes"),
        *([F.percentile_approx(_LATE, [0.5, 0.99]).alias("late")] if when_read else []),
    ).drop(_LATE)


@dataclass(frozen=True)
class Batch:
    """What is kept of a micro-batch; times in seconds since 1970, the mean size of a packet where any was weighed."""

    number: int
    reached: Offsets
    ended: float
    count: int
    newest: float
    oldest: float
    median: float
    bytes: float | None

    @property
    def position(self) -> int:
        """How far it came, summed over the partitions."""
        return sum(self.reached.values())


def deleted(reached: Offsets, begin: Offsets) -> int:
    """Number of packets that Kafka has deleted, of those behind these offsets.

    Examples
    --------
    >>> deleted({0: 10, 1: 10}, {0: 25, 1: 5})
    15
    """
    return sum(max(0, begin.get(p, 0) - offset) for p, offset in reached.items())


def batches(progress: Iterable[Any], after: int) -> list[Batch]:
    """The micro-batches with packets in a query's progress, after that of a number."""
    found = []
    for one in progress:
        observation = (one.observedMetrics or {}).get(OBSERVED)
        # Spark Connect gives a row of values and schema
        values = dict(zip(_FIELDS, observation["values"], strict=False)) if observation else {}
        if one.batchId <= after or not values.get("count"):
            continue
        begun = datetime.fromisoformat(one.timestamp).timestamp()
        (reached,) = json.loads(one.sources[0].endOffset).values()
        ended = begun + one.durationMs["triggerExecution"] / 1000
        oldest, median = values["arrived"]
        if late := values.get("late"):
            median, oldest = (1000 * ended - milliseconds for milliseconds in late)
        found.append(
            Batch(
                one.batchId,
                {int(p): offset for p, offset in reached.items()},
                ended,
                values["count"],
                values["newest"] / 1000,
                oldest / 1000,
                median / 1000,
                values["bytes"],
            )
        )
    return found
