"""The difference between two filters on the same alerts: what a change gains and what it loses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from skysieve.errors import FilterError
from skysieve.filter import Filter
from skysieve.packets.decode import PROBLEM
from skysieve.sample import Samples
from skysieve.slices import Slice
from skysieve.verdicts import Judged, judged, without_verdicts

if TYPE_CHECKING:
    from skysieve_widgets import Compare


@dataclass(frozen=True)
class Diff(Judged):
    """What two filters do to the same slice of a stream.

    Attributes
    ----------
    old, new
        The filters.
    table
        One row per alert read, as in a preview; the cuts of the new filter are counted on from those of the old.
    """

    old: Filter
    new: Filter

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self.new.stream

    @cached_property
    def gained(self) -> pd.DataFrame:
        """The alerts that only the new filter passes; columns as in a preview, those that either filter uses."""
        return without_verdicts(self.table[~self._passes_old & self._passes_new])

    @cached_property
    def lost(self) -> pd.DataFrame:
        """The alerts that only the old filter passes."""
        return without_verdicts(self.table[self._passes_old & ~self._passes_new])

    @cached_property
    def kept(self) -> pd.DataFrame:
        """The alerts that both filters pass."""
        return without_verdicts(self.table[self._passes_old & self._passes_new])

    @property
    def counts(self) -> dict[str, int]:
        """Number of alerts ``gained``, ``lost``, ``kept``, and passed by ``neither``."""
        found = {"gained": len(self.gained), "lost": len(self.lost), "kept": len(self.kept)}
        return {**found, "neither": self.read - self.rejected - sum(found.values())}

    def view(self) -> Compare:
        """Both filters side by side, live: cuts, sky, magnitudes and scores, and a table of each group."""
        from skysieve_widgets import Compare

        return Compare(self)

    @cached_property
    def _passes_old(self) -> pd.Series[bool]:
        return self._passes(0, len(self.old.cuts))

    @cached_property
    def _passes_new(self) -> pd.Series[bool]:
        return self._passes(len(self.old.cuts), len(self.new.cuts))

    def _passes(self, first: int, count: int) -> pd.Series[bool]:
        says = self.table[[f"cut{i}" for i in range(first, first + count)]]
        return says.fillna(value=False).astype(bool).all(axis=1) & self.table[PROBLEM].isna()

    def _repr_html_(self) -> str:
        from skysieve_widgets import diff_html

        return diff_html(self)

    def __str__(self) -> str:
        from skysieve_widgets import diff_text

        return diff_text(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))


def diff(samples: Samples, which: Slice, old: Filter, new: Filter) -> Diff:
    """Judge a slice by two filters, in one Spark job.

    Raises
    ------
    FilterError
        If they are on different streams.
    """
    if old.stream != new.stream:
        raise FilterError(
            f"{old.name!r} is on {old.stream!r} and {new.name!r} on {new.stream!r}: only filters on the same "
            "stream can be compared."
        )
    _, table = judged(samples, which, [old, new])
    return Diff(old, new, table=table)
