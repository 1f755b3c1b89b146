"""The columns that a filter can be built of: what kind of values each holds, and which operators fit these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

INTEGER, REAL, TEXT, FLAG = "integer", "real", "text", "flag"

_KINDS = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), INTEGER),
    **dict.fromkeys(("float", "double"), REAL),
    "string": TEXT,
    "boolean": FLAG,
}
COMPARISONS = (">", ">=", "<", "<=", "=", "!=")
_NULL = ("is null", "is not null")
_NUMERIC = (*COMPARISONS, "between", "in", *_NULL)
OPERATORS: dict[str, tuple[str, ...]] = {
    INTEGER: _NUMERIC,
    REAL: _NUMERIC,
    TEXT: ("=", "!=", "in", *_NULL),
    FLAG: ("is true", "is false", *_NULL),
}
"""The operators of each kind of column, as SQL writes them."""


@dataclass(frozen=True)
class BuilderColumn:
    """A column, as it is offered.

    Attributes
    ----------
    name
        The dotted name that filters use.
    type
        Spark's name of its type.
    unit, description
        For people.
    """

    name: str
    type: str
    unit: str = ""
    description: str = ""

    @property
    def kind(self) -> str:
        """What its values are: ``"integer"``, ``"real"``, ``"text"`` or ``"flag"``."""
        return _KINDS[self.type]

    def shown(self) -> dict[str, str]:
        """What the browser is told of it."""
        return {**asdict(self), "kind": self.kind}


class BuilderColumns:
    """The columns of a stream that a cut can be made on; records, arrays, bytes and times are left out.

    Parameters
    ----------
    columns
        All of them.

    Examples
    --------
    >>> columns = BuilderColumns([BuilderColumn("diaSource.snr", "float"), BuilderColumn("prvDiaSources", "array")])
    >>> [column.name for column in columns], columns.find("SNR").name
    (['diaSource.snr'], 'diaSource.snr')
    """

    def __init__(self, columns: Iterable[BuilderColumn]) -> None:
        self._by_name = {column.name: column for column in columns if column.type in _KINDS}
        self._by_lower: dict[str, set[str]] = defaultdict(set)
        for name in self._by_name:
            self._by_lower[name.lower()].add(name)
            self._by_lower[name.rsplit(".", 1)[-1].lower()].add(name)

    @classmethod
    def of_table(cls, table: pd.DataFrame) -> BuilderColumns:
        """Those of a table with ``name``, ``type``, ``unit`` and ``description``, such as a stream tells."""
        told = table[["name", "type", "unit", "description"]].fillna("").astype(str)
        return cls(BuilderColumn(*one) for one in told.itertuples(index=False, name=None))

    @classmethod
    def of_sample(cls, sample: pd.DataFrame) -> BuilderColumns:
        """Those of a sample, by the types of its values."""
        return cls(BuilderColumn(str(name), _type(sample[name])) for name in sample)

    def find(self, name: str) -> BuilderColumn | None:
        """The one that a name means, in full or by its last part; None where that is none, or several."""
        if name in self._by_name:
            return self._by_name[name]
        found = self._by_lower.get(name.lower(), ())
        return self._by_name[next(iter(found))] if len(found) == 1 else None

    def __iter__(self) -> Iterator[BuilderColumn]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> BuilderColumn:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name


def _type(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_integer_dtype(values):
        return "bigint"
    if pd.api.types.is_float_dtype(values):
        return "float" if values.dtype.name.lower() == "float32" else "double"
    texts = values.dropna()
    return "string" if len(texts) and all(isinstance(one, str) for one in texts) else "other"
