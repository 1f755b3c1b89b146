"""The simulated ZTF: its telescope, and packets of schema v4.02."""

from __future__ import annotations

from skysieve.packets import ztf_schema
from skysieve.sources.simulation.measured import Measured
from skysieve.sources.simulation.sighting import Drawn
from skysieve.sources.simulation.telescope import Rng, Telescope
from skysieve.sources.simulation.ztf.drawing import draw_alerts
from skysieve.sources.simulation.ztf.restamp import Restamper
from skysieve.sources.simulation.ztf.telescope import ZTF


class SimulatedZtf:
    """ZTF alerts, each an Avro object container with one record.

    Parameters
    ----------
    version
        Of the schema; there is one that can be simulated.

    Raises
    ------
    ValueError
        If it is another.

    Examples
    --------
    >>> SimulatedZtf("3.3")
    Traceback (most recent call last):
    ValueError: ZTF packets can be simulated in schema v4.02, not v3.3
    """

    telescope: Telescope = ZTF

    def __init__(self, version: str = ztf_schema.VERSION) -> None:
        if version != ztf_schema.VERSION:
            raise ValueError(f"ZTF packets can be simulated in schema v{ztf_schema.VERSION}, not v{version}")

    def draw(self, rng: Rng, measured: Measured) -> Drawn:
        """Draw the packets of an object."""
        return Drawn(measured, tuple(Restamper(model) for model in draw_alerts(rng, measured)))
