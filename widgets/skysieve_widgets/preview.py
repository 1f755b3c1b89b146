"""What a preview tells: how many alerts pass, which cut rejects them, and the first that pass."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from skysieve_widgets.markup import card, cell, count, data_table, escape

ROWS_SHOWN = 5
COLUMNS_SHOWN = 14
_TEXT_COLUMNS = 6

_FIRST_COLUMNS = re.compile(
    r"(^|\.)(diaSourceId|diaObjectId|candid|objectId|ra|dec|midpointMjdTai|jd|band|fid|snr|reliability|magpsf|drb)$"
)
_CUT_COLUMNS = {
    "alone": "alerts that pass this cut alone",
    "left": "alerts left after this cut and all above it",
    "only_this": "alerts that this cut alone rejects: they pass all others",
    "null": "alerts for which this cut is null, so that they do not pass",
}


class PerNightLike(Protocol):
    """Alerts per night, with a range."""

    @property
    def low(self) -> float:
        """Lower end."""

    @property
    def expected(self) -> float:
        """What is expected."""

    @property
    def high(self) -> float:
        """Upper end."""

    @property
    def source(self) -> str:
        """What the stream's rate was derived from."""


class FindingLike(Protocol):
    """Something that is likely to be wrong with a filter."""

    @property
    def cut(self) -> str:
        """Text of the cut; empty for the whole filter."""

    @property
    def message(self) -> str:
        """What was found."""

    @property
    def cure(self) -> str:
        """What to do."""


class PreviewLike(Protocol):
    """What is shown of a preview."""

    @property
    def name(self) -> str:
        """Name of the filter."""

    @property
    def stream(self) -> str:
        """Name of the stream."""

    @property
    def sql(self) -> str:
        """Text of the filter."""

    @property
    def read(self) -> int:
        """Number of packets read."""

    @property
    def passed(self) -> int:
        """Number of alerts that passed."""

    @property
    def rejected(self) -> int:
        """Number of packets that could not be decoded."""

    @property
    def pass_rate(self) -> float:
        """Fraction of the decoded alerts that passed; NaN if there were none."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % binomial interval of the pass rate."""

    @property
    def seconds(self) -> float:
        """Duration of the preview in seconds."""

    @property
    def cuts(self) -> pd.DataFrame:
        """One row a cut: ``cut``, ``alone``, ``left``, ``only_this``, ``null``."""

    @property
    def alerts(self) -> pd.DataFrame:
        """The alerts that passed, columns named as in the filter (``diaSource.snr``)."""

    @property
    def costs(self) -> pd.DataFrame:
        """One row an enrichment: ``enrichment``, ``alerts``, ``seconds``, ``each`` (ms)."""

    @property
    def per_night(self) -> PerNightLike | None:
        """How many pass in a night; None where that is not known."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the numbers cannot say."""

    @property
    def lint(self) -> Sequence[FindingLike]:
        """What is likely to be wrong with the filter."""


def preview_html(preview: PreviewLike) -> str:
    """Write a preview as HTML for a notebook.

    Parameters
    ----------
    preview
        The result of ``sky.preview``.

    Returns
    -------
    str
        HTML with its own scoped style, without scripts or external resources, everything escaped.
    """
    parts = [
        f'<p class="sky-head"><b>{escape(preview.name)}</b>: {escape(headline(preview))}</p>',
        f'<p class="sky-note">{escape(_circumstances(preview))}</p>',
    ]
    if preview.per_night:
        parts.append(f'<p class="sky-note">{escape(nightly(preview.per_night))}</p>')
    if len(preview.costs):
        parts.append(f'<p class="sky-note">{escape(_costs(preview.costs))}</p>')
    parts += [f'<p class="sky-caution">{escape(text)}</p>' for text in preview.warnings]
    if preview.rejected > 0:
        parts.append(f'<p class="sky-alarm">{escape(_rejected(preview))}</p>')
    if len(preview.cuts):
        parts.append(_cuts_html(preview))
    if preview.lint:
        items = "".join(
            f'<li><span class="sky-code">{escape(one.cut or "the whole filter")}</span>: '
            f"{escape(one.message)} {escape(one.cure)}</li>"
            for one in preview.lint
        )
        parts.append(f'<ul class="sky-lint">{items}</ul>')
    if len(preview.alerts):
        shown = shown_columns(preview)
        parts += [
            f'<p class="sky-note">{escape(_first_rows(preview, len(shown)))}</p>',
            data_table(preview.alerts.head(ROWS_SHOWN)[shown]),
        ]
    return card("".join(parts))


def preview_text(preview: PreviewLike) -> str:
    """Write a preview as plain text for a terminal.

    Parameters
    ----------
    preview
        The result of ``sky.preview``.
    """
    lines = [f"{preview.name}: {headline(preview)}", _circumstances(preview)]
    if preview.per_night:
        lines.append(nightly(preview.per_night))
    if len(preview.costs):
        lines.append(_costs(preview.costs))
    lines += ["", *_indented(preview.sql)]
    if preview.warnings:
        lines += ["", *(f"! {text}" for text in preview.warnings)]
    if preview.rejected > 0:
        lines += ["", f"! {_rejected(preview)}"]
    if len(preview.cuts):
        table = preview.cuts[["cut", *_CUT_COLUMNS]].astype(object)
        for column in _CUT_COLUMNS:
            table[column] = table[column].map(count)
        lines += ["", table.to_string(index=False)]
    if preview.lint:
        lines += ["", *(f"? {one.cut or 'The filter'}: {one.message} {one.cure}" for one in preview.lint)]
    if len(preview.alerts):
        shown = min(_TEXT_COLUMNS, preview.alerts.shape[1])
        lines += ["", f"{_first_rows(preview, shown)}:", rows_text(preview.alerts, preview.sql)]
    return "\n".join(lines)


def rows_text(alerts: pd.DataFrame, sql: str) -> str:
    """Write the first rows of some alerts as plain text."""
    rows = alerts.head(ROWS_SHOWN)[shown_of(alerts, sql)[:_TEXT_COLUMNS]]
    return rows.astype(object).map(cell).to_string(index=False)


def nightly(per_night: PerNightLike) -> str:
    """Say how many alerts pass in a night, to two digits.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> nightly(SimpleNamespace(low=0.0, expected=2678.0, high=9421.0, source="arrival of its packets in 7 nights"))
    'About 2,700 alerts a night (0–9,400), by arrival of its packets in 7 nights'
    """
    low, expected, high = map(_two_digits, (per_night.low, per_night.expected, per_night.high))
    return f"About {expected} alerts a night ({low}–{high}), by {per_night.source}"


def _costs(costs: pd.DataFrame) -> str:
    """Say what each enrichment took."""
    told = [
        f"{name} {_two_digits(each)} ms"
        for name, each in zip(costs["enrichment"], costs["each"], strict=True)
    ]
    return f"Enrichments took, for each alert: {', '.join(told)}"


def _two_digits(value: float) -> str:
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 or rounded == 0 else f"{rounded:.2g}"


def headline(preview: PreviewLike) -> str:
    """Say in one line how many alerts pass: "412 of 5,000 alerts pass (8.2 %, 95 % interval 7.5–9.0 %)"."""
    decoded = preview.read - preview.rejected
    text = f"{count(preview.passed)} of {count(decoded)} alerts pass"
    low, high = preview.interval
    if not math.isfinite(preview.pass_rate):
        return text
    if not (math.isfinite(low) and math.isfinite(high)):
        return f"{text} ({100 * preview.pass_rate:.1f} %)"
    width = 100 * (high - low)
    digits = min(max(1 - math.floor(math.log10(width)), 1), 6) if width > 0 else 1
    rate, lower, upper = (f"{100 * value:.{digits}f}" for value in (preview.pass_rate, low, high))
    return f"{text} ({rate} %, 95 % interval {lower}–{upper} %)"


def shown_columns(preview: PreviewLike) -> list[str]:
    """Choose the columns of the first rows: ids, place, time and those that the filter names, then the rest."""
    return shown_of(preview.alerts, preview.sql)


def shown_of(alerts: pd.DataFrame, sql: str) -> list[str]:
    """Choose those of some alerts."""
    columns = [str(column) for column in alerts.columns]
    named = set(re.findall(r"\w+", sql))
    identifying = {column: re.search(_FIRST_COLUMNS, column) is not None for column in columns}
    in_filter = {column: column in sql or column.rsplit(".", 1)[-1] in named for column in columns}
    ranked = sorted(columns, key=lambda column: not (identifying[column] or in_filter[column]))
    return ranked[:COLUMNS_SHOWN]


def _cuts_html(preview: PreviewLike) -> str:
    decoded = preview.read - preview.rejected
    titles = "".join(f'<th title="{escape(t)}">{c.replace("_", " ")}</th>' for c, t in _CUT_COLUMNS.items())
    rows, before = [], float(decoded)
    for cut in preview.cuts.to_dict("records"):
        left = float("nan") if pd.isna(cut["left"]) else float(cut["left"])
        numbers = "".join(f"<td>{count(cut[column])}</td>" for column in _CUT_COLUMNS)
        rows.append(
            f'<tr><td class="sky-l sky-code">{escape(cut["cut"])}</td>{numbers}'
            f"<td>{_bar(before, left, decoded)}</td></tr>"
        )
        before = left
    head = f'<tr><th class="sky-l">cut</th>{titles}<th class="sky-l">left of {count(decoded)}</th></tr>'
    table = f'<table class="sky-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="sky-scroll">{table}</div>'


def _bar(before: float, left: float, whole: int) -> str:
    widths = (("sky-before", before), ("sky-left", left))
    parts = "".join(
        f'<i class="{name}" style="width:{min(100 * value / whole, 100):.2f}%"></i>'
        for name, value in widths
        if whole > 0 and math.isfinite(value)
    )
    return f'<span class="sky-bar" role="img" aria-label="{count(left)} left">{parts}</span>'


def _circumstances(preview: PreviewLike) -> str:
    return f"{count(preview.read)} packets of {preview.stream} read in {preview.seconds:.2f} s"


def _rejected(preview: PreviewLike) -> str:
    plural = "s" if preview.rejected != 1 else ""
    return (
        f"{count(preview.rejected)} packet{plural} of {count(preview.read)} could not be decoded (rejected)"
    )


def _first_rows(preview: PreviewLike, columns: int) -> str:
    shown, all_columns = min(ROWS_SHOWN, len(preview.alerts)), preview.alerts.shape[1]
    text = (
        f"First {shown} of {count(preview.passed)} that pass" if preview.passed > 1 else "The one that passes"
    )
    return text if columns == all_columns else f"{text}; {columns} of {all_columns} columns"


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.splitlines()]
