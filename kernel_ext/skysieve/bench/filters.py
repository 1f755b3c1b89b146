"""Filters for measurements: each as SQL for Skysieve, and as plain Python for the loop that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice, product
from typing import Any

from skysieve.filter import Filter

Alert = Mapping[str, Any]

_BANDS = "rgizyu"
_SNR = (60, 100, 150, 200)
_RELIABILITY = (0.9, 0.95, 0.97, 0.98)
_SOURCES = (12, 18, 24)


@dataclass(frozen=True)
class Thresholds:
    """Bright, reliable, seen often, in one band: what a filter of the bench asks for; under 1 % of the alerts pass."""

    snr: float
    reliability: float
    sources: int
    band: str

    @property
    def sql(self) -> str:
        """As a filter's text."""
        return (
            f"diaSource.snr > {self.snr} AND diaSource.reliability > {self.reliability} "
            f"AND diaObject.nDiaSources >= {self.sources} AND diaSource.band = '{self.band}'"
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
        )


def thresholds(number: int) -> list[Thresholds]:
    """So many different ones; the first few of each further set are those of the smaller.

    Examples
    --------
    >>> len(set(thresholds(300))), thresholds(10) == thresholds(100)[:10]
    (300, True)
    """
    return list(islice(_all(), number))


def _all() -> Iterator[Thresholds]:
    for round_ in count():
        for snr, reliability, sources, band in product(_SNR, _RELIABILITY, _SOURCES, _BANDS):
            yield Thresholds(snr + round_ * 100, reliability, sources, band)


def as_filters(wanted: list[Thresholds], stream: str, prefix: str, more: str = "") -> list[Filter]:
    """Filters of Skysieve, ready to be bound; each with one more cut, if given."""
    return [Filter(f"{prefix}-{i}", f"{one.sql}{more}", stream) for i, one in enumerate(wanted)]


def as_functions(wanted: list[Thresholds]) -> list[Callable[[Alert], bool]]:
    """Plain functions."""
    return [one.passes for one in wanted]
