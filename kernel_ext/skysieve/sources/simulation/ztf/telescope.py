"""The telescope of the simulated ZTF, and how the survey numbers nights, images and candidates."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from skysieve.sources.simulation.telescope import Band, Floats, Telescope

# Depth and seeing are the medians of Bellm et al. (2019, PASP 131, 018002), whose Table 1 also has the camera's scale;
# the cadence is that of its public survey since 2020 (g and r in a night, every second night). The error of the
# calibration is within the 8 to 25 mmag of Masci et al. (2019, PASP 131, 018003).
ZTF = Telescope(
    bands={
        b.name: b
        for b in (
            Band("g", 20.8, 0.039, 2.1, 474.7),
            Band("r", 20.6, 0.039, 2.0, 644.8),
            Band("i", 19.9, 0.039, 2.1, 788.1),
        )
    },
    pixel_arcsec=1.01,
    floor=0.02,
    visit_seconds=40.0,  # 30 s open, then the readout and the way to the next field
    night_hours=9.0,
    shutter_seconds=0.0,  # an exposure has one time in its packets
    first_mjd=61_345.11,  # about an hour and a half after sunset at Palomar
    pairs=(("g", "r"), ("r", "g"), ("g", "r"), ("i", "r")),
    pair_visits=45,  # half an hour
    revisit_nights=2,
    field_radius=3.4,
    latitudes=(-20.0, 45.0),
    look_back_days=30.0,
    brighter=3.75,
)
FILTER_IDS = {"g": 1, "r": 2, "i": 3}
PROCESSING_ID_NOUGHT = 2_457_754.5  # Julian date of the beginning of night 0

_JD_OF_MJD = 2_400_000.5
_TAI_MINUS_UTC_DAYS = 37 / 86400  # no leap second since 2017
_HALF_EXPOSURE_DAYS = 15 / 86400
_EPOCH_JD = 2_440_587.5  # 1970-01-01


def jd_of(mjd: Floats | float) -> Floats:
    """Julian date (UTC) at which the exposure began whose middle is at these times (MJD, TAI).

    Examples
    --------
    >>> round(float(jd_of(61_345.11)), 4)
    2461345.6094
    """
    return np.asarray(mjd) + (_JD_OF_MJD - _TAI_MINUS_UTC_DAYS - _HALF_EXPOSURE_DAYS)


def processing_id(jd: Floats, rcid: int) -> NDArray[np.int64]:
    """Id of an image of one readout channel: night, five digits of the part of the day, channel, and 15.

    Examples
    --------
    >>> processing_id(np.array([2460449.8784606]), 21).tolist()  # a real one
    [2695378462115]
    """
    hundred_thousandths = np.floor((np.asarray(jd) - PROCESSING_ID_NOUGHT) * 1e5).astype(np.int64)
    return np.asarray(hundred_thousandths * 10_000 + rcid * 100 + 15)


def candidate_id(
    pid: NDArray[np.int64], positive: NDArray[np.bool_], tblid: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Id of a candidate: its image's, 015 or 010 where it is brighter or fainter, and its number in the image.

    Examples
    --------
    >>> candidate_id(np.array([2695378462115]), np.array([False]), np.array([12])).tolist()  # a real one
    [2695378462115010012]
    """
    return np.asarray(pid * 1_000_000 + np.where(positive, 15_000, 10_000) + tblid)


def date_digits(jd: float) -> str:
    """Date, and six digits of the part of the day, as they stand in the names of images.

    Examples
    --------
    >>> date_digits(2460449.8784606)
    '20240519378460'
    """
    day, part = divmod(jd - _EPOCH_JD, 1.0)
    return f"{_date(int(day))}{int(part * 1e6):06d}"


@cache
def _date(days: int) -> str:
    """Date that is so many days after the first of 1970."""
    return str(np.datetime64(0, "D") + days).replace("-", "")


def field_at(ra: float, dec: float) -> int:
    """Number of a field of 7.3 degrees, counted from the south pole; three digits, but not in ZTF's own order.

    Examples
    --------
    >>> field_at(150.0, -30.0) < field_at(150.0, 30.0)
    True
    """
    return 150 + int((dec + 90) / 7.3) * 32 + int(ra / 360 * 32)
