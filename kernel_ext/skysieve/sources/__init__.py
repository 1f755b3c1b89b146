"""Where alert packets come from: simulated surveys and files."""

from skysieve.sources.files import read_packets
from skysieve.sources.outgoing import Packet, send
from skysieve.sources.simulation import SimulatedAlert, simulate

__all__ = ["Packet", "SimulatedAlert", "read_packets", "send", "simulate"]
