"""Which alerts can be near an object of a small catalogue: Spark looks that up itself, and spares Python all others.

The sky is cut into zones of declination and each into bins of right ascension (Gray, Nieto-Santisteban & Szalay 2006,
MSR-TR-2006-52), by sums and products alone, so that Java and numpy agree on every digit. HEALPix cells would do as
well, for ten times as many expressions in the plan of each micro-batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from skysieve.enrich.positions import Floats, Integers

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

FILE = "bins.parquet"
_MOST = 200_000
"""Objects of a catalogue whose bins every micro-batch reads and sends to the workers."""
_HEIGHT = 4
"""Of a zone, in radii: most circles touch a bin or two."""
_LOWEST = 10 / 3600
"""Degrees."""
_FULL = 0.2
"""A share of the sky beyond which it helps little to know the bins."""
_MARGIN = 1e-7
"""Degrees by which circles are widened: more than a position loses where it is reckoned in another way."""


def write(folder: Path, ra: Floats, dec: Floats, radius: Floats) -> int:
    """Write the bins that some circles touch (degrees); gives the number of zones, 0 where that would help little."""
    if not 0 < len(ra) <= _MOST:
        return 0
    zones = int(180 / max(_LOWEST, _HEIGHT * float(radius.max())))
    if (found := bins(ra, dec, radius, zones)) is None:
        return 0
    pq.write_table(pa.table({"bin": found}), folder / FILE)
    return zones


def bins(ra: Floats, dec: Floats, radius: Floats, zones: int) -> Integers | None:
    """The bins that circles touch, each once; None where they are too large a share of all."""
    reach = radius + _MARGIN
    is_polar = np.abs(dec) + reach >= 90
    wide = np.full(len(ra), 180.0)
    side = np.sin(np.radians(reach[~is_polar])) / np.cos(np.radians(dec[~is_polar]))
    wide[~is_polar] = np.degrees(np.arcsin(np.minimum(side, 1.0))) + _MARGIN
    low, high = (np.clip((dec + s * reach + 90.0) * (zones / 180), 0, zones - 1) for s in (-1, 1))
    lowest, highest = low.astype(np.int64), high.astype(np.int64)
    rows = highest - lowest + 1
    which = np.repeat(np.arange(len(ra)), rows)
    zone = lowest[which] + _count(rows)
    middle = (2.0 * zone + 1.0) / zones - 1.0
    number = np.floor(2.0 * zones * (1.0 - middle * middle)) + 1.0
    first, last = (np.floor((ra[which] + s * wide[which]) * number / 360.0) for s in (-1, 1))
    columns = np.minimum(last - first + 1, number).astype(np.int64)
    if columns.sum() > _FULL * zones**2:
        return None
    each = np.repeat(np.arange(len(zone)), columns)
    column = np.mod(first[each] + _count(columns), number[each])
    return np.unique(zone[each] * (4 * zones) + column.astype(np.int64))


def near(alerts: DataFrame, name: str, ra: str, dec: str, folder: str, zones: int) -> DataFrame:
    """Alerts with a column of that name: whether one can be near an object.

    Parameters
    ----------
    alerts
        Decoded, with their positions (degrees) in the columns ``ra`` and ``dec``.
    folder, zones
        Where :func:`write` wrote, and what it gave.
    """
    from pyspark.sql import functions as F  # noqa: N812

    known = alerts.sparkSession.read.schema("bin BIGINT").parquet(f"{folder}/{FILE}")
    key = f"{name}.bin"
    found = alerts.join(
        F.broadcast(known.select(F.col("bin").alias(key))), _bin(ra, dec, zones) == F.col(f"`{key}`"), "left"
    )
    return found.withColumn(name, F.col(f"`{key}`").isNotNull()).drop(key)


def _bin(ra: str, dec: str, zones: int) -> SparkColumn:
    """The same for a position of an alert; NULL or of no meaning where that is none."""
    from pyspark.sql import functions as F  # noqa: N812

    lon, lat = F.pmod(F.col(f"`{ra}`").cast("double"), F.lit(360.0)), F.col(f"`{dec}`").cast("double")
    zone = F.least(F.floor((lat + 90.0) * (zones / 180)), F.lit(zones - 1))
    middle = (zone * 2.0 + 1.0) / zones - 1.0
    number = F.floor((1.0 - middle * middle) * (2.0 * zones)) + 1.0
    return zone * (4 * zones) + F.floor(lon * number / 360.0)


def _count(numbers: Integers) -> Integers:
    """0, 1, 2 … as often as each number says, one after the other."""
    found: Integers = np.arange(numbers.sum()) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    return found
