"""What a survey must tell to be simulated, and the pool of objects that are drawn in full."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from skysieve.sources.simulation.measured import Measured, measure
from skysieve.sources.simulation.population import KINDS
from skysieve.sources.simulation.sighting import Drawn
from skysieve.sources.simulation.telescope import Rng, Telescope

Pool = list[list[list[Drawn]]]


class Survey(Protocol):
    """A survey: its telescope, and how an object becomes its packets."""

    @property
    def telescope(self) -> Telescope:
        """What observes."""
        ...

    def draw(self, rng: Rng, measured: Measured) -> Drawn:
        """Draw the packets of an object."""
        ...


def draw_pool(survey: Survey, seed: int, size: int) -> Pool:
    """Draw objects: for every kind and every start in the cycle of bands at least one, the others by the shares.

    Returns
    -------
    list
        The objects, by kind and then by start. A small pool has fewer starts: those of the first pairs of bands.
    """
    pairs = min(max(size // (2 * len(KINDS)), 1), len(survey.telescope.pairs))
    starts = list(survey.telescope.starts())[: 2 * pairs]
    rng = np.random.default_rng([seed, 0])
    return [
        [
            [survey.draw(rng, measure(rng, survey.telescope, kind, *start)) for _ in range(count)]
            for start, count in zip(starts, _split(round(kind.share * size), len(starts)), strict=True)
        ]
        for kind in KINDS
    ]


def _split(number: int, parts: int) -> list[int]:
    """Divide evenly, with at least one in each part."""
    return [max(1, number * (n + 1) // parts - number * n // parts) for n in range(parts)]
