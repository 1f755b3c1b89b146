"""A simulated sky, and the surveys that observe it.

``population`` says what the sky holds and ``light_curves`` how it varies; a ``telescope`` says what is visited when,
and ``measured`` what it measures of an object. ``survey`` draws a pool of objects in full, ``stream`` lets objects
like them appear and appear again, each a ``sighting``. Each survey is a folder, ``lsst`` and ``ztf``, with the same
files: its ``telescope``, its ``records``, its ``cutouts``, the ``drawing`` of alerts, and their variation
(``restamp``, which writes into encoded packets by ``stamping`` and ``layout``).
"""

from __future__ import annotations

from collections.abc import Iterator

from skysieve.sources.simulation.lsst.survey import SimulatedLsst
from skysieve.sources.simulation.stream import POOL, PROPORTIONS, SimulatedAlert, stream
from skysieve.sources.simulation.survey import Survey

__all__ = ["PROPORTIONS", "SimulatedAlert", "simulate"]


def simulate(
    count: int | None = None,
    *,
    survey: Survey | None = None,
    seed: int = 0,
    pool: int = POOL,
    nights: int | None = None,
) -> Iterator[SimulatedAlert]:
    """Simulate the alerts of a survey.

    The sky holds the kinds of ``PROPORTIONS``. The telescope visits field after field, night after night, as fast as
    the alerts are asked for; each visit has one band, and its alerts lie within its field of view. A field is visited
    twice in a night and again some nights later. What can be seen then gives an alert again, as the same object, its
    history grown, its light curve gone on; an asteroid has moved. An object is followed for three such nights.

    To be fast, only ``pool`` objects are drawn in full (light curve, history, cutouts), and every object of the
    stream is a variation of one of them: it has its own ids, times, place, noise and what follows from these, but the
    pixels and the light curve of the drawn one. The history from before its first alert is moved along in time as a
    whole, so some of it may fall into daytime. Many alerts therefore repeat each other's pictures and light curves;
    draw a larger pool if that matters. A visit gives 40 alerts, where LSST's gives some ten thousand.

    Parameters
    ----------
    count
        Number of alerts; endless if None.
    survey
        What to imitate; LSST with schema v10.0 if None.
    seed
        The same seed and pool give the same bytes, whatever the count (if ``nights`` is not given). Ids differ
        between seeds that differ modulo 65,536.
    pool
        About how many objects are drawn in full, each when it is first needed, so that the first some thousand
        alerts come more slowly than those after them. There is at least one of each kind in each band in which it
        can be seen first; fewer than 96 mean fewer bands.
    nights
        How many nights the alerts are spread over, evenly. A night is full if there is no count; without ``nights``,
        a night is as full as LSST's (ZTF's) and the next one begins when 32,480 (32,400) alerts have been given.

    Yields
    ------
    SimulatedAlert
        Alerts in the order of their visits.

    Examples
    --------
    >>> alert = next(simulate(1, seed=7, pool=8))
    >>> alert.packet.value[:5].hex(), alert.truth in PROPORTIONS
    ('00000003e8', True)
    >>> alert.packet.key == str(alert.alert_id).encode()
    True
    """
    return stream(survey or SimulatedLsst(), count, seed=seed, pool=pool, nights=nights)
