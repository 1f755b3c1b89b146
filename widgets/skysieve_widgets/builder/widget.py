"""The form: a widget around the rows, the sample and what they make of each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import traitlets

from skysieve_widgets.builder.columns import BuilderColumns
from skysieve_widgets.builder.cut import CutRow, row_of
from skysieve_widgets.builder.judge import Effect, Waterfall, waterfall
from skysieve_widgets.builder.parse import Split, conjuncts, rows_of, where
from skysieve_widgets.builder.sampled import Sampled, SampleSource
from skysieve_widgets.drawn import Drawn, source
from skysieve_widgets.preview import headline, nightly

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Act = Callable[[str, str], Any]
"""Does something with a filter, given its name and its SQL."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}")
_FILES = ("axis.js", "histogram.js", "choice.js", "row.js", "notebook.js", "builder.js")
_TOLD_BY_SAMPLE = "judged at preview"


class FilterBuilder(Drawn):
    """A form that shapes a filter by eye: its cuts as rows, with histograms whose thresholds can be drawn.

    Everything can be read and set from Python as well: ``builder.sql = "snr > 20"`` changes the rows, and what the
    rows become is in ``builder.sql``.

    Parameters
    ----------
    sample
        One row per alert, columns by their names.
    name, stream
        Of the filter.
    columns
        What cuts can be made on; unless given, the columns of the sample.
    sql
        The filter to begin with.
    source
        Where columns that the sample lacks come from, and the verdicts of cuts that the form cannot show as rows.
    split
        How SQL becomes cuts.
    preview, deploy
        What these buttons do; without them they are not there.

    Attributes
    ----------
    cuts
        The rows: ``{"column", "op", "value"}``, or ``{"sql"}`` for a cut that the form cannot show as such.
    sql
        The filter.
    cell
        The ``%%filter`` cell that holds it.
    read, passed
        Alerts in the sample, and those that meet every cut (that can be judged on it).
    pass_rate, interval
        Their share, and its 95 % interval; NaN without a sample.
    result
        What the last preview or deployment gave.

    Examples
    --------
    >>> builder = FilterBuilder(pd.DataFrame({"snr": [10.0, 30.0, 40.0, None]}), sql="snr > 20")
    >>> builder.passed, builder.read, builder.cuts
    (2, 4, [{'column': 'snr', 'op': '>', 'value': 20}])
    >>> builder.cuts = [{"column": "snr", "op": "between", "value": [5, 35]}]
    >>> builder.sql, builder.passed
    ('snr BETWEEN 5 AND 35', 2)
    """

    _esm = source("elements.js", *(f"builder/{name}" for name in _FILES))
    _css = source("builder/builder.css")

    cuts = traitlets.List(traitlets.Dict())
    sql = traitlets.Unicode()
    name = traitlets.Unicode("my-filter")
    stream = traitlets.Unicode()
    cell = traitlets.Unicode()
    read = traitlets.Int()
    passed = traitlets.Int()
    pass_rate = traitlets.Float(float("nan"))
    interval = traitlets.Tuple((float("nan"), float("nan")))

    # what the browser sees; ids in it are texts, since its numbers lose digits
    offered: Any = traitlets.List().tag(sync=True)
    histograms = traitlets.Dict().tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    busy = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    acts: Any = traitlets.List().tag(sync=True)

    def __init__(
        self,
        sample: pd.DataFrame | None = None,
        *,
        name: str = "my-filter",
        stream: str = "",
        columns: BuilderColumns | None = None,
        sql: str = "",
        source: SampleSource | None = None,
        split: Split = conjuncts,
        preview: Act | None = None,
        deploy: Act | None = None,
    ) -> None:
        if columns is None:
            columns = BuilderColumns.of_sample(pd.DataFrame() if sample is None else sample)
        self._columns, self._split, self._source = columns, split, source
        self._acts = {word: act for word, act in (("preview", preview), ("deploy", deploy)) if act}
        self._rows: list[CutRow] = []
        self._looked_at = ""
        self._answer, self._problem = "", ""
        self.result: Any = None
        super().__init__(
            name=name,
            stream=stream,
            offered=[column.shown() for column in columns],
            acts=list(self._acts),
        )
        self._sampled = Sampled(sample, source, self._tell)
        self._found = Waterfall(0, 0, ())
        self.on_msg(self._on_message)
        self.sql = sql
        self._judge()
        self.observe(self._on_name, ["name", "stream"])

    @classmethod
    def from_sql(cls, sql: str, sample: pd.DataFrame | None = None, **more: Any) -> FilterBuilder:
        """A form that begins with the cuts of a filter; ``more`` as for the class."""
        return cls(sample, sql=sql, **more)

    @traitlets.validate("cuts")
    def _valid_cuts(self, proposal: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows: list[CutRow] = []
        for row in (row_of(cut, self._columns) for cut in proposal["value"]):
            rows += [row] if row.column else rows_of(row.text, self._columns, self._split)
        return [row.as_dict() for row in rows]

    @traitlets.validate("sql")
    def _valid_sql(self, proposal: Mapping[str, Any]) -> str:
        text = str(proposal["value"])
        # what the rows wrote needs no second look, a hundred times while a threshold moves
        return text if text == where(self._rows) else where(rows_of(text, self._columns, self._split))

    @traitlets.validate("name")
    def _valid_name(self, proposal: Mapping[str, Any]) -> str:
        if not _NAME.fullmatch(proposal["value"]):
            raise ValueError(
                f"{proposal['value']!r} is no name for a filter: use letters, digits, '-' and '_'."
            )
        return str(proposal["value"])

    @traitlets.observe("sql")
    def _on_sql(self, _change: Any) -> None:
        if where(self._rows) != self.sql:
            self.cuts = [row.as_dict() for row in rows_of(self.sql, self._columns, self._split)]

    @traitlets.observe("cuts")
    def _on_cuts(self, _change: Any) -> None:
        self._rows = [row_of(cut, self._columns) for cut in self.cuts]
        self.sql = where(self._rows)
        self._judge()

    def _on_name(self, _change: Any) -> None:
        self._show()

    def _judge(self) -> None:
        """Work out what the rows do to the sample, and show it."""
        verdicts = self._sampled.verdicts(self._rows)
        self._found = found = waterfall(verdicts, len(self._sampled.sample))
        self.read, self.passed = found.read, found.passed
        self.pass_rate, self.interval = found.pass_rate, found.interval
        self._show()

    def _show(self) -> None:
        self.cell = self._cell()
        columns = dict.fromkeys([*(row.column for row in self._rows), self._looked_at])
        shown = {name: h for name in columns if name and (h := self._sampled.histogram(name))}
        if list(shown) != list(self.histograms):
            self.histograms = {name: histogram.shown() for name, histogram in shown.items()}
        rows = [self._row(row, e) for row, e in zip(self._rows, self._found.effects, strict=True)]
        self.shown = {
            "answer": self._answer,
            "problem": self._problem,
            "name": self.name,
            "stream": self.stream,
            "sql": self.sql,
            "cell": self.cell,
            "rows": rows,
            "read": self.read,
            "passed": self.passed,
            "headline": self._headline(),
            "per_night": self._per_night(),
        }

    def _row(self, row: CutRow, effect: Effect) -> dict[str, Any]:
        bins = self._sampled.histogram(row.column) if row.column else None
        known = effect.left is not None
        problem = self._sampled.refused.get(row.column or row.text, "")
        return {
            "column": row.column,
            "op": row.op,
            "values": [str(value) for value in row.values],
            "text": row.text,
            "sql": row.sql,
            "alone": effect.alone,
            "left": effect.left,
            "only_this": effect.only_this,
            "null": effect.null,
            "others": bins.counts(effect.others) if bins else [],
            "problem": problem or ("" if known else _TOLD_BY_SAMPLE),
        }

    def _headline(self) -> str:
        if not self.read:
            return "No alert is in the sample"
        told = SimpleNamespace(
            read=self.read, rejected=0, passed=self.passed, pass_rate=self.pass_rate, interval=self.interval
        )
        unknown = sum(effect.left is None for effect in self._found.effects)
        text = headline(told)
        return (
            f"{text}, less what {unknown} unjudged cut{'s' * (unknown > 1)} will remove" if unknown else text
        )

    def _per_night(self) -> str:
        nights = self._source.nights if self._source else None
        return nightly(nights.passing(self.pass_rate, self.interval)) if nights and self.read else ""

    def _cell(self) -> str:
        stream = f" --stream {self.stream}" if self.stream else ""
        return f"%%filter {self.name}{stream}\n{self.sql}"

    def as_cell(self) -> str:
        """Write the filter as a ``%%filter`` cell below the one that runs, and give its text."""
        from IPython.core.getipython import get_ipython

        if shell := get_ipython():
            shell.set_next_input(self.cell)
        return self.cell

    def preview(self) -> Any:
        """Preview the filter as it is; what comes of it is also in ``result``."""
        return self._act("preview", "Previewing …")

    def deploy(self) -> Any:
        """Deploy the filter as it is; what comes of it is also in ``result``."""
        return self._act("deploy", "Deploying …")

    def _act(self, word: str, busy: str) -> Any:
        if word not in self._acts:
            raise ValueError(f"This form was made without a way to {word}.")
        if not self._rows:
            raise ValueError(f"There is no cut yet, so there is nothing to {word}.")
        self._tell(busy)
        try:
            self.result = self._acts[word](self.name, self.sql)
        finally:
            self._tell("")
        self.said = str(self.result)
        return self.result

    def _tell(self, sentence: str) -> None:
        self.busy = sentence

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        """Do what the browser asks; every message has its answer in ``shown``, with the problem if there is one."""
        does: dict[str, Callable[[], Any]] = {
            "cuts": lambda: self._set(cuts=content["cuts"]),
            "name": lambda: self._set(name=str(content["name"])),
            "look": lambda: self._look(str(content["column"])),
            "cell": self.as_cell,
            "preview": self.preview,
            "deploy": self.deploy,
        }
        self._answer, self._problem = str(content.get("answer", "")), ""
        try:
            does[content["do"]]()
        except Exception as error:
            self._problem = str(error)
        self._show()

    def _look(self, column: str) -> None:
        """Show how the values of a column are spread, before there is a cut on it."""
        self._sampled.look(column)
        self._looked_at = column

    def _set(self, cuts: Iterable[Mapping[str, Any]] | None = None, name: str | None = None) -> None:
        if cuts is not None:
            self.cuts = [dict(cut) for cut in cuts]
        if name is not None:
            self.name = name

    def __str__(self) -> str:
        return f"{self.name}: {self._headline()}"

    def __repr__(self) -> str:
        return f"<FilterBuilder {self}>"

    def figure(self) -> Figure:
        """Draw the cuts with their histograms and the waterfall."""
        from skysieve_widgets.builder.figure import builder_figure

        histograms = [self._sampled.histogram(row.column) if row.column else None for row in self._rows]
        return builder_figure(str(self), self._rows, histograms, self._found)
