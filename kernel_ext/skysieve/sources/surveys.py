"""The surveys that can be simulated, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from skysieve.errors import StreamError, nearest
from skysieve.sources.outgoing import Packet
from skysieve.sources.simulation import simulate
from skysieve.sources.simulation.lsst.survey import SimulatedLsst
from skysieve.sources.simulation.survey import Survey
from skysieve.sources.simulation.ztf.survey import SimulatedZtf


def _lsst(schemas: list[str]) -> Survey:
    versions = []
    for schema in schemas:
        match = re.fullmatch(r"(\d+)\.(\d+)", schema)
        if not match:
            raise ValueError(f"LSST's schema versions are written like 10.0, not {schema!r}")
        versions.append(100 * int(match[1]) + int(match[2]))
    return SimulatedLsst(tuple(versions)) if versions else SimulatedLsst()


def _ztf(schemas: list[str]) -> Survey:
    if len(schemas) > 1:
        raise ValueError(f"ZTF packets can be simulated in one schema at a time, not {', '.join(schemas)}")
    return SimulatedZtf(*schemas)


_SURVEYS: dict[str, Callable[[list[str]], Survey]] = {"lsst": _lsst, "ztf": _ztf}


def simulated(
    survey: str,
    *,
    count: int | None = None,
    seed: int = 0,
    nights: int | None = None,
    schema: str | None = None,
) -> Iterator[Packet]:
    r"""Packets of a simulated survey; each carries its true class in the header ``truth``.

    Parameters
    ----------
    survey
        Its name.
    count, seed, nights
        See :func:`skysieve.sources.simulate`.
    schema
        Version of the schema, such as ``"11.0"``, or several with commas between them: then objects differ in theirs.

    Raises
    ------
    StreamError
        If that survey, or that version of it, cannot be simulated.

    Examples
    --------
    >>> packet = next(simulated("lsst", count=1))
    >>> packet.value[:5].hex()
    '00000003e8'
    >>> next(simulated("ztf", count=1)).value[:4]
    b'Obj\x01'
    """
    if survey not in _SURVEYS:
        raise StreamError(
            f"Survey {survey!r} cannot be simulated, only {', '.join(_SURVEYS)}.{nearest(survey, _SURVEYS)}"
        )
    if count is not None and count < 1:
        raise StreamError(f"--count {count}: ask for one alert or more.")
    try:
        alerts = simulate(
            count,
            survey=_SURVEYS[survey]([part.strip() for part in schema.split(",")] if schema else []),
            seed=seed,
            nights=nights,
        )
    except ValueError as error:
        raise StreamError(f"{error}.") from None
    return (alert.packet for alert in alerts)
