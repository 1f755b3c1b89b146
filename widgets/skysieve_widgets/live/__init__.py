"""A deployment as it runs: rates, pass rate and latency over time, and the newest matches.

``snapshot`` is what a source gives, ``arrival`` makes a row of an alert, ``poller`` asks again and again, ``widget``
shows it.
"""

from skysieve_widgets.live.arrival import arrival
from skysieve_widgets.live.snapshot import Arrival, LiveSource, Snapshot
from skysieve_widgets.live.widget import LiveView

__all__ = ["Arrival", "LiveSource", "LiveView", "Snapshot", "arrival"]
