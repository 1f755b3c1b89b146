"""The simulated LSST: its telescope, and packets of one or more versions of the schema."""

from __future__ import annotations

from skysieve.packets.lsst_schemas import schema_files
from skysieve.sources.simulation.lsst.drawing import draw_alerts
from skysieve.sources.simulation.lsst.restamp import Restamper
from skysieve.sources.simulation.lsst.telescope import LSST
from skysieve.sources.simulation.measured import Measured
from skysieve.sources.simulation.sighting import Drawn
from skysieve.sources.simulation.telescope import Rng, Telescope

OLDEST, DEFAULT = 1000, 1000


class SimulatedLsst:
    """LSST alerts in Kafka framing.

    Parameters
    ----------
    versions
        Schema ids; with several of them, each object's packets are of one of these.

    Raises
    ------
    ValueError
        If a version cannot be simulated.

    Examples
    --------
    >>> SimulatedLsst((900,))
    Traceback (most recent call last):
    ValueError: LSST packets can be simulated in schema v10.0, v11.0, v11.1, not v9.0
    """

    telescope: Telescope = LSST

    def __init__(self, versions: tuple[int, ...] = (DEFAULT,)) -> None:
        known = [version for version in schema_files() if version >= OLDEST]
        for version in versions:
            if version not in known:
                raise ValueError(
                    f"LSST packets can be simulated in schema {', '.join(map(_named, known))}, not {_named(version)}"
                )
        self.versions = versions or (DEFAULT,)

    def draw(self, rng: Rng, measured: Measured) -> Drawn:
        """Draw the packets of an object."""
        version = self.versions[int(rng.integers(len(self.versions)))]
        models = draw_alerts(rng, measured, version)
        return Drawn(measured, tuple(Restamper(model) for model in models))


def _named(version: int) -> str:
    return f"v{version // 100}.{version % 100}"
