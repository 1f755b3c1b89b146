"""The telescope of the simulated LSST, and how Rubin numbers its visits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skysieve.sources.simulation.telescope import Band, Floats, Telescope

# Depth, gamma and seeing are m5, γ and θ_eff of Table 2 of Ivezić et al. (2019, ApJ 873, 111). The pairs of bands
# stand about in the shares that the ten-year visits have in Table 1 there, and with the cadence of section 2.2.
LSST = Telescope(
    bands={
        b.name: b
        for b in (
            Band("u", 23.78, 0.038, 0.92, 367.0),
            Band("g", 24.81, 0.039, 0.87, 482.5),
            Band("r", 24.35, 0.039, 0.83, 622.2),
            Band("i", 23.92, 0.039, 0.80, 754.5),
            Band("z", 23.34, 0.039, 0.78, 869.1),
            Band("y", 22.45, 0.039, 0.76, 971.0),
        )
    },
    pixel_arcsec=0.2,
    floor=0.005,
    visit_seconds=34.0,  # 30 s open, then the shutter and the readout
    night_hours=8.5,
    shutter_seconds=0.4,
    first_mjd=61_345.04,  # about two hours after sunset at Cerro Pachón
    pairs=(("r", "i"), ("g", "r"), ("i", "z"), ("z", "y"), ("y", "i"), ("u", "r")),
    pair_visits=58,  # 33 minutes
    revisit_nights=3,
    field_radius=1.7,
    latitudes=(-45.0, -15.0),
    look_back_days=0.0,
    brighter=0.0,
)

_days = np.datetime64("2020-01-01") + np.arange(366 * 30)
_FIRST_DAY = int((_days[0] - np.datetime64("1858-11-17")).astype(int))
_DAY_OBS: NDArray[np.int64] = np.array(
    [int(day.replace("-", "")) for day in np.datetime_as_string(_days)], dtype=np.int64
)


def visit_of(mjd: Floats) -> NDArray[np.int64]:
    """Id of the visit at these times: the observing day as YYYYMMDD, then five digits of a number within it.

    The observing day changes at noon UTC−12 h, as in Rubin's own ids.

    Examples
    --------
    >>> visit_of(np.array([61345.04])).tolist()
    [2026103101372]
    """
    shifted = np.asarray(mjd) - 0.5
    day = np.floor(shifted)
    number = ((shifted - day) * 86400 / LSST.visit_seconds).astype(np.int64)
    return np.asarray(_DAY_OBS[day.astype(np.int64) - _FIRST_DAY] * 100_000 + number)
