"""A filter: a named, versioned predicate over a stream's columns. A value; it runs nothing by itself."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from skysieve.errors import ColumnError, FilterError
from skysieve.languages import sql
from skysieve.packets.columns import Column, Columns

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
        A WHERE clause in Spark's SQL. Its top-level ANDs separate the cuts.
    stream
        The stream that it judges.
    description
        For people.

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

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.stream:
            raise FilterError(
                f"Filter {self.name!r} needs a stream: Filter(name, where, stream='lsst-alerts')."
            )
        _ = self.cuts

    @cached_property
    def cuts(self) -> tuple[sql.Cut, ...]:
        """The conditions that an alert must all meet."""
        return sql.cuts(self.where)

    @cached_property
    def version(self) -> str:
        """First 12 hexadecimal digits of the SHA-256 of what decides its selection: the stream and the text."""
        content = json.dumps([self.stream, [cut.text for cut in self.cuts]])
        return hashlib.sha256(content.encode()).hexdigest()[:12]

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
        try:
            return BoundFilter(self, tuple(sql.bind(cut, columns) for cut in self.cuts))
        except ColumnError as error:
            raise ColumnError(f"Filter {self.name!r} on {self.stream!r}: {error}") from None

    def to_json(self) -> str:
        """Serialise it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | dict[str, Any]) -> Filter:
        """Read what :meth:`to_json` wrote."""
        return cls(**(json.loads(text) if isinstance(text, str) else text))


@dataclass(frozen=True)
class BoundFilter:
    """A filter whose cuts have found their columns; what the engine runs."""

    filter: Filter
    cuts: tuple[sql.BoundCut, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column in use, once, in the order of first use."""
        return tuple({c.name: c for cut in self.cuts for c in cut.columns}.values())


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
