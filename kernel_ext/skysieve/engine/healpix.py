"""HEALPix cells of positions as an expression of Spark, which it compiles: no Python for grouping and joining by place.

The nested scheme of Górski et al. 2005, ApJ 622, 759.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F  # noqa: N812


def cell(ra: SparkColumn, dec: SparkColumn, order: int) -> SparkColumn:
    """The cell (nested) that holds a position.

    Parameters
    ----------
    ra, dec
        Degrees.
    order
        Of the cells, 0 to 29: there are 12 · 4^order.

    Returns
    -------
    Column
        A BIGINT; NULL where the position is none on the sky.
    """
    side, lon, lat = 1 << order, ra.cast("double"), dec.cast("double")
    # in quarters of a turn
    place = F.struct(
        F.pmod(lon / 90, F.lit(4.0)).alias("turn"), F.sin(F.radians(lat)).alias("z"), lat.alias("lat")
    )
    found = _let(
        place, lambda at: _let(_where(at["turn"], at["z"], at["lat"], side), lambda w: _index(w, side))
    )
    return F.when((F.abs(lon) < 1e9) & (F.abs(lat) <= 90), found)


def _let(value: SparkColumn, use: Callable[[SparkColumn], SparkColumn]) -> SparkColumn:
    """What is made of a value that is computed once, however often it is used: Spark would copy the expression."""
    return F.transform(F.array(value), use)[0]


def _where(turn: SparkColumn, z: SparkColumn, lat: SparkColumn, side: int) -> SparkColumn:
    """Face, column and row of a position."""
    quarter = F.least(F.lit(3.0), F.floor(turn).cast("double"))
    # near a pole 1 - |z| loses its digits
    width = side * 3**0.5 * F.cos(F.radians(lat)) / F.sqrt(1 + F.abs(z))
    left, right = (
        F.least(F.lit(side - 1), F.floor(part * width)) for part in (turn - quarter, 1 - turn + quarter)
    )
    north = _place(quarter, side - 1 - right, side - 1 - left)
    south = _place(quarter + 8, left, right)
    return F.when(F.abs(z) <= 2 / 3, _belt(turn, z, side)).when(z > 0, north).otherwise(south)


def _belt(turn: SparkColumn, z: SparkColumn, side: int) -> SparkColumn:
    """The same between the polar caps."""
    lines = F.struct(
        F.floor(side * (0.5 + turn - 0.75 * z)).cast("bigint").alias("falls"),
        F.floor(side * (0.5 + turn + 0.75 * z)).cast("bigint").alias("rises"),
    )
    return _let(lines, lambda both: _crossing(both["falls"], both["rises"], side))


def _crossing(falls: SparkColumn, rises: SparkColumn, side: int) -> SparkColumn:
    a, b = F.floor(falls / side).cast("bigint"), F.floor(rises / side).cast("bigint")
    face = F.when(a == b, a.bitwiseOR(F.lit(4).cast("bigint"))).when(a < b, a).otherwise(b + 8)
    return _place(face, rises - b * side, side - 1 - (falls - a * side))


def _place(face: SparkColumn, x: SparkColumn, y: SparkColumn) -> SparkColumn:
    """One of the twelve faces of the sphere, and column and row in it."""
    return F.struct(*(v.cast("bigint").alias(n) for n, v in (("face", face), ("x", x), ("y", y))))


def _index(where: SparkColumn, side: int) -> SparkColumn:
    """The bits of column and row, one of each in turn: their binary digits, read as those of a number to base 4."""
    x, y = (F.conv(F.bin(where[name]), 4, 10).cast("bigint") for name in ("x", "y"))
    return where["face"] * F.lit(side * side).cast("bigint") + x + 2 * y
