"""Spark made ready for the first look: Java loads what it uses when it is first used, which takes seconds."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from kafka.errors import KafkaError
from pyspark.errors import PySparkException

from skysieve.engine import plan
from skysieve.engine.status import STATUS
from skysieve.errors import SkysieveError
from skysieve.filter import Filter
from skysieve.packets import formats
from skysieve.packets.decode import decode
from skysieve.topics import Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_PATIENCE = 20.0
log = logging.getLogger("skysieve.supervisor")


def warm(spark: SparkSession, topics: Topics) -> int:
    """Judge the supervisor's own records as if they were packets, by the plan of a preview.

    What comes of it (each is rejected) is of no use; but the classes that it takes are loaded then.

    Returns
    -------
    int
        Number of records.
    """
    survey = formats.get("lsst")
    columns = survey.columns()
    bound = Filter("warming", "snr > 5 AND reliability > 0.5", STATUS).bind(columns)
    shown = [*(columns[name] for name in survey.places.names), *bound.columns]
    begin, end = topics.bounds(STATUS)
    packets = plan.read_range(spark, topics, STATUS, begin, end)
    kept = decode(packets, survey, shown).localCheckpoint(eager=False)
    return int(plan.verdicts(kept, [bound], shown).toArrow().num_rows)


def warm_aside(spark: SparkSession, topics: Topics) -> threading.Thread:
    """The same in a thread of its own, once the supervisor has written something; should it fail, nothing is lost."""

    def run() -> None:
        begun = time.monotonic()
        with suppress(SkysieveError, PySparkException, KafkaError, OSError):
            while not (count := warm(spark, topics)) and time.monotonic() < begun + _PATIENCE:
                time.sleep(0.2)
            log.info("Spark is warm: it judged %d records, %.1f s after", count, time.monotonic() - begun)

    thread = threading.Thread(target=run, name="skysieve-warming", daemon=True)
    thread.start()
    return thread
