"""The records of an alert packet, as plain values: candidate, prv_candidates, fp_hists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skysieve.packets import ztf_schema
from skysieve.sources.simulation.measured import Measured
from skysieve.sources.simulation.telescope import AB_ZERO_POINT, Rng, magnitude_of
from skysieve.sources.simulation.ztf.neighbours import NONE, Neighbours, catalogue_fields, reference_source
from skysieve.sources.simulation.ztf.telescope import FILTER_IDS, ZTF

Record = dict[str, Any]

_ZERO_POINTS = {"g": 26.25, "r": 26.30, "i": 25.65}
_COLOUR_TERMS = {"g": -0.05, "r": 0.09, "i": 0.01}
_PS1_STARS = {"g": 220, "r": 240, "i": 200}
_APERTURE_NOISE = 1.6  # in a wide aperture, over that of the PSF fit
_CLASSIFIER = "simulated"
_LIMIT_NULL = [
    name
    for (record, name), field in ztf_schema.fields().items()
    if record == "prv_candidate" and field.null and ztf_schema.fields()["candidate", name].since == "1.8"
]


@dataclass(frozen=True, slots=True)
class Image:
    """One exposure of a readout channel; limit is the 5 sigma magnitude."""

    band: str
    zero_point: float
    seeing_pixels: float
    limit: float
    sky: float

    def counts(self, flux: float) -> float:
        """Turn a flux (nJy) into counts (DN)."""
        return float(flux * 10 ** (-0.4 * (AB_ZERO_POINT - self.zero_point)))


def image(rng: Rng, measured: Measured, visit: int) -> Image:
    """Draw what is the same for everything on the image of a visit."""
    band = str(measured.bands[visit])
    return Image(
        band,
        float(_ZERO_POINTS[band] + rng.normal(0, 0.05)),
        float(measured.seeing[visit] / ZTF.pixel_arcsec),
        float(magnitude_of(5 * measured.sky_error[visit])),
        float(rng.uniform(100, 300)),
    )


def _calibration(shown: Image) -> Record:
    return {
        "diffmaglim": shown.limit,
        "fid": FILTER_IDS[shown.band],
        "programid": 1,
        "magzpsci": shown.zero_point,
        "magzpsciunc": 6e-6,
        "magzpscirms": 0.025,
        "clrcoeff": _COLOUR_TERMS[shown.band],
        "clrcounc": 1e-5,
    }


def upper_limit(shown: Image) -> Record:
    """Make the row of a visit that detected nothing; where and when it was is filled in later."""
    return {
        **dict.fromkeys(_LIMIT_NULL),
        **_calibration(shown),
        "programpi": "Kulkarni",
        "rbversion": _CLASSIFIER,
    }


def forced(rng: Rng, shown: Image, flux: float, error: float, neighbours: Neighbours) -> Record:
    """Make the row of a forced measurement, of a flux in nJy."""
    return {
        **_calibration(shown),
        **reference_source(neighbours, shown.band),
        "sciinpseeing": shown.seeing_pixels,
        "scibckgnd": shown.sky,
        "scisigpix": float(np.sqrt(shown.sky / 5 + 4)),
        "exptime": 30.0,
        "adpctdif1": float(rng.uniform(0.05, 0.12)),
        "adpctdif2": float(rng.uniform(0.05, 0.12)),
        "forcediffimflux": shown.counts(flux),
        "forcediffimfluxunc": shown.counts(error),
        "procstatus": "0",
    }


def detection(rng: Rng, shown: Image, measured: Measured, visit: int, neighbours: Neighbours) -> Record:
    """Make the row of a detection; where and when it was, and its ids, are filled in later."""
    kind, flux, error = measured.kind, float(measured.flux[visit]), float(measured.error[visit])
    snr = abs(flux) / error
    magnitude, sigma = float(magnitude_of(abs(flux))), 1.0857 / snr
    aperture = magnitude + float(np.clip(rng.normal(0.02, sigma), -0.5, 0.5))
    elongation = 1 + rng.gamma(2, 0.05 if kind.shape != "spike" else 0.5)
    width = shown.seeing_pixels * (0.6 if kind.shape == "spike" else rng.uniform(0.95, 1.3))
    dipole = kind.shape == "dipole"
    x, y = rng.uniform(35, 3035, 2).tolist(), rng.uniform(35, 3040, 2).tolist()
    near = reference_source(neighbours, shown.band)
    return {
        **upper_limit(shown),
        **near,
        "distnr": near["distnr"] / ZTF.pixel_arcsec,
        "isdiffpos": "t" if flux > 0 else "f",
        "xpos": x[0],
        "ypos": y[0],
        "magpsf": magnitude,
        "sigmapsf": sigma,
        "chipsf": float((8 if dipole else 1) * rng.gamma(8, 0.2)),
        "magap": aperture,
        "sigmagap": _APERTURE_NOISE * sigma,
        "sky": float(rng.normal(0, 0.3)),
        "magdiff": aperture - magnitude,
        "fwhm": width,
        "classtar": float(rng.beta(20, 1.5) if kind.shape != "spike" else rng.beta(2, 2)),
        "mindtoedge": min(x[0], y[0], 3072 - x[0], 3080 - y[0]),
        "magfromlim": shown.limit - aperture,
        "seeratio": width / shown.seeing_pixels,
        "aimage": 0.4 * width * elongation**0.5,
        "bimage": 0.4 * width / elongation**0.5,
        "aimagerat": 0.4 * elongation**0.5,
        "bimagerat": 0.4 / elongation**0.5,
        "elong": elongation,
        "nneg": int(rng.integers(6, 12) if dipole else rng.poisson(max(8 / snr - 0.4, 0))),
        "nbad": 0,
        "rb": float(np.sqrt(rng.beta(*kind.reliability)) * rng.uniform(0.7, 1)),
        "ssdistnr": NONE,
        "ssmagnr": NONE,
        "ssnamenr": "null",
        "sumrat": float(rng.uniform(0.3, 0.7) if dipole else 1 - 0.5 * rng.uniform() / snr),
        "magapbig": aperture - 0.01,
        "sigmagapbig": 1.2 * _APERTURE_NOISE * sigma,
        "scorr": 0.95 * snr,
    }


def candidate(rng: Rng, row: Record, measured: Measured, alerts: int, neighbours: Neighbours) -> Record:
    """Make the candidate of an alert, the object's so many-th one, from the row of its detection."""
    now = measured.alerts[alerts - 1]
    seen_before = int(measured.detected[: now + 1].sum())
    band, snr = str(measured.bands[now]), row["scorr"] / 0.95
    return {
        **row,
        **catalogue_fields(neighbours),
        "drb": float(rng.beta(*measured.kind.reliability)),
        "drbversion": _CLASSIFIER,
        "ndethist": 1 if measured.kind.solar_system else seen_before,
        "ncovhist": 400 + now,
        "tooflag": 0,
        "jdstartref": 2_458_246.9,
        "jdendref": 2_458_430.6,
        "nframesref": 15,
        "dsnrms": 2.2 * snr,
        "ssnrms": 4.5 * snr,
        "dsdiff": -2.3 * snr,
        "nmatches": int(rng.poisson(_PS1_STARS[band])),
        "zpclrcov": -5e-6,
        "zpmed": row["magzpsci"] + 0.06,
        "clrmed": 0.62,
        "clrrms": 0.2,
        "exptime": 30.0,
    }
