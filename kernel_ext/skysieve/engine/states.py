"""Streaming queries with a state: groups of alerts, or alerts that wait for notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.streaming.readwriter import DataStreamWriter

_STREAMING = "spark.sql.streaming."
_WANTED = {
    # outside of Java's heap
    "stateStore.providerClass": "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
    # that a group is told of once is remembered by a second operator with a state, which Spark allows in other output
    # modes only, since what the first tells may change: just that is wanted here
    "unsupportedOperationCheck": "false",
    "statefulOperator.checkCorrectness.enabled": "false",
    # of a join: only the alerts' watermark moves, see skysieve.engine.joins
    "multipleWatermarkPolicy": "max",
}


def start(spark: SparkSession, writer: DataStreamWriter, mode: str) -> StreamingQuery:
    """Start a query with a state, in an output mode."""
    wanted = {_STREAMING + name: value for name, value in _WANTED.items()}
    before = {name: spark.conf.get(name, None) for name in wanted}
    for name, value in wanted.items():
        spark.conf.set(name, value)
    try:
        return writer.outputMode(mode).start()
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)
