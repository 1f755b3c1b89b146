"""A preview: a filter applied to a bounded slice of a stream, by the plan that a deployment runs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from skysieve import labels, lint, nights, why
from skysieve.engine import plan
from skysieve.errors import FilterError, StreamError, nearest
from skysieve.filter import BoundFilter, Filter
from skysieve.intervals import percent, wilson
from skysieve.labels import Labelled, Labels
from skysieve.nights import Nights, PerNight
from skysieve.packets.decode import PROBLEM
from skysieve.packets.formats import Format
from skysieve.sample import Samples
from skysieve.slices import Slice
from skysieve.topics import Offsets
from skysieve.verdicts import MAGNITUDE, Judged, judged, without_verdicts

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from skysieve_widgets import AlertTable, AlertView

_UNSURE = 3.0
"""Ratio of the ends of the pass rate's interval above which the sample is too small: fewer than some 13 alerts pass."""
_ENOUGH = 30
"""Alerts that should pass, for a pass rate within some 35 %."""


@dataclass(frozen=True)
class Preview(Judged):
    """What a filter does to a slice of a stream.

    Attributes
    ----------
    filter
        The filter.
    table
        One row per alert read: ``kafka.partition``, ``kafka.offset``, ``kafka.record`` (its number in the packet),
        ``kafka.timestamp``, ``kafka.problem`` (why it was rejected), ``kafka.key`` (of a rejected packet),
        ``kafka.truth`` (class of a simulated alert), id, position, time, the columns in use, object and magnitude,
        and what each cut says (``cut0`` …; NULL included).
    seconds
        Time that it took.
    """

    filter: Filter
    seconds: float
    _slice: Slice = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the filter."""
        return self.filter.name

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return self.filter.stream

    @property
    def sql(self) -> str:
        """Text of the filter."""
        return self.filter.where

    @property
    def nights(self) -> Nights | None:
        """How many alerts the stream has in a night; None where that cannot be told."""
        return self._nights[0]

    @cached_property
    def _nights(self) -> tuple[Nights | None, str]:
        return nights.measure(self._slice, self.table, self._format.places.time)

    @property
    def start(self) -> Offsets:
        """Where the slice begins: first offset in each partition."""
        return self._slice.start

    @property
    def stop(self) -> Offsets:
        """Where it ends: the offset after the last in each partition."""
        return self._slice.stop

    @property
    def passed(self) -> int:
        """Number of alerts that meet every cut."""
        return int(self._passes.sum())

    @property
    def pass_rate(self) -> float:
        """Share of the decoded alerts that pass; NaN where there are none."""
        judged = self.read - self.rejected
        return self.passed / judged if judged else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the pass rate (Wilson's, for a binomial proportion: JASA 22, 209, 1927)."""
        return wilson(self.passed, self.read - self.rejected)

    @property
    def per_night(self) -> PerNight | None:
        """How many alerts pass in a night: ``low``, ``expected``, ``high`` and ``source``; None if it cannot be told.

        :attr:`warnings` then says why. See :func:`skysieve.nights.measure` for what it is derived from.
        """
        if self.nights is None or not math.isfinite(self.pass_rate):
            return None
        return self.nights.passing(self.pass_rate, self.interval)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What these numbers cannot say, in plain sentences."""
        judged, (low, high) = self.read - self.rejected, self.interval
        said = []
        if self._slice.ids is not None:
            said.append("These alerts were chosen by id, so the pass rate is not that of the stream.")
        elif judged and (high > _UNSURE * low or judged < _ENOUGH):
            share = f"from {percent(low)} to {percent(high)}" if self.passed else f"below {percent(high)}"
            enough = _ENOUGH * judged / self.passed if self.passed else 10 * judged
            said.append(
                f"The sample is too small: {self.passed:,} of {judged:,} alerts pass, so the pass rate is only known "
                f"to be {share}. Read some {float(f'{enough:.1g}'):,.0f} packets or more."
            )
        if joining := self.filter.joining:
            said.append(
                f"A preview judges the cuts alone: what is near {joining.stream!r} is found once it runs."
            )
        unknown = self._nights[1]
        if unknown and self._slice.ids is None:
            said.append(f"How many pass in a night is not known: {unknown}.")
        return tuple(said)

    @cached_property
    def lint(self) -> tuple[lint.Finding, ...]:
        """What is likely to be wrong with the filter: ``cut``, ``kind``, ``message``, ``cure``."""
        return lint.merged(
            lint.before(self.filter, self._slice.stream.filterable, self._slice.stream.described),
            lint.on_sample(self._bound, self._decoded, self.per_night if self._slice.ids is None else None),
        )

    @cached_property
    def alerts(self) -> pd.DataFrame:
        """The alerts that pass, in order of arrival: id, position, time, the columns in use, object and magnitude."""
        return self._shown(self._passes)

    @cached_property
    def rejections(self) -> pd.DataFrame:
        """The packets that could not be decoded: ``partition``, ``offset``, ``problem``."""
        broken = self.table[self.table[PROBLEM].notna()].reset_index(drop=True)
        return pd.DataFrame({name: broken[f"kafka.{name}"] for name in ("partition", "offset", "problem")})

    @cached_property
    def cuts(self) -> pd.DataFrame:
        """What each cut does.

        Returns
        -------
        pandas.DataFrame
            One row per cut: ``cut`` (its text), ``alone`` (alerts that pass it alone), ``left`` (alerts left after it
            and all above it), ``only_this`` (alerts that it alone removes), ``null`` (alerts for which it is NULL).
        """
        says = self._says
        yes = says.fillna(value=False).astype(bool)
        rows = []
        for i, cut in enumerate(self.filter.cuts):
            others = yes.drop(columns=f"cut{i}").all(axis=1)
            rows.append(
                {
                    "cut": cut.text,
                    "alone": int(yes[f"cut{i}"].sum()),
                    "left": int(yes.iloc[:, : i + 1].all(axis=1).sum()),
                    "only_this": int((others & ~yes[f"cut{i}"]).sum()),
                    "null": int(says[f"cut{i}"].isna().sum()),
                }
            )
        return pd.DataFrame(rows, columns=["cut", "alone", "left", "only_this", "null"])

    def failed_only(self, cut: int | str) -> pd.DataFrame:
        """The alerts that one cut alone removes, with the columns of :attr:`alerts`.

        Parameters
        ----------
        cut
            Its text, or its row in :attr:`cuts`, counted from 0.
        """
        texts = [one.text for one in self.filter.cuts]
        if isinstance(cut, str):
            if cut not in texts:
                raise FilterError(f"Filter {self.name!r} has no cut {cut!r}.{nearest(cut, texts)}")
            cut = texts.index(cut)
        if not 0 <= cut < len(texts):
            raise FilterError(f"Filter {self.name!r} has no cut {cut}: its cuts are 0 to {len(texts) - 1}.")
        yes = self._says.fillna(value=False).astype(bool)
        alone = yes.drop(columns=f"cut{cut}").all(axis=1) & ~yes[f"cut{cut}"]
        return self._shown(alone.reindex(self.table.index, fill_value=False))

    def why(self, alert_id: int | str) -> pd.DataFrame:
        """Why an alert passes, or does not.

        Parameters
        ----------
        alert_id
            Its id, exact: an integer or a text. Of alerts that came twice, the last counts.

        Returns
        -------
        pandas.DataFrame
            One row per cut: ``cut`` (its text), ``verdict`` (True, False, or None where a value was missing),
            ``values`` (what it saw, by column; whole histories, too).

        Raises
        ------
        PacketError
            If its packet was rejected; says why.
        StreamError
            If it is not among the alerts read; names the nearest.
        """
        name = self._format.places.id
        if name is None:
            raise StreamError(f"The alerts of {self.stream!r} have no id that is known here.")
        row = why.row_of(alert_id, self.table, name)
        return why.why(self._bound, self.table, row, lambda: self._whole(row))

    def labelled(self, by: Labels | str | None = None) -> Labelled:
        """How well the filter does on alerts whose class is known: completeness and purity per class, and per cut.

        Parameters
        ----------
        by
            Class by id, of alerts or of objects: a Series, a mapping, or a table whose first two columns are these.
            A text: the column of that name, which the filter must use. None: the classes that simulated alerts bring
            along (header ``truth``).

        Raises
        ------
        StreamError
            If no alert read has a label.
        """
        if isinstance(by, str):
            classes, found_by = labels.of_column(self._decoded, by), by
        elif by is not None:
            classes, found_by = labels.matched(by, self._decoded, self._id_columns)
        else:
            classes, found_by = self._decoded[plan.TRUTH], "truth"
            if not classes.notna().any():
                raise StreamError(
                    "These alerts do not say what they are, as simulated ones do: give labels, class by id."
                )
        return labels.labelled(classes, self._says, [cut.text for cut in self.filter.cuts], found_by)

    def plot(self) -> Figure:
        """Waterfall, sky positions and magnitudes of what was read and of what passes, as one figure."""
        from skysieve_widgets import preview_figure

        places, decoded = self._format.places, self._decoded
        what = {"ra": places.ra, "dec": places.dec, "time": places.time, "magnitude": MAGNITUDE}
        points = pd.DataFrame(
            {
                name: pd.to_numeric(decoded[column], errors="coerce").astype(float)
                for name, column in what.items()
                if column in decoded
            },
            index=decoded.index,
        )
        return preview_figure(self, points.assign(passes=self._passes[decoded.index]))

    def alert(self, row: int = 0) -> dict[str, Any]:
        """The whole alert of one row of :attr:`alerts`, fetched from where it came and decoded."""
        if not 0 <= row < len(self.alerts):
            raise StreamError(f"Row {row} is not there: {len(self.alerts)} alerts passed.")
        return self._whole(int(self.table.index[self._passes][row]))

    def view(self, row: int = 0) -> AlertView:
        """Cutouts, light curve and values of one row of :attr:`alerts`."""
        from skysieve_widgets import AlertView

        return AlertView(self.alert(row), columns=self._slice.stream.columns())

    def browse(self) -> AlertTable:
        """The alerts that pass as a table to sort, search and select from, with pictures of each."""
        from skysieve_widgets import AlertTable

        return AlertTable(self.alerts, alert_of=self.alert)

    def _repr_html_(self) -> str:
        from skysieve_widgets import preview_html

        return preview_html(self)

    def __str__(self) -> str:
        from skysieve_widgets import preview_text

        return preview_text(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    @property
    def _format(self) -> Format:
        return self._slice.stream.format

    @cached_property
    def _bound(self) -> BoundFilter:
        return self.filter.bind(self._slice.stream.filterable)

    @cached_property
    def _decoded(self) -> pd.DataFrame:
        return self.table[self.table[PROBLEM].isna()]

    @cached_property
    def _says(self) -> pd.DataFrame:
        """What each cut says of each decoded alert."""
        return self._decoded[[f"cut{i}" for i in range(len(self.filter.cuts))]]

    @cached_property
    def _passes(self) -> pd.Series[bool]:
        yes = self._says.fillna(value=False).astype(bool).all(axis=1)
        return yes.reindex(self.table.index, fill_value=False)

    @property
    def _id_columns(self) -> tuple[str, ...]:
        return tuple(name for name in (self._format.places.id, self._format.places.object) if name)

    def _shown(self, rows: pd.Series[bool]) -> pd.DataFrame:
        return without_verdicts(self.table[rows])

    def _whole(self, row: int) -> dict[str, Any]:
        partition, offset, record = (
            int(self.table[f"kafka.{name}"][row]) for name in ("partition", "offset", "record")
        )
        return self._format.read(self._slice.packet(partition, offset))[record]


def preview(samples: Samples, which: Slice, spec: Filter) -> Preview:
    """Apply a filter to a slice of its stream, in one Spark job that sends back no packet."""
    begun = time.perf_counter()
    which, table = judged(samples, which, [spec])
    return Preview(spec, time.perf_counter() - begun, which, table=table)
