"""What an alert of a solar-system object holds besides its source: ssSource and mpc_orbits."""

from __future__ import annotations

import math

import numpy as np

from skysieve.sources.simulation.lsst.records import Record, field_types
from skysieve.sources.simulation.solar_system import GAUSS, SLOPE, absolute_magnitude, seen
from skysieve.sources.simulation.telescope import Rng

MODEL_DESIGNATION = "000000000 S-S"  # as long as those that take its place


def minor_planet(
    rng: Rng, source: Record, place: tuple[float, float], mjd: float, distance: float, magnitude: float
) -> Record:
    """Make both records, of an asteroid of a magnitude (V) at a place (degrees) and distance (au)."""
    absolute = absolute_magnitude(*place, mjd, distance, magnitude)
    east, north = rng.normal(0, 0.02, 2)
    return {
        "ssSource": {
            **seen(*place, mjd, distance, absolute),
            "diaSourceId": source["diaSourceId"],
            "ssObjectId": source["ssObjectId"],
            "designation": MODEL_DESIGNATION,
            "ephRa": place[0],
            "ephDec": place[1],
            "ephOffset": float(np.hypot(east, north)),
            "ephOffsetRa": east,
            "ephOffsetDec": north,
            "diaDistanceRank": 1,
        },
        "mpc_orbits": mpc_orbit(rng, distance, absolute),
    }


def mpc_orbit(rng: Rng, distance: float, absolute: float) -> Record:
    """Draw an orbit that can lead to a distance from the Sun (au), of an absolute magnitude."""
    e = rng.rayleigh(0.1) % 0.3
    a = distance / (1 - e * rng.uniform(-1, 1))
    motion = math.degrees(GAUSS) * a**-1.5
    arc = float(rng.uniform(500, 12_000))
    number = int(rng.integers(30, 500))
    uncertain = {name: 0.0 for name in field_types("mpc_orbits", 1000) if name.endswith("_unc")}
    none = dict.fromkeys(("yarkovsky", "srp", "a1", "a2", "a3", "dt", "not_normalized_rms"), 0.0)
    return {
        **uncertain,
        **none,
        "id": 0,
        "designation": MODEL_DESIGNATION,
        "packed_primary_provisional_designation": MODEL_DESIGNATION,
        "unpacked_primary_provisional_designation": MODEL_DESIGNATION,
        "orbit_type_int": 11,
        "u_param": 0,
        "nopp": int(rng.integers(3, 20)),
        "arc_length_total": arc,
        "arc_length_sel": arc,
        "nobs_total": number,
        "nobs_total_sel": number,
        "a": a,
        "q": a * (1 - e),
        "e": e,
        "i": rng.rayleigh(6.0),
        "node": rng.uniform(0, 360),
        "argperi": rng.uniform(0, 360),
        "peri_time": rng.uniform(61_000, 62_500),
        "mean_anomaly": rng.uniform(0, 360),
        "period": 360 / motion,
        "mean_motion": motion,
        "a_unc": 5e-8,
        "q_unc": 3e-7,
        "e_unc": 1e-7,
        "i_unc": 5e-6,
        "epoch_mjd": 61_000.0,
        "h": absolute,
        "g": SLOPE,
        "normalized_rms": rng.uniform(0.3, 0.9),
        "earth_moid": max(a * (1 - e) - 1.01, 0.01),
    }
