"""Notices of events: what each says of when, where and whether it still holds.

Read are JSON notices as GCN sends them (unified schema, https://github.com/nasa-gcn/gcn-schema) and those of
LIGO-Virgo-KAGRA (https://emfollow.docs.ligo.org/userguide/content.html), with a sky map or an error circle in them.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skysieve.enrich.positions import cells_of

Integers = NDArray[np.int64]
DEEPEST = 29
_HALF = 90.0
"""Degrees of a circle beyond which all cells are taken: cdshealpix 0.9 leaves some out where it is 155 or more."""
_IDS = ("superevent_id", "id", "event_id", "event_name", "ref_ID")
_TIMES = ("trigger_time", "event_time", "observation_start", "alert_datetime", "time_created")
_CANNOT = "This notice cannot be joined: "


@dataclass(frozen=True)
class Ranges:
    """A region of the sky, as ranges of HEALPix cells (nested, of order 29), each within one cell of a coarser order.

    Attributes
    ----------
    cell
        The coarser cell.
    low, high
        First cell of each range, and the one after its last.
    """

    cell: Integers
    low: Integers
    high: Integers


@dataclass(frozen=True)
class Notice:
    """A notice.

    Attributes
    ----------
    id
        Of the event; all notices of it have the same.
    time
        Of the event, in seconds since 1970; None where it does not say.
    is_retracted
        Whether it takes the event back.
    region
        Where it was; None where it does not say.
    ra, dec, radius
        Of an error circle, degrees.
    problem
        Why it cannot be joined; empty where it can.
    """

    id: str
    time: float | None = None
    is_retracted: bool = False
    region: Ranges | None = None
    ra: float | None = None
    dec: float | None = None
    radius: float | None = None
    problem: str = ""


@lru_cache(maxsize=64)
def read(value: bytes, level: float, order: int, radius: float | None = None) -> Notice:
    """Read a notice.

    Parameters
    ----------
    value
        The message.
    level
        Credible level of the region of its sky map.
    order
        Of the coarser cells.
    radius
        Degrees around its position that count instead of its sky map and its error.

    Examples
    --------
    >>> said = {"id": ["G1"], "trigger_time": "2025-01-01T00:00:00Z", "ra": 10, "dec": 0, "ra_dec_error": 1}
    >>> one = read(json.dumps(said).encode(), 0.9, 6)
    >>> one.id, one.time, one.radius, one.problem
    ('G1', 1735689600.0, 1.0, '')
    >>> read(b'{"superevent_id": "S1", "alert_type": "RETRACTION", "event": null}', 0.9, 6).is_retracted
    True
    """
    try:
        said = json.loads(value)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Notice("", problem=_CANNOT + "it is no JSON object.")
    within = said.get("event")
    event: dict[str, Any] = within if isinstance(within, dict) else {}
    name = next((_text(said[key]) for key in _IDS if said.get(key)), "")
    if not name:
        return Notice("", problem=_CANNOT + "it names no event.")
    if "retract" in str(said.get("alert_type", "")).lower():
        return Notice(name, is_retracted=True)
    time = next(
        (t for key, where in _times(said, event) if (t := _seconds(where.get(key))) is not None), None
    )
    if time is None:
        return Notice(name, problem=_CANNOT + "it does not say when the event was.")
    try:
        packed = None if radius else event.get("skymap") or said.get("healpix_file")
        if packed:
            return Notice(name, time, region=of_skymap(base64.b64decode(packed), level, order))
        return _circle(name, time, said, radius, order)
    except (OSError, TypeError, ValueError, KeyError, binascii.Error) as error:
        return Notice(name, time, problem=f"{_CANNOT}its place cannot be read: {str(error)[:300]}")


def _times(said: Mapping[str, Any], event: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("time", event), *((key, said) for key in _TIMES)]


def _circle(name: str, time: float, said: Mapping[str, Any], wanted: float | None, order: int) -> Notice:
    error = wanted or said.get("ra_dec_error")
    radius = max(map(float, error[:2])) if isinstance(error, list) else error
    if said.get("ra") is None or said.get("dec") is None or not radius:
        return Notice(name, time, problem=_CANNOT + "it has neither a sky map nor a position with an error.")
    ra, dec, radius = float(said["ra"]) % 360, float(said["dec"]), float(radius)
    if not (abs(dec) <= 90 and 0 < radius <= 180):
        raise ValueError(f"a circle of {radius:g} deg around {ra:g}, {dec:g} is none on the sky")
    return Notice(name, time, region=of_circle(ra, dec, radius, order), ra=ra, dec=dec, radius=radius)


def of_skymap(content: bytes, level: float, order: int) -> Ranges:
    """The smallest region of a probability map (a FITS file, gzipped or not) that holds so much probability."""
    from skysieve_widgets.sky.skymaps import read_skymap

    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    moc = read_skymap(_table(content)).region(level)
    ranges = np.asarray(moc.to_depth29_ranges, dtype=np.int64).reshape(-1, 2)
    return split(ranges[:, 0], ranges[:, 1], order)


def _table(content: bytes) -> Any:
    from astropy.table import Table

    return Table.read(io.BytesIO(content), format="fits")


def of_circle(ra: float, dec: float, radius: float, order: int) -> Ranges:
    """The coarser cells that a circle touches, whole: which alerts are in it is yet to be tested."""
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import cone_search

    width = 1 << 2 * (DEEPEST - order)
    if radius > _HALF:
        whole = np.arange(12 << 2 * order, dtype=np.int64) * width
        return split(whole, whole + width, order)
    cells, depths, _ = cone_search(
        Longitude(ra, u.deg), Latitude(dec, u.deg), radius * u.deg, depth=order, flat=True
    )
    low = np.asarray(cells).astype(np.int64) << 2 * (DEEPEST - np.asarray(depths).astype(np.int64))
    own = cells_of(np.array([ra]), np.array([dec]), order)
    first = np.unique(np.concatenate([low, own * width]))
    return split(first, first + width, order)


def split(low: Integers, high: Integers, order: int) -> Ranges:
    """Ranges of cells, each cut where a coarser cell ends.

    Examples
    --------
    >>> split(np.array([0]), np.array([(1 << 46) + 5]), 6).cell.tolist()
    [0, 1]
    """
    shift = 2 * (DEEPEST - order)
    first, last = low >> shift, (high - 1) >> shift
    count = last - first + 1
    row = np.repeat(np.arange(len(low)), count)
    cell = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return Ranges(cell, np.maximum(low[row], cell << shift), np.minimum(high[row], (cell + 1) << shift))


def _text(value: Any) -> str:
    return str(value[0]) if isinstance(value, list) else str(value)


def _seconds(value: Any) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return seconds if math.isfinite(seconds) else None
