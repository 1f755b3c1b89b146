"""What the filters of a stream can name: columns, fields of histories, and functions, with their types and units."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from skysieve.errors import SkysieveError
from skysieve.packets import avro
from skysieve.packets.columns import Column, Columns
from skysieve.session import Session

_FUNCTIONS = """
abs acos acosh aggregate array array_compact array_contains array_distinct array_join array_max array_min
array_position array_size array_sort arrays_zip asin asinh atan atan2 atanh bit_count bround cardinality cast
cbrt ceil coalesce concat contains cos cosh date_diff degrees element_at endswith exists exp expm1 filter flatten
floor forall get greatest hypot if ifnull instr isnan isnotnull isnull least left length levenshtein ln log log10
log1p log2 lower mod nanvl nullif nvl nvl2 pi pmod pow power radians regexp_like reverse right rint round sequence
sign sin sinh size slice sort_array split sqrt startswith substring tan tanh transform trim try_divide
try_element_at upper zip_with
"""
FUNCTIONS = tuple(_FUNCTIONS.split())
"""Spark's functions that are of use in a filter: those of one alert, and of numbers, texts and lists."""

AGGREGATES = (
    *(
        "approx_count_distinct",
        "avg",
        "collect_list",
        "collect_set",
        "count",
        "first",
        "last",
        "max",
        "max_by",
    ),
    *("min", "min_by", "stddev", "sum"),
)
"""Those of a group of alerts."""


@dataclass(frozen=True)
class Suggestion:
    """A name that fits.

    Attributes
    ----------
    text
        The name.
    type
        Spark's type and the unit of a column; for anything else, what it is.
    """

    text: str
    type: str


class Vocabulary:
    """The names that filters of one stream can use.

    Parameters
    ----------
    described
        The columns that its packets have.
    known
        All that a filter could name; they decide whether the last part of a name is enough.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> lsst = formats.get("lsst").columns()
    >>> Vocabulary(lsst, lsst).starting("psfFluxE")
    [Suggestion(text='psfFluxErr', type='float [nJy]')]
    """

    def __init__(self, described: Iterable[Column] = (), known: Columns | None = None) -> None:
        self._columns = list(described)
        self._named = known.named if known else _unknown
        self._fields: dict[str, list[Suggestion]] = {}

    def starting(self, prefix: str) -> list[Suggestion]:
        """Columns that begin so: in full, or by the last part of their name where that leaves no doubt."""
        begun = prefix.lower()
        whole = [Suggestion(c.name, _kind(c)) for c in self._columns if c.name.lower().startswith(begun)]
        if not begun:
            return whole
        parts = [
            Suggestion(text, _kind(column)) for text, column in self._parts if _last(text).startswith(begun)
        ]
        return [*parts, *(one for one in whole if one not in parts)]

    def arguments(self, prefix: str) -> list[Suggestion]:
        """Columns that begin so, by names that a Python function can have as arguments."""
        names = [(c.name, c) for c in self._columns if "." not in c.name] + self._parts
        return [
            Suggestion(text, _kind(column))
            for text, column in names
            if text.isidentifier() and text.lower().startswith(prefix.lower())
        ]

    @cached_property
    def names(self) -> frozenset[str]:
        """The full names of all columns."""
        return frozenset(column.name for column in self._columns)

    def renamed(self, names: Mapping[str, str]) -> list[Suggestion]:
        """Columns by the names that another system has for them, which ``names`` tells."""
        kinds = {column.name: _kind(column) for column in self._columns}
        return [Suggestion(text, kinds[name]) for text, name in names.items() if name in kinds]

    def fields(self, array: str) -> list[Suggestion] | None:
        """The fields of an array's records; None where no array has that name."""
        match [own for column in self._named(array) for own in self._columns if own.name == column.name]:
            case [column] if column.is_array:
                if column.name not in self._fields:
                    self._fields[column.name] = _fields(column)
                return self._fields[column.name]
        return None

    @cached_property
    def _parts(self) -> list[tuple[str, Column]]:
        """Columns in records by the last part of their name; in full where several have the same."""
        inner = [c for c in self._columns if len(c.path) > 1 and c.is_scalar]
        alike = {c.name: self._named(c.path[-1]) for c in inner}
        return [(c.path[-1] if len(alike[c.name]) == 1 else c.name, c) for c in inner]


class Vocabularies:
    """The vocabularies of streams, kept so that a Tab does not ask Kafka each time.

    Parameters
    ----------
    session
        Gives the session to ask.
    patience
        Seconds after which a stream is asked anew, since it may get packets of other schemas.
    """

    def __init__(self, session: Callable[[], Session], patience: float = 60) -> None:
        self._session, self._patience = session, patience
        self._kept: dict[tuple[str, str | None], tuple[float, Vocabulary]] = {}

    def of(self, stream: str | None) -> Vocabulary:
        """That of a stream, or of the only one; an empty one where there is none to ask."""
        try:
            session = self._session()
            key = session.topics.bootstrap, stream
            asked, kept = self._kept.get(key, (-math.inf, Vocabulary()))
            if time.monotonic() - asked < self._patience:
                return kept
            (name,) = [stream] if stream else session.streams
            found = session.stream(name)
            vocabulary = Vocabulary(found.described, found.format.columns())
        except (SkysieveError, ValueError):  # ValueError: there are several streams, or none
            return Vocabulary()
        self._kept[key] = time.monotonic(), vocabulary
        return vocabulary

    def streams(self) -> list[str]:
        """Names of the streams; none where there is no session."""
        try:
            return self._session().streams
        except SkysieveError:
            return []


def _kind(column: Column) -> str:
    kind = avro.spark_type(column.schema)
    short = kind if column.is_scalar else kind.split("<", 1)[0]
    return f"{short} [{column.unit}]" if column.unit else short


def _fields(array: Column) -> list[Suggestion]:
    kind, _ = avro.split_null(array.schema)
    items, _ = avro.split_null(kind["items"])
    # the records of a history, taken as a packet of their own, have types and units as packets have
    own = Columns({0: items}) if avro.is_record(items) else ()
    return [Suggestion(column.name, _kind(column)) for column in own]


def _unknown(_: str) -> list[Column]:
    return []


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1].lower()
