"""An object as a telescope measures it, visit by visit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skysieve.sources.simulation.population import Kind, Subject
from skysieve.sources.simulation.telescope import BandNames, Floats, Rng, Telescope

DETECTION = 5.0  # sigma
SURE_DETECTION = 5.5  # sigma, without noise: so what gives an alert gives one with nearly any noise
MAX_PAST_DETECTIONS = 24
_TRIES = 400


@dataclass(frozen=True)
class Measured:
    """One object in all its visits: the past ones, then those of the stream in which it may be seen again.

    Attributes
    ----------
    days
        From its first alert.
    flux, error, static
        Difference flux, its error, and the template's flux, nJy. Noise is in the flux except where an alert comes
        from it: that has its own noise each time it is sent.
    sky_error
        Error of the flux where there is nothing, nJy.
    seeing
        FWHM, arcsec.
    detected
        Which visits detect it.
    alerts
        Numbers of the visits that give an alert, the first one at 0 days.
    start
        Number of the first of the visits in the stream.
    """

    kind: Kind
    subject: Subject
    days: Floats
    bands: BandNames
    flux: Floats
    error: Floats
    sky_error: Floats
    static: Floats
    seeing: Floats
    detected: NDArray[np.bool_]
    alerts: tuple[int, ...]
    start: int


def measure(rng: Rng, telescope: Telescope, kind: Kind, pair: int, second: int) -> Measured:
    """Draw an object, and its visits, until the first one in the stream detects it well.

    Parameters
    ----------
    rng
        Where the randomness comes from.
    telescope
        What looks at it.
    kind
        What to draw.
    pair, second
        Where it is seen first: in which pair of bands, and in which visit of the two.
    """
    for _ in range(_TRIES):
        found = _measure(rng, telescope, kind, pair, second)
        if found:
            return found
    raise AssertionError(f"{_TRIES} draws of {kind.label} gave nothing that can be seen")


def _measure(rng: Rng, telescope: Telescope, kind: Kind, pair: int, second: int) -> Measured | None:
    past, past_bands = telescope.past_visits(rng, max(kind.history_days, telescope.look_back_days))
    coming, coming_bands = telescope.visits_to_come(pair, second)
    days, bands = np.append(past, coming), np.append(past_bands, coming_bands)
    start = past.size
    subject = kind.draw(rng, telescope, days, bands)
    static = np.array([subject.static[str(b)] for b in bands])
    error = np.array(
        [telescope.flux_error(f, str(b)) for f, b in zip(static + subject.change, bands, strict=True)]
    )
    sky_error = np.array([telescope.flux_error(0.0, str(b)) for b in bands])
    worse = np.exp(rng.normal(0.1, 0.15, error.size))  # Moon, clouds, seeing
    error, sky_error = worse * error, worse * sky_error
    strength = np.abs(subject.change) / error
    if strength[start] < SURE_DETECTION:
        return None
    flux = subject.change + rng.normal(size=days.size) * error
    alerts = start + np.flatnonzero(strength[start:] >= SURE_DETECTION)
    flux[alerts] = subject.change[alerts]
    missed = np.setdiff1d(np.arange(start, days.size), alerts)
    limit = 0.99 * DETECTION * error[missed]
    flux[missed] = np.clip(flux[missed], -limit, limit)  # a detection would have given an alert
    detected = np.abs(flux) > DETECTION * error
    if not kind.history_days:
        detected[:start] = False
    earlier = np.flatnonzero(detected[:start])
    detected[earlier[:-MAX_PAST_DETECTIONS]] = False
    seeing = np.array([telescope.draw_seeing(rng, str(b)) for b in bands])
    return Measured(
        kind,
        subject,
        days,
        bands,
        flux,
        error,
        sky_error,
        static,
        seeing,
        detected,
        tuple(alerts.tolist()),
        start,
    )
