"""The alerts of one object, drawn in full: light curve, history, cutouts, and the encoded packets."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import numpy as np

from skysieve.packets.lsst_schemas import load
from skysieve.sources.simulation.images import Scene
from skysieve.sources.simulation.lsst.cutouts import STAMP_PIXELS, TRAIL_PIXELS, render
from skysieve.sources.simulation.lsst.minor_planets import minor_planet
from skysieve.sources.simulation.lsst.records import (
    Record,
    dia_object,
    dia_source,
    forced_source,
    make_artefact,
    make_dipole,
)
from skysieve.sources.simulation.lsst.telescope import LSST
from skysieve.sources.simulation.measured import Measured
from skysieve.sources.simulation.solar_system import V_MINUS_R
from skysieve.sources.simulation.telescope import Rng, magnitude_of

CUTOUTS = ("cutoutDifference", "cutoutScience", "cutoutTemplate")
MODEL_ID = 2**57  # as wide, encoded, as the ids that take its place
MODEL_SS_ID = 2**54
MODEL_SKY = (150.0, -30.0)
MODEL_MJD = LSST.first_mjd
_MAX_FORCED = 48
_SCATTER_DEG = 0.05 / 3600

Rows = dict[int, Record]  # by the number of the visit


@dataclass(frozen=True)
class Model:
    """One drawn alert.

    Attributes
    ----------
    measured
        What its object's visits measured.
    alerts
        How many alerts the object has given, this one included.
    version
        Schema id.
    record
        The alert, as a value, without its cutouts.
    sources, forced
        Numbers of the visits that the detections (the alert's own last) and the forced sources come from.
    packet
        The alert, encoded.
    """

    measured: Measured
    alerts: int
    version: int
    record: Record
    sources: tuple[int, ...]
    forced: tuple[int, ...]
    packet: bytes


@cache
def parsed_schema(version: int) -> Any:
    """Return the alert schema, as fastavro wants it."""
    return fastavro.parse_schema(load(version))


def frame(version: int) -> bytes:
    """Give what comes before the Avro record: a zero byte and the schema id."""
    return struct.pack(">bi", 0, version)


def draw_alerts(rng: Rng, measured: Measured, version: int) -> list[Model]:
    """Draw every alert that an object gives, oldest first; its history grows from one to the next."""
    sources = _sources(rng, measured)
    forced = _forced(rng, measured)
    planet: Record = {}
    if measured.kind.solar_system:
        first = sources[measured.alerts[0]]
        magnitude = float(magnitude_of(first["psfFlux"])) + V_MINUS_R
        planet = minor_planet(rng, first, MODEL_SKY, MODEL_MJD, measured.subject.distance, magnitude)
    return [
        _alert(rng, measured, number, version, sources, forced, planet)
        for number in range(1, len(measured.alerts) + 1)
    ]


def _alert(
    rng: Rng, measured: Measured, alerts: int, version: int, sources: Rows, forced: Rows, planet: Record
) -> Model:
    now = measured.alerts[alerts - 1]
    own = sources[now]
    record: Record = {
        "diaSourceId": MODEL_ID,
        "observation_reason": f"pairs_{own['band']}_33.0",
        "target_name": "lowdust",
        "diaSource": own,
    }
    shown: tuple[int, ...] = (now,)
    forced_now: tuple[int, ...] = ()
    if planet:
        record.update(planet)
    else:
        shown = tuple(n for n in sources if n <= now)
        since = measured.days[shown[0]] - 1 if len(shown) > 1 else 0.0
        forced_now = tuple(n for n in forced if since <= measured.days[n] and n < now)[-_MAX_FORCED:]
        record["prvDiaSources"] = [sources[n] for n in shown[:-1]] or None
        record["prvDiaForcedSources"] = [forced[n] for n in forced_now]
        record["diaObject"] = dia_object([sources[n] for n in shown], MODEL_SKY)
    cutouts = render(rng, _scene(rng, measured, now), (own["ra"], own["dec"]))
    record.update(
        cutoutDifference=cutouts.difference, cutoutScience=cutouts.science, cutoutTemplate=cutouts.template
    )
    out = io.BytesIO()
    out.write(frame(version))
    fastavro.schemaless_writer(out, parsed_schema(version), record)
    for name in CUTOUTS:
        del record[name]  # as large as the packet, and not needed any more
    return Model(measured, alerts, version, record, shown, forced_now, out.getvalue())


def _sources(rng: Rng, measured: Measured) -> Rows:
    """Make the detections, oldest first."""
    kind = measured.kind
    sources = {}
    for n in np.flatnonzero(measured.detected).tolist():
        source = dia_source(
            rng,
            identifier=MODEL_ID,
            object_id=0 if kind.solar_system else MODEL_ID,
            mjd=MODEL_MJD + float(measured.days[n]),
            band=str(measured.bands[n]),
            position=MODEL_SKY if kind.solar_system else _near(rng),
            flux=float(measured.flux[n]),
            error=float(measured.error[n]),
            static=float(measured.static[n]),
            seeing=float(measured.seeing[n]),
            reliability=float(rng.beta(*kind.reliability)),
            extendedness=float(rng.beta(*kind.extendedness)),
        )
        if kind.solar_system:
            source["ssObjectId"] = MODEL_SS_ID
        elif kind.shape == "dipole":
            make_dipole(rng, source)
        elif kind.shape == "spike":
            make_artefact(rng, source)
        sources[n] = source
    return sources


def _near(rng: Rng) -> tuple[float, float]:
    east, north = rng.normal(0, _SCATTER_DEG, 2)
    return MODEL_SKY[0] + east / np.cos(np.radians(MODEL_SKY[1])), MODEL_SKY[1] + north


def _forced(rng: Rng, measured: Measured) -> Rows:
    """Make the forced sources of all visits."""
    detectors = rng.integers(0, 189, measured.days.size)
    noise = rng.normal(0, 0.2, measured.days.size) * measured.error
    return {
        n: forced_source(
            identifier=MODEL_ID,
            object_id=MODEL_ID,
            mjd=MODEL_MJD + float(measured.days[n]),
            band=str(measured.bands[n]),
            detector=int(detectors[n]),
            position=MODEL_SKY,
            flux=float(measured.flux[n] + noise[n]),
            error=float(measured.error[n]),
            static=float(measured.static[n]),
        )
        for n in range(measured.days.size)
    }


def _scene(rng: Rng, measured: Measured, visit: int) -> Scene:
    middle = (STAMP_PIXELS - 1) / 2
    return Scene(
        shape=measured.kind.shape,
        change=float(measured.flux[visit]),
        static=float(measured.static[visit]),
        host=measured.subject.host,
        error=float(measured.sky_error[visit]),
        x=middle + rng.uniform(-0.5, 0.5),
        y=middle + rng.uniform(-0.5, 0.5),
        angle=rng.uniform(-180, 180),
        fwhm=float(measured.seeing[visit]) / LSST.pixel_arcsec,
        trail=TRAIL_PIXELS,
    )
