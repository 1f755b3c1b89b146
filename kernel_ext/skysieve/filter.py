"""A filter: a named, versioned predicate over a stream's columns. A value; it runs nothing by itself."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from skysieve import filter_files, languages
from skysieve.errors import ColumnError, FilterError
from skysieve.languages import aggregate, expressions, near, places, sql
from skysieve.languages.functions import code_of, versions
from skysieve.languages.grouping import BoundGrouping, Grouping
from skysieve.packets.columns import Column, Columns, united

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_LONGEST = 200
OUTPUT_PREFIX = "filter."


@dataclass(frozen=True)
class Filter:
    """A named predicate over the columns of a stream.

    Parameters
    ----------
    name
        Letters, digits, ``-`` and ``_``, at most 200: matches go to the Kafka topic ``filter.NAME``.
    where
        A WHERE clause in Spark's SQL, whose top-level ANDs separate the cuts; a column expression of pyspark, kept as
        the SQL that it stands for; ``SELECT … GROUP BY …``, an aggregate (see :mod:`skysieve.languages.aggregate`);
        ``… NEAR 'stream' …``, a join with another stream (see :mod:`skysieve.languages.near`); or, with
        ``language="python"``, the text of a function (see :meth:`from_function`).
    stream
        The stream that it judges.
    description
        For people.
    language
        ``"sql"``, ``"aggregate"``, ``"near"`` (these are told by their SELECT and NEAR) or ``"python"``.
    emit
        What is sent along with each match, as ``name: SQL``, several of them separated by semicolons or lines.
    tags
        Words by which people find it.
    owner
        Whose it is.
    made_with
        Versions of Python, Skysieve and the packages that its code imports; noted when it is made.

    Raises
    ------
    FilterError
        If the name is no legal one, or the text is empty or does not parse.

    Examples
    --------
    >>> f = Filter("bright", "diaSource.snr > 20 AND diaSource.reliability > 0.9", stream="lsst-alerts")
    >>> [cut.text for cut in f.cuts]
    ['diaSource.snr > 20', 'diaSource.reliability > 0.9']
    >>> f.output_topic
    'filter.bright'
    >>> f == Filter.from_json(f.to_json())
    True
    """

    name: str
    where: str
    stream: str
    description: str = ""
    language: str = "sql"
    emit: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.stream:
            raise FilterError(
                f"Filter {self.name!r} needs a stream: Filter(name, where, stream='lsst-alerts')."
            )
        if expressions.is_column(self.where):
            object.__setattr__(self, "where", expressions.to_sql(self.where))
        if not isinstance(self.where, str):
            raise FilterError(
                f"Filter {self.name!r}: a {type(self.where).__name__} is no condition. Give SQL, a column expression, "
                "or a function to Filter.from_function()."
            )
        object.__setattr__(self, "tags", tuple(self.tags))
        try:
            if self.language == "sql" and aggregate.is_one(self.where):
                object.__setattr__(self, "language", "aggregate")
            if self.language == "sql" and near.is_one(self.where):
                object.__setattr__(self, "language", "near")
            _ = self.cuts, self.annotations
        except RecursionError:
            raise FilterError(
                f"Filter {self.name!r} is nested too deeply to be read: write it with fewer parentheses."
            ) from None
        if self.grouping and self.emit:
            raise FilterError(
                f"Filter {self.name!r}: an aggregate has no emit; its SELECT says what it sends."
            )
        if not self.made_with:
            object.__setattr__(self, "made_with", made_with(self.where if self.language == "python" else ""))

    @classmethod
    def from_function(cls, function: Callable[..., Any], stream: str, name: str = "", **more: Any) -> Filter:
        """Make a filter of a Python function, whose arguments are named after the columns that it needs.

        It is called with many alerts at a time: a record such as ``diaSource`` comes as a DataFrame, an array as a
        Series of lists, anything else as a Series, and it returns one boolean per alert. With the decorator
        :func:`skysieve.per_alert` it is called for each alert, with plain values. Functions of the ``fink-filters``
        package run as they are.

        Parameters
        ----------
        function
            Of an installed package, or of this notebook: then its text travels, with the imports, constants and
            functions that it uses.
        stream
            The stream that it judges.
        name
            Of the filter; the function's unless given.
        **more
            As for a filter.

        Raises
        ------
        FilterError
            If it uses something that exists in this notebook only.

        Examples
        --------
        >>> from statistics import fmean  # any function of an installed package
        >>> print(Filter.from_function(fmean, "lsst-alerts").where.splitlines()[0])
        from statistics import fmean as _fmean
        """
        name = name or getattr(function, "__name__", "")
        description = more.pop("description", None) or (inspect.getdoc(function) or "").split("\n", 1)[0]
        return cls(name, code_of(function), stream, description, language="python", **more)

    @classmethod
    def from_lasair(cls, query: str, name: str, stream: str, **more: Any) -> Filter:
        """Make a filter of a Lasair query over ``objects``; what would mean something else is refused by name."""
        from skysieve.languages import lasair

        return cls(name, lasair.to_where(query), stream, **more)

    def to_lasair(self, columns: Columns) -> str:
        """Write it as a query for Lasair; ``columns`` are those of its stream (``stream.filterable``)."""
        from skysieve.languages import lasair

        return lasair.from_where(self._sql("Lasair"), columns)

    @classmethod
    def from_boom(
        cls, pipeline: str | list[dict[str, Any]], name: str, stream: str, *, survey: str = "ztf", **more: Any
    ) -> Filter:
        """Make a filter of a BOOM pipeline (JSON); ``survey`` says whose alerts it judges, ``"ztf"`` or ``"lsst"``."""
        from skysieve.languages import boom

        return cls(name, boom.to_where(pipeline, survey), stream, **more)

    def to_boom(self, columns: Columns) -> list[dict[str, Any]]:
        """Write it as a pipeline for BOOM; ``columns`` are those of its stream (``stream.filterable``)."""
        from skysieve.languages import boom

        return boom.from_where(self._sql("BOOM"), columns)

    def _sql(self, broker: str) -> str:
        if self.language != "sql":
            raise FilterError(
                f"Filter {self.name!r} is in {self.language}: {broker} takes only what SQL can say."
            )
        return self.where

    @cached_property
    def cuts(self) -> tuple[languages.Cut, ...]:
        """The conditions that an alert must all meet."""
        return languages.get(self.language).cuts(self.where)

    @cached_property
    def grouping(self) -> Grouping | None:
        """Of an aggregate, how it groups the alerts that meet its cuts; None of any other."""
        return languages.get(self.language).grouping(self.where)

    @cached_property
    def joining(self) -> near.Joining | None:
        """The other stream that its alerts are joined with, and how; None of most."""
        return languages.get(self.language).joining(self.where)

    @cached_property
    def annotations(self) -> dict[str, str]:
        """What is sent along with each match: names, and SQL."""
        return sql.named(self.emit)

    @cached_property
    def version(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of what decides its selection and what it sends.

        That is its text (of Python without comments and layout) with its stream, language and ``emit``. The packages
        that its code imports are no part of it: Spark's workers import what is installed there, whatever was here when
        the filter was made, and a notebook that is run again after an upgrade deploys the same filter. Which versions
        it was made with is in ``made_with``, and in the registry with each version of a deployment.
        """
        content: list[Any] = [self.stream, languages.get(self.language).content(self.where)]
        if self.language != "sql" or self.annotations:
            content += [self.language, self.annotations]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]

    @property
    def is_isolated(self) -> bool:
        """Whether it runs as a query of its own."""
        return languages.get(self.language).is_isolated

    @property
    def has_state(self) -> bool:
        """Whether what it says of an alert depends on others, which its query must remember."""
        return self.grouping is not None or self.joining is not None

    @property
    def output_topic(self) -> str:
        """The Kafka topic that its matches go to."""
        return OUTPUT_PREFIX + self.name

    def bind(self, columns: Columns) -> BoundFilter:
        """Find its columns among those of a stream.

        Raises
        ------
        ColumnError
            If a name is unknown; the message names the nearest ones.
        """
        language = languages.get(self.language)
        try:
            emitted = {name: _emitted(text, columns) for name, text in self.annotations.items()}
            cuts = []
            for cut in self.cuts:
                with places.within(places.of_cut(cut)):
                    cuts.append(language.bind(cut, columns))
            return BoundFilter(
                self, tuple(cuts), emitted, self.grouping.bind(columns) if self.grouping else None
            )
        except ColumnError as error:
            place = (error.line, error.column, error.length)
            raise ColumnError(f"Filter {self.name!r} on {self.stream!r}: {error}", *place) from None

    def to_json(self) -> str:
        """Serialise it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | dict[str, Any]) -> Filter:
        """Read what :meth:`to_json` wrote."""
        return cls(**(json.loads(text) if isinstance(text, str) else text))

    def to_file(self, path: str | Path) -> Path:
        """Write it as a file that people read and git compares: its text, below a few lines that begin as comments do.

        Its version and the packages that it was made with stand there, too.
        """
        return filter_files.write(self, Path(path))

    @classmethod
    def from_file(cls, path: str | Path, *, name: str = "", stream: str = "") -> Filter:
        """Read a filter from a file: one that :meth:`to_file` wrote, or just SQL (``.sql``) or Python (``.py``).

        Parameters
        ----------
        path
            The file.
        name, stream
            Count more than what the file says; without either the name is that of the file.
        """
        return cls(**filter_files.read(Path(path), name=name, stream=stream))


@dataclass(frozen=True)
class BoundFilter:
    """A filter whose cuts have found their columns; what the engine runs."""

    filter: Filter
    cuts: tuple[languages.BoundCut, ...]
    annotations: Mapping[str, languages.BoundCut] = field(default_factory=dict)
    grouping: BoundGrouping | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column in use, once, in the order of first use."""
        parts = (*self.cuts, *self.annotations.values(), *([self.grouping] if self.grouping else ()))
        return tuple(united(column for part in parts for column in part.columns))


def _emitted(text: str, columns: Columns) -> languages.BoundCut:
    """What is sent along; an error in it is at no place of the filter's own text."""
    try:
        return sql.bind(languages.Cut(text), columns)
    except FilterError as error:
        kind = ColumnError if isinstance(error, ColumnError) else FilterError
        raise kind(f"emit: {error}") from None


def made_with(code: str) -> dict[str, str]:
    """Versions of Python, Skysieve and the packages that a text in Python imports."""
    return {"python": platform.python_version(), "skysieve": _own_version()} | (
        versions(code) if code else {}
    )


@cache
def _own_version() -> str:
    return metadata.version("skysieve")


def check_name(name: str) -> str:
    """Give the name back if it can be a filter's.

    Raises
    ------
    FilterError
        If it could not be the end of a Kafka topic's name, or could be taken for another's.

    Examples
    --------
    >>> check_name("young-supernovae_2")
    'young-supernovae_2'
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        shown = name if len(name) <= 60 else name[:57] + "..."
        raise FilterError(
            f"{shown!r} is no legal filter name: use letters, digits, '-' and '_' (first a letter or digit, "
            f"at most {_LONGEST}), because matches go to the Kafka topic {OUTPUT_PREFIX}NAME."
        )
    return name
