"""What runs, in one plain value: for ``skysieve status --json`` and the JupyterLab panel. Needs no Spark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from skysieve import local
from skysieve.deployment import as_it_is
from skysieve.engine import registry
from skysieve.engine.status import statuses
from skysieve.home import Home
from skysieve.kafka_options import KafkaOptions
from skysieve.stream_topics import streams
from skysieve.topics import Topics


def topics(home: Home) -> Topics | None:
    """The Kafka cluster that the environment names, or the local session's; None if there is neither."""
    kafka = os.environ.get("SKYSIEVE_KAFKA")
    if kafka:
        return Topics(kafka, KafkaOptions.named())
    running = local.running(home)
    return Topics(running.kafka) if running else None


def overview(home: Home, kafka: Topics | None = None) -> dict[str, Any]:
    """Servers, streams and filters of a Kafka cluster, unless given of the environment's or of the local session's.

    Of the local one with its processes; after a crash, those that are left.
    """
    kafka, running = kafka or topics(home), local.running(home)
    if kafka is None:
        return {"kafka": None, "spark": None, "pids": local.pids(home), "streams": [], "filters": []}
    here = running if running and running.kafka == kafka.bootstrap else None
    return {
        "kafka": kafka.bootstrap,
        "spark": here.spark if here else os.environ.get("SKYSIEVE_SPARK"),
        "pids": dict(here.pids) if here else {},
        "streams": streams(kafka.names()),
        "filters": filters_of(kafka),
    }


def filters_of(kafka: Topics) -> list[dict[str, Any]]:
    """Every deployment: name, stream, version, state, output topic, error, and how it and its query do."""
    found, known = [], statuses(kafka)
    for name, record in registry.registered(kafka).items():
        status = as_it_is(record, known.get(name))
        found.append(
            {
                "name": name,
                "stream": status.stream,
                "version": status.version,
                "state": status.state,
                "output_topic": status.output_topic,
                "error": status.error,
                "health": status.health and status.health.model_dump(mode="json"),
                "bank": status.bank and status.bank.model_dump(mode="json", exclude={"filters"}),
                "backfill": status.backfill
                and {"done": status.backfill.done, "count": status.backfill.count},
                "archive": status.archive and status.archive.model_dump(mode="json", exclude={"position"}),
            }
        )
    return found


def lines(one: dict[str, Any]) -> Iterator[str]:
    """How a filter does, in a line or two."""
    health, bank, past = one["health"], one["bank"], one["backfill"]
    if past:
        yield f"backfill: {past['done']:,} of {past['count']:,} alerts"
    if health and bank:
        late = "" if bank["latency_median"] is None else f", {bank['latency_median']:.2f} s after they arrive"
        yield (
            f"{health['matched']:,} of {health['judged']:,} alerts in the last hour; "
            f"{health['judged_per_second']:,.1f}/s in, {health['matched_per_second']:,.2f}/s out{late}; "
            f"lag {bank['lag']:,} alerts"
        )
    if bank and bank["lost"]:
        yield f"lost: Kafka deleted {bank['lost']:,} packets before they were judged"
    if files := one["archive"]:
        yield f"archive: {files['sink']}" + (f", not written: {files['error']}" if files["error"] else "")
    yield from filter(None, (health and health["drift"], one["error"]))
