"""Columns by their names, as expressions of pyspark: what stands behind ``stream.c``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skysieve.errors import ColumnError
from skysieve.packets.columns import Columns

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn


@dataclass(frozen=True, eq=False)
class Names:
    """The columns of a stream as attributes, each a column expression of pyspark; names as a filter writes them."""

    _columns: Columns = field(repr=False)

    def __getattr__(self, name: str) -> SparkColumn:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except ColumnError as error:
            raise AttributeError(str(error)) from None

    def __getitem__(self, name: str) -> SparkColumn:
        from pyspark.sql.connect.functions import col

        return col(self._columns.resolve(name).name)

    def __dir__(self) -> list[str]:
        return sorted({column.path[0] for column in self._columns} | {c.path[-1] for c in self._columns})
