"""What a survey must tell to be simulated, and the pool of objects that are drawn in full."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np

from skysieve.sources.simulation.measured import Measured, measure
from skysieve.sources.simulation.population import KINDS, Kind
from skysieve.sources.simulation.sighting import Drawn
from skysieve.sources.simulation.telescope import Rng, Telescope


class Survey(Protocol):
    """A survey: its telescope, and how an object becomes its packets."""

    @property
    def telescope(self) -> Telescope:
        """What observes."""
        ...

    def draw(self, rng: Rng, measured: Measured) -> Drawn:
        """Draw the packets of an object."""
        ...


class PooledObject:
    """An object that is drawn when it is first needed, and the same whenever that is."""

    def __init__(self, survey: Survey, kind: Kind, start: tuple[int, int], seed: list[int]) -> None:
        self._survey, self._kind, self._start, self._seed = survey, kind, start, seed

    @cached_property
    def drawn(self) -> Drawn:
        """The object, with all its alerts."""
        rng = np.random.default_rng(self._seed)
        return self._survey.draw(rng, measure(rng, self._survey.telescope, self._kind, *self._start))


Pool = list[list[list[PooledObject]]]


def make_pool(survey: Survey, seed: int, size: int) -> Pool:
    """Make a pool: for every kind and every start in the cycle of bands at least one object, the others by the shares.

    Returns
    -------
    list
        The objects, by kind and then by start. A small pool has fewer starts: those of the first pairs of bands.
    """
    pairs = min(max(size // (2 * len(KINDS)), 1), len(survey.telescope.pairs))
    starts = list(survey.telescope.starts())[: 2 * pairs]
    return [
        [
            [PooledObject(survey, kind, start, [seed, 0, k, s, n]) for n in range(count)]
            for s, (start, count) in enumerate(
                zip(starts, _split(round(kind.share * size), len(starts)), strict=True)
            )
        ]
        for k, kind in enumerate(KINDS)
    ]


def _split(number: int, parts: int) -> list[int]:
    """Divide evenly, with at least one in each part."""
    return [max(1, number * (n + 1) // parts - number * n // parts) for n in range(parts)]
