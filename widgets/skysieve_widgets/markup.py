"""The small pieces of HTML that the notebook views share.

Everything that comes from data goes through :func:`escape`. Colours are JupyterLab's variables, with
fallbacks for pages that lack them, so that both themes look right; no script and no external resource.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

STYLE = """<style>
.sky-card{font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.45;
 color:var(--jp-content-font-color1,inherit);max-width:100%}
.sky-card .sky-head{font-size:15px;margin:0 0 2px}
.sky-card .sky-note{color:var(--jp-content-font-color2,inherit);margin:2px 0 6px}
.sky-card .sky-alarm{display:inline-block;margin:2px 0 6px;padding:2px 8px;border-left:3px solid
 var(--jp-error-color1,#d32f2f);background:rgba(211,47,47,.12);white-space:pre-wrap;overflow-wrap:anywhere}
.sky-card .sky-caution{margin:2px 0 6px;padding:2px 8px;border-left:3px solid var(--jp-warn-color1,#b26a00);
 overflow-wrap:anywhere}
.sky-card .sky-lint{margin:0 0 8px;padding-left:18px}
.sky-card .sky-lint .sky-code{font-family:var(--jp-code-font-family,monospace);overflow-wrap:anywhere}
.sky-card a{color:var(--jp-content-link-color,#1976d2)}
.sky-card .sky-scroll{overflow-x:auto;max-width:100%}
.sky-card .sky-row{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start}
.sky-card img.sky-figure{max-width:min(100%,760px);height:auto;background:#fff;border-radius:2px}
.sky-card table.sky-table{border-collapse:collapse;margin:0 0 8px;font-size:12px;border:none;
 font-variant-numeric:tabular-nums;color:inherit}
.sky-card table.sky-table th,.sky-card table.sky-table td{padding:2px 9px;text-align:right;white-space:nowrap;
 border:none;border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.3));background:none}
.sky-card table.sky-table th{font-weight:600;color:var(--jp-content-font-color2,inherit)}
.sky-card table.sky-table .sky-l{text-align:left}
.sky-card table.sky-table td.sky-code{font-family:var(--jp-code-font-family,monospace);white-space:pre-wrap;
 overflow-wrap:anywhere;min-width:16em;max-width:34em}
.sky-card .sky-bar{display:block;position:relative;width:150px;height:11px;
 background:var(--jp-layout-color2,rgba(128,128,128,.15))}
.sky-card .sky-bar i{position:absolute;left:0;top:0;bottom:0;display:block;
 background:var(--jp-brand-color1,#1976d2)}
.sky-card .sky-bar i.sky-before{opacity:.3}
.sky-card .sky-badge{display:inline-block;padding:0 8px;border-radius:9px;font-size:12px;
 border:1px solid currentColor}
.sky-card .sky-good{color:var(--jp-success-color1,#2e7d32)}
.sky-card .sky-wait{color:var(--jp-warn-color0,#b26a00)}
.sky-card .sky-bad{color:var(--jp-error-color1,#d32f2f)}
</style>"""


def escape(value: Any) -> str:
    """Write a value as HTML text that can stand in an attribute as well.

    Examples
    --------
    >>> escape('<a href="x">')
    '&lt;a href=&quot;x&quot;&gt;'
    """
    return html.escape(str(value), quote=True)


def card(body: str) -> str:
    """Wrap a body of HTML with the style that its classes need."""
    return f'{STYLE}<div class="sky-card">{body}</div>'


def key_values(rows: Iterable[tuple[str, Any]]) -> str:
    """Make a table of names and values."""
    lines = (
        f'<tr><th class="sky-l">{escape(k)}</th><td class="sky-l">{escape(v)}</td></tr>' for k, v in rows
    )
    return f'<table class="sky-table"><tbody>{"".join(lines)}</tbody></table>'


def data_table(frame: pd.DataFrame, pictures: Mapping[str, Sequence[str]] | None = None) -> str:
    """Make a table of a few rows, ids and all other integers exact.

    Taken column by column: a row of a mixed frame is a Series of floats, which ids do not survive.

    Parameters
    ----------
    frame
        The rows.
    pictures
        Further columns before the others, by name: a piece of HTML for each row, which is not escaped.
    """
    drawn = pictures or {}
    columns = [[cell(v) for v in frame.iloc[:, i]] for i in range(frame.shape[1])]
    parts = [*drawn.values(), *([escape(text) for text in column] for column in columns)]
    head = "".join(f"<th>{escape(name)}</th>" for name in [*drawn, *frame.columns])
    rows = ("".join(f"<td>{part}</td>" for part in row) for row in zip(*parts, strict=True))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    table = f'<table class="sky-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="sky-scroll">{table}</div>'


def cell(value: Any) -> str:
    """Write one value of a table: integers exact, floats to 8 figures (dates to a second), large values by their size.

    Examples
    --------
    >>> cell(170094456248729605), cell(0.1 + 0.2), cell(61041.2501234567), cell(None), cell(b"1234"), cell([1, 2])
    ('170094456248729605', '0.3', '61041.25012', '—', '4 bytes', '2 items')
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value):,} bytes"
    if isinstance(value, (list, tuple, dict, np.ndarray)):
        return f"{len(value):,} items"
    if value is None or value is pd.NA or value is pd.NaT:
        return "—"
    if isinstance(value, (float, np.floating)):
        return "—" if math.isnan(value) else _figures(float(value))
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _figures(value: float) -> str:
    if 1e4 <= abs(value) < 1e8:
        return f"{value:.5f}".rstrip("0").rstrip(".")
    return f"{value:.8g}"


def count(value: Any) -> str:
    """Write a number of things, with separators; a dash where it is not known.

    Examples
    --------
    >>> count(5000), count(float("nan"))
    ('5,000', '—')
    """
    return "—" if value is None or pd.isna(value) else f"{int(value):,}"
