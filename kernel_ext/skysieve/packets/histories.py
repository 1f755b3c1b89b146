"""Questions about the detections of an object that an alert brings along: brightest, rising, colour, how many, how old.

Each is a column worked out from the survey's own ones, of which only the fields in use are decoded. What a survey calls
its history and what is a magnitude there stands in the survey's module, once, as a :class:`History`.

A *detection* is the alert's own, or one in its history whose time is before the alert's own. Detections have either
sign: a source fainter than in the template is one too, but has no magnitude. An upper limit is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from skysieve.packets.columns import Column, Columns

_FIELDS = re.compile(r"\{(\w+)\}")
_NONE = "CAST(array() AS ARRAY<STRUCT<t: DOUBLE, m: DOUBLE>>)"
_HOURS = 24.0
_histories: dict[str, History] = {}


@dataclass(frozen=True)
class History:
    """Where a survey's alerts have their detections: SQL, with fields of a detection's record in braces.

    Attributes
    ----------
    survey
        Its name.
    array, own
        The column of the earlier detections, and that of the alert's own; their records share the fields in use.
    time
        Time of a detection, in days.
    clock
        What these days are.
    band
        Band of a detection.
    bands
        How that is written for each band that there is.
    mag
        AB magnitude of the difference flux; NULL where it is not above zero.
    measured
        Whether the flux is known, whichever its sign.
    detected
        Whether a record is a detection at all.
    """

    survey: str
    array: str
    own: str
    time: str
    clock: str
    band: str
    bands: Mapping[str, str] = field(hash=False)
    mag: str
    measured: str
    detected: str

    @property
    def now(self) -> str:
        """Time of the alert's own detection, in SQL."""
        return self._of_own(self.time)

    def fits(self, columns: Columns) -> bool:
        """Whether a stream has all the columns that it names."""
        fields = set(_fields(self._templates(mags=True), self.band))
        return (
            self.array in columns
            and fields <= set(columns[self.array].fields())
            and all(f"{self.own}.{name}" in columns for name in fields)
        )

    def column(self, call: str, unit: str, description: str, sql: str, *, mags: bool, banded: bool) -> Column:
        """Make the column of a question; its name is the call as it is written."""
        names = _fields(self._templates(mags=mags), self.band if banded else "")
        uses = [f"{self.array}[].{name}" for name in names] + [f"{self.own}.{name}" for name in names]
        kind = "double" if unit else "int"
        return Column(
            (call,),
            ["null", kind],
            unit,
            f"{description}. Derived.",
            sql=f"CAST({sql} AS {kind})",
            uses=tuple(uses),
        )

    def earlier(self, band: str | None, *, mags: bool) -> str:
        """SQL for the earlier detections: an array of records of time ``t`` and magnitude ``m``.

        Parameters
        ----------
        band
            One of :attr:`bands`, or None for all.
        mags
            Whether magnitudes are needed, and so only those detections whose flux is known.
        """
        conditions = [f"{_of_record(self.time)} < {self.now}", *map(_of_record, self._conditions(band, mags))]
        record = _record(_of_record(self.time), _of_record(self.mag) if mags else "NULL")
        kept = f"filter(`{self.array}`, p -> {' AND '.join(conditions)})"
        return f"coalesce(transform({kept}, p -> {record}), {_NONE})"

    def all(self, band: str | None, *, mags: bool) -> str:
        """SQL for all detections, the alert's own among them."""
        conditions = [f"{self.now} IS NOT NULL", *map(self._of_own, self._conditions(band, mags))]
        record = _record(self.now, self._of_own(self.mag) if mags else "NULL")
        own = f"CASE WHEN {' AND '.join(conditions)} THEN array({record}) END"
        return f"concat({self.earlier(band, mags=mags)}, coalesce({own}, {_NONE}))"

    def _conditions(self, band: str | None, mags: bool) -> list[str]:
        wanted = f"{self.band} = {self.bands[band]}" if band else ""
        return [one for one in (wanted, self.detected, self.measured if mags else "") if one]

    def _templates(self, *, mags: bool) -> list[str]:
        return [self.time, *self._conditions(None, mags), self.mag if mags else ""]

    def _of_own(self, template: str) -> str:
        return _FIELDS.sub(rf"`{self.own}.\1`", template)


def register(history: History) -> History:
    """Make a survey's history known."""
    _histories[history.survey] = history
    return history


def find(columns: Columns) -> History | None:
    """The history that a stream has, told by its columns: a survey's packets may come in any frame.

    Examples
    --------
    >>> from skysieve.packets import formats
    >>> find(formats.get("ztf").columns()).array
    'prv_candidates'
    """
    return next((history for history in _histories.values() if history.fits(columns)), None)


def surveys() -> list[str]:
    """Names of the surveys whose histories are known."""
    return list(_histories)


def brightest(of: History, call: str, band: str | None = None) -> Column:
    """Work out the magnitude of the brightest detection so far.

    ``min m`` over the detections, of one band or of all; NULL where none has a flux above zero.
    """
    where = f" in {band}" if band else ""
    text = f"AB magnitude of the brightest detection so far{where}"
    return of.column(
        call, "mag", text, f"array_min({_magnitudes(of.all(band, mags=True))})", mags=True, banded=bool(band)
    )


def rise_per_day(of: History, call: str, band: str, hours: float = 0) -> Column:
    """Work out how fast the object brightens in a band.

    ``(m_p − m_n) / (t_n − t_p)``, above zero where it brightens: n is the newest detection in the band, which is the
    alert's own only if that is in this band; p is the newest one before n, at least ``hours`` before it if these are
    given. NULL where there is no such p, and where either has no magnitude, its flux being zero or below. Detections
    whose flux is not known are passed over. Of several at the same time the faintest counts.
    """
    sooner = f"x.t <= n.t - {hours / _HOURS!r}D" if hours else "x.t < n.t"
    before = f"array_max(filter(d, x -> {sooner}))"
    rise = _let("p", before, "(p.m - n.m) / (n.t - p.t)")
    sql = _let("d", of.all(band, mags=True), _let("n", "array_max(d)", rise))
    text = f"Brightening in {band} between the last two detections" + (
        f" at least {hours:g} h apart" if hours else ""
    )
    return of.column(call, "mag/d", text, sql, mags=True, banded=True)


def days_since_detection(of: History, call: str, band: str | None = None) -> Column:
    """Work out the days from the last earlier detection, of one band or of any, to the alert's own.

    ``t − max t_i`` over the detections before the alert's own; NULL where there is none.
    """
    where = f" in {band}" if band else ""
    sql = f"{of.now} - array_max({of.earlier(band, mags=False)}).t"
    return of.column(call, "d", f"Days since the detection before{where}", sql, mags=False, banded=bool(band))


def colour(of: History, call: str, band1: str, band2: str, hours: float) -> Column:
    """Work out the newest colour: the difference of the magnitudes of two detections close in time.

    ``m_1 − m_2`` of the detections in the two bands, both with a flux above zero, at most ``hours`` apart. Of all such
    pairs it is the newest: that whose later member is latest; among these the closest, that whose earlier member is
    latest. NULL where there is no such pair.
    """
    close = f"abs(a.t - b.t) <= {hours / _HOURS!r}D"
    pair = "named_struct('t', greatest(a.t, b.t), 'p', least(a.t, b.t), 'c', a.m - b.m)"
    first, second = (f"filter({of.all(band, mags=True)}, x -> x.m IS NOT NULL)" for band in (band1, band2))
    each = f"transform(filter(s, b -> {close}), b -> {pair})"
    sql = f"array_max(flatten({_let('s', second, f'transform({first}, a -> {each})')})).c"
    text = f"Colour {band1} − {band2} of the newest two detections at most {hours:g} h apart"
    return of.column(call, "mag", text, sql, mags=True, banded=True)


def detections(of: History, call: str, band: str | None = None) -> Column:
    """Count the detections, of one band or of all, of either sign, the alert's own among them.

    Only those in the packet can be counted: LSST's history goes back a year, ZTF's 30 days.
    """
    where = f" in {band}" if band else ""
    sql = f"size({of.all(band, mags=False)})"
    return of.column(call, "", f"Number of detections so far{where}", sql, mags=False, banded=bool(band))


def _let(name: str, value: str, body: str) -> str:
    """An expression with a name for a part of it, so that this is worked out once."""
    return f"transform(array({value}), {name} -> {body})[0]"


def _magnitudes(found: str) -> str:
    return f"transform({found}, x -> x.m)"


def _record(time: str, mag: str) -> str:
    return f"named_struct('t', CAST({time} AS DOUBLE), 'm', CAST({mag} AS DOUBLE))"


def _of_record(template: str) -> str:
    return _FIELDS.sub(r"p.`\1`", template)


def _fields(templates: Iterable[str], band: str) -> list[str]:
    return list(dict.fromkeys(name for text in (*templates, band) for name in _FIELDS.findall(text)))
