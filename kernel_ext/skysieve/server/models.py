"""What the panel and the server say to each other. ``labextension/src/models.ts`` is made of it by ``typescript.py``.

Whatever comes from Kafka is text here, ids among it: a browser's numbers end at 2^53.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from skysieve.engine.status import State

Part = Literal["kafka", "spark", "supervisor"]
PARTS: tuple[Part, ...] = ("kafka", "spark", "supervisor")


class Said(BaseModel):
    """What the server says."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """What the panel asks for; anything besides is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Asked):
    """A request, or an answer, with nothing in it."""


class Problem(Said):
    """Why something could not be done, and what to do."""

    message: str


class Status(Said):
    """What ``skysieve status --json`` prints, less the processes."""

    kafka: str | None
    spark: str | None
    streams: list[str]
    filters: list[dict[str, Any]]


class PartStatus(Said):
    """A part of the session; one that waits does so for ``waits_for``, and ``log`` tells whether it writes one here."""

    name: Part
    state: Literal["running", "waiting", "stopped", "unreachable", "unknown"]
    waits_for: Part | None = None
    reason: str = ""
    log: bool = False


class Work(Said):
    """A start or stop of the local session: what it did so far, and how it ended."""

    doing: Literal["start", "stop"]
    steps: list[str]
    state: Literal["running", "done", "failed"]
    error: str = ""


class Session(Said):
    """The session that the panel shows; ``attach`` is the line by which a notebook attaches to it.

    ``spark_ui`` tells whether Spark's own pages can be seen, under ``/skysieve/spark/``.
    """

    place: Literal["local", "remote", "none"]
    kafka: str = ""
    spark: str = ""
    parts: list[PartStatus] = Field(default_factory=list)
    work: Work | None = None
    problem: str = ""
    attach: str = ""
    spark_ui: bool = False


class Remote(Asked):
    """A session elsewhere. User and password stay in the memory of the server."""

    spark: str = Field(pattern=r"^sc://[^\s/;@]+(:\d+)?/?$", max_length=300)
    kafka: str = Field(pattern=r"^[^\s@/]+:\d+(,[^\s@/]+:\d+)*$", max_length=1000)
    user: str = Field(default="", max_length=200)
    password: str = Field(default="", max_length=1000, repr=False)
    protocol: Literal["", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = ""
    mechanism: Literal["", "SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = ""
    ca: str = Field(default="", max_length=1000)


class Stream(Said):
    """A stream: what it holds, and what comes in. ``rejected`` counts packets that could not be decoded."""

    name: str
    packets: int
    packets_per_second: float | None = None
    newest: datetime | None = None
    retention_seconds: float | None = None
    retention_bytes: int | None = None
    rejected: int = 0


class Column(Said):
    """A column of a stream."""

    name: str
    type: str
    unit: str = ""
    description: str = ""


class Values(Said):
    """What a column holds in the newest alerts, newest first; those of one ``sample`` are of the same alerts."""

    column: str
    unit: str = ""
    values: list[str]
    sample: str
    read: int


class Filter(Said):
    """A deployment; rates are of the last minute, ``pass_rate`` of the last hour."""

    name: str
    stream: str
    version: str
    versions: int
    state: State
    wanted: Literal["running", "stopped"]
    language: str
    owner: str = ""
    output_topic: str
    error: str = ""
    drift: str = ""
    warnings: list[str] = Field(default_factory=list)
    judged_per_second: float | None = None
    matched_per_second: float | None = None
    pass_rate: float | None = None
    lag: int | None = None
    lag_seconds: float | None = None
    latency_median: float | None = None
    last_match: datetime | None = None
    backfill_done: int | None = None
    backfill_count: int | None = None


class Version(Said):
    """A version of a filter, with its text."""

    version: str
    where: str
    language: str
    description: str = ""
    owner: str = ""
    deployed: datetime
    current: bool


class Source(Said):
    """The cell that a version of a filter stands for."""

    name: str
    version: str
    cell: str


class Draft(Asked):
    """A filter as it is being typed: its name, its text, and what its first line says, empty where it says nothing.

    ``names`` are the notebook's variables: what only they explain is for its kernel to judge.
    """

    name: str = Field(max_length=1000)
    stream: str = Field(default="", max_length=1000)
    language: Literal["", "sql", "python", "columns", "lasair", "boom"] = ""
    text: str = Field(max_length=50_000)
    names: list[str] = Field(default_factory=list, max_length=5000)


class Mistake(Said):
    """What is wrong with a draft, or likely to be, and where.

    Lines and columns (characters) of its text are counted from 1.
    """

    part: Literal["name", "stream", "text"]
    severity: Literal["error", "warning"] = "error"
    line: int = 1
    column: int = 1
    length: int = 0
    message: str


class Judged(Said):
    """All that is wrong with a draft; where nothing is, what is likely to be."""

    mistakes: list[Mistake]


class Line(Said):
    """A line of a difference."""

    kind: Literal["same", "added", "removed"]
    text: str


class Difference(Said):
    """What was changed from one version of a filter to another."""

    old: str
    new: str
    lines: list[Line]


class Rollback(Asked):
    """To which version; the one before unless it is given."""

    version: str | None = Field(default=None, pattern=r"^[0-9a-f]{1,12}$")


class Match(Said):
    """A match of a filter. ``partition`` and ``offset`` are its place in the filter's output topic."""

    id: str
    object: str = ""
    ra: float | None = None
    dec: float | None = None
    version: str = ""
    arrived: datetime
    partition: int
    offset: str
    annotations: dict[str, str] = Field(default_factory=dict)
    problem: str = ""


class StreamPage(Said):
    """Some of the streams."""

    items: list[Stream]
    start: int
    total: int


class ColumnPage(Said):
    """Some of a stream's columns."""

    items: list[Column]
    start: int
    total: int


class FilterPage(Said):
    """Some of the filters."""

    items: list[Filter]
    start: int
    total: int


class VersionPage(Said):
    """Some of a filter's versions, newest first."""

    items: list[Version]
    start: int
    total: int


class MatchPage(Said):
    """The newest matches of a filter, newest first; ``total`` is how many its topic holds."""

    items: list[Match]
    start: int
    total: int


class Changes(Said):
    """What is new since the last message; with ``anew`` what was known before counts no more."""

    anew: bool = False
    session: Session | None = None
    streams: list[Stream] = Field(default_factory=list)
    filters: list[Filter] = Field(default_factory=list)
    streams_gone: list[str] = Field(default_factory=list)
    filters_gone: list[str] = Field(default_factory=list)


SPOKEN: tuple[type[BaseModel], ...] = (
    *(
        Nothing,
        Problem,
        Status,
        PartStatus,
        Work,
        Session,
        Remote,
        Stream,
        Column,
        Values,
        Filter,
        Version,
        Source,
        Draft,
        Mistake,
        Judged,
        Line,
    ),
    *(Difference, Rollback, Match, StreamPage, ColumnPage, FilterPage, VersionPage, MatchPage, Changes),
)
"""All of them."""
