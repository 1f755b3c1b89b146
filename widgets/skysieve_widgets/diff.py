"""What a change of a filter gains and loses."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from skysieve_widgets.markup import card, count, data_table, escape
from skysieve_widgets.preview import ROWS_SHOWN, rows_text, shown_of


class Named(Protocol):
    """What is shown of a filter."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def where(self) -> str:
        """Its text."""


class DiffLike(Protocol):
    """What is shown of a difference."""

    @property
    def old(self) -> Named:
        """The filter before."""

    @property
    def new(self) -> Named:
        """The filter after."""

    @property
    def stream(self) -> str:
        """Name of the stream."""

    @property
    def read(self) -> int:
        """Number of alerts read, and of packets that could not be decoded."""

    @property
    def rejected(self) -> int:
        """Number of packets that could not be decoded."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of alerts ``gained``, ``lost``, ``kept`` and passed by ``neither``."""

    @property
    def gained(self) -> pd.DataFrame:
        """The alerts that only the new filter passes."""

    @property
    def lost(self) -> pd.DataFrame:
        """The alerts that only the old filter passes."""


def diff_html(diff: DiffLike) -> str:
    """Write a difference as HTML for a notebook; everything is escaped.

    Parameters
    ----------
    diff
        The result of ``sky.diff``.
    """
    parts = [
        f'<p class="sky-head"><b>{escape(names_text(diff))}</b>: {escape(counts_text(diff))}</p>',
        f'<p class="sky-note">{escape(circumstances(diff))}</p>',
    ]
    for what, alerts in (("Gained", diff.gained), ("Lost", diff.lost)):
        if len(alerts):
            shown = shown_of(alerts, f"{diff.old.where} {diff.new.where}")
            parts += [
                f'<p class="sky-note">{escape(_first(what, alerts))}</p>',
                data_table(alerts.head(ROWS_SHOWN)[shown]),
            ]
    return card("".join(parts))


def diff_text(diff: DiffLike) -> str:
    """Write a difference as plain text for a terminal.

    Parameters
    ----------
    diff
        The result of ``sky.diff``.
    """
    lines = [f"{names_text(diff)}: {counts_text(diff)}", circumstances(diff)]
    for what, alerts in (("Gained", diff.gained), ("Lost", diff.lost)):
        if len(alerts):
            lines += ["", f"{_first(what, alerts)}:"]
            lines.append(rows_text(alerts, f"{diff.old.where} {diff.new.where}"))
    return "\n".join(lines)


def names_text(diff: DiffLike) -> str:
    """Name the filters, two versions of one only once."""
    same = diff.old.name == diff.new.name
    return diff.new.name if same else f"{diff.old.name} → {diff.new.name}"


def counts_text(diff: DiffLike) -> str:
    """Write how many alerts are gained, lost and kept."""
    return ", ".join(f"{count(diff.counts[what])} {what}" for what in ("gained", "lost", "kept"))


def circumstances(diff: DiffLike) -> str:
    """Write what was read."""
    text = f"{count(diff.read - diff.rejected)} alerts of {diff.stream} read once"
    return f"{text}; {count(diff.rejected)} packets could not be decoded" if diff.rejected else text


def _first(what: str, alerts: pd.DataFrame) -> str:
    return f"{what}: {count(len(alerts))}" + (f", the first {ROWS_SHOWN}" if len(alerts) > ROWS_SHOWN else "")
