"""Filters for measurements: each as SQL for Skysieve, and as plain Python for the loop that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice, product
from typing import Any

from skysieve.filter import Filter

Alert = Mapping[str, Any]

_BANDS = "rgizyu"
_SNR = (60, 100, 150, 200)
_RELIABILITY = (0.9, 0.95, 0.97, 0.98)
_SOURCES = (12, 18, 24)
_STRIP, _STRIPS = 10, 11
"""Degrees of right ascension of a strip, and how many of them the simulated survey looks at."""


@dataclass(frozen=True)
class Thresholds:
    """Bright, reliable, seen often, in one band: what a filter of the bench asks for.

    On average .2 % of the simulated alerts pass: 20,000 in a night of LSST.

    Attributes
    ----------
    field
        Right ascension (degrees) at which the strip of the sky begins that the filter looks at; None for all of it.
    """

    snr: float
    reliability: float
    sources: int
    band: str
    field: float | None = None

    @property
    def sql(self) -> str:
        """As a filter's text."""
        begin = self.field
        strip = "" if begin is None else f" AND diaSource.ra >= {begin} AND diaSource.ra < {begin + _STRIP}"
        return (
            f"diaSource.snr > {self.snr} AND diaSource.reliability > {self.reliability} "
            f"AND diaObject.nDiaSources >= {self.sources} AND diaSource.band = '{self.band}'{strip}"
        )

    def passes(self, alert: Alert) -> bool:
        """The same, in plain Python on a decoded packet."""
        source, seen = alert["diaSource"], alert["diaObject"]
        return (
            source["snr"] is not None
            and source["snr"] > self.snr
            and source["reliability"] is not None
            and source["reliability"] > self.reliability
            and seen is not None
            and seen["nDiaSources"] >= self.sources
            and source["band"] == self.band
            and (self.field is None or self.field <= source["ra"] < self.field + _STRIP)
        )


def thresholds(number: int) -> list[Thresholds]:
    """So many different ones; the first few of each further set are those of the smaller.

    Examples
    --------
    >>> len(set(thresholds(300))), thresholds(10) == thresholds(100)[:10]
    (300, True)
    """
    return list(islice(_all(), number))


def in_fields(wanted: Sequence[Thresholds]) -> list[Thresholds]:
    """The same, each for a strip of the sky: 2,000 alerts a night pass one, about what its readers can look through."""
    return [replace(one, field=_STRIP * (number % _STRIPS)) for number, one in enumerate(wanted)]


def _all() -> Iterator[Thresholds]:
    for round_ in count():
        for snr, reliability, sources, band in product(_SNR, _RELIABILITY, _SOURCES, _BANDS):
            yield Thresholds(snr + round_ * 100, reliability, sources, band)


def as_filters(wanted: Sequence[Thresholds], stream: str, prefix: str) -> list[Filter]:
    """Filters of Skysieve, ready to be bound."""
    return [Filter(f"{prefix}-{i}", one.sql, stream) for i, one in enumerate(wanted)]


def as_functions(wanted: Sequence[Thresholds]) -> list[Callable[[Alert], bool]]:
    """Plain functions."""
    return [one.passes for one in wanted]
