"""The pool: alerts that have been drawn in full, each ready to be varied."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro
import numpy as np

from skysieve.packets.lsst_schemas import load
from skysieve.sources.lsst_simulation import solar_system
from skysieve.sources.lsst_simulation.cutouts import STAMP_PIXELS, Scene, draw_seeing, render
from skysieve.sources.lsst_simulation.population import KINDS, BandNames, Kind, Subject
from skysieve.sources.lsst_simulation.records import (
    SCHEMA_ID,
    Record,
    dia_object,
    dia_source,
    forced_source,
    make_artefact,
    make_dipole,
)
from skysieve.sources.lsst_simulation.survey import (
    AB_ZERO_POINT,
    FIRST_NIGHT_MJD,
    Floats,
    draw_bands,
    flux_error,
    past_visits,
)

DETECTION = 5.0
MODEL_ID = 2**57  # as wide, encoded, as the ids that take its place
MODEL_SS_ID = 2**54
MODEL_DESIGNATION = "000000000 S-S"
MODEL_SKY = (150.0, -30.0)
FRAME = struct.pack(">bi", 0, SCHEMA_ID)
_MAX_SOURCES = 24
_MAX_FORCED = 48
_TRIES = 200
_SCATTER_DEG = 0.05 / 3600


@dataclass(frozen=True, slots=True)
class Model:
    """One drawn alert: the encoded packet, the record it was made from, and what varies around it."""

    kind: Kind
    band: str
    packet: bytes
    record: Record
    true_flux: float
    distance: float  # of an asteroid, from the Sun


@cache
def parsed_schema() -> Any:
    """Return the alert schema, as fastavro wants it."""
    return fastavro.parse_schema(load(SCHEMA_ID))


def draw_pool(seed: int, size: int) -> list[list[Model]]:
    """Draw alerts of every kind, about in their shares and at least one of each; one list per kind.

    Raises
    ------
    ValueError
        If the pool is too small to hold every kind.
    """
    if size < len(KINDS):
        raise ValueError(f"a pool needs at least {len(KINDS)} alerts, one of each kind, not {size}")
    counts = np.maximum(1, np.floor([k.share * size for k in KINDS])).astype(int)
    while counts.sum() > size:
        counts[counts.argmax()] -= 1
    while counts.sum() < size:
        counts[np.argmin(counts / [k.share for k in KINDS])] += 1
    rng = np.random.default_rng([seed, 0])
    return [[_draw(rng, kind) for _ in range(count)] for kind, count in zip(KINDS, counts, strict=True)]


def _draw(rng: np.random.Generator, kind: Kind) -> Model:
    times, bands, subject, errors = _observe(rng, kind)
    noisy = subject.change + rng.normal(size=times.size) * errors
    noisy[-1] = subject.change[-1]  # its own noise comes when the alert is varied
    static = np.array([subject.static[str(b)] for b in bands])
    sources = _sources(rng, kind, times, bands, noisy, errors, static)
    scene = _scene(rng, kind, str(bands[-1]), subject, float(errors[-1]))
    record: Record = {
        "diaSourceId": MODEL_ID,
        "observation_reason": f"pairs_{bands[-1]}_33.0",
        "target_name": "lowdust",
        "diaSource": sources[-1],
        **(
            _minor_planet(rng, sources[-1])
            if kind.solar_system
            else _object(rng, sources, times, bands, noisy, errors, static)
        ),
    }
    cutouts = render(rng, scene, MODEL_SKY)
    record.update(
        cutoutDifference=cutouts.difference, cutoutScience=cutouts.science, cutoutTemplate=cutouts.template
    )
    out = io.BytesIO()
    out.write(FRAME)
    fastavro.schemaless_writer(out, parsed_schema(), record)
    orbit = record.get("mpc_orbits")
    distance = orbit["a"] * (1 - orbit["e"] * rng.uniform(-1, 1)) if orbit else 0.0
    return Model(kind, str(bands[-1]), out.getvalue(), record, float(subject.change[-1]), float(distance))


def _observe(rng: np.random.Generator, kind: Kind) -> tuple[Floats, BandNames, Subject, Floats]:
    """Draw an object and its visits until the last of them detects it well."""
    for _ in range(_TRIES):
        times, bands = (
            past_visits(rng, kind.history_days) if kind.history_days else (np.empty(0), np.empty(0, "U1"))
        )
        times, bands = np.append(times, 0.0), np.append(bands, draw_bands(rng, 1))
        subject = kind.draw(rng, times, bands)
        science = subject.change + [subject.static[str(b)] for b in bands]
        errors = np.array([flux_error(f, str(b)) for f, b in zip(science, bands, strict=True)])
        errors *= np.exp(rng.normal(0.1, 0.15, errors.size))  # Moon, clouds, seeing
        if abs(subject.change[-1]) > (DETECTION + 0.5) * errors[-1]:
            return times, bands, subject, errors
    raise AssertionError(f"{_TRIES} draws of {kind.label} gave nothing that can be seen")


def _sources(
    rng: np.random.Generator,
    kind: Kind,
    times: Floats,
    bands: BandNames,
    flux: Floats,
    errors: Floats,
    static: Floats,
) -> list[Record]:
    """Make the detections, oldest first, the alert's own last."""
    detected = np.flatnonzero(np.abs(flux) > DETECTION * errors)[-_MAX_SOURCES - 1 :]
    sources = []
    for n in detected:
        source = dia_source(
            rng,
            identifier=MODEL_ID,
            object_id=0 if kind.solar_system else MODEL_ID,
            mjd=FIRST_NIGHT_MJD + float(times[n]),
            band=str(bands[n]),
            position=_near(rng, MODEL_SKY) if n != detected[-1] else MODEL_SKY,
            flux=float(flux[n]),
            error=float(errors[n]),
            static=float(static[n]),
            seeing=draw_seeing(rng, str(bands[n])),
            reliability=float(rng.beta(*kind.reliability)),
            extendedness=float(rng.beta(*kind.extendedness)),
        )
        if kind.shape == "dipole":
            make_dipole(rng, source)
        elif kind.shape == "spike":
            make_artefact(rng, source)
        sources.append(source)
    return sources


def _near(rng: np.random.Generator, sky: tuple[float, float]) -> tuple[float, float]:
    east, north = rng.normal(0, _SCATTER_DEG, 2)
    return sky[0] + east / np.cos(np.radians(sky[1])), sky[1] + north


def _scene(rng: np.random.Generator, kind: Kind, band: str, subject: Subject, error: float) -> Scene:
    middle = (STAMP_PIXELS - 1) / 2
    return Scene(
        band=band,
        shape=kind.shape,
        change=float(subject.change[-1]),
        static=subject.static[band],
        host=subject.host,
        error=error,
        x=middle + rng.uniform(-0.5, 0.5),
        y=middle + rng.uniform(-0.5, 0.5),
        angle=rng.uniform(-180, 180),
        seeing=draw_seeing(rng, band),
    )


def _object(
    rng: np.random.Generator,
    sources: list[Record],
    times: Floats,
    bands: BandNames,
    flux: Floats,
    errors: Floats,
    static: Floats,
) -> Record:
    """Make what an alert of an object outside the solar system holds besides its source."""
    position = MODEL_SKY if len(sources) == 1 else _near(rng, MODEL_SKY)
    first = sources[0]["midpointMjdTai"] - FIRST_NIGHT_MJD
    measured = np.flatnonzero((times >= first - 1) & (times < 0) & (len(sources) > 1))[-_MAX_FORCED:]
    forced = [
        forced_source(
            identifier=MODEL_ID,
            object_id=MODEL_ID,
            mjd=FIRST_NIGHT_MJD + float(times[n]),
            band=str(bands[n]),
            detector=int(rng.integers(0, 189)),
            position=position,
            flux=float(flux[n] + rng.normal(0, 0.2 * errors[n])),
            error=float(errors[n]),
            static=float(static[n]),
        )
        for n in measured
    ]
    return {
        "prvDiaSources": sources[:-1] or None,
        "prvDiaForcedSources": forced,
        "diaObject": dia_object(sources, position),
    }


def _minor_planet(rng: np.random.Generator, source: Record) -> Record:
    """Make what an alert of a solar-system object holds besides its source."""
    magnitude = AB_ZERO_POINT - 2.5 * np.log10(source["psfFlux"]) + 0.2
    source["ssObjectId"] = MODEL_SS_ID
    fields, absolute = solar_system.seen(*MODEL_SKY, FIRST_NIGHT_MJD, 2.5, magnitude)
    east, north = rng.normal(0, 0.02, 2)
    return {
        "ssSource": {
            **fields,
            "diaSourceId": MODEL_ID,
            "ssObjectId": MODEL_SS_ID,
            "designation": MODEL_DESIGNATION,
            "ephRa": MODEL_SKY[0],
            "ephDec": MODEL_SKY[1],
            "ephOffset": float(np.hypot(east, north)),
            "ephOffsetRa": east,
            "ephOffsetDec": north,
            "diaDistanceRank": 1,
        },
        "mpc_orbits": {**solar_system.mpc_orbit(rng, MODEL_DESIGNATION), "h": absolute},
    }
