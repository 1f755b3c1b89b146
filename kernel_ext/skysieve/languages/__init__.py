"""Filter languages: each is a module that splits a filter's text into cuts, and binds these to a stream's columns."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from skysieve.errors import FilterError, nearest

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn

    from skysieve.languages.grouping import Grouping
    from skysieve.languages.near import Joining
    from skysieve.packets.columns import Column, Columns

_MODULES = {name: f"skysieve.languages.{name}" for name in ("sql", "python", "aggregate", "near")}


@dataclass(frozen=True)
class Cut:
    """One condition, as it was written.

    Attributes
    ----------
    text
        The condition; of a filter in Python, its function's name.
    line, column
        Its place in the filter's text, counted from 1.
    code
        Of a filter in Python, the text that defines the function.
    """

    text: str
    line: int = 1
    column: int = 1
    code: str = field(default="", repr=False)


class BoundCut(Protocol):
    """A cut whose names have found their columns."""

    @property
    def text(self) -> str:
        """As it was written."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it reads."""

    @property
    def key(self) -> str:
        """The same for cuts that are the same, of whatever filters; empty where no others are to be looked for."""

    def condition(self) -> SparkColumn:
        """The cut in Spark, over flat columns named by their dotted path."""


class Language(Protocol):
    """What a language's module offers."""

    is_isolated: bool
    """Whether its filters run as queries of their own: what one does must not hold up the others."""

    def cuts(self, text: str) -> tuple[Cut, ...]:
        """The conditions that an alert must all meet; raises FilterError."""

    def content(self, text: str) -> list[str]:
        """What of the text decides the selection."""

    def grouping(self, text: str) -> Grouping | None:
        """How alerts that meet the cuts are grouped; None where each is a match by itself."""

    def joining(self, text: str) -> Joining | None:
        """With which other stream the alerts that meet the cuts are joined; None for no other."""

    def bind(self, cut: Cut, columns: Columns) -> BoundCut:
        """Find the columns of a cut; raises ColumnError."""


def get(name: str) -> Language:
    """The language of that name.

    Raises
    ------
    FilterError
        If there is none.

    Examples
    --------
    >>> [cut.text for cut in get("sql").cuts("snr > 20 AND reliability > 0.9")]
    ['snr > 20', 'reliability > 0.9']
    """
    if name not in _MODULES:
        raise FilterError(
            f"There is no filter language {name!r}, only {', '.join(_MODULES)}.{nearest(name, _MODULES)}"
        )
    module: Language = importlib.import_module(_MODULES[name])
    return module
