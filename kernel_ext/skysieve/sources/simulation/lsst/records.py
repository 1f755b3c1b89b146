"""The records of an alert packet, as plain values: diaSource, diaForcedSource, diaObject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from skysieve.packets.lsst_schemas import load, schema_files
from skysieve.sources.simulation.lsst.telescope import LSST, visit_of
from skysieve.sources.simulation.telescope import Floats, Rng

PROCESSING_DAYS = 0.0018  # from the middle of a visit to the alert, as in the real alerts of spring 2026
Record = dict[str, Any]

_PSF_PIXELS = 1681
_SHAPE_FAILS = 0.12  # parts of the real sources whose shape, trail and extendedness are null
_SHAPE_NAN = 0.03


@cache
def field_types(name: str, version: int) -> Mapping[str, Any]:
    """Avro type of every field of a record of the alert schema.

    Examples
    --------
    >>> field_types("diaSource", 1000)["snr"]
    ['null', 'float']
    """
    types = [f["type"] for f in load(version)["fields"] if f["name"] == name]
    record = types[0][1] if isinstance(types[0], list) else types[0]
    record = record["items"] if record["type"] == "array" else record
    return {f["name"]: f["type"] for f in record["fields"]}


@cache
def _flags() -> Mapping[str, bool]:
    newest = max(schema_files())
    return {name: False for name, kind in field_types("diaSource", newest).items() if "boolean" in kind}


def dia_source(
    rng: Rng,
    *,
    identifier: int,
    object_id: int,
    mjd: float,
    band: str,
    position: tuple[float, float],
    flux: float,
    error: float,
    static: float,
    seeing: float,
    reliability: float,
    extendedness: float,
) -> Record:
    """Make a detection on a difference image; fluxes in nJy, position in degrees, seeing in arcsec."""
    snr = abs(flux) / error
    width = seeing / 2.355
    centroid = width / snr  # King 1983, PASP 95, 163: the error of a centre is the PSF's width over the S/N
    ra, dec = position
    declination = np.cos(np.radians(dec))
    second_moment = width**2
    shape = None if rng.random() < _SHAPE_FAILS else (np.nan if rng.random() < _SHAPE_NAN else 1.0)
    trail = None if shape is None else 1.0
    ra_error, dec_error = (
        centroid / 3600 / declination * rng.uniform(0.9, 1.1),
        centroid / 3600 * rng.uniform(0.9, 1.1),
    )

    def moment(scale: float, spread: float) -> float | None:
        return None if shape is None else float(shape * rng.normal(scale, spread))

    return {
        **_flags(),
        "diaSourceId": identifier,
        "visit": int(visit_of(np.array([mjd]))[0]),
        "detector": int(rng.integers(0, 189)),
        "diaObjectId": object_id,
        "ssObjectId": None,
        "parentDiaSourceId": 0,
        "midpointMjdTai": mjd,
        "ra": ra,
        "raErr": ra_error,
        "dec": dec,
        "decErr": dec_error,
        "ra_dec_Cov": ra_error * dec_error * rng.uniform(-0.3, 0.3),
        "x": rng.uniform(20, 4050),
        "xErr": centroid / LSST.pixel_arcsec,
        "y": rng.uniform(20, 3980),
        "yErr": centroid / LSST.pixel_arcsec,
        "apFlux": flux + rng.normal(0, 2 * error),
        "apFluxErr": 2.3 * error,
        "isNegative": flux < 0,
        "snr": snr,
        "psfFlux": flux,
        "psfFluxErr": error,
        "psfChi2": _PSF_PIXELS * rng.normal(1.02, 0.04) + 0.3 * snr**1.5,
        "psfNdata": _PSF_PIXELS,
        "trailFlux": trail and flux * rng.normal(1.1, 0.05),
        "trailFluxErr": trail and 0.05 * error,
        "trailRa": trail and ra + rng.normal(0, 1e-5),
        "trailDec": trail and dec + rng.normal(0, 1e-5),
        "trailLength": moment(0.98, 0.3),
        "trailAngle": trail and rng.uniform(-180, 180),
        "trailNdata": 0,
        "dipoleNdata": 0,
        "scienceFlux": static + flux + rng.normal(0, 0.3 * error),
        "scienceFluxErr": error,
        "templateFlux": static + rng.normal(0, 0.05 * error),
        "templateFluxErr": 0.06 * error,
        "ixx": moment(second_moment, 0.2 * second_moment),
        "iyy": moment(second_moment, 0.2 * second_moment),
        "ixy": moment(0.0, 0.1 * second_moment),
        "ixxPSF": second_moment * rng.normal(1, 0.05),
        "iyyPSF": second_moment * rng.normal(1, 0.05),
        "ixyPSF": second_moment * rng.normal(0, 0.03),
        "shape_flag": shape is None,
        "extendedness": None if shape is None else extendedness,
        "reliability": reliability,
        "band": band,
        "timeProcessedMjdTai": mjd + PROCESSING_DAYS,
        "bboxSize": int(min(9 + 3 * np.log2(snr), 40)),
        # The next three since v11.1; the writer leaves out what a version does not have.
        "exposureTime": 30.0,
        "trailAlgorithm": trail and 1,
        "reliabilityVersion": "simulated",
    }


def make_dipole(rng: Rng, source: Record) -> None:
    """Give a source the measurements of a dipole fit."""
    flux = abs(source["templateFlux"]) or 1.0
    source.update(
        isDipole=True,
        dipoleFitAttempted=True,
        dipoleMeanFlux=flux * rng.uniform(0.9, 1.1),
        dipoleMeanFluxErr=0.75 * source["psfFluxErr"],
        dipoleFluxDiff=abs(source["psfFlux"]),
        dipoleFluxDiffErr=1.5 * source["psfFluxErr"],
        dipoleLength=rng.gamma(4, 0.013),
        dipoleAngle=rng.uniform(-180, 180),
        dipoleChi2=rng.gamma(4, 400),
        dipoleNdata=int(rng.integers(500, 2500)),
    )


def make_artefact(rng: Rng, source: Record) -> None:
    """Give a source the flags of a false detection; at a detector's edge its aperture flux is NaN."""
    cause = rng.choice(["cr", "streak", "saturated", "edge", "none"], p=[0.3, 0.15, 0.15, 0.15, 0.25])
    if cause == "edge":
        source.update(
            pixelFlags_edge=True,
            pixelFlags_nodata=True,
            apFlux_flag=True,
            apFlux=np.nan,
            apFluxErr=np.nan,
            x=21.5,
        )
        source["apFlux_flag_apertureTruncated"] = True
    elif cause != "none":
        source[f"pixelFlags_{cause}"] = source[f"pixelFlags_{cause}Center"] = True
        source["pixelFlags_interpolated"] = bool(cause == "cr")


def forced_source(
    *,
    identifier: int,
    object_id: int,
    mjd: float,
    band: str,
    detector: int,
    position: tuple[float, float],
    flux: float,
    error: float,
    static: float,
) -> Record:
    """Make a flux measured at an object's place in a visit, whether it was detected or not."""
    return {
        "diaForcedSourceId": identifier,
        "diaObjectId": object_id,
        "ra": position[0],
        "dec": position[1],
        "visit": int(visit_of(np.array([mjd]))[0]),
        "detector": detector,
        "psfFlux": flux,
        "psfFluxErr": error,
        "midpointMjdTai": mjd,
        "scienceFlux": static + flux,
        "scienceFluxErr": error,
        "band": band,
        "timeProcessedMjdTai": mjd + PROCESSING_DAYS,
        "timeWithdrawnMjdTai": None,
    }


def dia_object(sources: Sequence[Record], position: tuple[float, float]) -> Record:
    """Make the object that all these sources belong to, oldest first; the last one is the alert's own.

    Aggregates are worked out for every band. Forced-photometry means are null, as in Rubin's alerts so far.
    """
    newest = sources[-1]
    by_band = [[s for s in sources if s["band"] == b] for b in LSST.bands]
    counted = {f"{b}_psfFluxNdata": len(own) for b, own in zip(LSST.bands, by_band, strict=True)}
    aggregated = {
        f"{b}_{name}": value
        for b, own in zip(LSST.bands, by_band, strict=True)
        if own
        for name, value in aggregates(*(np.array([s[f] for s in own]) for f in AGGREGATED)).items()
    }
    return {
        "diaObjectId": newest["diaObjectId"],
        "validityStartMjdTai": newest["timeProcessedMjdTai"],
        "ra": position[0],
        "raErr": newest["raErr"] / len(sources) ** 0.5,
        "dec": position[1],
        "decErr": newest["decErr"] / len(sources) ** 0.5,
        "ra_dec_Cov": newest["ra_dec_Cov"] / len(sources),
        "firstDiaSourceMjdTai": sources[0]["midpointMjdTai"],
        "lastDiaSourceMjdTai": newest["midpointMjdTai"],
        "nDiaSources": len(sources),
        **counted,
        **aggregated,
    }


AGGREGATED = ("midpointMjdTai", "psfFlux", "psfFluxErr", "scienceFlux", "scienceFluxErr")


def aggregates(
    mjd: Floats, flux: Floats, error: Floats, science: Floats, science_error: Floats
) -> dict[str, float | None]:
    """Statistics of one band's sources, under the names that a diaObject has for them, without the band.

    Examples
    --------
    >>> error = np.ones(2)
    >>> found = aggregates(np.array([1.0, 3.0]), np.array([4.0, 6.0]), error, np.array([9.0, 9.0]), error)
    >>> found["psfFluxMean"], round(found["psfFluxSigma"], 3), found["psfFluxMaxSlope"]
    (5.0, 1.414, 1.0)
    """
    weight, science_weight = error**-2, science_error**-2
    several = mjd.size > 1
    return {
        "psfFluxMean": float((weight * flux).sum() / weight.sum()),
        "psfFluxMeanErr": float(weight.sum() ** -0.5),
        "psfFluxSigma": float(flux.std(ddof=1)) if several else None,
        "scienceFluxMean": float((science_weight * science).sum() / science_weight.sum()),
        "scienceFluxMeanErr": float(science_weight.sum() ** -0.5),
        "psfFluxMin": float(flux.min()),
        "psfFluxMax": float(flux.max()),
        "psfFluxMaxSlope": float((np.diff(flux) / np.diff(mjd)).max()) if several else None,
        "psfFluxErrMean": float(error.mean()),
    }
