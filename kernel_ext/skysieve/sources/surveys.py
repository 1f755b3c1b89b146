"""The surveys that can be simulated, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from skysieve.errors import StreamError, nearest
from skysieve.sources.lsst_simulation import simulate
from skysieve.sources.outgoing import Packet


def _lsst(count: int | None, seed: int) -> Iterator[Packet]:
    return (alert.packet for alert in simulate(count, seed=seed))


_SURVEYS: dict[str, Callable[[int | None, int], Iterator[Packet]]] = {"lsst": _lsst}


def simulated(survey: str, *, count: int | None = None, seed: int = 0) -> Iterator[Packet]:
    """Packets of a simulated survey; each carries its true class in the header ``truth``.

    Raises
    ------
    StreamError
        If that survey cannot be simulated.

    Examples
    --------
    >>> packet = next(simulated("lsst", count=1))
    >>> packet.value[:5].hex()
    '00000003e8'
    """
    if survey not in _SURVEYS:
        raise StreamError(
            f"Survey {survey!r} cannot be simulated, only {', '.join(_SURVEYS)}.{nearest(survey, _SURVEYS)}"
        )
    if count is not None and count < 1:
        raise StreamError(f"--count {count}: ask for one alert or more.")
    return _SURVEYS[survey](count, seed)
