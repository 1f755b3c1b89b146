"""A simulated LSST: objects, light curves, visits, cutouts and alert packets.

``population`` says what the sky holds and ``light_curves`` how it varies; ``survey`` is the telescope.
``pool`` draws alerts in full, from ``records``, ``solar_system`` and ``cutouts``; ``restamp`` varies them, by
``layout``; ``alerts`` makes the stream.
"""

from skysieve.sources.lsst_simulation.alerts import PROPORTIONS, SimulatedAlert, simulate

__all__ = ["PROPORTIONS", "SimulatedAlert", "simulate"]
