"""Where alert packets come from: simulated surveys and files."""

from skysieve.sources.files import read_packets
from skysieve.sources.lsst_simulation import SimulatedAlert, simulate
from skysieve.sources.outgoing import Packet, send

__all__ = ["Packet", "SimulatedAlert", "read_packets", "send", "simulate"]
