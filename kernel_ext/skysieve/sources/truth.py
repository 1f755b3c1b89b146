"""How well a filter does on simulated alerts: completeness and purity, by the truth that travels beside the packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

HEADER = "truth"


def truth(headers: Iterable[tuple[str, bytes]]) -> str | None:
    """What an alert really is, from the headers of its Kafka record; None where they do not say.

    A match has all headers of the alert, so the same holds for the records of a filter's output topic.

    Examples
    --------
    >>> truth([("truth", b"SN Ia"), ("skysieve.filter", b"bright")])
    'SN Ia'
    """
    return next((value.decode() for name, value in headers if name == HEADER), None)


@dataclass(frozen=True)
class Score:
    """What a filter made of the alerts of a stream.

    Attributes
    ----------
    wanted
        Labels that it is meant to find.
    alerts, matches
        Number of alerts in the stream, and of those that passed, by label.
    """

    wanted: frozenset[str]
    alerts: Mapping[str | None, int]
    matches: Mapping[str | None, int]

    @property
    def completeness(self) -> float:
        """Part of the wanted alerts that passed; NaN if there was none."""
        return _ratio(self._wanted_of(self.matches), self._wanted_of(self.alerts))

    @property
    def purity(self) -> float:
        """Part of what passed that was wanted; NaN if nothing passed."""
        return _ratio(self._wanted_of(self.matches), sum(self.matches.values()))

    def _wanted_of(self, counts: Mapping[str | None, int]) -> int:
        return sum(counts.get(label, 0) for label in self.wanted)


def score(alerts: Iterable[str | None], matches: Iterable[str | None], wanted: Collection[str]) -> Score:
    """Compare what a filter matched with what it should have matched.

    Parameters
    ----------
    alerts
        True label of every alert of the stream, as :func:`truth` gives it.
    matches
        The same of every match.
    wanted
        Labels that the filter is meant to find.

    Examples
    --------
    >>> found = score(["SN Ia", "SN Ia", "AGN", "dipole"], ["SN Ia", "AGN"], wanted={"SN Ia", "SN II"})
    >>> found.completeness, found.purity, found.matches["AGN"]
    (0.5, 0.5, 1)
    """
    return Score(frozenset(wanted), Counter(alerts), Counter(matches))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
