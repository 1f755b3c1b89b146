"""Putting a filter into the registry: what becomes a version, and whether it goes on or begins anew."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from skysieve.brokers import one_connection
from skysieve.deployment import Deployment, as_it_is
from skysieve.engine import groups, joins, plan, registry
from skysieve.engine.guard import Guard
from skysieve.engine.registry import Registered, Version
from skysieve.engine.status import OUT, statuses
from skysieve.engine.values import now
from skysieve.enrich.base import Enrichment, providers
from skysieve.errors import DeploymentError, EnrichmentError, SkysieveError
from skysieve.filter import Filter
from skysieve.stream import Stream, open_stream
from skysieve.times import Time, start_text
from skysieve.topics import Topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_KEPT = 400_000
"""Characters of earlier versions, the oldest of which are forgotten: Kafka takes a megabyte in a record."""


def check(spark: SparkSession, stream: Stream, spec: Filter) -> None:
    """Have Spark analyse a filter on its stream, before anything is written; raises FilterError."""
    bound = spec.bind(stream.filterable)
    plan.check(spark, bound)
    if bound.grouping:
        groups.check(spark, bound, stream.format)
    if spec.joining:
        joins.check_place(stream.format, open_stream(stream.topics, spec.joining.stream), spec.joining)


@one_connection()
def deploy(
    topics: Topics,
    spec: Filter,
    owner: str,
    start: Time = "latest",
    guard: Guard | None = None,
    sink: str | None = None,
    **known: Any,
) -> Deployment:
    """Put a filter into the registry; a changed one becomes a new version of its name.

    Parameters
    ----------
    topics, spec, owner, start
        Kafka, the filter, whose it is, and from where on it judges.
    guard
        How much it may send; that of the version before unless given.
    sink
        Where its matches go besides, likewise; empty for nowhere.
    **known
        What else is known of this version: ``expected`` and ``schemas``.
    """
    if sink and spec.grouping:
        raise DeploymentError(
            f"Filter {spec.name!r} is an aggregate, whose records are no alerts: its sink would have none to write."
        )
    before = registry.registered(topics).get(spec.name)
    if before and before.stream != spec.stream:
        raise DeploymentError(
            f"A filter {spec.name!r} is deployed on stream {before.stream!r}: remove it first, or take another name."
        )
    said = {name: value for name, value in asdict(spec).items() if name not in ("name", "stream")}
    earlier = _kept([v for v in before.versions if v.version != spec.version]) if before else ()
    if before and known.get("expected") is None and spec.version in {v.version for v in before.versions}:
        known["expected"] = before.said(spec.version).expected
    version = Version(version=spec.version, deployed=now(), **said, **known)
    goes_on = (
        before is not None
        and (before.current, before.wanted, start) == (spec.version, "running", "latest")
        and as_it_is(before, statuses(topics).get(spec.name)).state not in OUT
    )
    run = before.run if before and goes_on else registry.new_run()
    registry.register(
        topics,
        Registered(
            name=spec.name,
            stream=spec.stream,
            owner=owner,
            wanted="running",
            start=start_text(start),
            run=run,
            versions=(*earlier, version),
            current=spec.version,
            guard=guard or (before.guard if before else Guard()),
            sink=""
            if spec.grouping
            else checked_sink(before.sink if before and sink is None else sink or ""),
        ),
    )
    return Deployment(spec.name, topics)


def _kept(earlier: Sequence[Version]) -> tuple[Version, ...]:
    """The newest versions that fit into a record of the registry together."""
    sizes = accumulate(len(version.model_dump_json()) for version in reversed(earlier))
    return tuple(earlier[len(earlier) - sum(size <= _KEPT for size in sizes) :])


def checked_sink(sink: str) -> str:
    """Give a sink back if it can be one.

    Raises
    ------
    DeploymentError
        If it is neither empty nor ``parquet:`` with an absolute path or a URL.
    """
    if not re.fullmatch(registry.SINK, sink):
        raise DeploymentError(
            f"sink={sink!r} is none: write 'parquet:' and a folder that Spark's driver and workers see, from the root "
            "on, or anything else that Spark writes to: 'parquet:/data/matches', 'parquet:s3a://bucket/matches'."
        )
    return sink


def check_free(stream: Stream, enrichments: Mapping[str, Enrichment | None]) -> None:
    """Raise EnrichmentError if these would replace what deployed filters use."""
    for name, users in _using(stream, enrichments).items():
        one = enrichments[name]
        if one is None or not one.may_replace(stream.enrichments[name]):
            raise EnrichmentError(
                f"{name} is used by what is deployed ({', '.join(users)}), which must go on with what it was: "
                "take another name, or stop these first."
            )


def _using(stream: Stream, names: Iterable[str]) -> dict[str, list[str]]:
    """The deployed filters that use enrichments of a stream, by the name of each that any uses."""
    found: dict[str, list[str]] = {}
    for record in registry.registered(stream.topics).values():
        if record.stream == stream.name and record.wanted == "running":
            with suppress(SkysieveError):
                used = providers(record.filter.bind(stream.filterable).columns)
                for name in {one.name for one in used} & set(names):
                    found.setdefault(name, []).append(record.name)
    return found
