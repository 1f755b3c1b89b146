"""Enrichments that a user writes: a function of columns that gives further ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import pandas as pd
import pyarrow as pa

from skysieve.enrich.base import ARROW, Enrichment, Given, register
from skysieve.enrich.store import Store
from skysieve.errors import EnrichmentError
from skysieve.languages import python
from skysieve.languages.calls import as_pandas, compiled
from skysieve.languages.functions import code_of
from skysieve.packets.columns import Columns
from skysieve.packets.formats import Places

_FILE = "<enrichment {}>"


@register
class Computed(Enrichment):
    """Columns that a function computes from others, many alerts at a time.

    Parameters
    ----------
    function
        Its argument names are the columns that it needs, which come as they do to a filter in Python; it returns a
        DataFrame, or a mapping of Series or arrays, with the columns below. Its text travels, as a filter's does.
    columns
        Name and type of each: ``boolean``, ``int``, ``long``, ``float``, ``double`` or ``string``, and after that, if
        you like, a unit in brackets and a description: ``{"rise": "double [mag/d] Rise of the last two points"}``.

    Examples
    --------
    >>> def ratio(psfFlux, scienceFlux):
    ...     return {"of_host": psfFlux / scienceFlux}
    >>> Computed(ratio, {"of_host": "double Difference flux by science flux"}).gives()[0].description
    'Difference flux by science flux'
    """

    kind: ClassVar[str] = "function"

    code: str
    name: str
    given: tuple[Given, ...]

    def __init__(
        self,
        function: Callable[..., Any] | None = None,
        columns: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        if function is not None:
            more |= {"code": code_of(function), "name": function.__name__}
            more["given"] = tuple(declared(name, text) for name, text in (columns or {}).items())
            if not more["given"]:
                raise EnrichmentError(
                    f"Say which columns {function.__name__!r} gives: columns={{'name': 'double'}}."
                )
        super().__init__(**more)

    def prepared(self, store: Store, columns: Columns, places: Places) -> Self:
        """The same, its arguments found among the columns."""
        (cut,) = python.cuts(self.code)
        bound = python.bind(cut, columns)
        return self.model_copy(update={"reads": tuple(column.name for column in bound.columns)})

    def gives(self) -> tuple[Given, ...]:
        """What was said of it."""
        return self.given

    def made_of(self) -> str:
        """The function's name."""
        return f"function {self.name}"

    def on_arrow(self, *arrays: pa.Array) -> pa.Array:
        """Call the function with a batch."""
        found = compiled(self.code, self.name, _FILE)(*map(as_pandas, arrays))
        values = []
        for one in self.given:
            if one.name not in found:
                raise EnrichmentError(
                    f"The function {self.name!r} gave no column {one.name!r}, only {list(found)}."
                )
            series = pd.Series(found[one.name])
            if len(series) != len(arrays[0]):
                raise EnrichmentError(
                    f"The function {self.name!r} gave {len(series)} values of {one.name!r} for {len(arrays[0])} alerts."
                )
            values.append(pa.Array.from_pandas(series, type=ARROW[one.type]))
        return pa.StructArray.from_arrays(values, [one.name for one in self.given])


def declared(name: str, text: str) -> Given:
    """A column, of its name and what is said of it.

    Raises
    ------
    EnrichmentError
        If its type is none.

    Examples
    --------
    >>> declared("rise", "double [mag/d] Rise of the last two points").unit
    'mag/d'
    """
    kind, _, rest = text.partition(" ")
    if kind not in ARROW:
        raise EnrichmentError(f"The column {name!r} cannot be of type {kind!r}, only of {', '.join(ARROW)}.")
    unit = ""
    if rest.startswith("["):
        unit, _, rest = rest[1:].partition("]")
    return Given(name=name, type=kind, unit=unit.strip(), description=rest.strip())
