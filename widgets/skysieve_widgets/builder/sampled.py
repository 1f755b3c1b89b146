"""The sample behind a form: what it knows, and where it gets what it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import pandas as pd

from skysieve_widgets.builder.cut import CutRow
from skysieve_widgets.builder.histogram import Histogram, histogram
from skysieve_widgets.builder.judge import Sample, Verdict
from skysieve_widgets.preview import PerNightLike


class NightsLike(Protocol):
    """How many alerts a stream has in a night."""

    def passing(self, rate: float, interval: tuple[float, float]) -> PerNightLike:
        """How many pass, by the pass rate and its interval."""


class SampleSource(Protocol):
    """Where the values of further columns come from, always of the same alerts in the same order."""

    @property
    def nights(self) -> NightsLike | None:
        """How many alerts the stream has in a night; None where that is not known."""

    def fetch(self, columns: Sequence[str], conditions: Sequence[str]) -> pd.DataFrame:
        """One row per alert: these columns, and what these conditions in SQL say, each named by its text."""


class Sampled:
    """A sample that grows by the columns and conditions that rows ask for.

    Parameters
    ----------
    table
        What is known from the beginning.
    source
        Where more is fetched; None: what is not in the table is never known.
    tell
        Called with a sentence while something is fetched, and with none after it.

    Attributes
    ----------
    refused
        Why a column or condition cannot be had, by its name or text.
    """

    def __init__(
        self, table: pd.DataFrame | None, source: SampleSource | None, tell: Callable[[str], None]
    ) -> None:
        self._source, self._tell = source, tell
        self.sample = Sample(pd.DataFrame() if table is None else table)
        self.refused: dict[str, str] = {}
        self._verdicts: dict[CutRow, Verdict | None] = {}
        self._histograms: dict[str, Histogram] = {}

    def verdicts(self, rows: Sequence[CutRow]) -> list[Verdict | None]:
        """What each row says of each alert; None where that is not known."""
        used = {row.column or row.text for row in rows}
        # what was refused is asked for again when it comes back
        self.refused = {name: why for name, why in self.refused.items() if name in used}
        self._fetch(rows)
        known = self._verdicts
        # values of other rows are forgotten: a threshold that moves leaves hundreds behind
        self._verdicts = {row: known.get(row) or self.sample.verdict(row) for row in rows}
        return [self._verdicts[row] for row in rows]

    def look(self, column: str) -> None:
        """Have the values of a column, though no row uses it yet; raises ValueError where they cannot be had."""
        self.refused.pop(column, None)
        self._fetch([CutRow(column, "is not null")])
        if not self.sample.has(column):
            raise ValueError(self.refused.get(column) or f"The sample has no column {column}.")

    def histogram(self, column: str) -> Histogram | None:
        """The bins of a column; None where its values are not known."""
        if column not in self._histograms and self.sample.has(column):
            self._histograms[column] = histogram(self.sample.values(column))
        return self._histograms.get(column)

    def _fetch(self, rows: Sequence[CutRow]) -> None:
        columns = self._lacking(row.column for row in rows)
        conditions = self._lacking(row.text for row in rows)
        if self._source is None or not (columns or conditions):
            return
        self._tell(f"Reading {', '.join([*columns, *conditions])} of the sample …")
        try:
            self._take(columns, conditions)
        except Exception as error:
            # which of them it was is found by asking for each alone
            if len(columns) + len(conditions) == 1:
                self.refused[(columns or conditions)[0]] = str(error)
                return
            for one in columns:
                self._take_alone(one, [one], [])
            for one in conditions:
                self._take_alone(one, [], [one])
        finally:
            self._tell("")

    def _lacking(self, names: Iterable[str]) -> list[str]:
        wanted = dict.fromkeys(name for name in names if name)
        return [name for name in wanted if not self.sample.has(name) and name not in self.refused]

    def _take_alone(self, name: str, columns: list[str], conditions: list[str]) -> None:
        try:
            self._take(columns, conditions)
        except Exception as error:
            self.refused[name] = str(error)

    def _take(self, columns: list[str], conditions: list[str]) -> None:
        assert self._source is not None
        found = self._source.fetch(columns, conditions)
        known = self.sample.table
        if len(known.columns):
            if len(known) != len(found):
                raise ValueError(f"The sample has {len(known):,} alerts, but now {len(found):,} were read.")
            found = known.assign(**{str(name): found[name] for name in found})
        self.sample = Sample(found)
