"""The filters as the panel shows them: what should run, beside what the supervisor says of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from skysieve.deployment import Deployment, as_it_is
from skysieve.engine import registry
from skysieve.engine.registry import Registered
from skysieve.engine.status import FilterStatus, told
from skysieve.errors import DeploymentError, nearest
from skysieve.server import models
from skysieve.server.failures import NotThereError
from skysieve.topics import Topics

_LINES: dict[str, Literal["same", "added", "removed"]] = {"  ": "same", "+ ": "added", "- ": "removed"}
_LATE = 60.0
"""Seconds of lag that are worth a warning."""


# a look at all filters comes every second, and its SQL is parsed
_read = lru_cache(maxsize=2000)(registry.read)


def filters(registered: Mapping[str, bytes], status: Mapping[str, bytes]) -> list[models.Filter]:
    """Every deployment, of the records of registry and status topic; what cannot be read is told as failed."""
    known = told(status)
    return [
        _row(name, value, known.get(name)) for name, value in sorted(registered.items()) if name[:1] != "/"
    ]


def _row(name: str, value: bytes, status: FilterStatus | None) -> models.Filter:
    try:
        record = _read(name, value)
    except DeploymentError as error:
        return models.Filter(
            name=name,
            stream="",
            version="",
            versions=0,
            state="failed",
            wanted="running",
            language="",
            output_topic="",
            error=str(error),
        )
    seen = as_it_is(record, status)
    health, bank, past = seen.health, seen.bank, seen.backfill
    return models.Filter(
        name=name,
        stream=record.stream,
        version=record.current,
        versions=len(record.versions),
        state=seen.state,
        wanted=record.wanted,
        language=record.filter.language,
        owner=record.owner,
        output_topic=seen.output_topic,
        error=seen.error or "",
        drift=(health and health.drift) or "",
        warnings=list(_warnings(seen)),
        judged_per_second=health.judged_per_second if health else None,
        matched_per_second=health.matched_per_second if health else None,
        pass_rate=health.pass_rate if health else None,
        lag=bank.lag if bank else None,
        lag_seconds=bank.lag_seconds if bank else None,
        latency_median=bank.latency_median if bank else None,
        last_match=health.last_match if health else None,
        backfill_done=past.done if past else None,
        backfill_count=past.count if past else None,
    )


def _warnings(status: FilterStatus) -> Iterator[str]:
    if status.health and status.health.drift:
        yield f"Drift: {status.health.drift}."
    if status.bank and status.bank.lag_seconds > _LATE:
        yield f"{status.bank.lag:,} alerts wait, the oldest for {status.bank.lag_seconds:,.0f} s."
    if status.bank and status.bank.lost:
        yield f"Kafka deleted {status.bank.lost:,} packets before they were judged."
    if status.archive and status.archive.error:
        yield f"Its files are not written: {status.archive.error}"


def deployment(topics: Topics, name: str) -> tuple[Deployment, Registered]:
    """A deployment, and what the registry says of it.

    Raises
    ------
    NotThereError
        If there is none.
    """
    known = registry.registered(topics)
    if name not in known:
        raise NotThereError(f"No filter {name!r} is deployed.{nearest(name, known)}")
    return Deployment(name, topics), known[name]


def versions(topics: Topics, name: str) -> list[models.Version]:
    """Every version of a filter, newest first."""
    _, record = deployment(topics, name)
    return [
        models.Version(
            version=one.version,
            where=one.where,
            language=one.language,
            description=one.description,
            owner=one.owner or record.owner,
            deployed=one.deployed,
            current=one.version == record.current,
        )
        for one in reversed(record.versions)
    ]


def source(topics: Topics, name: str, version: str | None = None) -> models.Source:
    """The cell that a version stands for; the current one unless given."""
    _, record = deployment(topics, name)
    chosen = _version(record, version or record.current)
    one = record.said(chosen)
    language = "" if one.language == "sql" else f" --language {one.language}"
    return models.Source(
        name=name,
        version=chosen,
        cell=f"%%filter {name} --stream {record.stream}{language}\n{one.where}",
    )


def difference(topics: Topics, name: str, old: str, new: str) -> models.Difference:
    """What was changed in the text of a filter from one version to another."""
    _, record = deployment(topics, name)
    old, new = _version(record, old), _version(record, new)
    before, after = (record.said(version).where.splitlines() for version in (old, new))
    lines = [
        models.Line(kind=_LINES[line[:2]], text=line[2:])
        for line in difflib.ndiff(before, after)
        if line[:2] in _LINES
    ]
    return models.Difference(old=old, new=new, lines=lines)


def _version(record: Registered, begun: str) -> str:
    found = [one.version for one in record.versions if one.version.startswith(begun)]
    if len(found) != 1:
        raise NotThereError(f"Filter {record.name!r} has no one version {begun!r}.")
    return found[0]
